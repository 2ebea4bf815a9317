//! What an upstream is not asked for a while, as it is told: what rests, whose, why, and until when.
//!
//! Plain values, ready to be written as JSON, and a clause for people.

use std::fmt;

use forebay_content::{EVERYTHING_SCOPE, KeptCoolDown, Timestamp, login_scope, pulls_scope};
use forebay_limits::Limiter;
use serde::{Deserialize, Serialize};

/// A rest in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestReport {
    /// What is not asked for.
    pub what: Rested,
    /// The account of ours that it holds for; `None` if for whoever asks without one, or for all from our address.
    pub account: Option<String>,
    /// Why.
    pub why: RestWhy,
    /// When it began.
    pub since_unix_ms: i64,
    /// When it ends, if the registry does not say something else before.
    pub until_unix_ms: i64,
    /// How long that is from now.
    pub left_seconds: u64,
}

/// What is not asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rested {
    /// Anything at all, from our address.
    Everything,
    /// Manifests.
    Pulls,
    /// Tokens with our login.
    Login,
    /// The registry's own API.
    Registry,
    /// Its token service.
    Token,
    /// The hosts that it redirects blobs to.
    Blob,
}

/// Why something rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RestWhy {
    /// The pull limit is used up.
    PullLimit,
    /// Too much came from our address.
    AbuseLimit,
    /// Too many logins failed.
    LoginLockout,
    /// Too many calls of a web API.
    ApiLimit,
    /// Another throttle.
    RateLimit,
    /// The registry refused our login, and no limiter spoke.
    LoginRefused,
}

impl RestReport {
    /// A cool-down as it is told at `now`; `None` if it is over.
    pub fn of(kept: &KeptCoolDown, now: Timestamp) -> Option<Self> {
        let (what, account) = read_scope(&kept.scope);
        Self {
            what,
            account: account.map(str::to_owned),
            why: kept.limiter.into(),
            since_unix_ms: kept.noted_at.0,
            until_unix_ms: kept.until.0,
            left_seconds: 0,
        }
        .at(now)
    }

    /// The same at another time; `None` if it is over.
    pub(crate) fn at(self, now: Timestamp) -> Option<Self> {
        let left = now.age_at(Timestamp(self.until_unix_ms))?;
        (!left.is_zero()).then(|| Self {
            // What is nearly over is not over.
            left_seconds: left.as_secs().max(1),
            ..self
        })
    }

    /// Whether no manifest is fetched meanwhile, whatever is left of a budget.
    pub fn stops_pulls(&self) -> bool {
        matches!(
            self.what,
            Rested::Pulls | Rested::Everything | Rested::Registry
        )
    }
}

impl Rested {
    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Everything => "everything",
            Self::Pulls => "pulls",
            Self::Login => "login",
            Self::Registry => "registry",
            Self::Token => "token",
            Self::Blob => "blob",
        }
    }
}

impl RestWhy {
    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PullLimit => "pull_limit",
            Self::AbuseLimit => "abuse_limit",
            Self::LoginLockout => "login_lockout",
            Self::ApiLimit => "api_limit",
            Self::RateLimit => "rate_limit",
            Self::LoginRefused => "login_refused",
        }
    }
}

impl From<Limiter> for RestWhy {
    fn from(limiter: Limiter) -> Self {
        match limiter {
            Limiter::PullLimit => Self::PullLimit,
            Limiter::AbuseLimit => Self::AbuseLimit,
            Limiter::LoginLockout => Self::LoginLockout,
            Limiter::ApiLimit => Self::ApiLimit,
            Limiter::Other => Self::RateLimit,
        }
    }
}

/// What is not asked for, whose, and why: `everything from our address, by its abuse limit`.
impl fmt::Display for RestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            Rested::Everything => "everything from our address",
            Rested::Pulls => "manifests",
            Rested::Login => "our login",
            Rested::Registry => "whatever its registry is asked",
            Rested::Token => "tokens",
            Rested::Blob => "blobs",
        };
        f.write_str(what)?;
        match (&self.account, self.what) {
            (Some(account), _) => write!(f, " as account {account}")?,
            (None, Rested::Pulls) => f.write_str(" without an account")?,
            (None, _) => {}
        }
        f.write_str(match self.why {
            RestWhy::PullLimit => ", by its pull limit",
            RestWhy::AbuseLimit => ", by its abuse limit",
            RestWhy::LoginLockout => ", by its login lockout",
            RestWhy::ApiLimit => ", by its API limit",
            RestWhy::RateLimit => ", by its rate limit",
            RestWhy::LoginRefused => ", which was refused",
        })
    }
}

/// What the words of a scope stand for, and for which account of ours.
fn read_scope(words: &str) -> (Rested, Option<&str>) {
    if let Some(account) = words.strip_prefix(&*pulls_scope(Some(""))) {
        return (Rested::Pulls, Some(account));
    }
    if let Some(account) = words.strip_prefix(&*login_scope("")) {
        // An account that has no name yet.
        return (Rested::Login, Some(account).filter(|name| !name.is_empty()));
    }
    let what = match words {
        EVERYTHING_SCOPE => Rested::Everything,
        "token" => Rested::Token,
        "blob" => Rested::Blob,
        words if *words == *pulls_scope(None) => Rested::Pulls,
        _ => Rested::Registry,
    };
    (what, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(scope: &str, limiter: Limiter) -> KeptCoolDown {
        KeptCoolDown {
            upstream: "docker.io".into(),
            scope: scope.into(),
            limiter,
            until: Timestamp(90_500),
            noted_at: Timestamp(30_000),
        }
    }

    #[test]
    fn a_rest_is_told_with_whose_it_is_and_why() {
        for (scope, limiter, told) in [
            (
                "everything",
                Limiter::AbuseLimit,
                "everything from our address, by its abuse limit",
            ),
            (
                "pulls",
                Limiter::PullLimit,
                "manifests without an account, by its pull limit",
            ),
            (
                "pulls:ci",
                Limiter::PullLimit,
                "manifests as account ci, by its pull limit",
            ),
            (
                "login:ci",
                Limiter::LoginLockout,
                "our login as account ci, by its login lockout",
            ),
            (
                "login:",
                Limiter::LoginLockout,
                "our login, by its login lockout",
            ),
            ("token", Limiter::ApiLimit, "tokens, by its API limit"),
            ("blob", Limiter::Other, "blobs, by its rate limit"),
            (
                "registry",
                Limiter::Other,
                "whatever its registry is asked, by its rate limit",
            ),
        ] {
            let rest = RestReport::of(&kept(scope, limiter), Timestamp(60_000)).unwrap();
            assert_eq!(rest.to_string(), told);
            assert_eq!(rest.left_seconds, 30);
        }
    }

    #[test]
    fn what_is_nearly_over_is_told_and_what_is_over_is_not() {
        let at = |now| {
            let rest = RestReport::of(&kept("pulls", Limiter::PullLimit), Timestamp(now));
            rest.map(|rest| rest.left_seconds)
        };
        assert_eq!(at(90_499), Some(1));
        assert_eq!(at(90_500), None);
        assert_eq!(at(i64::MAX), None);
    }
}
