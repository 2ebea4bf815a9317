//! `forebay refresh`: has a running server look at a tag again.

use forebay_api_admin::RefreshRequest;
use forebay_config::{Environment, load};
use forebay_server::{ask_running, is_data_dir};
use forebay_terminal::{ExitStatus, Failure, Printer, SourceArgs, with_exit_codes};

/// Has the running server ask the upstream about a tag now, whatever its age
///
/// Speaks to the server over the socket in its data directory. It costs one HEAD, and one GET if
/// the tag has changed.
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
pub(super) async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let sources = args.source.without_listen(environment);
    let config = load(&sources)?;
    let what = RefreshRequest { image: args.image };
    let told: Option<String> = ask_running(&config.data, "/refresh", &what).await?;
    let Some(told) = told else {
        let dir = config.data.display();
        let what = if is_data_dir(&config.data) {
            format!("no server runs on the data directory {dir}")
        } else {
            format!("there is no data directory at {dir}")
        };
        return Err(Failure::plain(what)
            .with_hint("start it with forebay serve, or name its directory with --data"));
    };
    printer.line(told);
    Ok(ExitStatus::Ok)
}
