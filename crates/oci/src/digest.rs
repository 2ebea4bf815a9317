//! A content digest: algorithm and hash value, exact or not at all.
//!
//! Grammar: OCI image-spec `descriptor.md`, "Digests". Only the two registered algorithms, lower-case hex of the right
//! length: a digest makes file names and keys, so that nothing looser may pass (CVE-2024-3727 and its kin).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest as hash;

/// A registered digest algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Algorithm {
    /// SHA-256, which every client speaks.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// The digest of some content, known to be well-formed.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Digest {
    /// `sha256:` and 64 hex digits.
    Sha256([u8; 32]),
    /// `sha512:` and 128 hex digits; boxed because it is rare.
    Sha512(Box<[u8; 64]>),
}

/// Why a text is not a digest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDigest {
    /// There is no `algorithm:hex` in it.
    #[error("a digest is written algorithm:hex")]
    Form,
    /// The algorithm is not one that we can check.
    #[error("the digest algorithm is neither sha256 nor sha512")]
    Algorithm,
    /// The hash value has a wrong length, or is not lower-case hex.
    #[error("a {0} hash value is {len} lower-case hex digits", len = .0.hash_bytes() * 2)]
    Hash(Algorithm),
}

/// Computes a digest over bytes as they pass. A clone goes on from the same state.
#[derive(Clone)]
pub struct Hasher {
    algorithm: Algorithm,
    context: hash::Context,
}

// === impl Algorithm ===

impl Algorithm {
    /// The name before the colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The length of the hash value in bytes.
    pub const fn hash_bytes(self) -> usize {
        match self {
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        match text {
            "sha256" => Ok(Self::Sha256),
            "sha512" => Ok(Self::Sha512),
            _ => Err(InvalidDigest::Algorithm),
        }
    }
}

// === impl Digest ===

impl Digest {
    /// The sha256 digest of `content`.
    pub fn sha256(content: &[u8]) -> Self {
        Self::of(Algorithm::Sha256, content)
    }

    /// The digest of `content` under `algorithm`.
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(content);
        hasher.finish()
    }

    /// The algorithm that made it.
    pub const fn algorithm(&self) -> Algorithm {
        match self {
            Self::Sha256(_) => Algorithm::Sha256,
            Self::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The hash value, raw.
    pub fn hash(&self) -> &[u8] {
        match self {
            Self::Sha256(bytes) => bytes,
            Self::Sha512(bytes) => bytes.as_slice(),
        }
    }

    /// The hash value in lower-case hex.
    pub fn hex(&self) -> String {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = String::with_capacity(self.hash().len() * 2);
        for byte in self.hash() {
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
        text
    }

    /// True if `content` has this digest.
    pub fn matches(&self, content: &[u8]) -> bool {
        Self::of(self.algorithm(), content) == *self
    }

    fn from_hash(algorithm: Algorithm, hash: &[u8]) -> Result<Self, InvalidDigest> {
        let wrong_length = |_| InvalidDigest::Hash(algorithm);
        match algorithm {
            Algorithm::Sha256 => Ok(Self::Sha256(hash.try_into().map_err(wrong_length)?)),
            Algorithm::Sha512 => Ok(Self::Sha512(Box::new(
                hash.try_into().map_err(wrong_length)?,
            ))),
        }
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        let (algorithm, hex) = text.split_once(':').ok_or(InvalidDigest::Form)?;
        let algorithm: Algorithm = algorithm.parse()?;
        if hex.len() != algorithm.hash_bytes() * 2 {
            return Err(InvalidDigest::Hash(algorithm));
        }
        let hash: Option<Vec<u8>> = hex
            .as_bytes()
            .chunks_exact(2)
            .map(|pair| Some(hex_value(pair[0])? << 4 | hex_value(pair[1])?))
            .collect();
        Self::from_hash(algorithm, &hash.ok_or(InvalidDigest::Hash(algorithm))?)
    }
}

/// Upper case is refused: two spellings of one digest would be two keys for one content.
const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

// === impl Hasher ===

impl Hasher {
    /// A hasher that has seen nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        let hash = match algorithm {
            Algorithm::Sha256 => &hash::SHA256,
            Algorithm::Sha512 => &hash::SHA512,
        };
        Self {
            algorithm,
            context: hash::Context::new(hash),
        }
    }

    /// The hash function.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// The digest of all that was taken in.
    pub fn finish(self) -> Digest {
        let hash = self.context.finish();
        match self.algorithm {
            Algorithm::Sha256 => Digest::Sha256(array(hash.as_ref())),
            Algorithm::Sha512 => Digest::Sha512(Box::new(array(hash.as_ref()))),
        }
    }
}

/// A hash value is as long as its algorithm says; were it not, the zeros would match no digest.
fn array<const N: usize>(hash: &[u8]) -> [u8; N] {
    hash.try_into().unwrap_or([0; N])
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn a_digest_prints_as_it_was_parsed() {
        assert_eq!(EMPTY.parse::<Digest>().unwrap().to_string(), EMPTY);
        assert_eq!(Digest::sha256(b"").to_string(), EMPTY);
        let long = Digest::of(Algorithm::Sha512, b"forebay").to_string();
        assert_eq!(long.parse::<Digest>().unwrap().to_string(), long);
    }

    #[test]
    fn only_exact_digests_parse() {
        let hex = &EMPTY[7..];
        for (text, why) in [
            ("", InvalidDigest::Form),
            (hex, InvalidDigest::Form),
            (&format!("md5:{hex}"), InvalidDigest::Algorithm),
            (&format!("SHA256:{hex}"), InvalidDigest::Algorithm),
            ("sha256:", InvalidDigest::Hash(Algorithm::Sha256)),
            (
                "sha256:../../etc/passwd",
                InvalidDigest::Hash(Algorithm::Sha256),
            ),
            (
                &format!("sha256:{}", hex.to_uppercase()),
                InvalidDigest::Hash(Algorithm::Sha256),
            ),
            (
                &format!("sha256:{}", &hex[1..]),
                InvalidDigest::Hash(Algorithm::Sha256),
            ),
            (
                &format!("sha256:{hex}0"),
                InvalidDigest::Hash(Algorithm::Sha256),
            ),
            (
                &format!("sha512:{hex}"),
                InvalidDigest::Hash(Algorithm::Sha512),
            ),
        ] {
            assert_eq!(text.parse::<Digest>(), Err(why), "{text}");
        }
    }

    #[test]
    fn a_cloned_hasher_goes_on_from_the_same_state() {
        let mut first = Hasher::new(Algorithm::Sha256);
        first.update(b"fore");
        let mut second = first.clone();
        first.update(b"bay");
        second.update(b"bay");
        assert_eq!(first.finish(), second.finish());
    }
}
