//! Damage at rest is noticed before a byte of it goes out, and healed from the upstream.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use forebay_content::memory::MemoryBlobs;
use forebay_content::{
    BlobError, BlobReader, BlobStat, BlobStore, ContentSource, FileSpan, Provenance, Stage,
    collect_reader,
};
use forebay_oci::Digest;
use std::sync::Mutex;

use crate::bench::{Bench, Setup, content, manifest_over, read};
use crate::scripted::short;

/// A store that finds damage in the blobs it was told, from an offset on, until they are deleted.
#[derive(Default)]
struct Rotting {
    inner: MemoryBlobs,
    damage: Arc<Mutex<Option<(Digest, u64)>>>,
}

struct RottingReader {
    inner: Arc<dyn BlobReader>,
    damaged_from: u64,
}

#[async_trait]
impl BlobReader for RottingReader {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    async fn read(&self, offset: u64) -> Result<Bytes, BlobError> {
        let bytes = self.inner.read(offset).await?;
        if offset + bytes.len() as u64 > self.damaged_from {
            return Err(BlobError::Corrupt("a flipped bit"));
        }
        Ok(bytes)
    }

    async fn lend(&self, _: u64, _: u64) -> Result<Option<FileSpan>, BlobError> {
        Ok(None)
    }
}

#[async_trait]
impl BlobStore for Rotting {
    async fn open(&self, digest: &Digest) -> Result<Arc<dyn BlobReader>, BlobError> {
        let inner = self.inner.open(digest).await?;
        let damage = self.damage.lock().unwrap().clone();
        match damage.filter(|(damaged, _)| damaged == digest) {
            Some((_, damaged_from)) => Ok(Arc::new(RottingReader {
                inner,
                damaged_from,
            })),
            None => Ok(inner),
        }
    }

    async fn stage(&self, expected_bytes: Option<u64>) -> Result<Box<dyn Stage>, BlobError> {
        self.inner.stage(expected_bytes).await
    }

    async fn delete(&self, digest: &Digest) -> Result<(), BlobError> {
        self.damage
            .lock()
            .unwrap()
            .take_if(|(damaged, _)| damaged == digest);
        self.inner.delete(digest).await
    }

    async fn verify(&self, digest: &Digest) -> Result<(), BlobError> {
        let reader = self.open(digest).await?;
        collect_reader(reader.as_ref(), usize::MAX).await.map(drop)
    }

    async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<BlobStat>, BlobError> {
        self.inner.list(after, limit).await
    }
}

pub(crate) async fn rotting_bench() -> (Bench, Arc<Mutex<Option<(Digest, u64)>>>) {
    let blobs = Rotting::default();
    let damage = Arc::clone(&blobs.damage);
    (
        Bench::with(Setup {
            blobs: Arc::new(blobs),
            ..Setup::default()
        })
        .await,
        damage,
    )
}

#[tokio::test]
async fn a_client_does_not_notice_that_its_blob_was_damaged() {
    for damaged_from in [0, 70_000, 199_999] {
        let (bench, damage) = rotting_bench().await;
        let bytes = content(200_000);
        let digest = bench.hub.put("a/b", bytes.clone());
        bench.bytes("a/b", &digest).await.unwrap();
        let bench = bench.restart().await;
        damage
            .lock()
            .unwrap()
            .replace((digest.clone(), damaged_from));
        bench.hub.asked();
        let blob = bench.blob("a/b", &digest).await.unwrap();
        assert_eq!(blob.provenance, Provenance::Kept);
        assert_eq!(
            read(blob).await.unwrap(),
            bytes,
            "damaged from {damaged_from}"
        );
        bench.settle().await;
        assert_eq!(
            bench.hub.asked(),
            [format!("GET blob a/b/{}", short(&digest))]
        );
        assert_eq!(bench.at_rest().await, std::slice::from_ref(&digest));
        assert_eq!(bench.bytes("a/b", &digest).await.unwrap(), bytes, "healed");
        assert!(bench.hub.asked().is_empty());
    }
}

#[tokio::test]
async fn a_damaged_manifest_is_fetched_anew() {
    let (bench, damage) = rotting_bench().await;
    let digest = bench.hub.push("a/b", "latest", manifest_over(&[]));
    bench.manifest("a/b", "latest").await.unwrap();
    let bench = bench.restart().await;
    damage.lock().unwrap().replace((digest.clone(), 0));
    bench.hub.asked();
    let healed = bench.manifest("a/b", "latest").await.unwrap();
    assert_eq!(
        (healed.provenance, healed.bytes),
        (Provenance::Fetched, manifest_over(&[]).into())
    );
    assert_eq!(bench.hub.asked(), [format!("GET a/b@{}", short(&digest))]);
}

#[tokio::test]
async fn a_blob_that_is_missing_at_rest_is_fetched_anew() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("a/b", content(1000));
    bench.bytes("a/b", &digest).await.unwrap();
    let bench = bench.restart().await;
    bench.blobs.delete(&digest).await.unwrap();
    assert_eq!(bench.bytes("a/b", &digest).await.unwrap(), content(1000));
}

#[tokio::test]
async fn head_of_a_damaged_blob_tells_its_true_size() {
    let (bench, damage) = rotting_bench().await;
    let digest = bench.hub.put("a/b", content(1000));
    bench.bytes("a/b", &digest).await.unwrap();
    damage.lock().unwrap().replace((digest.clone(), 0));
    let size = bench
        .cache
        .stat_blob(&Bench::request("a/b"), &digest)
        .await
        .unwrap();
    assert_eq!(size, Some(1000));
}
