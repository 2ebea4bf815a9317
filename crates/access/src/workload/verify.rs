//! How an issuer's token is checked: by a key of its issuer, of the one algorithm that the key is for.

use std::sync::Arc;

use forebay_content::{KeyNumbers, KeySet, Timestamp};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::{Map, Value};

use crate::jws::{BadToken, Header};

/// How far an issuer's clock may be from ours.
const CLOCK_LEEWAY_SECONDS: i64 = 60;

/// The longest subject that is told, in characters.
const MAX_SUBJECT: usize = 256;

/// The algorithm that a header names, if it is one by which an issuer may sign: only such with a public key.
pub(crate) fn algorithm(header: &Header) -> Result<Algorithm, BadToken> {
    match header.alg.as_str() {
        "RS256" => Ok(Algorithm::RS256),
        "ES256" => Ok(Algorithm::ES256),
        "EdDSA" => Ok(Algorithm::EdDSA),
        _ => Err(BadToken::Algorithm),
    }
}

/// The key that checks a token with this header; `None` if the issuer has none of that id.
///
/// # Errors
/// The key is of another kind than the algorithm, or none can be told from the others.
pub(crate) fn key_for(
    header: &Header,
    algorithm: Algorithm,
    keys: &KeySet,
) -> Result<Option<DecodingKey>, BadToken> {
    let named = match &header.kid {
        Some(id) => keys.keys.iter().find(|key| key.id.as_deref() == Some(id)),
        // Without an id there must be nothing to choose.
        None if keys.keys.len() == 1 => keys.keys.first(),
        None => return Err(BadToken::Key),
    };
    let Some(key) = named else {
        return Ok(None);
    };
    let built = match (&key.numbers, algorithm) {
        (KeyNumbers::Rsa { n, e }, Algorithm::RS256) => DecodingKey::from_rsa_components(n, e),
        (KeyNumbers::P256 { x, y }, Algorithm::ES256) => DecodingKey::from_ec_components(x, y),
        (KeyNumbers::Ed25519 { x }, Algorithm::EdDSA) => DecodingKey::from_ed_components(x),
        _ => return Err(BadToken::Algorithm),
    };
    built.map(Some).map_err(|_| BadToken::Key)
}

/// Checks that a token's time has begun and is not over; the seconds that are left of it.
pub(crate) fn check_times(claims: &Map<String, Value>, now: Timestamp) -> Result<u64, BadToken> {
    let now = now.0 / 1000;
    let expiry = seconds(claims, "exp")?.ok_or(BadToken::Claims)?;
    if expiry.saturating_add(CLOCK_LEEWAY_SECONDS) <= now {
        return Err(BadToken::Expired);
    }
    for claim in ["nbf", "iat"] {
        if seconds(claims, claim)?.is_some_and(|at| at.saturating_sub(CLOCK_LEEWAY_SECONDS) > now) {
            return Err(BadToken::Early);
        }
    }
    let left = expiry
        .saturating_add(CLOCK_LEEWAY_SECONDS)
        .saturating_sub(now);
    Ok(u64::try_from(left).unwrap_or(0))
}

/// Whom a token is about, as it can be printed in one line of a log.
pub(crate) fn subject_of(claims: &Map<String, Value>) -> Result<Arc<str>, BadToken> {
    let subject = claims.get("sub").and_then(Value::as_str);
    let subject = subject.filter(|subject| !subject.is_empty());
    let printable = |one: char| if one.is_ascii_graphic() { one } else { '?' };
    let subject = subject.ok_or(BadToken::Claims)?.chars().take(MAX_SUBJECT);
    Ok(subject.map(printable).collect::<String>().into())
}

/// A claim of time (RFC 7519: `NumericDate`), to the second.
fn seconds(claims: &Map<String, Value>, name: &str) -> Result<Option<i64>, BadToken> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    if let Some(seconds) = value.as_i64() {
        return Ok(Some(seconds));
    }
    // A fraction is allowed; what is beyond all times is none.
    let seconds = value.as_f64().ok_or(BadToken::Claims)?;
    if !(0.0..=1e12).contains(&seconds) {
        return Err(BadToken::Claims);
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "within the bounds just checked"
    )]
    Ok(Some(seconds as i64))
}
