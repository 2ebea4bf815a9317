//! `forebay backup`: copies what local repositories hold, while everything goes on.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use forebay_config::{Environment, load};
use forebay_limits::{counted, counted_as};
use forebay_server::{BackupReport, BadObject, ask_progress, back_up_registry};
use forebay_terminal::{ExitStatus, Failure, Json, Printer, SourceArgs, amounts};
use tokio::time::sleep;

/// How often it is told how far a backup has come.
const TELL_EVERY: Duration = Duration::from_secs(5);

/// The end of the command's help.
const AFTER_HELP: &str = "\
Examples:
  forebay backup /mnt/backup/forebay
  forebay backup /mnt/backup/forebay --verify
  forebay serve --config forebay.toml --data /mnt/backup/forebay

Exit codes:
  0  the backup has all that is held
  1  the backup was made, but something is damaged or lost, and named: what cannot be read and is not in it, what the registry has lost, or, with --verify, what had rotted in it and was copied anew; forebay fsck says which images need it
  2  the command line or the configuration is wrong
  3  failed: it is said whether DIR has the backup before or the new one";

/// Backs up all that was pushed, with accounts, the key of tokens and the audit log, while everything goes on
///
/// A server that runs on the data directory does it itself, as its own user, and goes on serving; it has the content of one
/// moment. DIR is then a data directory of its own, on which forebay serve --data DIR runs, with the configuration whose local
/// reserves its names. Run into the same DIR again, only what is
/// new is copied, and what nobody holds any more is removed; whatever stops it, DIR has the backup before or the new one. What is
/// there already is known by its name and size: --verify reads all of it. The cache and the configuration are not in it.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Where to: a directory that is empty, an earlier backup, or not there; best on another disk
    #[arg(value_name = "DIR")]
    to: PathBuf,

    /// Read what earlier runs copied, too, and copy anew what has rotted
    #[arg(long)]
    verify: bool,

    #[command(flatten)]
    source: SourceArgs,

    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Runs `backup`.
///
/// # Errors
/// What is wrong with the configuration, or why there is no new backup.
pub(super) async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let config = load(&args.source.without_listen(environment))?;
    let to = std::path::absolute(&args.to)
        .map_err(|error| Failure::failed("cannot tell where the backup is to go", error))?;
    let report = back_up(&config.data, (&to, args.verify), printer).await?;
    if args.json {
        printer.line(Json::indented(&report));
    } else {
        print(&report, &to, printer);
    }
    Ok(if report.is_clean() {
        ExitStatus::Ok
    } else {
        ExitStatus::Findings
    })
}

/// Backs up, and tells every few seconds how far that is.
async fn back_up(
    data: &Path,
    (to, verify): (&Path, bool),
    printer: &Printer,
) -> Result<BackupReport, Failure> {
    let latest = std::sync::Mutex::new(None);
    let tell = |progress: &_| {
        if let Ok(mut latest) = latest.lock() {
            *latest = Some(*progress);
        }
    };
    let mut backed_up = pin!(back_up_registry(data, to, verify, &tell));
    loop {
        tokio::select! {
            report = &mut backed_up => return report,
            () = sleep(TELL_EVERY) => {}
        }
        let here = latest.lock().ok().and_then(|latest| *latest);
        let there = match here {
            Some(_) => None,
            None => ask_progress(data).await,
        };
        let told = here.map(|here| (here.objects, here.of_objects, here.copied_bytes));
        let told =
            told.or(there.map(|there| (there.objects, there.of_objects, there.copied_bytes)));
        if let Some((objects, of_objects, copied)) = told {
            let copied = amounts::bytes(copied);
            printer.note(format_args!(
                "{objects} of {of_objects} objects, {copied} copied so far"
            ));
        }
    }
}

fn print_bad(objects: &[BadObject], beside: u64, what: &str, printer: &Printer) {
    for object in objects {
        let of = match object.repositories.as_slice() {
            [] => String::new(),
            some => format!(" of {}", some.join(", ")),
        };
        printer.line(format_args!(
            "{}{of}  {what}: {}",
            object.digest, object.why
        ));
    }
    if beside > 0 {
        printer.line(format_args!("and {beside} more"));
    }
}

fn print(report: &BackupReport, to: &Path, printer: &Printer) {
    print_bad(
        &report.uncopied,
        report.uncopied_beside,
        "not in the backup",
        printer,
    );
    print_bad(
        &report.lost,
        report.lost_beside,
        "lost in the registry, and still in the backup",
        printer,
    );
    if !report.is_whole() {
        printer.note("what cannot be read may be lost: forebay fsck says which images need it");
    }
    if !report.lost.is_empty() {
        printer.note(format_args!(
            "what is lost can be copied back: of sha256:abcd… it is the file {}, and lies at the same path of the data directory; forebay fsck says which images need it",
            to.join("registry/blobs/sha256/ab/abcd…").display()
        ));
    }
    if report.mended_objects > 0 {
        printer.note(format_args!(
            "{} had rotted in the backup, and {} copied anew: its disk may be failing",
            counted(report.mended_objects, "object"),
            if report.mended_objects == 1 {
                "was"
            } else {
                "were"
            }
        ));
    }
    printer.line(format_args!(
        "{} with {} and {}, as of {}",
        counted_as(report.repositories, "repository", "repositories"),
        counted(report.objects, "object"),
        amounts::bytes(report.bytes),
        amounts::moment(report.moment_unix_ms),
    ));
    printer.line(format_args!(
        "{} and {} copied, {} removed, within {} in {}",
        counted(report.copied_objects, "object"),
        amounts::bytes(report.copied_bytes),
        report.removed_objects,
        amounts::span(report.took_ms.div_ceil(1000)),
        to.display()
    ));
}
