//! Manifests and indexes as they are pushed: their bytes, and what a registry is to make of them.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::digest::{Algorithm, Digest};
use crate::noise::Blob;

/// The media type of an image manifest.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an index.
pub(crate) const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of an image's configuration.
pub(crate) const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The media type of `{}`, which stands for nothing.
pub(crate) const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The media type of a compressed layer.
pub(crate) const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// The media type of a plain layer.
pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";

/// A manifest or an index.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it is called in cases' names.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Bytes,
    /// Their digest.
    pub digest: Digest,
    /// What it refers to.
    pub subject: Option<Digest>,
    /// Whether it names what was never pushed, which a registry may refuse.
    pub is_sparse: bool,
}

impl Document {
    /// A document of this JSON, which says its own media type.
    pub fn new(name: &str, algorithm: Algorithm, json: &Value) -> Self {
        let media_type = json["mediaType"].as_str().unwrap_or(MANIFEST);
        let mut document = Self::of_bytes(name, algorithm, media_type, json.to_string());
        document.subject = json["subject"]["digest"].as_str().map(Digest::written);
        document
    }

    /// A document of any bytes.
    pub fn of_bytes(
        name: &str,
        algorithm: Algorithm,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Self {
        let bytes = bytes.into();
        Self {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            digest: algorithm.of(&bytes),
            subject: None,
            is_sparse: false,
            bytes,
        }
    }

    /// The descriptor of it.
    pub fn descriptor(&self) -> Value {
        json!({
            "mediaType": self.media_type,
            "digest": self.digest.as_str(),
            "size": self.bytes.len(),
        })
    }

    /// The descriptor with which a list of referrers names it.
    pub fn referrer(&self) -> Value {
        let document: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        let mut descriptor = self.descriptor();
        let kind = match &document["artifactType"] {
            // Of an index without a type, none is told.
            Value::Null => document["config"]["mediaType"].clone(),
            kind => kind.clone(),
        };
        if !kind.is_null() {
            descriptor["artifactType"] = kind;
        }
        if !document["annotations"].is_null() {
            descriptor["annotations"] = document["annotations"].clone();
        }
        descriptor
    }
}

/// The descriptor of a blob.
pub(crate) fn descriptor(media_type: &str, blob: &Blob) -> Value {
    json!({
        "mediaType": media_type,
        "digest": blob.digest.as_str(),
        "size": blob.bytes.len(),
    })
}

/// A manifest of these descriptors.
pub(crate) fn manifest(config: &Value, layers: &[Value]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": config,
        "layers": layers,
    })
}

/// An index of these descriptors.
pub(crate) fn index(manifests: &[Value]) -> Value {
    json!({
        "schemaVersion": 2,
        "mediaType": INDEX,
        "manifests": manifests,
    })
}
