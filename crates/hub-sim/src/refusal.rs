//! How Docker Hub says no: the exact bodies of its limiters and errors.
//!
//! Texts are those of hub-facts, section 7.

use crate::answer::Answer;
use crate::clock::http_date;
use crate::rope::mix_text;
use serde_json::{Value, json};
use std::time::Duration;

/// The shapes in which `Retry-After` has been seen (hub-facts, section 5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryAfter {
    /// Delta seconds: `60`.
    Seconds(u64),
    /// An HTTP date this long after the simulator's now.
    Date(Duration),
    /// A Unix time this long after the simulator's now: `1746136938`.
    Epoch(Duration),
    /// A Go duration: `985.86µs`.
    GoDuration(String),
    /// Anything at all.
    Raw(String),
}

/// Which wording of the pull limit is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PullLimitText {
    /// Since early 2025: `unauthenticated`, or the account's name and a token id.
    #[default]
    Current,
    /// 2020 to early 2025.
    Classic,
}

const UPGRADE: &str = "https://www.docker.com/increase-rate-limit";

/// 429 of the pull limit. `account` is whoever was too busy, or nobody.
pub(crate) fn pull_limited(account: Option<&str>, text: PullLimitText) -> Answer {
    let message = match (text, account) {
        (PullLimitText::Classic, _) => format!(
            "You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: {UPGRADE}"
        ),
        (PullLimitText::Current, None) => {
            format!("You have reached your unauthenticated pull rate limit. {UPGRADE}")
        }
        (PullLimitText::Current, Some(user)) => format!(
            "You have reached your pull rate limit as '{user}': {}. You may increase the limit by upgrading. {UPGRADE}",
            token_id(user)
        ),
    };
    oci_error(429, "TOOMANYREQUESTS", &message, None)
}

/// 429 of the abuse limit: plain text, on every endpoint.
pub(crate) fn abuse_limited() -> Answer {
    Answer::new(429)
        .header("cache-control", "no-cache")
        .header("content-type", "text/plain")
        .text("Too Many Requests (HAP429).\n")
}

/// The abuse limit's answer as it was in 2020: bare line feeds, and the body where a header should be.
pub(crate) fn malformed_abuse() -> &'static [u8] {
    b"HTTP/1.1 429 Too Many Requests\nCache-Control: no-cache\nConnection: close\n\
Content-Type: text/plain\nRetry-After: 60\nToo Many Requests (HAP429).\n"
}

/// 429 of the login lockout.
pub(crate) fn locked_out() -> Answer {
    let message = "too many failed login attempts for username or IP address";
    oci_error(429, "TOOMANYREQUESTS", message, None)
}

/// An error in the form of the distribution spec.
pub(crate) fn oci_error(status: u16, code: &str, message: &str, detail: Option<Value>) -> Answer {
    let mut error = json!({"code": code, "message": message});
    if let Some(detail) = detail {
        error["detail"] = detail;
    }
    Answer::new(status).json(&json!({"errors": [error]}))
}

/// `dckr_jti_` and 27 characters and `=`, as in a token's id.
pub(crate) fn token_id(of: &str) -> String {
    let (first, second) = (mix_text(of), mix_text(&format!("{of}#")));
    let hex = format!("{first:016x}{second:016x}");
    format!("dckr_jti_{}=", &hex[..27])
}

impl RetryAfter {
    /// The header's value at `now` (since the Unix epoch).
    pub(crate) fn value(&self, now: Duration) -> String {
        match self {
            Self::Seconds(seconds) => seconds.to_string(),
            Self::Date(after) => http_date(now + *after),
            Self::Epoch(after) => (now + *after).as_secs().to_string(),
            Self::GoDuration(text) | Self::Raw(text) => text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RetryAfter, token_id};
    use std::time::Duration;

    #[test]
    fn retry_after_takes_each_of_its_shapes() {
        let now = Duration::from_secs(784_111_717);
        let after = Duration::from_mins(1);
        assert_eq!(RetryAfter::Seconds(60).value(now), "60");
        assert_eq!(
            RetryAfter::Date(after).value(now),
            "Sun, 06 Nov 1994 08:49:37 GMT"
        );
        assert_eq!(RetryAfter::Epoch(after).value(now), "784111777");
        assert_eq!(
            RetryAfter::GoDuration("985.86µs".into()).value(now),
            "985.86µs"
        );
    }

    #[test]
    fn a_token_id_has_27_characters_and_an_equals_sign() {
        assert_eq!(token_id("alice").len(), "dckr_jti_".len() + 28);
    }
}
