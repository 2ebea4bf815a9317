//! `forebay docs`: writes the reference pages from the code, so that they cannot say something else.

use std::fmt::Write as _;
use std::path::PathBuf;

use forebay_config::{reference_page, schema};
use forebay_terminal::{ExitStatus, Failure, Printer};

use super::command_line;

/// The width that help texts are wrapped at in the page, in columns.
const PAGE_COLUMNS: usize = 100;

/// Writes config.md, cli.md and forebay.schema.json into a folder
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  forebay docs docs/reference")]
pub(super) struct Args {
    /// The folder, which must be there
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs `docs`.
///
/// # Errors
/// Why a page could not be written.
pub(super) fn run(args: &Args, printer: &Printer) -> Result<ExitStatus, Failure> {
    for (name, page) in [
        ("config.md", reference_page()),
        ("cli.md", cli_page()),
        ("forebay.schema.json", format!("{}\n", schema())),
    ] {
        let path = args.folder.join(name);
        std::fs::write(&path, page)
            .map_err(|error| Failure::failed(format!("cannot write {}", path.display()), error))?;
        printer.line(path.display());
    }
    Ok(ExitStatus::Ok)
}

fn cli_page() -> String {
    let mut page = "# Commands\n\n<!-- Generated from the code by `forebay docs`. -->\n".to_owned();
    let mut program = command_line().term_width(PAGE_COLUMNS);
    program.build();
    write_command(&mut page, program, "");
    page
}

fn write_command(page: &mut String, mut command: clap::Command, parent: &str) {
    let path = format!("{parent}{}", command.get_name());
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(
        page,
        "\n## {path}\n\n```text\n{}\n```\n",
        lines.join("\n").trim_end()
    );
    let visible = |child: &&clap::Command| !child.is_hide_set() && child.get_name() != "help";
    for child in command.get_subcommands().filter(visible) {
        write_command(page, child.clone(), &format!("{path} "));
    }
}
