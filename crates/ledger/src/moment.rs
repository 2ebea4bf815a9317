//! Now, on both readings of the clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use forebay_content::{Clock, Timestamp};

/// How far the wall clock may be from where it should be, in milliseconds: more than any zone, leap or drift.
const MAX_DRIFT_MS: u64 = 24 * 3_600_000;

/// By how much the wall clock may have been set before what was written by it is written again, in milliseconds.
const MAX_SETTING_MS: u64 = 60_000;

/// Where the monotonic zero lies on the steady line: late enough that what was before this process has a place on it too.
const ZERO_AT: Duration = Duration::from_hours(24 * 365 * 100);

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

    /// This moment on the steady line, the time of this process: no setting of the wall clock bends it, and what was heard before
    /// a restart has its place there.
    pub(crate) fn steady(self) -> SystemTime {
        UNIX_EPOCH + ZERO_AT.saturating_add(self.monotonic)
    }

    /// The place on the steady line of what was written down by the wall clock. What lies ahead was written by a clock that has been
    /// set back since: it is taken for now.
    pub(crate) fn steady_of(self, wall: Timestamp) -> SystemTime {
        let age = wall.age_at(self.wall).unwrap_or_default();
        self.steady() - age.min(ZERO_AT)
    }

    /// What the wall clock, as it is set now, calls a moment of the steady line.
    pub(crate) fn wall_of(self, steady: SystemTime) -> Timestamp {
        match self.steady().duration_since(steady) {
            Ok(age) => {
                let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
                Timestamp(self.wall.0.saturating_sub(age))
            }
            Err(ahead) => self.wall.after(ahead.duration()),
        }
    }

    /// By how many milliseconds the wall clock was set since `before`.
    pub(crate) fn set_by_since(self, before: Self) -> i64 {
        let passed = self.monotonic.saturating_sub(before.monotonic);
        self.wall.0.saturating_sub(before.wall.after(passed).0)
    }

    /// Whether the wall clock was set since `before`, so that what was written by it lies elsewhere now.
    pub(crate) fn is_set_since(self, before: Self) -> bool {
        let passed = self.monotonic.saturating_sub(before.monotonic);
        self.wall.0.abs_diff(before.wall.after(passed).0) > MAX_SETTING_MS
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
    fn what_was_written_down_has_a_place_before_now_and_reads_as_it_was_written() {
        let now = Moment {
            wall: Timestamp(1_795_000_000_000),
            monotonic: Duration::from_secs(5),
        };
        for (wall, age) in [
            (now.wall.0, 0),
            (now.wall.0 - 3_600_000, 3_600),
            (now.wall.0 + 1, 0),
            (i64::MAX, 0),
        ] {
            let place = now.steady_of(Timestamp(wall));
            let found = now.steady().duration_since(place).unwrap();
            assert_eq!(found, Duration::from_secs(age), "{wall}");
            assert_eq!(now.wall_of(place).0, wall.min(now.wall.0));
        }
        let long_ago = now.steady_of(Timestamp(i64::MIN / 2));
        assert!(long_ago < now.steady());
    }

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
