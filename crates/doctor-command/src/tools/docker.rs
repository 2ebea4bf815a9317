//! `--docker`, `--swarm` and `--journal`: which calls tell what a machine's daemon and its services did.
//!
//! What has happened so far is asked for, never what will: each call ends by itself.

use std::path::Path;
use std::time::Duration;

use forebay_content::Timestamp;

use super::form::Form;
use super::program::Call;

/// The most containers, and services, that are looked at one by one.
const MAX_INSPECTED: usize = 200;

/// The most bytes that are read of a list of ids: those of tens of thousands.
const MAX_LIST_BYTES: u64 = 1 << 20;

/// The most bytes of an id: Docker's own have 64.
const MAX_ID_BYTES: usize = 128;

/// The units whose log tells of pulls.
const UNITS: [&str; 3] = ["docker", "containerd", "kubelet"];

/// How `docker ps`, `docker service ls` and `docker service ps` head their tables.
const CONTAINERS: Form = Form::Table(&["CONTAINER ID"]);
const SERVICES: Form = Form::Table(&["ID ", "REPLICAS"]);
const TASKS: Form = Form::Table(&["ID ", "CURRENT STATE"]);

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
        events
            .with(["--format", "{{json .}}"])
            .printing(Form::Lines),
        Call::new("docker", &["ps", "--all", "--no-trunc"]).printing(CONTAINERS),
        Call::new("docker", &["image", "ls"]).beside(),
        Call::new("docker", &["image", "ls", "--format", "{{json .}}"]).beside(),
    ]
}

/// What the log of the units tells; where there is none, log files may.
pub(super) fn journal(past: Past, root: &Path) -> Call {
    let Past { now, since } = past;
    let from = now.unix_seconds().saturating_sub(since.as_secs());
    let elsewhere = (root != Path::new("/")).then(|| format!("--root={}", root.display()));
    let call = Call::new("journalctl", &["--no-pager", "--quiet", "--output=json"]);
    let units = UNITS.map(|unit| format!("--unit={unit}"));
    call.with(elsewhere)
        .with(units)
        .with([format!("--since=@{from}")])
        .beside()
}

/// How these containers, or services, are set up, if there are any.
pub(super) fn inspect(kind: Kind, ids: &[String]) -> Vec<Call> {
    if ids.is_empty() {
        return Vec::new();
    }
    let with = |words: &[&str]| Call::new("docker", words).with(ids.iter().cloned());
    match kind {
        Kind::Containers => vec![with(&["inspect"]).printing(Form::List)],
        Kind::Services => vec![
            Call::new("docker", &["service", "ls"]).printing(SERVICES),
            with(&["service", "inspect"]).printing(Form::List),
            with(&["service", "ps", "--no-trunc"]).printing(TASKS),
        ],
    }
}

/// Which containers, or services, there are.
pub(super) fn list(kind: Kind) -> Call {
    let words: &[&str] = match kind {
        Kind::Containers => &["ps", "--all", "--quiet"],
        Kind::Services => &["service", "ls", "--quiet"],
    };
    Call::new("docker", words).at_most(MAX_LIST_BYTES)
}

/// What is looked at one by one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Containers,
    Services,
}

/// The ids of a list, as it is read: as many as are looked at.
#[derive(Debug, Default)]
pub(super) struct Ids {
    kept: Vec<String>,
    left: u64,
    partial: Vec<u8>,
    /// There was something that is none.
    is_other: bool,
}

impl Ids {
    pub(super) fn push(&mut self, part: &[u8]) {
        for &byte in part {
            if byte.is_ascii_whitespace() {
                self.end_word();
            } else if self.partial.len() <= MAX_ID_BYTES {
                self.partial.push(byte);
            }
        }
    }

    /// The ids, and how many more there were.
    ///
    /// # Errors
    /// It is no list of ids.
    pub(super) fn finish(mut self) -> Result<(Vec<String>, u64), ()> {
        self.end_word();
        if self.is_other {
            return Err(());
        }
        Ok((self.kept, self.left))
    }

    fn end_word(&mut self) {
        let word = std::mem::take(&mut self.partial);
        if word.is_empty() {
            return;
        }
        // Docker's ids are numbers to the base of 16 or of 36.
        let is_of_id = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        if word.len() > MAX_ID_BYTES || !word.iter().all(is_of_id) {
            self.is_other = true;
        } else if self.kept.len() < MAX_INSPECTED {
            self.kept.push(String::from_utf8_lossy(&word).into_owned());
        } else {
            self.left += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_list_as_many_ids_are_kept_as_are_looked_at() {
        let mut ids = Ids::default();
        for part in ["4f5a", "6b7c\n", "8d\t", "\n9e"] {
            ids.push(part.as_bytes());
        }
        let kept = vec!["4f5a6b7c".into(), "8d".into(), "9e".into()];
        assert_eq!(ids.finish(), Ok((kept, 0)));
        let mut ids = Ids::default();
        ids.push("4f5a6b7c\n".repeat(MAX_INSPECTED + 3).as_bytes());
        let (kept, left) = ids.finish().unwrap();
        assert_eq!((kept.len(), left), (MAX_INSPECTED, 3));
    }

    #[test]
    fn of_what_is_no_list_of_ids_none_is_taken() {
        let long = "x".repeat(1_000);
        for other in [";rm", "--all", "<html>", "Bad Gateway", &long] {
            let mut ids = Ids::default();
            ids.push(b"4f5a6b7c\n");
            ids.push(other.as_bytes());
            assert_eq!(ids.finish(), Err(()), "{other}");
        }
    }
}
