//! What an issuer said, and when it is asked again. Pure.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::KeySet;

use super::error::Unheard;
use super::fetch::Fetched;

/// The shortest time for which keys are not asked for again, whatever the issuer says.
pub const MIN_FRESH: Duration = Duration::from_mins(5);

/// The longest: so late is a key seen to be gone.
pub const MAX_FRESH: Duration = Duration::from_hours(24);

/// For how long keys are used after their time while the issuer cannot be had. Beyond, one that it took back might never go.
pub const STALE_FOR: Duration = Duration::from_hours(24);

/// How long after an attempt a key that is not among those known is asked for: whoever makes up ids of keys has an issuer asked
/// no more often.
pub const MISSING_KEY_WAIT: Duration = Duration::from_mins(1);

/// How long after a failure it is tried again.
pub const RETRY_WAIT: Duration = Duration::from_secs(10);

/// How long keys hold of whose life their issuer says nothing.
const USUAL_FRESH: Duration = Duration::from_hours(1);

/// What is known of an issuer's keys.
#[derive(Debug, Default)]
pub(super) struct Memory {
    kept: Option<Kept>,
    last: Option<Attempt>,
}

#[derive(Debug)]
struct Kept {
    keys: Arc<KeySet>,
    /// Until when they are not asked for again.
    due: Duration,
}

#[derive(Debug)]
struct Attempt {
    at: Duration,
    failure: Option<Arc<Unheard>>,
}

impl Memory {
    /// Whether the issuer is to be asked now, by somebody who may miss a key.
    pub(super) fn is_to_ask(&self, now: Duration, missing: Option<&str>) -> bool {
        let since = |wait| match &self.last {
            Some(last) => now.saturating_sub(last.at) >= wait,
            None => true,
        };
        match &self.kept {
            Some(kept) if now < kept.due => {
                let is_missing = missing.is_some_and(|id| !kept.has(id));
                is_missing && since(MISSING_KEY_WAIT)
            }
            _ => since(RETRY_WAIT),
        }
    }

    /// The keys that may be used now, or why there are none.
    pub(super) fn usable(&self, now: Duration) -> Result<Arc<KeySet>, Arc<Unheard>> {
        let kept = self.kept.as_ref();
        let usable = kept.filter(|kept| now < kept.due.saturating_add(STALE_FOR));
        usable.map(|kept| Arc::clone(&kept.keys)).ok_or_else(|| {
            let failure = self.last.as_ref().and_then(|last| last.failure.clone());
            failure.unwrap_or_else(|| Arc::new(Unheard::Unasked))
        })
    }

    /// Whether the last attempt succeeded; none without any.
    pub(super) fn was_heard(&self) -> Option<bool> {
        self.last.as_ref().map(|last| last.failure.is_none())
    }

    /// The issuer answered.
    pub(super) fn note(&mut self, fetched: Fetched, now: Duration) {
        let fresh = fetched.max_age.unwrap_or(USUAL_FRESH);
        self.kept = Some(Kept {
            keys: Arc::new(fetched.keys),
            due: now.saturating_add(fresh.clamp(MIN_FRESH, MAX_FRESH)),
        });
        self.last = Some(Attempt {
            at: now,
            failure: None,
        });
    }

    /// It did not, or not rightly.
    pub(super) fn note_failure(&mut self, failure: Arc<Unheard>, now: Duration) {
        self.last = Some(Attempt {
            at: now,
            failure: Some(failure),
        });
    }
}

impl Kept {
    fn has(&self, id: &str) -> bool {
        self.keys
            .keys
            .iter()
            .any(|key| key.id.as_deref() == Some(id))
    }
}
