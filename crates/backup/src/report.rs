//! What a backup has done so far, and in the end.

use serde::{Deserialize, Serialize};

/// The most objects of a kind that are told one by one.
pub(crate) const MAX_TOLD: usize = 1000;

/// How far a backup has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Blobs and manifests that are in it now.
    pub objects: u64,
    /// Of how many.
    pub of_objects: u64,
    /// Bytes that this run copied.
    pub copied_bytes: u64,
}

/// What a backup has, and what this run did for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupReport {
    /// Repositories in it.
    pub repositories: u64,
    /// Blobs and manifests in it.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of these, the objects that this run copied.
    pub copied_objects: u64,
    /// Their bytes.
    pub copied_bytes: u64,
    /// Objects that an earlier run had copied and nobody holds any more.
    pub removed_objects: u64,
    /// Objects that an earlier run had copied and that had become others, of which this run copied the right bytes; none are known
    /// unless it was to verify them.
    pub mended_objects: u64,
    /// What is held and could not be read: it is not in the backup. At most 1,000 are told.
    pub uncopied: Vec<BadObject>,
    /// How many more could not be read.
    pub uncopied_beside: u64,
    /// What is held and lies in the registry no more, or cut off: the backup has it from an earlier run. At most 1,000 are told.
    pub lost: Vec<BadObject>,
    /// How many more are lost.
    pub lost_beside: u64,
    /// The moment whose content it has, in milliseconds since the UNIX epoch.
    pub moment_unix_ms: i64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// An object that is held, and of which something is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadObject {
    /// Its digest.
    pub digest: String,
    /// Repositories that hold it as a blob; none where it is a manifest.
    pub repositories: Vec<String>,
    /// What is wrong.
    pub why: String,
}

impl BackupReport {
    /// True if all that is held is in it.
    pub fn is_whole(&self) -> bool {
        self.uncopied.is_empty()
    }

    /// True if, beside that, nothing was found to be wrong with the registry or with what an earlier run had copied.
    pub fn is_clean(&self) -> bool {
        self.is_whole() && self.lost.is_empty() && self.mended_objects == 0
    }
}
