//! `forebay repo create`, `set` and `delete`.

use forebay_config::{Environment, byte_size, load};
use forebay_limits::counted;
use forebay_registry::{Quota, RepositoryOrder, RepositoryOutcome, RepositoryText};
use forebay_server::{Repositories, begins_data, note_of_new};
use forebay_terminal::{ExitStatus, Failure, Json, Printer, SourceArgs, amounts, with_exit_codes};

use crate::image::{repository_name, tag_pattern};

/// Make a repository, and say what holds in it
///
/// A tag that is immutable is neither moved nor deleted once it was pushed: who tries is refused (409). In patterns * stands for any
/// characters, ? for one, [0-9] for one of those, {main,dev} for one of the texts. What goes beyond the quota is refused (403); what
/// was deleted counts for a day, or until forebay gc clears it away. Where there is no data directory yet, one is made, and said.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Examples:\n  forebay repo create team/app\n  forebay repo create team/app --immutable-tags 'v*' --quota 20GiB"))]
pub(super) struct Create {
    /// The repository, such as team/app
    #[arg(value_parser = repository_name)]
    name: String,

    /// A pattern of tags that, once pushed, are neither moved nor deleted, such as v*; may be given more than once
    #[arg(long = "immutable-tags", value_name = "PATTERN", value_parser = tag_pattern)]
    immutable_tags: Vec<String>,

    /// The most that it may hold, such as 20GiB; what is pushed beyond it is refused
    #[arg(long, value_name = "SIZE", value_parser = byte_size)]
    quota: Option<u64>,

    #[command(flatten)]
    rest: Rest,
}

/// Change what holds in a repository; what is not named stays as it is
///
/// What it holds stays: a quota below its size only refuses what is pushed from now on. What was deleted counts for a day, or until
/// forebay gc clears it away. In patterns * stands for any characters, ? for one, [0-9] for one of those, {main,dev} for one of the
/// texts.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Examples:\n  forebay repo set team/app --quota 50GiB\n  forebay repo set team/app --immutable-tags 'v*' --immutable-tags 'release-*'\n  forebay repo set team/app --no-immutable-tags --no-quota"))]
#[command(group = clap::ArgGroup::new("settings").required(true).multiple(true))]
pub(super) struct Set {
    /// The repository, such as team/app
    #[arg(value_parser = repository_name)]
    name: String,

    /// The patterns of tags that are neither moved nor deleted from now on, in place of those before
    #[arg(long = "immutable-tags", value_name = "PATTERN", value_parser = tag_pattern, group = "settings")]
    immutable_tags: Vec<String>,

    /// Let all tags be moved and deleted
    #[arg(long, conflicts_with = "immutable_tags", group = "settings")]
    no_immutable_tags: bool,

    /// The most that it may hold, such as 20GiB
    #[arg(long, value_name = "SIZE", value_parser = byte_size, group = "settings")]
    quota: Option<u64>,

    /// Let it hold as much as the disk does
    #[arg(long, conflicts_with = "quota", group = "settings")]
    no_quota: bool,

    #[command(flatten)]
    rest: Rest,
}

/// Delete a repository
///
/// One that holds manifests only with --force; then all of them go, pinned or immutable or not, which no client can delete. Their
/// bytes go when garbage is collected next, as far as no other repository holds them. Whoever may push makes the repository anew,
/// without settings.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Examples:\n  forebay repo delete team/old\n  forebay repo delete team/old --force"))]
pub(super) struct Delete {
    /// The repository, such as team/app
    #[arg(value_parser = repository_name)]
    name: String,

    /// Delete all that it holds, too
    #[arg(long)]
    force: bool,

    #[command(flatten)]
    rest: Rest,
}

#[derive(Debug, clap::Args)]
struct Rest {
    /// Print the repository as JSON: as it is now, or, deleted, as it was
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    source: SourceArgs,
}

/// Runs `repo create`.
pub(super) async fn create(
    args: Create,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let order = RepositoryOrder::CreateRepository {
        name: args.name,
        immutable_tags: args.immutable_tags,
        quota_bytes: args.quota,
    };
    let made = carry_out(order, &args.rest, environment, printer).await?;
    if let Some(made) = made {
        printer.line(format_args!("made {}", in_words(&made)));
    }
    Ok(ExitStatus::Ok)
}

/// Runs `repo set`.
pub(super) async fn set(
    args: Set,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let is_said = args.no_immutable_tags || !args.immutable_tags.is_empty();
    let order = RepositoryOrder::SetRepository {
        name: args.name,
        immutable_tags: is_said.then_some(args.immutable_tags),
        quota: match (args.no_quota, args.quota) {
            (true, _) => Some(Quota::Unbounded),
            (false, quota) => quota.map(Quota::Bytes),
        },
    };
    let changed = carry_out(order, &args.rest, environment, printer).await?;
    if let Some(changed) = changed {
        printer.line(format_args!("changed {}", in_words(&changed)));
        if changed
            .quota_bytes
            .is_some_and(|quota| changed.bytes > quota)
        {
            printer.note(format_args!(
                "it holds {} already: nothing goes, and nothing more is taken",
                amounts::bytes(changed.bytes)
            ));
        }
    }
    Ok(ExitStatus::Ok)
}

/// Runs `repo delete`.
pub(super) async fn delete(
    args: Delete,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let order = RepositoryOrder::DeleteRepository {
        name: args.name,
        with_content: args.force,
    };
    let gone = carry_out(order, &args.rest, environment, printer).await?;
    if let Some(gone) = gone {
        printer.line(format_args!(
            "deleted {}: {} under {}, {}",
            gone.name,
            counted(gone.manifests, "manifest"),
            counted(gone.tags, "tag"),
            amounts::bytes(gone.bytes)
        ));
    }
    Ok(ExitStatus::Ok)
}

/// Does it; the repository, unless it was printed as JSON.
async fn carry_out(
    order: RepositoryOrder,
    rest: &Rest,
    environment: Environment,
    printer: &Printer,
) -> Result<Option<RepositoryText>, Failure> {
    let config = load(&rest.source.without_listen(environment))?;
    let is_first = begins_data(&config)?;
    let mut repositories = Repositories::of(&config);
    let told = repositories.order(order).await;
    let RepositoryOutcome::Repository(repository) = repositories.close(told).await? else {
        return Err(Failure::plain("the answer is no repository"));
    };
    if is_first {
        printer.note(note_of_new(&config.data, "the repository is"));
    }
    if rest.json {
        printer.line(Json::indented(&repository));
        return Ok(None);
    }
    Ok(Some(repository))
}

fn in_words(repository: &RepositoryText) -> String {
    let quota = repository.quota_bytes.map_or_else(
        || "no quota".to_owned(),
        |quota| format!("a quota of {}", amounts::bytes(quota)),
    );
    let tags = match repository.immutable_tags.as_slice() {
        [] => "no immutable tags".to_owned(),
        patterns => format!("immutable tags {}", patterns.join(" ")),
    };
    format!("{}: {quota}, {tags}", repository.name)
}
