//! Which workloads are told apart where there are too many for that, and what the others met.
//!
//! Half of the places go to those that ask most, the other half to those whose pulls fail. Of the rest only hashes are held.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};

use forebay_evidence::{Class, Event, What};

use super::tally::{Seen, earliest};

/// The most workloads that are told apart: some three kilobytes each.
const MAX_WORKLOADS: usize = 1_000;

/// What those met that are not told apart.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    /// How often they came to a registry.
    pub(crate) attempts: u64,
    /// What they met, and how many of them did.
    pub(crate) classes: BTreeMap<Class, (Seen, usize)>,
    met: HashSet<(u64, Class)>,
}

/// What a workload weighs against others.
#[derive(Debug, Default)]
struct Weight {
    /// The order in which it was first met.
    order: usize,
    begun: u64,
    ended: u64,
    died: u64,
    fails: bool,
}

/// What all workloads weigh, by the hashes of what tells them apart.
#[derive(Debug, Default)]
pub(crate) struct Weights(HashMap<u64, Weight>);

impl Weight {
    fn asked(&self) -> u64 {
        self.begun.max(self.ended)
    }
}

impl Weights {
    pub(crate) fn add(&mut self, key: u64, event: &Event) {
        let order = self.0.len();
        let weight = self.0.entry(key).or_insert_with(|| Weight {
            order,
            ..Weight::default()
        });
        let (slot, count) = match event.what {
            What::PullAttempted => (&mut weight.begun, event.count),
            What::PullSucceeded => (&mut weight.ended, event.count),
            What::PullFailed => (&mut weight.ended, event.tries),
            _ => (&mut weight.died, event.count),
        };
        *slot = slot.saturating_add(count);
        weight.fails |= event.failure.is_some() || event.what.is_death();
    }

    /// Those that are told apart.
    pub(crate) fn chosen(self) -> HashSet<u64> {
        let mut all: Vec<(u64, Weight)> = self.0.into_iter().collect();
        if all.len() > MAX_WORKLOADS {
            let most = |weight: &Weight| (Reverse(weight.asked().max(weight.died)), weight.order);
            all.sort_unstable_by_key(|(_, weight)| most(weight));
            all[MAX_WORKLOADS / 2..]
                .sort_unstable_by_key(|(_, weight)| (!weight.fails, most(weight)));
            all.truncate(MAX_WORKLOADS);
        }
        all.into_iter().map(|(key, _)| key).collect()
    }
}

impl Rest {
    pub(crate) fn add(&mut self, key: u64, event: &Event) {
        if matches!(event.what, What::PullSucceeded | What::PullFailed) {
            self.attempts = self.attempts.saturating_add(event.tries);
        }
        let dies = event.what.is_death().then_some(Class::StartFailure);
        let failure = event.failure.as_ref();
        let Some(class) = failure.map(|failure| failure.class).or(dies) else {
            return;
        };
        let (seen, workloads) = self.classes.entry(class).or_default();
        seen.count = seen.count.saturating_add(event.count);
        seen.first = earliest(seen.first, event.first);
        seen.last = seen.last.max(event.last);
        *workloads += usize::from(self.met.insert((key, class)));
    }

    /// How many of them met a class.
    pub(crate) fn with(&self, class: Class) -> usize {
        self.classes
            .get(&class)
            .map_or(0, |(_, workloads)| *workloads)
    }
}
