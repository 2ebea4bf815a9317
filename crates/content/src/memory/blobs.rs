//! Blobs in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use bytes::Bytes;
use forebay_oci::Digest;

use crate::blob_store::{BlobError, BlobReader, BlobStat, BlobStore, FileSpan, Stage};
use crate::lock::lock;

/// How much one read gives at most, in bytes.
const CHUNK_BYTES: usize = 64 * 1024;

/// Keeps blobs in memory. Clones are the same store.
#[derive(Clone, Debug)]
pub struct MemoryBlobs {
    state: Arc<Mutex<State>>,
    room_bytes: u64,
}

#[derive(Debug, Default)]
struct State {
    blobs: BTreeMap<Digest, Bytes>,
    /// What blobs and stages hold together.
    used_bytes: u64,
}

/// A blob that is all there.
#[derive(Debug)]
struct Whole(Bytes);

/// A blob that grows while it is read.
#[derive(Debug, Default)]
struct Growing(Mutex<Vec<u8>>);

#[derive(Debug)]
struct MemoryStage {
    store: MemoryBlobs,
    growing: Arc<Growing>,
    /// What this stage has taken of the room and has not handed to a blob.
    held_bytes: u64,
}

// === impl MemoryBlobs ===

impl Default for MemoryBlobs {
    fn default() -> Self {
        Self::with_room(u64::MAX)
    }
}

impl MemoryBlobs {
    /// An empty store that is full once blobs and stages hold `room_bytes`.
    pub fn with_room(room_bytes: u64) -> Self {
        Self {
            state: Arc::default(),
            room_bytes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    fn left_bytes(&self) -> u64 {
        self.room_bytes.saturating_sub(self.lock().used_bytes)
    }
}

#[async_trait]
impl BlobStore for MemoryBlobs {
    async fn open(&self, digest: &Digest) -> Result<Arc<dyn BlobReader>, BlobError> {
        let content = self.lock().blobs.get(digest).cloned();
        Ok(Arc::new(Whole(content.ok_or(BlobError::NotFound)?)))
    }

    async fn stage(&self, expected_bytes: Option<u64>) -> Result<Box<dyn Stage>, BlobError> {
        if self.left_bytes() < expected_bytes.unwrap_or(0) {
            return Err(BlobError::NoSpace);
        }
        Ok(Box::new(MemoryStage {
            store: self.clone(),
            growing: Arc::default(),
            held_bytes: 0,
        }))
    }

    async fn delete(&self, digest: &Digest) -> Result<(), BlobError> {
        let mut state = self.lock();
        if let Some(content) = state.blobs.remove(digest) {
            state.used_bytes -= content.len() as u64;
        }
        Ok(())
    }

    async fn verify(&self, digest: &Digest) -> Result<(), BlobError> {
        let content = self.lock().blobs.get(digest).cloned();
        if digest.matches(&content.ok_or(BlobError::NotFound)?) {
            return Ok(());
        }
        Err(BlobError::Corrupt("its bytes do not have its digest"))
    }

    async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<BlobStat>, BlobError> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.lock();
        let blobs = state.blobs.range::<Digest, _>((start, Bound::Unbounded));
        Ok(blobs
            .take(limit)
            .map(|(digest, content)| BlobStat {
                digest: digest.clone(),
                size: content.len() as u64,
            })
            .collect())
    }
}

// === impl Whole ===

#[async_trait]
impl BlobReader for Whole {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    async fn read(&self, offset: u64) -> Result<Bytes, BlobError> {
        let start = position(offset, self.0.len());
        Ok(self.0.slice(start..self.0.len().min(start + CHUNK_BYTES)))
    }

    async fn lend(&self, _: u64, _: u64) -> Result<Option<FileSpan>, BlobError> {
        Ok(None)
    }
}

// === impl Growing ===

impl Growing {
    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        lock(&self.0)
    }
}

#[async_trait]
impl BlobReader for Growing {
    fn size(&self) -> u64 {
        self.lock().len() as u64
    }

    async fn read(&self, offset: u64) -> Result<Bytes, BlobError> {
        let content = self.lock();
        let start = position(offset, content.len());
        let end = content.len().min(start + CHUNK_BYTES);
        Ok(Bytes::copy_from_slice(&content[start..end]))
    }

    async fn lend(&self, _: u64, _: u64) -> Result<Option<FileSpan>, BlobError> {
        Ok(None)
    }
}

// === impl MemoryStage ===

#[async_trait]
impl Stage for MemoryStage {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        let count = bytes.len() as u64;
        {
            let mut state = self.store.lock();
            if self.store.room_bytes.saturating_sub(state.used_bytes) < count {
                return Err(BlobError::NoSpace);
            }
            state.used_bytes += count;
        }
        self.held_bytes += count;
        self.growing.lock().extend_from_slice(&bytes);
        Ok(())
    }

    fn reader(&self) -> Arc<dyn BlobReader> {
        Arc::clone(&self.growing) as Arc<dyn BlobReader>
    }

    async fn commit(mut self: Box<Self>, digest: &Digest) -> Result<(), BlobError> {
        let mut state = self.store.lock();
        let content = Bytes::copy_from_slice(&self.growing.lock());
        if let Some(replaced) = state.blobs.insert(digest.clone(), content) {
            state.used_bytes -= replaced.len() as u64;
        }
        drop(state);
        // The blob holds the room from here on.
        self.held_bytes = 0;
        Ok(())
    }
}

impl Drop for MemoryStage {
    fn drop(&mut self) {
        self.store.lock().used_bytes -= self.held_bytes;
    }
}

/// Where `offset` lies in content of `len` bytes; its end if behind it.
fn position(offset: u64, len: usize) -> usize {
    usize::try_from(offset).unwrap_or(len).min(len)
}
