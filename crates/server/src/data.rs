//! The data directory: locked, of a format that we know, with its two stores open.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use forebay_backup::{LOST_AND_FOUND, settle};
use forebay_blobs_fs::{DataError, DataLock, Disk, FsBlobs, RealDisk, ensure_format, has_format};
use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_config::Config;
use forebay_content::{BlobStore, BoxError, Catalog, CatalogError, Timestamp};
use forebay_terminal::Failure;
use tracing::info;

/// The way out when another version made the catalog.
const NEWER: &str = "a newer Forebay wrote it: use that one";

/// A data directory that is ours as long as this lives.
pub struct DataDir {
    /// The catalog.
    pub catalog: Arc<SqlCatalog>,
    held: Held,
}

/// Whether `dir` has been a data directory before: nothing is known of what lies in any other.
pub fn is_data_dir(dir: &Path) -> bool {
    // What cannot be looked at is told when it is opened.
    has_format(dir).unwrap_or(true)
}

/// Whether what is done on the data directory of `config` is the first, and begins one. Makes nothing.
///
/// # Errors
/// The configuration says that it must be there already: what is missing is then most likely a volume, and not data.
pub fn begins_data(config: &Config) -> Result<bool, Failure> {
    let is_first = !is_data_dir(&config.data);
    if is_first && config.data_must_exist {
        let what = format!(
            "there is no data of Forebay's at {}, and `data_must_exist` is true: nothing is begun anew there",
            config.data.display()
        );
        return Err(Failure::plain(what)
            .with_hint("if it is a volume, mount it; if the data is elsewhere, name that with --data")
            .with_hint("to begin anew there all the same, run this once with FOREBAY_DATA_MUST_EXIST=false in its environment"));
    }
    Ok(is_first)
}

/// Whether something else lies in `dir`, which is no data directory: what is made there would lie among it.
pub fn has_other_files(dir: &Path) -> bool {
    // A volume that is mounted there has this of its own.
    let is_other = |name: OsString| name != LOST_AND_FOUND;
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    !is_data_dir(dir) && entries.map(|entry| entry.file_name()).any(is_other)
}

/// That a command has made the data directory `dir`, with `what` in it.
pub fn note_of_new(dir: &Path, what: &str) -> String {
    // By default it lies where one stands: a server that is started elsewhere has another.
    format!(
        "made the data directory {}: {what} in it, so start the server on it (--data), or with the same --config",
        named(dir)
    )
}

/// A data directory as commands that are told name it: wherever they are run, they mean this one.
pub(crate) fn named(dir: &Path) -> String {
    let absolute = std::path::absolute(dir);
    absolute.as_deref().unwrap_or(dir).display().to_string()
}

/// That `dir` is none, and how to name another.
pub(crate) fn no_data_dir(dir: &Path) -> Failure {
    let what = format!("there is no data directory at {}", dir.display());
    Failure::plain(what).with_hint("name it with --data, or its configuration with --config")
}

/// What is wrong with a catalog that is not there.
#[derive(Debug, thiserror::Error)]
#[error("there are blobs, but no catalog")]
struct Lost;

/// A data directory that is ours, without its catalog.
struct Held {
    dir: PathBuf,
    blobs: Arc<FsBlobs>,
    _lock: DataLock,
}

impl DataDir {
    /// Opens `dir`, which is made if it is not there; waits for a process that is about to leave it, at most `patience`.
    ///
    /// # Errors
    /// Another process holds it, a newer Forebay wrote it, it is damaged, or the disk fails.
    pub async fn open(
        dir: &Path,
        disk: Arc<dyn Disk>,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let held = Held::take(dir, disk, patience).await?;
        let catalog = open_catalog(dir, &held.blobs).await;
        Ok(held.with(catalog.map_err(|error| no_catalog(dir, error))?))
    }

    /// Like [`open`](Self::open), waiting for nobody, with an empty catalog in place of the one that is there, which is put
    /// aside.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub async fn open_rebuilt(
        dir: &Path,
        disk: Arc<dyn Disk>,
        at: Timestamp,
    ) -> Result<Self, Failure> {
        let held = Held::take(dir, disk, Duration::ZERO).await?;
        held.rebuild(at).await
    }

    /// Like [`open`](Self::open), waiting for nobody, or like [`open_rebuilt`](Self::open_rebuilt) if the catalog is damaged
    /// or gone: then with what is wrong with it.
    ///
    /// # Errors
    /// Those of [`open`](Self::open) apart from that.
    pub async fn open_or_rebuild(
        dir: &Path,
        disk: Arc<dyn Disk>,
        at: Timestamp,
    ) -> Result<(Self, Option<BoxError>), Failure> {
        let held = Held::take(dir, disk, Duration::ZERO).await?;
        match open_catalog(dir, &held.blobs).await {
            Err(CatalogError::Corrupt(error)) => Ok((held.rebuild(at).await?, Some(error))),
            catalog => {
                let catalog = catalog.map_err(|error| no_catalog(dir, error))?;
                Ok((held.with(catalog), None))
            }
        }
    }

    /// Puts the catalog aside and begins a new one.
    ///
    /// # Errors
    /// The old one cannot be put aside, or the disk fails.
    pub async fn rebuild(self, at: Timestamp) -> Result<Self, Failure> {
        // What it has to write yet may fail like the rest of it, and is put aside with it.
        let _ = self.catalog.close().await;
        self.held.rebuild(at).await
    }

    /// The blobs.
    pub fn blobs(&self) -> &Arc<FsBlobs> {
        &self.held.blobs
    }

    /// The two stores as the features see them.
    pub fn stores(&self) -> (Arc<dyn BlobStore>, Arc<dyn Catalog>) {
        (
            Arc::clone(self.blobs()) as _,
            Arc::clone(&self.catalog) as _,
        )
    }

    /// Writes what is queued and lets go of the directory.
    ///
    /// # Errors
    /// The catalog's last writes failed.
    pub async fn close(self) -> Result<(), Failure> {
        self.catalog
            .close()
            .await
            .map_err(|error| Failure::failed("cannot close the catalog", error))
    }
}

// === impl Held ===

impl Held {
    async fn take(dir: &Path, disk: Arc<dyn Disk>, patience: Duration) -> Result<Self, Failure> {
        let lock = lock(dir, patience).await?;
        Ok(Self {
            dir: dir.to_owned(),
            blobs: Arc::new(open_blobs(dir, disk)?),
            _lock: lock,
        })
    }

    fn with(self, catalog: SqlCatalog) -> DataDir {
        DataDir {
            catalog: Arc::new(catalog),
            held: self,
        }
    }

    async fn rebuild(self, at: Timestamp) -> Result<DataDir, Failure> {
        let catalog = SqlCatalog::rebuild_in_place(&catalog_file(&self.dir), at).await;
        let catalog = catalog.map_err(|error| no_catalog(&self.dir, error))?;
        Ok(self.with(catalog))
    }
}

/// Makes the directory, for its owner alone, and those above it as others are.
async fn make_dir(dir: &Path) -> io::Result<()> {
    if let Some(parent) = dir.parent() {
        tokio::fs::create_dir_all(parent).await?;
    }
    match tokio::fs::DirBuilder::new().mode(0o700).create(dir).await {
        // Another process was faster.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

async fn lock(dir: &Path, patience: Duration) -> Result<DataLock, Failure> {
    let make = |source| {
        Failure::failed(
            format!("cannot make the data directory {}", dir.display()),
            source,
        )
    };
    if !dir.is_dir() {
        make_dir(dir).await.map_err(make)?;
    }
    let locked = match DataLock::acquire(dir) {
        Err(DataError::Locked { .. }) if !patience.is_zero() => {
            info!(dir = %dir.display(), at_most = ?patience, "waiting for another process to leave the data directory");
            DataLock::wait(dir, patience).await
        }
        outcome => outcome,
    };
    let lock = locked.map_err(|error| unusable(dir, error))?;
    // It may be a backup that was cut off on its last steps.
    settle(dir, &RealDisk).map_err(|error| unusable(dir, error))?;
    Ok(lock)
}

/// Holds the directory, which is made if it is not there, for a command that opens a part of it.
///
/// # Errors
/// Another process holds it, a newer Forebay wrote it, or the disk fails.
pub(crate) async fn hold(dir: &Path) -> Result<DataLock, Failure> {
    let lock = lock(dir, Duration::ZERO).await?;
    ensure_format(dir, &RealDisk).map_err(|error| unusable(dir, error))?;
    Ok(lock)
}

/// Opens the catalog. An empty one beside blobs is a loss, and no beginning: nothing would be served, and the blobs would
/// count for nothing.
async fn open_catalog(dir: &Path, blobs: &FsBlobs) -> Result<SqlCatalog, CatalogError> {
    let length = tokio::fs::metadata(catalog_file(dir)).await;
    if !length.is_ok_and(|file| file.len() > 0) {
        let first = blobs.list(None, 1).await;
        if !first
            .map_err(|error| CatalogError::Failed(Arc::new(error)))?
            .is_empty()
        {
            return Err(CatalogError::Corrupt(Arc::new(Lost)));
        }
    }
    SqlCatalog::open(&catalog_file(dir)).await
}

/// Opens the blobs of a directory that is locked, once its format is ours.
fn open_blobs(dir: &Path, disk: Arc<dyn Disk>) -> Result<FsBlobs, Failure> {
    ensure_format(dir, disk.as_ref()).map_err(|error| unusable(dir, error))?;
    FsBlobs::open(dir, disk).map_err(|error| unusable(dir, error))
}

fn catalog_file(dir: &Path) -> PathBuf {
    dir.join(FILE_NAME)
}

fn unusable(dir: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Failure {
    Failure::failed(
        format!("cannot use the data directory {}", dir.display()),
        error,
    )
}

fn no_catalog(dir: &Path, error: CatalogError) -> Failure {
    let what = format!("cannot open the catalog in {}", dir.display());
    with_way_out(what, dir, error)
}

/// What could not be done because of the catalog in `dir`, and how a damaged one is rebuilt.
pub(crate) fn with_way_out(what: impl Into<String>, dir: &Path, error: CatalogError) -> Failure {
    let way_out = match error {
        CatalogError::Corrupt(_) => Some(format!(
            "rebuild it from the blobs at rest: forebay fsck --rebuild --data {}",
            named(dir)
        )),
        CatalogError::Format { .. } => Some(NEWER.to_owned()),
        _ => None,
    };
    let failure = Failure::failed(what, error);
    match way_out {
        Some(hint) => failure.with_hint(hint),
        None => failure,
    }
}
