//! One budget of pulls: what its registry last said of it, what was sent since, and where it is going.
//!
//! Pure: times are arguments, by the wall clock, because a budget outlives the process. The clock may jump either way; then
//! a budget is a little wrong for one window, and the next answer of the registry puts it right.

mod charges;
mod rate;

use std::time::{Duration, SystemTime};

use crate::Allowance;
use charges::Charges;
pub use charges::MAX_CHARGES;

/// The window where the registry named none: Docker Hub's (docs.docker.com/docker-hub/usage/pulls).
pub const DEFAULT_WINDOW: Duration = Duration::from_hours(6);

/// What a forecast looks back on: so much is a rate, and a burst is none.
const LOOK_BACK: Duration = Duration::from_hours(1);

/// The shortest time that says anything about a rate.
const MIN_LOOK_BACK: Duration = Duration::from_mins(1);

/// How far words may seem to go back in time: those of two answers are heard by two threads, and clocks are set by a little
/// all the time. Beyond it the clock was set back, and what was seen before means nothing now.
const MAX_STEP_BACK: Duration = Duration::from_mins(1);

/// So many pulls in a row go through at a registry that says with each that nothing is left, and its number is not gone by until it
/// refuses one: it would have us pull one by one, for nothing.
const CONTRADICTIONS: u32 = 2;

/// A budget of pulls, of one registry and one of those whom it charges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullBudget {
    /// What the whole window allows, if the registry said.
    pub limit: Option<u64>,
    /// What was left when the registry last said so.
    pub remaining: u64,
    /// The window's length.
    pub window: Duration,
    /// When the registry last said so.
    pub seen_at: SystemTime,
    /// Manifest GETs sent since, of which the registry has said nothing yet.
    pub spent_since: u64,
    charges: Charges,
    /// Pulls in a row that went through and were answered that nothing is left, each sent when nothing was left.
    contradictions: u32,
}

/// What an answer is that speaks of a budget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Said {
    /// To a pull, which went through.
    Pulled,
    /// To a pull, which was refused.
    Refused,
    /// To something that is not counted.
    Told,
}

/// Where a budget is going, at the present rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Forecast {
    /// Pulls charged an hour, whoever made them: those of the last hour, and fewer once a burst among them is over; `None` while
    /// too little was seen.
    pub per_hour: Option<f64>,
    /// In what time it runs out; `None` if it does not within its window, or nobody can tell.
    pub runs_out_in: Option<Duration>,
    /// In what time the first pull is free again; `None` if something is left, or nobody can tell.
    pub opens_in: Option<Duration>,
    /// In what time the whole limit is free again if nothing more is spent; `None` if nothing is spent.
    pub is_full_in: Option<Duration>,
}

impl PullBudget {
    /// The budget that the registry first speaks of; `None` if it does not say what is left.
    pub fn first_seen(allowance: &Allowance, at: SystemTime) -> Option<Self> {
        let remaining = allowance.remaining?;
        Some(Self::restored(
            (allowance.limit, remaining),
            allowance.window.unwrap_or(DEFAULT_WINDOW),
            at,
            0,
        ))
    }

    /// The budget as it was written down: limit and remainder, window, when the registry said so, and what was sent since.
    pub fn restored(
        (limit, remaining): (Option<u64>, u64),
        window: Duration,
        seen_at: SystemTime,
        spent_since: u64,
    ) -> Self {
        Self {
            limit,
            remaining,
            window,
            seen_at,
            spent_since,
            charges: Charges::since(seen_at),
            contradictions: 0,
        }
    }

    /// With what was charged, as [`charges`](Self::charges) had it when it was written down. What is told of a time after the
    /// registry's last word was written by a clock that has been set back since, and is left out.
    #[must_use]
    pub fn with_charges(mut self, written: impl IntoIterator<Item = (SystemTime, u64)>) -> Self {
        let mut written = written.into_iter().filter(|(at, _)| *at <= self.seen_at);
        if let Some(first) = written.next() {
            self.charges = Charges::since(first.0);
            for (at, pulls) in std::iter::once(first).chain(written) {
                self.charges.add(at, pulls, self.window);
            }
        }
        self
    }

    /// When it was first watched, with no pull; then when pulls were charged, as far as remainders told, and how many, oldest
    /// first. At most [`MAX_CHARGES`].
    pub fn charges(&self) -> impl Iterator<Item = (SystemTime, u64)> + '_ {
        self.charges.written()
    }

    /// The registry has spoken again, at `at`, in answer to what was sent at `asked_at`. An allowance without a remainder says
    /// nothing; and answers overtake each other: one with more left, to what was sent before the last word came, is the older.
    pub fn see(
        &mut self,
        (said, allowance): (Said, &Allowance),
        asked_at: SystemTime,
        at: SystemTime,
    ) {
        let Some(remaining) = allowance.remaining else {
            return;
        };
        self.weigh(said, remaining, asked_at);
        let is_set_back = age(at, self.seen_at) > MAX_STEP_BACK;
        if remaining > self.remaining && asked_at < self.seen_at && !is_set_back {
            return;
        }
        self.limit = allowance.limit.or(self.limit);
        self.window = allowance.window.unwrap_or(self.window);
        if is_set_back {
            self.charges = Charges::since(at);
            self.seen_at = at;
        } else {
            self.seen_at = at.max(self.seen_at);
            // A remainder that grew is a window that moved.
            let pulls = self.remaining.saturating_sub(remaining);
            self.charges.add(self.seen_at, pulls, self.window);
        }
        self.remaining = remaining;
        self.spent_since = 0;
    }

    /// A pull was refused: what the registry says is left holds again.
    pub fn believe(&mut self) {
        self.contradictions = 0;
    }

    /// Whether the registry's number is to be gone by: not while it lets pulls through of which it says that nothing is left for them.
    pub fn holds(&self) -> bool {
        self.contradictions < CONTRADICTIONS
    }

    /// A manifest GET was sent. The registry's word on it may come, or not.
    pub fn note_sent(&mut self) {
        self.spent_since = self.spent_since.saturating_add(1);
    }

    /// A manifest GET was answered without a word on this budget: an image that nobody meters.
    pub fn note_unmetered(&mut self) {
        self.spent_since = self.spent_since.saturating_sub(1);
    }

    /// What is left now, as far as we know: of what the registry said, less what was sent since. A window after its last
    /// word all of it is back.
    pub fn remaining_at(&self, now: SystemTime) -> u64 {
        if age(self.seen_at, now) >= self.window {
            return self.limit.unwrap_or(self.remaining).max(self.remaining);
        }
        self.remaining.saturating_sub(self.spent_since)
    }

    /// How old the registry's last word is; a word from the future is of now.
    pub fn age_at(&self, now: SystemTime) -> Duration {
        age(self.seen_at, now)
    }

    /// Where it is going.
    pub fn forecast(&self, now: SystemTime) -> Forecast {
        let remaining = self.remaining_at(now);
        let per_hour = self.per_hour(now);
        let runs_out_in = per_hour
            .filter(|rate| *rate > 0.0 && remaining > 0)
            .map(|rate| hours(count(remaining) / rate))
            .filter(|wait| *wait < self.window);
        Forecast {
            per_hour,
            runs_out_in,
            opens_in: self.opens_in(now),
            is_full_in: self
                .limit
                .filter(|limit| remaining < *limit)
                .map(|_| self.window.saturating_sub(age(self.last_spent_at(), now))),
        }
    }

    /// In what time the first pull is free again: when the oldest of those that we saw leaves the window. `None` if something
    /// is left, or we saw none of them.
    pub fn opens_in(&self, now: SystemTime) -> Option<Duration> {
        if self.remaining_at(now) > 0 {
            return None;
        }
        // What had left the window before the registry spoke is in what it said; what has left it since opens it, now.
        self.charges
            .all()
            .find(|(at, _)| age(*at, self.seen_at) < self.window)
            .map(|(at, _)| self.window.saturating_sub(age(at, now)))
    }

    /// The answer to what was sent at `asked_at` says that so much is left.
    fn weigh(&mut self, said: Said, remaining: u64, asked_at: SystemTime) {
        if remaining > 0 || said == Said::Refused {
            self.believe();
        } else if said == Said::Pulled && self.is_spent(asked_at) {
            self.contradictions += 1;
        }
    }

    /// Whether nothing was left then, by what the registry had said and not by what came after; and no pull had left the window.
    fn is_spent(&self, at: SystemTime) -> bool {
        let has_said = self.remaining == 0 && self.seen_at <= at;
        has_said && self.remaining_at(at) == 0 && self.opens_in(at) != Some(Duration::ZERO)
    }

    /// Pulls charged an hour at present; where less of the last one was watched, as if nothing had been charged before.
    fn per_hour(&self, now: SystemTime) -> Option<f64> {
        if age(self.charges.watched_since(), now) < MIN_LOOK_BACK {
            return None;
        }
        let charges = self.charges.all().rev();
        let charges = charges.map(|(at, pulls)| (age(at, now), pulls));
        let look_back = LOOK_BACK.min(self.window);
        Some(rate::per_hour(charges, self.spent_since, look_back))
    }

    fn last_spent_at(&self) -> SystemTime {
        self.charges.all().last().map_or(self.seen_at, |(at, _)| at)
    }
}

fn age(at: SystemTime, now: SystemTime) -> Duration {
    now.duration_since(at).unwrap_or_default()
}

fn hours(hours: f64) -> Duration {
    Duration::try_from_secs_f64(hours * 3_600.0).unwrap_or(Duration::MAX)
}

/// Exact up to 2^53, which [`crate::MAX_COUNT`] is far below.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts are bounded far below the mantissa"
)]
fn count(pulls: u64) -> f64 {
    pulls as f64
}

#[cfg(test)]
mod tests;
