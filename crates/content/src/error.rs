//! What a source could not do, in words that say what its caller can do about it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use forebay_limits::Limited;

use crate::Unsatisfiable;

/// Any error, shared: one failure may be told to all who waited for the same work.
pub type BoxError = Arc<dyn std::error::Error + Send + Sync>;

/// What is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Missing {
    /// The repository.
    Repository,
    /// The manifest.
    Manifest,
    /// The blob.
    Blob,
}

/// Why a source did not give what it was asked for. Never one for another: a limit is no absence, and neither is trouble.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SourceError {
    /// It is not there.
    #[error("{0} not found")]
    NotFound(Missing),
    /// The upstream asks for other credentials than ours (401); Docker Hub says so too of what does not exist.
    #[error("the upstream answers that authentication is required")]
    Unauthorized,
    /// The upstream refuses our credentials this content (403).
    #[error("the upstream denies access")]
    Denied,
    /// Our own allow-list refuses it; nothing was asked.
    #[error("the image is not on the allow-list")]
    NotAllowed {
        /// The allowed repository that the caller may have meant; the entry as it stands where it has wildcards that nothing
        /// asked for can stand for.
        nearest: Option<String>,
    },
    /// A limit of the upstream's stands in the way.
    #[error("the upstream limits us: {limited}")]
    Limited {
        /// What it said.
        limited: Limited,
        /// When asking again may help.
        retry_after: Duration,
    },
    /// The upstream is in trouble, or we do not reach it.
    #[error("the upstream is unavailable: {why}")]
    Unavailable {
        /// What happened, fit for a client's eyes.
        why: String,
        /// When asking again may help, if we know.
        retry_after: Option<Duration>,
    },
    /// The upstream did not answer in time.
    #[error("the upstream did not answer in time: {why}")]
    TimedOut {
        /// What was waited for.
        why: String,
    },
    /// We ask the upstream as much at once as we may, and this had no turn in time; nothing was asked.
    #[error("too many requests of ours to the upstream are under way")]
    Busy,
    /// Our own pace of asking the upstream leaves no turn as soon as the caller wants one; nothing was asked.
    #[error("our own pace of requests to the upstream is used up")]
    Paced {
        /// When there is a turn.
        retry_after: Duration,
    },
    /// A client's login that was never seen to work is not shown to the upstream yet: too many of those have failed there of late, of its
    /// name or of all; nothing was asked.
    #[error("too many logins that were never seen to work have failed at the upstream")]
    LoginsFailed {
        /// When this one may be shown.
        retry_after: Duration,
    },
    /// What is left of the upstream's budget is kept for clients, and nobody waits for this.
    #[error("what is left of the pull budget is kept for clients")]
    Reserved {
        /// When asking again may help.
        retry_after: Duration,
    },
    /// The upstream answered what cannot be right: another digest, another size, no manifest.
    #[error("the upstream's answer is invalid: {why}")]
    Invalid {
        /// What is wrong with it.
        why: String,
    },
    /// The range asked for lies outside the blob.
    #[error(transparent)]
    Range(#[from] Unsatisfiable),
    /// Our own fault.
    #[error("internal error")]
    Internal(#[source] BoxError),
}

impl SourceError {
    /// Wraps a fault of our own.
    pub fn internal(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Arc::new(error))
    }

    /// True if it speaks of the content, so that it may be remembered as the answer for a while. A limit, trouble or a
    /// time-out speaks of the upstream's state, and never is.
    pub const fn is_answer(&self) -> bool {
        matches!(self, Self::NotFound(_) | Self::Unauthorized | Self::Denied)
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Repository => "repository",
            Self::Manifest => "manifest",
            Self::Blob => "blob",
        })
    }
}
