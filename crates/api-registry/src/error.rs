//! Every error that leaves `/v2/`, as the spec's JSON.
//!
//! The only place that knows which failure has which status and code; internal text never leaves. Sources: OCI
//! distribution-spec, "Error Codes"; RFC 9110 §15.

use std::time::Duration;

use bytes::Bytes;
use forebay_content::{ClientKind, Missing, SourceError};
use forebay_http_kit::{AccessLabels, Body};
use forebay_oci::{EndpointError, ErrorBody, ErrorCode, RouteError};
use http::header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use tracing::error;

/// When a client that had no turn may come again: it has waited, and others will have done by then.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// What is said of a range that lies outside.
const OUTSIDE: &str = "the range lies outside the blob";

/// An error as a client sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OciError {
    /// The HTTP status.
    pub status: StatusCode,
    /// The code.
    pub code: ErrorCode,
    /// What a person reads.
    pub message: String,
    /// When asking again may help.
    pub retry_after: Option<Duration>,
    /// The size of the blob that a range lies outside of, in bytes.
    pub size: Option<u64>,
}

impl OciError {
    /// An error with nothing beside its message.
    pub fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
            size: None,
        }
    }

    /// A client that may not ask at all.
    pub(crate) fn stranger() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            ErrorCode::Denied,
            "this address may not ask here; the operator lists it in clients.allow",
        )
    }

    /// A write, or a method that there is not.
    pub(crate) fn unsupported() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            ErrorCode::Unsupported,
            "upstream images can be pulled, not changed",
        )
    }

    /// A request of ours to an upstream that came back to us: without this it would go round until its time is over.
    pub(crate) fn our_own() -> Self {
        Self::new(
            StatusCode::LOOP_DETECTED,
            ErrorCode::Unsupported,
            "this request is our own: the url of one of our upstreams leads back to this server",
        )
    }

    /// The catalog of all repositories.
    pub(crate) fn no_catalog() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            ErrorCode::Unsupported,
            "there is no list of all repositories here",
        )
    }

    /// A range whose end comes before its beginning.
    pub(crate) fn backwards_range() -> Self {
        Self::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            ErrorCode::Unsupported,
            OUTSIDE,
        )
    }

    /// What failed in a source, for a client of this kind.
    ///
    /// containerd retries a 429 five times at once, but not a 503: so it is told of a limit by a 503 with the same code.
    pub(crate) fn from_source(failure: &SourceError, client: ClientKind) -> Self {
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
            SourceError::Limited { retry_after, .. } => {
                let is_containerd = client == ClientKind::Containerd;
                let status = if is_containerd {
                    StatusCode::SERVICE_UNAVAILABLE
                } else {
                    StatusCode::TOO_MANY_REQUESTS
                };
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
                    ..Self::backwards_range()
                };
            }
            SourceError::Internal(cause) => {
                error!(%cause, "a request failed by our own fault");
                (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::Unknown, None)
            }
        };
        Self {
            status,
            code,
            message: message(failure),
            retry_after,
            size: None,
        }
    }

    /// The response; `is_head` leaves out the body.
    pub(crate) fn into_response(self, is_head: bool) -> Response<Body> {
        let labels = AccessLabels::default()
            .with("error", word(self.code))
            .with("reason", self.message.clone());
        let body = serde_json::to_vec(&ErrorBody::new(self.code, self.message)).unwrap_or_default();
        let length = body.len();
        let body = if is_head {
            Body::Empty
        } else {
            Body::from(Bytes::from(body))
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        response.extensions_mut().insert(labels);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if is_head {
            headers.insert(http::header::CONTENT_LENGTH, length.into());
        }
        if let Some(wait) = self.retry_after {
            // Rounded up: a client that comes back a fraction early is refused once more.
            headers.insert(
                RETRY_AFTER,
                (wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
                    .max(1)
                    .into(),
            );
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        if let Some(range) = self
            .size
            .and_then(|size| HeaderValue::try_from(format!("bytes */{size}")).ok())
        {
            headers.insert(CONTENT_RANGE, range);
        }
        response
    }
}

/// The code as it stands in a body.
fn word(code: ErrorCode) -> String {
    let word = serde_json::to_value(code).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}

/// What a person is told, with the way out where we know one.
fn message(failure: &SourceError) -> String {
    match failure {
        SourceError::NotAllowed {
            nearest: Some(nearest),
        } => {
            format!(
                "{failure}, so nothing was asked; the nearest allowed image is {nearest}: pull that if it is what was meant, else have the operator add this one to `allow`"
            )
        }
        SourceError::Unauthorized => {
            format!(
                "{failure}: the repository does not exist, or needs credentials that the operator has not configured"
            )
        }
        other => other.to_string(),
    }
}

impl From<EndpointError> for OciError {
    fn from(error: EndpointError) -> Self {
        let (status, code) = match &error {
            EndpointError::NotFound => (StatusCode::NOT_FOUND, ErrorCode::Unsupported),
            EndpointError::Name(_) => (StatusCode::BAD_REQUEST, ErrorCode::NameInvalid),
            EndpointError::Reference(_) => (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid),
            EndpointError::Digest(_) => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid),
            EndpointError::Query(_) => (StatusCode::BAD_REQUEST, ErrorCode::Unsupported),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<RouteError> for OciError {
    fn from(error: RouteError) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            ErrorCode::NameUnknown,
            error.to_string(),
        )
    }
}

#[cfg(test)]
mod tests {
    use forebay_content::Unsatisfiable;
    use forebay_limits::{Limited, Limiter};

    use super::*;

    #[test]
    #[expect(clippy::too_many_lines, reason = "the table is the test")]
    fn every_failure_has_its_own_status_and_code() {
        let limited = || SourceError::Limited {
            limited: Limited::by(Limiter::PullLimit),
            retry_after: Duration::from_millis(1500),
        };
        let unavailable = SourceError::Unavailable {
            why: "down".into(),
            retry_after: None,
        };
        for (failure, client, status, code) in [
            (
                SourceError::NotFound(Missing::Manifest),
                ClientKind::Docker,
                404,
                ErrorCode::ManifestUnknown,
            ),
            (
                SourceError::NotFound(Missing::Blob),
                ClientKind::Docker,
                404,
                ErrorCode::BlobUnknown,
            ),
            (
                SourceError::NotFound(Missing::Repository),
                ClientKind::Docker,
                404,
                ErrorCode::NameUnknown,
            ),
            (
                SourceError::Unauthorized,
                ClientKind::Docker,
                401,
                ErrorCode::Unauthorized,
            ),
            (
                SourceError::Denied,
                ClientKind::Docker,
                403,
                ErrorCode::Denied,
            ),
            (
                SourceError::NotAllowed { nearest: None },
                ClientKind::Docker,
                403,
                ErrorCode::Denied,
            ),
            (
                limited(),
                ClientKind::Docker,
                429,
                ErrorCode::TooManyRequests,
            ),
            (
                limited(),
                ClientKind::ContainersImage,
                429,
                ErrorCode::TooManyRequests,
            ),
            (
                limited(),
                ClientKind::Containerd,
                503,
                ErrorCode::TooManyRequests,
            ),
            (unavailable, ClientKind::Docker, 502, ErrorCode::Unavailable),
            (
                SourceError::TimedOut { why: "x".into() },
                ClientKind::Docker,
                504,
                ErrorCode::Unavailable,
            ),
            (
                SourceError::Busy,
                ClientKind::Docker,
                503,
                ErrorCode::TooManyRequests,
            ),
            (
                SourceError::Invalid { why: "x".into() },
                ClientKind::Docker,
                502,
                ErrorCode::Unknown,
            ),
            (
                SourceError::Range(Unsatisfiable { size: 9 }),
                ClientKind::Docker,
                416,
                ErrorCode::Unsupported,
            ),
            (
                SourceError::internal(std::io::Error::other("disk /x")),
                ClientKind::Docker,
                500,
                ErrorCode::Unknown,
            ),
        ] {
            let error = OciError::from_source(&failure, client);
            assert_eq!(
                (error.status.as_u16(), error.code),
                (status, code),
                "{failure}"
            );
            assert!(
                !error.message.contains("/x"),
                "internal text leaves: {}",
                error.message
            );
        }
        let response =
            OciError::from_source(&limited(), ClientKind::Containerd).into_response(false);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
    }

    #[test]
    fn a_refusal_names_the_nearest_allowed_image() {
        let failure = SourceError::NotAllowed {
            nearest: Some("library/nginx".into()),
        };
        assert_eq!(
            OciError::from_source(&failure, ClientKind::Docker).message,
            "the image is not on the allow-list, so nothing was asked; the nearest allowed image is library/nginx: pull that if it is what was meant, else have the operator add this one to `allow`"
        );
    }
}
