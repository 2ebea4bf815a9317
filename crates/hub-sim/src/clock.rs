//! The simulator's own clock, which tests move by hand.
//!
//! Windows, token expiry, lockouts and signed addresses are measured on it; pacing of bytes is not.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `n` hours, so that a story can say `hours(6)`.
pub const fn hours(n: u64) -> Duration {
    Duration::from_secs(n * 3600)
}

/// `n` minutes.
pub const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// `n` seconds.
pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Tells the time since the Unix epoch: standing still until moved, or running with the machine's.
#[derive(Debug)]
pub(crate) struct SimClock {
    hands: Mutex<Hands>,
}

#[derive(Debug)]
struct Hands {
    /// Whether time also passes by itself.
    runs: bool,
    /// Where the clock was set.
    set_to: Duration,
    /// What the machine's clock said at that moment.
    set_when: Duration,
}

impl SimClock {
    /// A clock that stands at the machine's present time.
    pub(crate) fn standing() -> Self {
        let now = machine_time();
        Self {
            hands: Mutex::new(Hands {
                runs: false,
                set_to: now,
                set_when: now,
            }),
        }
    }

    /// Lets the clock run by itself from where it stands.
    pub(crate) fn run(&self) {
        let now = self.now();
        let mut hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        *hands = Hands {
            runs: true,
            set_to: now,
            set_when: machine_time(),
        };
    }

    /// Time since the Unix epoch.
    pub(crate) fn now(&self) -> Duration {
        let hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        if hands.runs {
            hands.set_to + machine_time().saturating_sub(hands.set_when)
        } else {
            hands.set_to
        }
    }

    pub(crate) fn advance(&self, by: Duration) {
        let mut hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        hands.set_to = hands.set_to.saturating_add(by);
    }

    pub(crate) fn set(&self, to: SystemTime) {
        let mut hands = self.hands.lock().unwrap_or_else(PoisonError::into_inner);
        hands.set_to = to.duration_since(UNIX_EPOCH).unwrap_or_default();
        hands.set_when = machine_time();
    }
}

/// The time in the form of HTTP's `Date`.
pub(crate) fn http_date(since_epoch: Duration) -> String {
    timestamp(since_epoch)
        .strftime("%a, %d %b %Y %H:%M:%S GMT")
        .to_string()
}

/// The time in the form of RFC 3339, as in a token answer's `issued_at`.
pub(crate) fn rfc3339(since_epoch: Duration) -> String {
    timestamp(since_epoch)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}

fn timestamp(since_epoch: Duration) -> jiff::Timestamp {
    i64::try_from(since_epoch.as_secs())
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .unwrap_or(jiff::Timestamp::MAX)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the simulator plays the other side, so it keeps a clock of its own; this is its only reading"
)]
fn machine_time() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{SimClock, hours, http_date, rfc3339};
    use std::time::Duration;

    #[test]
    fn a_standing_clock_moves_only_by_hand() {
        let clock = SimClock::standing();
        let before = clock.now();
        assert_eq!(clock.now(), before);
        clock.advance(hours(6));
        assert_eq!(clock.now(), before + hours(6));
    }

    #[test]
    fn dates_are_written_as_http_and_rfc_3339_want_them() {
        let moment = Duration::from_secs(784_111_777);
        assert_eq!(http_date(moment), "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(rfc3339(moment), "1994-11-06T08:49:37Z");
    }
}
