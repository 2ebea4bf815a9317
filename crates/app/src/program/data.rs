//! The data directory: locked, of a format that we know, with its two stores open.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use forebay_blobs_fs::{DataError, DataLock, Disk, FsBlobs, ensure_format};
use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_content::{BlobStore, Catalog, CatalogError};
use tracing::info;

use crate::Failure;

/// The way out when the catalog cannot be read.
const REBUILD: &str = "rebuild it from the blobs at rest: forebay fsck --rebuild";

/// A data directory that is ours as long as this lives.
pub struct DataDir {
    /// The blobs.
    pub blobs: Arc<FsBlobs>,
    /// The catalog.
    pub catalog: Arc<SqlCatalog>,
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
        let lock = lock(dir, patience).await?;
        let blobs = open_blobs(dir, disk)?;
        is_catalog_there(dir, &blobs).await?;
        let catalog = SqlCatalog::open(&catalog_file(dir))
            .await
            .map_err(|error| no_catalog(dir, error))?;
        Ok(Self {
            blobs: Arc::new(blobs),
            catalog: Arc::new(catalog),
            _lock: lock,
        })
    }

    /// Like [`open`](Self::open), with an empty catalog in place of the one that is there, which is put aside.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    pub async fn open_rebuilt(
        dir: &Path,
        disk: Arc<dyn Disk>,
        at: forebay_content::Timestamp,
    ) -> Result<Self, Failure> {
        let lock = lock(dir, Duration::ZERO).await?;
        let blobs = open_blobs(dir, disk)?;
        let catalog = SqlCatalog::rebuild_in_place(&catalog_file(dir), at)
            .await
            .map_err(|error| no_catalog(dir, error))?;
        Ok(Self {
            blobs: Arc::new(blobs),
            catalog: Arc::new(catalog),
            _lock: lock,
        })
    }

    /// The two stores as the features see them.
    pub fn stores(&self) -> (Arc<dyn BlobStore>, Arc<dyn Catalog>) {
        (Arc::clone(&self.blobs) as _, Arc::clone(&self.catalog) as _)
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

async fn lock(dir: &Path, patience: Duration) -> Result<DataLock, Failure> {
    let make = |source| {
        Failure::failed(
            format!("cannot make the data directory {}", dir.display()),
            source,
        )
    };
    if !dir.is_dir() {
        tokio::fs::create_dir_all(dir).await.map_err(make)?;
    }
    match DataLock::acquire(dir) {
        Err(DataError::Locked { .. }) if !patience.is_zero() => {
            info!(dir = %dir.display(), "waiting for another process to leave the data directory");
            DataLock::wait(dir, patience)
                .await
                .map_err(|error| unusable(dir, error))
        }
        outcome => outcome.map_err(|error| unusable(dir, error)),
    }
}

/// An empty catalog beside blobs is a loss, and no beginning: nothing would be served, and the blobs would count for nothing.
async fn is_catalog_there(dir: &Path, blobs: &FsBlobs) -> Result<(), Failure> {
    let length = tokio::fs::metadata(catalog_file(dir)).await;
    if length.is_ok_and(|file| file.len() > 0) {
        return Ok(());
    }
    let first = blobs.list(None, 1).await;
    if first.map_err(|error| unusable(dir, error))?.is_empty() {
        return Ok(());
    }
    let lost = Failure::failed(
        format!("cannot open the catalog in {}", dir.display()),
        "there are blobs, but no catalog",
    );
    Err(lost.with_hint(REBUILD))
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
    let is_damaged = matches!(error, CatalogError::Corrupt(_));
    let failure = Failure::failed(
        format!("cannot open the catalog in {}", dir.display()),
        error,
    );
    if is_damaged {
        return failure.with_hint(REBUILD);
    }
    failure
}
