//! What rests at which upstream until when, kept so that a restart in the middle of it changes nothing.
//!
//! Pure. Upstreams keep to them by themselves; here they are only remembered, and told. Times are by the wall clock, because they
//! are written down; when it is set, all of them move along, so that each lasts as long as it was to.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use forebay_content::{KeptCoolDown, MAX_COOL_DOWNS, Timestamp, login_scope};
use forebay_limits::{Limiter, MAX_WAIT};
use forebay_oci::UpstreamName;

use crate::moment::Moment;
use crate::rest_report::{RestReport, RestWhy, Rested};

/// The most refused logins that are remembered: an upstream has one at a time.
const MAX_REFUSED_LOGINS: usize = 1_000;

type Login = (UpstreamName, Option<Arc<str>>);
type Scope = (UpstreamName, Arc<str>);
type Key = (Scope, Limiter);

/// All that rests.
#[derive(Debug, Default)]
pub(crate) struct CoolDowns {
    resting: HashMap<Key, KeptCoolDown>,
    unwritten: HashSet<Key>,
    ended: HashSet<Scope>,
    /// Logins that are not shown because the registry refused them. Not written down: after a restart they may be others.
    refused_logins: HashMap<Login, RestReport>,
    /// By which setting of the wall clock all of these times are.
    set_at: Option<Moment>,
}

/// What has to be written down: first what has ended, then what rests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct UnwrittenCoolDowns {
    /// Scopes in which nothing of before rests.
    pub(crate) ended: Vec<(UpstreamName, Arc<str>)>,
    /// What rests.
    pub(crate) resting: Vec<KeptCoolDown>,
}

impl CoolDowns {
    /// Those that were written down and are not over.
    pub(crate) fn restored(kept: Vec<KeptCoolDown>, now: Moment) -> Self {
        let resting = kept
            .into_iter()
            .filter_map(|kept| of_this_clock(kept, now.wall));
        Self {
            resting: resting.map(|kept| (key(&kept), kept)).collect(),
            set_at: Some(now),
            ..Self::default()
        }
    }

    /// Moves all times along if the wall clock was set since the last call; then all is to be written again.
    pub(crate) fn follow(&mut self, now: Moment) {
        let set_at = *self.set_at.get_or_insert(now);
        if !now.is_set_since(set_at) {
            return;
        }
        self.set_at = Some(now);
        let by = now.set_by_since(set_at);
        for kept in self.resting.values_mut() {
            kept.noted_at = Timestamp(kept.noted_at.0.saturating_add(by));
            kept.until = Timestamp(kept.until.0.saturating_add(by));
        }
        for rest in self.refused_logins.values_mut() {
            rest.since_unix_ms = rest.since_unix_ms.saturating_add(by);
            rest.until_unix_ms = rest.until_unix_ms.saturating_add(by);
        }
        self.unwritten = self.resting.keys().cloned().collect();
    }

    /// A limiter spoke.
    pub(crate) fn note(&mut self, cool_down: KeptCoolDown) {
        let key = key(&cool_down);
        if self.resting.len() >= MAX_COOL_DOWNS && !self.resting.contains_key(&key) {
            self.forget_over(cool_down.noted_at);
        }
        if self.resting.len() < MAX_COOL_DOWNS || self.resting.contains_key(&key) {
            self.unwritten.insert(key.clone());
            self.resting.insert(key, cool_down);
        }
    }

    /// A login was refused, and is not shown for `rest`.
    pub(crate) fn note_refused_login(
        &mut self,
        (upstream, account): (&UpstreamName, Option<&str>),
        (now, rest): (Timestamp, Duration),
    ) {
        self.refused_logins
            .retain(|_, refused| now.0 < refused.until_unix_ms);
        if self.refused_logins.len() >= MAX_REFUSED_LOGINS {
            return;
        }
        let refused = RestReport {
            what: Rested::Login,
            account: account.map(str::to_owned),
            why: RestWhy::LoginRefused,
            since_unix_ms: now.0,
            until_unix_ms: now.after(rest).0,
            left_seconds: rest.as_secs(),
        };
        let login = (upstream.clone(), account.map(Arc::from));
        self.refused_logins.insert(login, refused);
    }

    /// A login of this account was taken.
    pub(crate) fn note_taken_login(&mut self, upstream: &UpstreamName, account: &str) {
        self.end(upstream, &login_scope(account));
        self.refused_logins
            .retain(|(of, named), _| of != upstream || named.as_deref() != Some(account));
    }

    /// The registry has answered after all.
    pub(crate) fn end(&mut self, upstream: &UpstreamName, scope: &str) {
        let before = self.resting.len();
        let is_of = |(of, named): &Scope| of == upstream && **named == *scope;
        self.resting.retain(|(of, _), _| !is_of(of));
        self.unwritten.retain(|(of, _)| !is_of(of));
        if self.resting.len() < before {
            self.ended.insert((upstream.clone(), scope.into()));
        }
    }

    /// Those that are not over.
    pub(crate) fn list(&self, now: Timestamp) -> Vec<KeptCoolDown> {
        let resting = self.resting.values().filter(|kept| now < kept.until);
        resting.cloned().collect()
    }

    /// All that rests, as it is told, by upstream: what ends last comes first.
    pub(crate) fn told(&self, now: Timestamp) -> BTreeMap<UpstreamName, Vec<RestReport>> {
        let kept = self.resting.values();
        let kept = kept.filter_map(|kept| Some((&kept.upstream, RestReport::of(kept, now)?)));
        let refused = self.refused_logins.iter();
        let refused =
            refused.filter_map(|((upstream, _), rest)| Some((upstream, rest.clone().at(now)?)));
        let mut told: BTreeMap<UpstreamName, Vec<RestReport>> = BTreeMap::new();
        for (upstream, rest) in kept.chain(refused) {
            told.entry(upstream.clone()).or_default().push(rest);
        }
        for rests in told.values_mut() {
            rests.sort_by(|a, b| {
                let order = |rest: &RestReport| (Reverse(rest.until_unix_ms), rest.what, rest.why);
                (order(a), &a.account).cmp(&(order(b), &b.account))
            });
        }
        told
    }

    /// What is other than what was written down; as if it were written now.
    pub(crate) fn take_unwritten(&mut self) -> UnwrittenCoolDowns {
        let keys = std::mem::take(&mut self.unwritten);
        let resting = keys.iter().filter_map(|key| self.resting.get(key).cloned());
        UnwrittenCoolDowns {
            resting: resting.collect(),
            ended: std::mem::take(&mut self.ended).into_iter().collect(),
        }
    }

    /// It could not be written down after all.
    pub(crate) fn put_back(&mut self, unwritten: UnwrittenCoolDowns) {
        self.unwritten.extend(unwritten.resting.iter().map(key));
        self.ended.extend(unwritten.ended);
    }

    fn forget_over(&mut self, now: Timestamp) {
        self.resting.retain(|_, kept| now < kept.until);
        let resting = &self.resting;
        self.unwritten.retain(|key| resting.contains_key(key));
    }
}

impl UnwrittenCoolDowns {
    /// Whether there is nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.ended.is_empty() && self.resting.is_empty()
    }
}

/// A cool-down as this clock has it; `None` if it is over. One that was noted in the future was noted by a clock that has been
/// set back since: perhaps just now.
fn of_this_clock(kept: KeptCoolDown, now: Timestamp) -> Option<KeptCoolDown> {
    let lasts = kept.noted_at.age_at(kept.until)?.min(MAX_WAIT);
    let noted_at = kept.noted_at.min(now);
    let until = noted_at.after(lasts);
    (now < until).then_some(KeptCoolDown {
        noted_at,
        until,
        ..kept
    })
}

fn key(cool_down: &KeptCoolDown) -> Key {
    let scope = (cool_down.upstream.clone(), Arc::clone(&cool_down.scope));
    (scope, cool_down.limiter)
}

#[cfg(test)]
mod tests;
