//! What a message says, for people and for programs.
//!
//! Its verdict and its words, as they are told of in a finding.

use forebay_limits::shown;

use crate::Verdict;
use crate::classify::classify_views;
use crate::clean::clean;
use crate::in_json::words_in_json;
use crate::scanner::MAX_EXCERPT_BYTES;
use crate::views::Views;

/// What a message says.
#[derive(Clone, Debug)]
pub(crate) struct Said {
    pub(crate) verdict: Verdict,
    /// Its words in one line, without secrets and accounts.
    pub(crate) excerpt: String,
}

impl Said {
    /// What `message` says, if it tells of a failure.
    pub(crate) fn of(message: &str) -> Option<Self> {
        let views = Views::of(&clean(message));
        let verdict = classify_views(&views)?;
        let words = words_in_json(message, verdict.class);
        let words = words.map(|words| Views::of(&clean(&words)).spaced);
        let words = words.unwrap_or(views.spaced);
        Some(Self {
            verdict,
            excerpt: shown(&words, MAX_EXCERPT_BYTES),
        })
    }
}
