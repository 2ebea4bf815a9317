//! What local repositories hold, and who may log in: in a database file of its own.
//!
//! The cache's catalog may be put aside and made anew from blobs and upstreams; these rows are what the content is, and nobody else
//! can be asked. So they lie apart, and nothing that mends the catalog touches them.
//!
//! Each noun has a file, with what reads it and the acts that write it. An act looks for all that stands against it before it writes
//! anything: one that refuses has changed nothing, and its neighbours in the transaction go on.

mod accounts;
mod blobs;
mod children;
mod copy;
mod held;
mod layout;
mod lists;
mod manifests;
mod pushes;
mod repositories;
mod robots;
mod roles;
mod seals;
mod tag_lists;
mod tags;
mod users;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use forebay_content::{CatalogError, Committed, Timestamp};

use crate::database::Database;
use crate::error::SqlError;
use crate::writer::WriteCounts;
use tag_lists::TagLists;

pub use copy::RowsCopy;
pub(crate) use layout::RegistryLayout;

/// What the file is called in the data directory.
pub const REGISTRY_FILE_NAME: &str = "registry.sqlite";

/// The largest blob or manifest, in bytes: 256 TiB. Far beyond any disk, and so far below 2^63 that no sum can overflow.
const MAX_OBJECT_BYTES: u64 = 1 << 48;

/// An open transaction.
type Session<'c> = crate::session::Session<'c, RegistryLayout>;

/// What local repositories hold, in a SQLite file.
///
/// What a write returned `Ok` for survives a crash and a power loss. Reads wait for no write. Dropped without
/// [`close`](Self::close), it does what is queued as long as the runtime lives.
pub struct SqlRegistry {
    database: Database<RegistryLayout>,
    /// None where another process may write.
    tag_lists: Option<Arc<TagLists>>,
}

impl SqlRegistry {
    /// Opens the file at `path`, which is made if it is not there, in a directory that is.
    ///
    /// On a disk that is full or read-only it is opened to be read. Then [`is_read_only`](Self::is_read_only), and every
    /// write tries anew, and fails with [`CatalogError::NotWritable`] as long as the disk refuses.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] if the file is damaged as far as a start can see, [`CatalogError::Format`] if a newer
    /// version wrote it, [`CatalogError::NotWritable`] if it would have to be made or brought up to date and cannot be
    /// written to.
    pub async fn open(path: &Path) -> Result<Self, CatalogError> {
        let database = Database::open(path).await?;
        let tag_lists = Some(Arc::new(TagLists::default()));
        Ok(Self {
            database,
            tag_lists,
        })
    }

    /// Opens the file at `path` to be looked at, whoever may be writing to it: it is neither made nor brought up to date, every
    /// write fails, and nothing of it is changed.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] if the file is damaged as far as that shows, [`CatalogError::Format`] if a newer version wrote
    /// it, [`CatalogError::Failed`] if it cannot be read, or an older version wrote it.
    pub async fn look(path: &Path) -> Result<Self, CatalogError> {
        let database = Database::look(path).await?;
        Ok(Self {
            database,
            tag_lists: None,
        })
    }

    /// Opens a file that may be damaged to be read as far as it can be, by its roles: nothing is checked, and what is damaged shows
    /// when it is asked for.
    ///
    /// # Errors
    /// [`CatalogError::Failed`] if there is no such place.
    pub async fn salvage(path: &Path) -> Result<Self, CatalogError> {
        let database = Database::salvage(path).await?;
        Ok(Self {
            database,
            tag_lists: None,
        })
    }

    /// Moves the file at `path` aside, with what belongs to it, and gives the whole one at `new` its name: where the old one is.
    ///
    /// # Errors
    /// The disk's. Where the old one is aside and the new one not in its place, it is to be called again.
    pub async fn replace(path: &Path, new: &Path, at: Timestamp) -> Result<PathBuf, CatalogError> {
        let aside = crate::maintain::move_aside(path, at).await?;
        let renamed = tokio::fs::rename(new, path).await;
        renamed.map_err(|error| SqlError::File("giving the new file its name", error))?;
        Ok(aside)
    }

    /// True if it could only be opened to be read, and no write has changed that since.
    pub fn is_read_only(&self) -> bool {
        self.database.is_read_only()
    }

    /// Does the writes that are queued and closes the file; whatever is asked afterwards fails.
    pub async fn close(&self) -> Result<(), CatalogError> {
        self.database.close().await
    }

    /// How much was written since it was opened for writing.
    pub fn write_counts(&self) -> WriteCounts {
        self.database.write_counts()
    }

    /// Checks the whole file and the sums that are kept of it. Reads everything, so it takes as long as that.
    ///
    /// # Errors
    /// [`CatalogError::Corrupt`] with the first faults found.
    pub async fn integrity_check(&self) -> Result<(), CatalogError> {
        self.database.integrity_check().await
    }
}

impl std::fmt::Debug for SqlRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlRegistry")
            .field("path", &self.database.path())
            .finish_non_exhaustive()
    }
}

/// The refusal of what would add so many bytes, if there is one. What adds nothing is never refused.
fn over_quota(held: u64, added: u64, quota: Option<u64>) -> Option<Committed> {
    let wanted = held.saturating_add(added);
    let quota = quota.filter(|quota| added > 0 && wanted > *quota)?;
    Some(Committed::OverQuota { wanted, quota })
}

fn recorded_size(size: u64) -> Result<i64, SqlError> {
    i64::try_from(size)
        .ok()
        .filter(|_| size <= MAX_OBJECT_BYTES)
        .ok_or(SqlError::TooLarge("the size of a blob or manifest"))
}

#[cfg(test)]
mod tests;
