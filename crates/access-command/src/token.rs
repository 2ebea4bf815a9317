//! `forebay token`: tokens for programs, each for what it is to do and for how long.

use std::path::Path;
use std::time::Duration;

use clap::Subcommand;
use forebay_access::{ACCOUNTS_AT_A_TIME, AccountOrder, AccountOutcome, RightText, RobotText};
use forebay_config::{Environment, load, time_span};
use forebay_server::order_accounts;
use forebay_terminal::{
    ExitStatus, Failure, Json, Printer, SourceArgs, amounts, table, with_exit_codes,
};

use crate::change::change;
use crate::words::{account_name, actions, repositories};

/// What `--expires` takes for a token that does not.
const NEVER: &str = "never";

/// Gives programs tokens, lists and revokes them
///
/// A token may do what it was made for, and what the configuration's policies give to its name; it is shown once, when it is made.
/// It is the password of a docker login under any user's name. A server that runs on the data directory does it at once; where
/// none runs, it is done in the data directory.
#[derive(Debug, clap::Args)]
#[command(after_help = with_exit_codes("Examples:\n  forebay token create --name ci --repo 'team/*' --actions pull,push --expires 90d\n  forebay token create --repo 'docker.io/library/*' | docker login --username token --password-stdin registry.example\n  forebay token revoke ci"))]
pub struct Args {
    #[command(subcommand)]
    act: Act,
}

#[derive(Debug, Subcommand)]
enum Act {
    /// Make a token and print it, once
    Create(Create),
    /// List tokens: what they may do, not what they are
    List {
        /// Print them as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        source: SourceArgs,
    },
    /// Make a token worth nothing at once
    Revoke {
        /// The token's id, or the name of all that are to be revoked
        name: String,
        #[command(flatten)]
        source: SourceArgs,
    },
}

#[derive(Debug, clap::Args)]
struct Create {
    /// What the token is called in policies, lists and logs
    #[arg(long, value_name = "NAME", default_value = "robot", value_parser = account_name)]
    name: String,

    /// A pattern of repositories that it is for; local ones as team/*, others as docker.io/library/*
    #[arg(long = "repo", value_name = "PATTERN", required = true, value_parser = repositories)]
    repositories: Vec<String>,

    /// What it may do there: pull, push, delete, admin, with commas between; who pushes needs pull as well, and admin on **
    /// is to read /metrics
    #[arg(long, value_name = "ACTIONS", default_value = "pull", value_parser = actions)]
    actions: String,

    /// After what time it is worth nothing, such as 90d; or never
    #[arg(long, value_name = "SPAN", default_value = "90d", value_parser = expiry)]
    expires: Expiry,

    /// Print the token as JSON, with its id
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    source: SourceArgs,
}

#[derive(Debug, Clone, Copy)]
struct Expiry(Option<Duration>);

/// Runs `token`.
///
/// # Errors
/// What is wrong with the configuration or a pattern, or why the accounts cannot be changed.
pub async fn run(
    args: Args,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    match args.act {
        Act::Create(create) => self::create(create, environment, printer).await,
        Act::List { json, source } => {
            let config = load(&source.without_listen(environment))?;
            list(&config.data, json, printer).await
        }
        Act::Revoke { name, source } => {
            let config = load(&source.without_listen(environment))?;
            let told = change(&config, AccountOrder::RevokeRobot { name }, printer).await?;
            for robot in robots_of(told)? {
                printer.line(format_args!("{}  {}  revoked", robot.id, robot.name));
            }
            Ok(ExitStatus::Ok)
        }
    }
}

async fn create(
    create: Create,
    environment: Environment,
    printer: &Printer,
) -> Result<ExitStatus, Failure> {
    let config = load(&create.source.without_listen(environment))?;
    let order = AccountOrder::AddRobot {
        name: create.name,
        rights: vec![RightText {
            repositories: create.repositories,
            actions: create.actions,
        }],
        expires_in_seconds: create.expires.0.map(|span| span.as_secs()),
    };
    let AccountOutcome::Made { robot, token } = change(&config, order, printer).await? else {
        return Err(Failure::plain("the answer is no token"));
    };
    if create.json {
        let made = serde_json::json!({ "token": token.expose(), "robot": robot });
        printer.line(Json::indented(&made));
        return Ok(ExitStatus::Ok);
    }
    printer.line(token.expose());
    let until = until(&robot);
    printer.note(format_args!(
        "token {} for {}, {until}: it is shown this once, and kept nowhere",
        robot.id, robot.name
    ));
    Ok(ExitStatus::Ok)
}

async fn list(data: &Path, json: bool, printer: &Printer) -> Result<ExitStatus, Failure> {
    let mut robots: Vec<RobotText> = Vec::new();
    loop {
        let after = robots.last().map(|robot| robot.id.clone());
        let page = order_accounts(data, AccountOrder::ListRobots { after }).await?;
        let page = robots_of(page)?;
        let is_last = page.len() < ACCOUNTS_AT_A_TIME as usize;
        robots.extend(page);
        if is_last {
            break;
        }
    }
    if json {
        printer.line(Json::indented(&robots));
        return Ok(ExitStatus::Ok);
    }
    let row = |robot: &RobotText| {
        let rights = robot.rights.iter().map(ToString::to_string);
        let rights = rights.collect::<Vec<_>>().join("; ");
        [robot.id.clone(), robot.name.clone(), rights, until(robot)]
    };
    for line in table(&robots.iter().map(row).collect::<Vec<_>>()) {
        printer.line(line);
    }
    if robots.is_empty() {
        printer.note("there are no tokens: forebay token create makes one");
    }
    Ok(ExitStatus::Ok)
}

fn robots_of(told: AccountOutcome) -> Result<Vec<RobotText>, Failure> {
    match told {
        AccountOutcome::Robots(robots) => Ok(robots),
        _ => Err(Failure::plain("the answer is no list of tokens")),
    }
}

fn until(robot: &RobotText) -> String {
    match (robot.revoked_unix_ms, robot.expires_unix_ms) {
        (Some(at), _) => format!("revoked {}", amounts::moment(at)),
        (None, Some(at)) => format!("expires {}", amounts::moment(at)),
        (None, None) => "does not expire".to_owned(),
    }
}

fn expiry(text: &str) -> Result<Expiry, String> {
    if text == NEVER {
        return Ok(Expiry(None));
    }
    match time_span(text)? {
        Duration::ZERO => Err("a token that is worth nothing is not made".to_owned()),
        span => Ok(Expiry(Some(span))),
    }
}
