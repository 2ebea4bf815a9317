//! A blob: content with its digest.
//!
//! Large ones are described by a seed and never held; see the rope.

use crate::rope::Rope;
use aws_lc_rs::digest::{Context, SHA256, SHA512};
use bytes::Bytes;
use std::fmt::Write as _;
use std::ops::Range;

/// Which digest a blob or manifest is known by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// `sha256:…`, what nearly everything uses.
    #[default]
    Sha256,
    /// `sha512:…`, the other one that the OCI image spec registers.
    Sha512,
}

/// Content and the digest it is known by.
#[derive(Clone, Debug)]
pub struct Blob {
    digest: String,
    media_type: String,
    content: Rope,
}

impl Blob {
    pub(crate) fn new(content: Rope, media_type: &str, algorithm: Algorithm) -> Self {
        Self {
            digest: algorithm.digest_of(&content),
            media_type: media_type.to_owned(),
            content,
        }
    }

    /// `sha256:<hex>` or `sha512:<hex>`.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The media type that its manifest gives it.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        self.content.len()
    }

    /// The whole content, made in memory for the caller.
    pub fn bytes(&self) -> Bytes {
        self.content.to_bytes()
    }

    /// The bytes of one range, cut to what there is.
    pub fn slice(&self, range: Range<u64>) -> Bytes {
        self.content.slice(range).to_bytes()
    }

    pub(crate) fn content(&self) -> &Rope {
        &self.content
    }
}

// === impl Algorithm ===

impl Algorithm {
    pub(crate) fn digest_of(self, content: &Rope) -> String {
        let (name, algorithm) = match self {
            Self::Sha256 => ("sha256", &SHA256),
            Self::Sha512 => ("sha512", &SHA512),
        };
        let mut hasher = Context::new(algorithm);
        for chunk in content.chunks() {
            hasher.update(&chunk);
        }
        format!("{name}:{}", hex(hasher.finish().as_ref()))
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::{Algorithm, Blob};
    use crate::rope::Rope;

    #[test]
    fn the_digest_is_that_of_the_content() {
        let blob = Blob::new(Rope::from(b"abc".to_vec()), "text/plain", Algorithm::Sha256);
        assert_eq!(
            blob.digest(),
            "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(blob.size(), 3);
    }
}
