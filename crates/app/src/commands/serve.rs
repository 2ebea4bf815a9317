//! `forebay serve`: runs the cache.

use forebay_config::Environment;
use forebay_server::serve;
use forebay_terminal::{ExitStatus, Failure, ListenArgs, SourceArgs, with_exit_codes};

/// Runs the cache and the registry until it is told to stop
///
/// Without a file it listens on 127.0.0.1:5000 and keeps its data in ./forebay-data. SIGTERM lets requests in flight
/// finish; SIGHUP reads the configuration again, and a wrong one changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Example:\n  forebay serve --config /etc/forebay/forebay.toml"))]
pub(super) struct Args {
    #[command(flatten)]
    source: SourceArgs,

    #[command(flatten)]
    listen: ListenArgs,
}

/// Runs `serve`.
///
/// # Errors
/// What is wrong with the configuration, or why it cannot listen or keep data.
pub(super) async fn run(args: Args, environment: Environment) -> Result<ExitStatus, Failure> {
    let sources = args.source.sources(args.listen, environment);
    serve(sources).await?;
    Ok(ExitStatus::Ok)
}
