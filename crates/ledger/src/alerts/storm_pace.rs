//! How many alerts of storms an operator gets: a few by name, then one of how many more.
//!
//! Pure. Hundreds of storms may begin together, when a registry refuses a whole cluster: nobody reads hundreds of alerts.

use std::collections::BTreeSet;
use std::time::Duration;

/// The most storms that are named in alerts within a minute, those that begin and those that end together.
pub(crate) const MAX_NAMED_A_MINUTE: u32 = 10;

const MINUTE: Duration = Duration::from_mins(1);

/// Who has had a turn in this minute, and who has not. Times are of the monotonic reading.
#[derive(Debug, Default)]
pub(super) struct StormPace {
    minute_began: Option<Duration>,
    named: u32,
    /// Those that began and were not told; they are storms still, so no more than there are storms.
    unsaid: BTreeSet<String>,
    ended: usize,
    sum_due: Option<Duration>,
}

/// What is told of many.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    /// Those that began.
    pub(super) began: BTreeSet<String>,
    /// How many are over.
    pub(super) ended: usize,
}

impl StormPace {
    /// Whether one that begins is told by its name; if not, it is one of many.
    pub(super) fn begins(&mut self, subject: &str, now: Duration) -> bool {
        if self.unsaid.contains(subject) {
            return false;
        }
        let has_turn = self.take_turn(now);
        if !has_turn {
            self.unsaid.insert(subject.to_owned());
        }
        has_turn
    }

    /// It is over before it was told; whether that is so.
    pub(super) fn ends_unsaid(&mut self, subject: &str) -> bool {
        self.unsaid.remove(subject)
    }

    /// Whether one that is over is told by its name, as its begin was or was not; if not, it is one of many.
    pub(super) fn ends(&mut self, was_named: bool, now: Duration) -> bool {
        let has_turn = was_named && self.take_turn(now);
        if !has_turn {
            self.ended += 1;
            self.sum_due.get_or_insert(now + MINUTE);
        }
        has_turn
    }

    /// The many, once a minute.
    pub(super) fn take_sum(&mut self, now: Duration) -> Sum {
        if self.sum_due.is_none_or(|due| now < due) {
            return Sum::default();
        }
        self.sum_due = None;
        Sum {
            began: std::mem::take(&mut self.unsaid),
            ended: std::mem::take(&mut self.ended),
        }
    }

    fn take_turn(&mut self, now: Duration) -> bool {
        let began = *self.minute_began.get_or_insert(now);
        if now.saturating_sub(began) >= MINUTE {
            self.minute_began = Some(now);
            self.named = 0;
        }
        if self.named >= MAX_NAMED_A_MINUTE {
            // When this minute is over: more may come in it.
            let over = self.minute_began.unwrap_or(now) + MINUTE;
            self.sum_due.get_or_insert(over);
            return false;
        }
        self.named += 1;
        true
    }
}
