//! An open blob: its file, its length and the checksum of each of its chunks.

use std::fs::File;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use forebay_content::{BlobError, BlobReader, FileSpan, lock};
use forebay_oci::Digest;

use crate::access::{Access, Chunk, OpenFile};
use crate::checked::Checked;
use crate::disk::{Disk, FileState, read_full};
use crate::layout::Layout;
use crate::opened::SharedChecked;
use crate::trailer::{self, FOOTER_BYTES, Footer};

/// The most that is lent at once, in bytes.
const LEND_BYTES: u64 = 1024 * 1024;

/// The most that is checked before it is lent, in bytes: nobody waits for more than that to come from the disk.
const CHECK_BYTES: u64 = 256 * 1024;

/// How far apart the looks are that tell whether what is trusted lies in memory, in bytes.
const LOOK_EVERY_BYTES: usize = 256 * 1024;

/// Less than this is read: a copy of it costs less than the calls that save it.
const LEND_FROM_BYTES: u64 = 16 * 1024;

/// A blob at rest, open. All who read the same blob share one.
#[derive(Debug)]
pub(crate) struct FsBlob {
    file: Arc<OpenFile>,
    blob_bytes: u64,
    chunk_bytes: u32,
    checksums: Box<[u32]>,
    is_damaged: AtomicBool,
    checked: SharedChecked,
}

impl FsBlob {
    /// Opens the file of the blob `digest` and checks its length and its trailer. Waits for the disk.
    pub(crate) fn open(
        digest: &Digest,
        layout: &Layout,
        access: &Arc<Access>,
    ) -> Result<Self, BlobError> {
        let disk = &*access.disk;
        let file = disk.open(&layout.blob(digest))?;
        let footer = read_footer(disk, &file)?;
        let length = trailer::trailer_length(footer.blob_bytes, footer.chunk_bytes);
        let length = usize::try_from(length).map_err(|_| BlobError::Corrupt("it is too long"))?;
        let mut bytes = vec![0; length];
        let count = read_full(disk, &file, &mut bytes, footer.blob_bytes)?;
        let checksums = trailer::decode_checksums(digest, &bytes[..count], footer)?;
        Ok(Self {
            file: Arc::new(OpenFile::new(file, Arc::clone(access))),
            blob_bytes: footer.blob_bytes,
            chunk_bytes: footer.chunk_bytes,
            checked: SharedChecked::default(),
            checksums,
            is_damaged: AtomicBool::new(false),
        })
    }

    /// The same, with what was remembered of it, which `remembered` has by the number of its chunks.
    pub(crate) fn remembering(self, remembered: impl FnOnce(usize) -> SharedChecked) -> Self {
        Self {
            checked: remembered(self.checksums.len()),
            ..self
        }
    }

    /// True once a read found damage: who opens the blob next must look at the disk again.
    pub(crate) fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// Reads as [`BlobReader::read`] does, but waits for the disk: for work that has a thread of its own.
    pub(crate) fn read_waiting(&self, offset: u64) -> Result<Bytes, BlobError> {
        if offset >= self.blob_bytes {
            return Ok(Bytes::new());
        }
        let chunk = self.chunk(offset)?;
        Ok(chunk.rest_of(self.file.read_chunk_waiting(chunk)?, offset))
    }

    fn chunk(&self, offset: u64) -> Result<Chunk, BlobError> {
        Chunk::holding(offset, self.chunk_bytes, self.blob_bytes, &self.checksums)
            .ok_or(BlobError::Corrupt("it has too few checksums"))
    }

    async fn read_chunk(&self, chunk: Chunk) -> Result<Bytes, BlobError> {
        let read = self.file.read_chunk(chunk).await;
        if matches!(read, Err(BlobError::Corrupt(_))) {
            self.is_damaged.store(true, Ordering::Relaxed);
            *self.lock_checked() = Checked::default();
        }
        read
    }

    /// Up to where nothing needs another look from `offset` on, as far as `end`; `offset` or less if that needs one.
    fn trusted_until(&self, offset: u64, end: u64, state: FileState) -> u64 {
        let (first, chunk_bytes) = (self.index(offset), u64::from(self.chunk_bytes));
        let max = self.index(end.saturating_sub(1)).saturating_sub(first) + 1;
        let now = self.file.access().clock.monotonic();
        let run = self.lock_checked().run(first, max, state, now);
        match run {
            0 => offset,
            run => (first + run) as u64 * chunk_bytes,
        }
    }

    /// True if some of `range` is in memory wherever one looks, both ends among it, and so most likely all of it.
    fn is_cached(&self, range: &Range<u64>) -> bool {
        let looks = range.clone().step_by(LOOK_EVERY_BYTES);
        looks
            .chain([range.end.saturating_sub(1)])
            .all(|offset| self.file.is_cached(offset))
    }

    /// Checks what is to be lent first of `range`, in a file that is in this state: where that ends.
    ///
    /// A fault in what comes first is one; before a later one, what is sound ends.
    async fn check(&self, range: Range<u64>, state: FileState) -> Result<u64, BlobError> {
        let stop = range.end.min(range.start.saturating_add(CHECK_BYTES));
        let mut end = range.start;
        while end < stop {
            let chunk = self.chunk(end)?;
            match self.read_chunk(chunk).await {
                Ok(_) => self.trust(chunk, state),
                Err(error) if end == range.start => return Err(error),
                Err(_) => break,
            }
            end = range.end.min(chunk.offset + chunk.len as u64);
        }
        Ok(end)
    }

    /// Notes that `chunk` was found sound in a file that was in this state before.
    fn trust(&self, chunk: Chunk, state: FileState) {
        let now = self.file.access().clock.monotonic();
        let index = self.index(chunk.offset);
        self.lock_checked()
            .note(index, self.checksums.len(), state, now);
    }

    fn index(&self, offset: u64) -> usize {
        usize::try_from(offset / u64::from(self.chunk_bytes)).unwrap_or(usize::MAX)
    }

    fn lock_checked(&self) -> MutexGuard<'_, Checked> {
        lock(&self.checked)
    }

    /// Says that the blob was deleted; see [`OpenFile::doom`].
    pub(crate) fn doom(&self) {
        self.file.doom();
    }
}

#[async_trait]
impl BlobReader for FsBlob {
    fn size(&self) -> u64 {
        self.blob_bytes
    }

    async fn read(&self, offset: u64) -> Result<Bytes, BlobError> {
        if offset >= self.blob_bytes {
            return Ok(Bytes::new());
        }
        let chunk = self.chunk(offset)?;
        Ok(chunk.rest_of(self.read_chunk(chunk).await?, offset))
    }

    async fn lend(&self, offset: u64, max_bytes: u64) -> Result<Option<FileSpan>, BlobError> {
        let end = self
            .blob_bytes
            .min(offset.saturating_add(max_bytes.min(LEND_BYTES)));
        if end.saturating_sub(offset) < LEND_FROM_BYTES {
            return Ok(None);
        }
        // Before the check: a file that is changed while it is checked is not the file that was checked.
        let state = self.file.state()?;
        let trusted = offset..end.min(self.trusted_until(offset, end, state));
        let range = if !trusted.is_empty() && self.is_cached(&trusted) {
            trusted
        } else {
            offset..self.check(offset..end, state).await?
        };
        let file = self.file.file()?;
        let owner = Arc::clone(&self.file) as Arc<_>;
        Ok(Some(FileSpan { file, range, owner }))
    }
}

/// Reads a file's footer and checks the file's length against it.
fn read_footer(disk: &dyn Disk, file: &File) -> Result<Footer, BlobError> {
    let state = disk.state(file)?;
    if !state.is_file {
        return Err(BlobError::Corrupt("what has its name is no file"));
    }
    let file_bytes = state.bytes;
    let start = file_bytes
        .checked_sub(FOOTER_BYTES as u64)
        .ok_or(BlobError::Corrupt("its file is too short"))?;
    let mut footer = [0; FOOTER_BYTES];
    if read_full(disk, file, &mut footer, start)? < FOOTER_BYTES {
        return Err(BlobError::Corrupt("its file is too short"));
    }
    trailer::decode_footer(&footer, file_bytes)
}
