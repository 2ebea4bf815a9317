//! A client that pulls the same image again and again.
//!
//! Pure: times are arguments, all by the monotonic reading but the one that reports show. Told apart by client, image and
//! reference, so that thirty services behind one address with an image each are thirty storms. Behind one address may be a whole
//! fleet, that pulls an image once each: so what counts are pulls, and a rate that is kept up.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use forebay_content::{Client, Timestamp};
use forebay_oci::{Reference, Target};

use crate::answered::Outcome;
use crate::moment::Moment;
use crate::report::StormReport;

/// For how many minutes the threshold has to be met, on average: as many pulls as that make a storm, however fast they come.
/// With the default, a fleet of up to 119 nodes behind one address may pull an image at once.
const STORM_MINUTES: usize = 4;

/// Within what time they have to come.
pub(crate) const STORM_WINDOW: Duration = Duration::from_mins(STORM_MINUTES as u64);

/// The most that are watched without being storms; those that asked longest ago go.
pub(crate) const MAX_CANDIDATES: usize = 4_096;

/// The most storms at once; what would be one more is told when another has ended.
pub(crate) const MAX_STORMS: usize = 1_024;

/// The highest threshold: each candidate remembers as many times for each minute of the window.
pub const MAX_THRESHOLD: usize = 300;

/// What a storm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StormRules {
    /// Pulls a minute that make one if they are kept up, 2 to [`MAX_THRESHOLD`]; 30 by default.
    pub threshold: usize,
    /// How long it has to stay under that until it is over; 5 minutes by default.
    pub quiet: Duration,
}

/// Finds storms.
#[derive(Debug)]
pub(crate) struct Storms {
    rules: StormRules,
    hasher: RandomState,
    /// Who asked since the last change of generations, and in the generation before it: forgetting the oldest costs nothing.
    young: HashMap<u64, Times>,
    old: HashMap<u64, Times>,
    raging: HashMap<u64, Storm>,
}

/// The times of the last pulls, in milliseconds of the monotonic reading; at most as many as make a storm.
#[derive(Clone, Debug, Default)]
struct Times(VecDeque<u64>);

#[derive(Clone, Debug)]
struct Storm {
    client: Arc<Client>,
    image: Target,
    reference: Reference,
    times: Times,
    began_at: Timestamp,
    /// When the threshold was met last.
    hot_at: Duration,
    pulls: u64,
    outcome: Outcome,
    /// How the last request for a part of it failed, if it did.
    part_failed: Option<&'static str>,
}

impl Default for StormRules {
    fn default() -> Self {
        Self {
            threshold: 30,
            quiet: Duration::from_mins(5),
        }
    }
}

impl StormRules {
    fn bounded(self) -> Self {
        Self {
            threshold: self.threshold.clamp(2, MAX_THRESHOLD),
            ..self
        }
    }

    /// How many pulls within the window make one.
    const fn pulls(self) -> usize {
        self.threshold * STORM_MINUTES
    }
}

impl Storms {
    /// Nobody asks yet.
    pub(crate) fn new(rules: StormRules) -> Self {
        Self {
            rules: rules.bounded(),
            hasher: RandomState::new(),
            young: HashMap::new(),
            old: HashMap::new(),
            raging: HashMap::new(),
        }
    }

    /// Finds them by other rules from now on; those that rage go on.
    pub(crate) fn set_rules(&mut self, rules: StormRules) {
        self.rules = rules.bounded();
    }

    /// A client began to pull an image, and got so; tells a storm that begins with that.
    pub(crate) fn note(
        &mut self,
        (client, image): (&Client, &Target),
        reference: &Reference,
        outcome: Outcome,
        now: Moment,
    ) -> Option<StormReport> {
        // Of 64 bits with a secret key: two of a few thousand are never alike, nor can anybody make them so.
        let key = self.hasher.hash_one((client, image, reference));
        let rules = self.rules;
        if let Some(storm) = self.raging.get_mut(&key) {
            storm.note(outcome, now.monotonic, rules);
            return None;
        }
        let times = self.candidate(key);
        if !times.note(now.monotonic, rules) || self.raging.len() >= MAX_STORMS {
            return None;
        }
        let times = self.young.remove(&key)?;
        let storm = Storm {
            client: Arc::new(client.clone()),
            image: image.clone(),
            reference: reference.clone(),
            pulls: times.0.len() as u64,
            times,
            began_at: now.wall,
            hot_at: now.monotonic,
            outcome,
            part_failed: None,
        };
        let report = storm.report(now.monotonic);
        self.raging.insert(key, storm);
        Some(report)
    }

    /// A client went on with a pull by the reference itself, and got so: that is what a storm gets.
    pub(crate) fn note_same(
        &mut self,
        (client, image): (&Client, &Target),
        reference: &Reference,
        outcome: Outcome,
    ) {
        if self.raging.is_empty() {
            return;
        }
        let key = self.hasher.hash_one((client, image, reference));
        if let Some(storm) = self.raging.get_mut(&key) {
            storm.outcome = outcome;
        }
    }

    /// A client asked for a part of what it pulls by `root`, and got so: what a storm gets is that too.
    pub(crate) fn note_part(
        &mut self,
        (client, image): (&Client, &Target),
        root: &Reference,
        outcome: Outcome,
    ) {
        if self.raging.is_empty() {
            return;
        }
        let key = self.hasher.hash_one((client, image, root));
        if let Some(storm) = self.raging.get_mut(&key) {
            storm.part_failed = match outcome {
                Outcome::Failed(word) => Some(word),
                Outcome::Served(_) => None,
            };
        }
    }

    /// Takes the storms that are over.
    pub(crate) fn take_ended(&mut self, now: Duration) -> Vec<StormReport> {
        let quiet = self.rules.quiet;
        self.raging
            .extract_if(|_, storm| now.saturating_sub(storm.hot_at) >= quiet)
            .map(|(_, storm)| storm.report(now))
            .collect()
    }

    /// The storms of now, those who ask most first.
    pub(crate) fn list(&self, now: Duration) -> Vec<StormReport> {
        let mut reports: Vec<_> = self
            .raging
            .values()
            .map(|storm| storm.report(now))
            .collect();
        reports.sort_by(|one, other| {
            let rank = |report: &StormReport| std::cmp::Reverse(report.per_minute);
            rank(one)
                .cmp(&rank(other))
                .then_with(|| one.subject().cmp(&other.subject()))
        });
        reports
    }

    /// The candidate, in the young generation.
    fn candidate(&mut self, key: u64) -> &mut Times {
        if !self.young.contains_key(&key) {
            if self.young.len() >= MAX_CANDIDATES / 2 {
                self.old = std::mem::take(&mut self.young);
            }
            let times = self.old.remove(&key).unwrap_or_default();
            self.young.insert(key, times);
        }
        self.young.entry(key).or_default()
    }
}

// === impl Times ===

impl Times {
    /// Notes a pull; true if it meets the threshold.
    fn note(&mut self, now: Duration, rules: StormRules) -> bool {
        let now = milliseconds(now);
        while self.0.len() >= rules.pulls() {
            self.0.pop_front();
        }
        self.0.push_back(now);
        let window = milliseconds(STORM_WINDOW);
        self.0.len() >= rules.pulls() && now.saturating_sub(self.0[0]) <= window
    }

    /// Pulls a minute, by what is remembered.
    fn per_minute(&self, now: Duration) -> u64 {
        const MINUTE: u64 = 60_000;
        const SHORTEST: u64 = 100;
        let Some(first) = self.0.front() else {
            return 0;
        };
        let span = milliseconds(now).saturating_sub(*first).max(SHORTEST);
        let gaps = self.0.len().saturating_sub(1) as u64;
        gaps * MINUTE / span
    }
}

// === impl Storm ===

impl Storm {
    fn note(&mut self, outcome: Outcome, now: Duration, rules: StormRules) {
        self.pulls = self.pulls.saturating_add(1);
        self.outcome = outcome;
        if self.times.note(now, rules) {
            self.hot_at = now;
        }
    }

    fn report(&self, now: Duration) -> StormReport {
        StormReport {
            client: (&*self.client).into(),
            upstream: self.image.upstream.to_string(),
            repository: self.image.repository.to_string(),
            reference: self.reference.to_string(),
            per_minute: self.times.per_minute(now),
            pulls: self.pulls,
            since_unix_ms: self.began_at.0,
            gets: self.part_failed.unwrap_or(self.outcome.as_str()).into(),
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
