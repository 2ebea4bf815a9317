//! `forebay fsck`: reads everything at rest, says what is not as it should be, and mends it.

use std::path::Path;
use std::pin::pin;
use std::time::Duration;

use forebay_api_admin::FsckRequest;
use forebay_cache::FsckReport;
use forebay_config::{Environment, load};
use forebay_limits::{counted, counted_as};
use forebay_server::{
    CheckMode, CheckReport, LostObject, RebuiltRows, RegistryCheck, ask_running, check_stopped,
};
use forebay_terminal::{ExitStatus, Failure, Json, Printer, SourceArgs, amounts};
use tokio::time::timeout;

/// After this time whoever waits for a running server is told where to look.
const TELL_AFTER: Duration = Duration::from_secs(10);

/// The end of the command's help.
const AFTER_HELP: &str = "\
Examples:
  forebay fsck --data /var/lib/forebay
  forebay fsck --dry-run --json

Exit codes:
  0  all is sound
  1  something was found, and mended unless --dry-run was given or the report says that it was left
  2  the command line or the configuration is wrong
  3  failed";

/// Hashes everything at rest again, checks catalog, rows and journals against it, and mends what can be
///
/// A server that runs on the data directory does it itself and goes on serving. What is damaged is dropped and fetched
/// anew when it is next pulled; what the catalog had forgotten is recorded again, and each repository shows it once the
/// upstream has said that it may. Where no server runs, a catalog that cannot be read is put aside and a new one made
/// from the blobs; rows of local repositories that cannot be read are put aside too, and made again from journals and
/// blobs. What of a local repository is damaged or gone is nowhere else: it is named with the images that need it, and
/// stays named until it is pushed again or dropped. Where nothing at all is left of them, as of a volume that is not
/// mounted, nothing of theirs is mended.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,

    /// Only say what is found, and change nothing
    #[arg(long, conflicts_with = "rebuild")]
    dry_run: bool,

    /// Put the catalog aside and make a new one from the blobs even if it can be read; no server may run meanwhile
    #[arg(long)]
    rebuild: bool,

    /// Take what local repositories hold for lost where their directory is empty, and mend all the same: only if no volume is to be
    /// mounted there, and no backup brings it back
    #[arg(long, conflicts_with = "dry_run")]
    accept_loss: bool,

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
    let sources = args.source.without_listen(environment);
    let config = load(&sources)?;
    let mend = !args.dry_run;
    let request = FsckRequest {
        mend,
        accept_loss: args.accept_loss,
    };
    let running = if args.rebuild {
        None
    } else {
        check_running(&config.data, request, printer).await?
    };
    let report = if let Some(report) = running {
        report
    } else {
        let tell = |so_far: &FsckReport| {
            printer.note(format_args!(
                "{}, {} so far",
                counted(so_far.sound, "sound blob"),
                amounts::bytes(so_far.bytes)
            ));
        };
        let mode = CheckMode {
            asked: request,
            rebuild: args.rebuild,
            tell: &tell,
        };
        check_stopped(&config.data, mode).await?
    };
    if args.json {
        printer.line(Json::indented(&report));
    } else {
        print(&report, mend, &config.data, printer);
    }
    Ok(if report.is_clean() {
        ExitStatus::Ok
    } else {
        ExitStatus::Findings
    })
}

/// Has the server that runs on `data` check it; `None` if none runs there.
async fn check_running(
    data: &Path,
    request: FsckRequest,
    printer: &Printer,
) -> Result<Option<CheckReport>, Failure> {
    let mut asked = pin!(ask_running(data, "/fsck", &request));
    if let Ok(report) = timeout(TELL_AFTER, &mut asked).await {
        return report;
    }
    printer.note("the running server checks its data; its log says how far it is");
    asked.await
}

fn print(report: &CheckReport, mend: bool, data: &Path, printer: &Printer) {
    let told = |done| if mend { done } else { "found" };
    if let Some(fault) = &report.catalog {
        printer.line(format_args!("catalog  damaged, {fault}"));
    }
    if report.rebuilt {
        printer.line("catalog  rebuilt from the blobs");
    } else if report.catalog.is_some() {
        printer.line("catalog  left as it is: forebay fsck rebuilds it where no server runs");
    }
    let content = &report.content;
    for (digests, what, done) in [
        (&content.damaged, "damaged", told("dropped")),
        (
            &content.dropped_with,
            "needs what was dropped",
            told("dropped"),
        ),
        (
            &content.unrecorded,
            "unknown to the catalog",
            told("recorded"),
        ),
        (&content.missing, "missing", told("dropped")),
        (&content.unreadable, "unreadable", "left as it is"),
    ] {
        for digest in digests {
            printer.line(format_args!("{digest}  {what}: {done}"));
        }
    }
    for path in &report.strays {
        printer.line(format_args!("{path}  no blob: left as it is"));
    }
    if content.unnamed > 0 {
        printer.line(format_args!("and {} more", content.unnamed));
    }
    if let Some(registry) = &report.registry {
        print_registry(registry, mend, printer);
    }
    printer.line(format_args!(
        "{}, {} in {}",
        counted(content.sound, "sound blob"),
        amounts::bytes(content.bytes),
        data.display()
    ));
}

/// The local repositories' part of the report.
fn print_registry(registry: &RegistryCheck, mend: bool, printer: &Printer) {
    if let Some(fault) = &registry.rows {
        printer.line(format_args!(
            "registry  registry.sqlite is damaged, {fault}"
        ));
    }
    if let Some(path) = &registry.emptied {
        print_emptied(path, registry, printer);
    } else if registry.rows.is_some() && registry.rebuilt.is_none() {
        print_unmade(registry, printer);
        return;
    }
    if let Some(rebuilt) = &registry.rebuilt {
        print_rebuilt(rebuilt, printer);
    }
    // It may only be away.
    let lost = if registry.emptied.is_some() {
        "not there"
    } else {
        "lost"
    };
    for (objects, what, done) in [
        (
            &registry.damaged,
            "damaged",
            if mend { "put aside" } else { "found" },
        ),
        (&registry.missing, "missing", lost),
        (&registry.unreadable, "unreadable", "left as it is"),
    ] {
        for LostObject { digest, images } in objects {
            let of = match images.as_slice() {
                [] => "no image".to_owned(),
                some => some.join(", "),
            };
            printer.line(format_args!(
                "{digest}  {what} in the registry, needed by {of}: {done}"
            ));
        }
    }
    if registry.unnamed > 0 {
        printer.line(format_args!("and {} more", registry.unnamed));
    }
    let is_lost = !registry.damaged.is_empty() || !registry.missing.is_empty();
    if is_lost && registry.emptied.is_none() {
        printer.note("what is lost is nowhere else: push those images again, or take the blobs from a backup");
    }
    if registry.unreadable_lines > 0 {
        printer.line(format_args!(
            "{} of journals cannot be read: left as it is",
            counted(registry.unreadable_lines, "line")
        ));
    }
    let settled = if registry.is_settled {
        "kept by both now"
    } else {
        "found"
    };
    for difference in &registry.differences {
        printer.line(format_args!("{difference}: {settled}"));
    }
    if registry.sound > 0 || !registry.is_clean() {
        printer.line(format_args!(
            "{} of local repositories, {}",
            counted(registry.sound, "sound object"),
            amounts::bytes(registry.bytes)
        ));
    }
}

/// What to look at where nothing lies of what rows tell, or nothing to make them again from.
fn print_emptied(path: &str, registry: &RegistryCheck, printer: &Printer) {
    let (lacks, loss) = if registry.rows.is_some() {
        ("to make its rows again from", "begins with empty rows")
    } else {
        (
            "of what registry.sqlite tells",
            "takes what is named here for lost",
        )
    };
    printer.line(format_args!(
        "registry  {path} has nothing {lacks}: left as it is"
    ));
    printer.line(
        "registry  if it is a volume, mount it and check again; if it is lost, restore a backup",
    );
    printer.line(format_args!(
        "registry  only if nothing brings it back: forebay fsck --accept-loss {loss}"
    ));
}

/// What can be done about rows that cannot be read: nothing else of local repositories is told then.
fn print_unmade(registry: &RegistryCheck, printer: &Printer) {
    let Some(at_rest) = registry.at_rest else {
        printer.line(
            "registry  left as it is: forebay fsck makes its rows again where no server runs; what they tell of was not looked at",
        );
        return;
    };
    printer.line(format_args!(
        "registry  left as it is: without --dry-run it is put aside, and the rows are made again from {} and {} at rest",
        counted_as(at_rest.journals, "journal of a repository", "journals of repositories"),
        counted(at_rest.objects, "object"),
    ));
    printer.line("registry  accounts are read out of it as far as that goes; what the rows tell of was not looked at");
}

fn print_rebuilt(rebuilt: &RebuiltRows, printer: &Printer) {
    printer.line(format_args!(
        "registry  rows made again from journals and blobs: {}, {}, {}",
        counted_as(rebuilt.repositories, "repository", "repositories"),
        counted(rebuilt.manifests, "manifest"),
        counted(rebuilt.tags, "tag"),
    ));
    if let Some(aside) = &rebuilt.put_aside {
        printer.line(format_args!("registry  the damaged ones are {aside}"));
    }
    let accounts = counted(rebuilt.accounts, "account");
    if rebuilt.accounts_lost {
        printer.line(format_args!(
            "registry  {accounts} could be read: make those that are missing again with forebay user and forebay token"
        ));
    } else {
        printer.line(format_args!("registry  {accounts} kept"));
    }
    for lost in &rebuilt.lost {
        printer.line(format_args!("{lost}  lost: its bytes are not at rest"));
    }
    if rebuilt.lost_beside > 0 {
        printer.line(format_args!("and {} more", rebuilt.lost_beside));
    }
    printer
        .note("lost in any case: when images were pulled last, which counts as now, and blobs that no image needs yet");
}
