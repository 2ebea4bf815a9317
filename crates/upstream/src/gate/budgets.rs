//! What is left of the pull budgets, as far as the registry has said: by the source that it named.
//!
//! Pure: times are arguments. All by the monotonic clock, so that a wall clock that is set moves no window.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use forebay_content::KeptBudget;
use forebay_limits::{PullBudget, Purse, Reading, Said, Source};

/// The most budgets that are told apart; a registry names one for each address of ours, and one for an account.
const MAX_SOURCES: usize = 16;

/// How long the registry's word that nothing is left is taken as it is. Afterwards others' pulls may have left the window, and
/// a HEAD, which is free, tells.
pub(crate) const WORD_HOLDS: Duration = Duration::from_secs(30);

/// What the monotonic clock's zero is called in the terms of [`PullBudget`]: late enough that what was seen before this process
/// began has a time as well.
const ZERO_AT: Duration = Duration::from_hours(24 * 365 * 100);

/// The budgets of one account at one upstream.
#[derive(Clone, Debug, Default)]
pub(super) struct Budgets {
    /// The one that was heard of last comes last.
    known: Vec<Known>,
    /// Manifest GETs that were sent and not answered.
    in_flight: u64,
}

#[derive(Clone, Debug)]
struct Known {
    source: Option<Source>,
    budget: PullBudget,
}

impl Budgets {
    /// The answer to what was sent at `asked_at` said this. One without a word on pulls says nothing, about any budget. True if it is
    /// news that the word on one does not hold.
    pub(super) fn note_reading(
        &mut self,
        reading: &Reading,
        said: Said,
        (asked_at, now): (Duration, Duration),
    ) -> bool {
        if said == Said::Refused {
            self.believe(reading.source.as_ref());
        }
        let Some(allowance) = reading.pulls() else {
            return false;
        };
        let source = reading.source.as_ref();
        let place = self
            .known
            .iter()
            .position(|known| known.source.as_ref() == source);
        let mut is_news = false;
        let known = if let Some(place) = place {
            let mut known = self.known.remove(place);
            let held = known.budget.holds();
            let answer = (said, &allowance);
            known.budget.see(answer, moment(asked_at), moment(now));
            is_news = held && !known.budget.holds();
            known
        } else if let Some(budget) = PullBudget::first_seen(&allowance, moment(now)) {
            Known {
                source: source.cloned(),
                budget,
            }
        } else {
            return false;
        };
        self.add_last(known);
        is_news
    }

    /// A pull was refused: what the registry says is left holds again, of whom it counts.
    fn believe(&mut self, source: Option<&Source>) {
        for known in &mut self.known {
            if source.is_none() || known.source.as_ref() == source {
                known.budget.believe();
            }
        }
    }

    /// A budget as it was written down, of which the registry spoke this long ago. What was heard since is the truer word.
    pub(super) fn restore(&mut self, kept: &KeptBudget, age: Duration, now: Duration) {
        let source = &kept.key.source;
        let is_known = self.known.iter().any(|known| known.source == *source);
        if is_known || age >= kept.window {
            return;
        }
        let seen_at = moment(now)
            .checked_sub(age.min(ZERO_AT))
            .unwrap_or(UNIX_EPOCH);
        // As long before its last word as they were by the clock that they were noted by.
        let charges = kept.charges.iter().filter_map(|(at, pulls)| {
            let before = at.age_at(kept.seen_at)?;
            Some((seen_at.checked_sub(before)?, *pulls))
        });
        let said = (kept.limit, kept.remaining);
        let budget = PullBudget::restored(said, kept.window, seen_at, kept.spent_since);
        self.add_last(Known {
            source: source.clone(),
            budget: budget.with_charges(charges),
        });
        self.known.sort_by_key(|known| known.budget.seen_at);
    }

    /// A manifest GET is sent.
    pub(super) fn note_sent(&mut self) {
        self.in_flight += 1;
    }

    /// A manifest GET came back or never will. Without an answer nobody knows whether it was charged: then it was.
    pub(super) fn note_back(&mut self, is_answered: bool) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if !is_answered && let Some(known) = self.known.last_mut() {
            known.budget.note_sent();
        }
    }

    /// True once the registry has spoken of a budget: from then on its silence about an image says something, too.
    pub(super) fn is_known(&self) -> bool {
        !self.known.is_empty()
    }

    /// Whether the registry has spoken of a budget since.
    pub(super) fn were_heard_since(&self, then: Duration) -> bool {
        let last = self.known.last();
        last.is_some_and(|known| known.budget.seen_at >= moment(then))
    }

    /// Whom the budget counts that the registry spoke of last, if it named one.
    pub(super) fn last_source(&self) -> Option<&Source> {
        self.known.last()?.source.as_ref()
    }

    /// What may be spent: of the budget that the registry spoke of last.
    pub(super) fn purse(&self, now: Duration) -> Purse {
        let known = self.known.last().map(|known| &known.budget);
        let Some(budget) = known.filter(|budget| budget.holds()) else {
            return Purse::Unmetered;
        };
        let at = moment(now);
        let left = budget.remaining_at(at);
        if left == 0 && self.in_flight == 0 {
            let opens_in = if budget.age_at(at) < WORD_HOLDS {
                budget.opens_in(at)
            } else {
                Some(Duration::ZERO)
            };
            return Purse::Empty { opens_in };
        }
        Purse::Metered {
            remaining: left.saturating_sub(self.in_flight),
            limit: budget.limit.unwrap_or(0),
        }
    }

    /// Without what is under way, which another way to the registry does not hear of.
    pub(super) fn inherited(&self) -> Self {
        Self {
            known: self.known.clone(),
            in_flight: 0,
        }
    }

    fn add_last(&mut self, known: Known) {
        if self.known.len() >= MAX_SOURCES {
            self.known.remove(0);
        }
        self.known.push(known);
    }
}

/// A moment of the monotonic clock in the terms of [`PullBudget`].
fn moment(now: Duration) -> SystemTime {
    UNIX_EPOCH + ZERO_AT + now
}

#[cfg(test)]
mod tests;
