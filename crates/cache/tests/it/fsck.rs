//! A check of everything at rest: what it finds, what it mends, and what it leaves alone under a busy cache.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use forebay_cache::{FsckMode, FsckReport, fsck};
use forebay_content::memory::MemoryBlobs;
use forebay_content::{BlobError, BlobReader, BlobStat, BlobStore, Provenance, Stage};
use forebay_oci::Digest;
use tokio::sync::Semaphore;

use crate::bench::{Bench, Setup, content, manifest_over, until};
use crate::repair::rotting_bench;
use crate::scripted::short;

async fn check(bench: &Bench, mend: bool) -> FsckReport {
    let mode = FsckMode {
        mend,
        tell: &|_| (),
    };
    bench.kept.fsck(mode).await.unwrap()
}

async fn check_alone(bench: &Bench, mend: bool) -> FsckReport {
    let mode = FsckMode {
        mend,
        tell: &|_| (),
    };
    let (blobs, catalog) = (bench.blobs.as_ref(), bench.catalog.as_ref());
    fsck(blobs, catalog, &bench.clock, mode).await.unwrap()
}

async fn put_at_rest(bench: &Bench, bytes: Bytes) -> Digest {
    let digest = Digest::sha256(&bytes);
    let mut stage = bench.blobs.stage(None).await.unwrap();
    stage.write(bytes).await.unwrap();
    stage.commit(&digest).await.unwrap();
    digest
}

#[tokio::test]
async fn a_check_finds_what_is_damaged_unrecorded_and_missing_and_mends_it() {
    let (bench, damage) = rotting_bench().await;
    let sound = bench.hub.put("a/b", content(1000));
    let rotten = bench.hub.put("a/b", content(2000));
    let missing = bench.hub.put("a/b", content(3000));
    for digest in [&sound, &rotten, &missing] {
        bench.bytes("a/b", digest).await.unwrap();
    }
    bench.settle().await;
    let manifest = manifest_over(&[(sound.clone(), 1000)]);
    let lost = put_at_rest(&bench, manifest.clone().into()).await;
    bench.blobs.delete(&missing).await.unwrap();
    damage.lock().unwrap().replace((rotten.clone(), 0));

    for mend in [false, true] {
        let found = FsckReport {
            sound: 2,
            bytes: 1000 + manifest.len() as u64,
            damaged: vec![rotten.clone()],
            unrecorded: vec![lost.clone()],
            missing: vec![missing.clone()],
            ..FsckReport::default()
        };
        assert_eq!(check_alone(&bench, mend).await, found);
    }
    let after = check_alone(&bench, true).await;
    assert!(after.is_clean(), "{after:?}");

    let bench = bench.restart().await;
    let foreign = bench.manifest("a/b", &lost.to_string()).await;
    assert!(
        foreign.is_err(),
        "a rebuild grants no visibility: {foreign:?}"
    );
    bench.hub.put("c/d", manifest);
    bench.hub.asked();
    let earned = bench.manifest("c/d", &lost.to_string()).await.unwrap();
    assert_eq!(earned.provenance, Provenance::Kept);
    assert_eq!(bench.hub.asked(), [format!("HEAD c/d@{}", short(&lost))]);
}

#[tokio::test]
async fn a_manifest_that_is_dropped_with_its_damaged_layer_is_named() {
    // The order in which the two come up must not matter.
    for number in 0..8 {
        let (bench, damage) = rotting_bench().await;
        let layer = bench.hub.put("a/b", content(1000 + number));
        let manifest = manifest_over(&[(layer.clone(), 1000 + number)]);
        let manifest = bench.hub.push("a/b", "latest", manifest);
        bench.manifest("a/b", "latest").await.unwrap();
        bench.bytes("a/b", &layer).await.unwrap();
        bench.settle().await;
        damage.lock().unwrap().replace((layer.clone(), 0));
        let found = check(&bench, true).await;
        assert_eq!(found.damaged, std::slice::from_ref(&layer));
        assert_eq!(found.dropped_with, std::slice::from_ref(&manifest));
        assert!(found.missing.is_empty() && found.unrecorded.is_empty());
        assert!(bench.at_rest().await.is_empty());
        assert_eq!(bench.kept.bytes(), 0, "the size is that of what is left");
        assert!(check(&bench, true).await.is_clean());
    }
}

#[tokio::test]
async fn a_check_goes_through_more_than_one_step_of_both_sides() {
    let bench = Bench::new().await;
    let mut lost = Vec::new();
    let mut missing = Vec::new();
    for number in 0..1000_u32 {
        let bytes = Bytes::copy_from_slice(&number.to_be_bytes());
        let digest = put_at_rest(&bench, bytes).await;
        match number % 10 {
            0 => lost.push(digest),
            nine_rest => {
                let object = forebay_content::Object {
                    digest: digest.clone(),
                    size: 4,
                    used_at: forebay_content::Timestamp(0),
                };
                bench.catalog.keep_object(None, &object).await.unwrap();
                if nine_rest > 3 {
                    bench.blobs.delete(&digest).await.unwrap();
                    missing.push(digest);
                }
            }
        }
    }
    lost.sort();
    missing.sort();
    for mend in [false, true] {
        let found = check(&bench, mend).await;
        assert_eq!((&found.unrecorded, &found.missing), (&lost, &missing));
        assert_eq!((found.sound, found.bytes), (400, 1600));
    }
    let after = check(&bench, true).await;
    assert!(after.is_clean() && after.sound == 400, "{after:?}");
}

/// A store in which a commit is done, and a deletion begins, long before either returns.
struct Gated {
    inner: MemoryBlobs,
    gate: Arc<Semaphore>,
    waiting: Arc<Mutex<usize>>,
}

struct GatedStage {
    inner: Box<dyn Stage>,
    gate: Arc<Semaphore>,
    waiting: Arc<Mutex<usize>>,
}

async fn pass(gate: &Semaphore, waiting: &Mutex<usize>) {
    *waiting.lock().unwrap() += 1;
    gate.acquire().await.unwrap().forget();
}

#[async_trait]
impl Stage for GatedStage {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        self.inner.write(bytes).await
    }

    fn reader(&self) -> Arc<dyn BlobReader> {
        self.inner.reader()
    }

    async fn commit(self: Box<Self>, digest: &Digest) -> Result<(), BlobError> {
        self.inner.commit(digest).await?;
        pass(&self.gate, &self.waiting).await;
        Ok(())
    }
}

#[async_trait]
impl BlobStore for Gated {
    async fn open(&self, digest: &Digest) -> Result<Arc<dyn BlobReader>, BlobError> {
        self.inner.open(digest).await
    }

    async fn stage(&self, expected_bytes: Option<u64>) -> Result<Box<dyn Stage>, BlobError> {
        let inner = self.inner.stage(expected_bytes).await?;
        Ok(Box::new(GatedStage {
            inner,
            gate: Arc::clone(&self.gate),
            waiting: Arc::clone(&self.waiting),
        }))
    }

    async fn delete(&self, digest: &Digest) -> Result<(), BlobError> {
        pass(&self.gate, &self.waiting).await;
        self.inner.delete(digest).await
    }

    async fn verify(&self, digest: &Digest) -> Result<(), BlobError> {
        self.inner.verify(digest).await
    }

    async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<BlobStat>, BlobError> {
        self.inner.list(after, limit).await
    }
}

#[tokio::test]
async fn what_is_just_coming_or_going_is_no_finding() {
    let (gate, waiting) = (Arc::new(Semaphore::new(0)), Arc::default());
    let blobs = Gated {
        inner: MemoryBlobs::default(),
        gate: Arc::clone(&gate),
        waiting: Arc::clone(&waiting),
    };
    let bench = Bench::with(Setup {
        blobs: Arc::new(blobs),
        max_bytes: 3000,
        ..Setup::default()
    })
    .await;
    for (number, length) in [2000, 2500].into_iter().enumerate() {
        // The second can only come when the first has gone.
        bench.clock.advance(std::time::Duration::from_mins(10));
        let digest = bench.hub.put("a/b", content(length));
        let checks = async {
            for step in 0..=number {
                until(|| *waiting.lock().unwrap() == number + step + 1).await;
                let found = tokio::select! {
                    biased;
                    found = check(&bench, true) => found,
                    () = open_late(&gate) => unreachable!("it goes on for ever"),
                };
                assert!(found.is_clean(), "{number}.{step}: {found:?}");
            }
        };
        let (pulled, ()) = tokio::join!(bench.bytes("a/b", &digest), checks);
        assert_eq!(pulled.unwrap().len(), length);
        bench.settle().await;
    }
}

/// Opens the gate for one when a check has had the time to name what it should not.
async fn open_late(gate: &Semaphore) {
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    gate.add_permits(1);
    std::future::pending::<()>().await;
}
