//! The public keys by which an issuer's tokens are checked, as a seam and as the document that issuers publish.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use serde::Deserialize;

use crate::BoxError;

/// The longest key set that is read, in bytes; issuers publish a few keys of under 2 KiB each.
pub const MAX_KEY_SET_BYTES: usize = 256 * 1024;

/// The most keys of a set that are looked at; those after them are left out.
pub const MAX_KEYS: usize = 64;

/// Who knows issuers' keys.
#[async_trait]
pub trait Keys: Send + Sync {
    /// The issuer's keys, as it published them not long ago.
    ///
    /// `missing` is a key id that the last answer did not have: the issuer may have taken a new key since. The implementation
    /// then asks it again, though not more often than it would be polite to.
    async fn keys(&self, issuer: &str, missing: Option<&str>) -> Result<Arc<KeySet>, KeysError>;
}

/// An issuer's keys could not be had.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the keys of {issuer} cannot be had now")]
pub struct KeysError {
    /// Whose.
    pub issuer: String,
    /// Why.
    #[source]
    pub cause: BoxError,
}

/// The keys of an issuer that sign what we can check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeySet {
    /// In the order in which they were published.
    pub keys: Vec<PublicKey>,
}

/// A public key that checks signatures of one algorithm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    /// Its id, if it has one.
    pub id: Option<String>,
    /// Its numbers.
    pub numbers: KeyNumbers,
}

/// The numbers of a key by its kind, in base64url without padding as RFC 7518 and RFC 8037 write them; not checked.
#[derive(Clone, PartialEq, Eq)]
pub enum KeyNumbers {
    /// For RS256.
    Rsa {
        /// The modulus.
        n: String,
        /// The exponent.
        e: String,
    },
    /// For ES256: a point of the curve P-256.
    P256 {
        /// Its one coordinate.
        x: String,
        /// Its other coordinate.
        y: String,
    },
    /// For `EdDSA` by the curve Ed25519.
    Ed25519 {
        /// The key.
        x: String,
    },
}

/// A document that is no key set.
#[derive(Debug, thiserror::Error)]
pub enum InvalidKeySet {
    /// It is longer than any that we read.
    #[error("it is longer than {MAX_KEY_SET_BYTES} bytes")]
    TooLong,
    /// It is no JSON with a list of keys.
    #[error("it is no JSON with a list of keys")]
    NoSet(#[source] serde_json::Error),
}

/// RFC 7517, section 5.
#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

/// RFC 7517, section 4, as far as it is of use; unknown members are to be ignored.
#[derive(Deserialize)]
struct Key {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a JSON Web Key Set (RFC 7517), leaving out the keys that are for something else or of another kind.
    ///
    /// # Errors
    /// It is too long, or no key set.
    pub fn parse(json: &[u8]) -> Result<Self, InvalidKeySet> {
        if json.len() > MAX_KEY_SET_BYTES {
            return Err(InvalidKeySet::TooLong);
        }
        let document: Document = serde_json::from_slice(json).map_err(InvalidKeySet::NoSet)?;
        let keys = document.keys.into_iter().take(MAX_KEYS);
        let keys = keys.filter_map(|key| serde_json::from_value::<Key>(key).ok()?.read());
        Ok(Self {
            keys: keys.collect(),
        })
    }
}

impl Key {
    fn read(self) -> Option<PublicKey> {
        if self.purpose.is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let (numbers, algorithm) = match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => {
                let numbers = KeyNumbers::Rsa {
                    n: self.n?,
                    e: self.e?,
                };
                (numbers, "RS256")
            }
            ("EC", Some("P-256")) => {
                let numbers = KeyNumbers::P256 {
                    x: self.x?,
                    y: self.y?,
                };
                (numbers, "ES256")
            }
            ("OKP", Some("Ed25519")) => (KeyNumbers::Ed25519 { x: self.x? }, "EdDSA"),
            _ => return None,
        };
        // A key that says what it is for is for nothing else.
        if self.alg.is_some_and(|alg| alg != algorithm) {
            return None;
        }
        Some(PublicKey {
            id: self.kid,
            numbers,
        })
    }
}

impl fmt::Debug for KeyNumbers {
    /// The kind alone: the numbers say nothing to a reader.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rsa { .. } => "Rsa",
            Self::P256 { .. } => "P256",
            Self::Ed25519 { .. } => "Ed25519",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(json: &str) -> Vec<String> {
        let set = KeySet::parse(json.as_bytes()).unwrap();
        set.keys
            .into_iter()
            .map(|key| key.id.unwrap_or_default())
            .collect()
    }

    #[test]
    fn keys_that_check_signatures_are_read_and_others_left_out() {
        let json = r#"{"keys": [
            {"kty": "RSA", "kid": "a", "use": "sig", "alg": "RS256", "n": "AQAB", "e": "AQAB", "x5c": ["x"]},
            {"kty": "EC", "crv": "P-256", "kid": "b", "x": "AA", "y": "AA"},
            {"kty": "OKP", "crv": "Ed25519", "kid": "c", "x": "AA"},
            {"kty": "RSA", "kid": "for another algorithm", "alg": "RS512", "n": "AQAB", "e": "AQAB"},
            {"kty": "RSA", "kid": "to encrypt", "use": "enc", "n": "AQAB", "e": "AQAB"},
            {"kty": "EC", "crv": "P-521", "kid": "another curve", "x": "AA", "y": "AA"},
            {"kty": "oct", "kid": "a secret", "k": "AA", "alg": "HS256"},
            {"kty": "RSA", "kid": "half", "n": "AQAB"},
            {"kty": 1}, [], null,
            {"kty": "RSA", "n": "AQAB", "e": "AQAB"}
        ]}"#;
        assert_eq!(ids(json), ["a", "b", "c", ""]);
        assert_eq!(ids(r#"{"keys": []}"#), [""; 0]);
    }

    #[test]
    fn what_is_no_key_set_is_an_error_and_a_long_one_is_cut() {
        for json in ["", "[]", "{}", r#"{"keys": {}}"#, r#"{"keys": "#] {
            assert!(KeySet::parse(json.as_bytes()).is_err(), "{json}");
        }
        let key = r#"{"kty":"OKP","crv":"Ed25519","kid":"k","x":"AA"}"#;
        let many = format!(r#"{{"keys":[{}]}}"#, vec![key; 100].join(","));
        assert_eq!(ids(&many).len(), MAX_KEYS);
        let long = format!(r#"{{"keys":[],"x":"{}"}}"#, "x".repeat(MAX_KEY_SET_BYTES));
        assert!(matches!(
            KeySet::parse(long.as_bytes()),
            Err(InvalidKeySet::TooLong)
        ));
    }
}
