//! The status and the code of what failed in a source, and what a person is told of it.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::{ClientKind, Missing, SourceError};
use forebay_limits::{Limited, Limiter};
use forebay_oci::{ErrorCode, Target};
use http::StatusCode;

use super::{BUSY_WAIT, OciError};

impl OciError {
    /// What an upstream has not confirmed that whoever asks may read, because it cannot be asked.
    pub(crate) fn unconfirmed(upstream: &str, failure: &SourceError) -> Self {
        let retry_after = match failure {
            SourceError::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        };
        Self {
            retry_after: Some(retry_after.unwrap_or(BUSY_WAIT)),
            word: word(failure),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::Unavailable,
                format!(
                    "{upstream} cannot be asked now whether you may read this, and nothing of it is given without its word: {failure}"
                ),
            )
        }
    }

    /// What failed in asking an upstream about nothing of its images.
    pub(crate) fn of_upstream(failure: &SourceError, client: ClientKind, upstream: &str) -> Self {
        match failure {
            SourceError::Limited { retry_after, .. }
            | SourceError::Paced { retry_after }
            | SourceError::LoginsFailed { retry_after } => Self {
                retry_after: Some(*retry_after),
                word: word(failure),
                ..Self::new(
                    limited_status(client),
                    ErrorCode::TooManyRequests,
                    find_words(failure, upstream).unwrap_or_else(|| failure.to_string()),
                )
            },
            _ => Self::unconfirmed(upstream, failure),
        }
    }

    /// What failed in a source, for a client of this kind.
    pub(crate) fn from_source(failure: &SourceError, client: ClientKind, image: &Target) -> Self {
        let (status, code, retry_after) = match failure {
            SourceError::NotFound(Missing::Repository) => {
                (StatusCode::NOT_FOUND, ErrorCode::NameUnknown, None)
            }
            SourceError::NotFound(Missing::Manifest) => {
                (StatusCode::NOT_FOUND, ErrorCode::ManifestUnknown, None)
            }
            SourceError::NotFound(Missing::Blob) => {
                (StatusCode::NOT_FOUND, ErrorCode::BlobUnknown, None)
            }
            SourceError::Unauthorized => (StatusCode::UNAUTHORIZED, ErrorCode::Unauthorized, None),
            SourceError::Denied | SourceError::NotAllowed { .. } => {
                (StatusCode::FORBIDDEN, ErrorCode::Denied, None)
            }
            SourceError::Limited { retry_after, .. }
            | SourceError::Paced { retry_after }
            | SourceError::LoginsFailed { retry_after }
            | SourceError::Reserved { retry_after } => {
                let status = limited_status(client);
                (status, ErrorCode::TooManyRequests, Some(*retry_after))
            }
            SourceError::Unavailable { retry_after, .. } => (
                StatusCode::BAD_GATEWAY,
                ErrorCode::Unavailable,
                *retry_after,
            ),
            SourceError::TimedOut { .. } => {
                (StatusCode::GATEWAY_TIMEOUT, ErrorCode::Unavailable, None)
            }
            SourceError::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::TooManyRequests,
                Some(BUSY_WAIT),
            ),
            SourceError::Invalid { .. } => (StatusCode::BAD_GATEWAY, ErrorCode::Unknown, None),
            SourceError::Range(outside) => {
                let size = Some(outside.size);
                return Self {
                    size,
                    word: word(failure),
                    ..Self::backwards_range()
                };
            }
            SourceError::Internal(_) => {
                (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown, None)
            }
        };
        let fault = match failure {
            SourceError::Internal(cause) => Some(Arc::clone(cause)),
            _ => None,
        };
        Self {
            retry_after,
            fault,
            word: word(failure),
            ..Self::new(status, code, message(failure, image))
        }
    }
}

/// containerd retries a 429 five times at once, but not a 503: so it is told of a limit by a 503 with the same code.
pub(super) fn limited_status(client: ClientKind) -> StatusCode {
    match client {
        ClientKind::Containerd => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::TOO_MANY_REQUESTS,
    }
}

/// A failure in a word.
const fn word(failure: &SourceError) -> &'static str {
    match failure {
        SourceError::NotFound(_) => "not_found",
        SourceError::Unauthorized => "unauthorized",
        SourceError::Denied => "denied",
        SourceError::NotAllowed { .. } => "not_allowed",
        SourceError::Limited { .. } => "limited",
        SourceError::Unavailable { .. } => "unavailable",
        SourceError::TimedOut { .. } => "timed_out",
        SourceError::Paced { .. } => "paced",
        SourceError::LoginsFailed { .. } => "logins_failed",
        SourceError::Reserved { .. } => "reserved",
        SourceError::Busy => "busy",
        SourceError::Invalid { .. } => "invalid",
        SourceError::Range(_) => "range",
        SourceError::Internal(_) => "internal",
    }
}

/// What a person is told who asked for `image`, with the way out where we know one.
fn message(failure: &SourceError, image: &Target) -> String {
    let Target {
        upstream,
        repository,
    } = image;
    match failure {
        SourceError::NotFound(Missing::Repository)
            if image.is_local() && repository.is_single() =>
        {
            format!(
                "no repository is called {repository} here; an official image of docker.io is library/{repository}"
            )
        }
        SourceError::NotAllowed {
            nearest: Some(nearest),
        } => {
            format!(
                "{upstream}/{repository} is not on the allow-list, so nothing was asked; the nearest allowed image is {nearest}: pull that if it is what was meant, else have the operator add this one to `allow`"
            )
        }
        SourceError::NotAllowed { nearest: None } => {
            format!(
                "{upstream}/{repository} is not on the allow-list, so nothing was asked; the operator adds it to `allow`"
            )
        }
        SourceError::Unauthorized => {
            format!(
                "{failure}: the repository does not exist, or the operator has configured no credentials that may read it"
            )
        }
        SourceError::Busy if image.is_local() => {
            "the registry has more to look up than it can now; ask again in a moment".to_owned()
        }
        other => find_words(other, upstream).unwrap_or_else(|| other.to_string()),
    }
}

/// What a person is told of what stands in the way at an upstream for a while, and for how long.
fn find_words(failure: &SourceError, upstream: &str) -> Option<String> {
    match failure {
        SourceError::Limited {
            limited,
            retry_after,
        } => Some(limit(upstream, limited, *retry_after)),
        SourceError::LoginsFailed { retry_after } => Some(format!(
            "{upstream} is not shown this login yet, for too many others have failed there of late, and it would lock accounts; try again in {}: whoever has logged in goes on",
            span(*retry_after)
        )),
        _ => None,
    }
}

/// Whose limit, which one, of whom, and when asking again may help: whoever reads this may never have heard of a limit.
fn limit(upstream: &str, limited: &Limited, retry_after: Duration) -> String {
    let again = span(retry_after);
    match limited.limiter {
        Limiter::PullLimit => {
            format!("{upstream}: the {limited} is used up; ask again in {again}")
        }
        _ => format!("{upstream}: the {limited} stops us; ask again in {again}"),
    }
}

/// A span of time, rounded up, for people: `45 s`, `12 min`, `3 h 20 min`.
fn span(time: Duration) -> String {
    let seconds = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    let minutes = seconds.div_ceil(60);
    match (minutes / 60, minutes % 60) {
        _ if seconds < 60 => format!("{} s", seconds.max(1)),
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    }
}
