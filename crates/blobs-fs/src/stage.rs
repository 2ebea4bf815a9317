//! A blob being written, and its readers who follow it.
//!
//! Whole chunks go to the staging file; the chunk being filled stays in memory, where readers see it at once. So each
//! byte is written once, nothing read back is unchecked, and a thread is bothered once a chunk.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use forebay_content::{BlobError, BlobReader, FileSpan, Stage, lock};
use forebay_oci::Digest;

use crate::access::{Chunk, OpenFile, change_failed, off_worker};
use crate::store::Store;
use crate::trailer;

/// A blob being written.
#[derive(Debug)]
pub(crate) struct FsStage {
    store: Arc<Store>,
    /// The staging file; `None` once the commit has taken it over.
    path: Option<PathBuf>,
    growing: Arc<Growing>,
    failed: Option<BlobError>,
}

/// What the writer and the readers of a stage share.
#[derive(Debug)]
pub(crate) struct Growing {
    file: OpenFile,
    chunk_bytes: u32,
    progress: Mutex<Progress>,
}

/// How far a stage has come. `bytes` = what the checksums cover + `full` + `tail`.
#[derive(Debug, Default)]
struct Progress {
    bytes: u64,
    checksums: Vec<u32>,
    /// A whole chunk on its way to the disk.
    full: Bytes,
    /// The chunk being filled, never whole.
    tail: BytesMut,
}

/// What a read found.
enum Found {
    Memory(Bytes),
    Disk(Chunk),
}

// === impl FsStage ===

impl FsStage {
    pub(crate) fn new(store: Arc<Store>, path: PathBuf, file: OpenFile) -> Self {
        let growing = Growing {
            file,
            chunk_bytes: store.chunk_bytes,
            progress: Mutex::default(),
        };
        Self {
            store,
            path: Some(path),
            growing: Arc::new(growing),
            failed: None,
        }
    }

    async fn append(&mut self, mut bytes: Bytes) -> Result<(), BlobError> {
        // A write whose caller went away may have left a whole chunk behind.
        self.growing.flush().await?;
        while !bytes.is_empty() {
            if self
                .growing
                .lock()
                .fill(&mut bytes, self.growing.chunk_bytes)
            {
                self.growing.flush().await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Stage for FsStage {
    /// After an error the reader's size says how much was taken, and all later writes fail alike.
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        let outcome = self.append(bytes).await;
        self.failed = outcome.as_ref().err().cloned();
        outcome
    }

    fn reader(&self) -> Arc<dyn BlobReader> {
        Arc::clone(&self.growing) as Arc<dyn BlobReader>
    }

    async fn commit(mut self: Box<Self>, digest: &Digest) -> Result<(), BlobError> {
        self.write(Bytes::new()).await?;
        let Some(path) = self.path.clone() else {
            return Err(BlobError::NotFound);
        };
        let (store, growing) = (Arc::clone(&self.store), Arc::clone(&self.growing));
        let digest = digest.clone();
        off_worker(move || {
            growing.finish(&digest)?;
            store.publish(&path, &digest)
        })
        .await?;
        self.path = None;
        Ok(())
    }
}

impl Drop for FsStage {
    fn drop(&mut self) {
        // By the time its last reader is done, the blob may have been deleted, if it was ever kept.
        self.growing.file.doom();
        if let Some(path) = self.path.take() {
            self.store.access.remove_later(path);
        }
    }
}

// === impl Growing ===

impl Growing {
    fn lock(&self) -> MutexGuard<'_, Progress> {
        lock(&self.progress)
    }

    /// Writes the whole chunk that waits in memory, if one does.
    async fn flush(&self) -> Result<(), BlobError> {
        let (full, offset) = {
            let progress = self.lock();
            let chunk_bytes = u64::from(self.chunk_bytes);
            (
                progress.full.clone(),
                progress.checksums.len() as u64 * chunk_bytes,
            )
        };
        if full.is_empty() {
            return Ok(());
        }
        let checksum = crc32c::crc32c(&full);
        let (file, access) = (self.file.file()?, Arc::clone(self.file.access()));
        off_worker(move || {
            access
                .disk
                .write_at(&file, &full, offset)
                .map_err(change_failed)
        })
        .await?;
        let mut progress = self.lock();
        progress.checksums.push(checksum);
        progress.full.clear();
        Ok(())
    }

    /// Writes the last, partial chunk and the trailer, and makes the file durable. Waits for the disk.
    fn finish(&self, digest: &Digest) -> Result<(), BlobError> {
        let (end, offset, checksums) = {
            let progress = self.lock();
            let mut checksums = progress.checksums.clone();
            let offset = checksums.len() as u64 * u64::from(self.chunk_bytes);
            if !progress.tail.is_empty() {
                checksums.push(crc32c::crc32c(&progress.tail));
            }
            let blob_bytes = progress.bytes;
            let trailer = trailer::encode(digest, blob_bytes, self.chunk_bytes, &checksums);
            let mut end = progress.tail.to_vec();
            end.extend_from_slice(&trailer);
            (end, offset, checksums)
        };
        let (file, disk) = (self.file.file()?, &*self.file.access().disk);
        disk.write_at(&file, &end, offset).map_err(change_failed)?;
        disk.sync(&file).map_err(change_failed)?;
        let mut progress = self.lock();
        progress.checksums = checksums;
        progress.tail = BytesMut::new();
        Ok(())
    }

    fn find(&self, offset: u64) -> Found {
        let progress = self.lock();
        if offset >= progress.bytes {
            return Found::Memory(Bytes::new());
        }
        let checksums = &progress.checksums;
        match Chunk::holding(offset, self.chunk_bytes, progress.bytes, checksums) {
            Some(chunk) => Found::Disk(chunk),
            None => Found::Memory(progress.in_memory(offset)),
        }
    }
}

#[async_trait]
impl BlobReader for Growing {
    fn size(&self) -> u64 {
        self.lock().bytes
    }

    async fn read(&self, offset: u64) -> Result<Bytes, BlobError> {
        match self.find(offset) {
            Found::Memory(bytes) => Ok(bytes),
            Found::Disk(chunk) => {
                let bytes = self.file.read_chunk(chunk).await?;
                Ok(chunk.rest_of(bytes, offset))
            }
        }
    }

    /// Never: what is being written changes its file all the time.
    async fn lend(&self, _: u64, _: u64) -> Result<Option<FileSpan>, BlobError> {
        Ok(None)
    }
}

// === impl Progress ===

impl Progress {
    /// Takes from `bytes` what the chunk being filled can hold; true if it is whole now.
    fn fill(&mut self, bytes: &mut Bytes, chunk_bytes: u32) -> bool {
        let chunk_bytes = chunk_bytes as usize;
        if self.tail.is_empty() && bytes.len() >= chunk_bytes {
            // A whole chunk in one piece needs no copy.
            self.full = bytes.split_to(chunk_bytes);
            self.bytes += chunk_bytes as u64;
            return true;
        }
        let count = bytes.len().min(chunk_bytes - self.tail.len());
        self.tail.reserve(chunk_bytes - self.tail.len());
        self.tail.extend_from_slice(&bytes.split_to(count));
        self.bytes += count as u64;
        if self.tail.len() < chunk_bytes {
            return false;
        }
        self.full = self.tail.split().freeze();
        true
    }

    /// The bytes in memory from `offset` on, which lies behind all that is on disk.
    fn in_memory(&self, offset: u64) -> Bytes {
        let start = self.bytes - (self.full.len() + self.tail.len()) as u64;
        let skipped = usize::try_from(offset - start).unwrap_or(usize::MAX);
        if skipped < self.full.len() {
            return self.full.slice(skipped..);
        }
        let rest = self.tail.get(skipped - self.full.len()..);
        Bytes::copy_from_slice(rest.unwrap_or_default())
    }
}
