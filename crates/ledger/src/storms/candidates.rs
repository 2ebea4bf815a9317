//! Who is watched without being a storm: so many at once, and of them each origin its share.

use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

use forebay_content::Client;

use super::StormRules;
use super::names::Names;
use super::times::Times;
use crate::origin::Origin;

/// The most that are watched.
pub(super) const MAX_CANDIDATES: usize = 4_096;

/// How many stay when there are too many: looking for them is for many newcomers then.
const KEPT_CANDIDATES: usize = MAX_CANDIDATES / 2;

/// Those who are watched, by key.
#[derive(Debug, Default)]
pub(super) struct Candidates(HashMap<u64, Candidate>);

/// What may become a storm.
#[derive(Debug)]
pub(super) struct Candidate {
    pub(super) origin: Option<Origin>,
    pub(super) times: Times,
    pub(super) names: Names,
}

/// How much there is to a candidate: its pulls within the window, then how lately the last was; then its key.
type Rank = (Reverse<usize>, Reverse<u64>, u64);

impl Candidates {
    /// Notes a pull; takes the candidate if it meets the threshold.
    pub(super) fn note(
        &mut self,
        key: u64,
        client: &Client,
        now: Duration,
        rules: StormRules,
    ) -> Option<Candidate> {
        if self.0.len() >= MAX_CANDIDATES && !self.0.contains_key(&key) {
            self.thin_out(now);
        }
        let candidate = self.0.entry(key).or_insert_with(|| Candidate {
            origin: Origin::of(client),
            times: Times::default(),
            names: Names::at(client),
        });
        candidate.names.note(client);
        if !candidate.times.note(now, rules) {
            return None;
        }
        self.0.remove(&key)
    }

    /// Leaves each origin its share, of its own those that pull most: nobody pushes out others by asking for ever more.
    fn thin_out(&mut self, now: Duration) {
        let mut ranks: HashMap<Option<Origin>, Vec<Rank>> = HashMap::new();
        for (key, candidate) in &self.0 {
            let times = &candidate.times;
            let rank = (
                Reverse(times.within_window(now)),
                Reverse(times.last()),
                *key,
            );
            ranks.entry(candidate.origin).or_default().push(rank);
        }
        let share = (KEPT_CANDIDATES / ranks.len().max(1)).max(1);
        let mut kept: Vec<Rank> = Vec::new();
        for mut ranks in ranks.into_values() {
            ranks.sort_unstable();
            kept.extend(ranks.into_iter().take(share));
        }
        kept.sort_unstable();
        let kept: HashSet<u64> = kept
            .into_iter()
            .take(KEPT_CANDIDATES)
            .map(|(.., key)| key)
            .collect();
        self.0.retain(|key, _| kept.contains(key));
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}
