//! `forebay repo`: local repositories, to which images are pushed.

mod change;
mod expire;
mod import;
pub(crate) mod list;
mod show;

use clap::Subcommand;
use forebay_config::Environment;
use forebay_terminal::{ExitStatus, Failure, Printer, with_exit_codes};

/// Lists, makes, changes and deletes local repositories, and applies lifecycle rules to them
///
/// A server that runs on the data directory does it at once; where none runs, it is done in the data directory. Whoever pushes to
/// a name makes its repository, too: it need not be made before, but to say what holds in it.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Examples:\n  forebay repo list\n  forebay repo create team/app --immutable-tags 'v*' --quota 20GiB\n  forebay repo expire 'team/*' --dry-run"))]
pub struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    List(list::Args),
    Show(show::Args),
    Create(change::Create),
    Set(change::Set),
    Delete(change::Delete),
    Expire(Box<expire::Args>),
    Import(import::Args),
}

/// Runs `repo`.
///
/// # Errors
/// What is wrong with the configuration or a name, or why it could not be done.
pub async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    match args.act {
        Act::List(args) => list::run(args, environment, printer).await,
        Act::Show(args) => show::run(args, environment, printer).await,
        Act::Create(args) => change::create(args, environment, printer).await,
        Act::Set(args) => change::set(args, environment, printer).await,
        Act::Delete(args) => change::delete(args, environment, printer).await,
        Act::Expire(args) => expire::run(*args, environment, printer).await,
        Act::Import(args) => import::run(&args, printer),
    }
}
