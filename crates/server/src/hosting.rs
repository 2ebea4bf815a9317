//! The local repositories' part of the data directory: blobs and journals in a directory of their own, rows in a file of theirs.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;

use forebay_access::{Desk, HashCost, SystemRandom};
use forebay_backup::REGISTRY_DIRECTORY;
use forebay_blobs_fs::{Disk, FsBlobs, FsJournal};
use forebay_catalog_sql::{REGISTRY_FILE_NAME, SqlRegistry};
use forebay_content::{Accounts, BlobError, CatalogError, Clock};
use forebay_jobs::Supervisor;
use forebay_registry::{LocalRegistry, Stores};
use forebay_terminal::Failure;
use tracing::warn;

use crate::disk_trouble::is_unwritable;

/// The local repositories, open.
pub(crate) struct Hosting {
    pub(crate) registry: Arc<LocalRegistry>,
    /// Its stores as what they are, for who looks at more than content: checks and backups.
    pub(crate) shelves: Shelves,
}

/// The stores of local repositories. Clones are the same ones.
#[derive(Clone)]
pub(crate) struct Shelves {
    pub(crate) blobs: FsBlobs,
    pub(crate) rows: Arc<SqlRegistry>,
    pub(crate) journal: FsJournal,
}

/// What is wrong with rows that are not there.
#[derive(Debug, thiserror::Error)]
#[error("there are journals of local repositories, but no rows")]
struct LostRows;

/// Why they could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unopened {
    #[error(transparent)]
    Blobs(#[from] BlobError),
    #[error(transparent)]
    Rows(#[from] CatalogError),
    #[error(transparent)]
    Directory(#[from] io::Error),
}

impl Hosting {
    /// Opens them in the data directory `dir`, which is ours. None on a disk that cannot be written to and has none yet: what the
    /// cache keeps is served all the same.
    ///
    /// # Errors
    /// They are damaged, a newer version wrote them, or the disk fails.
    pub(crate) async fn open(
        dir: &Path,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        supervisor: &Supervisor,
    ) -> Result<Option<Self>, Failure> {
        match open_stores(dir, disk).await {
            Ok(shelves) => Ok(Some(Self {
                registry: LocalRegistry::open(shelves.stores(), clock, supervisor),
                shelves,
            })),
            Err(error) if error.is_of_disk() => {
                warn!(%error, "there are no local repositories: the disk is full or read-only");
                Ok(None)
            }
            Err(error) => Err(unopened(dir, error)),
        }
    }

    /// Where accounts are changed.
    pub(crate) fn accounts(&self, clock: &Arc<dyn Clock>) -> Arc<Desk> {
        accounts_desk(&self.shelves.rows, clock)
    }

    /// Where accounts are kept.
    pub(crate) fn rows(&self) -> Arc<dyn Accounts> {
        Arc::clone(&self.shelves.rows) as _
    }

    /// Writes down what is only noted, and closes the rows.
    ///
    /// # Errors
    /// The last writes failed.
    pub(crate) async fn close(&self) -> Result<(), Failure> {
        self.registry.flush().await;
        let closed = self.shelves.rows.close().await;
        closed.map_err(|error| Failure::failed("cannot close the registry's rows", error))
    }
}

/// The desk at these rows.
pub(crate) fn accounts_desk(rows: &Arc<SqlRegistry>, clock: &Arc<dyn Clock>) -> Arc<Desk> {
    let (accounts, clock) = (Arc::clone(rows) as _, Arc::clone(clock));
    let cost = HashCost::default();
    Arc::new(Desk::new(accounts, clock, Arc::new(SystemRandom), cost))
}

impl Shelves {
    /// The stores as the registry sees them.
    pub(crate) fn stores(&self) -> Stores {
        Stores {
            blobs: Arc::new(self.blobs.clone()),
            rows: Arc::clone(&self.rows) as _,
            journal: Arc::new(self.journal.clone()),
        }
    }
}

/// Whether there ever were local repositories or accounts in `dir`.
pub(crate) fn has_registry(dir: &Path) -> bool {
    dir.join(REGISTRY_FILE_NAME).exists() || dir.join(REGISTRY_DIRECTORY).exists()
}

/// Refuses rows that are not there beside journals that are: new ones would be empty, and all that was pushed looked as if it had
/// never been.
///
/// # Errors
/// [`CatalogError::Corrupt`] then.
pub(crate) async fn check_rows_are_there(dir: &Path) -> Result<(), CatalogError> {
    let rows = tokio::fs::metadata(dir.join(REGISTRY_FILE_NAME)).await;
    if rows.is_ok_and(|file| file.len() > 0) {
        return Ok(());
    }
    let journals = dir.join(REGISTRY_DIRECTORY).join("journal");
    let mut journals = match tokio::fs::read_dir(journals).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        read => read.map_err(|error| CatalogError::Failed(Arc::new(error)))?,
    };
    let first = journals.next_entry().await;
    match first.map_err(|error| CatalogError::Failed(Arc::new(error)))? {
        Some(_) => Err(CatalogError::Corrupt(Arc::new(LostRows))),
        None => Ok(()),
    }
}

pub(crate) async fn open_stores(dir: &Path, disk: Arc<dyn Disk>) -> Result<Shelves, Unopened> {
    check_rows_are_there(dir).await?;
    open_with_rows(dir, &dir.join(REGISTRY_FILE_NAME), disk).await
}

/// With rows that may lie elsewhere.
pub(crate) async fn open_with_rows(
    dir: &Path,
    rows: &Path,
    disk: Arc<dyn Disk>,
) -> Result<Shelves, Unopened> {
    let root = dir.join(REGISTRY_DIRECTORY);
    match std::fs::DirBuilder::new().mode(0o700).create(&root) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
        _ => {}
    }
    Ok(Shelves {
        blobs: FsBlobs::open(&root, Arc::clone(&disk))?,
        journal: FsJournal::open(&root, disk)?,
        rows: Arc::new(SqlRegistry::open(rows).await?),
    })
}

/// Why local repositories or accounts in `dir` cannot be used, and how damaged rows are mended.
pub(crate) fn unopened(dir: &Path, error: Unopened) -> Failure {
    let is_damaged = matches!(error, Unopened::Rows(CatalogError::Corrupt(_)));
    let what = format!("cannot open the local repositories in {}", dir.display());
    let failure = Failure::failed(what, error);
    if !is_damaged {
        return failure;
    }
    let dir = dir.display();
    failure
        .with_hint(format!(
            "restore a backup, or make the rows again from journals and blobs: forebay fsck --data {dir}"
        ))
        .with_hint(format!("forebay fsck --dry-run --data {dir} says first what is wrong"))
}

impl Unopened {
    /// Whether nothing can be made on the disk, for want of room or of leave.
    fn is_of_disk(&self) -> bool {
        match self {
            Self::Blobs(error) => matches!(error, BlobError::NoSpace | BlobError::ReadOnly),
            Self::Rows(error) => matches!(error, CatalogError::NotWritable(_)),
            Self::Directory(error) => is_unwritable(error),
        }
    }
}
