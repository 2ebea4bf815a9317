//! The blobs of local repositories where they share a disk with the cache, which gives way to them.
//!
//! Room is made before it is needed: a stage that a full disk has cut off cannot go on.

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use forebay_blobs_fs::FsBlobs;
use forebay_cache::Kept;
use forebay_content::{BlobError, BlobReader, BlobStat, BlobStore, Stage};
use forebay_oci::Digest;

/// A push asks the cache for so many bytes at a time, of whatever length it is: small, as several share what a small disk has.
const STEP_BYTES: u64 = 1024 * 1024;

/// Blobs for which the cache makes room.
pub(crate) struct GivenWay {
    blobs: FsBlobs,
    cache: Arc<Kept>,
}

struct GivenWayStage {
    stage: Box<dyn Stage>,
    cache: Arc<Kept>,
    /// How much of what was asked for last is not written yet.
    asked_bytes: u64,
}

/// The blobs in `registry` as the registry sees them: beside the cache in `data`, which gives way to them if it is on the same disk.
///
/// # Errors
/// One of the directories cannot be looked at.
pub(crate) fn beside(
    (cache, data): (&Arc<Kept>, &Path),
    (blobs, registry): (&FsBlobs, &Path),
) -> io::Result<Arc<dyn BlobStore>> {
    let device = |dir: &Path| std::fs::metadata(dir).map(|it| it.dev());
    let blobs = blobs.clone();
    if device(data)? != device(registry)? {
        return Ok(Arc::new(blobs));
    }
    let cache = Arc::clone(cache);
    Ok(Arc::new(GivenWay { blobs, cache }))
}

#[async_trait]
impl BlobStore for GivenWay {
    async fn open(&self, digest: &Digest) -> Result<Arc<dyn BlobReader>, BlobError> {
        self.blobs.open(digest).await
    }

    async fn stage(&self, expected_bytes: Option<u64>) -> Result<Box<dyn Stage>, BlobError> {
        let at_first = expected_bytes.unwrap_or_default().max(STEP_BYTES);
        self.cache.give_way(at_first).await;
        Ok(Box::new(GivenWayStage {
            stage: self.blobs.stage(expected_bytes).await?,
            cache: Arc::clone(&self.cache),
            asked_bytes: STEP_BYTES,
        }))
    }

    async fn delete(&self, digest: &Digest) -> Result<(), BlobError> {
        self.blobs.delete(digest).await
    }

    async fn verify(&self, digest: &Digest) -> Result<(), BlobError> {
        self.blobs.verify(digest).await
    }

    async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<BlobStat>, BlobError> {
        self.blobs.list(after, limit).await
    }
}

#[async_trait]
impl Stage for GivenWayStage {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        let length = bytes.len() as u64;
        if self.asked_bytes < length {
            self.asked_bytes = length.max(STEP_BYTES);
            self.cache.give_way(self.asked_bytes).await;
        }
        self.asked_bytes -= length;
        self.stage.write(bytes).await
    }

    fn reader(&self) -> Arc<dyn BlobReader> {
        self.stage.reader()
    }

    async fn commit(self: Box<Self>, digest: &Digest) -> Result<(), BlobError> {
        self.stage.commit(digest).await
    }
}
