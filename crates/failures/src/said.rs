//! What a message says, for people and for programs.
//!
//! Its verdict and its words, as they are told of in a finding.

use crate::Verdict;
use crate::classify::classify_views;
use crate::clean::clean;
use crate::excerpt::Excerpt;
use crate::views::Views;

/// What a message says.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) verdict: Verdict,
    /// Its words in one line, without secrets and accounts.
    pub(crate) excerpt: Excerpt,
}

impl Said {
    /// What `message` says, if it tells of a failure.
    pub(crate) fn of(message: &str) -> Option<Self> {
        let verdict = classify_views(&Views::of(&clean(message)))?;
        let excerpt = Excerpt::of(message, verdict.class);
        Some(Self { verdict, excerpt })
    }
}
