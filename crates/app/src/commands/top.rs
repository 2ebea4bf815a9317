//! `forebay top`: who spends the pulls, now and in the last hours.

mod text;

use std::time::Duration;

use forebay_api_admin::TopRequest;
use forebay_config::{Environment, load, time_span};
use forebay_content::PullOrder;
use forebay_ledger::TopReport;
use forebay_server::LedgerDoor;
use forebay_terminal::screen::{Heard, Screen};
use forebay_terminal::{ExitStatus, Failure, Json, Printer, SourceArgs, with_exit_codes};

/// How often it is shown anew.
const EVERY: Duration = Duration::from_secs(2);

/// How many spenders a live screen asks for: more fit on none.
const MAX_LIVE: u32 = 200;

const EXAMPLES: &str = "\
Keys:
  c  by pulls charged     p  by pulls       b  by bytes
  e  by errors            r  by requests    s  by stale answers
  q  quit (Ctrl-C too)

Examples:
  forebay top
  forebay top --sort bytes --since 7d
  forebay top --once --json";

/// Shows who pulls what and what it costs, live: clients and images, and the storms of now
///
/// A storm is a client that asks for the same image again and again. Without a terminal, or with --once, it is shown
/// once. Speaks to the server that runs on the data directory; where none runs, it reads what was written down, and
/// locks and changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes(EXAMPLES))]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,

    /// What to order by, the most first
    #[arg(long, value_enum, default_value = "charged")]
    sort: Sort,

    /// How far back to look; hours count whole, and days once they are older than three
    #[arg(long, value_name = "SPAN", default_value = "24h", value_parser = time_span)]
    since: Duration,

    /// How many to show
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,

    /// Show it once
    #[arg(long)]
    once: bool,

    /// Print JSON, once
    #[arg(long)]
    json: bool,
}

/// What to order by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Sort {
    /// Pulls that the registry charged
    Charged,
    /// Images pulled
    Pulls,
    /// Requests of all kinds
    Requests,
    /// Bytes sent
    Bytes,
    /// Answers that were out of date
    Stale,
    /// Answers that were errors
    Errors,
}

/// Runs `top`.
///
/// # Errors
/// What is wrong with the configuration, or why nothing can be told.
pub(super) async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let sources = args.source.without_listen(environment);
    let config = load(&sources)?;
    let door = LedgerDoor::open(&sources, &config).await?;
    let is_once = args.once || args.json;
    match if is_once { None } else { Screen::take(printer) } {
        Some(screen) => show_live(&args, &door, screen).await?,
        None => show_once(&args, &door, printer).await?,
    }
    Ok(ExitStatus::Ok)
}

async fn show_once(args: &Args, door: &LedgerDoor<'_>, printer: &Printer) -> Result<(), Failure> {
    let report = ask(args, args.sort, args.limit, door).await?;
    if args.json {
        printer.line(Json::indented(&report));
    } else {
        printer.line(text::told(&report));
    }
    Ok(())
}

async fn show_live(
    args: &Args,
    door: &LedgerDoor<'_>,
    mut screen: Screen<'_>,
) -> Result<(), Failure> {
    let mut sort = args.sort;
    let mut shown = String::new();
    loop {
        tokio::select! {
            report = ask(args, sort, args.limit.max(MAX_LIVE), door) => {
                shown = screen_of(report, &shown)?;
                screen.show(&shown);
            }
            heard = screen.hear() => match heard {
                Heard::End => return Ok(()),
                Heard::Key(key) => {
                    sort = Sort::of_key(key).unwrap_or(sort);
                    continue;
                }
                Heard::Resized => screen.show(&shown),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            heard = screen.hear() => match heard {
                Heard::End => return Ok(()),
                Heard::Key(key) => sort = Sort::of_key(key).unwrap_or(sort),
                Heard::Resized => screen.show(&shown),
            }
        }
    }
}

/// What to show of a report. Where there is none now, as while the server is started anew, that is told above what was `shown`.
fn screen_of(report: Result<TopReport, Failure>, shown: &str) -> Result<String, Failure> {
    match report {
        Ok(report) => Ok(text::told_live(&report, Screen::size())),
        Err(failure) if shown.is_empty() => Err(failure),
        Err(failure) => {
            let before = shown.split_once('\n').map_or(shown, |(_, rest)| rest);
            Ok(format!("{failure}\n{before}"))
        }
    }
}

async fn ask(
    args: &Args,
    sort: Sort,
    limit: u32,
    door: &LedgerDoor<'_>,
) -> Result<TopReport, Failure> {
    let request = TopRequest {
        within_ms: u64::try_from(args.since.as_millis()).unwrap_or(u64::MAX),
        order: sort.into(),
        limit,
        of: None,
    };
    door.top(request).await
}

impl Sort {
    const fn of_key(key: u8) -> Option<Self> {
        Some(match key {
            b'c' => Self::Charged,
            b'p' => Self::Pulls,
            b'r' => Self::Requests,
            b'b' => Self::Bytes,
            b's' => Self::Stale,
            b'e' => Self::Errors,
            _ => return None,
        })
    }
}

impl From<Sort> for PullOrder {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Charged => Self::Charged,
            Sort::Pulls => Self::Pulls,
            Sort::Requests => Self::Requests,
            Sort::Bytes => Self::Bytes,
            Sort::Stale => Self::Stale,
            Sort::Errors => Self::Errors,
        }
    }
}
