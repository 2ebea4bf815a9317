//! `forebay token`: tokens for programs, each for what it is to do and for how long.

use std::path::Path;
use std::time::Duration;

use clap::Subcommand;
use forebay_access::{
    ACCOUNTS_AT_A_TIME, AccountOrder, AccountOrderError, AccountOutcome, MAX_ROBOT_LIFETIME,
    MIN_ROBOT_LIFETIME, RightText, RobotText,
};
use forebay_config::{Config, Environment, load, notes_of_token, time_span};
use forebay_content::{Clock as _, SystemClock};
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

    /// After what time it is worth nothing, such as 90d, and at most 3650d; or never
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
                let was = match robot.revoked_unix_ms {
                    Some(at) => format!("was revoked already, {}", amounts::moment(at)),
                    None => "revoked".to_owned(),
                };
                printer.line(format_args!("{}  {}  {was}", robot.id, robot.name));
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
    let right = RightText {
        repositories: create.repositories,
        actions: create.actions,
    };
    let notes = notes(&config, &create.name, right.clone())?;
    let order = AccountOrder::AddRobot {
        name: create.name,
        rights: vec![right],
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
    let now = now();
    let until = until(&robot, now);
    printer.note(format_args!(
        "token {} for {}, {until}: it is shown this once, and kept nowhere",
        robot.id, robot.name
    ));
    for note in notes {
        printer.note(note);
    }
    let others = robots(&config.data).await?.into_iter();
    let others = others.filter(|other| other.name == robot.name && other.id != robot.id);
    let live: Vec<String> = others
        .filter(|other| is_live(other, now))
        .map(|other| other.id)
        .collect();
    if !live.is_empty() {
        printer.note(format_args!(
            "what was called {} before goes on being good, too: {}; forebay token revoke ID ends one",
            robot.name,
            live.join(", ")
        ));
    }
    Ok(ExitStatus::Ok)
}

/// What `forebay config check` would say of a rule that gives as much.
fn notes(config: &Config, name: &str, right: RightText) -> Result<Vec<String>, Failure> {
    let cannot = |error: AccountOrderError| Failure::failed("cannot make a token", error);
    let wrong = |why| AccountOrderError::Name(name.to_owned(), why);
    let name = name.parse().map_err(wrong).map_err(cannot)?;
    Ok(notes_of_token(config, &name, right.read().map_err(cannot)?))
}

/// All tokens.
async fn robots(data: &Path) -> Result<Vec<RobotText>, Failure> {
    let mut robots: Vec<RobotText> = Vec::new();
    loop {
        let after = robots.last().map(|robot| robot.id.clone());
        let page = order_accounts(data, AccountOrder::ListRobots { after }).await?;
        let page = robots_of(page)?;
        let is_last = page.len() < ACCOUNTS_AT_A_TIME as usize;
        robots.extend(page);
        if is_last {
            return Ok(robots);
        }
    }
}

async fn list(data: &Path, json: bool, printer: &Printer) -> Result<ExitStatus, Failure> {
    let robots = robots(data).await?;
    if json {
        printer.line(Json::indented(&robots));
        return Ok(ExitStatus::Ok);
    }
    let now = now();
    let row = |robot: &RobotText| {
        let rights = robot.rights.iter().map(ToString::to_string);
        let rights = rights.collect::<Vec<_>>().join("; ");
        [
            robot.id.clone(),
            robot.name.clone(),
            rights,
            until(robot, now),
        ]
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

fn until(robot: &RobotText, now: i64) -> String {
    match (robot.revoked_unix_ms, robot.expires_unix_ms) {
        (Some(at), _) => format!("revoked {}", amounts::moment(at)),
        (None, Some(at)) if at <= now => format!("expired {}", amounts::moment(at)),
        (None, Some(at)) => format!("expires {}", amounts::moment(at)),
        (None, None) => "does not expire".to_owned(),
    }
}

fn is_live(robot: &RobotText, now: i64) -> bool {
    let is_expired = robot.expires_unix_ms.is_some_and(|at| at <= now);
    robot.revoked_unix_ms.is_none() && !is_expired
}

/// In milliseconds since the UNIX epoch.
fn now() -> i64 {
    SystemClock::new().now().0
}

fn expiry(text: &str) -> Result<Expiry, String> {
    if text == NEVER {
        return Ok(Expiry(None));
    }
    match time_span(text)? {
        span if span < MIN_ROBOT_LIFETIME => {
            Err("a token that is worth nothing is not made".to_owned())
        }
        span if span > MAX_ROBOT_LIFETIME => Err(format!(
            "at most {}d; of one that is to last longer say {NEVER}",
            MAX_ROBOT_LIFETIME.as_secs() / (24 * 60 * 60)
        )),
        span => Ok(Expiry(Some(span))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_live_until_it_is_revoked_or_its_time_is_over() {
        let now = 1_795_239_699_000;
        for (expires, revoked, is_live, told) in [
            (None, None, true, "does not expire"),
            (Some(now + 1), None, true, "expires 2026-11-21T05:41:39Z"),
            (Some(now), None, false, "expired 2026-11-21T05:41:39Z"),
            (None, Some(now), false, "revoked 2026-11-21T05:41:39Z"),
            (Some(0), Some(now), false, "revoked 2026-11-21T05:41:39Z"),
        ] {
            let robot = RobotText {
                id: "0123456789ab".to_owned(),
                name: "ci".to_owned(),
                rights: Vec::new(),
                created_unix_ms: 0,
                expires_unix_ms: expires,
                revoked_unix_ms: revoked,
            };
            assert_eq!(self::is_live(&robot, now), is_live, "{told}");
            assert_eq!(until(&robot, now), told);
        }
    }
}
