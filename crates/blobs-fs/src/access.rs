//! How open files are read: from the page cache at once, from the device on a thread that may wait, and never unchecked.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use forebay_content::{BlobError, Clock};

use crate::buffers::{Buffer, Buffers};
use crate::disk::{Disk, FileState, Patience, read_full};

/// What every open blob and stage of a store shares.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) buffers: Buffers,
    pub(crate) clock: Arc<dyn Clock>,
}

/// An open file which knows whether closing it may free its space.
#[derive(Debug)]
pub(crate) struct OpenFile {
    file: Option<Arc<File>>,
    access: Arc<Access>,
    is_doomed: AtomicBool,
}

/// A stretch of a file that one checksum covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chunk {
    pub(crate) offset: u64,
    pub(crate) len: usize,
    pub(crate) checksum: u32,
}

/// Runs what may wait for the disk on a thread of its own, off the async workers.
pub(crate) async fn off_worker<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BlobError> + Send + 'static,
) -> Result<T, BlobError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(cancelled) => Err(BlobError::Io(Arc::new(io::Error::other(cancelled)))),
        },
    }
}

/// Runs `work` off the async worker without waiting for it; at once where there is no runtime.
pub(crate) fn leave_behind(work: impl FnOnce() + Send + 'static) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => work(),
    }
}

/// What a failed change means: a missing directory is the disk's fault, not a missing blob.
pub(crate) fn change_failed(error: io::Error) -> BlobError {
    if error.kind() == io::ErrorKind::NotFound {
        return BlobError::Io(Arc::new(error));
    }
    error.into()
}

// === impl Access ===

impl Access {
    /// Removes a file without waiting for it. What cannot be removed is left to the next start.
    pub(crate) fn remove_later(self: &Arc<Self>, path: PathBuf) {
        let access = Arc::clone(self);
        leave_behind(move || match access.disk.remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "cannot remove a staged file");
            }
            _ => {}
        });
    }
}

// === impl OpenFile ===

impl OpenFile {
    pub(crate) fn new(file: File, access: Arc<Access>) -> Self {
        Self {
            file: Some(Arc::new(file)),
            access,
            is_doomed: AtomicBool::new(false),
        }
    }

    pub(crate) fn access(&self) -> &Arc<Access> {
        &self.access
    }

    /// The file itself, for work off the worker.
    pub(crate) fn file(&self) -> Result<Arc<File>, BlobError> {
        // Taken only by drop.
        let closed = || BlobError::Io(Arc::new(io::ErrorKind::NotConnected.into()));
        self.file.clone().ok_or_else(closed)
    }

    /// Says that the file's name is or may be gone, so that closing it frees its blocks, which takes long for a large one.
    pub(crate) fn doom(&self) {
        self.is_doomed.store(true, Ordering::Relaxed);
    }

    /// Reads one chunk and checks it.
    pub(crate) async fn read_chunk(&self, chunk: Chunk) -> Result<Bytes, BlobError> {
        let file = self.file()?;
        let disk = &*self.access.disk;
        let mut buffer = self.access.buffers.take(chunk.len);
        let cached = match disk.read_at(&file, buffer.as_mut(), chunk.offset, Patience::None) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error.into()),
        };
        if cached == chunk.len {
            return chunk.check(buffer.freeze());
        }
        let access = Arc::clone(&self.access);
        off_worker(move || chunk.complete(&*access.disk, &file, buffer, cached)).await
    }

    /// The file's state now.
    pub(crate) fn state(&self) -> Result<FileState, BlobError> {
        Ok(self.access.disk.state(&*self.file()?)?)
    }

    /// True if the byte at `offset` is in memory, and so most likely its neighbours. Does not wait for the disk.
    pub(crate) fn is_cached(&self, offset: u64) -> bool {
        let file = self.file.as_ref();
        let disk = &self.access.disk;
        file.is_some_and(|file| {
            let read = disk.read_at(file, &mut [0], offset, Patience::None);
            matches!(read, Ok(1))
        })
    }

    /// Reads one chunk and checks it, waiting for the disk.
    pub(crate) fn read_chunk_waiting(&self, chunk: Chunk) -> Result<Bytes, BlobError> {
        let buffer = self.access.buffers.take(chunk.len);
        chunk.complete(&*self.access.disk, &*self.file()?, buffer, 0)
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        if self.is_doomed.load(Ordering::Relaxed) {
            let file = self.file.take();
            leave_behind(move || drop(file));
        }
    }
}

// === impl Chunk ===

impl Chunk {
    /// The chunk in which `offset` lies, of a file that holds `bytes` so far; `None` if it has no checksum yet.
    pub(crate) fn holding(
        offset: u64,
        chunk_bytes: u32,
        bytes: u64,
        checksums: &[u32],
    ) -> Option<Self> {
        let index = offset / u64::from(chunk_bytes);
        let start = index * u64::from(chunk_bytes);
        let len = u64::from(chunk_bytes).min(bytes.checked_sub(start)?);
        Some(Self {
            offset: start,
            len: usize::try_from(len).ok()?,
            checksum: *checksums.get(usize::try_from(index).ok()?)?,
        })
    }

    /// From this chunk's bytes, those from `offset` of the blob on.
    pub(crate) fn rest_of(self, mut bytes: Bytes, offset: u64) -> Bytes {
        let skipped = usize::try_from(offset.saturating_sub(self.offset)).unwrap_or(bytes.len());
        bytes.split_off(skipped.min(bytes.len()))
    }

    /// Reads what follows the first `filled` bytes of the chunk in `buffer`, and checks it all. Waits for the disk.
    fn complete(
        self,
        disk: &dyn Disk,
        file: &File,
        mut buffer: Buffer,
        filled: usize,
    ) -> Result<Bytes, BlobError> {
        let offset = self.offset + filled as u64;
        let rest = &mut buffer.as_mut()[filled..];
        let wanted = rest.len();
        if read_full(disk, file, rest, offset)? < wanted {
            return Err(BlobError::Corrupt("its file was cut short"));
        }
        self.check(buffer.freeze())
    }

    fn check(self, bytes: Bytes) -> Result<Bytes, BlobError> {
        if crc32c::crc32c(&bytes) == self.checksum {
            return Ok(bytes);
        }
        Err(BlobError::Corrupt("a chunk does not match its checksum"))
    }
}
