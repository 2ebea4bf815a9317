//! `forebay ledger`: what was written down of who pulled what.

mod csv;
mod since;

use clap::Subcommand;
use forebay_api_admin::ExportRequest;
use forebay_config::{Environment, load};
use forebay_content::{Clock as _, SystemClock};
use forebay_server::LedgerDoor;
use forebay_terminal::{ExitStatus, Failure, Printer, SourceArgs, with_exit_codes};

use since::Moment;

const EXAMPLES: &str = "\
Examples:
  forebay ledger export --since 24h --csv > pulls.csv
  forebay ledger export --since 2026-11-01 --until 2026-12-01 --json | jq .charged_max";

/// What is remembered of who pulled what, and what it cost
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Export(ExportArgs),
}

/// Prints it all, the oldest first: a row for each client and image, by the hour, and by the day after three days
///
/// Bytes are bytes, times are of UTC. In CSV (RFC 4180) a text that a spreadsheet would take for a formula begins with a
/// single quote.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes(EXAMPLES))]
struct ExportArgs {
    #[command(flatten)]
    source: SourceArgs,

    /// From when on: a span before now such as 24h or 7d, a date, or a time with its zone
    #[arg(long, value_name = "SPAN|TIME", default_value = "24h")]
    since: Moment,

    /// Until when, written like --since; without it, until now
    #[arg(long, value_name = "SPAN|TIME")]
    until: Option<Moment>,

    /// Print CSV with a header; so it is done without --json
    #[arg(long, conflicts_with = "json")]
    csv: bool,

    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Runs `ledger`.
///
/// # Errors
/// What is wrong with the configuration, or why nothing can be told.
pub(super) async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let Act::Export(args) = args.act;
    let sources = args.source.without_listen(environment);
    let config = load(&sources)?;
    let now = SystemClock::new().now().0;
    let until = args.until.map(|until| until.before(now));
    let request = ExportRequest {
        since_unix_ms: args.since.before(now),
        until_unix_ms: until.unwrap_or(i64::MAX),
        after: None,
    };
    let door = LedgerDoor::open(&sources, &config).await?;
    export(request, args.json, &door, printer).await?;
    Ok(ExitStatus::Ok)
}

/// Page by page, so that neither side holds all of it.
async fn export(
    mut request: ExportRequest,
    is_json: bool,
    door: &LedgerDoor<'_>,
    printer: &Printer,
) -> Result<(), Failure> {
    if !is_json {
        printer.raw(csv::header().as_bytes());
    }
    loop {
        let page = door.export(request).await?;
        for row in &page.rows {
            if is_json {
                printer.line(serde_json::to_string(row).unwrap_or_default());
            } else {
                printer.raw(csv::row(row).as_bytes());
            }
        }
        if page.next.is_none() {
            return Ok(());
        }
        request.after = page.next;
    }
}
