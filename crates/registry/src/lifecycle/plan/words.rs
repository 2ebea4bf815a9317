//! Plans in words: clauses that go on after the manifest's name.

use std::fmt;

use forebay_lifecycle_rules::Age;

use super::{Cause, Shield};
use crate::lifecycle::judge::Why;

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rule { rule, why } => write!(f, "{rule}: {why}"),
            Self::WithIndex(index) => write!(f, "goes with the index {index}"),
            Self::WithSubject(subject) => write!(f, "goes with {subject}, which it is about"),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Older(1) => f.write_str("not the newest"),
            Self::Older(kept) => write!(f, "not among the newest {kept}"),
            Self::PushedFor(age) => write!(f, "pushed {} ago", Age(*age)),
            Self::NotPulledFor(age) => write!(f, "not pulled for {}", Age(*age)),
            Self::NeverPulledFor(age) => {
                write!(f, "never pulled since it was pushed {} ago", Age(*age))
            }
        }
    }
}

impl fmt::Display for Shield {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pinned => f.write_str("it is pinned"),
            Self::ImmutableTag(tag) => write!(f, "its tag {tag} is immutable"),
            Self::OtherTag(tag) => {
                write!(
                    f,
                    "it is tagged {tag} as well, which the rule does not name"
                )
            }
            Self::Child => f.write_str("an index names it"),
            Self::ChildOf(index) => write!(f, "the index {index} names it"),
            Self::SubjectOf(referrer) => write!(f, "{referrer}, which stays, is about it"),
            Self::ReferrerOf(subject) => write!(f, "it is about {subject}, which stays"),
        }
    }
}
