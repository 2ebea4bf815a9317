//! Remembers for a short while what is not there, or not for us.
//!
//! Kept per source, and a source has one credential: another credential is another source with another memory. Only
//! answers are kept; a limit or trouble is the upstream's state and is asked of its breaker.
//!
//! What is asked for without end costs the upstream no more than one request in each time to live, those for tokens counted:
//! so an answer is remembered for as many of them as it has cost requests. A refusal by a registry that wants tokens costs two each
//! time, as the token is dropped with it: one that was given before the repository was there may not be good for it. Such an image
//! is seen up to two times to live after its first push, and no sooner at that price.

use std::time::Duration;

use forebay_content::{Clock, ListKey, SourceError};
use forebay_oci::{Digest, Reference, RepositoryName};
use moka::sync::Cache;

/// The most absences that one source remembers.
const MAX_ABSENCES: u64 = 10_000;

/// What an answer may have cost at most: a token and the request. That which brought the registry's first challenge came for all.
const MAX_COST: u64 = 2;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked {
    pub(crate) repository: RepositoryName,
    pub(crate) what: What,
}

/// A part of a repository that is there or not by itself: that one list is missing says nothing of another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum What {
    Manifest(Reference),
    Blob(Digest),
    List(ListKey),
}

/// Absences and denials, each until its time.
pub(crate) struct Negatives {
    absences: Cache<Asked, Absence>,
}

#[derive(Clone)]
struct Absence {
    error: SourceError,
    until: Duration,
}

impl Negatives {
    pub(crate) fn new() -> Self {
        Self {
            absences: Cache::new(MAX_ABSENCES),
        }
    }

    /// The answer that still holds.
    pub(crate) fn find(&self, asked: &Asked, clock: &dyn Clock) -> Option<SourceError> {
        let absence = self.absences.get(asked)?;
        // One that no longer holds stays, so that it is known to be found again.
        (clock.monotonic() < absence.until).then_some(absence.error)
    }

    /// Remembers `error`, if it is an answer, for as many times `ttl` as it has `cost` requests; `now` is the clock's monotonic time.
    pub(crate) fn keep(
        &self,
        asked: Asked,
        (error, cost): (&SourceError, u64),
        now: Duration,
        ttl: Duration,
    ) {
        if !error.is_answer() {
            return;
        }
        let last = self.absences.get(&asked);
        let is_again = last.is_some_and(|last| now < last.until.saturating_add(ttl));
        let times = times(error, is_again, cost);
        let until = now.saturating_add(ttl.saturating_mul(times));
        let error = error.clone();
        self.absences.insert(asked, Absence { error, until });
    }

    /// Forgets what was remembered: somebody knows better.
    pub(crate) fn forget(&self, asked: &Asked) {
        self.absences.invalidate(asked);
    }
}

/// For how many times to live an answer is remembered that has cost so many requests. A token that an absence costs at first serves
/// what is there, too; of what nobody asks for again soon, one is as good as two.
fn times(error: &SourceError, is_again: bool, cost: u64) -> u32 {
    let is_refusal = matches!(error, SourceError::Unauthorized | SourceError::Denied);
    if (is_refusal || is_again) && cost >= MAX_COST {
        2
    } else {
        1
    }
}

#[cfg(test)]
mod tests {
    use forebay_content::{ManualClock, Missing};

    use super::*;

    const TTL: Duration = Duration::from_mins(1);

    fn asked() -> Asked {
        Asked {
            repository: "a/b".parse().unwrap(),
            what: What::Manifest("latest".parse().unwrap()),
        }
    }

    /// How long `error` is remembered now, in seconds; as much time has passed afterwards.
    fn remembered(
        (negatives, clock): (&Negatives, &ManualClock),
        error: &SourceError,
        cost: u64,
    ) -> u64 {
        negatives.keep(asked(), (error, cost), clock.monotonic(), TTL);
        let mut seconds = 0;
        while negatives.find(&asked(), clock).is_some() {
            clock.advance(Duration::from_secs(1));
            seconds += 1;
        }
        seconds
    }

    #[test]
    fn an_absence_is_remembered_for_its_time_and_a_limit_never() {
        let clock = ManualClock::default();
        let negatives = Negatives::new();
        let trouble = SourceError::Unavailable {
            why: String::new(),
            retry_after: None,
        };
        let at = (&negatives, &clock);
        assert_eq!(remembered(at, &trouble, 1), 0);
        let absence = SourceError::NotFound(Missing::Manifest);
        assert_eq!(remembered(at, &absence, 1), 60);
    }

    #[test]
    fn an_answer_is_remembered_as_many_times_as_it_has_cost_requests() {
        let clock = ManualClock::default();
        let negatives = Negatives::new();
        let at = (&negatives, &clock);
        let absence = SourceError::NotFound(Missing::Manifest);
        let found = [2, 1, 1, 2, 3].map(|cost| remembered(at, &absence, cost));
        assert_eq!(found, [60, 60, 60, 120, 120], "found again at once");
        clock.advance(TTL);
        assert_eq!(remembered(at, &absence, 2), 60, "much later");
        negatives.forget(&asked());
        for refusal in [SourceError::Unauthorized, SourceError::Denied] {
            for (cost, expected) in [(0, 60), (1, 60), (2, 120), (3, 120)] {
                assert_eq!(remembered(at, &refusal, cost), expected);
            }
        }
    }
}
