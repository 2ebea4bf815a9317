//! What is known of the kept content: tags, manifests, who may see what, and how long ago it was used.
//!
//! Small role traits; a compound write is named after its act and is one transaction in every implementation. Rows of the
//! catalog point at blobs, never the other way: a blob is stored first and recorded second, dropped from the catalog first
//! and deleted second.

use async_trait::async_trait;
use bytes::Bytes;
use forebay_oci::{Digest, MediaType, Tag, Target, UpstreamName};

use crate::{BoxError, Timestamp};

/// All roles together.
pub trait Catalog: Tags + Manifests + Links + Objects + Lists + Unused {}

impl<T: Tags + Manifests + Links + Objects + Lists + Unused> Catalog for T {}

/// What tags point at, as last seen.
#[async_trait]
pub trait Tags: Send + Sync {
    /// The tag as last seen.
    async fn find_tag(&self, target: &Target, tag: &Tag) -> Result<Option<KeptTag>, CatalogError>;

    /// Records what the tag points at, and when that was checked.
    async fn keep_tag(
        &self,
        target: &Target,
        tag: &Tag,
        kept: &KeptTag,
    ) -> Result<(), CatalogError>;

    /// Forgets the tag.
    async fn drop_tag(&self, target: &Target, tag: &Tag) -> Result<(), CatalogError>;
}

/// Manifests at rest, and what they refer to.
#[async_trait]
pub trait Manifests: Send + Sync {
    /// What is known of the manifest.
    async fn find_manifest(&self, digest: &Digest) -> Result<Option<KeptManifest>, CatalogError>;

    /// Records a manifest whose bytes are in the blob store: the object, the manifest with its children, and, if a target
    /// is given, that target's link to it. One transaction.
    async fn keep_manifest(
        &self,
        target: Option<&Target>,
        manifest: &KeptManifest,
        at: Timestamp,
    ) -> Result<(), CatalogError>;
}

/// Visibility: which repository may show which content.
#[async_trait]
pub trait Links: Send + Sync {
    /// True if the repository has earned this content.
    async fn is_linked(&self, target: &Target, digest: &Digest) -> Result<bool, CatalogError>;

    /// The upstreams of the repositories that have earned this content, each once; `None` if it is not at rest.
    async fn suppliers(&self, digest: &Digest) -> Result<Option<Vec<UpstreamName>>, CatalogError>;

    /// Grants it. A link to content that is not at rest (yet) is allowed, and shows nothing by itself.
    async fn link(
        &self,
        target: &Target,
        digest: &Digest,
        at: Timestamp,
    ) -> Result<(), CatalogError>;
}

/// What is at rest, and how long ago it was used.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Records a blob at rest and, if a target is given, that target's link to it. One transaction.
    async fn keep_object(
        &self,
        target: Option<&Target>,
        object: &Object,
    ) -> Result<(), CatalogError>;

    /// Marks objects as used. Unknown ones are ignored; a time older than the recorded one changes nothing.
    async fn touch(&self, used: &[(Digest, Timestamp)]) -> Result<(), CatalogError>;

    /// The objects that were not used for longest, at most `limit`, the longest first.
    async fn coldest(&self, limit: u32) -> Result<Vec<Object>, CatalogError>;

    /// Forgets objects with their links, and what they were as manifests; with them the manifests that refer to one of
    /// them as a blob, so that no kept manifest claims what is gone. One transaction; returns all that were forgotten.
    ///
    /// An index stays when one of its manifests goes: platforms that nobody pulled are absent just so. The tags that
    /// point at them stay: they say what was last seen, not what is at rest.
    async fn evict(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError>;

    /// The recorded objects after `after` in the order of their digests' text, at most `limit`.
    async fn objects_after(
        &self,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Object>, CatalogError>;

    /// How much is recorded.
    async fn usage(&self) -> Result<Usage, CatalogError>;
}

/// Kept pages of tag and referrer lists.
#[async_trait]
pub trait Lists: Send + Sync {
    /// The page as last seen.
    async fn find_list(
        &self,
        target: &Target,
        key: &ListKey,
    ) -> Result<Option<KeptList>, CatalogError>;

    /// Records a page; the oldest go when there are more than the implementation's bound.
    async fn keep_list(
        &self,
        target: &Target,
        key: &ListKey,
        list: &KeptList,
    ) -> Result<(), CatalogError>;
}

/// What would grow for ever: what names content, but keeps none.
#[async_trait]
pub trait Unused: Send + Sync {
    /// Forgets tags last checked before `before` whose manifest is not at rest, links granted before it to what is not at
    /// rest, and repositories of which nothing is recorded; at most `limit` of each. One transaction.
    async fn forget_unused(&self, before: Timestamp, limit: u32) -> Result<(), CatalogError>;
}

/// What a tag pointed at when it was last checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptTag {
    /// The manifest's digest.
    pub digest: Digest,
    /// The manifest's media type, as the registry gave it with the tag.
    pub media_type: MediaType,
    /// The manifest's size in bytes, if the registry told.
    pub size: Option<u64>,
    /// When the upstream last said so.
    pub checked_at: Timestamp,
}

/// A manifest whose bytes are in the blob store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its media type, as the registry gave it.
    pub media_type: MediaType,
    /// Its size in bytes.
    pub size: u64,
    /// What it refers to; empty if it could not be read.
    pub children: Vec<Child>,
}

/// What a manifest refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Child {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes, as the manifest says.
    pub size: u64,
    /// Whether it is a manifest or a blob.
    pub kind: ChildKind,
}

/// The two kinds of content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildKind {
    /// A manifest, named by an index.
    Manifest,
    /// A configuration or layer.
    Blob,
}

/// Content at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// When it was last used.
    pub used_at: Timestamp,
}

/// How much is at rest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Which list, and which part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ListKey {
    /// A page of tags: `n` and `last` as asked for.
    Tags {
        /// Entries asked for.
        n: Option<u64>,
        /// After which entry.
        last: Option<String>,
    },
    /// The referrers of a manifest.
    Referrers {
        /// The subject.
        digest: Digest,
        /// The filter, if any.
        artifact_type: Option<String>,
    },
}

/// A page as last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptList {
    /// The JSON document.
    pub json: Bytes,
    /// `n` and `last` of the page after it, if there is one.
    pub more: Option<forebay_oci::Page>,
    /// True if the source had filtered it by artifact type.
    pub filtered: bool,
    /// When the upstream gave it.
    pub checked_at: Timestamp,
}

/// What a catalog could not do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CatalogError {
    /// The disk, its inodes or the quota are used up.
    #[error(
        "the database's disk is full: make room on it, where what the cache keeps can go first"
    )]
    NoSpace(#[source] BoxError),
    /// The disk fails, or cannot be written to.
    #[error("the database cannot be written to now")]
    NotWritable(#[source] BoxError),
    /// Its file is damaged.
    #[error("the database is damaged")]
    Corrupt(#[source] BoxError),
    /// It is of another format than this version reads.
    #[error("the database has format {found}, and this version reads up to {supported}")]
    Format {
        /// What the file says.
        found: i64,
        /// The newest that we read.
        supported: i64,
    },
    /// It had no turn in time, or took too long over a look-up; nothing was changed.
    #[error("the database has more to do than it can now")]
    Busy(#[source] BoxError),
    /// Anything else.
    #[error("the database failed")]
    Failed(#[source] BoxError),
}
