//! `--probe`: what registries see of this machine, and whether its clients' mirrors answer. Spends no pull.

mod mirrors;
mod text;
mod tls;

use std::path::Path;
use std::sync::Arc;

use forebay_config::{Config, Sources, load};
use forebay_content::Clock;
use forebay_http_kit::address::is_public;
use forebay_limits::Source;
use forebay_server::{Heard, Probed, Unanswered, ask_mirror, probe as ask};
use forebay_terminal::Failure;
use mirrors::Mirror;
use serde::Serialize;

/// How far clocks may be apart: tokens and signatures of AWS are refused beyond.
const MAX_CLOCK_APART_S: i64 = 300;

/// What was found.
#[derive(Debug, Serialize)]
pub(crate) struct ProbeReport {
    /// By registry and mirror.
    checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Check {
    /// Of which registry, or file.
    of: String,
    /// What.
    what: &'static str,
    /// What was found.
    found: String,
    /// Whether that is wrong.
    is_bad: bool,
    /// The fault's name, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<&'static str>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

/// Asks the upstreams of these names, and the mirrors of this machine's clients.
///
/// # Errors
/// The configuration is wrong, or has no such upstream.
pub(crate) async fn probe(
    (names, root): (&[String], &Path),
    sources: &Sources,
    clock: Arc<dyn Clock>,
) -> Result<ProbeReport, Failure> {
    let config = load(sources)?;
    let mut checks = Vec::new();
    let now_unix_s = clock.now().unix_seconds();
    for name in names {
        let probed = ask((sources, &config), name, Arc::clone(&clock)).await?;
        checks.extend(judge((name, now_unix_s), &probed));
    }
    checks.extend(proxies(&config));
    for (file, mirror) in mirrors::read(root) {
        checks.push(look_at_mirror((&config, now_unix_s), file, mirror).await);
    }
    Ok(ProbeReport { checks })
}

impl ProbeReport {
    pub(crate) fn told(&self) -> Vec<String> {
        text::told(&self.checks)
    }

    /// Whether anything is wrong.
    pub(crate) fn is_bad(&self) -> bool {
        self.checks.iter().any(|check| check.is_bad)
    }
}

impl Check {
    /// One without a name for what is wrong.
    fn new(of: &str, what: &'static str, (found, is_bad): (String, bool)) -> Self {
        Self {
            of: of.to_owned(),
            what,
            found,
            is_bad,
            fault: None,
            cure: None,
        }
    }
}

/// What the answers mean.
fn judge((name, now_unix_s): (&str, u64), probed: &Probed) -> Vec<Check> {
    let check = |what, found| Check::new(name, what, found);
    let mut checks = vec![check("dns", judge_dns(probed))];
    for (address, way) in &probed.ways {
        let family = if address.is_ipv4() { "ipv4" } else { "ipv6" };
        checks.push(check(
            family,
            match way {
                Ok(()) => (format!("there is a way to {address}"), false),
                Err(why) => (format!("no way to {address}: {why}"), false),
            },
        ));
    }
    checks.extend(tls::judge((name, now_unix_s), probed));
    let ping = match &probed.ping {
        Ok(heard) => (
            format!("GET /v2/ is answered {}", heard.status),
            heard.status >= 500,
        ),
        Err(Unanswered { why, .. }) => (format!("nobody answers: {why}"), true),
    };
    checks.push(check("answer", ping));
    if let Some(ahead) = probed.clock_ahead_s {
        checks.push(check("clock", judge_clock(ahead)));
    }
    if let Some(source) = probed
        .ping
        .as_ref()
        .ok()
        .and_then(|heard| heard.source.as_ref())
    {
        checks.push(check(
            "address",
            (format!("it sees {}", told_source(source)), false),
        ));
    }
    if let Some(head) = &probed.head {
        checks.extend(
            judge_head(head, probed.has_credentials).map(|(what, found)| check(what, found)),
        );
    }
    checks
}

fn judge_dns(probed: &Probed) -> (String, bool) {
    let addresses = match &probed.addresses {
        Ok(addresses) => addresses,
        Err(why) => return (format!("{} has no address: {why}", probed.host), true),
    };
    let bare = probed.host.trim_matches(['[', ']']);
    if bare.parse::<std::net::IpAddr>().is_ok() {
        return (
            format!("{} is an address, and needs no name", probed.host),
            false,
        );
    }
    let told: Vec<String> = addresses
        .iter()
        .map(|address| {
            let private = "(private: a mirror, an endpoint or a name of your own)";
            if is_public(*address) {
                address.to_string()
            } else {
                format!("{address} {private}")
            }
        })
        .collect();
    (
        format!("{} is {}", probed.host, told.join(", ")),
        told.is_empty(),
    )
}

fn judge_clock(ahead_s: i64) -> (String, bool) {
    let is_bad = ahead_s.abs() > MAX_CLOCK_APART_S;
    let text = match ahead_s {
        -2..=2 => "ours is right".to_owned(),
        3.. => format!("ours is {ahead_s} s behind its own"),
        _ => format!("ours is {} s ahead of its own", -ahead_s),
    };
    (text, is_bad)
}

/// What the free HEAD says of credentials and budget.
fn judge_head(
    answer: &Result<Heard, String>,
    has_credentials: bool,
) -> impl Iterator<Item = (&'static str, (String, bool))> {
    let mut all = Vec::new();
    match answer {
        Err(why) => all.push(("budget", (format!("not told: {why}"), true))),
        Ok(heard) => {
            let source = heard.source.as_ref();
            let is_account = source.is_some_and(|source| matches!(source, Source::Account(_)));
            let credentials = match (has_credentials, source) {
                (false, _) => ("none are configured".to_owned(), false),
                (true, Some(_)) if is_account => ("they are applied".to_owned(), false),
                (true, Some(source)) => (
                    format!("they are NOT applied: {} is charged", told_source(source)),
                    true,
                ),
                (true, None) => ("it does not say whom it charges".to_owned(), false),
            };
            all.push(("credentials", credentials));
            let budget = match heard.limit {
                Some((Some(limit), Some(left))) => {
                    (format!("{left} of {limit} pulls are left"), left == 0)
                }
                Some((None, Some(left))) => (format!("{left} pulls are left"), left == 0),
                _ => ("it says nothing of a limit".to_owned(), false),
            };
            all.push(("budget", budget));
        }
    }
    all.into_iter()
}

/// Whom it counts; an account's id is not shown.
fn told_source(source: &Source) -> String {
    match source {
        Source::Address(address) => address.to_string(),
        Source::Prefix64(prefix) => format!("{prefix}/64"),
        Source::Account(_) => "an account".to_owned(),
        Source::Other(_) => "something unknown".to_owned(),
    }
}

/// The proxies of the environment, without their passwords.
fn proxies(config: &Config) -> Vec<Check> {
    let proxies = &config.proxies;
    let named = [
        ("HTTPS_PROXY", &proxies.https),
        ("HTTP_PROXY", &proxies.http),
        ("ALL_PROXY", &proxies.all),
    ];
    let found = named
        .iter()
        .filter_map(|(name, proxy)| Some(format!("{name} is {}", proxy.as_ref()?)));
    let mut found: Vec<String> = found.collect();
    if let (false, Some(no_proxy)) = (found.is_empty(), &proxies.no_proxy) {
        found.push(format!("NO_PROXY is {no_proxy}"));
    }
    let check = |found| Check::new("environment", "proxy", (found, false));
    if found.is_empty() {
        return vec![check("none".to_owned())];
    }
    found.into_iter().map(check).collect()
}

async fn look_at_mirror(
    (config, now_unix_s): (&Config, u64),
    file: String,
    mirror: Mirror,
) -> Check {
    let mut fault = None;
    let (found, is_bad) = match mirror {
        Mirror::Broken(why) => (why.to_owned(), true),
        Mirror::Unread(why) => (why, false),
        Mirror::At(url) => match ask_mirror(config, &url).await {
            Ok(status @ (200..300 | 401)) => (
                format!(
                    "{url} answers {status}: whether pulls come through it, forebay setup CLIENT --check tells"
                ),
                false,
            ),
            Ok(status) => (
                format!(
                    "{url} answers {status}, as no registry does: clients go past it, to the registry itself"
                ),
                true,
            ),
            Err(Unanswered { why, tls }) => {
                fault = tls.map(|(host, cause)| tls::of_mirror((&host, &file), &cause, now_unix_s));
                (
                    format!(
                        "{url} does not answer: clients go past it, to the registry itself ({why})"
                    ),
                    true,
                )
            }
        },
    };
    let check = Check::new(&file, "mirror", (found, is_bad));
    match fault {
        Some(fault) => fault.told_in(check),
        None => check,
    }
}
