//! What local repositories hold: tags, manifests, links to blobs, and who refers to whom.
//!
//! Unlike the catalog of the cache, these rows are what the content is: nobody else can be asked again. Small role traits; each
//! act is one transaction, durable when it returns. Bytes are stored first and recorded second, forgotten first and deleted
//! second.

use async_trait::async_trait;
use forebay_oci::{Digest, MediaType, RepositoryName, Tag};

use crate::{BlobStat, CatalogError, ChildKind, TagNames, Timestamp};

/// The most annotations that one page of referrers brings into memory, in bytes: as many as the longest list for clients has. The
/// first referrer of a page comes however many it has.
pub const MAX_REFERRERS_BYTES: usize = 4 * 1024 * 1024;

/// All roles together.
pub trait Hosted: HostedContent + HostedLists + HostedPushes + HostedDrops + HostedUpkeep {}

impl<T: HostedContent + HostedLists + HostedPushes + HostedDrops + HostedUpkeep> Hosted for T {}

/// What a repository holds, looked up one by one.
#[async_trait]
pub trait HostedContent: Send + Sync {
    /// The repository, if there is one.
    async fn find_repository(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<HostedRepository>, CatalogError>;

    /// The manifest that the tag points at.
    async fn find_hosted_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Option<HostedManifest>, CatalogError>;

    /// The manifest, if the repository holds it.
    async fn find_hosted_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<HostedManifest>, CatalogError>;

    /// The manifest as lifecycle rules look at it, if the repository holds it.
    async fn find_hosted_entry(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<HostedEntry>, CatalogError>;

    /// The blob's size in bytes, if the repository holds it.
    async fn find_hosted_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, CatalogError>;

    /// Repositories that hold the blob, in the order of their names' bytes, at most `limit`.
    async fn holders(
        &self,
        digest: &Digest,
        limit: u32,
    ) -> Result<Vec<RepositoryName>, CatalogError>;
}

/// What a repository holds, a page at a time.
#[async_trait]
pub trait HostedLists: Send + Sync {
    /// The repositories after `after` in the order of their names' bytes, at most `limit`.
    async fn repositories(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<HostedRepository>, CatalogError>;

    /// The repository's tags after `after` in the order of their bytes, at most `limit`; `None` if there is no such repository.
    async fn hosted_tags(
        &self,
        repository: &RepositoryName,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Option<TagNames>, CatalogError>;

    /// The manifests of the repository that have that subject after `after` in the order of their digests, all or those of one
    /// artifact type, at most `limit`, and no more than have [`MAX_REFERRERS_BYTES`] of annotations together. None is the end. The
    /// subject itself need not be there.
    async fn hosted_referrers(
        &self,
        repository: &RepositoryName,
        of: &ReferrersOf,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Referrer>, CatalogError>;

    /// The manifests of the repository after `after` in the order of their digests, with what lifecycle rules look at, at most
    /// `limit`.
    async fn hosted_manifests(
        &self,
        repository: &RepositoryName,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<HostedEntry>, CatalogError>;

    /// The same of the manifests that name `child`, which need not be there: indexes that name a manifest, images that name a blob.
    async fn hosted_parents(
        &self,
        repository: &RepositoryName,
        child: (&Digest, ChildKind),
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<HostedEntry>, CatalogError>;

    /// Of the blobs that a manifest of the repository names, those that the repository does not hold, in the order of their
    /// digests, at most `limit`; none if it does not hold the manifest.
    async fn absent_blobs(
        &self,
        repository: &RepositoryName,
        manifest: &Digest,
        limit: u32,
    ) -> Result<Vec<Digest>, CatalogError>;
}

/// What makes a repository hold more.
#[async_trait]
pub trait HostedPushes: Send + Sync {
    /// Makes the repository if it is not there, or changes what its owner says of it.
    async fn keep_repository(
        &self,
        repository: &RepositoryName,
        settings: &RepositorySettings,
        at: Timestamp,
    ) -> Result<(), CatalogError>;

    /// Records that the repository holds a blob that is at rest; makes the repository if it is not there. Held already, only its
    /// time is renewed.
    async fn commit_blob(
        &self,
        repository: &RepositoryName,
        blob: &HostedBlob,
        at: Timestamp,
    ) -> Result<Committed, CatalogError>;

    /// Records that the repository holds a blob that another one holds; [`Committed::Missing`] if that does not. Makes the
    /// repository if it is not there. Held already, only its time is renewed.
    async fn mount_blob(
        &self,
        repository: &RepositoryName,
        mount: &BlobMount,
        at: Timestamp,
    ) -> Result<Committed, CatalogError>;

    /// Records a manifest that is at rest: the manifest with its children, subject and tags; makes the repository if it is not
    /// there. Nothing is changed unless [`Committed::Done`] is returned. A tag that points elsewhere is moved.
    async fn commit_manifest(
        &self,
        repository: &RepositoryName,
        push: &ManifestPush,
    ) -> Result<Committed, CatalogError>;
}

/// What makes a repository hold less.
#[async_trait]
pub trait HostedDrops: Send + Sync {
    /// Forgets the tag; what it pointed at stays.
    async fn drop_hosted_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Dropped, CatalogError>;

    /// Forgets the manifest with all tags that point at it. Its blobs stay until they are unused for long enough, counted from
    /// the guard's time. What stands against it is told in the order of [`DropGuard`]'s fields.
    async fn drop_hosted_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        guard: &DropGuard,
    ) -> Result<Dropped, CatalogError>;

    /// Forgets that the repository holds the blob; [`Dropped::InUse`] while a manifest of the repository refers to it.
    async fn drop_hosted_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Dropped, CatalogError>;

    /// Forgets the repository with all that it holds; false if there was none. One transaction, however much that is: other writes
    /// may wait for it, reads do not.
    async fn drop_repository(&self, repository: &RepositoryName) -> Result<bool, CatalogError>;
}

/// What runs behind: notes of use, and what nobody needs any more.
#[async_trait]
pub trait HostedUpkeep: Send + Sync {
    /// Notes when manifests were last pulled. Unknown ones are ignored; a time older than the recorded one changes nothing.
    async fn note_pulls(
        &self,
        pulled: &[(RepositoryName, Digest, Timestamp)],
    ) -> Result<(), CatalogError>;

    /// Pins a manifest, or takes the pin away; false if the repository does not hold it.
    async fn pin_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        is_pinned: bool,
    ) -> Result<bool, CatalogError>;

    /// Forgets links to blobs that no manifest of their repository refers to, and that were recorded, renewed, and let go by
    /// their last manifest before `before`; at most `limit`. Tells how many it forgot.
    async fn unlink_unused_blobs(&self, before: Timestamp, limit: u32)
    -> Result<u64, CatalogError>;

    /// Of `digests`, those that some repository holds, as blob or as manifest, in the order given.
    async fn held(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError>;

    /// The same, found by another way than [`held`](Self::held) goes, however long it takes: for whoever is about to delete bytes,
    /// so that damage in one place does not make them look like nobody's. What is recorded or dropped meanwhile may be told or not.
    async fn held_on_reading(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError>;

    /// What some repository holds, as blob or as manifest, after `after` in the order of digests, each once, at most `limit`.
    async fn held_after(
        &self,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<BlobStat>, CatalogError>;

    /// How much all repositories hold: each object counts once, whoever holds it.
    async fn hosted_usage(&self) -> Result<HostedUsage, CatalogError>;
}

/// A local repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedRepository {
    /// Its name.
    pub name: RepositoryName,
    /// When it was made.
    pub created_at: Timestamp,
    /// The sizes of all blobs and manifests that it holds together, in bytes: each counts once, whoever else holds it.
    pub bytes: u64,
    /// How many manifests it holds.
    pub manifests: u64,
    /// How many tags it has.
    pub tags: u64,
    /// What its owner says of it.
    pub settings: RepositorySettings,
}

/// What a repository's owner says of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositorySettings {
    /// Patterns of tags that, once pushed, are neither moved nor dropped.
    pub immutable_tags: Vec<String>,
    /// The most bytes that it may hold; `None` for no bound.
    pub quota_bytes: Option<u64>,
}

/// A manifest that a repository holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its media type, as it was pushed.
    pub media_type: MediaType,
    /// Its size in bytes.
    pub size: u64,
}

/// A blob that a repository holds, or is about to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The most bytes that its repository may hold; `None` for no bound.
    pub quota_bytes: Option<u64>,
}

/// A blob that a repository is to hold because another one does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobMount {
    /// The repository that holds it.
    pub from: RepositoryName,
    /// Its digest.
    pub digest: Digest,
    /// The most bytes that the repository to which it is mounted may hold; `None` for no bound.
    pub quota_bytes: Option<u64>,
}

/// A manifest as it is pushed, its bytes at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestPush {
    /// What it is.
    pub manifest: HostedManifest,
    /// What it refers to, each once.
    pub children: Vec<HostedChild>,
    /// What it is about, with the descriptor by which it is listed there.
    pub subject: Option<Digest>,
    /// Its artifact type, as referrers are filtered by it.
    pub artifact_type: Option<String>,
    /// Its annotations, a JSON object, as referrers are listed with them; `None` if it has none.
    pub annotations: Option<String>,
    /// The tags that are to point at it.
    pub tags: Vec<Tag>,
    /// Of these, those that may not be moved if they point at another manifest.
    pub immutable_tags: Vec<Tag>,
    /// How many tags there may be; `None` for no bound.
    pub tag_bounds: Option<TagBounds>,
    /// The most bytes that the repository may hold; `None` for no bound.
    pub quota_bytes: Option<u64>,
    /// When.
    pub at: Timestamp,
}

/// The most tags that there may be: more would make what looks at them all hold up what waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TagBounds {
    /// Of one manifest.
    pub of_manifest: u64,
    /// Of one repository.
    pub of_repository: u64,
}

/// What has tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagHolder {
    /// A manifest, to which they point.
    Manifest,
    /// A repository, in which they are.
    Repository,
}

/// What a pushed manifest refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedChild {
    /// Its digest.
    pub digest: Digest,
    /// Whether it is a manifest or a blob.
    pub kind: ChildKind,
    /// Whether the repository must hold it already. A layer that is not to be distributed need not be there, nor a platform's
    /// manifest in a sparse index.
    pub is_required: bool,
}

/// Which referrers are asked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReferrersOf {
    /// What they are about.
    pub subject: Digest,
    /// Only those of this artifact type.
    pub artifact_type: Option<String>,
}

/// A manifest that has a subject, with what makes up its descriptor in the list of referrers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrer {
    /// The manifest.
    pub manifest: HostedManifest,
    /// Its artifact type.
    pub artifact_type: Option<String>,
    /// Its annotations, a JSON object.
    pub annotations: Option<String>,
}

/// A manifest as lifecycle rules look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostedEntry {
    /// What it is.
    pub manifest: HostedManifest,
    /// The tags that point at it, in the order of their bytes.
    pub tags: Vec<Tag>,
    /// When it was pushed last.
    pub pushed_at: Timestamp,
    /// When it was pulled last; `None` if never.
    pub pulled_at: Option<Timestamp>,
    /// Whether it is pinned.
    pub is_pinned: bool,
    /// Whether another manifest of the repository names it as a child.
    pub is_child: bool,
    /// What it is about, if that is in the repository.
    pub subject: Option<Digest>,
}

/// What stands against dropping a manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DropGuard {
    /// The tags that the caller knows to point at it: with another one, nothing is dropped.
    pub known_tags: Vec<Tag>,
    /// Nothing is dropped if the manifest is pinned.
    pub spares_pinned: bool,
    /// Nothing is dropped if another manifest of the repository names it as a child.
    pub spares_children: bool,
    /// When: from then on the blobs that it leaves behind are unused.
    pub at: Timestamp,
}

/// What became of a push. Unless it is [`Done`](Self::Done) or [`Completed`](Self::Completed), nothing was changed; of several
/// reasons the first is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Committed {
    /// It is recorded, durably.
    Done,
    /// The same, of a blob that the repository did not hold and manifests of it name: until now they lacked it.
    Completed,
    /// The repository does not hold these, which it must, in the order of the push.
    Missing(Vec<Digest>),
    /// This tag points at another manifest and may not be moved.
    Immutable(Tag),
    /// There would be more tags than there may, and more than there are: what adds none is refused by no bound.
    TooManyTags {
        /// Of what.
        of: TagHolder,
        /// How many it may have.
        most: u64,
    },
    /// The repository would hold more than its quota, and more than it does: what adds nothing is refused by no quota.
    OverQuota {
        /// What it would hold, in bytes.
        wanted: u64,
        /// Its quota in bytes.
        quota: u64,
    },
}

/// What became of a drop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// It is forgotten, durably; the manifest that was meant, or whose tag it was.
    Done(Digest),
    /// There was no such thing.
    Absent,
    /// This tag points at it too, which the caller did not know.
    Tagged(Tag),
    /// A manifest of the repository refers to it, or it is pinned.
    InUse,
}

/// How much all repositories hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostedUsage {
    /// Repositories.
    pub repositories: u64,
    /// Objects, each once.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl std::fmt::Display for TagHolder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Manifest => "manifest",
            Self::Repository => "repository",
        })
    }
}
