//! Digests as this crate computes them: on its own, so that it is a witness against the registry's.

use std::fmt;

use aws_lc_rs::digest as hash;

/// A digest algorithm of the image-spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// SHA-256, which every registry has.
    Sha256,
    /// SHA-512, which a registry may have.
    Sha512,
}

/// A digest as it is written: `algorithm:hex`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

impl Algorithm {
    /// Both, the one that every registry has first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha512];

    /// The name before the colon.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }

    /// The digest of these bytes.
    pub fn of(self, bytes: &[u8]) -> Digest {
        let algorithm = match self {
            Self::Sha256 => &hash::SHA256,
            Self::Sha512 => &hash::SHA512,
        };
        let hashed = hash::digest(algorithm, bytes);
        Digest(format!("{}:{}", self.as_str(), hex(hashed.as_ref())))
    }
}

/// Bytes in lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        // A string takes all that is written to it.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Digest {
    /// A digest that a document names, taken as it is written.
    pub(crate) fn written(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a text is the digest of these bytes, under the algorithm that it names.
    pub fn fits(text: &str, bytes: &[u8]) -> bool {
        Algorithm::ALL
            .iter()
            .any(|algorithm| algorithm.of(bytes).as_str() == text)
    }

    /// The tag under which clients keep referrers where a registry has no referrers API.
    pub fn referrers_tag(&self) -> String {
        // Tags have at most 128 characters: the spec cuts the hash value at 64.
        let (algorithm, hex) = self.0.split_once(':').unwrap_or((&self.0, ""));
        format!("{algorithm}-{}", &hex[..hex.len().min(64)])
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_that_everybody_computes() {
        let empty = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Algorithm::Sha256.of(b"").as_str(), empty);
        assert!(Digest::fits(empty, b""));
        assert!(!Digest::fits(empty, b"x"));
        let long = Algorithm::Sha512.of(b"{}");
        assert_eq!(long.as_str().len(), "sha512:".len() + 128);
        assert_eq!(long.referrers_tag().len(), "sha512-".len() + 64);
    }
}
