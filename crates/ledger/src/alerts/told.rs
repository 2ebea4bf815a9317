//! What was told: each kind and subject once in a quiet time, which outlives a restart.
//!
//! Pure and bounded. Times lie on the steady line of [`Moment`]. What reached nobody is told again soon, and what nobody took is
//! not told at all; only what reached somebody is written down.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use forebay_content::{AlertKind, KeptTold, MAX_TOLD, Settled};

use crate::moment::Moment;

/// How long what reached nobody is not tried again, if it still holds.
pub(crate) const TRY_AGAIN_AFTER: Duration = Duration::from_mins(5);

type Key = (AlertKind, String);

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    all: HashMap<Key, One>,
    /// What is other than what was written down.
    unwritten: HashSet<Key>,
    /// By which setting of the wall clock all was written down.
    set_at: Option<Moment>,
}

#[derive(Clone, Copy, Debug)]
struct One {
    at: SystemTime,
    /// It was told before this program began: whether it has ended since, nobody knows.
    is_of_before: bool,
    /// It began, and its end was not told yet.
    is_open: bool,
    /// Its name was told, not only the number of many.
    is_named: bool,
    fate: Fate,
}

/// What became of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    UnderWay,
    Reached,
    Lost,
}

impl Told {
    /// What was told before a restart.
    pub(super) fn restored(kept: Vec<KeptTold>, now: Moment) -> Self {
        let told = kept.into_iter().take(MAX_TOLD).map(|kept| {
            let one = One {
                at: now.steady_of(kept.at),
                is_of_before: true,
                is_open: kept.is_open,
                is_named: true,
                fate: Fate::Reached,
            };
            ((kept.kind, kept.subject), one)
        });
        Self {
            all: told.collect(),
            set_at: Some(now),
            ..Self::default()
        }
    }

    /// Whether it was told so lately that it is not told now.
    pub(super) fn is_quiet(
        &self,
        kind: AlertKind,
        subject: &str,
        quiet: Duration,
        now: Moment,
    ) -> bool {
        let one = self.all.get(&(kind, subject.to_owned()));
        one.is_some_and(|one| {
            let pause = match one.fate {
                Fate::Lost => quiet.min(TRY_AGAIN_AFTER),
                Fate::UnderWay | Fate::Reached => quiet,
            };
            now.steady()
                .duration_since(one.at)
                .is_ok_and(|age| age < pause)
        })
    }

    /// Whether it was told since this program began, and its end was not.
    pub(super) fn is_open(&self, kind: AlertKind, subject: &str) -> bool {
        let one = self.all.get(&(kind, subject.to_owned()));
        one.is_some_and(|one| one.is_open && !one.is_of_before)
    }

    /// It is being told, by its name or among many.
    pub(super) fn begin(&mut self, kind: AlertKind, subject: String, is_named: bool, now: Moment) {
        let key = (kind, subject);
        if self.all.len() >= MAX_TOLD && !self.all.contains_key(&key) {
            self.forget_one();
        }
        let one = One {
            at: now.steady(),
            is_of_before: false,
            is_open: true,
            is_named,
            fate: Fate::UnderWay,
        };
        self.all.insert(key, one);
    }

    /// It is over; whether its name was told, and `None` if nothing of it was.
    pub(super) fn end(&mut self, kind: AlertKind, subject: &str) -> Option<bool> {
        let key = (kind, subject.to_owned());
        let one = self.all.get_mut(&key)?;
        if !std::mem::replace(&mut one.is_open, false) {
            return None;
        }
        let is_named = one.is_named;
        if one.fate == Fate::Reached {
            self.unwritten.insert(key);
        }
        Some(is_named)
    }

    /// Nobody took it: it was not told.
    pub(super) fn forget(&mut self, kind: AlertKind, subject: &str) {
        self.all.remove(&(kind, subject.to_owned()));
    }

    /// Nobody took what was told of many.
    pub(super) fn forget_unnamed(&mut self) {
        let is_under_way = |one: &One| !one.is_named && one.fate == Fate::UnderWay;
        self.all.retain(|_, one| !is_under_way(one));
    }

    /// It is known what became of one.
    pub(super) fn settle(&mut self, settled: Settled) {
        let key = (settled.kind, settled.subject);
        if let Some(one) = self.all.get_mut(&key)
            && one.settle(settled.has_reached)
        {
            self.unwritten.insert(key);
        }
    }

    /// It is known what became of what was told of many.
    pub(super) fn settle_unnamed(&mut self, has_reached: bool) {
        for (key, one) in &mut self.all {
            if !one.is_named && one.fate == Fate::UnderWay && one.settle(has_reached) {
                self.unwritten.insert(key.clone());
            }
        }
    }

    /// What is other than what was written down; as if it were written now. All of it, if the wall clock was set since.
    pub(super) fn take_unwritten(&mut self, now: Moment) -> Vec<KeptTold> {
        if now.is_set_since(*self.set_at.get_or_insert(now)) {
            self.set_at = Some(now);
            let reached = self.all.iter().filter(|(_, one)| one.fate == Fate::Reached);
            self.unwritten = reached.map(|(key, _)| key.clone()).collect();
        }
        let keys = std::mem::take(&mut self.unwritten).into_iter();
        let kept = keys.filter_map(|key| {
            let one = self.all.get(&key)?;
            Some(KeptTold {
                kind: key.0,
                subject: key.1,
                at: now.wall_of(one.at),
                is_open: one.is_open,
            })
        });
        kept.collect()
    }

    /// It could not be written down after all.
    pub(super) fn put_back(&mut self, unwritten: Vec<KeptTold>) {
        let keys = unwritten.into_iter().map(|kept| (kept.kind, kept.subject));
        self.unwritten.extend(keys);
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// Of storms first: there may be any number of them, and none makes another alert come twice.
    fn forget_one(&mut self) {
        let rank = |((kind, _), one): &(&Key, &One)| (!kind.is_of_storm(), one.at);
        let least = self.all.iter().min_by_key(rank);
        if let Some(key) = least.map(|(key, _)| key.clone()) {
            self.unwritten.remove(&key);
            self.all.remove(&key);
        }
    }
}

impl One {
    /// Whether that is to be written down. What reached nobody is not open: it begins when it is told.
    fn settle(&mut self, has_reached: bool) -> bool {
        self.fate = if has_reached {
            Fate::Reached
        } else {
            self.is_open = false;
            Fate::Lost
        };
        has_reached
    }
}
