//! The log of requests that the simulator saw: what tests assert.
//!
//! A record is begun when a request arrives and completed when its answer is known.

use crate::gate::PATIENCE;
use crate::route::{On, Role};
use std::collections::VecDeque;
use std::fmt;
use std::net::IpAddr;
use std::ops::Deref;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, watch};

/// So many requests are remembered; the oldest are forgotten first.
const MAX_RECORDS: usize = 500_000;
/// So many finished requests wait for a slow follower.
const MAX_UNREAD: usize = 10_000;
/// So much of a digest is shown in the compact form.
const SHOWN_HEX: usize = 12;

/// One request and what became of it.
#[derive(Clone, Debug)]
pub struct Record {
    pub(crate) number: u64,
    /// Which host it came to.
    pub role: Role,
    /// `GET`, `HEAD`, `POST` …
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// What it asked for.
    pub endpoint: On,
    /// The repository it is about, if it is about one.
    pub repository: Option<String>,
    /// Tag or digest.
    pub reference: Option<String>,
    /// Who it claimed to be.
    pub authorization: Authorization,
    /// The `Range` header.
    pub range: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// All other headers, names in lower case, without `authorization`.
    pub headers: Vec<(String, String)>,
    /// Where it came from, or was made to come from by `see_clients_as`.
    pub client: IpAddr,
    /// When it came, by the simulator's clock.
    pub at: SystemTime,
    /// What was answered; none while it waits, or when the connection just ended.
    pub status: Option<u16>,
    /// Whether it cost a pull.
    pub charged: bool,
    /// Bytes of the body that were written.
    pub sent: u64,
    /// Whether the answer went out whole, as far as the simulator meant it to.
    pub complete: bool,
}

/// What a request's `Authorization` header was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorization {
    /// There was none.
    None,
    /// A user name and a password.
    Basic(String),
    /// A token, and the account it was given to; none for an anonymous or unknown one.
    Bearer(Option<String>),
    /// Another scheme, or one of these that cannot be read.
    Other(String),
}

/// The requests that were seen, in the order in which they came. Displays as one compact line each.
#[derive(Clone, Debug)]
pub struct Requests(pub(crate) Vec<Record>);

/// What must never happen and did.
#[derive(Clone, Debug)]
pub struct Violation {
    /// In words.
    pub what: &'static str,
    /// The request that did it.
    pub request: Record,
}

/// All records, and whoever waits for more.
#[derive(Debug)]
pub(crate) struct Log {
    records: Mutex<Records>,
    changed: watch::Sender<u64>,
    finished: Mutex<Option<mpsc::Sender<Record>>>,
}

#[derive(Debug, Default)]
struct Records {
    kept: VecDeque<Record>,
    violations: Vec<Violation>,
    next: u64,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            records: Mutex::default(),
            changed: watch::Sender::new(0),
            finished: Mutex::default(),
        }
    }
}

impl Record {
    /// Whether it carried any `Authorization`.
    pub fn has_authorization(&self) -> bool {
        self.authorization != Authorization::None
    }

    /// A header's value, by its name in lower case; `authorization` is never here.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether it is a GET.
    pub fn is_get(&self) -> bool {
        self.method == "GET"
    }

    /// Whether it is a HEAD.
    pub fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    /// Whether it asked this of the simulator.
    pub fn is(&self, on: On) -> bool {
        on.covers(self.endpoint, self.role)
    }

    /// The account behind its `Authorization`.
    pub fn account(&self) -> Option<&str> {
        match &self.authorization {
            Authorization::Basic(user) => Some(user),
            Authorization::Bearer(account) => account.as_deref(),
            Authorization::None | Authorization::Other(_) => None,
        }
    }
}

/// `GET registry /v2/library/nginx/manifests/1.27 200 charged`.
impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match (self.role, &self.reference) {
            (Role::Blob, Some(digest)) => digest.clone(),
            _ => self.target.clone(),
        };
        write!(
            f,
            "{} {} {}",
            self.method,
            self.role,
            shorten_digests(&target)
        )?;
        if let Some(range) = &self.range {
            write!(f, " {range}")?;
        }
        if let Some(account) = self.account() {
            write!(f, " as {account}")?;
        }
        match self.status {
            Some(status) => write!(f, " {status}")?,
            None => f.write_str(" -")?,
        }
        if self.charged {
            f.write_str(" charged")?;
        }
        Ok(())
    }
}

/// Cuts every digest in a text to its first characters.
fn shorten_digests(text: &str) -> String {
    let mut short = String::new();
    let mut run = 0;
    for character in text.chars() {
        run = if character.is_ascii_hexdigit() {
            run + 1
        } else {
            0
        };
        if run == SHOWN_HEX + 1 {
            short.push('…');
        }
        if run <= SHOWN_HEX {
            short.push(character);
        }
    }
    short
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Registry => "registry",
            Self::Token => "token",
            Self::Blob => "blob",
            Self::Trap => "trap",
        })
    }
}

// === impl Requests ===

impl Deref for Requests {
    type Target = [Record];

    fn deref(&self) -> &[Record] {
        &self.0
    }
}

impl fmt::Display for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, record) in self.0.iter().enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            record.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.request)
    }
}

// === impl Log ===

impl Log {
    /// Begins a record and returns its number.
    pub(crate) fn begin(&self, mut record: Record, violation: Option<&'static str>) -> u64 {
        let number = {
            let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            let number = records.next;
            records.next += 1;
            record.number = number;
            if let Some(what) = violation {
                let request = record.clone();
                records.violations.push(Violation { what, request });
            }
            if records.kept.len() >= MAX_RECORDS {
                records.kept.pop_front();
            }
            records.kept.push_back(record);
            number
        };
        self.changed.send_modify(|version| *version += 1);
        number
    }

    /// Changes the record with this number, if it is still there.
    pub(crate) fn amend(&self, number: u64, change: impl FnOnce(&mut Record)) {
        {
            let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
            if let Ok(at) = records
                .kept
                .binary_search_by_key(&number, |record| record.number)
            {
                change(&mut records.kept[at]);
            }
        }
        self.changed.send_modify(|version| *version += 1);
    }

    pub(crate) fn find(&self, number: u64) -> Option<Record> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let at = records
            .kept
            .binary_search_by_key(&number, |record| record.number)
            .ok()?;
        records.kept.get(at).cloned()
    }

    pub(crate) fn snapshot(&self) -> Requests {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        Requests(records.kept.iter().cloned().collect())
    }

    pub(crate) fn count(&self, matches: impl Fn(&Record) -> bool) -> usize {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.kept.iter().filter(|record| matches(record)).count()
    }

    pub(crate) fn violations(&self) -> Vec<Violation> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.violations.clone()
    }

    pub(crate) fn clear(&self) {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.kept.clear();
        records.violations.clear();
    }

    /// Waits until `n` records match; false when that takes longer than 30 seconds.
    pub(crate) async fn wait(&self, n: usize, matches: impl Fn(&Record) -> bool) -> bool {
        let mut watcher = self.changed.subscribe();
        let enough = watcher.wait_for(|_| self.count(&matches) >= n);
        tokio::time::timeout(PATIENCE, enough).await.is_ok()
    }

    /// Tells of the record with this number, whose answer has gone out, to whoever follows.
    pub(crate) fn finish(&self, number: u64) {
        let follower = self
            .finished
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(follower) = follower
            && let Some(record) = self.find(number)
        {
            // A reader that has fallen behind or gone misses a line; no client waits for it.
            let _ = follower.try_send(record);
        }
    }

    pub(crate) fn follow(&self) -> mpsc::Receiver<Record> {
        let (sender, receiver) = mpsc::channel(MAX_UNREAD);
        *self.finished.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        receiver
    }
}

/// The moment as the standard library writes it.
pub(crate) fn moment(since_epoch: Duration) -> SystemTime {
    UNIX_EPOCH + since_epoch
}

#[cfg(test)]
mod tests {
    use super::shorten_digests;

    #[test]
    fn digests_are_shortened_and_other_names_are_not() {
        let digest = format!("/v2/a/blobs/sha256:{}", "ab".repeat(32));
        assert_eq!(shorten_digests(&digest), "/v2/a/blobs/sha256:abababababab…");
        assert_eq!(
            shorten_digests("/v2/deadbeef/manifests/1.27"),
            "/v2/deadbeef/manifests/1.27"
        );
    }
}
