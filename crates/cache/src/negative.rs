//! Remembers for a short while what is not there, or not for us.
//!
//! Kept per source, and a source has one credential: another credential is another source with another memory. Only
//! answers are kept; a limit or trouble is the upstream's state and is asked of its breaker.
//!
//! What is asked for without end costs the upstream no more than one request in each time to live, those for tokens counted:
//! so an answer is remembered for as many of them as it may have cost requests.

use std::time::Duration;

use forebay_content::{Clock, ListKey, SourceError};
use forebay_oci::{Digest, Reference, RepositoryName};
use moka::sync::Cache;

/// The most absences that one source remembers.
const MAX_ABSENCES: u64 = 10_000;

/// A refusal may cost two: a token, which is dropped with it, and the request.
const COST_OF_REFUSAL: u32 = 2;

/// An absence that is found again may cost two: a token in the place of one that ran out, and the request.
const COST_OF_ABSENCE: u32 = 2;

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

    /// Remembers `error`, if it is an answer, for as many times `ttl` as it may have cost requests; `now` is the clock's monotonic
    /// time.
    pub(crate) fn keep(&self, asked: Asked, error: &SourceError, now: Duration, ttl: Duration) {
        if !error.is_answer() {
            return;
        }
        let last = self.absences.get(&asked);
        let is_again = last.is_some_and(|last| now < last.until.saturating_add(ttl));
        let until = now.saturating_add(ttl.saturating_mul(cost(error, is_again)));
        let error = error.clone();
        self.absences.insert(asked, Absence { error, until });
    }

    /// Forgets what was remembered: somebody knows better.
    pub(crate) fn forget(&self, asked: &Asked) {
        self.absences.invalidate(asked);
    }
}

/// How many requests an answer in vain may have cost. A token that an absence costs at first serves what is there, too; of
/// what nobody asks for again soon, one is as good as two.
const fn cost(error: &SourceError, is_again: bool) -> u32 {
    match error {
        SourceError::Unauthorized | SourceError::Denied => COST_OF_REFUSAL,
        _ if is_again => COST_OF_ABSENCE,
        _ => 1,
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
    fn remembered(negatives: &Negatives, clock: &ManualClock, error: &SourceError) -> u64 {
        negatives.keep(asked(), error, clock.monotonic(), TTL);
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
        assert_eq!(remembered(&negatives, &clock, &trouble), 0);
        let absence = SourceError::NotFound(Missing::Manifest);
        assert_eq!(remembered(&negatives, &clock, &absence), 60);
    }

    #[test]
    fn an_answer_is_remembered_as_many_times_as_it_may_have_cost_requests() {
        let clock = ManualClock::default();
        let negatives = Negatives::new();
        let absence = SourceError::NotFound(Missing::Manifest);
        let found = [(); 3].map(|()| remembered(&negatives, &clock, &absence));
        assert_eq!(found, [60, 120, 120], "found again at once");
        clock.advance(TTL);
        assert_eq!(remembered(&negatives, &clock, &absence), 60, "much later");
        negatives.forget(&asked());
        for refusal in [SourceError::Unauthorized, SourceError::Denied] {
            assert_eq!(remembered(&negatives, &clock, &refusal), 120);
        }
    }
}
