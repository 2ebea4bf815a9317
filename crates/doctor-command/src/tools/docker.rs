//! `--docker`, `--swarm` and `--journal`: which calls tell what a machine's daemon and its services did.
//!
//! What has happened so far is asked for, never what will: each call ends by itself.

use std::path::Path;
use std::time::Duration;

use forebay_content::Timestamp;

use super::program::{Call, Tools, Trouble};

/// The most containers, and services, that are looked at one by one.
const MAX_INSPECTED: usize = 200;

/// The units whose log tells of pulls.
const UNITS: [&str; 3] = ["docker", "containerd", "kubelet"];

/// A span of time that has passed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past {
    pub(super) now: Timestamp,
    pub(super) since: Duration,
}

/// What the daemon tells of containers and pulls, and of the sizes of images.
///
/// From 29 on the list for people is the only one that has the size of the content, which is what a registry sends; the one
/// in JSON has the names in full.
pub(super) fn docker(past: Past) -> [Call; 4] {
    let Past { now, since } = past;
    let until = now.unix_seconds();
    let from = until.saturating_sub(since.as_secs());
    let events = Call::new("docker", &["events", "--since"]);
    let events = events.with([from.to_string()]).with(["--until"]);
    let events = events.with([until.to_string()]);
    [
        events.with(["--format", "{{json .}}"]),
        Call::new("docker", &["ps", "--all", "--no-trunc"]),
        Call::new("docker", &["image", "ls"]),
        Call::new("docker", &["image", "ls", "--format", "{{json .}}"]),
    ]
}

/// What the log of the units tells.
pub(super) fn journal(past: Past, root: &Path) -> Call {
    let Past { now, since } = past;
    let from = now.unix_seconds().saturating_sub(since.as_secs());
    let elsewhere = (root != Path::new("/")).then(|| format!("--root={}", root.display()));
    let call = Call::new("journalctl", &["--no-pager", "--quiet", "--output=json"]);
    let units = UNITS.map(|unit| format!("--unit={unit}"));
    call.with(elsewhere)
        .with(units)
        .with([format!("--since=@{from}")])
}

/// How the containers, or services, are set up, if there are any.
pub(super) async fn inspect(tools: &impl Tools, kind: Kind) -> Result<Vec<Call>, Trouble> {
    let mut text = Vec::new();
    tools
        .run(&list(kind), &mut |part| text.extend_from_slice(part))
        .await?;
    let text = String::from_utf8_lossy(&text);
    let ids: Vec<&str> = text
        .split_whitespace()
        .filter(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
        .take(MAX_INSPECTED)
        .collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let with = |words: &[&str]| Call::new("docker", words).with(ids.iter().copied());
    Ok(match kind {
        Kind::Containers => vec![with(&["inspect"])],
        Kind::Services => vec![
            Call::new("docker", &["service", "ls"]),
            with(&["service", "inspect"]),
            with(&["service", "ps", "--no-trunc"]),
        ],
    })
}

/// Which containers, or services, there are.
pub(super) fn list(kind: Kind) -> Call {
    let words: &[&str] = match kind {
        Kind::Containers => &["ps", "--all", "--quiet"],
        Kind::Services => &["service", "ls", "--quiet"],
    };
    Call::new("docker", words)
}

/// What is looked at one by one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Containers,
    Services,
}
