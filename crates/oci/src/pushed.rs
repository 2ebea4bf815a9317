//! Reads a manifest that is pushed: what a registry must know of it before it takes it.
//!
//! Stricter than the reading of what is kept already: a document that two clients could read in two ways is not taken at all.
//! Sources: OCI image-spec `manifest.md`, `image-index.md`; distribution-spec, "Pushing Manifests"; CVE-2021-41190.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::whole_json::WholeJson;
use crate::{Descriptor, Digest, InvalidManifest, Manifest, MediaType};

/// The `schemaVersion` of all manifests that are taken. The first had another form altogether.
const SCHEMA_VERSION: u64 = 2;

/// The part of a media type by which a layer says that it is not to be distributed (image-spec, "Non-Distributable Layers").
const NOT_DISTRIBUTABLE: [&str; 2] = [".nondistributable.", ".foreign."];

/// A manifest that is pushed, as far as a registry looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedManifest {
    /// Its media type: what the document says, or what its fields show it to be. The same bytes are always of the same type.
    pub media_type: MediaType,
    /// What it refers to, each once.
    pub children: Vec<PushedChild>,
    /// What it is about.
    pub subject: Option<Digest>,
    /// Its artifact type; of an image manifest without one, its configuration's media type (distribution-spec, "Listing
    /// Referrers").
    pub artifact_type: Option<String>,
    /// Its annotations: a JSON object of texts, as it stands in the document.
    pub annotations: Option<String>,
}

/// What a pushed manifest refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedChild {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes, as the manifest says.
    pub size: u64,
    /// Whether an index names it as a manifest.
    pub is_manifest: bool,
    /// Whether the repository must hold it before.
    pub presence: Presence,
}

/// Whether a repository must hold what a manifest refers to before it takes the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Presence {
    /// It must: the configuration.
    Required,
    /// It should: a layer, without which the image is sparse, and who pushes it is told so.
    Expected,
    /// It need not: a manifest of an index, which is then sparse, or a layer that is not to be distributed.
    Elsewhere,
}

/// Why a pushed manifest is not taken.
#[derive(Debug, thiserror::Error)]
pub enum InvalidPush {
    /// No manifest at all, or one that is ambiguous.
    #[error(transparent)]
    Manifest(#[from] InvalidManifest),
    /// The request says something else than the document, or than what its fields show it to be.
    #[error("the request's Content-Type is {header}, and the manifest is of the type {document}")]
    MediaTypes {
        /// The `Content-Type`.
        header: MediaType,
        /// What the manifest is.
        document: MediaType,
    },
    /// Its `mediaType` is no media type of JSON: who gets it would take it for something else.
    #[error(
        "the manifest's mediaType {0:?} is no media type of JSON: write one that ends with +json"
    )]
    NoJson(String),
    /// The type is that of an index and the fields are those of an image, or the other way round.
    #[error("the media type is {0}, and the manifest's fields are not that type's")]
    Fields(MediaType),
    /// Another form than ours.
    #[error(
        "the schemaVersion is {0}, and only {SCHEMA_VERSION} is taken: push it with a client of this decade"
    )]
    SchemaVersion(u64),
}

/// What the reading of kept manifests passes over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rest<'d> {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    #[serde(borrow)]
    annotations: Option<&'d RawValue>,
    config: Option<Config>,
    manifests: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Config {
    #[serde(default)]
    media_type: String,
}

impl PushedManifest {
    /// Reads `bytes`, which were sent with this `Content-Type`.
    ///
    /// # Errors
    /// What no two clients would read alike, and what no client could use.
    pub fn parse(bytes: &[u8], content_type: Option<&MediaType>) -> Result<Self, InvalidPush> {
        let _: WholeJson = serde_json::from_slice(bytes).map_err(InvalidManifest::Form)?;
        let manifest = Manifest::parse(bytes)?;
        let rest: Rest<'_> = serde_json::from_slice(bytes).map_err(InvalidManifest::Form)?;
        if let Some(version) = rest.schema_version
            && version != SCHEMA_VERSION
        {
            return Err(InvalidPush::SchemaVersion(version));
        }
        let media_type = rest.media_type(&manifest, content_type)?;
        let has_fields = if media_type.is_index() {
            rest.manifests.is_some()
        } else {
            let is_image = MediaType::MANIFESTS.contains(&media_type);
            !is_image || (rest.config.is_some() && rest.manifests.is_none())
        };
        if !has_fields {
            return Err(InvalidPush::Fields(media_type));
        }
        let annotations = rest.annotations.map(|raw| texts(raw.get())).transpose()?;
        let has_config = rest.config.is_some();
        let config_type = rest.config.map(|config| config.media_type);
        let artifact_type = rest.artifact_type.or(config_type);
        Ok(Self {
            media_type,
            children: children(&manifest, has_config),
            subject: manifest.subject.map(|subject| subject.digest),
            artifact_type: artifact_type.filter(|text| !text.is_empty()),
            annotations: annotations.flatten(),
        })
    }
}

impl Rest<'_> {
    /// What the bytes alone tell: otherwise whoever pushes them again could make something else of them.
    fn media_type(
        &self,
        manifest: &Manifest,
        content_type: Option<&MediaType>,
    ) -> Result<MediaType, InvalidPush> {
        let told = &manifest.media_type;
        if let Some(written) = self.media_type.as_deref()
            && (written != told.as_str() || !told.is_json())
        {
            return Err(InvalidPush::NoJson(written.to_owned()));
        }
        match content_type.filter(|header| *header != told) {
            Some(header) => Err(InvalidPush::MediaTypes {
                header: header.clone(),
                document: told.clone(),
            }),
            None => Ok(told.clone()),
        }
    }
}

/// The object as it stands there, if all of its values are texts and it has any: that is what annotations are (image-spec
/// `annotations.md`, "Rules").
fn texts(raw: &str) -> Result<Option<String>, InvalidManifest> {
    let texts: std::collections::BTreeMap<String, String> = serde_json::from_str(raw)?;
    Ok((!texts.is_empty()).then(|| raw.to_owned()))
}

/// What the manifest refers to, each once. What is named as a manifest and as a blob is both.
fn children(manifest: &Manifest, has_config: bool) -> Vec<PushedChild> {
    let first_layer = usize::from(has_config);
    let blobs = manifest.blobs.iter().enumerate();
    let blobs = blobs.map(|(place, blob)| PushedChild {
        digest: blob.digest.clone(),
        size: blob.size,
        is_manifest: false,
        presence: if place < first_layer {
            Presence::Required
        } else if is_elsewhere(blob) {
            Presence::Elsewhere
        } else {
            Presence::Expected
        },
    });
    let manifests = manifest.manifests.iter().map(|child| PushedChild {
        digest: child.digest.clone(),
        size: child.size,
        is_manifest: true,
        presence: Presence::Elsewhere,
    });
    let mut seen = std::collections::HashSet::new();
    let mut children: Vec<PushedChild> = blobs.chain(manifests).collect();
    // A layer named twice, once to be had elsewhere, is expected: who pulls it here would miss it.
    children.sort_by_key(|child| child.presence);
    children.retain(|child| seen.insert((child.digest.clone(), child.is_manifest)));
    children
}

fn is_elsewhere(blob: &Descriptor) -> bool {
    NOT_DISTRIBUTABLE
        .iter()
        .any(|part| blob.media_type.contains(part))
}

#[cfg(test)]
mod tests;
