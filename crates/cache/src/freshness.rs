//! Decides whether what is kept may be given without asking.
//!
//! Pure: takes the clock's now as an argument and touches nothing. Asking is `tags.rs`' work.

use std::time::Duration;

use forebay_content::Timestamp;

/// True if what was checked at `checked_at` and lives for `ttl` need not be checked `now`.
///
/// A check that lies ahead of now was written under another clock: it says nothing, and asking anew costs a HEAD.
pub(crate) fn is_fresh(checked_at: Timestamp, now: Timestamp, ttl: Duration) -> bool {
    checked_at.age_at(now).is_some_and(|age| age < ttl)
}

/// The same of what this process may have heard itself, `heard_for` ago by the clock that never jumps: then one that was set back
/// neither prolongs its time nor costs a check.
pub(crate) fn still_holds(
    (checked_at, heard_for): (Timestamp, Option<Duration>),
    now: Timestamp,
    ttl: Duration,
) -> bool {
    let Some(heard_for) = heard_for else {
        return is_fresh(checked_at, now, ttl);
    };
    // A machine that slept has a monotonic clock that stood still: the wall clock shortens the time, and never more.
    let age = checked_at.age_at(now).unwrap_or_default();
    age.max(heard_for) < ttl
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_counts_for_its_time_to_live_and_no_longer() {
        let ttl = Duration::from_mins(5);
        let checked = Timestamp(1_000_000);
        for (now, fresh) in [
            (checked, true),
            (checked.after(Duration::from_secs(299)), true),
            (checked.after(ttl), false),
            (Timestamp(i64::MAX), false),
            (Timestamp(checked.0 - 1), false),
            (Timestamp(i64::MIN), false),
        ] {
            assert_eq!(is_fresh(checked, now, ttl), fresh, "{now:?}");
        }
        assert!(!is_fresh(checked, checked, Duration::ZERO));
    }

    #[test]
    fn what_was_heard_here_holds_its_time_whatever_the_wall_clock_says_unless_that_is_longer() {
        let ttl = Duration::from_mins(5);
        let checked = Timestamp(1_000_000);
        let (young, old) = (Duration::from_secs(299), ttl);
        for (now, heard_for, holds) in [
            (checked, Some(young), true),
            (checked, Some(old), false),
            (Timestamp(0), Some(young), true),
            (Timestamp(i64::MIN), Some(young), true),
            (Timestamp(0), Some(old), false),
            (checked.after(ttl), Some(young), false),
            (checked, None, true),
            (Timestamp(0), None, false),
        ] {
            let heard = (checked, heard_for);
            assert_eq!(still_holds(heard, now, ttl), holds, "{now:?} {heard_for:?}");
        }
    }
}
