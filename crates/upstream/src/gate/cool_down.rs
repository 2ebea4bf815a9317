//! What is not asked for a while because a limiter said so.
//!
//! Pure: times are arguments. Each limiter stops what it counts and nothing else.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use forebay_content::{EVERYTHING_SCOPE, login_scope, pulls_scope};
use forebay_limits::{Limited, Limiter, Reading};

use super::{Caller, Part};
use crate::login::Fingerprint;

/// The most that rest at once each for itself: clients at an upstream that says what they may, of whom each has heard the limit in a
/// request at our pace. The one whose rest is over first goes before others.
const MAX_RESTING_ALONE: usize = 1_024;

/// The words for the scopes of parts, at rest: they outlive this version.
const PARTS: [&str; Part::COUNT] = ["registry", "token", "blob"];

/// All cool-downs of one upstream but that of its address, which is `pacers`' business. One whose time has come stays until an
/// answer shows that the limit is over: until then it is no news when the limiter speaks again.
#[derive(Clone, Debug, Default)]
pub(super) struct CoolDowns {
    /// Of manifest GETs.
    pulls: Option<Rest>,
    /// Of the part that said so.
    parts: [Option<Rest>; Part::COUNT],
    /// Of who is meant alone, at the part that said so: of logins at the token service, of clients each by its own.
    alone: HashMap<Alone, Rest>,
    /// Of token requests with whatever login: it rested before this process began, and nobody kept which one it was.
    unknown_login: Option<Rest>,
}

/// Who rests, none being nobody's login, and where.
type Alone = (Option<Fingerprint>, Part);

/// Whom a limiter means by a limit of its part.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meant<'a> {
    /// Whose login was shown.
    pub(crate) login: Option<&'a Fingerprint>,
    /// Whether the limit is theirs alone; else it is of all who ask this way.
    pub(crate) is_alone: bool,
}

/// What a limit stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// Manifest GETs.
    Pulls,
    /// Everything at this address: the limit counts ours.
    Everything,
    /// One part of the upstream.
    Part(Part),
    /// Requests with the login that was refused, at the part that refused it: of ours, those for tokens.
    Login,
}

/// Why and until when.
#[derive(Clone, Debug)]
pub(crate) struct Rest {
    pub(crate) limited: Limited,
    pub(crate) until: Duration,
}

/// A limit that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resting {
    /// What the limiter said.
    pub(crate) limited: Limited,
    /// For how long from now.
    pub(crate) left: Duration,
}

/// What came of a limiter's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Noted {
    /// The limit was not in the way before.
    pub(crate) is_news: bool,
    /// For how long from now it is: no shorter than the limiter has said before.
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

    /// The words under which it is kept; those of a login and of an account's pulls with its name.
    pub(crate) fn words(self, account: Option<&str>) -> Cow<'static, str> {
        match self {
            Self::Pulls => pulls_scope(account),
            Self::Everything => EVERYTHING_SCOPE.into(),
            Self::Part(part) => PARTS[part as usize].into(),
            Self::Login => login_scope(account.unwrap_or_default()).into(),
        }
    }

    /// What these words stand for, to whom the registry knows by this name; `None` for another's login, and for no scope.
    pub(crate) fn parse(words: &str, account: Option<&str>) -> Option<Self> {
        if account.is_some_and(|name| words == login_scope(name)) {
            return Some(Self::Login);
        }
        // Another account has another budget.
        if words == pulls_scope(account) {
            return Some(Self::Pulls);
        }
        if let Some(place) = PARTS.iter().position(|part| *part == words) {
            return Some(Self::Part(Part::ALL[place]));
        }
        (words == EVERYTHING_SCOPE).then_some(Self::Everything)
    }
}

impl Rest {
    /// What of it is left, if anything is.
    pub(crate) fn resting_at(&self, now: Duration) -> Option<Resting> {
        (now < self.until).then(|| Resting {
            limited: self.limited.clone(),
            left: self.until.saturating_sub(now),
        })
    }
}

impl CoolDowns {
    /// Until when pulls have rested, if that time has come and none has gone through since.
    pub(super) fn pulls_rested_until(&self, now: Duration) -> Option<Duration> {
        let rest = self.pulls.as_ref().filter(|rest| rest.until <= now);
        rest.map(|rest| rest.until)
    }

    /// The limit that stands in the way of a call to `part` with `login`, the one that lasts longest; `is_counted` if the call is a
    /// pull that the registry counts.
    pub(super) fn find(
        &self,
        is_counted: bool,
        part: Part,
        login: Option<&Fingerprint>,
        now: Duration,
    ) -> Option<Resting> {
        let pulls = self.pulls.as_ref().filter(|_| is_counted);
        let is_login_shown = part == Part::Token && login.is_some();
        let unknown_login = self.unknown_login.as_ref().filter(|_| is_login_shown);
        pulls
            .into_iter()
            .chain(self.parts[part as usize].as_ref())
            .chain(self.alone.get(&(login.cloned(), part)))
            .chain(unknown_login)
            .filter_map(|rest| rest.resting_at(now))
            .max_by_key(|resting| resting.left)
    }

    /// Takes note of a refusal by a limiter; the cool-down lasts `wait` from `now`, or until a later end that was named before: the
    /// refusals of what was under way come in any order, and the shorter one takes nothing back. What does is an answer
    /// ([`note_leave`](Self::note_leave)).
    pub(super) fn note_limit(
        &mut self,
        limited: &Limited,
        part: Part,
        meant: Meant<'_>,
        (now, wait): (Duration, Duration),
    ) -> Noted {
        let rest = Rest {
            limited: limited.clone(),
            until: now + wait,
        };
        let alone = |part| (meant.login.cloned(), part);
        let (is_news, until) = match Scope::of(limited.limiter, part, meant.login.is_some()) {
            Scope::Pulls => rest_longer(&mut self.pulls, rest),
            // It holds for the address: `pacers` has noted it.
            Scope::Everything => (false, rest.until),
            Scope::Login => self.rest_alone(alone(part), rest),
            Scope::Part(_) if meant.is_alone => self.rest_alone(alone(part), rest),
            Scope::Part(_) => rest_longer(&mut self.parts[part as usize], rest),
        };
        let left = until.saturating_sub(now);
        Noted { is_news, left }
    }

    /// Keeps to what was noted before this process began, unless something longer is known.
    pub(super) fn restore(&mut self, scope: Scope, login: Option<&Fingerprint>, rest: Rest) {
        let slot = match (scope, login) {
            (Scope::Pulls, _) => &mut self.pulls,
            (Scope::Everything, _) => return,
            (Scope::Part(part), _) => &mut self.parts[part as usize],
            (Scope::Login, None) => &mut self.unknown_login,
            (Scope::Login, Some(login)) => {
                self.rest_alone((Some(login.clone()), Part::Token), rest);
                return;
            }
        };
        if slot.as_ref().is_none_or(|known| known.until < rest.until) {
            *slot = Some(rest);
        }
    }

    /// Takes note of an answer of `part` that was no refusal; tells the limits that would have stopped it and are over.
    ///
    /// A HEAD is free and tells the remainder even while pulls are refused: one that is not zero ends their cool-down. `is_counted`
    /// if what was answered was a pull that the registry counts.
    pub(super) fn note_leave(
        &mut self,
        (caller, is_counted): (Caller<'_>, bool),
        part: Part,
        reading: &Reading,
        now: Duration,
    ) -> Vec<Limited> {
        let over = |rest: &mut Rest| rest.until <= now;
        let has_pulls = reading.pulls_left().is_some_and(|left| left > 0);
        let pulls = self
            .pulls
            .take_if(|rest| has_pulls || is_counted && over(rest));
        let alone = self.take_alone(&(caller.login.cloned(), part), now);
        let part = self.parts[part as usize].take_if(over);
        let unknown_login = self
            .unknown_login
            .take_if(|rest| caller.login.is_some() && over(rest));
        [pulls, part, alone, unknown_login]
            .into_iter()
            .flatten()
            .map(|rest| rest.limited)
            .collect()
    }

    /// What of this still holds once the registry is asked in another way: all of it, or, by another login, what is
    /// about one login anyway.
    pub(super) fn inherited(&self, of_same_login: bool) -> Self {
        if of_same_login {
            return self.clone();
        }
        Self {
            alone: self.alone.clone(),
            ..Self::default()
        }
    }

    fn rest_alone(&mut self, who: Alone, rest: Rest) -> (bool, Duration) {
        let mut slot = self.alone.remove(&who);
        let noted = rest_longer(&mut slot, rest);
        if self.alone.len() >= MAX_RESTING_ALONE {
            let first = self.alone.iter().min_by_key(|(_, rest)| rest.until);
            if let Some(first) = first.map(|(who, _)| who.clone()) {
                self.alone.remove(&first);
            }
        }
        self.alone.extend(slot.map(|rest| (who, rest)));
        noted
    }

    fn take_alone(&mut self, who: &Alone, now: Duration) -> Option<Rest> {
        self.alone.get(who).filter(|rest| rest.until <= now)?;
        self.alone.remove(who)
    }
}

/// Has it rest until the later of both ends. True if this limit was not there before; and until when.
fn rest_longer(slot: &mut Option<Rest>, rest: Rest) -> (bool, Duration) {
    let before = slot.take();
    let is_same = |before: &Rest| before.limited.limiter == rest.limited.limiter;
    let is_news = !before.as_ref().is_some_and(is_same);
    let kept = before.filter(|before| before.until > rest.until);
    let until = slot.insert(kept.unwrap_or(rest)).until;
    (is_news, until)
}
