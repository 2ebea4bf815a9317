//! A client that pulls the same image again and again.
//!
//! Pure: times are arguments, all by the monotonic reading but the one that reports show. Told apart by where it asks from,
//! image and reference, so that thirty services behind one address with an image each are thirty storms, and one that calls
//! itself by another name each time is one. Behind one address may be a whole fleet, that pulls an image once each: so what
//! counts are pulls, and a rate that is kept up.

mod candidates;
mod names;
mod storm;
mod times;

pub(crate) use storm::Seen;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use forebay_content::Client;
use forebay_oci::{Reference, Target};

use crate::answered::Outcome;
use crate::moment::Moment;
use crate::origin::Origin;
use crate::report::StormReport;
use candidates::{Candidate, Candidates};
use storm::{Storm, StormOf};

/// For how many minutes the threshold has to be met, on average: as many pulls as that make a storm, however fast they come.
/// With the default, a fleet of up to 119 nodes behind one address may pull an image at once.
const STORM_MINUTES: usize = 4;

/// Within what time they have to come.
pub(crate) const STORM_WINDOW: Duration = Duration::from_mins(STORM_MINUTES as u64);

/// The most storms at once.
pub(crate) const MAX_STORMS: usize = 1_024;

/// The most storms of one origin at once.
pub(crate) const MAX_STORMS_OF_ORIGIN: usize = 32;

/// How many times as much a storm has to pull as the weakest whose place it takes where there are too many; of those that pull
/// alike, none pushes out another.
const STRONGER: u64 = 2;

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
    candidates: Candidates,
    raging: HashMap<u64, Storm>,
    /// Those that made room for stronger ones, until they are told as over.
    pushed_out: Vec<Seen>,
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
            candidates: Candidates::default(),
            raging: HashMap::new(),
            pushed_out: Vec::new(),
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
    ) -> Option<Seen> {
        let key = self.key(client, image, reference);
        if let Some(storm) = self.raging.get_mut(&key) {
            storm.note(outcome, now.monotonic, self.rules);
            return None;
        }
        let found = self
            .candidates
            .note(key, client, now.monotonic, self.rules)?;
        if !self.make_room(&found, now.monotonic) {
            return None;
        }
        let of = StormOf {
            client: found.names.client(found.origin),
            image: image.clone(),
            reference: reference.clone(),
            began_at: now.wall,
        };
        let began = Storm {
            of: Arc::new(of),
            origin: found.origin,
            pulls: found.times.count() as u64,
            times: found.times,
            hot_at: now.monotonic,
            outcome,
            part_failed: None,
        };
        let seen = began.seen(now.monotonic);
        self.raging.insert(key, began);
        Some(seen)
    }

    /// A client went on with a pull by the reference itself, and got so: that is what a storm gets.
    pub(crate) fn note_same(
        &mut self,
        (client, image): (&Client, &Target),
        reference: &Reference,
        outcome: Outcome,
    ) {
        if let Some(storm) = self.find_raging(client, image, reference) {
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
        if let Some(storm) = self.find_raging(client, image, root) {
            storm.part_failed = match outcome {
                Outcome::Failed(word) => Some(word),
                Outcome::Served(_) => None,
            };
        }
    }

    /// Takes the storms that are over, and those that are not watched any more.
    pub(crate) fn take_ended(&mut self, now: Duration) -> Vec<Seen> {
        let quiet = self.rules.quiet;
        let mut ended = std::mem::take(&mut self.pushed_out);
        let over = self
            .raging
            .extract_if(|_, storm| now.saturating_sub(storm.hot_at) >= quiet);
        ended.extend(over.map(|(_, storm)| storm.seen(now)));
        ended
    }

    /// The storms of now, in no order.
    pub(crate) fn list(&self, now: Duration) -> Vec<Seen> {
        self.raging.values().map(|storm| storm.seen(now)).collect()
    }

    fn find_raging(
        &mut self,
        client: &Client,
        image: &Target,
        reference: &Reference,
    ) -> Option<&mut Storm> {
        if self.raging.is_empty() {
            return None;
        }
        let key = self.key(client, image, reference);
        self.raging.get_mut(&key)
    }

    /// Of 64 bits with a secret key: two of a few thousand are never alike, nor can anybody make them so.
    fn key(&self, client: &Client, image: &Target, reference: &Reference) -> u64 {
        self.hasher.hash_one((Origin::of(client), image, reference))
    }

    /// Whether there is room for one more; the weakest makes it for one that is much stronger.
    fn make_room(&mut self, found: &Candidate, now: Duration) -> bool {
        let is_of_origin = |storm: &Storm| storm.origin == found.origin;
        let of_origin = self.raging.values().filter(|storm| is_of_origin(storm));
        let has_its_share = of_origin.count() >= MAX_STORMS_OF_ORIGIN;
        if !has_its_share && self.raging.len() < MAX_STORMS {
            return true;
        }
        let others = self.raging.iter();
        let weakest = others
            .filter(|(_, storm)| !has_its_share || is_of_origin(storm))
            .map(|(key, storm)| (storm.times.per_minute(now), *key))
            .min();
        let is_weak = |rate: u64| rate.saturating_mul(STRONGER) <= found.times.per_minute(now);
        let weakest = weakest.filter(|(rate, _)| is_weak(*rate));
        let is_told = self.pushed_out.len() < MAX_STORMS;
        let Some((_, key)) = weakest.filter(|_| is_told) else {
            return false;
        };
        let pushed_out = self.raging.remove(&key);
        self.pushed_out
            .extend(pushed_out.map(|storm| storm.seen(now)));
        true
    }
}

/// Storms as they are told, those who ask most first.
pub(crate) fn storm_reports(storms: &[Seen]) -> Vec<StormReport> {
    let mut told: Vec<StormReport> = storms.iter().map(Seen::report).collect();
    told.sort_by_cached_key(|storm| (std::cmp::Reverse(storm.per_minute), storm.subject()));
    told
}

#[cfg(test)]
mod tests;
