//! A token service's answer, and how long it is good for.
//!
//! Pure. Source: the distribution project's token specification.

use std::time::Duration;

use http::HeaderValue;
use serde::Deserialize;

use crate::Secret;

/// The longest token document that is read, in bytes.
pub(crate) const MAX_DOCUMENT_BYTES: usize = 64 * 1024;
/// The longest token that is taken, in bytes: many servers take no longer headers.
const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// What a token is good for if its document does not say, by the specification.
const DEFAULT_LIFETIME: Duration = Duration::from_mins(1);
/// The shortest lifetime that is believed: a service that says less would be asked for every request.
const MIN_LIFETIME: Duration = Duration::from_secs(1);
/// The longest lifetime that is believed: a token that was revoked is used no longer than this.
const MAX_LIFETIME: Duration = Duration::from_hours(1);
/// A token is renewed so long before it expires, or a tenth of its life, whichever is shorter: a request that begins with
/// it still has to arrive.
const MARGIN: Duration = Duration::from_secs(15);

/// A token with its lifetime.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Token {
    /// The token.
    pub(crate) secret: Secret,
    /// For how long it may be used from when it came.
    pub(crate) usable_for: Duration,
}

/// The document is not one that holds a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the token service's answer holds no token")]
pub(crate) struct NoToken;

#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<serde_json::Number>,
}

impl Token {
    /// Reads the document.
    pub(crate) fn parse(document: &[u8]) -> Result<Self, NoToken> {
        let document: Document = serde_json::from_slice(document).map_err(|_| NoToken)?;
        let text = [document.token, document.access_token]
            .into_iter()
            .flatten()
            .find(|token| !token.is_empty() && token.len() <= MAX_TOKEN_BYTES)
            .ok_or(NoToken)?;
        // What cannot stand in a header is no token, and nothing that we should repeat to the registry.
        HeaderValue::from_str(&text).map_err(|_| NoToken)?;
        let lifetime = document
            .expires_in
            .map_or(DEFAULT_LIFETIME, |seconds| lifetime(&seconds));
        Ok(Self {
            secret: Secret::new(text),
            usable_for: lifetime.saturating_sub(MARGIN.min(lifetime / 10)),
        })
    }
}

fn lifetime(seconds: &serde_json::Number) -> Duration {
    let seconds = seconds.as_f64().unwrap_or(0.0).max(0.0);
    Duration::try_from_secs_f64(seconds)
        .unwrap_or(MAX_LIFETIME)
        .clamp(MIN_LIFETIME, MAX_LIFETIME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_as_long_as_it_says_within_bounds() {
        for (document, text, milliseconds) in [
            (r#"{"token":"t","expires_in":300}"#, "t", 285_000),
            (r#"{"access_token":"a"}"#, "a", 54_000),
            (r#"{"token":"","access_token":"a"}"#, "a", 54_000),
            (r#"{"token":"t","access_token":"a"}"#, "t", 54_000),
            (r#"{"token":"t","expires_in":0}"#, "t", 900),
            (r#"{"token":"t","expires_in":-5}"#, "t", 900),
            (r#"{"token":"t","expires_in":2}"#, "t", 1_800),
            (r#"{"token":"t","expires_in":1e300}"#, "t", 3_585_000),
            (
                r#"{"token":"t","expires_in":99999999999999}"#,
                "t",
                3_585_000,
            ),
        ] {
            let token = Token::parse(document.as_bytes()).unwrap();
            assert_eq!(token.secret.expose(), text, "{document}");
            assert_eq!(
                token.usable_for,
                Duration::from_millis(milliseconds),
                "{document}"
            );
        }
    }

    #[test]
    fn what_holds_no_token_is_none() {
        for document in [
            "",
            "<html>",
            "{}",
            "[]",
            r#"{"token":""}"#,
            r#"{"token":7}"#,
            r#"{"token":"a\r\nX: y"}"#,
        ] {
            assert_eq!(
                Token::parse(document.as_bytes()),
                Err(NoToken),
                "{document}"
            );
        }
    }
}
