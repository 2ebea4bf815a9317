//! The local repositories' part of the data directory: blobs and journals in a directory of their own, rows in a file of theirs.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forebay_access::{Desk, HashCost, SystemRandom};
use forebay_backup::{REGISTRY_DIRECTORY, Unknown, has_journals, is_emptied};
use forebay_blobs_fs::{Disk, FsBlobs, FsJournal};
use forebay_cache::Kept;
use forebay_catalog_sql::{REGISTRY_FILE_NAME, SqlRegistry};
use forebay_content::{Accounts, BlobError, CatalogError, Clock, HostedLists as _};
use forebay_jobs::Supervisor;
use forebay_registry::{LocalRegistry, Stores};
use forebay_terminal::Failure;
use tracing::warn;

use crate::data::named;
use crate::disk_trouble::is_unwritable;
use crate::giving_way;

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
    Rows(#[from] RowsError),
    /// What they know of lies nowhere: an empty directory is what is left of a volume that is not mounted.
    #[error("registry.sqlite tells of repositories, and {0} has nothing of them")]
    Emptied(PathBuf),
    #[error(transparent)]
    Directory(#[from] io::Error),
}

/// What is wrong with the rows of local repositories, which have a file of their own.
#[derive(Debug)]
pub(crate) struct RowsError(pub(crate) CatalogError);

impl From<CatalogError> for RowsError {
    fn from(error: CatalogError) -> Self {
        Self(error)
    }
}

impl From<CatalogError> for Unopened {
    fn from(error: CatalogError) -> Self {
        Self::Rows(error.into())
    }
}

impl From<Unknown> for Unopened {
    fn from(why: Unknown) -> Self {
        match why {
            Unknown::Rows(error) => error.into(),
            Unknown::Directory(error) => error.into(),
        }
    }
}

impl fmt::Display for RowsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REGISTRY_FILE_NAME)?;
        match &self.0 {
            CatalogError::NoSpace(_) => f.write_str(" lies on a full disk"),
            CatalogError::NotWritable(_) => f.write_str(" cannot be written to now"),
            CatalogError::Corrupt(_) => f.write_str(" is damaged"),
            CatalogError::Format { found, supported } => write!(
                f,
                " has format {found}, and this version reads up to {supported}"
            ),
            CatalogError::Busy(_) | CatalogError::Failed(_) => f.write_str(" cannot be used"),
        }
    }
}

impl Error for RowsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

impl Hosting {
    /// Opens them in the data directory `dir`, which is ours.
    ///
    /// # Errors
    /// They are damaged, a newer version wrote them, or the disk fails or has no room for any.
    pub(crate) async fn open(
        dir: &Path,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        supervisor: &Supervisor,
    ) -> Result<Self, Unopened> {
        let shelves = open_whole_stores(dir, disk).await?;
        Ok(Self {
            registry: LocalRegistry::open(shelves.stores(), clock, supervisor),
            shelves,
        })
    }

    /// Has what a kill has left in the rows alone written down in the journals, beside all else.
    pub(crate) fn catch_up(&self, supervisor: &Supervisor) {
        let (registry, stop) = (Arc::clone(&self.registry), supervisor.clone());
        supervisor.spawn("registry catch-up", async move {
            tokio::select! {
                done = registry.catch_up() => {
                    if let Err(error) = done {
                        warn!(%error, "cannot compare the journals of local repositories with their rows: what only rows tell of would be lost with them");
                    }
                }
                () = stop.stopping() => {}
            }
        });
    }

    /// As [`open`](Self::open), for a server whose `cache` is in the same directory and gives way to pushes: `None` on a disk that cannot
    /// be written to and has none yet, as what the cache keeps is served all the same.
    ///
    /// # Errors
    /// Those of [`open`](Self::open), told with what to do; also where the disk cannot be written to and there are some: which names
    /// are theirs is not known then.
    pub(crate) async fn open_if_any(
        (dir, cache): (&Path, &Arc<Kept>),
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        supervisor: &Supervisor,
    ) -> Result<Option<Self>, Failure> {
        let opened = async {
            let shelves = open_whole_stores(dir, disk).await?;
            let registry = dir.join(REGISTRY_DIRECTORY);
            let stores = Stores {
                blobs: giving_way::beside((cache, dir), (&shelves.blobs, &registry))?,
                ..shelves.stores()
            };
            let registry = LocalRegistry::open(stores, clock, supervisor);
            Ok::<_, Unopened>(Self { registry, shelves })
        };
        match opened.await {
            Ok(hosting) => Ok(Some(hosting)),
            Err(error) if error.is_of_disk() && !may_hold_any(dir).await => {
                warn!(%error, "there are no local repositories: the disk is full or read-only");
                Ok(None)
            }
            Err(error) => Err(unopened(dir, error)),
        }
    }

    /// Where accounts are changed.
    pub(crate) fn accounts(&self, clock: &Arc<dyn Clock>) -> Arc<Desk> {
        Arc::new(desk_over(self.rows(), clock))
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

/// Where accounts that these rows keep are changed.
pub(crate) fn desk_over(rows: Arc<dyn Accounts>, clock: &Arc<dyn Clock>) -> Desk {
    let cost = HashCost::default();
    Desk::new(rows, Arc::clone(clock), Arc::new(SystemRandom), cost)
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
async fn check_rows_are_there(dir: &Path) -> Result<(), CatalogError> {
    if has_rows(dir).await {
        return Ok(());
    }
    match has_journals(dir).await {
        Ok(true) => Err(CatalogError::Corrupt(Arc::new(LostRows))),
        Ok(false) => Ok(()),
        Err(error) => Err(CatalogError::Failed(Arc::new(error))),
    }
}

/// Whether rows in `dir` tell of a repository, as far as that can be known: what cannot be read may.
async fn may_hold_any(dir: &Path) -> bool {
    if !has_rows(dir).await {
        return false;
    }
    let Ok(rows) = SqlRegistry::open(&dir.join(REGISTRY_FILE_NAME)).await else {
        return true;
    };
    let found = rows.repositories(None, 1).await;
    // Nothing was written.
    let _ = rows.close().await;
    !found.is_ok_and(|found| found.is_empty())
}

async fn has_rows(dir: &Path) -> bool {
    let rows = tokio::fs::metadata(dir.join(REGISTRY_FILE_NAME)).await;
    rows.is_ok_and(|file| file.len() > 0)
}

/// Whether the directory of `dir` that these rows tell of is [emptied](is_emptied), and nobody has taken that for lost, whose journals
/// were made again then: most likely a volume is not mounted there.
pub(crate) async fn is_away(dir: &Path, rows: &SqlRegistry) -> Result<bool, Unopened> {
    Ok(is_emptied(dir, rows).await? && !has_journals(dir).await?)
}

/// Opens the stores, and refuses rows that tell of what the directory beside them has nothing of: all of it would be answered with
/// errors, by a server that says it is ready.
async fn open_whole_stores(dir: &Path, disk: Arc<dyn Disk>) -> Result<Shelves, Unopened> {
    let rows = open_rows(dir).await?;
    match is_away(dir, &rows).await {
        Ok(false) => open_beside(dir, rows, disk).await,
        looked => {
            // Nothing was written; why it is not used is told.
            let _ = rows.close().await;
            looked.and(Err(Unopened::Emptied(dir.join(REGISTRY_DIRECTORY))))
        }
    }
}

/// Opens the rows, which are made if there is nothing yet that they could tell of.
///
/// # Errors
/// Those of [`check_rows_are_there`], they are damaged, a newer version wrote them, or the disk fails.
pub(crate) async fn open_rows(dir: &Path) -> Result<SqlRegistry, CatalogError> {
    check_rows_are_there(dir).await?;
    SqlRegistry::open(&dir.join(REGISTRY_FILE_NAME)).await
}

/// Opens blobs and journals in `dir`, which are made if they are not there, beside these rows.
pub(crate) async fn open_beside(
    dir: &Path,
    rows: SqlRegistry,
    disk: Arc<dyn Disk>,
) -> Result<Shelves, Unopened> {
    let stores = || {
        let root = dir.join(REGISTRY_DIRECTORY);
        match std::fs::DirBuilder::new().mode(0o700).create(&root) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            _ => {}
        }
        let blobs = FsBlobs::open(&root, Arc::clone(&disk))?;
        Ok((blobs, FsJournal::open(&root, disk)?))
    };
    match stores() {
        Ok((blobs, journal)) => Ok(Shelves {
            blobs,
            journal,
            rows: Arc::new(rows),
        }),
        Err(error) => {
            let _ = rows.close().await;
            Err(error)
        }
    }
}

/// Why local repositories or accounts in `dir` cannot be used, and how damaged rows are mended.
pub(crate) fn unopened(dir: &Path, error: Unopened) -> Failure {
    let hints = match &error {
        Unopened::Rows(RowsError(CatalogError::Corrupt(_))) => vec![
            format!(
                "restore a backup, or make the rows again from journals and blobs: forebay fsck --data {}",
                named(dir)
            ),
            format!(
                "forebay fsck --dry-run --data {} says first what is wrong",
                named(dir)
            ),
        ],
        Unopened::Emptied(registry) => vec![
            format!("if {} is a volume, mount it", registry.display()),
            format!(
                "if it is lost, restore a backup; forebay fsck --dry-run --data {} names what it held",
                named(dir)
            ),
            format!(
                "only if nothing brings it back: forebay fsck --accept-loss --data {} takes all of that for lost, and the server starts without it",
                named(dir)
            ),
        ],
        error if error.is_of_disk() => {
            vec![
                "make room on its disk, or have it writable by the user that Forebay runs as"
                    .to_owned(),
            ]
        }
        _ => Vec::new(),
    };
    let what = format!("cannot open the local repositories in {}", dir.display());
    let failure = Failure::failed(what, error);
    hints.into_iter().fold(failure, Failure::with_hint)
}

impl Unopened {
    /// Whether nothing can be made on the disk, for want of room or of leave.
    fn is_of_disk(&self) -> bool {
        match self {
            Self::Blobs(error) => matches!(error, BlobError::NoSpace | BlobError::ReadOnly),
            Self::Rows(RowsError(error)) => {
                matches!(
                    error,
                    CatalogError::NoSpace(_) | CatalogError::NotWritable(_)
                )
            }
            Self::Directory(error) => is_unwritable(error),
            Self::Emptied(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use forebay_config::Advice as _;

    use super::*;

    #[test]
    fn a_disk_that_cannot_be_written_to_is_told_in_one_way_whoever_meets_it() {
        let full = || Arc::new(io::Error::from(io::ErrorKind::StorageFull));
        for error in [
            Unopened::Blobs(BlobError::NoSpace),
            Unopened::Blobs(BlobError::ReadOnly),
            CatalogError::NoSpace(full()).into(),
            Unopened::Directory(io::ErrorKind::PermissionDenied.into()),
        ] {
            let failure = unopened(Path::new("/data"), error);
            let told = failure.to_string();
            assert_eq!(told, "cannot open the local repositories in /data");
            let hints: Vec<String> = failure.hints().iter().map(ToString::to_string).collect();
            assert_eq!(
                hints,
                ["make room on its disk, or have it writable by the user that Forebay runs as"]
            );
        }
        let broken = Unopened::Directory(io::Error::other("sector 7"));
        let hints = unopened(Path::new("/data"), broken).hints();
        assert!(hints.is_empty());
    }
}
