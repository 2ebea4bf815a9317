//! Reads a registry's answer about a manifest, and believes nothing of it that can be checked.
//!
//! Pure. A digest from the wire is a digest or the answer is invalid (CVE-2024-3727); bytes asked for by digest have it.

use bytes::Bytes;
use forebay_content::{ManifestContent, Provenance, Resolved, SourceError};
use forebay_oci::{Digest, Manifest, MediaType, Reference};
use http::{HeaderMap, HeaderName, header};

use crate::failure;

const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// Types that say nothing about what a document is; then it says so itself.
const UNTELLING_TYPES: [&str; 4] = [
    "application/json",
    "application/octet-stream",
    "text/plain",
    "binary/octet-stream",
];

/// Docker's first schema: signed JSON without a digest of its bytes. Nobody serves it any more but by mistake.
const SCHEMA1_TYPES: [&str; 2] = [
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
];

/// The value of `Accept`: the manifest types that we know, the newest first.
pub(crate) fn accept() -> String {
    MediaType::MANIFESTS
        .iter()
        .map(MediaType::as_str)
        .collect::<Vec<_>>()
        .join(", ")
}

/// What a HEAD's answer says; `None` where it leaves out what only the manifest itself can tell.
pub(crate) fn describe(
    headers: &HeaderMap,
    reference: &Reference,
) -> Result<Option<Resolved>, SourceError> {
    let told = read_digest(headers)?;
    let digest = match (reference, told) {
        (Reference::Digest(asked), Some(told)) if told.algorithm() == asked.algorithm() => {
            if told != *asked {
                return Err(another(&told));
            }
            told
        }
        (Reference::Digest(asked), _) => asked.clone(),
        (Reference::Tag(_), Some(told)) => told,
        (Reference::Tag(_), None) => return Ok(None),
    };
    let Some(media_type) = read_type(headers)? else {
        return Ok(None);
    };
    Ok(Some(Resolved {
        digest,
        media_type,
        size: content_length(headers),
        provenance: Provenance::Fetched,
    }))
}

/// What a GET's answer gave, checked against what was asked.
pub(crate) fn check(
    headers: &HeaderMap,
    reference: &Reference,
    bytes: Bytes,
) -> Result<ManifestContent, SourceError> {
    let told = read_digest(headers)?;
    if let Some(told) = told.as_ref().filter(|told| !told.matches(&bytes)) {
        return Err(another(told));
    }
    let digest = match (reference, told) {
        (Reference::Digest(asked), _) if !asked.matches(&bytes) => return Err(another(asked)),
        (Reference::Digest(asked), _) => asked.clone(),
        (Reference::Tag(_), Some(told)) => told,
        // Nothing vouches for these bytes: at least they have to be a manifest.
        (Reference::Tag(_), None) => {
            read_document(&bytes)?;
            Digest::sha256(&bytes)
        }
    };
    let media_type = match read_type(headers)? {
        Some(media_type) => media_type,
        None => read_document(&bytes)?.media_type,
    };
    Ok(ManifestContent {
        digest,
        media_type,
        bytes,
        provenance: Provenance::Fetched,
        from: None,
    })
}

fn read_document(bytes: &[u8]) -> Result<Manifest, SourceError> {
    if failure::is_page(bytes) {
        return Err(SourceError::Unavailable {
            why: "it answered a web page where a manifest belongs".to_owned(),
            retry_after: None,
        });
    }
    Manifest::parse(bytes).map_err(|error| SourceError::Invalid {
        why: match error {
            // The parser's words repeat the document.
            forebay_oci::InvalidManifest::Form(_) => "not a manifest".to_owned(),
            error => error.to_string(),
        },
    })
}

fn read_digest(headers: &HeaderMap) -> Result<Option<Digest>, SourceError> {
    let Some(value) = headers.get(CONTENT_DIGEST) else {
        return Ok(None);
    };
    let text = value.to_str().unwrap_or_default();
    text.parse().map(Some).map_err(|_| SourceError::Invalid {
        why: "its Docker-Content-Digest is no digest".to_owned(),
    })
}

/// The type that the header tells; `None` if it tells none.
fn read_type(headers: &HeaderMap) -> Result<Option<MediaType>, SourceError> {
    let value = headers.get(header::CONTENT_TYPE);
    let told = value
        .and_then(|value| value.to_str().ok())
        .and_then(MediaType::parse);
    let Some(told) = told else {
        return Ok(None);
    };
    if SCHEMA1_TYPES.contains(&told.as_str()) {
        return Err(SourceError::Invalid {
            why: "a manifest of Docker's schema 1, which cannot be checked".to_owned(),
        });
    }
    if told.as_str() == "text/html" {
        return Err(SourceError::Unavailable {
            why: "it answered a web page where a manifest belongs".to_owned(),
            retry_after: None,
        });
    }
    Ok(Some(told).filter(|told| !UNTELLING_TYPES.contains(&told.as_str())))
}

fn another(digest: &Digest) -> SourceError {
    SourceError::Invalid {
        why: format!("another manifest than {digest}"),
    }
}

/// The size that `Content-Length` tells.
pub(crate) fn content_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests;
