//! Content that cannot be read for now is no damaged content, and what was deleted is not held open.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use forebay_content::memory::MemoryBlobs;
use forebay_content::{
    BlobError, BlobReader, BlobStat, BlobStore, FileSpan, Provenance, SourceError, Stage,
};
use forebay_oci::Digest;

use crate::bench::{Bench, Setup, content, manifest_over, read};

/// A store whose reads fail while it is told so, and which knows how many blobs are open.
#[derive(Clone, Default)]
struct Watched {
    inner: Arc<MemoryBlobs>,
    fails: Arc<AtomicBool>,
    open: Arc<AtomicUsize>,
}

struct WatchedReader {
    inner: Arc<dyn BlobReader>,
    fails: Arc<AtomicBool>,
    open: Arc<AtomicUsize>,
}

impl Drop for WatchedReader {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl BlobReader for WatchedReader {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    async fn read(&self, offset: u64) -> Result<Bytes, BlobError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(BlobError::Io(Arc::new(io::Error::other("out of files"))));
        }
        self.inner.read(offset).await
    }

    async fn lend(&self, _: u64, _: u64) -> Result<Option<FileSpan>, BlobError> {
        Ok(None)
    }
}

#[async_trait]
impl BlobStore for Watched {
    async fn open(&self, digest: &Digest) -> Result<Arc<dyn BlobReader>, BlobError> {
        let inner = self.inner.open(digest).await?;
        self.open.fetch_add(1, Ordering::SeqCst);
        let (fails, open) = (Arc::clone(&self.fails), Arc::clone(&self.open));
        Ok(Arc::new(WatchedReader { inner, fails, open }))
    }

    async fn stage(&self, expected_bytes: Option<u64>) -> Result<Box<dyn Stage>, BlobError> {
        self.inner.stage(expected_bytes).await
    }

    async fn delete(&self, digest: &Digest) -> Result<(), BlobError> {
        self.inner.delete(digest).await
    }

    async fn verify(&self, digest: &Digest) -> Result<(), BlobError> {
        self.inner.verify(digest).await
    }

    async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<BlobStat>, BlobError> {
        self.inner.list(after, limit).await
    }
}

fn trouble() -> SourceError {
    SourceError::Unavailable {
        why: "nobody is there".to_owned(),
        retry_after: None,
    }
}

async fn watched_bench() -> (Bench, Watched) {
    let blobs = Watched::default();
    let setup = Setup {
        blobs: Arc::new(blobs.clone()),
        ..Setup::default()
    };
    (Bench::with(setup).await, blobs)
}

#[tokio::test]
async fn a_blob_that_cannot_be_read_for_now_is_fetched_for_whoever_asks_and_not_thrown_away() {
    let (bench, blobs) = watched_bench().await;
    let bytes = content(200_000);
    let digest = bench.hub.put("a/b", bytes.clone());
    bench.bytes("a/b", &digest).await.unwrap();
    let bench = bench.restart().await;
    blobs.fails.store(true, Ordering::SeqCst);
    bench.hub.fail(trouble());
    let blob = bench.blob("a/b", &digest).await.unwrap();
    assert!(read(blob).await.is_err(), "nowhere to get it from");
    assert_eq!(bench.at_rest().await, std::slice::from_ref(&digest));
    bench.hub.heal();
    assert_eq!(bench.bytes("a/b", &digest).await.unwrap(), bytes);
    bench.settle().await;
    blobs.fails.store(false, Ordering::SeqCst);
    bench.hub.fail(trouble());
    assert_eq!(bench.bytes("a/b", &digest).await.unwrap(), bytes);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_for_now_is_not_thrown_away() {
    let (bench, blobs) = watched_bench().await;
    let digest = bench.hub.push("a/b", "latest", manifest_over(&[]));
    bench.manifest("a/b", "latest").await.unwrap();
    let bench = bench.restart().await;
    blobs.fails.store(true, Ordering::SeqCst);
    bench.hub.fail(trouble());
    assert!(bench.manifest("a/b", &digest.to_string()).await.is_err());
    assert_eq!(bench.at_rest().await, std::slice::from_ref(&digest));
    blobs.fails.store(false, Ordering::SeqCst);
    let manifest = bench.manifest("a/b", &digest.to_string()).await.unwrap();
    assert_eq!(manifest.provenance, Provenance::Kept);
}

#[tokio::test]
async fn no_blob_stays_open_that_nobody_reads() {
    let (bench, blobs) = watched_bench().await;
    let digest = bench.hub.put("a/b", content(200_000));
    bench.bytes("a/b", &digest).await.unwrap();
    let bench = bench.restart().await;
    let blob = bench.blob("a/b", &digest).await.unwrap();
    assert_eq!(blob.provenance, Provenance::Kept);
    assert_eq!(blobs.open.load(Ordering::SeqCst), 1);
    read(blob).await.unwrap();
    assert_eq!(blobs.open.load(Ordering::SeqCst), 0);
}
