//! Learns what a multi-platform image costs at one upstream: whether the remainder falls again with its platform's manifest.
//!
//! Pure. A pair counts only if nothing else that is charged was on its way: the GET of an index was answered, and the very
//! next GET of a manifest was that of another one by digest from the same repository, of the same budget.

use std::collections::VecDeque;
use std::time::Duration;

use forebay_content::BudgetKey;
use forebay_limits::PullCost;
use forebay_oci::{Reference, RepositoryName};

/// The longest time from an index's answer to its platform's.
pub(crate) const MAX_PAIR_GAP: Duration = Duration::from_mins(1);

/// After what time without a word a request that was sent is taken for lost.
const LOST_AFTER: Duration = Duration::from_mins(5);

/// The most requests that are taken to be on their way; more than an upstream's lanes let through.
const MAX_ON_THEIR_WAY: usize = 1_024;

/// Pairs of GETs at one upstream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Calibration {
    /// What was learned so far.
    pub(crate) cost: PullCost,
    /// GETs of manifests sent so far.
    sent: u64,
    /// When those without an answer were sent, the oldest first. An answer takes away the newest: whichever it belongs to, one
    /// that was lost grows old.
    on_their_way: VecDeque<Duration>,
    last: Option<Seen>,
}

/// A manifest that was answered while nothing else was on its way.
#[derive(Clone, Debug)]
struct Seen {
    key: BudgetKey,
    repository: RepositoryName,
    /// Known once its bytes have come.
    is_index: bool,
    remaining: u64,
    /// How many GETs had been sent then.
    sent: u64,
    at: Duration,
}

/// A GET of a manifest that was answered with one, and the remainder that came with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MeteredGet<'a> {
    /// Which budget it spoke of.
    pub(crate) key: &'a BudgetKey,
    /// From which repository.
    pub(crate) repository: &'a RepositoryName,
    /// By which reference.
    pub(crate) reference: &'a Reference,
    /// What is left after it.
    pub(crate) remaining: u64,
}

impl Calibration {
    /// What was learned before.
    pub(crate) fn restored(cost: PullCost) -> Self {
        Self {
            cost,
            ..Self::default()
        }
    }

    /// A GET of a manifest is sent.
    pub(crate) fn note_sent(&mut self, now: Duration) {
        self.forget_lost(now);
        self.sent += 1;
        if self.on_their_way.len() >= MAX_ON_THEIR_WAY {
            self.on_their_way.pop_front();
        }
        self.on_their_way.push_back(now);
    }

    /// A GET of a manifest was answered, or was not; with what it says if it was metered.
    pub(crate) fn note_answered(&mut self, get: Option<MeteredGet<'_>>, now: Duration) {
        self.on_their_way.pop_back();
        self.forget_lost(now);
        let last = self.last.take();
        let Some(get) = get.filter(|_| self.on_their_way.is_empty()) else {
            return;
        };
        if let Some(index) = last.filter(|last| self.is_pair(last, get, now))
            && let Some(second) = index.remaining.checked_sub(get.remaining)
        {
            self.cost.note_pair(second);
        }
        self.last = Some(Seen {
            key: get.key.clone(),
            repository: get.repository.clone(),
            is_index: false,
            remaining: get.remaining,
            sent: self.sent,
            at: now,
        });
    }

    /// What came last from this repository is an index of platforms.
    pub(crate) fn note_index(&mut self, repository: &RepositoryName) {
        if let Some(last) = self.last.as_mut()
            && last.repository == *repository
        {
            last.is_index = true;
        }
    }

    fn forget_lost(&mut self, now: Duration) {
        let is_lost = |sent: &Duration| now.saturating_sub(*sent) > LOST_AFTER;
        while self.on_their_way.front().is_some_and(is_lost) {
            self.on_their_way.pop_front();
        }
    }

    fn is_pair(&self, index: &Seen, get: MeteredGet<'_>, now: Duration) -> bool {
        index.is_index
            && index.key == *get.key
            && index.repository == *get.repository
            && matches!(get.reference, Reference::Digest(_))
            && self.sent == index.sent + 1
            && now.saturating_sub(index.at) <= MAX_PAIR_GAP
    }
}

#[cfg(test)]
mod tests;
