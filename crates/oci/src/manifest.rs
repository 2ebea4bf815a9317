//! Reads what a manifest refers to, and leaves its bytes alone.
//!
//! Sources: OCI image-spec `manifest.md`, `image-index.md`, `descriptor.md`; Docker's schema 2 has the same fields.
//! One reading serves manifests and indexes: which fields are there says which it is.

use serde::Deserialize;

use crate::{Digest, MediaType, Platform};

/// The most bytes of a manifest that we take: the spec asks for 4 MiB at least; containerd takes 4 × 1048 × 1048.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1048 * 1048;

/// What a manifest or index refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Its own `mediaType`, or what its fields show it to be.
    pub media_type: MediaType,
    /// Configuration and layers, in order; empty for an index.
    pub blobs: Vec<Descriptor>,
    /// The manifests that an index names; empty for a manifest.
    pub manifests: Vec<Descriptor>,
    /// The manifest that this one is about.
    pub subject: Option<Descriptor>,
}

/// A reference to content: type, digest and size.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The content's media type as written.
    #[serde(default)]
    pub media_type: String,
    /// The content's digest.
    pub digest: Digest,
    /// The content's size in bytes.
    pub size: u64,
    /// In an index: whom the manifest is for.
    #[serde(default)]
    pub platform: Option<Platform>,
    /// Where else the content is: foreign layers. Never dialled (CVE-2020-15157).
    #[serde(default)]
    pub urls: Vec<String>,
}

/// Why bytes are no manifest that we can read.
#[derive(Debug, thiserror::Error)]
pub enum InvalidManifest {
    /// No JSON, or not of a manifest's form.
    #[error("not a manifest: {0}")]
    Form(#[from] serde_json::Error),
    /// One document with two readings: `manifests` beside `config` or `layers` (CVE-2021-41190).
    #[error("a manifest has either manifests, or config and layers")]
    Ambiguous,
    /// It has none of the fields that say what it is.
    #[error("neither a manifest nor an index")]
    Neither,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    media_type: Option<String>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    subject: Option<Descriptor>,
}

impl Manifest {
    /// Reads `bytes`. Unknown fields are ignored, doubled ones refused.
    pub fn parse(bytes: &[u8]) -> Result<Self, InvalidManifest> {
        let Document {
            media_type,
            config,
            layers,
            manifests,
            subject,
        } = serde_json::from_slice(bytes)?;
        let is_index = match (&manifests, config.is_some() || layers.is_some()) {
            (Some(_), true) => return Err(InvalidManifest::Ambiguous),
            (None, false) if media_type.is_none() => return Err(InvalidManifest::Neither),
            (manifests, _) => manifests.is_some(),
        };
        let by_fields = if is_index {
            MediaType::OCI_INDEX
        } else {
            MediaType::OCI_MANIFEST
        };
        Ok(Self {
            media_type: media_type
                .as_deref()
                .and_then(MediaType::parse)
                .unwrap_or(by_fields),
            blobs: config
                .into_iter()
                .chain(layers.unwrap_or_default())
                .collect(),
            manifests: manifests.unwrap_or_default(),
            subject,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn descriptor(content: &str) -> String {
        format!(
            r#"{{"mediaType":"a/b","digest":"{}","size":{}}}"#,
            Digest::sha256(content.as_bytes()),
            content.len()
        )
    }

    #[test]
    fn an_image_manifest_refers_to_its_config_and_layers() {
        let text = format!(
            r#"{{"schemaVersion":2,"config":{},"layers":[{}]}}"#,
            descriptor("c"),
            descriptor("l")
        );
        let manifest = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(manifest.media_type, MediaType::OCI_MANIFEST);
        assert_eq!(manifest.blobs.len(), 2);
        assert!(manifest.manifests.is_empty());
    }

    #[test]
    fn an_index_refers_to_its_manifests() {
        let text = format!(
            r#"{{"mediaType":"{}","manifests":[{}]}}"#,
            MediaType::DOCKER_LIST,
            descriptor("m")
        );
        let index = Manifest::parse(text.as_bytes()).unwrap();
        assert_eq!(index.media_type, MediaType::DOCKER_LIST);
        assert_eq!(index.manifests.len(), 1);
    }

    #[test]
    fn one_document_with_two_readings_is_refused() {
        let both = format!(
            r#"{{"manifests":[{}],"layers":[{}]}}"#,
            descriptor("m"),
            descriptor("l")
        );
        assert!(matches!(
            Manifest::parse(both.as_bytes()),
            Err(InvalidManifest::Ambiguous)
        ));
        assert!(matches!(
            Manifest::parse(br#"{"layers":[],"layers":[]}"#),
            Err(InvalidManifest::Form(_))
        ));
    }

    #[test]
    fn hostile_documents_are_errors() {
        let deep = "[".repeat(100_000);
        for text in [
            "",
            "{}",
            "null",
            "[]",
            r#"{"layers":[{"digest":"sha256:../x","size":1}]}"#,
            r#"{"layers":[{}]}"#,
            &deep,
        ] {
            assert!(Manifest::parse(text.as_bytes()).is_err(), "{text:.40}");
        }
        assert!(Manifest::parse(b"\xff\xfe{}").is_err());
    }
}
