//! A refusal by a limiter: which one, whom it counts, and for how long to leave it alone.
//!
//! The cool-downs are what we choose when the registry names no time; what it names is bounded.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use crate::{MAX_WAIT, RetryAfter};

/// The shortest cool-down: GHCR asks for microseconds, and a fleet that comes back after those meets the same wall.
pub const MIN_COOL_DOWN: Duration = Duration::from_secs(1);

/// The cool-down of a pull limit that named no time, if its window is not shorter still.
///
/// The window is a rolling one: the next pull may be free long before six hours are over, but no header says when. A HEAD
/// costs nothing and tells the remainder even while we are blocked, so the next one that shows a remainder ends
/// the cool-down early; until then one GET every five minutes asks, seldom enough not to prolong a block.
pub const PULL_LIMIT_COOL_DOWN: Duration = Duration::from_mins(5);

/// The cool-down of the abuse limit: about a minute after the flood stops, and `retry-after: 60` in the one raw dump.
pub const ABUSE_COOL_DOWN: Duration = Duration::from_mins(1);

/// The cool-down of a login lockout: users report 10 to 15 minutes, and a failure in it begins it anew.
pub const LOCKOUT_COOL_DOWN: Duration = Duration::from_mins(10);

/// The cool-down of an API limit that named no time.
pub const API_COOL_DOWN: Duration = Duration::from_mins(1);

/// The cool-down of any other registry's limit: they count by the second or by the minute.
pub const OTHER_COOL_DOWN: Duration = Duration::from_secs(10);

/// A limiter's refusal.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Limited {
    /// Which limiter spoke.
    pub limiter: Limiter,
    /// Whom it counts, where it says so.
    pub identity: Option<Identity>,
    /// When it would like to see us again.
    pub retry_after: Option<RetryAfter>,
    /// The window that it counts in, where it says so.
    pub window: Option<Duration>,
}

/// The limiters: Docker Hub has four, of different keys, scopes and waits; the others' need no telling apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Limiter {
    /// Manifest GETs per window, by address or account. HEADs still go through.
    PullLimit,
    /// All requests per address, whatever the account.
    AbuseLimit,
    /// Failed logins of one account: its credentials must rest.
    LoginLockout,
    /// Calls of a registry's web API.
    ApiLimit,
    /// Another registry's throttle, or one that we do not know.
    Other,
}

/// Whom a limiter counts.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Identity {
    /// Our address or /64, where the registry named it.
    Address(Option<IpAddr>),
    /// An account, where the registry named it. Behind a shared address it may be somebody else's.
    Account(Option<Account>),
}

/// An account's name as a registry printed it: kept from logs by its `Debug` and `Display`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Account(String);

impl Limited {
    /// A refusal of which only the limiter is known.
    pub fn by(limiter: Limiter) -> Self {
        Self {
            limiter,
            identity: None,
            retry_after: None,
            window: None,
        }
    }

    /// For how long from `now`, when the answer came, to send nothing that this limiter counts.
    ///
    /// At least [`MIN_COOL_DOWN`], at most [`MAX_WAIT`]. A time that is already past is no advice.
    pub fn cool_down(&self, now: SystemTime) -> Duration {
        self.retry_after
            .map(|advice| advice.wait(now))
            .filter(|wait| !wait.is_zero())
            .unwrap_or_else(|| self.default_cool_down())
            .clamp(MIN_COOL_DOWN, MAX_WAIT)
    }

    fn default_cool_down(&self) -> Duration {
        match self.limiter {
            Limiter::PullLimit => self.window.map_or(PULL_LIMIT_COOL_DOWN, |window| {
                window.min(PULL_LIMIT_COOL_DOWN)
            }),
            Limiter::AbuseLimit => ABUSE_COOL_DOWN,
            Limiter::LoginLockout => LOCKOUT_COOL_DOWN,
            Limiter::ApiLimit => API_COOL_DOWN,
            Limiter::Other => OTHER_COOL_DOWN,
        }
    }
}

impl Account {
    pub(crate) fn new(name: String) -> Self {
        Self(name)
    }

    /// The name itself, for comparing with our own; never for a log or a message.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.identity {
            Some(identity) => write!(f, "{} of {identity}", self.limiter),
            None => write!(f, "{}", self.limiter),
        }
    }
}

impl fmt::Display for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PullLimit => "pull limit",
            Self::AbuseLimit => "abuse limit",
            Self::LoginLockout => "login lockout",
            Self::ApiLimit => "API limit",
            Self::Other => "rate limit",
        })
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(Some(address)) => write!(f, "address {address}"),
            Self::Address(None) => f.write_str("our address"),
            Self::Account(_) => f.write_str("an account"),
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account(***)")
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn now() -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_795_000_000)
    }

    #[test]
    fn a_limiter_that_names_no_time_gets_its_own_cool_down() {
        let table = [
            (Limiter::PullLimit, PULL_LIMIT_COOL_DOWN),
            (Limiter::AbuseLimit, ABUSE_COOL_DOWN),
            (Limiter::LoginLockout, LOCKOUT_COOL_DOWN),
            (Limiter::ApiLimit, API_COOL_DOWN),
            (Limiter::Other, OTHER_COOL_DOWN),
        ];
        for (limiter, expected) in table {
            assert_eq!(Limited::by(limiter).cool_down(now()), expected, "{limiter}");
        }
    }

    #[test]
    fn what_the_registry_names_is_honoured_within_bounds() {
        let table = [
            ("120", Duration::from_mins(2)),
            ("985.86µs", MIN_COOL_DOWN),
            ("86400", MAX_WAIT),
            ("Tue, 01 Jan 2999 00:00:00 GMT", MAX_WAIT),
            // Past, or nothing: as if nothing had been said.
            ("0", ABUSE_COOL_DOWN),
            ("Thu, 01 Jan 1970 00:00:00 GMT", ABUSE_COOL_DOWN),
        ];
        for (advice, expected) in table {
            let limited = Limited {
                retry_after: RetryAfter::parse(advice),
                ..Limited::by(Limiter::AbuseLimit)
            };
            assert_eq!(limited.cool_down(now()), expected, "{advice}");
        }
    }

    #[test]
    fn a_short_window_shortens_a_pull_limits_cool_down() {
        let with_window = |seconds| Limited {
            window: Some(Duration::from_secs(seconds)),
            ..Limited::by(Limiter::PullLimit)
        };
        assert_eq!(with_window(30).cool_down(now()), Duration::from_secs(30));
        assert_eq!(with_window(21_600).cool_down(now()), PULL_LIMIT_COOL_DOWN);
        assert_eq!(with_window(0).cool_down(now()), MIN_COOL_DOWN);
    }

    #[test]
    fn an_account_is_never_printed() {
        let limited = Limited {
            identity: Some(Identity::Account(Some(Account::new("alice".to_owned())))),
            ..Limited::by(Limiter::PullLimit)
        };
        assert_eq!(limited.to_string(), "pull limit of an account");
        assert!(!format!("{limited:?}").contains("alice"));
    }
}
