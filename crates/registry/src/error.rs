//! Why a push or a drop was not done, in words that say what the client can do about it.

use std::time::Duration;

use forebay_content::{BlobError, BoxError, CatalogError, Missing, TagHolder};
use forebay_oci::{Digest, InvalidPush, RepositoryName, Tag};

use crate::owner::InvalidSettings;
use crate::push::MAX_CHILDREN;

/// Why a push or a drop was not done. Nothing of it is there then.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// No such upload is under way: it was never begun, is over, or was given up for want of news.
    #[error("no such upload is under way: begin it anew")]
    NoUpload,
    /// Somebody else is sending to this upload.
    #[error("another request is sending to this upload")]
    UploadBusy,
    /// As many uploads are under way as there may be.
    #[error("{open} uploads are under way, which is as many as there may be")]
    TooManyUploads {
        /// How many.
        open: usize,
        /// When asking again may help.
        retry_after: Duration,
    },
    /// The part that was sent does not begin where the last one ended.
    #[error("this part begins at byte {sent}, and the upload goes on at byte {received}")]
    OutOfOrder {
        /// Where it begins.
        sent: u64,
        /// Where it would have to.
        received: u64,
    },
    /// What was sent has another length than was said.
    #[error("{found} bytes came, and {said} were said to come")]
    Length {
        /// What was said, in bytes.
        said: u64,
        /// What came, in bytes.
        found: u64,
    },
    /// A blob is larger than any may be.
    #[error("a blob has at most {limit} bytes")]
    TooLarge {
        /// The bound in bytes.
        limit: u64,
    },
    /// What was sent does not have the digest that was said.
    #[error("what was sent is {found}, and not {said}")]
    Digest {
        /// What was said.
        said: Digest,
        /// What it is.
        found: Digest,
    },
    /// No manifest that is taken.
    #[error("the manifest is not taken: {0}")]
    Manifest(#[from] InvalidPush),
    /// The manifest names too much.
    #[error(
        "the manifest names {0} blobs and manifests, and one may name {MAX_CHILDREN}: pack what it names into fewer"
    )]
    TooManyChildren(usize),
    /// The repository does not hold what the manifest refers to.
    #[error("the repository does not hold {} that the manifest refers to: push that first", list(.0))]
    MissingBlobs(Vec<Digest>),
    /// Something stands against it that the owner of the repository said.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It is not there.
    #[error("{0} not found")]
    NotFound(Missing),
    /// The disk, its inodes or the file system's quota are used up.
    #[error("the registry's disk is full: nothing was kept")]
    NoSpace,
    /// Others' changes or look-ups went before for too long.
    #[error("the registry has more to do than it can now: nothing was changed; try again")]
    Busy,
    /// The disk cannot be written to.
    #[error("the registry's disk cannot be written to now: nothing was kept")]
    NotWritable,
    /// The disk fails in the middle of it.
    #[error(
        "the registry's disk fails: nothing was kept; try again, and have its operator look into the log if it fails again"
    )]
    Disk(#[source] BlobError),
    /// The change was made, and the disk did not take the journal's line of it: that is written before the next change.
    #[error(
        "the change was made, but the registry's disk did not take its line in the repository's journal: it may be lost if \
         the disk is; make it again once the disk is well"
    )]
    Unjournaled(#[source] BlobError),
    /// Our own fault.
    #[error("internal error")]
    Internal(#[source] BoxError),
}

/// What a repository's owner has said against it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A tag that is neither moved nor dropped once it was pushed.
    #[error(
        "the tag {0} is immutable: it points at what it was pushed with; push under another tag"
    )]
    Immutable(Tag),
    /// There would be too many tags.
    #[error(
        "the {of} would have more tags than the {most} that one may have: delete those that are not needed first"
    )]
    TooManyTags {
        /// What would have them.
        of: TagHolder,
        /// How many it may have.
        most: u64,
    },
    /// The repository would hold more than its quota.
    #[error(
        "the repository would hold {wanted} bytes, and its quota is {quota}: delete what is not needed, which counts until garbage is collected, a day later or, after an hour, by forebay gc --grace 1h; or raise the quota"
    )]
    OverQuota {
        /// What it would hold, in bytes.
        wanted: u64,
        /// Its quota in bytes.
        quota: u64,
    },
    /// The name is no local repository's, or is none any more.
    #[error(
        "{0} could not be pushed to: names of one part are local repositories', and those that `local` in the configuration reserves"
    )]
    NotLocal(RepositoryName),
    /// Which tags are immutable cannot be told, so that all are treated as if they were.
    #[error(
        "which tags of {repository} are immutable is not known, as what was said of it means nothing any more ({why}): no tag is \
         pushed or dropped there until its operator says it anew by forebay repo set {repository} --immutable-tags"
    )]
    UnknownImmutable {
        /// The repository.
        repository: RepositoryName,
        /// What is wrong with it.
        why: InvalidSettings,
    },
    /// A manifest refers to the blob.
    #[error("it is in use: a manifest of the repository refers to it, and is to be deleted first")]
    InUse,
    /// The manifest is pinned.
    #[error(
        "it is pinned: it can be deleted once its operator takes that back, by forebay pin --remove"
    )]
    Pinned,
    /// An index that stays names the manifest.
    #[error(
        "an index that is pinned or has an immutable tag names it, and could not be pulled without it"
    )]
    KeptByIndex,
    /// The repository changed while it was looked at, more than once.
    #[error("the repository is being changed by others: try again")]
    Changing,
}

/// The first, and how many more there are.
fn list(digests: &[Digest]) -> String {
    match digests {
        [] => "anything".to_owned(),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
    }
}

impl From<BlobError> for PushError {
    fn from(error: BlobError) -> Self {
        match error {
            BlobError::NoSpace => Self::NoSpace,
            BlobError::ReadOnly => Self::NotWritable,
            BlobError::Io(_) => Self::Disk(error),
            BlobError::NotFound | BlobError::Corrupt(_) => {
                Self::Internal(std::sync::Arc::new(error))
            }
        }
    }
}

impl From<CatalogError> for PushError {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::NoSpace(_) => Self::NoSpace,
            CatalogError::NotWritable(_) => Self::NotWritable,
            CatalogError::Busy(_) => Self::Busy,
            CatalogError::Corrupt(_) | CatalogError::Format { .. } | CatalogError::Failed(_) => {
                Self::Internal(std::sync::Arc::new(error))
            }
        }
    }
}
