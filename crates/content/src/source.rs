//! Where image content is read from: an upstream, a cache before it, a local registry.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use forebay_limits::Priority;
use forebay_oci::{Digest, MediaType, Page, Reference, RepositoryName, UpstreamName};
use futures::{Stream, TryStreamExt};

use crate::{BlobBody, ByteRange, Client, SourceError};

/// How long our own work waits for its turn at an upstream.
const OUR_PATIENCE: Duration = Duration::from_mins(5);

/// Gives image content by repository. Implementations wrap each other: a cache is a source around a source.
///
/// # Contract
/// A manifest's bytes have its digest. A blob's stream is no shorter and no longer than its source says, or ends in an error;
/// whether its bytes have the digest is checked once, by whoever keeps them or gives them to a client: a fill may span several
/// streams. Dropping a future or a stream is always allowed and breaks nothing for others.
#[async_trait]
pub trait ContentSource: Send + Sync {
    /// What `reference` is now, without its bytes.
    async fn resolve(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<Resolved, SourceError>;

    /// A manifest's bytes, exactly as stored.
    async fn manifest(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<ManifestContent, SourceError>;

    /// A blob's size in bytes, if it is there; `None` if the source cannot tell the size.
    async fn stat_blob(
        &self,
        request: &Request,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError>;

    /// A blob's bytes, or a part of them.
    async fn blob(
        &self,
        request: &Request,
        digest: &Digest,
        range: Option<ByteRange>,
    ) -> Result<Blob, SourceError>;

    /// One page of the repository's tags: the distribution API's JSON document.
    async fn tags(&self, request: &Request, page: &Page) -> Result<List, SourceError>;

    /// The manifests that have `digest` as subject, all of them or those of one artifact type: an image index.
    async fn referrers(
        &self,
        request: &Request,
        digest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<List, SourceError>;
}

/// What every call on a source carries.
#[derive(Clone, Debug)]
pub struct Request {
    /// The repository.
    pub repository: RepositoryName,
    /// Who asks.
    pub caller: Arc<Caller>,
    /// Whether somebody waits for the answer.
    pub priority: Priority,
    /// How long the caller waits for the head of the answer, from when it asked.
    pub patience: Duration,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// As far as clients are told apart.
    pub client: Arc<Client>,
    /// What kind of client it is.
    pub kind: ClientKind,
}

/// Client families whose habits differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientKind {
    /// containerd: retries a 429 five times at once.
    Containerd,
    /// dockerd with its own image store.
    Docker,
    /// podman, skopeo, buildah, CRI-O: the containers/image library.
    ContainersImage,
    /// Anything else.
    Other,
}

/// A manifest's descriptor, and how sure we are of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// Its digest.
    pub digest: Digest,
    /// Its media type as the registry gave it.
    pub media_type: MediaType,
    /// Its size in bytes; `None` if the source does not tell.
    pub size: Option<u64>,
    /// Where the answer comes from.
    pub provenance: Provenance,
}

/// A manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestContent {
    /// The digest of `bytes`.
    pub digest: Digest,
    /// Its media type as the registry gave it.
    pub media_type: MediaType,
    /// The manifest, byte for byte.
    pub bytes: Bytes,
    /// Where the answer comes from.
    pub provenance: Provenance,
    /// The other upstream that it was fetched from, because the budget of the one that was asked was empty; `None` if it was not.
    pub from: Option<UpstreamName>,
}

/// A blob on its way.
pub struct Blob {
    /// The size of the whole blob in bytes; `None` if the upstream does not tell.
    pub size: Option<u64>,
    /// Which bytes of it `body` holds, if a part was asked for and given: first, and one past the last.
    pub range: Option<std::ops::Range<u64>>,
    /// The bytes.
    pub body: BlobBody,
    /// Where they come from.
    pub provenance: Provenance,
}

/// A list of tags or referrers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The JSON document, as the API has it.
    pub json: Bytes,
    /// The page to ask for next; none if this is the end.
    pub more: Option<Page>,
    /// True if the source has already filtered by artifact type.
    pub filtered: bool,
    /// Where the answer comes from.
    pub provenance: Provenance,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Provenance {
    /// Kept here, and nothing was asked.
    Kept,
    /// Kept here, and the upstream has just said that it is current.
    Confirmed,
    /// Kept here and out of date: the upstream could not be asked, or not in time.
    Stale,
    /// Fetched from the upstream for this request or one at the same time.
    Fetched,
    /// Passed on from the upstream and not kept, for want of a working disk.
    PassedOn,
}

/// Reads a whole stream into memory, at most `max_bytes` of it.
pub async fn collect(
    mut body: impl Stream<Item = Result<Bytes, SourceError>> + Unpin,
    max_bytes: usize,
) -> Result<Bytes, SourceError> {
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.try_next().await? {
        if bytes.len() + chunk.len() > max_bytes {
            return Err(SourceError::Invalid {
                why: format!("longer than {max_bytes} bytes"),
            });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

impl Request {
    /// A request of our own, for which nobody waits.
    pub fn in_background(repository: RepositoryName) -> Self {
        Self {
            repository,
            caller: Caller::ourselves(),
            priority: Priority::Background,
            patience: OUR_PATIENCE,
        }
    }
}

impl Caller {
    /// Ourselves: work that no client waits for.
    pub fn ourselves() -> Arc<Self> {
        Arc::new(Self {
            client: Arc::new(Client::default()),
            kind: ClientKind::Other,
        })
    }
}

impl Provenance {
    /// The word for logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "hit",
            Self::Confirmed => "confirmed",
            Self::Stale => "stale",
            Self::Fetched => "miss",
            Self::PassedOn => "passed",
        }
    }
}

impl std::fmt::Debug for Blob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Blob")
            .field("size", &self.size)
            .field("range", &self.range)
            .field("provenance", &self.provenance)
            .finish_non_exhaustive()
    }
}
