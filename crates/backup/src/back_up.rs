//! A backup from its beginning to its end.

use std::io;
use std::path::Path;
use std::sync::Arc;

use forebay_blobs_fs::{Disk, FsBlobs, FsJournal};
use forebay_catalog_sql::{REGISTRY_FILE_NAME, SqlRegistry};
use forebay_content::{BlobError, BlobStore, CatalogError, Clock};
use forebay_registry::LocalRegistry;

use crate::bytes::Bytes;
use crate::emptied::{Unknown, is_emptied};
use crate::place::{Place, failed};
use crate::{
    AUDIT_LOG, BackupError, BackupFailed, BackupReport, Left, OLDER_AUDIT_FILES, Progress,
    REGISTRY_DIRECTORY, TOKEN_KEY,
};

/// A disk that has less left than this is full, in bytes: rows are written in pages.
const FULL_BELOW_BYTES: u64 = 1024 * 1024;

/// The registry that is backed up, open.
pub struct Source<'a> {
    /// The data directory.
    pub data: &'a Path,
    /// What holds still for a moment.
    pub registry: &'a LocalRegistry,
    /// Its rows.
    pub rows: &'a SqlRegistry,
    /// Its bytes.
    pub blobs: &'a dyn BlobStore,
    /// Its journals.
    pub journal: &'a FsJournal,
    /// By which it is told when, and how long it took.
    pub clock: &'a dyn Clock,
}

impl Source<'_> {
    /// Refuses one whose rows tell of content of which nothing is there: whoever has backups made would hear that all is well, as the
    /// one before has the bytes.
    async fn check_has_bytes(&self) -> Result<(), BackupError> {
        match is_emptied(self.data, self.rows).await {
            Ok(true) => Err(BackupError::Emptied(self.data.join(REGISTRY_DIRECTORY))),
            Err(Unknown::Rows(error)) => Err(BackupError::Rows(error)),
            // What cannot be read is told object by object.
            Ok(false) | Err(Unknown::Directory(_)) => Ok(()),
        }
    }
}

/// Backs the registry up into the directory `to`, which is empty, an earlier backup, or not there, on `disk`. Pushes, deletes and
/// pulls go on; bytes are not cleared away meanwhile.
///
/// What an earlier run copied is taken for what it was, or, to `verify`, read and hashed, and copied again where it is not.
///
/// The content is that of one moment. Dropped before it returns, and killed at any time, it leaves the earlier backup or the new one.
///
/// # Errors
/// [`BackupFailed`], which says what `to` has then.
pub async fn back_up(
    source: &Source<'_>,
    (to, disk): (&Path, Arc<dyn Disk>),
    verify: bool,
    tell: &(dyn Fn(&Progress) + Sync),
) -> Result<BackupReport, BackupFailed> {
    let before = |why| Left::Before.after(why);
    let began = source.clock.now();
    source.check_has_bytes().await.map_err(before)?;
    let (to, data) = (to.to_owned(), source.data.to_owned());
    let taken = off_worker(move || Ok(Place::take(&to, &data, disk))).await;
    let place = Arc::new(taken.map_err(before)??);
    let next = Arc::clone(&place);
    let next = off_worker(move || next.begin()).await.map_err(before)?;
    let spared = source.registry.spare_bytes().await;
    let made = make(source, (&place, &next), verify, tell).await;
    let mut report = match made {
        Ok(report) => report,
        Err(error) => {
            // Room for whoever needs it now; what cannot be removed is when the next run begins.
            let _ = place.clear();
            return Err(before(error));
        }
    };
    drop(spared);
    let switched = Arc::clone(&place);
    let switched = off_worker(move || Ok(switched.switch())).await;
    switched.map_err(|why| Left::Switching.after(why))??;
    let removed = remove_unheld(source, &place).await;
    report.removed_objects = removed.map_err(|why| Left::New.after(why))?;
    let took = source.clock.now().0.saturating_sub(began.0);
    report.took_ms = u64::try_from(took).unwrap_or_default();
    Ok(report)
}

/// Removes from the new backup what only the one before needed: how many objects.
async fn remove_unheld(source: &Source<'_>, place: &Place) -> Result<u64, BackupError> {
    let (rows, to) = opened(place, &place.dir).await?;
    let bytes = Bytes {
        rows: &rows,
        from: source.blobs,
        to: &to,
        place: &place.dir,
        verify: false,
    };
    let removed = bytes.remove_unheld().await;
    rows.close().await.map_err(|source| unread(place, source))?;
    removed
}

/// Makes all files of the next backup, and copies the bytes that it needs.
async fn make(
    source: &Source<'_>,
    (place, next): (&Arc<Place>, &Path),
    verify: bool,
    tell: &(dyn Fn(&Progress) + Sync),
) -> Result<BackupReport, BackupError> {
    let copy = source.rows.begin_copy(&next.join(REGISTRY_FILE_NAME)).await;
    let mut copy = copy.map_err(|error| rows_failed(error, place))?;
    let moment = source.registry.at_one_moment(async {
        let held = copy.hold().await.map_err(BackupError::Rows);
        let lengths = source
            .journal
            .lengths()
            .await
            .map_err(BackupError::Journals);
        held.and(lengths)
    });
    let lengths = moment.await??;
    let moment = source.clock.now();
    copy.finish()
        .await
        .map_err(|error| rows_failed(error, place))?;
    let to = (place.next_journals(), Arc::clone(&place.disk));
    let copied = source.journal.copy(&lengths, (&to.0, &to.1)).await;
    copied.map_err(|error| match error {
        BlobError::NoSpace => BackupError::NoSpace(place.dir.clone()),
        error => BackupError::Journals(error),
    })?;
    let (beside, data) = (Arc::clone(place), source.data.to_owned());
    off_worker(move || copy_beside(&data, &beside)).await?;
    let mut report = BackupReport {
        moment_unix_ms: moment.0,
        ..BackupReport::default()
    };
    let (rows, to) = opened(place, next).await?;
    let bytes = Bytes {
        rows: &rows,
        from: source.blobs,
        to: &to,
        place: &place.dir,
        verify,
    };
    let copied = bytes.copy(&mut report, tell).await;
    rows.close().await.map_err(|source| unread(place, source))?;
    copied?;
    Ok(report)
}

/// What lies beside the registry and goes with it.
fn copy_beside(data: &Path, place: &Place) -> Result<(), BackupError> {
    // The oldest first: a file that is turned over meanwhile is then there twice and not missing.
    for number in (1..=OLDER_AUDIT_FILES).rev() {
        place.copy_beside(data, &format!("{AUDIT_LOG}.{number}"))?;
    }
    for name in [AUDIT_LOG, TOKEN_KEY, "format"] {
        place.copy_beside(data, name)?;
    }
    Ok(())
}

/// The rows in this directory, and the bytes of the backup.
async fn opened(place: &Place, rows: &Path) -> Result<(SqlRegistry, FsBlobs), BackupError> {
    let root = place.dir.join(REGISTRY_DIRECTORY);
    let blobs = FsBlobs::open(&root, Arc::clone(&place.disk)).map_err(|source| match source {
        BlobError::NoSpace => BackupError::NoSpace(root.clone()),
        source => BackupError::Bytes { path: root, source },
    })?;
    let rows = SqlRegistry::look(&rows.join(REGISTRY_FILE_NAME)).await;
    Ok((rows.map_err(|source| unread(place, source))?, blobs))
}

fn unread(place: &Place, source: CatalogError) -> BackupError {
    let path = place.dir.clone();
    BackupError::Copied { path, source }
}

/// What stands in the way of the copy of rows: most likely the disk on which it is made.
fn rows_failed(error: CatalogError, place: &Place) -> BackupError {
    let (CatalogError::NoSpace(source) | CatalogError::NotWritable(source)) = error else {
        return BackupError::Rows(error);
    };
    let room = place.disk.room(&place.dir);
    if room.is_ok_and(|room| room.bytes < FULL_BELOW_BYTES || room.files == Some(0)) {
        return BackupError::NoSpace(place.dir.clone());
    }
    failed("write rows to", &place.dir, io::Error::other(source))
}

/// Does what waits for the disk off the async worker.
async fn off_worker<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(BackupError::Cut(cancelled)),
        },
    }
}
