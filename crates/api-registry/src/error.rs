//! Every error that leaves `/v2/`, as the spec's JSON.
//!
//! The only place that knows which failure has which status and code; internal text never leaves. Sources: OCI
//! distribution-spec, "Error Codes"; RFC 9110 §15.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_content::{BoxError, ClientKind, Missing, SourceError};
use forebay_http_kit::{AccessLabels, Body, RequestBodyError, RequestId};
use forebay_limits::{Limited, Limiter};
use forebay_oci::{Act, EndpointError, ErrorBody, ErrorCode, RouteError, RouteTable, Target};
use http::header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tracing::error;

use crate::{CLIENT_LIMITED, door};

mod push;

pub(crate) use push::word_of_push;

/// When a client that had no turn may come again: it has waited, and others will have done by then.
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// How many slips away an upstream's name may be to be offered for another.
const MAX_SLIPS: usize = 2;

/// The longest name that an upstream is looked for by likeness, in bytes: that of a host (RFC 1035, section 2.3.4).
const MAX_NAME_BYTES: usize = 253;

/// What is said of a range that lies outside.
const OUTSIDE: &str = "the range lies outside the blob";

/// An error as a client sees it.
#[derive(Clone, Debug)]
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
    /// Headers of its own: the methods that are taken instead, or where an upload goes on.
    pub headers: Option<Arc<HeaderMap>>,
    /// The failure in a word, for whoever counts.
    pub word: &'static str,
    /// What went wrong on our own side: for the log alone.
    pub fault: Option<BoxError>,
}

/// The most causes of a fault that the log is told.
const MAX_CAUSES: usize = 16;

impl OciError {
    /// An error with nothing beside its message.
    pub fn new(status: StatusCode, code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            retry_after: None,
            size: None,
            headers: None,
            word: "refused",
            fault: None,
        }
    }

    /// Our own fault, which a client learns nothing more of.
    pub(crate) fn internal(fault: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self {
            word: "internal",
            fault: Some(Arc::new(fault)),
            ..Self::new(
                StatusCode::INTERNAL_SERVER_ERROR,
                ErrorCode::Unknown,
                "internal error",
            )
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

    /// A web page in somebody's browser.
    pub(crate) fn page() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            ErrorCode::Denied,
            "web pages may not ask here; clients of a registry send neither Origin nor Sec-Fetch-Site",
        )
    }

    /// A client of this kind that asks more often than the operator lets it.
    pub(crate) fn too_often(wait: Duration, client: ClientKind) -> Self {
        Self {
            retry_after: Some(wait),
            word: CLIENT_LIMITED,
            ..Self::new(
                limited_status(client),
                ErrorCode::TooManyRequests,
                "this client asks too often: the operator limits it in clients.limits",
            )
        }
    }

    /// A list that others keep from being made.
    pub(crate) fn no_turn() -> Self {
        Self {
            retry_after: Some(BUSY_WAIT),
            word: "busy",
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                ErrorCode::TooManyRequests,
                "too many lists of repositories are being made, or there are too many repositories to look through",
            )
        }
    }

    /// A method that the endpoint does not take; `allowed` are those that it does.
    pub(crate) fn unsupported(allowed: &str) -> Self {
        let message = format!("this method is not taken here; {allowed} are");
        Self {
            headers: allow(allowed),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                ErrorCode::Unsupported,
                message,
            )
        }
    }

    /// A change of an upstream's repository.
    pub(crate) fn not_ours(target: &Target) -> Self {
        let message = format!(
            "{target} is an upstream's, and can be pulled, not changed: push to a name of one part, such as {}, or to a namespace that the operator reserves with `local`",
            target.repository.components().last().unwrap_or_default()
        );
        Self {
            headers: allow("GET, HEAD"),
            ..Self::new(
                StatusCode::METHOD_NOT_ALLOWED,
                ErrorCode::Unsupported,
                message,
            )
        }
    }

    /// A change while nobody is known who might make one.
    pub(crate) fn not_writable() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            ErrorCode::Denied,
            "nothing is pushed or deleted here until the operator says who may, in `[access]`; where no proxy on this machine asks for others, `clients.loopback_push = true` lets its own programs do it, at localhost",
        )
    }

    /// A request for which one has to log in, or with another token; `challenge` says how.
    pub(crate) fn login(challenge: &str) -> Self {
        Self {
            headers: Some(Arc::new(door::challenge(challenge))),
            word: "unauthorized",
            ..Self::new(
                StatusCode::UNAUTHORIZED,
                ErrorCode::Unauthorized,
                "authentication required: log in, or with an account that may do this",
            )
        }
    }

    /// A repository that whoever asks may not even see: it looks like one that is not there.
    pub(crate) fn hidden() -> Self {
        Self {
            word: "not_found",
            ..Self::new(
                StatusCode::NOT_FOUND,
                ErrorCode::NameUnknown,
                "no such repository, or none that is shown to you",
            )
        }
    }

    /// What whoever asks may not do to a repository that they see.
    pub(crate) fn not_allowed(act: Act) -> Self {
        Self {
            word: "denied",
            ..Self::new(
                StatusCode::FORBIDDEN,
                ErrorCode::Denied,
                format!("you may pull from this repository, and not {act}"),
            )
        }
    }

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
            SourceError::Limited {
                limited,
                retry_after,
            } => Self {
                retry_after: Some(*retry_after),
                word: word(failure),
                ..Self::new(
                    limited_status(client),
                    ErrorCode::TooManyRequests,
                    limit(upstream, limited, *retry_after),
                )
            },
            SourceError::Paced { retry_after } => Self {
                retry_after: Some(*retry_after),
                word: word(failure),
                ..Self::new(
                    limited_status(client),
                    ErrorCode::TooManyRequests,
                    failure.to_string(),
                )
            },
            _ => Self::unconfirmed(upstream, failure),
        }
    }

    /// The list of repositories, at the host of an upstream.
    pub(crate) fn no_catalog(upstream: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            ErrorCode::Unsupported,
            format!("this host name is that of {upstream}, whose repositories are not listed"),
        )
    }

    /// The end of an upload that does not say what it is the end of.
    pub(crate) fn no_digest() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            ErrorCode::DigestInvalid,
            "an upload ends with ?digest=, which says what was uploaded",
        )
    }

    /// A `Content-Type` that is no media type.
    pub(crate) fn bad_content_type() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            ErrorCode::ManifestInvalid,
            "the Content-Type is no media type",
        )
    }

    /// A `Content-Range` that says no range.
    pub(crate) fn bad_content_range() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            ErrorCode::BlobUploadInvalid,
            "a Content-Range is written <first>-<last>, as in 0-1023",
        )
    }

    /// A body that could not be read.
    pub(crate) fn of_body(error: RequestBodyError) -> Self {
        let late = (StatusCode::REQUEST_TIMEOUT, ErrorCode::BlobUploadInvalid);
        let ((status, code), word) = match error {
            RequestBodyError::TooLarge { .. } => (
                (StatusCode::PAYLOAD_TOO_LARGE, ErrorCode::SizeInvalid),
                "too_large",
            ),
            RequestBodyError::Idle | RequestBodyError::Slow { .. } => (late, "timed_out"),
            RequestBodyError::NoRoom => (
                (StatusCode::SERVICE_UNAVAILABLE, ErrorCode::Unavailable),
                "busy",
            ),
            RequestBodyError::Cut => (late, "client_left"),
        };
        Self {
            word,
            retry_after: (error == RequestBodyError::NoRoom).then_some(BUSY_WAIT),
            ..Self::new(status, code, error.to_string())
        }
    }

    /// A request of ours to an upstream that came back to us: without this it would go round until its time is over.
    pub(crate) fn our_own() -> Self {
        Self::new(
            StatusCode::LOOP_DETECTED,
            ErrorCode::Unsupported,
            "this request is our own: the url of one of our upstreams leads back to this server",
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

    /// A request that means no upstream of `routes`.
    pub(crate) fn unrouted(error: &RouteError, routes: &RouteTable) -> Self {
        let message = match error {
            RouteError::UnknownUpstream(name) if name.is_empty() => {
                "?ns= is empty: it names an upstream, such as docker.io".to_owned()
            }
            RouteError::UnknownUpstream(name) => match find_nearest(name, routes) {
                Some(nearest) => format!("{error}; the nearest is {nearest}"),
                None => format!("{error}: the operator lists it under [upstreams]"),
            },
            other => other.to_string(),
        };
        Self::new(StatusCode::NOT_FOUND, ErrorCode::NameUnknown, message)
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

    /// Logs what was our own fault, once, at the edge, where it is known whose request it was.
    pub(crate) fn log_fault(&self, request_id: Option<&RequestId>, image: Option<&Target>) {
        let Some(fault) = &self.fault else {
            return;
        };
        let first: &(dyn std::error::Error + 'static) = fault.as_ref();
        let causes = std::iter::successors(Some(first), |&cause| cause.source());
        let causes: Vec<String> = causes.take(MAX_CAUSES).map(ToString::to_string).collect();
        error!(
            cause = causes.join(": "),
            request_id = request_id.map(tracing::field::display),
            image = image.map(tracing::field::display),
            "a request failed by our own fault"
        );
    }

    /// The response; `is_head` leaves out the body.
    pub(crate) fn into_response(self, is_head: bool) -> Response<Body> {
        let labels = AccessLabels::default()
            .with("error", code_word(self.code))
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
        if let Some(own) = self.headers {
            headers.extend((*own).clone());
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

fn allow(methods: &str) -> Option<Arc<HeaderMap>> {
    let methods = HeaderValue::try_from(methods).ok()?;
    Some(Arc::new(HeaderMap::from_iter([(ALLOW, methods)])))
}

/// containerd retries a 429 five times at once, but not a 503: so it is told of a limit by a 503 with the same code.
fn limited_status(client: ClientKind) -> StatusCode {
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
        SourceError::Reserved { .. } => "reserved",
        SourceError::Busy => "busy",
        SourceError::Invalid { .. } => "invalid",
        SourceError::Range(_) => "range",
        SourceError::Internal(_) => "internal",
    }
}

/// The code as it stands in a body.
fn code_word(code: ErrorCode) -> String {
    let word = serde_json::to_value(code).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
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
        SourceError::Limited {
            limited,
            retry_after,
        } => limit(upstream, limited, *retry_after),
        other => other.to_string(),
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

/// The name by which an upstream is known that is at most [`MAX_SLIPS`] from `name`.
fn find_nearest<'a>(name: &str, routes: &'a RouteTable) -> Option<&'a str> {
    // A name that long is nobody's slip, and comparing takes the product of the lengths.
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let names = routes.names.keys().map(String::as_str);
    names
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(slips, _)| *slips <= MAX_SLIPS)
        .min()
        .map(|(_, known)| known)
}

impl From<EndpointError> for OciError {
    fn from(error: EndpointError) -> Self {
        let (status, code) = match &error {
            EndpointError::NotFound => (StatusCode::NOT_FOUND, ErrorCode::Unsupported),
            EndpointError::Name(_) => (StatusCode::BAD_REQUEST, ErrorCode::NameInvalid),
            EndpointError::Reference(_) => (StatusCode::BAD_REQUEST, ErrorCode::ManifestInvalid),
            EndpointError::Digest(_) => (StatusCode::BAD_REQUEST, ErrorCode::DigestInvalid),
            EndpointError::Upload(_) => (StatusCode::NOT_FOUND, ErrorCode::BlobUploadUnknown),
            EndpointError::Query(_) => (StatusCode::BAD_REQUEST, ErrorCode::Unsupported),
        };
        Self::new(status, code, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use forebay_content::Unsatisfiable;
    use forebay_limits::Identity;

    use super::*;

    fn image() -> Target {
        Target {
            upstream: "docker.io".into(),
            repository: "library/ngnix".parse().unwrap(),
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "the table is the test")]
    fn every_failure_has_its_own_status_and_code() {
        let paced = || SourceError::Paced {
            retry_after: Duration::from_secs(30),
        };
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
            (paced(), ClientKind::Docker, 429, ErrorCode::TooManyRequests),
            (
                paced(),
                ClientKind::Containerd,
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
            let error = OciError::from_source(&failure, client, &image());
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
        let response = OciError::from_source(&limited(), ClientKind::Containerd, &image())
            .into_response(false);
        assert_eq!(response.headers()[RETRY_AFTER], "2");
    }

    #[test]
    fn an_unknown_upstream_is_told_with_the_nearest() {
        let mut routes = RouteTable::default();
        routes.names.insert("ghcr.io".into(), "ghcr.io".into());
        for (name, told) in [
            (
                "ghrc.io",
                "no upstream is called ghrc.io; the nearest is ghcr.io",
            ),
            (
                "quay.io",
                "no upstream is called quay.io: the operator lists it under [upstreams]",
            ),
            ("", "?ns= is empty: it names an upstream, such as docker.io"),
        ] {
            let error = RouteError::UnknownUpstream(name.to_owned());
            assert_eq!(OciError::unrouted(&error, &routes).message, told);
        }
    }

    #[test]
    fn a_limit_is_told_with_whose_it_is_and_until_when() {
        let told = |limiter, identity, seconds| {
            let failure = SourceError::Limited {
                limited: Limited {
                    identity,
                    ..Limited::by(limiter)
                },
                retry_after: Duration::from_secs(seconds),
            };
            OciError::from_source(&failure, ClientKind::Docker, &image()).message
        };
        let address = || Some(Identity::Address("192.0.2.1".parse().ok()));
        for (limiter, identity, seconds, expected) in [
            (
                Limiter::PullLimit,
                address(),
                119,
                "docker.io: the pull limit of address 192.0.2.1 is used up; ask again in 2 min",
            ),
            (
                Limiter::PullLimit,
                Some(Identity::Account(None)),
                12_000,
                "docker.io: the pull limit of an account is used up; ask again in 3 h 20 min",
            ),
            (
                Limiter::PullLimit,
                None,
                45,
                "docker.io: the pull limit is used up; ask again in 45 s",
            ),
            (
                Limiter::AbuseLimit,
                address(),
                60,
                "docker.io: the abuse limit of address 192.0.2.1 stops us; ask again in 1 min",
            ),
        ] {
            assert_eq!(told(limiter, identity, seconds), expected);
        }
    }

    #[test]
    fn a_refusal_names_the_nearest_allowed_image() {
        let failure = SourceError::NotAllowed {
            nearest: Some("library/nginx".into()),
        };
        assert_eq!(
            OciError::from_source(&failure, ClientKind::Docker, &image()).message,
            "docker.io/library/ngnix is not on the allow-list, so nothing was asked; the nearest allowed image is library/nginx: pull that if it is what was meant, else have the operator add this one to `allow`"
        );
    }
}
