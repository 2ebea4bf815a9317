//! What is wrong with a request itself: its path, its method, its headers, its body.
//!
//! Source: RFC 9110, section 15.

use forebay_http_kit::RequestBodyError;
use forebay_oci::{EndpointError, ErrorCode, RouteError, RouteTable};
use http::StatusCode;

use super::{BUSY_WAIT, OciError, allow};

/// How many slips away an upstream's name may be to be offered for another.
const MAX_SLIPS: usize = 2;

/// The longest name that an upstream is looked for by likeness, in bytes: that of a host (RFC 1035, section 2.3.4).
const MAX_NAME_BYTES: usize = 253;

/// What is said of a range that lies outside.
const OUTSIDE: &str = "the range lies outside the blob";

impl OciError {
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
    pub fn unsupported(allowed: &str) -> Self {
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
