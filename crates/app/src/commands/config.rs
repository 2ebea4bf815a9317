//! `forebay config`: whether a configuration is right, and what it comes to.
//!
//! Reads and prints; asks the network nothing, and of the data directory only whether it is there.

use std::io::ErrorKind;
use std::path::Path;

use forebay_config::{
    Authorize, Config, CredentialSource, Environment, Sources, as_json, as_toml, load, notes,
    schema, show,
};
use forebay_limits::counted;
use forebay_server::{has_other_files, is_data_dir, rehearse};
use forebay_terminal::{
    EXIT_CODES, ExitStatus, Failure, ListenArgs, Printer, SourceArgs, with_exit_codes,
};

/// Checks the configuration, shows what it comes to, or helps to write it
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    Check(CheckArgs),
    Show(ShowArgs),
    Schema(SchemaArgs),
}

/// Says whether the configuration is right: what is wrong, with its place and what to do
///
/// All of it at once: keys, values, and what does not go together, as far as it could be read. Of a configuration that is right,
/// notes tell what does nothing, or more than it seems to.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Example:\n  forebay config check --config /etc/forebay/forebay.toml"))]
struct CheckArgs {
    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    listen: ListenArgs,
}

/// Shows each effective value and where it came from: default, file and line, env, or flag
///
/// The text form is TOML that could be written into a file. Secrets are not shown: *** stands for them, in a comment.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Example:\n  FOREBAY_CACHE__MAX_SIZE=20GiB forebay config show --config forebay.toml"))]
struct ShowArgs {
    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    listen: ListenArgs,

    /// Print a JSON list of {"key", "value", "from"}
    #[arg(long)]
    json: bool,
}

/// Prints a JSON schema of the configuration file, with which editors complete and check it
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Example:\n  forebay config schema > forebay.schema.json"))]
struct SchemaArgs {}

/// Runs `config check`, `config show` or `config schema`.
///
/// # Errors
/// What is wrong with the configuration.
pub(super) fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    match args.action {
        Action::Check(args) => {
            let sources = args.source.sources(args.listen, environment);
            let config = load(&sources)?;
            rehearse(&sources, &config)?;
            for line in summary(&sources, &config) {
                printer.line(line);
            }
        }
        Action::Schema(SchemaArgs {}) => printer.line(schema()),
        Action::Show(args) => {
            let sources = args.source.sources(args.listen, environment);
            let settings = show(&sources)?;
            let text = if args.json {
                as_json(&settings)
            } else {
                as_toml(&settings)
            };
            printer.raw(text.as_bytes());
        }
    }
    Ok(ExitStatus::Ok)
}

/// What lies at the data directory, as far as that says something of the start.
fn state_of(data: &Path, must_exist: bool) -> &'static str {
    match std::fs::read_dir(data).map(|mut entries| entries.next().is_some()) {
        Err(error) if error.kind() == ErrorKind::NotADirectory => {
            ", which is no directory: no start is possible"
        }
        // Its owner may be another user.
        Err(error) if error.kind() != ErrorKind::NotFound => {
            ", which cannot be looked at by this user"
        }
        _ if must_exist && !is_data_dir(data) => {
            ", where there is no data, and `data_must_exist` is true: no start is possible until it is there, as on a volume that is to be mounted"
        }
        Err(_) => ", which is not there yet: the first start makes it",
        Ok(true) if has_other_files(data) => ", where something else lies: is it the right one?",
        Ok(_) => "",
    }
}

/// What was found, for people.
fn summary(sources: &Sources, config: &Config) -> Vec<String> {
    let source = match &sources.file {
        Some(path) => format!("{} is right", path.display()),
        None => {
            "no configuration file: the defaults hold, with what the environment says".to_owned()
        }
    };
    let listen: Vec<String> = config.listen.iter().map(ToString::to_string).collect();
    let upstreams = config.upstreams.values().map(|upstream| {
        let login = match &upstream.credentials {
            CredentialSource::Anonymous => String::new(),
            CredentialSource::Password { username, .. } => format!(", as {username}"),
            CredentialSource::SecretsManager { id, .. } => format!(", by the secret {id}"),
            CredentialSource::Ecr { account, .. } => format!(", by the AWS account {account}"),
        };
        let url = upstream.url.as_str().trim_end_matches('/');
        let asked = match upstream.authorize {
            Authorize::Policy => String::new(),
            Authorize::Client => format!(
                "; who may pull is asked of it, with each client's own login, at {}",
                upstream.hosts.join(", ")
            ),
        };
        format!("  upstream {} at {url}{login}{asked}", upstream.name)
    });
    let mut lines = vec![
        source,
        format!("  listens on {}", listen.join(", ")),
        format!(
            "  keeps its data in {}{}",
            config.data.display(),
            state_of(&config.data, config.data_must_exist)
        ),
    ];
    lines.extend(upstreams);
    lines.extend(config.lifecycle.rules().iter().map(|rule| {
        let patterns: Vec<String> = rule.repositories.iter().map(ToString::to_string).collect();
        let (name, what) = (&rule.name, patterns.join(", "));
        format!("  {name} for {what}: {}, {}", rule.selection, rule.expiry)
    }));
    lines.push(match &config.access {
        Some(access) => format!(
            "  access by {}, {} of a file and {}: nobody may do what no rule gives them",
            counted(access.rules.len() as u64, "rule"),
            counted(access.htpasswd.len() as u64, "user"),
            counted(access.workloads.len() as u64, "workload")
        ),
        None if config.clients.loopback_push => "  access is not configured: whoever clients.allow lets in may pull, and this machine's own programs may push and delete over loopback, as clients.loopback_push says".to_owned(),
        None => "  access is not configured: whoever clients.allow lets in may pull, and nobody may push or delete".to_owned(),
    });
    let notes = notes(config);
    lines.extend(notes.iter().map(|note| format!("  note: {note}")));
    lines
}
