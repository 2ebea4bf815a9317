//! `forebay alerts`: whether alerts arrive.

use clap::Subcommand;

use forebay_config::{Environment, load};
use forebay_server::test_alerts;
use forebay_terminal::{ExitStatus, Failure, Printer, SourceArgs};

/// The end of the command's help.
const AFTER_HELP: &str = "\
Example:
  forebay alerts test

Exit codes:
  0  it arrived everywhere
  1  a webhook did not take it
  2  the command line or the configuration is wrong
  3  failed, or there is no webhook";

/// Alerts to webhooks
#[derive(Debug, clap::Args)]
#[command(arg_required_else_help = true)]
pub(super) struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    Test(TestArgs),
}

/// Sends an alert to each webhook, once, and says what came of it
///
/// The running server sends it, by the configuration that it has taken over; where none runs, this does.
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
struct TestArgs {
    #[command(flatten)]
    source: SourceArgs,
}

/// Runs `alerts`.
///
/// # Errors
/// What is wrong with the configuration, or why nothing can be sent.
pub(super) async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let Act::Test(args) = args.act;
    let sources = args.source.without_listen(environment);
    let config = load(&sources)?;
    let tried = test_alerts(&config).await?;
    if tried.is_empty() {
        return Err(Failure::plain("there is no webhook").with_hint("write [[alerts.webhooks]] with a url_file in the configuration; a running server takes it over on SIGHUP"));
    }
    let mut status = ExitStatus::Ok;
    for delivery in tried {
        let webhook = &delivery.webhook;
        match &delivery.trouble {
            None => printer.line(format_args!("webhook {webhook}: delivered")),
            Some(trouble) => {
                status = ExitStatus::Findings;
                printer.line(format_args!("webhook {webhook}: not delivered: {trouble}"));
            }
        }
    }
    Ok(status)
}
