//! What rests at which upstream until when, kept so that a restart in the middle of it changes nothing.
//!
//! Pure. Upstreams keep to them by themselves; here they are only remembered.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use forebay_content::{KeptCoolDown, MAX_COOL_DOWNS, Timestamp};
use forebay_limits::Limiter;
use forebay_oci::UpstreamName;

type Scope = (UpstreamName, Arc<str>);
type Key = (Scope, Limiter);

/// All that rests.
#[derive(Debug, Default)]
pub(crate) struct CoolDowns {
    resting: HashMap<Key, KeptCoolDown>,
    unwritten: HashSet<Key>,
    ended: HashSet<Scope>,
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
    pub(crate) fn restored(kept: Vec<KeptCoolDown>, now: Timestamp) -> Self {
        let resting = kept.into_iter().filter(|kept| now < kept.until);
        Self {
            resting: resting.map(|kept| (key(&kept), kept)).collect(),
            ..Self::default()
        }
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

fn key(cool_down: &KeptCoolDown) -> Key {
    let scope = (cool_down.upstream.clone(), Arc::clone(&cool_down.scope));
    (scope, cool_down.limiter)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rests(scope: &str, until: i64) -> KeptCoolDown {
        KeptCoolDown {
            upstream: "docker.io".into(),
            scope: scope.into(),
            limiter: Limiter::PullLimit,
            until: Timestamp(until),
            noted_at: Timestamp(0),
        }
    }

    #[test]
    fn what_is_over_is_not_restored() {
        let kept = vec![rests("pulls", 10), rests("everything", 20)];
        let cool_downs = CoolDowns::restored(kept, Timestamp(10));
        assert_eq!(cool_downs.list(Timestamp(10)), [rests("everything", 20)]);
        assert_eq!(cool_downs.list(Timestamp(20)), []);
    }

    #[test]
    fn what_ended_and_began_again_is_written_in_that_order() {
        let mut cool_downs = CoolDowns::default();
        let upstream = "docker.io".into();
        cool_downs.end(&upstream, "pulls");
        assert!(cool_downs.take_unwritten().is_empty(), "nothing was there");
        cool_downs.note(rests("pulls", 10));
        cool_downs.end(&upstream, "pulls");
        cool_downs.note(rests("pulls", 30));
        let unwritten = cool_downs.take_unwritten();
        assert_eq!(unwritten.ended, [(upstream, "pulls".into())]);
        assert_eq!(unwritten.resting, [rests("pulls", 30)]);
        assert!(cool_downs.take_unwritten().is_empty());
        cool_downs.put_back(unwritten);
        assert!(!cool_downs.take_unwritten().is_empty());
    }
}
