//! `forebay fsck`: reads everything at rest and says what is not as it should be.

use std::sync::Arc;
use std::time::Duration;

use forebay_api_admin::FsckRequest;
use forebay_blobs_fs::RealDisk;
use forebay_cache::{FsckReport, fsck};
use forebay_content::{Clock, SystemClock};

use super::{ListenArgs, SourceArgs, with_exit_codes};
use crate::config::{Environment, load};
use crate::error::Failure;
use crate::exit::ExitStatus;
use crate::printer::Printer;
use crate::program::{DataDir, ask_running};

/// Hashes every kept blob again and checks the catalog against what is there
///
/// A server that runs on the data directory does it itself and goes on serving. Without --repair nothing is changed. What is
/// damaged is dropped and fetched anew when it is next pulled; what the catalog had forgotten is recorded again, and each
/// repository shows it once the upstream has said that it may.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Examples:\n  forebay fsck --data /var/lib/forebay\n  forebay fsck --repair"))]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,

    /// Mend what is found: drop damaged blobs, record forgotten ones, drop rows whose blob is missing
    #[arg(long)]
    repair: bool,

    /// Put the catalog aside and make a new one from the blobs; implies --repair, and no server may run meanwhile
    #[arg(long)]
    rebuild: bool,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `fsck`.
///
/// # Errors
/// What is wrong with the configuration, or why the data cannot be read.
pub(super) async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let sources = args
        .source
        .clone()
        .sources(ListenArgs::default(), environment);
    let config = load(&sources)?;
    let repair = args.repair || args.rebuild;
    let running = if args.rebuild {
        None
    } else {
        ask_running(&config.data, "/fsck", &FsckRequest { repair }).await?
    };
    let report = match running {
        Some(answer) => serde_json::from_value(answer).map_err(|error| {
            Failure::failed("the running server's answer makes no sense", error)
        })?,
        None => check(&config.data, repair, args.rebuild).await?,
    };
    print(&report, &args, printer);
    Ok(if report.is_clean() {
        ExitStatus::Ok
    } else {
        ExitStatus::Findings
    })
}

/// Checks the data directory of a server that does not run.
async fn check(dir: &std::path::Path, repair: bool, rebuild: bool) -> Result<FsckReport, Failure> {
    let clock = SystemClock::new();
    let data = if rebuild {
        DataDir::open_rebuilt(dir, Arc::new(RealDisk), clock.now()).await?
    } else {
        DataDir::open(dir, Arc::new(RealDisk), Duration::ZERO).await?
    };
    let (blobs, catalog) = data.stores();
    let report = fsck(blobs.as_ref(), catalog.as_ref(), &clock, repair).await;
    let report =
        report.map_err(|error| Failure::failed("the check could not be finished", error))?;
    data.close().await?;
    Ok(report)
}

fn print(report: &FsckReport, args: &Args, printer: &Printer) {
    if args.json {
        return printer.line(serde_json::to_string_pretty(report).unwrap_or_default());
    }
    let done = if args.repair || args.rebuild {
        ["dropped", "recorded", "dropped"]
    } else {
        ["found"; 3]
    };
    for (digests, what, done) in [
        (&report.damaged, "damaged", done[0]),
        (&report.unrecorded, "unknown to the catalog", done[1]),
        (&report.missing, "missing", done[2]),
    ] {
        for digest in digests {
            printer.line(format_args!("{digest}  {what}: {done}"));
        }
    }
    printer.line(format_args!(
        "{} sound blobs, {} bytes read",
        report.sound, report.bytes
    ));
}
