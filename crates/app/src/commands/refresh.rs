//! `forebay refresh`: has a running server look at a tag again.

use super::{ListenArgs, SourceArgs, with_exit_codes};
use crate::config::{Environment, load};
use crate::error::Failure;
use crate::exit::ExitStatus;
use crate::printer::Printer;

/// Has the running server ask the upstream about a tag now, whatever its age
///
/// Speaks to the server over the socket in its data directory. It costs one HEAD; a changed tag is fetched when it is next
/// pulled.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Examples:\n  forebay refresh nginx:1.27\n  forebay refresh ghcr.io/org/app:latest --data /var/lib/forebay"))]
pub(super) struct Args {
    /// The image with its tag, as it is pulled: nginx:1.27, ghcr.io/org/app:latest
    #[arg(value_name = "IMAGE")]
    pub image: String,

    #[command(flatten)]
    source: SourceArgs,
}

/// Runs `refresh`.
///
/// # Errors
/// What is wrong with the configuration or the image's name, or why the server cannot be asked.
#[expect(
    clippy::unused_async,
    reason = "the wiring that this is handed to is async"
)]
pub(super) async fn run(
    args: Args,
    environment: Environment,
    _printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let sources = args.source.sources(ListenArgs::default(), environment);
    let config = load(&sources)?;
    let what = format!("no way yet to the server on {}", config.data.display());
    Err(Failure::Failed {
        what,
        source: None,
        hints: Vec::new(),
    })
}
