//! The `forebay` binary: everything is in the library.

use std::process::ExitCode;

use forebay_config::Environment;
use forebay_terminal::Printer;

fn main() -> ExitCode {
    let printer = Printer::standard();
    let status = forebay::commands::run(std::env::args_os(), Environment::capture(), &printer);
    printer.finish(status).into()
}
