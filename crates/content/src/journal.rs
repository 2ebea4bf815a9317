//! What was pushed to each local repository, told once more beside the blobs: from it and the blobs the rows can be made again.

use async_trait::async_trait;
use forebay_oci::{Digest, MediaType, RepositoryName, Tag};

use crate::{BlobError, RepositorySettings, Timestamp};

/// The most entries that one [`Journal::append`] takes.
pub const MAX_APPENDED: usize = 1000;

/// The most blobs of which one push tells that its repository lacks them: a line of their digests is half of the longest that is
/// read back.
pub const MAX_ABSENT: usize = 1000;

/// The most tags that one [`Change::Pushed`] tells: a line of the longest is half of the longest that is read back.
const MAX_TAGGED: usize = 900;

/// Keeps what changed in each repository, in the order in which it did.
///
/// # Contract
/// Entries are durable when [`append`](Self::append) returns `Ok`. Of an `append` that failed, or did not return before a crash,
/// any entries may be there, the first ones first. Those that are read are whole, as they were written, and in the order in which
/// their appends began to wait for one another.
#[async_trait]
pub trait Journal: Send + Sync {
    /// Appends to the journal of the repository, which is made if it is not there: all that is given, at the price of one.
    ///
    /// # Errors
    /// [`BlobError::Io`] if there are more than [`MAX_APPENDED`], or one is longer than an entry can be; nothing is written then.
    async fn append(
        &self,
        repository: &RepositoryName,
        entries: &[JournalEntry],
    ) -> Result<(), BlobError>;

    /// The repositories that have a journal, after `after` in an order that stays the same, at most `limit`; the one named by
    /// `after` need not be there.
    async fn journals(
        &self,
        after: Option<&RepositoryName>,
        limit: usize,
    ) -> Result<JournalPage, BlobError>;

    /// Opens the repository's journal, to be read from the oldest entry on; `None` if it has none.
    async fn open(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<Box<dyn JournalReader>>, BlobError>;

    /// Puts `entries` in the place of all that the repository's journal has up to `until`: what of it still counts, and no more.
    /// What was appended behind `until` stays, after them. A journal without entries is taken away.
    ///
    /// False if the journal was replaced since `until` was told, or may have been; it is then as it was.
    async fn replace(
        &self,
        repository: &RepositoryName,
        until: JournalPlace,
        entries: Vec<JournalEntry>,
    ) -> Result<bool, BlobError>;

    /// The journal's length in bytes; 0 if there is none.
    async fn size(&self, repository: &RepositoryName) -> Result<u64, BlobError>;
}

/// An open journal. What was opened can be read on though it be replaced meanwhile.
#[async_trait]
pub trait JournalReader: Send {
    /// The next entries, at most `limit`, which is not 0; none at the end, until something is appended. What cannot be read is
    /// left out and [counted](Self::unreadable).
    async fn next(&mut self, limit: usize) -> Result<Vec<JournalEntry>, BlobError>;

    /// How many lines were left out so far because they were damaged. The torn end that a crash leaves of what was never
    /// acknowledged is none of them.
    fn unreadable(&self) -> u64;

    /// Behind the last entry that was told: what [`Journal::replace`] takes.
    fn place(&self) -> JournalPlace;
}

/// A place in a repository's journal, as this process knows it; not to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalPlace {
    /// How often the journal had been replaced, or one that is counted with it.
    pub replaced: u64,
    /// Where it is, in bytes from the beginning.
    pub offset: u64,
}

/// Some of the repositories that have a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JournalPage {
    /// Their names.
    pub repositories: Vec<RepositoryName>,
    /// How many journals were passed over because their repository's name could not be read. [`Journal::open`] reads them all
    /// the same, by whoever knows the name.
    pub unreadable: u64,
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
        /// The blobs that it names and its repository did not hold then, at most [`MAX_ABSENT`]: whoever makes rows of this must
        /// not have it hold them, for they may be another's.
        absent: Vec<Digest>,
    },
    /// The repository was given a blob that manifests of it had named before, and lacked.
    Given {
        /// Its digest.
        digest: Digest,
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
    /// A manifest was pinned, or its pin taken away: without it, rules would drop what they were told to spare.
    Pinned {
        /// Its digest.
        digest: Digest,
        /// Whether it is pinned now.
        is_pinned: bool,
    },
    /// The repository was made, or what its owner says of it changed: without it, tags that may not move could be moved.
    Settled {
        /// What its owner says of it now.
        settings: RepositorySettings,
    },
    /// The repository was dropped with all that it held.
    Cleared,
}

impl Change {
    /// What tells of one push, or of all that are left of a manifest: as many as its tags need, one at least.
    pub fn pushed(
        (digest, media_type): (&Digest, &MediaType),
        tags: &[Tag],
        absent: &[Digest],
    ) -> Vec<Self> {
        let pushed = |tags: &[Tag]| Self::Pushed {
            digest: digest.clone(),
            media_type: media_type.clone(),
            tags: tags.to_vec(),
            absent: absent.to_vec(),
        };
        if tags.is_empty() {
            vec![pushed(tags)]
        } else {
            tags.chunks(MAX_TAGGED).map(pushed).collect()
        }
    }
}
