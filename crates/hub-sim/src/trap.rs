//! The host that plays nobody: hostile realms and redirects point here.
//!
//! It answers as a helpful token service would, so that a client that is taken in goes on.

use crate::answer::Answer;
use crate::request::Request;
use serde_json::json;

/// Answers anything with a token.
pub(crate) fn answer() -> Answer {
    Answer::new(200).json(&json!({
        "token": "trap", "access_token": "trap", "refresh_token": "trap", "expires_in": 300,
    }))
}

/// Whether a request gives away a secret other than by `Authorization`.
pub(crate) fn has_secret(request: &Request) -> bool {
    let secret = |(name, _): &(String, String)| {
        matches!(
            name.as_str(),
            "password" | "refresh_token" | "access_token" | "token"
        )
    };
    request.query().iter().any(secret) || request.form().iter().any(secret)
}
