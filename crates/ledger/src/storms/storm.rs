//! A storm that rages, and what is seen of it at one moment.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::{Client, Timestamp};
use forebay_oci::{Reference, Target};

use super::StormRules;
use super::times::Times;
use crate::answered::Outcome;
use crate::origin::Origin;
use crate::report::StormReport;

/// A storm.
#[derive(Debug)]
pub(super) struct Storm {
    pub(super) of: Arc<StormOf>,
    pub(super) origin: Option<Origin>,
    pub(super) times: Times,
    /// When the threshold was met last.
    pub(super) hot_at: Duration,
    pub(super) pulls: u64,
    pub(super) outcome: Outcome,
    /// How the last request for a part of it failed, if it did.
    pub(super) part_failed: Option<&'static str>,
}

/// Whose it is and of what: settled when it begins, so that its end is told of the same.
#[derive(Debug)]
pub(super) struct StormOf {
    pub(super) client: Client,
    pub(super) image: Target,
    pub(super) reference: Reference,
    pub(super) began_at: Timestamp,
}

/// A storm at one moment, quickly taken; a report is made of it where nobody waits.
#[derive(Debug)]
pub(crate) struct Seen {
    of: Arc<StormOf>,
    per_minute: u64,
    pulls: u64,
    gets: &'static str,
}

impl Storm {
    pub(super) fn note(&mut self, outcome: Outcome, now: Duration, rules: StormRules) {
        self.pulls = self.pulls.saturating_add(1);
        self.outcome = outcome;
        if self.times.note(now, rules) {
            self.hot_at = now;
        }
    }

    pub(super) fn seen(&self, now: Duration) -> Seen {
        Seen {
            of: Arc::clone(&self.of),
            per_minute: self.times.per_minute(now),
            pulls: self.pulls,
            gets: self.part_failed.unwrap_or(self.outcome.as_str()),
        }
    }
}

impl Seen {
    /// What is told of it.
    pub(crate) fn report(&self) -> StormReport {
        let StormOf {
            client,
            image,
            reference,
            began_at,
        } = &*self.of;
        StormReport {
            client: client.into(),
            upstream: image.upstream.to_string(),
            repository: image.repository.to_string(),
            reference: reference.to_string(),
            per_minute: self.per_minute,
            pulls: self.pulls,
            since_unix_ms: began_at.0,
            gets: self.gets.into(),
        }
    }
}
