//! What the answers of `/v2/` look like.
//!
//! Source: OCI distribution-spec, "Pull", "Push", "Content Discovery", "Warnings" (of `Warning` there is 299 alone).

use forebay_content::{Blob, BlobBody, List, ManifestContent, Piece, Provenance, Resolved};
use forebay_http_kit::{AccessLabels, Body, BodyPart, BoxError, FileLane, FilePart};
use forebay_oci::{Digest, Endpoint, Page, Reference, RepositoryName, UploadId};
use forebay_registry::PushedAs;
use futures::{Stream, StreamExt};
use http::header::{
    ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LINK, LOCATION, RANGE, WARNING,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use crate::OciError;

pub(crate) const DOCKER_CONTENT_DIGEST: HeaderName =
    HeaderName::from_static("docker-content-digest");
const DOCKER_API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
const DOCKER_UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
const OCI_NAMESPACE: HeaderName = HeaderName::from_static("oci-namespace");

/// The answer to a ping: this is a registry.
pub(crate) fn ping() -> Response<Body> {
    let mut response = Response::new(Body::from("{}"));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
        .headers_mut()
        .insert(DOCKER_API_VERSION, HeaderValue::from_static("registry/2.0"));
    response
}

/// A manifest with its bytes.
pub(crate) fn manifest(content: ManifestContent) -> Result<Response<Body>, OciError> {
    let length = content.bytes.len() as u64;
    let mut response = Response::new(Body::from(content.bytes));
    describe(
        response.headers_mut(),
        content.media_type.as_str(),
        &content.digest,
        Some(length),
    )?;
    note(&mut response, content.provenance);
    if let Some(from) = content.from {
        let labels = response.extensions_mut().remove::<AccessLabels>();
        let labels = labels.unwrap_or_default().with("from", from.to_string());
        response.extensions_mut().insert(labels);
    }
    Ok(response)
}

/// A manifest's head.
pub(crate) fn manifest_head(resolved: &Resolved) -> Result<Response<Body>, OciError> {
    let mut response = Response::new(Body::Empty);
    describe(
        response.headers_mut(),
        resolved.media_type.as_str(),
        &resolved.digest,
        resolved.size,
    )?;
    note(&mut response, resolved.provenance);
    Ok(response)
}

/// A blob, or a part of one; sent by the kernel where the connection has a lane for files.
pub(crate) fn blob(
    blob: Blob,
    digest: &Digest,
    lane: Option<&FileLane>,
) -> Result<Response<Body>, OciError> {
    let part = blob.range.clone();
    let length = part
        .as_ref()
        .map(|part| part.end - part.start)
        .or(blob.size);
    let mut response = Response::new(match lane {
        Some(lane) => Body::parts(parts(blob.body), length, lane.clone()),
        None => Body::stream(blob.body.into_bytes(), length),
    });
    describe(
        response.headers_mut(),
        "application/octet-stream",
        digest,
        length,
    )?;
    response
        .headers_mut()
        .insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let (Some(part), Some(size)) = (part, blob.size) {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {}-{}/{size}", part.start, part.end.saturating_sub(1));
        response.headers_mut().insert(CONTENT_RANGE, value(&range)?);
    }
    note(&mut response, blob.provenance);
    Ok(response)
}

fn parts(body: BlobBody) -> impl Stream<Item = Result<BodyPart, BoxError>> + Send {
    body.into_pieces().map(|piece| match piece? {
        Piece::Bytes(bytes) => Ok(BodyPart::Bytes(bytes)),
        Piece::File(span) => {
            let part = FilePart::new(span.file, span.range)?;
            Ok(BodyPart::File(part.owned_by(span.owner)))
        }
    })
}

/// A blob's head.
pub(crate) fn blob_head(size: Option<u64>, digest: &Digest) -> Result<Response<Body>, OciError> {
    let mut response = Response::new(Body::Empty);
    describe(
        response.headers_mut(),
        "application/octet-stream",
        digest,
        size,
    )?;
    response
        .headers_mut()
        .insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(response)
}

/// A page of tags; `name` is the repository as the client wrote it, for the next page's address.
pub(crate) fn tags(list: List, name: &RepositoryName) -> Result<Response<Body>, OciError> {
    let mut response = Response::new(Body::from(list.json));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    link(response.headers_mut(), list.more, |page| Endpoint::Tags {
        name: name.clone(),
        page,
    })?;
    note(&mut response, list.provenance);
    Ok(response)
}

/// A page of repositories.
pub(crate) fn catalog(list: List) -> Result<Response<Body>, OciError> {
    let mut response = Response::new(Body::from(list.json));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    link(response.headers_mut(), list.more, |page| {
        Endpoint::Catalog { page }
    })?;
    Ok(response)
}

/// Says where the next page is, if there is one.
fn link(
    headers: &mut HeaderMap,
    more: Option<Page>,
    endpoint: impl FnOnce(Page) -> Endpoint,
) -> Result<(), OciError> {
    if let Some(page) = more {
        let next = endpoint(page);
        headers.insert(LINK, value(&format!("<{next}>; rel=\"next\""))?);
    }
    Ok(())
}

/// A page of a manifest's referrers; `next` makes the next one's address.
pub(crate) fn referrers(
    list: List,
    is_filtered: bool,
    next: impl FnOnce(Page) -> Endpoint,
) -> Result<Response<Body>, OciError> {
    let mut response = Response::new(Body::from(list.json));
    let index = HeaderValue::from_static("application/vnd.oci.image.index.v1+json");
    response.headers_mut().insert(CONTENT_TYPE, index);
    if is_filtered && list.filtered {
        response.headers_mut().insert(
            OCI_FILTERS_APPLIED,
            HeaderValue::from_static("artifactType"),
        );
    }
    link(response.headers_mut(), list.more, next)?;
    note(&mut response, list.provenance);
    Ok(response)
}

/// An upload that has begun: where its bytes go.
pub(crate) fn upload_begun(
    name: &RepositoryName,
    session: UploadId,
) -> Result<Response<Body>, OciError> {
    upload_accepted(name, session, 0)
}

/// A part of an upload that was taken.
pub(crate) fn upload_accepted(
    name: &RepositoryName,
    session: UploadId,
    received: u64,
) -> Result<Response<Body>, OciError> {
    let mut response = accepted();
    *response.headers_mut() = upload_place(name, session, received)?;
    response.headers_mut().insert(CONTENT_LENGTH, 0.into());
    Ok(response)
}

/// How far an upload has come.
pub(crate) fn upload_status(
    name: &RepositoryName,
    session: UploadId,
    received: u64,
) -> Result<Response<Body>, OciError> {
    let mut response = no_content();
    *response.headers_mut() = upload_place(name, session, received)?;
    Ok(response)
}

/// The headers that say where an upload goes on: at which address, after which byte. Of one that has nothing yet `0-0` is said, as
/// by other registries.
pub(crate) fn upload_place(
    name: &RepositoryName,
    session: UploadId,
    received: u64,
) -> Result<HeaderMap, OciError> {
    let upload = Endpoint::Upload {
        name: name.clone(),
        session,
        digest: None,
    };
    let mut headers = HeaderMap::new();
    headers.insert(LOCATION, value(&upload.to_string())?);
    let range = format!("0-{}", received.saturating_sub(1));
    headers.insert(RANGE, value(&range)?);
    headers.insert(DOCKER_UPLOAD_UUID, value(&session.to_string())?);
    Ok(headers)
}

/// A blob that the repository holds now.
pub(crate) fn created_blob(
    name: &RepositoryName,
    digest: &Digest,
) -> Result<Response<Body>, OciError> {
    let blob = Endpoint::Blob {
        name: name.clone(),
        digest: digest.clone(),
    };
    created(&blob, digest)
}

/// A manifest that the repository holds now.
pub(crate) fn created_manifest(
    name: &RepositoryName,
    pushed: &PushedAs,
) -> Result<Response<Body>, OciError> {
    let manifest = Endpoint::Manifest {
        name: name.clone(),
        reference: Reference::Digest(pushed.digest.clone()),
    };
    let mut response = created(&manifest, &pushed.digest)?;
    let headers = response.headers_mut();
    if let Some(subject) = &pushed.subject {
        headers.insert(OCI_SUBJECT, value(&subject.to_string())?);
    }
    for tag in &pushed.tags {
        headers.append(OCI_TAG, value(tag.as_str())?);
    }
    if let Some(first) = pushed.absent.first() {
        let count = pushed.absent.len();
        let warning = format!(
            "299 - \"{count} layer(s) of this image are not in the repository, the first is {first}: push them, or pulls of it fail\""
        );
        headers.insert(WARNING, value(&warning)?);
    }
    Ok(response)
}

fn created(endpoint: &Endpoint, digest: &Digest) -> Result<Response<Body>, OciError> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::CREATED;
    let headers = response.headers_mut();
    headers.insert(LOCATION, value(&endpoint.to_string())?);
    headers.insert(DOCKER_CONTENT_DIGEST, value(&digest.to_string())?);
    headers.insert(CONTENT_LENGTH, 0.into());
    Ok(response)
}

/// What was asked for is done, or will be.
pub(crate) fn accepted() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// It is done, and there is nothing to say.
pub(crate) fn no_content() -> Response<Body> {
    let mut response = Response::new(Body::Empty);
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// Says which upstream answered, to a client that asked for one by `?ns=`.
pub(crate) fn name_upstream(response: &mut Response<Body>, upstream: &str) {
    if let Ok(upstream) = HeaderValue::try_from(upstream) {
        response.headers_mut().insert(OCI_NAMESPACE, upstream);
    }
}

fn describe(
    headers: &mut HeaderMap,
    media_type: &str,
    digest: &Digest,
    length: Option<u64>,
) -> Result<(), OciError> {
    headers.insert(CONTENT_TYPE, value(media_type)?);
    headers.insert(DOCKER_CONTENT_DIGEST, value(&digest.to_string())?);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    Ok(())
}

/// Tells the client if the copy is stale, and the access log where it came from.
fn note(response: &mut Response<Body>, provenance: Provenance) {
    if provenance == Provenance::Stale {
        response.headers_mut().insert(
            WARNING,
            HeaderValue::from_static("299 - \"Response is Stale\""),
        );
    }
    let labels = AccessLabels::default().with("cache", provenance.as_str());
    response.extensions_mut().insert(labels);
}

/// Only well-formed types come here, and none of them can hold what a header cannot.
fn value(text: &str) -> Result<HeaderValue, OciError> {
    HeaderValue::try_from(text).map_err(OciError::internal)
}
