//! What is left of a cool-down that was noted before this process began.
//!
//! Pure. The wall clock may have been set in between, either way: then a cool-down ends a little early, or lasts as long as it was
//! to last when it was noted, and never longer.

use std::time::Duration;

use forebay_content::{KeptCoolDown, Timestamp};
use forebay_limits::MAX_WAIT;

/// How long it still holds at `now`; `None` if it is over.
pub(crate) fn time_left(kept: &KeptCoolDown, now: Timestamp) -> Option<Duration> {
    // What was noted in the future was noted by a clock that has been set back since: perhaps just now.
    let from = now.max(kept.noted_at);
    let left = from.age_at(kept.until)?.min(MAX_WAIT);
    (!left.is_zero()).then_some(left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use forebay_limits::Limiter;

    const YEARS: i64 = 10 * 365 * 24 * 3_600;

    #[test]
    fn a_cool_down_ends_on_time_and_wherever_the_clock_is_set_holds_no_longer_than_it_was_to() {
        for (noted, until, now, expected) in [
            (100, 160, 100, Some(60)),
            (100, 160, 130, Some(30)),
            (100, 160, 160, None),
            (100, 160, 1_000, None),
            // Set back by a little, and by years.
            (100, 160, 90, Some(60)),
            (YEARS, YEARS + 60, 0, Some(60)),
            (100, 160, i64::MIN / 1_000, Some(60)),
            // Set forward.
            (100, 160, YEARS, None),
            (100, 160, i64::MAX / 1_000, None),
            // Rows that nobody can have written.
            (0, YEARS, 0, Some(6 * 3_600)),
            (160, 100, 90, None),
            (i64::MIN / 1_000, i64::MAX / 1_000, 0, Some(6 * 3_600)),
        ] {
            let kept = KeptCoolDown {
                upstream: "docker.io".into(),
                scope: "pulls".into(),
                limiter: Limiter::PullLimit,
                until: Timestamp(until * 1_000),
                noted_at: Timestamp(noted * 1_000),
            };
            let left = time_left(&kept, Timestamp(now * 1_000));
            let expected = expected.map(Duration::from_secs);
            assert_eq!(left, expected, "noted {noted}, until {until}, now {now}");
        }
    }
}
