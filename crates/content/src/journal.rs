//! What was pushed to each local repository, told once more beside the blobs: from it and the blobs the rows can be made again.

use async_trait::async_trait;
use forebay_oci::{Digest, MediaType, RepositoryName, Tag};

use crate::{BlobError, Timestamp};

/// Keeps what changed in each repository, in the order in which it did.
///
/// # Contract
/// An entry is durable when [`append`](Self::append) returns `Ok`. After a crash the last entries of a repository may be missing
/// whose `append` did not return; those that are read are whole and as they were written.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends to the journal of the repository, which is made if it is not there.
    async fn append(
        &self,
        repository: &RepositoryName,
        entry: &JournalEntry,
    ) -> Result<(), BlobError>;

    /// The repositories that have a journal, in the order of their names' bytes.
    async fn journals(&self) -> Result<Vec<RepositoryName>, BlobError>;

    /// All entries of a repository's journal, the oldest first; none if it has none. What cannot be read is left out, and how
    /// many lines that were is told.
    async fn read(
        &self,
        repository: &RepositoryName,
    ) -> Result<(Vec<JournalEntry>, u64), BlobError>;

    /// Puts `entries` in the place of all that the repository's journal has: what still counts, and no more. None takes the journal
    /// away.
    async fn replace(
        &self,
        repository: &RepositoryName,
        entries: &[JournalEntry],
    ) -> Result<(), BlobError>;

    /// The journal's length in bytes; 0 if there is none.
    async fn size(&self, repository: &RepositoryName) -> Result<u64, BlobError>;
}

/// A change of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalEntry {
    /// When it was made.
    pub at: Timestamp,
    /// What it was.
    pub change: Change,
}

/// What can change in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A manifest was pushed, under these tags.
    Pushed {
        /// Its digest.
        digest: Digest,
        /// Its media type.
        media_type: MediaType,
        /// The tags that were to point at it.
        tags: Vec<Tag>,
    },
    /// A tag was dropped.
    Untagged {
        /// The tag.
        tag: Tag,
    },
    /// A manifest was dropped, with its tags.
    Dropped {
        /// Its digest.
        digest: Digest,
    },
    /// The repository was dropped with all that it held.
    Cleared,
}
