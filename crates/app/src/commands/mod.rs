//! The command line: one file a command, each with its `Args` and `run`.
//!
//! This is the menu and the way in; commands return how they ended, and only here is a failure printed.

mod alerts;
mod backup;
mod budget;
mod completions;
mod config;
mod docs;
mod files;
mod forecast;
mod fsck;
mod ledger;
mod man;
mod refresh;
mod rewrite;
mod serve;
mod top;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};

use forebay_access_command::{token, user};
use forebay_config::Environment;
use forebay_doctor_command as doctor;
use forebay_repository_command::{gc, pin, repo};
use forebay_setup_command as setup;
use forebay_terminal::{EXIT_CODES, ExitStatus, Failure, Printer, report};

/// A pull-through cache that knows pull limits, and a registry, for container images.
#[derive(Debug, Parser)]
#[command(name = "forebay", version, after_help = EXIT_CODES, arg_required_else_help = true)]
#[command(max_term_width = 100, propagate_version = false)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Args),
    Budget(budget::Args),
    Top(top::Args),
    Ledger(ledger::Args),
    Alerts(alerts::Args),
    Doctor(Box<doctor::Args>),
    Forecast(Box<forecast::Args>),
    Setup(Box<setup::Args>),
    Rewrite(Box<rewrite::Args>),
    Refresh(refresh::Args),
    Fsck(fsck::Args),
    Backup(backup::Args),
    Repo(repo::Args),
    Pin(pin::Args),
    Gc(gc::Args),
    User(user::Args),
    Token(token::Args),
    Config(config::Args),
    Completions(completions::Args),
    Man(man::Args),
    #[command(hide = true)]
    Docs(docs::Args),
}

/// Runs the command that `args` (the program's name first) say, and tells how it ended.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    environment: Environment,
    printer: &Printer,
) -> ExitStatus {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(answer) => return tell(&answer, printer),
    };
    match dispatch(cli.command, environment, printer) {
        Ok(status) => status,
        Err(failure) => {
            report(&failure, printer);
            failure.status()
        }
    }
}

/// The whole command line as clap knows it, for help, man pages and completions.
pub(crate) fn command_line() -> clap::Command {
    Cli::command()
}

fn dispatch(
    command: Command,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    match command {
        Command::Serve(args) => block_on(serve::run(args, environment)),
        Command::Budget(args) => block_on(budget::run(args, environment, printer)),
        Command::Top(args) => block_on(top::run(args, environment, printer)),
        Command::Ledger(args) => block_on(ledger::run(args, environment, printer)),
        Command::Alerts(args) => block_on(alerts::run(args, environment, printer)),
        Command::Doctor(args) => block_on(doctor::run(*args, environment, printer)),
        Command::Forecast(args) => block_on(forecast::run(*args, environment, printer)),
        Command::Setup(args) => block_on(setup::run(*args, environment, printer)),
        Command::Rewrite(args) => block_on(rewrite::run(*args, environment, printer)),
        Command::Refresh(args) => block_on(refresh::run(args, environment, printer)),
        Command::Fsck(args) => block_on(fsck::run(args, environment, printer)),
        Command::Repo(args) => block_on(repo::run(args, environment, printer)),
        Command::Pin(args) => block_on(pin::run(args, environment, printer)),
        Command::Gc(args) => block_on(gc::run(args, environment, printer)),
        Command::Backup(args) => block_on(backup::run(args, environment, printer)),
        Command::User(args) => block_on(user::run(args, environment, printer)),
        Command::Token(args) => block_on(token::run(args, environment, printer)),
        Command::Config(args) => config::run(args, environment, printer),
        Command::Completions(args) => Ok(completions::run(&args, printer)),
        Command::Man(args) => man::run(&args, printer),
        Command::Docs(args) => docs::run(&args, printer),
    }
}

/// Prints what clap has to say: help and version are answers, the rest is a mistake.
fn tell(answer: &clap::Error, printer: &Printer) -> ExitStatus {
    let text = answer.render().to_string();
    if answer.use_stderr() {
        printer.notes(text.trim_end());
        ExitStatus::Usage
    } else {
        printer.line(text.trim_end());
        ExitStatus::Ok
    }
}

fn block_on(
    command: impl Future<Output = Result<ExitStatus, Failure>>,
) -> Result<ExitStatus, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed("cannot start the async runtime", error))?
        .block_on(command)
}
