//! Now, on both readings of the clock.

use std::time::Duration;

use forebay_content::{Clock, Timestamp};

/// How far the wall clock may be from where it should be, in milliseconds: more than any zone, leap or drift.
const MAX_DRIFT_MS: u64 = 24 * 3_600_000;

/// A moment: hours are counted by the wall clock, rates by the monotonic reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// By the wall clock; may jump either way.
    pub wall: Timestamp,
    /// Time since some fixed moment of this process; never goes back.
    pub monotonic: Duration,
}

impl Moment {
    /// Whether the wall clock has gone on since `before` as the monotonic reading has, up to a day: it was not set.
    pub fn is_steady_since(self, before: Self) -> bool {
        let passed = self.monotonic.saturating_sub(before.monotonic);
        let should = before.wall.after(passed);
        self.wall.0.abs_diff(should.0) <= MAX_DRIFT_MS
    }

    /// The moment that the clock shows.
    pub fn of(clock: &dyn Clock) -> Self {
        Self {
            wall: clock.now(),
            monotonic: clock.monotonic(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_by_more_than_a_day_is_not_steady() {
        const HOUR: i64 = 3_600_000;
        let at = |wall, hours| Moment {
            wall: Timestamp(wall),
            monotonic: Duration::from_hours(hours),
        };
        let before = at(100 * HOUR, 5);
        for (wall, hours, expected) in [
            (100 * HOUR, 5, true),
            (101 * HOUR, 6, true),
            (125 * HOUR, 6, true),
            (125 * HOUR + 1, 6, false),
            (77 * HOUR, 6, true),
            (77 * HOUR - 1, 6, false),
            (1_100 * HOUR, 1_005, true),
            (i64::MAX, 6, false),
            (i64::MIN, 6, false),
        ] {
            let now = at(wall, hours);
            assert_eq!(now.is_steady_since(before), expected, "{wall} {hours}");
        }
    }
}
