//! What an upstream's refusals and our failures to reach it mean to a caller.
//!
//! Pure. Never one thing for another: a limit is no absence, trouble is no refusal. An upstream's own words are repeated
//! only without secrets, in one line and shortened.

use std::time::Duration;

use forebay_content::{Missing, SourceError, Unsatisfiable};
use forebay_http_kit::{BodyError, SendError};
use forebay_limits::{printable, shown};
use forebay_oci::ErrorCode;
use http::StatusCode;
use serde::Deserialize;

/// The longest text of an upstream's that goes into a message, in bytes.
const MAX_SAID_BYTES: usize = 200;
/// The most errors of a body that are looked at.
const MAX_ERRORS: usize = 8;

/// A failure, with what it says of the upstream.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// What the caller is told.
    pub(crate) error: SourceError,
    /// Whether the upstream is in trouble, as far as this tells.
    pub(crate) is_trouble: bool,
    /// Whether asking again at once may help.
    pub(crate) may_retry: bool,
}

/// An error body, read with tolerance: codes that we do not know are texts too.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    code: serde_json::Value,
    #[serde(default)]
    message: serde_json::Value,
}

impl Failure {
    /// One that is no trouble of the upstream's, and is not tried again.
    pub(crate) fn settled(error: SourceError) -> Self {
        Self {
            error,
            is_trouble: false,
            may_retry: false,
        }
    }

    /// Says what a request came to that got no answer. Limits hidden in malformed answers have been looked for before.
    pub(crate) fn of_send(error: SendError) -> Self {
        let why = match error {
            SendError::Tls { .. } | SendError::Connect { .. } | SendError::Resolve { .. } => {
                error.to_string()
            }
            SendError::Refused { .. } => {
                format!(
                    "{error}: blob_hosts allows it, as private = true is for the registry and its token_hosts alone"
                )
            }
            _ => printable(&error.to_string(), MAX_SAID_BYTES),
        };
        let unavailable = |why| SourceError::Unavailable {
            why,
            retry_after: None,
        };
        let (error, is_trouble, may_retry) = match error {
            SendError::Unsendable { .. } => (SourceError::internal(error), false, false),
            SendError::Refused { .. } => (unavailable(why), false, false),
            SendError::Redirect { .. } | SendError::ContentEncoding { .. } => {
                (SourceError::Invalid { why }, false, false)
            }
            SendError::Connect { .. } | SendError::Closed { .. } => (unavailable(why), true, true),
            SendError::Malformed { ref head, .. } if is_cut(head) => (unavailable(why), true, true),
            SendError::Resolve { .. }
            | SendError::ProxyRefused { .. }
            | SendError::Tls { .. }
            | SendError::Malformed { .. } => (unavailable(why), true, false),
            SendError::TimedOut { .. } => (SourceError::TimedOut { why }, true, false),
        };
        Self {
            error,
            is_trouble,
            may_retry,
        }
    }

    /// Says what a 5xx means.
    pub(crate) fn of_server_error(
        status: StatusCode,
        body: &[u8],
        retry_after: Option<Duration>,
    ) -> Self {
        let is_passing = matches!(
            status,
            StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
        );
        Self {
            error: SourceError::Unavailable {
                why: answered(status, body),
                retry_after,
            },
            is_trouble: true,
            // Where it names a time it is not asked sooner.
            may_retry: is_passing && retry_after.is_none(),
        }
    }
}

/// True for an HTTP head that ends before its end.
fn is_cut(head: &[u8]) -> bool {
    let has_end = [&b"\r\n\r\n"[..], b"\n\n"]
        .iter()
        .any(|end| head.windows(end.len()).any(|window| window == *end));
    head.starts_with(b"HTTP/1.") && !has_end
}

/// Says what a refusal means that is no limit and no server error; `missing` is what was asked for.
pub(crate) fn of_refusal(status: StatusCode, body: &[u8], missing: Missing) -> SourceError {
    match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => {
            SourceError::NotFound(if has_code(body, ErrorCode::NameUnknown) {
                Missing::Repository
            } else {
                missing
            })
        }
        StatusCode::UNAUTHORIZED => SourceError::Unauthorized,
        StatusCode::FORBIDDEN | StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS => SourceError::Denied,
        status => SourceError::Invalid {
            why: answered(status, body),
        },
    }
}

/// Says what an answer's body failed of; `host` is who sent it.
pub(crate) fn of_body(error: &BodyError, host: &str) -> SourceError {
    let why = format!("{host}: {error}");
    match error {
        BodyError::Cut { .. } | BodyError::Malformed { .. } => SourceError::Unavailable {
            why,
            retry_after: None,
        },
        BodyError::Idle { .. } | BodyError::TooSlow { .. } => SourceError::TimedOut { why },
        BodyError::TooLarge { .. } => SourceError::Invalid { why },
    }
}

/// Says what a 416 means: the size is the answer, and without it there is none.
pub(crate) fn of_unsatisfiable(size: Option<u64>) -> SourceError {
    match size {
        Some(size) => SourceError::Range(Unsatisfiable { size }),
        None => SourceError::Invalid {
            why: "it refuses the range without telling the size".to_owned(),
        },
    }
}

/// `answered 503 Service Unavailable: <what it said>`.
pub(crate) fn answered(status: StatusCode, body: &[u8]) -> String {
    let said = said(body);
    if said.is_empty() {
        format!("it answered {status}")
    } else {
        format!("it answered {status}: {said}")
    }
}

/// An upstream's words in one short line without secrets.
fn said(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Errors>(body) {
        Ok(document) => document
            .errors
            .iter()
            .take(MAX_ERRORS)
            .map(Entry::text)
            .collect::<Vec<_>>()
            .join("; "),
        // A page is for people with browsers; its status says it all.
        Err(_) if is_page(body) => String::new(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    shown(&text, MAX_SAID_BYTES)
}

/// True for what begins like HTML or XML.
pub(crate) fn is_page(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"<")
}

fn has_code(body: &[u8], code: ErrorCode) -> bool {
    let Ok(document) = serde_json::from_slice::<Errors>(body) else {
        return false;
    };
    document
        .errors
        .iter()
        .take(MAX_ERRORS)
        .any(|entry| ErrorCode::deserialize(&entry.code).is_ok_and(|found| found == code))
}

impl Entry {
    fn text(&self) -> String {
        match (self.code.as_str(), self.message.as_str()) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (code, message) => message.or(code).unwrap_or_default().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
