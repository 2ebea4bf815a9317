//! `forebay budget`: what is left of the registries' limits, and where that is going.

mod floor;
mod text;

use std::io::IsTerminal as _;
use std::time::Duration;

use forebay_api_admin::BudgetRequest;
use forebay_config::{Environment, load};
use forebay_ledger::{BudgetsReport, UpstreamReport};
use forebay_server::LedgerDoor;
use forebay_terminal::screen::CLEAR;
use forebay_terminal::{ExitStatus, Failure, Printer, SourceArgs, report};

use floor::Floor;

/// How often `--watch` shows them anew.
const WATCH_EVERY: Duration = Duration::from_secs(10);

/// The end of the command's help.
const AFTER_HELP: &str = "\
Examples:
  forebay budget
  forebay budget --probe --watch
  forebay budget docker.io --floor 20%   # for cron (where % is written \\%) and Nagios: 0 enough, 1 under it, 3 unknown

Exit codes:
  0  done; with --floor: nothing is under it, or nothing is metered
  1  with --floor: less is left, or pulls are being refused
  2  the command line or the configuration is wrong
  3  failed; with --floor: nothing is known, or a part of a limit that was not named was asked for";

/// Shows what is left of the registries' pull limits, who is charged, and when it runs out or comes back
///
/// What registries said with their last answers, less what was sent since. A registry that says nothing of limits is
/// unmetered, not empty. Speaks to the server that runs on the data directory; where none runs, it reads what was
/// written down, and locks and changes nothing; only --probe does.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub(super) struct Args {
    /// Show this upstream alone: docker.io
    #[arg(value_name = "UPSTREAM")]
    upstream: Option<String>,

    #[command(flatten)]
    source: SourceArgs,

    /// Ask Docker Hub first, by a HEAD that it does not count
    #[arg(long)]
    probe: bool,

    /// Show them every 10 seconds, until it is interrupted
    #[arg(long, conflicts_with = "floor")]
    watch: bool,

    /// Print JSON; with --watch, one line each time
    #[arg(long)]
    json: bool,

    /// Exit with 1 if less is left of any budget: pulls, or a part of the limit such as 20%
    #[arg(long, value_name = "PULLS|PERCENT")]
    floor: Option<Floor>,
}

/// Runs `budget`.
///
/// # Errors
/// What is wrong with the configuration, or why nothing can be told.
pub(super) async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let told = tell(&args, environment, printer).await;
    if let Err(failure) = &told {
        tell_monitoring(failure, &args, printer);
    }
    told
}

/// Monitoring shows what is on standard output, and of that the first line.
fn tell_monitoring(failure: &Failure, args: &Args, printer: &Printer) {
    if args.floor.is_some() && !args.json {
        printer.line(format_args!("UNKNOWN {failure}"));
    }
}

async fn tell(
    args: &Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let sources = args.source.without_listen(environment);
    let config = load(&sources)?;
    if let Some(name) = &args.upstream
        && !config.upstreams.contains_key(name)
    {
        let names: Vec<&str> = config.upstreams.keys().map(String::as_str).collect();
        let failure = Failure::plain(format!("no upstream is called {name}"));
        let failure = failure.with_hint(format!("there are {}", names.join(", ")));
        tell_monitoring(&failure, args, printer);
        report(&failure, printer);
        return Ok(ExitStatus::Usage);
    }
    let door = LedgerDoor::open(&sources, &config).await?;
    show(args, &door, printer).await
}

async fn show(
    args: &Args,
    door: &LedgerDoor<'_>,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let is_screen = args.watch && !args.json && std::io::stdout().is_terminal();
    loop {
        let request = BudgetRequest { probe: args.probe };
        let mut report = door.budget(request).await?;
        if let Some(name) = &args.upstream {
            let is_named = |upstream: &UpstreamReport| upstream.upstream == *name;
            report.upstreams.retain(is_named);
        }
        if is_screen {
            printer.control(CLEAR);
        }
        let verdict = args.floor.map_or(ExitStatus::Ok, |floor| {
            floor.judge(&report.upstreams, args.upstream.is_some())
        });
        if let (Some(floor), false) = (args.floor, args.json) {
            printer.line(floor.line(verdict, &report.upstreams));
        }
        print(&report, args, printer);
        if !args.watch || printer.is_closed() {
            return Ok(verdict);
        }
        tokio::time::sleep(WATCH_EVERY).await;
    }
}

fn print(report: &BudgetsReport, args: &Args, printer: &Printer) {
    if !args.json {
        return printer.line(text::told(report));
    }
    let json = if args.watch {
        serde_json::to_string(report)
    } else {
        serde_json::to_string_pretty(report)
    };
    printer.line(json.unwrap_or_default());
}
