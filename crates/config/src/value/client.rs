//! Clients: how often one may ask, and how long each kind waits.

use std::num::NonZeroU32;
use std::time::Duration;

use forebay_api_registry::{ANSWER_WITHIN, ClientLimit, LimitedClients, Patience};
use ipnet::IpNet;

use super::{Count, ListItem, Shape, TextValue, TimeSpan, Value, unwanted};
use crate::error::Wrong;
use crate::nearest::find_nearest;
use crate::node::{Entry, Node, Raw, read_inline};

/// The most requests a minute, or at once, that a limit may say.
const MAX_REQUESTS: u32 = 1_000_000;

/// The longest patience: shorter than the time within which all is answered.
const MAX_PATIENCE: Duration = ANSWER_WITHIN.saturating_sub(Duration::from_secs(1));

/// What can tell clients apart: one of them.
const WHOSE: [&str; 3] = ["network", "user", "agent"];

/// The keys of one limit.
const LIMIT_KEYS: [&str; 5] = [WHOSE[0], WHOSE[1], WHOSE[2], "requests_per_minute", "burst"];

/// The keys of patience.
const PATIENCE_KEYS: [&str; 4] = ["containerd", "docker", "containers_image", "other"];

impl Value for ClientLimit {
    const WANTED: &'static str =
        "a limit such as { network = \"10.0.0.0/8\", requests_per_minute = 600 }";
    const SHAPE: Shape = Shape::PartialTable(&[
        (LIMIT_KEYS[0], IpNet::SHAPE),
        (LIMIT_KEYS[1], String::SHAPE),
        (LIMIT_KEYS[2], String::SHAPE),
        (LIMIT_KEYS[3], Count::SHAPE),
        (LIMIT_KEYS[4], Count::SHAPE),
    ]);

    fn read(node: &Node) -> Result<Self, Wrong> {
        let Raw::Table(entries) = &node.raw else {
            return Err(unwanted(node, Self::WANTED));
        };
        check_keys(entries, &LIMIT_KEYS, "has a limit with the")?;
        let per_minute = find(entries, "requests_per_minute").ok_or_else(|| {
            Wrong::new("has a limit without `requests_per_minute`").at(&node.origin)
        })?;
        let per_minute = requests(per_minute)?;
        let burst = find(entries, "burst").map(requests).transpose()?;
        Ok(Self {
            of: whose(entries, node)?,
            per_minute,
            burst: burst.unwrap_or(per_minute),
        })
    }

    fn absent() -> Option<Self> {
        None
    }

    fn shown(&self) -> Option<toml::Value> {
        let mut table = toml::Table::new();
        let (key, whose) = match &self.of {
            LimitedClients::Network(network) => (WHOSE[0], network.to_string()),
            LimitedClients::User(user) => (WHOSE[1], user.clone()),
            LimitedClients::Agent(agent) => (WHOSE[2], agent.clone()),
        };
        table.insert(key.to_owned(), whose.into());
        for (key, requests) in [
            ("requests_per_minute", self.per_minute),
            ("burst", self.burst),
        ] {
            table.insert(key.to_owned(), i64::from(requests.get()).into());
        }
        Some(toml::Value::Table(table))
    }
}

impl ListItem for ClientLimit {
    const WANTED_LIST: &'static str =
        "a list of limits such as [{ network = \"10.0.0.0/8\", requests_per_minute = 600 }]";
}

fn whose(entries: &[Entry], limit: &Node) -> Result<LimitedClients, Wrong> {
    let said: Vec<_> = entries
        .iter()
        .filter(|entry| WHOSE.contains(&entry.key.as_str()))
        .collect();
    let [one] = said[..] else {
        let wrong = Wrong::new("has a limit that is for nobody, or for several");
        let wrong = wrong.hint("write one of `network`, `user` and `agent` in each");
        return Err(wrong.at(&limit.origin));
    };
    let text = || String::read(&one.node);
    match one.key.as_str() {
        "network" => IpNet::read(&one.node).map(LimitedClients::Network),
        "user" => text().map(LimitedClients::User),
        _ => text().map(LimitedClients::Agent),
    }
    .map_err(|wrong| wrong.within("has a limit whose", &one.key))
}

fn requests(entry: &Entry) -> Result<NonZeroU32, Wrong> {
    let count = Count::read(&entry.node);
    let count = count.map_err(|wrong| wrong.within("has a limit whose", &entry.key))?;
    let requests = NonZeroU32::new(count.0).filter(|requests| requests.get() <= MAX_REQUESTS);
    requests.ok_or_else(|| {
        let (key, count) = (&entry.key, count.0);
        let what = format!("has a limit whose `{key}` is {count}, wanted 1 to {MAX_REQUESTS}");
        Wrong::new(what).at(&entry.node.origin)
    })
}

impl Value for Patience {
    const WANTED: &'static str = "a table such as { containers_image = \"8s\", other = \"20s\" }";
    const SHAPE: Shape = Shape::PartialTable(&[
        (PATIENCE_KEYS[0], TimeSpan::SHAPE),
        (PATIENCE_KEYS[1], TimeSpan::SHAPE),
        (PATIENCE_KEYS[2], TimeSpan::SHAPE),
        (PATIENCE_KEYS[3], TimeSpan::SHAPE),
    ]);

    fn read(node: &Node) -> Result<Self, Wrong> {
        let inline;
        let raw = match &node.raw {
            Raw::Untyped(text) if text.trim_start().starts_with('{') => {
                inline = read_inline(text.trim(), &node.origin)?.raw;
                &inline
            }
            raw => raw,
        };
        let Raw::Table(entries) = raw else {
            return Err(unwanted(node, Self::WANTED));
        };
        check_keys(entries, &PATIENCE_KEYS, "has the")?;
        let read = |key: &str, default: Duration| match find(entries, key) {
            Some(entry) => span(entry),
            None => Ok(default),
        };
        let usual = Self::default();
        Ok(Self {
            containerd: read("containerd", usual.containerd)?,
            docker: read("docker", usual.docker)?,
            containers_image: read("containers_image", usual.containers_image)?,
            other: read("other", usual.other)?,
        })
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }

    fn shown(&self) -> Option<toml::Value> {
        let spans = [
            self.containerd,
            self.docker,
            self.containers_image,
            self.other,
        ];
        let spans = spans.map(|span| toml::Value::from(TimeSpan(span).text()));
        let entries = PATIENCE_KEYS.map(str::to_owned).into_iter().zip(spans);
        Some(toml::Value::Table(entries.collect()))
    }
}

fn span(entry: &Entry) -> Result<Duration, Wrong> {
    let span = TimeSpan::read(&entry.node).map_err(|wrong| wrong.within("whose", &entry.key))?;
    if span.0 > MAX_PATIENCE {
        let (key, most) = (&entry.key, TimeSpan(MAX_PATIENCE));
        let what = format!("whose `{key}` is {span}, at most {most} is taken");
        return Err(Wrong::new(what).at(&entry.node.origin));
    }
    Ok(span.0)
}

fn find<'a>(entries: &'a [Entry], key: &str) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.key == key)
}

fn check_keys<const N: usize>(
    entries: &[Entry],
    known: &[&'static str; N],
    beginning: &str,
) -> Result<(), Wrong> {
    let is_stray = |entry: &&Entry| !known.contains(&entry.key.as_str());
    let Some(stray) = entries.iter().find(is_stray) else {
        return Ok(());
    };
    let wrong = Wrong::new(format!("{beginning} unknown key `{}`", stray.key));
    Err(match find_nearest(&stray.key, known.iter().copied()) {
        Some(key) => wrong.hint(format!("the nearest key is `{key}`")),
        None => wrong.hint(format!("the keys there are {}", known.join(", "))),
    }
    .at(&stray.origin))
}
