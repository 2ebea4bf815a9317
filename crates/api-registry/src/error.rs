//! Every error that leaves `/v2/`, as the spec's JSON.
//!
//! Only here, and in the files below by what went wrong, is known which failure has which status and code; internal text never leaves.
//! Sources: OCI distribution-spec, "Error Codes"; RFC 9110 §15.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_content::BoxError;
use forebay_http_kit::{AccessLabels, Body, RequestId};
use forebay_oci::{ErrorBody, ErrorCode, Target};
use http::header::{ALLOW, CONTENT_RANGE, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use tracing::error;

use crate::answered::RefusedLogin;

mod asked;
mod push;
mod refused;
mod source;
mod unasked;

pub(crate) use push::word_of_push;

/// When a client that had no turn may come again: it has waited, and others will have done by then.
const BUSY_WAIT: Duration = Duration::from_secs(5);

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
    /// That a login was refused, for whoever counts.
    pub refused_login: Option<RefusedLogin>,
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
            refused_login: None,
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

    /// The body: the spec's JSON.
    pub fn to_json(&self) -> String {
        let body = ErrorBody::new(self.code, self.message.as_str());
        serde_json::to_string(&body).unwrap_or_default()
    }

    /// The response; `is_head` leaves out the body.
    pub fn into_response(self, is_head: bool) -> Response<Body> {
        let body = self.to_json();
        let labels = AccessLabels::default()
            .with("error", code_word(self.code))
            .with("reason", self.message);
        let length = body.len();
        let body = if is_head {
            Body::Empty
        } else {
            Body::from(Bytes::from(body))
        };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        response.extensions_mut().insert(labels);
        if let Some(refused) = self.refused_login {
            response.extensions_mut().insert(refused);
        }
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

/// The methods that are taken instead.
fn allow(methods: &str) -> Option<Arc<HeaderMap>> {
    let methods = HeaderValue::try_from(methods).ok()?;
    Some(Arc::new(HeaderMap::from_iter([(ALLOW, methods)])))
}

/// The code as it stands in a body.
fn code_word(code: ErrorCode) -> String {
    let word = serde_json::to_value(code).unwrap_or_default();
    word.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
