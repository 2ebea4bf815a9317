//! A manifest: its bytes, and what the lists need to know of it.
//!
//! Bytes are made once and served as they are.

use crate::blob::Algorithm;
use crate::rope::Rope;
use bytes::Bytes;
use serde_json::{Map, Value, json};

/// The media type of an OCI index.
pub(crate) const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";

/// A manifest as it is stored and served, byte for byte.
#[derive(Clone, Debug)]
pub struct Manifest {
    pub(crate) digest: String,
    pub(crate) media_type: String,
    pub(crate) bytes: Bytes,
    /// `os/arch[/variant]` as its index says.
    pub(crate) platform: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) artifact_type: Option<String>,
    pub(crate) annotations: Map<String, Value>,
    /// Digests of its blobs (config first) or, of an index, its children.
    pub(crate) parts: Vec<String>,
}

impl Manifest {
    /// `sha256:<hex>` or `sha512:<hex>` of the bytes.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// What `Content-Type` it is served with.
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// The bytes themselves.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// `os/arch[/variant]` as its index says; none when it is no child of an index.
    pub fn platform(&self) -> Option<&str> {
        self.platform.as_deref()
    }

    /// Whether it lists other manifests.
    pub fn is_index(&self) -> bool {
        self.media_type.contains("index") || self.media_type.contains("manifest.list")
    }

    /// The descriptor that names it in an index or a list of referrers.
    pub(crate) fn descriptor(&self) -> Value {
        let mut descriptor = json!({
            "mediaType": self.media_type,
            "digest": self.digest,
            "size": self.bytes.len(),
        });
        if let Some(kind) = &self.artifact_type {
            descriptor["artifactType"] = json!(kind);
        }
        if !self.annotations.is_empty() {
            descriptor["annotations"] = Value::Object(self.annotations.clone());
        }
        descriptor
    }
}

/// An OCI index of these manifests, as the referrers API and the fallback tag hold it.
pub(crate) fn index_of(descriptors: &[Value]) -> Manifest {
    let document = json!({
        "schemaVersion": 2,
        "mediaType": INDEX_TYPE,
        "manifests": descriptors,
    });
    from_document(Algorithm::Sha256, &document)
}

/// The manifest that a JSON document is.
pub(crate) fn from_document(algorithm: Algorithm, document: &Value) -> Manifest {
    let media_type = document["mediaType"].as_str().unwrap_or_default();
    let mut manifest = seal(
        algorithm,
        media_type,
        document.to_string().into_bytes().into(),
    );
    manifest.subject = document["subject"]["digest"].as_str().map(str::to_owned);
    manifest.artifact_type = document["artifactType"].as_str().map(str::to_owned);
    if let Some(annotations) = document["annotations"].as_object() {
        manifest.annotations.clone_from(annotations);
    }
    let layers = document["layers"].as_array().into_iter().flatten();
    manifest.parts = std::iter::once(&document["config"])
        .chain(layers)
        .filter_map(|part| part["digest"].as_str().map(str::to_owned))
        .collect();
    manifest
}

/// These bytes as a manifest about which nothing else is known.
pub(crate) fn seal(algorithm: Algorithm, media_type: &str, bytes: Bytes) -> Manifest {
    Manifest {
        digest: algorithm.digest_of(&Rope::from(bytes.clone())),
        media_type: media_type.to_owned(),
        bytes,
        platform: None,
        subject: None,
        artifact_type: None,
        annotations: Map::new(),
        parts: Vec::new(),
    }
}
