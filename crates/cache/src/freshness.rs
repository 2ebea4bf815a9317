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
}
