//! Remembers for a short while what is not there, or not for us.
//!
//! Kept per source, and a source has one credential: another credential is another source with another memory. Only
//! answers are kept; a limit or trouble is the upstream's state and is asked of its breaker.

use std::time::Duration;

use forebay_content::{Clock, ListKey, SourceError};
use forebay_oci::{Digest, Reference, RepositoryName};
use moka::sync::Cache;

/// The most absences that one source remembers.
const MAX_ABSENCES: u64 = 10_000;

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
        if clock.monotonic() < absence.until {
            return Some(absence.error);
        }
        self.absences.invalidate(asked);
        None
    }

    /// Remembers `error` if it is an answer, until the clock's monotonic time has come to `until`.
    pub(crate) fn keep(&self, asked: Asked, error: &SourceError, until: Duration) {
        if error.is_answer() {
            self.absences.insert(
                asked,
                Absence {
                    error: error.clone(),
                    until,
                },
            );
        }
    }

    /// Forgets what was remembered: somebody knows better.
    pub(crate) fn forget(&self, asked: &Asked) {
        self.absences.invalidate(asked);
    }
}

#[cfg(test)]
mod tests {
    use forebay_content::{ManualClock, Missing};

    use super::*;

    #[test]
    fn an_absence_is_remembered_for_its_time_and_a_limit_never() {
        let clock = ManualClock::default();
        let negatives = Negatives::new();
        let until = clock.monotonic() + Duration::from_mins(1);
        let asked = Asked {
            repository: "a/b".parse().unwrap(),
            what: What::Manifest("latest".parse().unwrap()),
        };
        let trouble = SourceError::Unavailable {
            why: String::new(),
            retry_after: None,
        };
        negatives.keep(asked.clone(), &trouble, until);
        assert!(negatives.find(&asked, &clock).is_none());

        negatives.keep(
            asked.clone(),
            &SourceError::NotFound(Missing::Manifest),
            until,
        );
        clock.advance(Duration::from_secs(59));
        assert!(matches!(
            negatives.find(&asked, &clock),
            Some(SourceError::NotFound(Missing::Manifest))
        ));
        clock.advance(Duration::from_secs(1));
        assert!(negatives.find(&asked, &clock).is_none());
    }
}
