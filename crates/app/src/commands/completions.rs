//! `forebay completions`: what a shell needs to complete our command line.

use clap_complete::Shell;

use forebay_terminal::{ExitStatus, Printer};

use super::command_line;

/// Prints the completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  forebay completions bash > /etc/bash_completion.d/forebay")]
pub(super) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Runs `completions`.
pub(super) fn run(args: &Args, printer: &Printer) -> ExitStatus {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command_line(), "forebay", &mut script);
    printer.raw(&script);
    ExitStatus::Ok
}
