//! What is not asked for a while because a limiter said so.
//!
//! Pure: times are arguments. Each limiter stops what it counts and nothing else.

use std::time::Duration;

use forebay_content::UpstreamCall;
use forebay_limits::{Limited, Limiter, Reading};

use super::{Caller, Part};
use crate::login::Fingerprint;

/// The most logins that rest at once; an upstream has one at a time, and a new one after each rotation.
const MAX_RESTING_LOGINS: usize = 16;

/// All cool-downs of one upstream. One whose time has come stays until an answer shows that the limit is over: until then it is
/// no news when the limiter speaks again.
#[derive(Clone, Debug, Default)]
pub(super) struct CoolDowns {
    /// Of manifest GETs.
    pulls: Option<Rest>,
    /// Of everything: the limit counts our address.
    everything: Option<Rest>,
    /// Of the part that said so.
    parts: [Option<Rest>; Part::COUNT],
    /// Of token requests with a login.
    logins: Vec<(Fingerprint, Rest)>,
}

/// What a limit stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Manifest GETs.
    Pulls,
    /// Everything: the limit counts our address.
    Everything,
    /// One part of the upstream.
    Part(Part),
    /// Token requests with the login that was refused.
    Login,
}

/// Why and until when.
#[derive(Clone, Debug)]
struct Rest {
    limited: Limited,
    until: Duration,
}

/// A limit that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resting {
    /// What the limiter said.
    pub(crate) limited: Limited,
    /// For how long from now.
    pub(crate) left: Duration,
}

impl Scope {
    /// What a refusal by this limiter at `part` stops.
    pub(crate) fn of(limiter: Limiter, part: Part, has_login: bool) -> Self {
        match limiter {
            Limiter::PullLimit => Self::Pulls,
            Limiter::AbuseLimit => Self::Everything,
            Limiter::LoginLockout if has_login => Self::Login,
            Limiter::LoginLockout | Limiter::ApiLimit | Limiter::Other => Self::Part(part),
        }
    }

    /// The word under which it is kept.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pulls => "pulls",
            Self::Everything => "everything",
            Self::Part(Part::Registry) => "registry",
            Self::Part(Part::Token) => "token",
            Self::Part(Part::Blob) => "blob",
            Self::Login => "login",
        }
    }
}

impl CoolDowns {
    /// The limit that stands in the way of a call to `part` with `login`, the one that lasts longest.
    pub(super) fn find(
        &self,
        call: UpstreamCall,
        part: Part,
        login: Option<&Fingerprint>,
        now: Duration,
    ) -> Option<Resting> {
        let pulls = self
            .pulls
            .as_ref()
            .filter(|_| call == UpstreamCall::GetManifest);
        let is_token = part == Part::Token;
        let login = self
            .logins
            .iter()
            .find(|(resting, _)| is_token && Some(resting) == login)
            .map(|(_, rest)| rest);
        [
            pulls,
            self.everything.as_ref(),
            self.parts[part as usize].as_ref(),
            login,
        ]
        .into_iter()
        .flatten()
        .filter(|rest| now < rest.until)
        .max_by_key(|rest| rest.until)
        .map(|rest| Resting {
            limited: rest.limited.clone(),
            left: rest.until.saturating_sub(now),
        })
    }

    /// Takes note of a refusal by a limiter; the cool-down lasts `wait` from `now`. True if the limit was not there before.
    pub(super) fn note_limit(
        &mut self,
        limited: &Limited,
        part: Part,
        login: Option<&Fingerprint>,
        (now, wait): (Duration, Duration),
    ) -> bool {
        let rest = Rest {
            limited: limited.clone(),
            until: now + wait,
        };
        let slot = match (Scope::of(limited.limiter, part, login.is_some()), login) {
            (Scope::Pulls, _) => &mut self.pulls,
            (Scope::Everything, _) => &mut self.everything,
            (Scope::Login, Some(login)) => return self.rest_login(login, rest),
            (Scope::Part(_) | Scope::Login, _) => &mut self.parts[part as usize],
        };
        let before = slot.replace(rest);
        before.is_none_or(|before| before.limited.limiter != limited.limiter)
    }

    /// Takes note of an answer of `part` that was no refusal; tells the limits that would have stopped it and are over.
    ///
    /// A HEAD is free and tells the remainder even while pulls are refused: one that is not zero ends their cool-down.
    pub(super) fn note_leave(
        &mut self,
        caller: Caller<'_>,
        part: Part,
        reading: &Reading,
        now: Duration,
    ) -> Vec<Limited> {
        let over = |rest: &mut Rest| rest.until <= now;
        let remaining = reading.allowance.and_then(|allowance| allowance.remaining);
        let has_pulls = remaining.is_some_and(|remaining| remaining > 0);
        let is_pull = caller.call == UpstreamCall::GetManifest;
        let pulls = self
            .pulls
            .take_if(|rest| has_pulls || is_pull && over(rest));
        let everything = self.everything.take_if(over);
        let part = self.parts[part as usize].take_if(over);
        let login = self.take_login(caller.login, now);
        [pulls, everything, part, login]
            .into_iter()
            .flatten()
            .map(|rest| rest.limited)
            .collect()
    }

    /// What of this still holds once the registry is asked in another way: all of it, or, by another login, what counts our
    /// address and what is about one login anyway.
    pub(super) fn inherited(&self, of_same_login: bool) -> Self {
        if of_same_login {
            return self.clone();
        }
        Self {
            everything: self.everything.clone(),
            logins: self.logins.clone(),
            ..Self::default()
        }
    }

    fn rest_login(&mut self, login: &Fingerprint, rest: Rest) -> bool {
        let known = self.logins.len();
        self.logins.retain(|(resting, _)| resting != login);
        let is_news = self.logins.len() == known;
        if self.logins.len() >= MAX_RESTING_LOGINS {
            self.logins.remove(0);
        }
        self.logins.push((login.clone(), rest));
        is_news
    }

    fn take_login(&mut self, login: Option<&Fingerprint>, now: Duration) -> Option<Rest> {
        let place = self
            .logins
            .iter()
            .position(|(resting, rest)| Some(resting) == login && rest.until <= now)?;
        Some(self.logins.remove(place).1)
    }
}
