//! `forebay gc`: clears away what no local repository needs, now.

use std::time::Duration;

use forebay_config::{Environment, load, time_span};
use forebay_limits::counted;
use forebay_registry::{MIN_GRACE, RepositoryOrder, RepositoryOutcome};
use forebay_server::Repositories;
use forebay_terminal::{ExitStatus, Failure, Json, Printer, SourceArgs, amounts, with_exit_codes};

/// Clears away what no local repository needs any more, and tells how much that was
///
/// A running server does so every hour by itself; this does it now, while everything goes on: blobs that were uploaded longer
/// ago than the grace and that no manifest refers to, and the bytes of what no repository holds. Until then what was deleted counts
/// for its repository's quota. What lifecycle rules would let go stays (forebay repo expire), and the cache is no part of it.
/// While images of local repositories are pulled it works a twentieth of the time, so that no pull waits for it.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Examples:\n  forebay gc\n  forebay gc --grace 2h --data /var/lib/forebay"))]
pub struct Args {
    /// How long ago a blob was uploaded, or let go by its last manifest, to be no longer spared for a push under way; at least 1h
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = grace)]
    grace: Duration,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    source: SourceArgs,
}

/// Runs `gc`.
///
/// # Errors
/// What is wrong with the configuration, or why nothing could be cleared away.
pub async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let config = load(&args.source.without_listen(environment))?;
    let mut repositories = Repositories::of(&config);
    let grace_seconds = Some(args.grace.as_secs());
    let told = repositories
        .order(RepositoryOrder::CollectGarbage { grace_seconds })
        .await;
    let RepositoryOutcome::Collected(collected) = repositories.close(told).await? else {
        return Err(Failure::plain(
            "the answer is no report of what was cleared away",
        ));
    };
    if args.json {
        printer.line(Json::indented(&collected));
    } else {
        printer.line(format_args!(
            "cleared away: {}, {}; {} to blobs that no manifest needs; in {}",
            counted(collected.objects, "object"),
            amounts::bytes(collected.bytes),
            counted(collected.links, "link"),
            took(collected.took_ms),
        ));
    }
    Ok(ExitStatus::Ok)
}

/// In milliseconds below a second.
fn took(ms: u64) -> String {
    match ms {
        0..1000 => format!("{ms} ms"),
        ms => amounts::span(ms / 1000),
    }
}

fn grace(text: &str) -> Result<Duration, String> {
    match time_span(text)? {
        span if span < MIN_GRACE => {
            Err("at least 1h: a push that takes longer would lose what it has sent".to_owned())
        }
        span => Ok(span),
    }
}
