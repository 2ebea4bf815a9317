//! `forebay user`: people, who log in with a password.

use std::path::Path;

use clap::Subcommand;
use forebay_access::{ACCOUNTS_AT_A_TIME, AccountOrder, AccountOutcome, UserText};
use forebay_config::{Environment, load};
use forebay_server::order_accounts;
use forebay_terminal::{
    ExitStatus, Failure, Json, Printer, SourceArgs, amounts, table, with_exit_codes,
};

use crate::change::change;
use crate::password::PasswordArgs;
use crate::words::account_name;

/// Makes, lists and changes the accounts of people
///
/// A server that runs on the data directory does it at once; where none runs, it is done in the data directory. What users may
/// do is what the configuration's policies say.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Examples:\n  forebay user add alice --generate\n  forebay user add alice <password.txt\n  forebay user disable alice --data /var/lib/forebay"))]
pub struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Make a user, with the password that is on standard input, or is typed on a terminal
    Add {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// List users
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        source: SourceArgs,
    },
    /// Give a user the password that is on standard input, or is typed on a terminal; what the old one was good for ends at once
    Password {
        #[command(flatten)]
        who: Who,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Put a user out at once, and keep the account
    Disable {
        #[command(flatten)]
        who: Who,
    },
    /// Let a disabled user in again
    Enable {
        #[command(flatten)]
        who: Who,
    },
    /// Forget a user
    Remove {
        #[command(flatten)]
        who: Who,
    },
}

#[derive(Debug, clap::Args)]
struct Who {
    /// The user's name
    #[arg(value_parser = account_name)]
    name: String,
    #[command(flatten)]
    source: SourceArgs,
}

/// Runs `user`.
///
/// # Errors
/// What is wrong with the configuration or the name, or why the accounts cannot be changed.
pub async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let (order, source, new) = match args.act {
        Act::List { json, source } => {
            let config = load(&source.without_listen(environment))?;
            return list(&config.data, json, printer).await;
        }
        Act::Add { who, password } => {
            let example = format!("forebay user add {}", who.name);
            let given = password.give((&who.name, &example), printer).await?;
            let new = given.is_new.then(|| given.password.clone());
            let (name, password) = (who.name, given.password);
            (AccountOrder::AddUser { name, password }, who.source, new)
        }
        Act::Password { who, password } => {
            let example = format!("forebay user password {}", who.name);
            let given = password.give((&who.name, &example), printer).await?;
            let new = given.is_new.then(|| given.password.clone());
            let (name, password) = (who.name, given.password);
            (
                AccountOrder::SetPassword { name, password },
                who.source,
                new,
            )
        }
        Act::Disable { who } => (
            AccountOrder::DisableUser { name: who.name },
            who.source,
            None,
        ),
        Act::Enable { who } => (
            AccountOrder::EnableUser { name: who.name },
            who.source,
            None,
        ),
        Act::Remove { who } => (
            AccountOrder::RemoveUser { name: who.name },
            who.source,
            None,
        ),
    };
    let config = load(&source.without_listen(environment))?;
    let done = order.to_string();
    change(&config, order, printer).await?;
    printer.note(format_args!("done: {done}"));
    if let Some(password) = new {
        printer.line(password.expose());
    }
    Ok(ExitStatus::Ok)
}

async fn list(data: &Path, json: bool, printer: &Printer) -> Result<ExitStatus, Failure> {
    let mut users: Vec<UserText> = Vec::new();
    loop {
        let after = users.last().map(|user| user.name.clone());
        let AccountOutcome::Users(page) =
            order_accounts(data, AccountOrder::ListUsers { after }).await?
        else {
            return Err(Failure::plain("the answer is no list of users"));
        };
        let is_last = page.len() < ACCOUNTS_AT_A_TIME as usize;
        users.extend(page);
        if is_last {
            break;
        }
    }
    if json {
        printer.line(Json::indented(&users));
        return Ok(ExitStatus::Ok);
    }
    let row = |user: &UserText| {
        let state = if user.disabled { "disabled" } else { "active" };
        let since = amounts::moment(user.created_unix_ms);
        [user.name.clone(), state.to_owned(), format!("made {since}")]
    };
    for line in table(&users.iter().map(row).collect::<Vec<_>>()) {
        printer.line(line);
    }
    if users.is_empty() {
        printer.note("there are no users: forebay user add NAME makes one");
    }
    Ok(ExitStatus::Ok)
}
