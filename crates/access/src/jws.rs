//! Signed tokens (RFC 7515, RFC 7519) before anything of them is believed: their size, their shape and their header.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The longest header and the longest claims of a token, in bytes as they are sent.
pub const MAX_TOKEN_PART_BYTES: usize = 16 * 1024;

/// The longest signature as it is sent: that of an RSA key of 8,192 bits.
const MAX_SIGNATURE_BYTES: usize = 1_366;

/// Why a token is not taken. Never holds a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// It is longer than any that we take.
    #[error("the token is too long")]
    TooLong,
    /// It is no signed token of three parts.
    #[error("the token is no signed token")]
    Shape,
    /// Its header says what we do not take: a key of its own, where to get one, extensions.
    #[error("the token's header has what is not taken")]
    Header,
    /// It is signed by an algorithm that we do not take from who signed it, or not at all.
    #[error("the token is signed by an algorithm that is not taken")]
    Algorithm,
    /// No key of who signed it is the one that it names.
    #[error("the token is signed by a key that its issuer does not have")]
    Key,
    /// Its signature is wrong.
    #[error("the token's signature is wrong")]
    Signature,
    /// Its claims are no such claims.
    #[error("the token's claims cannot be read")]
    Claims,
    /// Nobody that we trust has issued it.
    #[error("the token is from an issuer that is not trusted")]
    Issuer,
    /// It is for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not begun.
    #[error("the token is not valid yet")]
    Early,
    /// It was given to an account, or by a rule, that is gone or was changed since.
    #[error("the token is of an account or a rule that was changed since")]
    Revoked,
    /// No rule takes its claims.
    #[error("no rule takes the token's claims")]
    Rule,
}

/// The members of a header that say nothing dangerous. All others are refused: `jwk`, `jku`, `x5u` and `x5c` would have the
/// token say by what key it is checked, `crit`, `b64`, `zip` and `enc` how it is read.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    /// The algorithm.
    pub(crate) alg: String,
    /// The key's id.
    pub(crate) kid: Option<String>,
    /// What it is; said by most.
    #[serde(rename = "typ")]
    _typ: Option<String>,
    /// Names a certificate by its hash; the key is found by its id.
    #[serde(rename = "x5t")]
    _x5t: Option<String>,
    /// The same.
    #[serde(rename = "x5t#S256")]
    _x5t_s256: Option<String>,
}

/// Splits a token and reads its header.
pub(crate) fn read_header(token: &str) -> Result<Header, BadToken> {
    let [header, _, _] = parts(token)?;
    let header = decode(header)?;
    serde_json::from_slice(&header).map_err(|_| BadToken::Header)
}

/// Reads a token's claims without believing any: to find whose keys to check it by.
pub(crate) fn read_claims_unchecked(token: &str) -> Result<Map<String, Value>, BadToken> {
    let [_, claims, _] = parts(token)?;
    let claims = decode(claims)?;
    serde_json::from_slice(&claims).map_err(|_| BadToken::Claims)
}

fn parts(token: &str) -> Result<[&str; 3], BadToken> {
    if token.len() > 2 * MAX_TOKEN_PART_BYTES + MAX_SIGNATURE_BYTES + 2 {
        return Err(BadToken::TooLong);
    }
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(BadToken::Shape);
    };
    if header.len() > MAX_TOKEN_PART_BYTES
        || claims.len() > MAX_TOKEN_PART_BYTES
        || signature.len() > MAX_SIGNATURE_BYTES
    {
        return Err(BadToken::TooLong);
    }
    Ok([header, claims, signature])
}

fn decode(part: &str) -> Result<Vec<u8>, BadToken> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| BadToken::Shape)
}

/// Checks the signature and reads the claims; of what they say, nothing is checked.
pub(crate) fn verify<C: serde::de::DeserializeOwned>(
    token: &str,
    key: &jsonwebtoken::DecodingKey,
    algorithm: jsonwebtoken::Algorithm,
) -> Result<C, BadToken> {
    use jsonwebtoken::errors::ErrorKind;
    let mut rules = jsonwebtoken::Validation::new(algorithm);
    // Times are checked by the seam's clock, issuer and audience strictly, by those who know what they must be.
    rules.required_spec_claims.clear();
    rules.validate_exp = false;
    rules.validate_nbf = false;
    rules.validate_aud = false;
    let read = jsonwebtoken::decode::<C>(token, key, &rules);
    read.map(|read| read.claims)
        .map_err(|error| match error.kind() {
            ErrorKind::InvalidSignature => BadToken::Signature,
            ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName => BadToken::Algorithm,
            ErrorKind::Json(_) | ErrorKind::Utf8(_) => BadToken::Claims,
            // Among them a key of another kind than the algorithm's, and numbers that are no key.
            _ => BadToken::Key,
        })
}
