//! Decides whether what is kept may be given without asking.
//!
//! Pure: takes the clock's now as an argument and touches nothing. Asking is `tags.rs`' work.

use std::time::Duration;

use forebay_content::Timestamp;

/// Whether a check is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// It was checked recently enough.
    Fresh,
    /// The upstream should be asked.
    Due,
}

/// Judges what was checked at `checked_at` and lives for `ttl`.
///
/// A check that lies ahead of now was written under another clock: it says nothing, and asking anew costs a HEAD.
#[must_use]
pub fn judge(checked_at: Timestamp, now: Timestamp, ttl: Duration) -> Freshness {
    match checked_at.age_at(now) {
        Some(age) if age < ttl => Freshness::Fresh,
        _ => Freshness::Due,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_check_counts_for_its_time_to_live_and_no_longer() {
        let ttl = Duration::from_mins(5);
        let checked = Timestamp(1_000_000);
        for (now, freshness) in [
            (checked, Freshness::Fresh),
            (checked.after(Duration::from_secs(299)), Freshness::Fresh),
            (checked.after(ttl), Freshness::Due),
            (Timestamp(i64::MAX), Freshness::Due),
            (Timestamp(checked.0 - 1), Freshness::Due),
            (Timestamp(i64::MIN), Freshness::Due),
        ] {
            assert_eq!(judge(checked, now, ttl), freshness, "{now:?}");
        }
        assert_eq!(judge(checked, checked, Duration::ZERO), Freshness::Due);
    }
}
