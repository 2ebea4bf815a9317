//! `forebay setup`: points a client here, or lets it in at another registry.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use forebay_config::{Authorize, Config, Environment, Sources, UpstreamConfig, load};
use forebay_setup::{
    Address, BoxError, Client, Order, Plan, SetupError, Standing, Step, command_line,
    without_secrets,
};
use forebay_terminal::{
    ExitStatus, Failure, FolderLock, Printer, SourceArgs, report, with_exit_codes,
};

use crate::disk::Disk;
use crate::login::LoginArgs;
use crate::{apply, login, probe, run_steps, show};

const EXAMPLES: &str = "\
Examples:
  forebay setup docker               # print what daemon.json should say
  sudo forebay setup docker --write  # merge it into what is there
  sudo forebay setup docker --undo   # put back what was there
  sudo forebay setup docker --check  # pull with it, and see that it came through here
  forebay setup containerd --upstream docker.io --upstream ghcr.io --write
  forebay setup k3s --address http://10.0.0.5:5000 --write --root /mnt/image
  forebay setup kubernetes --registry hub --username NAME --password-stdin --write <token
  forebay setup github-actions --registry ghcr --image org/app:1 --file ci.yml --diff";

/// Has a client pull through Forebay, or lets it in at a registry: prints its configuration, or installs it
///
/// What stands in a file of the client's is kept; what cannot be merged is refused, and nothing is written. Each plan says
/// whether the client still goes to the public registry by itself when Forebay does not answer: that is closed where the
/// client can be closed, unless --fall-back is given.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes(EXAMPLES))]
pub struct Args {
    /// Which client: docker, containerd, kubernetes, k3s, rke2, podman, cri-o, buildkit, kaniko, kind, ecs, swarm,
    /// github-actions or gitlab-ci
    #[arg(value_name = "CLIENT", value_parser = client)]
    pub(crate) client: Client,

    #[command(flatten)]
    act: ActArgs,

    /// Print what would change in the files, as a difference
    #[arg(long, group = "act")]
    pub(crate) diff: bool,

    /// The folder that stands for /, such as a mounted image
    #[arg(long, value_name = "DIR", default_value = "/")]
    root: PathBuf,

    /// The client's own file, where it is not at its usual place; for CI the workflow
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<String>,

    /// Where the client finds Forebay; without it, where Forebay's configuration has it listen
    #[arg(long, value_name = "URL")]
    pub(crate) address: Option<Address>,

    /// A registry to ask Forebay for, may be given again; without it docker.io for docker and CI, all that Forebay knows
    /// for the others
    #[arg(long = "upstream", value_name = "NAME")]
    upstreams: Vec<String>,

    /// Let the client go on to the registry itself when Forebay does not answer
    #[arg(long)]
    fall_back: bool,

    /// The image that --check pulls; the client should not have it yet
    #[arg(
        long,
        value_name = "IMAGE",
        default_value = "docker.io/library/hello-world:latest"
    )]
    pub(crate) probe_image: String,

    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    pub(crate) login: LoginArgs,
}

/// What is done instead of printing.
#[derive(Debug, clap::Args)]
struct ActArgs {
    /// Install it: write the files, keeping what they held in a record beside them
    #[arg(long, group = "act")]
    write: bool,

    /// Put back what was there before; refused where a file was changed since
    #[arg(long, group = "act")]
    undo: bool,

    /// Pull an image with the client, and say whether it came through Forebay
    #[arg(long, group = "act")]
    check: bool,
}

fn client(name: &str) -> Result<Client, String> {
    let found = Client::ALL
        .into_iter()
        .find(|client| client.as_str() == name);
    found.ok_or_else(|| {
        let names = Client::ALL.map(Client::as_str).join(", ");
        match forebay_config::find_nearest(name, Client::ALL.map(Client::as_str)) {
            Some(nearest) => format!("did you mean {nearest}? It is one of {names}"),
            None => format!("it is one of {names}"),
        }
    })
}

/// Runs `setup`.
///
/// # Errors
/// What is wrong with the configuration, what stands in a file, or why it cannot be written.
pub async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    if let Some(failure) = refuse_controls(&args).or_else(|| refuse_file(&args)) {
        report(&failure, printer);
        return Ok(ExitStatus::Usage);
    }
    let sources = args.source.without_listen(environment);
    let writes = args.act.write || args.act.undo;
    let _lock = writes.then(|| FolderLock::take(&args.root)).transpose()?;
    let disk = Disk::open(args.root.clone(), args.client, args.file.as_deref())?;
    if args.act.undo && disk.has_record() {
        return apply::undo(&disk, args.client, printer).map(|()| ExitStatus::Ok);
    }
    if args.act.check {
        return probe::check(&args, &sources, &disk, printer).await;
    }
    // Commands alone are undone without a record: what stands in files, and where Forebay is, is of no account then.
    let has_commands = args.login.registry.is_some() || args.client.is_pointed_by_commands();
    let plan = if args.act.undo && !has_commands {
        Plan::default()
    } else {
        plan(&args, &sources, &disk, printer)?
    };
    if args.act.undo {
        if let Some(failure) = refuse_away(&args, &plan.undo) {
            report(&failure, printer);
            return Ok(ExitStatus::Usage);
        }
        return undo_steps(&args, &plan, &disk, printer).await;
    }
    if args.act.write {
        if let Some(failure) = refuse_away(&args, &plan.steps) {
            report(&failure, printer);
            return Ok(ExitStatus::Usage);
        }
        return write(&args, &plan, &disk, printer).await;
    }
    show::plan(&args, &plan, printer);
    Ok(ExitStatus::Ok)
}

/// What was given ends up in files and on a terminal: a line end in it would be another line there.
fn refuse_controls(args: &Args) -> Option<Failure> {
    let upstreams = args.upstreams.iter();
    let own = upstreams.map(|name| ("--upstream", name.as_str()));
    let file = args.file.as_deref().map(|file| ("--file", file));
    let probe = ("--probe-image", args.probe_image.as_str());
    let mut given = own.chain(file).chain([probe]).chain(args.login.texts());
    let (flag, text) = given.find(|(_, text)| text.contains(char::is_control))?;
    let what = format!("there is a line end or another control character in {flag}: {text:?}");
    Some(Failure::plain(what))
}

/// A file that would be passed over.
fn refuse_file(args: &Args) -> Option<Failure> {
    let is_login = args.login.registry.is_some();
    let client = args.client;
    // What a login wrote is undone without naming its registry.
    let is_taken = client.takes_file(is_login) || args.act.undo && client.takes_file(true);
    if args.file.is_none() || is_taken {
        return None;
    }
    let (what, hint) = if is_login {
        (
            format!("the login of {client} is in no file that --file could name"),
            "leave --file away: what logs in is printed, and run with --write",
        )
    } else if client.takes_file(true) {
        (
            format!("no file of {client} points it here"),
            "leave --file away, and what does is printed; to have the file log in at a registry, name that with --registry",
        )
    } else {
        (
            format!("no file of {client} points it here"),
            "leave --file away: what does is printed",
        )
    };
    Some(Failure::plain(what).with_hint(hint))
}

fn plan(args: &Args, sources: &Sources, disk: &Disk, printer: &Printer) -> Result<Plan, Failure> {
    if let Some(registry) = args.login.registry {
        return login::plan(args, registry, disk);
    }
    let config = load(sources)?;
    let order = order(args, &config, upstreams(args, &config, printer))?;
    forebay_setup::plan(&order, disk).map_err(|error| {
        if let Some((path, lines)) = error.find_lines() {
            printer.note(format_args!("what {path} should hold:"));
            printer.notes(lines.trim_end());
        }
        failure(error)
    })
}

/// The registries to ask Forebay for.
fn upstreams(args: &Args, config: &Config, printer: &Printer) -> Vec<String> {
    if !args.upstreams.is_empty() {
        args.upstreams.clone()
    } else if args.client.is_for_docker_hub_only() {
        vec!["docker.io".to_owned()]
    } else {
        of_all(args.client, config, printer)
    }
}

pub(crate) fn order(
    args: &Args,
    config: &Config,
    upstreams: Vec<String>,
) -> Result<Order, Failure> {
    let unknown = upstreams
        .iter()
        .find(|name| !config.upstreams.contains_key(*name));
    if let Some(name) = unknown {
        let known: Vec<&str> = config.upstreams.keys().map(String::as_str).collect();
        let what = format!(
            "{name} is no upstream of Forebay's configuration, which would refuse its images"
        );
        return Err(Failure::plain(what).with_hint(format!(
            "it knows {}; --config FILE names another configuration of Forebay's",
            known.join(", ")
        )));
    }
    let address = match &args.address {
        Some(address) => address.clone(),
        None => address_of(config)?,
    };
    let path = |name: &String, upstream: &UpstreamConfig| {
        let root = (*name == config.root).then(String::new);
        Some((name.clone(), root.or_else(|| upstream.prefix.clone())?))
    };
    let paths = config.upstreams.iter();
    let paths = paths.filter_map(|(name, upstream)| path(name, upstream));
    Ok(Order {
        client: args.client,
        paths: paths.collect(),
        is_address_given: args.address.is_some(),
        doors: doors(config, &address)?,
        address,
        upstreams,
        fall_back: args.fall_back,
        file: args.file.clone(),
    })
}

/// All registries of the configuration that a client can be pointed at Forebay for.
fn of_all(client: Client, config: &Config, printer: &Printer) -> Vec<String> {
    let (left_out, all): (Vec<_>, Vec<_>) = config
        .upstreams
        .values()
        .partition(|upstream| is_apart(upstream) && !client.reaches_apart());
    for upstream in left_out {
        printer.note(format_args!(
            "{} is left out: it says itself who may pull, and is reached by its own host name alone, to which {client} is not led here",
            upstream.name
        ));
    }
    all.iter().map(|upstream| upstream.name.clone()).collect()
}

/// Where registries are found that say themselves who may pull: each at a host of its own.
fn doors(config: &Config, address: &Address) -> Result<BTreeMap<String, Address>, Failure> {
    let apart = config.upstreams.iter().filter(|(_, one)| is_apart(one));
    let door = |(name, upstream): (&String, &UpstreamConfig)| {
        let host = upstream.hosts.first().map_or("", String::as_str);
        let door = address.at_host(host).map_err(|error| {
            Failure::failed(format!("{host} is no host name of {name}'s"), error)
        })?;
        Ok((name.clone(), door))
    };
    apart.map(door).collect()
}

fn is_apart(upstream: &UpstreamConfig) -> bool {
    upstream.authorize == Authorize::Client
}

/// Where a client of the same machine finds what listens as configured.
pub(crate) fn address_of(config: &Config) -> Result<Address, Failure> {
    let mut listen = config.listen.iter();
    let listen = listen.find(|address| address.socket.port() != 0);
    let seen = listen.map(|listen| {
        let address = listen.socket;
        let address = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => {
                SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()))
            }
            IpAddr::V6(ip) if ip.is_unspecified() => {
                SocketAddr::from((Ipv6Addr::LOCALHOST, address.port()))
            }
            _ => address,
        };
        let scheme = if listen.is_tls { "https" } else { "http" };
        format!("{scheme}://{address}")
    });
    let address = seen.and_then(|address| address.parse().ok());
    address.ok_or_else(|| {
        Failure::plain("Forebay's configuration does not say at which port it listens")
            .with_hint("say where clients find it with --address http://host:port")
    })
}

async fn write(
    args: &Args,
    plan: &Plan,
    disk: &Disk,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let is_empty = plan.files.is_empty() && !runs(&plan.steps);
    if is_empty && login::lacks_password(args) {
        let what = format!("{} has no password to log in with", args.client);
        let hint =
            "give it on standard input, as in: forebay setup … --password-stdin --write <token";
        return Err(Failure::plain(what).with_hint(hint));
    }
    if is_empty {
        let what = format!("{} has no file that could be written", args.client);
        let hint = match args.client {
            Client::GithubActions | Client::GitlabCi => "name the workflow's file with --file",
            _ => "put what is printed without --write where it says",
        };
        return Err(Failure::plain(what).with_hint(hint));
    }
    let mut steps = plan.steps.clone();
    if let Some(guard) = plan.guard.as_ref().filter(|_| runs(&plan.steps)) {
        let (Standing::Absent { then } | Standing::Own { then, .. }) =
            run_steps::ask(guard).await?;
        steps.extend(then);
    }
    let is_written = apply::write(plan, disk, printer)?;
    run_steps::run(&steps, printer).await?;
    if is_written || plan.files.is_empty() {
        show::rest(plan, printer);
    }
    Ok(ExitStatus::Ok)
}

fn runs(steps: &[Step]) -> bool {
    steps.iter().any(|step| step.is_run)
}

/// Why a plan is not carried out below another root: its commands would act on this machine.
fn refuse_away(args: &Args, steps: &[Step]) -> Option<Failure> {
    let step = steps.iter().find(|step| step.is_run)?;
    if fs::canonicalize(&args.root).is_ok_and(|root| root == Path::new("/")) {
        return None;
    }
    let what = format!(
        "{} would run on this machine, and not below {}",
        command_line(&step.command),
        args.root.display()
    );
    let hint = "leave --root away, or run on the other machine what is printed without --write";
    Some(Failure::plain(what).with_hint(hint))
}

/// Undoes what was no file.
async fn undo_steps(
    args: &Args,
    plan: &Plan,
    disk: &Disk,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    if plan.undo.is_empty() {
        let what = format!(
            "there is nothing to undo for {}: no record at {}",
            args.client,
            disk.record_path()
        );
        return Err(
            Failure::plain(what).with_hint("name the same --root and --file as with --write")
        );
    }
    if !runs(&plan.undo) {
        let by_hand = plan.undo.iter().map(|step| command_line(&step.command));
        let what = format!(
            "a login of {} is left as it is, for it does not show who made it",
            args.client
        );
        let hint = by_hand.collect::<Vec<_>>().join("; ");
        return Err(Failure::plain(what).with_hint(format!("take it away by hand: {hint}")));
    }
    let mut steps = Vec::new();
    if let Some(guard) = &plan.guard {
        let Standing::Own { undo, note, .. } = run_steps::ask(guard).await? else {
            let what = format!("there is nothing to undo: {} is not there", guard.what);
            return Err(Failure::plain(what)
                .with_hint("name the same --namespace and --secret as with --write"));
        };
        if let Some(note) = note {
            printer.note(note);
        }
        steps.extend(undo);
    }
    steps.extend(plan.undo.iter().cloned());
    run_steps::run(&steps, printer).await?;
    Ok(ExitStatus::Ok)
}

/// A cause that quotes a line of the file, without what is secret in it.
fn cause_without_secrets(path: &str, cause: BoxError) -> BoxError {
    let told = cause.to_string();
    let shown = without_secrets(path, &told);
    if shown == told {
        cause
    } else {
        shown.into_owned().into()
    }
}

/// A refusal of the plan's, with what can be done.
pub(crate) fn failure(error: SetupError) -> Failure {
    let hint = error.hint().map(str::to_owned);
    let what = error.to_string();
    let failure = match error {
        SetupError::Broken { path, source, .. }
        | SetupError::Unreadable { path, source }
        | SetupError::Unmergeable {
            path,
            source: Some(source),
            ..
        } => Failure::failed(what, cause_without_secrets(&path, source)),
        _ => Failure::plain(what),
    };
    match hint {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}
