//! `forebay man`: the manual, a page for the program and one for each command.

use std::path::PathBuf;

use clap_mangen::Man;

use forebay_terminal::{ExitStatus, Failure, Printer};

use super::command_line;

/// Writes the man pages into a folder, or prints the program's own
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  forebay man /usr/local/share/man/man1")]
pub(super) struct Args {
    /// The folder, which must be there
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
}

/// Runs `man`.
///
/// # Errors
/// Why a page could not be written.
pub(super) fn run(args: &Args, printer: &Printer) -> Result<ExitStatus, Failure> {
    match &args.folder {
        None => {
            let mut page = Vec::new();
            Man::new(command_line())
                .render(&mut page)
                .map_err(|error| Failure::failed("cannot render the man page", error))?;
            printer.raw(&page);
        }
        Some(folder) => clap_mangen::generate_to(command_line(), folder).map_err(|error| {
            let what = format!("cannot write man pages into {}", folder.display());
            Failure::failed(what, error)
        })?,
    }
    Ok(ExitStatus::Ok)
}
