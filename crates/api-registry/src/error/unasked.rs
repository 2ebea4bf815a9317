//! What is refused before anybody is asked about it: requests that are none, are too long, or lead nowhere.

use forebay_http_kit::{MAX_HEAD_BYTES, MAX_TARGET_BYTES};
use forebay_oci::ErrorCode;
use http::StatusCode;

use super::OciError;

/// The most header fields of a request over HTTP/1: hyper takes no more.
const MAX_FIELDS: usize = 100;

impl OciError {
    /// What the server says with `status` where nobody was asked: 400, 414, 431 and 503, else 500.
    pub fn unasked(status: StatusCode) -> Self {
        let (code, message, word) = match status {
            StatusCode::BAD_REQUEST => (
                ErrorCode::Unsupported,
                "this is no HTTP request that can be read, or it does not name the one host that it is for".to_owned(),
                "unreadable",
            ),
            StatusCode::URI_TOO_LONG => (
                ErrorCode::Unsupported,
                format!("the path and query are longer than {MAX_TARGET_BYTES} bytes"),
                "too_long",
            ),
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => (
                ErrorCode::Unsupported,
                format!("the request's head is longer than {MAX_HEAD_BYTES} bytes, or has more than {MAX_FIELDS} fields"),
                "too_long",
            ),
            StatusCode::SERVICE_UNAVAILABLE => (
                ErrorCode::Unavailable,
                "too many connections, or too many answers that nobody reads: come again in a moment".to_owned(),
                "busy",
            ),
            _ => (
                ErrorCode::Unknown,
                "internal error".to_owned(),
                "internal",
            ),
        };
        Self {
            word,
            ..Self::new(status, code, message)
        }
    }

    /// A path at which nothing is.
    pub fn nowhere() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            ErrorCode::Unsupported,
            "nothing is here: the registry's API is below /v2/",
        )
    }
}
