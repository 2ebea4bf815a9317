//! The store: opens, stages, publishes and deletes blobs.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use forebay_content::{
    BlobError, BlobReader, BlobStat, BlobStore, Clock, Stage, SystemClock, lock,
};
use forebay_oci::Digest;

use crate::access::{Access, OpenFile, change_failed, off_worker};
use crate::blob::FsBlob;
use crate::buffers::Buffers;
use crate::disk::{Disk, ensure_dir, sync_dir};
use crate::layout::{ALGORITHMS, Layout, shard_of};
use crate::opened::Opened;
use crate::stage::FsStage;
use crate::{listing, trailer};

/// How much of a blob one checksum covers, and how much one read gives, in bytes.
pub const CHUNK_BYTES: u32 = 64 * 1024;

/// What a stage leaves free on the disk, so that what keeps the books can still write, in bytes.
const RESERVE_BYTES: u64 = 1024 * 1024;

const SHARDS: usize = 256;

/// Keeps blobs as files. Clones are the same store.
#[derive(Clone, Debug)]
pub struct FsBlobs {
    pub(crate) store: Arc<Store>,
}

/// What a store and its stages share.
#[derive(Debug)]
pub(crate) struct Store {
    pub(crate) layout: Layout,
    pub(crate) access: Arc<Access>,
    pub(crate) opened: Opened,
    pub(crate) chunk_bytes: u32,
    next_stage: AtomicU64,
    /// Held while names in a shard change: a commit must not rely on a name that another has not made durable yet.
    shards: Vec<Mutex<()>>,
}

// === impl FsBlobs ===

impl FsBlobs {
    /// Opens the store in the directory `root`, which must be there and locked by the caller. Waits for the disk.
    ///
    /// Clears what a crash left in the staging directory. On a read-only file system an existing store opens for reading.
    ///
    /// # Errors
    /// [`BlobError::ReadOnly`] if there is no store yet and none can be made, else what the disk said.
    pub fn open(root: &Path, disk: Arc<dyn Disk>) -> Result<Self, BlobError> {
        Self::open_by(root, disk, Arc::new(SystemClock::new()))
    }

    /// The same by another clock.
    pub fn open_by(
        root: &Path,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, BlobError> {
        Self::open_with(root, disk, clock, CHUNK_BYTES)
    }

    pub(crate) fn open_with(
        root: &Path,
        disk: Arc<dyn Disk>,
        clock: Arc<dyn Clock>,
        chunk_bytes: u32,
    ) -> Result<Self, BlobError> {
        let layout = Layout::new(root);
        prepare(&layout, &*disk).map_err(change_failed)?;
        let access = Access {
            disk,
            buffers: Buffers::new(chunk_bytes),
            clock,
        };
        let store = Store {
            layout,
            access: Arc::new(access),
            opened: Opened::default(),
            chunk_bytes,
            next_stage: AtomicU64::new(0),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        };
        Ok(Self {
            store: Arc::new(store),
        })
    }
}

#[async_trait]
impl BlobStore for FsBlobs {
    async fn open(&self, digest: &Digest) -> Result<Arc<dyn BlobReader>, BlobError> {
        let blob = self.store.open(digest).await?;
        Ok(blob)
    }

    async fn stage(&self, expected_bytes: Option<u64>) -> Result<Box<dyn Stage>, BlobError> {
        let store = Arc::clone(&self.store);
        let stage = off_worker(move || store.begin(expected_bytes.unwrap_or(0))).await?;
        Ok(Box::new(stage))
    }

    async fn delete(&self, digest: &Digest) -> Result<(), BlobError> {
        let (store, digest) = (Arc::clone(&self.store), digest.clone());
        off_worker(move || store.unpublish(&digest)).await
    }

    async fn verify(&self, digest: &Digest) -> Result<(), BlobError> {
        self.hash(digest).await
    }

    async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<BlobStat>, BlobError> {
        let (store, after) = (Arc::clone(&self.store), after.cloned());
        off_worker(move || listing::list(&store, after.as_ref(), limit)).await
    }
}

// === impl Store ===

impl Store {
    pub(crate) async fn open(self: &Arc<Self>, digest: &Digest) -> Result<Arc<FsBlob>, BlobError> {
        let before = match self.opened.find(digest) {
            Ok(blob) => return Ok(blob),
            Err(before) => before,
        };
        let blob = self.open_anew(digest).await?;
        let remembered = |chunks| self.opened.checked_of(digest, chunks);
        let blob = Arc::new(blob.remembering(remembered));
        self.opened.share(digest, &blob, before);
        Ok(blob)
    }

    /// Opens the file that has the blob's name now, whoever has which open.
    pub(crate) async fn open_anew(self: &Arc<Self>, digest: &Digest) -> Result<FsBlob, BlobError> {
        let (store, digest) = (Arc::clone(self), digest.clone());
        off_worker(move || FsBlob::open(&digest, &store.layout, &store.access)).await
    }

    /// Begins a stage if the disk has room for `expected_bytes` and what goes with them. Waits for the disk.
    fn begin(self: Arc<Self>, expected_bytes: u64) -> Result<FsStage, BlobError> {
        let disk = &*self.access.disk;
        let staging = self.layout.staging();
        let room = disk.room(&staging).map_err(change_failed)?;
        let trailer = trailer::trailer_length(expected_bytes, self.chunk_bytes);
        let wanted = expected_bytes
            .saturating_add(trailer)
            .saturating_add(RESERVE_BYTES);
        if room.bytes < wanted || room.files == Some(0) {
            return Err(BlobError::NoSpace);
        }
        // The staging directory had no files when we started and is ours alone: a number is as good as a random name.
        let number = self.next_stage.fetch_add(1, Ordering::Relaxed);
        let path = self.layout.staged(number);
        let file = disk.create(&path).map_err(change_failed)?;
        let file = OpenFile::new(file, Arc::clone(&self.access));
        Ok(FsStage::new(self, path, file))
    }

    /// Makes the durable file `staged` visible under `digest`. Waits for the disk.
    ///
    /// Replaces a blob that is there: the bytes are the same, unless those at rest have rotted.
    pub(crate) fn publish(&self, staged: &Path, digest: &Digest) -> Result<(), BlobError> {
        let disk = &*self.access.disk;
        let shard = self.layout.shard(digest.algorithm(), shard_of(digest));
        let path = self.layout.blob(digest);
        let _names = self.lock_shard(digest);
        ensure_dir(disk, &shard).map_err(change_failed)?;
        let was_there = match disk.open(&path) {
            Ok(_) => true,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            // Out of files, say: what is not known to be absent must not be removed below.
            Err(error) => return Err(error.into()),
        };
        disk.rename(staged, &path).map_err(change_failed)?;
        self.opened.forget(digest);
        let Err(error) = sync_dir(disk, &shard) else {
            return Ok(());
        };
        // Not durable is not committed. What was there before stays: either file is whole, whichever a power loss leaves.
        if !was_there {
            disk.remove(&path).map_err(change_failed)?;
        }
        Err(change_failed(error))
    }

    /// Removes the blob's name. Waits for the disk.
    ///
    /// Without a sync of the directory: a deletion that a power loss undoes brings back a whole blob, no damage.
    pub(crate) fn unpublish(&self, digest: &Digest) -> Result<(), BlobError> {
        let _names = self.lock_shard(digest);
        let removed = self.access.disk.remove(&self.layout.blob(digest));
        self.opened.forget(digest);
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Gives the blob's file a name outside of the blobs. Waits for the disk.
    pub(crate) fn put_aside(&self, digest: &Digest) -> Result<(), BlobError> {
        let disk = &*self.access.disk;
        let aside = self.layout.damaged();
        let _names = self.lock_shard(digest);
        ensure_dir(disk, &aside).map_err(change_failed)?;
        let renamed = disk.rename(&self.layout.blob(digest), &aside.join(digest.hex()));
        self.opened.forget(digest);
        match renamed {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            renamed => renamed
                .and_then(|()| sync_dir(disk, &aside))
                .map_err(change_failed),
        }
    }

    pub(crate) fn lock_shard(&self, digest: &Digest) -> MutexGuard<'_, ()> {
        lock(&self.shards[usize::from(shard_of(digest))])
    }
}

/// Creates the directories that are not there, and clears the staging directory.
fn prepare(layout: &Layout, disk: &dyn Disk) -> io::Result<()> {
    for dir in layout.dirs() {
        ensure_dir(disk, &dir)?;
    }
    check_own(&layout.staging())?;
    match clear(layout, disk) {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => Ok(()),
        outcome => outcome,
    }
}

/// Refuses a link in the place of a directory that is about to be emptied: what lies behind it is not ours. Not through the
/// disk seam: it changes nothing.
fn check_own(dir: &Path) -> io::Result<()> {
    if fs::symlink_metadata(dir)?.is_symlink() {
        let what = format!(
            "{} is a symbolic link: what it leads to would be emptied; remove the link",
            dir.display()
        );
        return Err(io::Error::other(what));
    }
    Ok(())
}

fn clear(layout: &Layout, disk: &dyn Disk) -> io::Result<()> {
    let staging = layout.staging();
    for name in disk.names(&staging)? {
        let path = staging.join(name);
        match disk.remove(&path) {
            // We stage no directories: it is somebody else's, and in nobody's way.
            Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                tracing::warn!(path = %path.display(), "left a directory among the staged files as it is");
            }
            outcome => outcome?,
        }
    }
    // A crash may have come between the making of a shard and the sync of its name, on which later commits rely.
    for algorithm in ALGORITHMS {
        sync_dir(disk, &layout.algorithm(algorithm))?;
    }
    Ok(())
}
