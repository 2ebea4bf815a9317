//! What the rules alone say of a manifest.
//!
//! In two passes over a repository, so that of a large one no more is in memory than what its rules keep: the first ranks
//! (`Ranks::see`), the second judges (`judge`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use forebay_content::{HostedEntry, Timestamp};
use forebay_lifecycle_rules::{Expiry, Policy, Rule};
use forebay_oci::Digest;

/// The newest manifests of each rule that keeps some.
#[derive(Debug)]
pub(super) struct Ranks {
    newest: Vec<Option<Newest>>,
}

/// The newest of a rule, the oldest of them on top.
#[derive(Debug)]
struct Newest {
    kept: usize,
    heap: BinaryHeap<Reverse<Place>>,
}

/// Of two pushed in the same millisecond, the digest decides, so that the same go each time.
type Place = (Timestamp, Digest);

/// That a rule would let a manifest go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Which rule of the policy, counted from 0.
    pub(super) rule: usize,
    /// Why.
    pub(super) why: Why,
}

/// Why a rule would let a manifest go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The rule keeps so many, and so many were pushed later.
    Older(u32),
    /// It was pushed so long ago.
    PushedFor(Duration),
    /// It was pulled last so long ago.
    NotPulledFor(Duration),
    /// It was pushed so long ago and never pulled.
    NeverPulledFor(Duration),
}

impl Ranks {
    /// Nothing seen yet.
    pub(super) fn new(policy: &Policy) -> Self {
        let newest = |rule: &Rule| match rule.expiry {
            Expiry::KeepNewest(kept) => Some(Newest {
                kept: usize::try_from(kept).unwrap_or(usize::MAX),
                heap: BinaryHeap::new(),
            }),
            Expiry::PushedFor(_) | Expiry::NotPulledFor(_) => None,
        };
        Self {
            newest: policy.rules().iter().map(newest).collect(),
        }
    }

    /// Takes a manifest into account, once. Every rule that is about it counts it, the one that decides of it or not.
    pub(super) fn see(&mut self, policy: &Policy, entry: &HostedEntry) {
        for (rule, newest) in policy.rules().iter().zip(&mut self.newest) {
            if let Some(newest) = newest
                && rule.selection.selects(&entry.tags)
            {
                newest.see(place_of(entry));
            }
        }
    }

    fn is_old(&self, rule: usize, entry: &HostedEntry) -> bool {
        let newest = self.newest.get(rule).and_then(Option::as_ref);
        newest.is_some_and(|newest| newest.is_old(&place_of(entry)))
    }
}

impl Newest {
    fn see(&mut self, place: Place) {
        if self.heap.len() == self.kept && self.is_old(&place) {
            return;
        }
        self.heap.push(Reverse(place));
        if self.heap.len() > self.kept {
            self.heap.pop();
        }
    }

    fn is_old(&self, place: &Place) -> bool {
        let oldest = self.heap.peek();
        self.heap.len() == self.kept && oldest.is_none_or(|Reverse(oldest)| place < oldest)
    }
}

fn place_of(entry: &HostedEntry) -> Place {
    (entry.pushed_at, entry.manifest.digest.clone())
}

/// What the first rule that is about the manifest says of it; `None` if it stays.
///
/// `is_counted` says whether [`Ranks::see`] was told of it: who is not counted is not among those beyond the count either. `pulled_at`
/// is when it was pulled last, or what it names.
pub(super) fn judge(
    policy: &Policy,
    ranks: &Ranks,
    (entry, pulled_at): (&HostedEntry, Option<Timestamp>),
    is_counted: bool,
    now: Timestamp,
) -> Option<Verdict> {
    let mut rules = policy.rules().iter().enumerate();
    let (number, rule) = rules.find(|(_, rule)| rule.selection.selects(&entry.tags))?;
    let why = match rule.expiry {
        Expiry::KeepNewest(kept) => {
            let is_old = is_counted && ranks.is_old(number, entry);
            is_old.then_some(Why::Older(kept))
        }
        Expiry::PushedFor(period) => longer(entry.pushed_at, now, period).map(Why::PushedFor),
        Expiry::NotPulledFor(period) => {
            let used_at = pulled_at.max(Some(entry.pushed_at));
            let unused = longer(used_at.unwrap_or(entry.pushed_at), now, period)?;
            Some(match pulled_at {
                Some(_) => Why::NotPulledFor(unused),
                None => Why::NeverPulledFor(unused),
            })
        }
    };
    why.map(|why| Verdict { rule: number, why })
}

/// How long ago it was, if that is longer than `period`. What lies ahead, after a clock was set back, is not long ago.
fn longer(at: Timestamp, now: Timestamp, period: Duration) -> Option<Duration> {
    at.age_at(now).filter(|age| *age > period)
}
