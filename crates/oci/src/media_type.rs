//! Media types of manifests, kept exactly as they were sent.
//!
//! Sources: OCI image-spec `media-types.md`; Docker's "Image Manifest Version 2, Schema 2".

use std::borrow::Cow;
use std::fmt;

/// The longest media type that we take, in bytes; the spec's own have under 80.
const MAX_MEDIA_TYPE_BYTES: usize = 255;

/// A media type such as `application/vnd.oci.image.manifest.v1+json`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MediaType(Cow<'static, str>);

impl MediaType {
    /// An OCI image manifest.
    pub const OCI_MANIFEST: Self =
        Self(Cow::Borrowed("application/vnd.oci.image.manifest.v1+json"));
    /// An OCI image index.
    pub const OCI_INDEX: Self = Self(Cow::Borrowed("application/vnd.oci.image.index.v1+json"));
    /// Docker's image manifest.
    pub const DOCKER_MANIFEST: Self = Self(Cow::Borrowed(
        "application/vnd.docker.distribution.manifest.v2+json",
    ));
    /// Docker's manifest list.
    pub const DOCKER_LIST: Self = Self(Cow::Borrowed(
        "application/vnd.docker.distribution.manifest.list.v2+json",
    ));

    /// The manifest types that we ask an upstream for, the newest first. Schema 1 is not among them: it has no digest
    /// of its bytes that a cache could check.
    pub const MANIFESTS: [Self; 4] = [
        Self::OCI_INDEX,
        Self::OCI_MANIFEST,
        Self::DOCKER_LIST,
        Self::DOCKER_MANIFEST,
    ];

    /// A media type from the wire without its parameters, or `None` for what is none.
    pub fn parse(text: &str) -> Option<Self> {
        let essence = text.split(';').next().unwrap_or_default().trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || "!#$&-^_.+/".contains(c);
        let well_formed = essence.len() <= MAX_MEDIA_TYPE_BYTES
            && essence.matches('/').count() == 1
            && !essence.starts_with('/')
            && !essence.ends_with('/')
            && essence.chars().all(plain);
        well_formed.then(|| Self(Cow::Owned(essence.to_owned())))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for JSON in an application's own form (RFC 6839, section 3.1). Browsers show it as a text.
    pub fn is_json(&self) -> bool {
        self.0.starts_with("application/")
            && (self.0.ends_with("+json") || self.0.ends_with("/json"))
    }

    /// True for an index or a manifest list: one that names other manifests by platform.
    pub fn is_index(&self) -> bool {
        *self == Self::OCI_INDEX || *self == Self::DOCKER_LIST
    }
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_left_out_and_nonsense_is_none() {
        assert_eq!(
            MediaType::parse("application/vnd.oci.image.index.v1+json; charset=utf-8"),
            Some(MediaType::OCI_INDEX)
        );
        for text in [
            "",
            "json",
            "/json",
            "text/",
            "a/b/c",
            "a/b\r\nX: y",
            &format!("a/{}", "b".repeat(300)),
        ] {
            assert_eq!(MediaType::parse(text), None, "{text}");
        }
    }
}
