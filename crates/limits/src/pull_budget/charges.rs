//! When pulls were charged, and how many, since a budget has been watched.
//!
//! Pure and bounded: where there are too many charges to keep apart, neighbours become one. So none is lost, and none is moved
//! far: of the time that forecasts look back on by minutes, of the rest of the window by a fifteenth of it.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use super::{LOOK_BACK, age};

/// The most that is written down of what was charged: since when it was watched, and the charges that are kept apart.
pub const MAX_CHARGES: usize = 64;

/// What was charged to one budget.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Charges {
    watched_since: SystemTime,
    /// Oldest first, fewer than [`MAX_CHARGES`].
    charges: VecDeque<Charge>,
}

/// So many pulls, more than none, of which the first was charged at `from` and the last at `at`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Charge {
    from: SystemTime,
    at: SystemTime,
    pulls: u64,
}

impl Charges {
    /// None, since then.
    pub(super) fn since(at: SystemTime) -> Self {
        Self {
            watched_since: at,
            charges: VecDeque::new(),
        }
    }

    /// Pulls were charged. Before the last ones, it is told by a clock that was set back: then nothing from before it says
    /// anything.
    pub(super) fn add(&mut self, at: SystemTime, pulls: u64, window: Duration) {
        if pulls == 0 {
            return;
        }
        match self.charges.back_mut() {
            Some(last) if last.at == at => {
                last.pulls = last.pulls.saturating_add(pulls);
                return;
            }
            Some(last) if last.at > at => *self = Self::since(at),
            _ => {}
        }
        if self.charges.len() + 1 >= MAX_CHARGES {
            self.make_room(at, window);
        }
        let from = at;
        self.charges.push_back(Charge { from, at, pulls });
    }

    pub(super) fn watched_since(&self) -> SystemTime {
        self.watched_since
    }

    /// When pulls were charged, and how many, oldest first.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = (SystemTime, u64)> + '_ {
        self.charges.iter().map(|charge| (charge.at, charge.pulls))
    }

    /// As they are written down: since when, with no pull, then each.
    pub(super) fn written(&self) -> impl Iterator<Item = (SystemTime, u64)> + '_ {
        std::iter::once((self.watched_since, 0)).chain(self.all())
    }

    /// Forgets what has left the window; if that is nothing, adds two neighbours together, as of the later.
    fn make_room(&mut self, now: SystemTime, window: Duration) {
        let before = self.charges.len();
        self.charges.retain(|charge| age(charge.at, now) < window);
        if self.charges.len() < before {
            return;
        }
        let blur = |later: &usize| {
            let (earlier, later) = (self.charges[later - 1], self.charges[*later]);
            blur((earlier, later), now, window)
        };
        if let Some(place) = (1..before).min_by_key(blur)
            && let Some(earlier) = self.charges.remove(place - 1)
        {
            let later = &mut self.charges[place - 1];
            later.from = earlier.from;
            later.pulls = later.pulls.saturating_add(earlier.pulls);
        }
    }
}

/// How much would be lost by adding two together: the time that they span, of late as a part of what forecasts look back on,
/// before as a part of the window.
fn blur((earlier, later): (Charge, Charge), now: SystemTime, window: Duration) -> u128 {
    let span = age(earlier.from, later.at).as_millis();
    let windows = window.as_secs() / LOOK_BACK.as_secs();
    let weight = if age(later.at, now) < LOOK_BACK {
        windows.max(1)
    } else {
        1
    };
    span * u128::from(weight)
}
