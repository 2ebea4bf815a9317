//! A disk that is full or broken: pulls go on, and Forebay says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use forebay_content::memory::MemoryBlobs;
use forebay_content::{
    BlobError, BlobReader, BlobStat, BlobStore, ByteRange, ContentSource, Provenance, Stage,
};
use forebay_oci::Digest;

use crate::bench::{Bench, Setup, content, read, until};
use crate::scripted::short;

/// A store whose stages fail once they hold more than `room` bytes, and do not even begin without any; `u64::MAX` is a sound
/// disk.
struct Filling {
    inner: MemoryBlobs,
    room: Arc<AtomicU64>,
    error: BlobError,
}

struct FillingStage {
    inner: Box<dyn Stage>,
    room: Arc<AtomicU64>,
    error: BlobError,
    written: u64,
}

#[async_trait]
impl BlobStore for Filling {
    async fn open(&self, digest: &Digest) -> Result<Arc<dyn BlobReader>, BlobError> {
        self.inner.open(digest).await
    }

    async fn stage(&self, expected_bytes: Option<u64>) -> Result<Box<dyn Stage>, BlobError> {
        if self.room.load(Ordering::Relaxed) == 0 {
            return Err(self.error.clone());
        }
        let inner = self.inner.stage(expected_bytes).await?;
        Ok(Box::new(FillingStage {
            inner,
            room: Arc::clone(&self.room),
            error: self.error.clone(),
            written: 0,
        }))
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

#[async_trait]
impl Stage for FillingStage {
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError> {
        self.written += bytes.len() as u64;
        if self.written > self.room.load(Ordering::Relaxed) {
            return Err(self.error.clone());
        }
        self.inner.write(bytes).await
    }

    fn reader(&self) -> Arc<dyn BlobReader> {
        self.inner.reader()
    }

    async fn commit(self: Box<Self>, digest: &Digest) -> Result<(), BlobError> {
        self.inner.commit(digest).await
    }
}

async fn bench_with_room(room: u64, error: BlobError) -> (Bench, Arc<AtomicU64>) {
    let room = Arc::new(AtomicU64::new(room));
    let blobs = Filling {
        inner: MemoryBlobs::default(),
        room: Arc::clone(&room),
        error,
    };
    (
        Bench::with(Setup {
            blobs: Arc::new(blobs),
            ..Setup::default()
        })
        .await,
        room,
    )
}

fn errors() -> [BlobError; 3] {
    [
        BlobError::NoSpace,
        BlobError::ReadOnly,
        BlobError::Io(Arc::new(std::io::Error::other("EIO"))),
    ]
}

#[tokio::test]
async fn a_disk_that_fills_up_at_any_byte_breaks_no_pull() {
    for error in errors() {
        for room in [0, 999, 1000, 1001, 25_000, 49_999] {
            let (bench, _) = bench_with_room(room, error.clone()).await;
            let bytes = content(50_000);
            let digest = bench.hub.put("a/b", bytes.clone());
            let (one, two) = tokio::join!(bench.bytes("a/b", &digest), bench.bytes("a/b", &digest));
            assert_eq!(one.unwrap(), bytes, "{error} after {room}");
            assert_eq!(two.unwrap(), bytes, "{error} after {room}");
            bench.settle().await;
            assert!(
                bench.at_rest().await.is_empty(),
                "the part that was written is gone"
            );
            assert!(bench.kept.health().trouble().is_some());
        }
    }
}

#[tokio::test]
async fn what_cannot_be_kept_costs_one_who_pulls_it_one_get() {
    for error in errors() {
        for room in [0, 999, 25_000, 49_999] {
            let (bench, _) = bench_with_room(room, error.clone()).await;
            let bytes = content(50_000);
            let digest = bench.hub.put("a/b", bytes.clone());
            for pull in 0..2 {
                assert_eq!(bench.bytes("a/b", &digest).await.unwrap(), bytes);
                bench.settle().await;
                let get = format!("GET blob a/b/{}", short(&digest));
                assert_eq!(
                    bench.hub.asked(),
                    [get],
                    "{error} after {room}, pull {pull}"
                );
            }
        }
    }
}

#[tokio::test]
async fn of_two_who_read_when_the_disk_fills_up_one_asks_for_the_rest() {
    let (bench, _) = bench_with_room(25_000, BlobError::NoSpace).await;
    let bytes = content(50_000);
    let digest = bench.hub.put("a/b", bytes.clone());
    let (one, two) = tokio::join!(bench.bytes("a/b", &digest), bench.bytes("a/b", &digest));
    assert_eq!((one.unwrap(), two.unwrap()), (bytes.clone(), bytes));
    let get = format!("GET blob a/b/{}", short(&digest));
    assert_eq!(
        bench.hub.asked(),
        [get.clone(), format!("{get} from 25000")]
    );
}

#[tokio::test]
async fn what_nobody_goes_on_with_is_let_go_after_a_while() {
    let (bench, _) = bench_with_room(25_000, BlobError::NoSpace).await;
    let digest = bench.hub.put("a/b", content(50_000));
    let unread = bench.blob("a/b", &digest).await.unwrap();
    until(|| bench.kept.health().trouble().is_some()).await;
    assert!(
        bench.supervisor.running() > 1,
        "the rest waits for its reader"
    );
    until(|| {
        bench.clock.advance(Duration::from_secs(1));
        bench.supervisor.running() <= 1
    })
    .await;
    assert_eq!(read(unread).await.unwrap().len(), 50_000);
    assert_eq!(bench.hub.asked().len(), 2);
}

#[tokio::test]
async fn a_range_is_passed_on_as_well() {
    let (bench, _) = bench_with_room(10_000, BlobError::NoSpace).await;
    let bytes = content(50_000);
    let digest = bench.hub.put("a/b", bytes.clone());
    for (first, last) in [(0, 99), (9_990, 10_010), (20_000, 20_999), (49_000, 49_999)] {
        let range = Some(ByteRange::Between { first, last });
        let part = bench
            .cache
            .blob(&Bench::request("a/b"), &digest, range)
            .await
            .unwrap();
        let expected = usize::try_from(first).unwrap()..usize::try_from(last + 1).unwrap();
        assert_eq!(read(part).await.unwrap(), bytes.slice(expected));
    }
}

#[tokio::test]
async fn wrong_bytes_do_not_complete_on_a_full_disk_either() {
    let (bench, _) = bench_with_room(10_000, BlobError::NoSpace).await;
    let digest = bench.hub.put("a/b", content(50_000));
    bench
        .hub
        .bodies(std::iter::repeat_n(crate::scripted::Body::Wrong, 2));
    assert!(bench.bytes("a/b", &digest).await.is_err());
}

#[tokio::test]
async fn manifests_are_served_from_memory_and_trouble_ends_when_the_disk_works_again() {
    let (bench, room) = bench_with_room(0, BlobError::NoSpace).await;
    bench.hub.push("a/b", "latest", "manifest");
    assert_eq!(
        bench.manifest("a/b", "latest").await.unwrap().bytes,
        "manifest"
    );
    bench.settle().await;
    assert!(bench.kept.health().trouble().unwrap().contains("no space"));
    assert_eq!(
        bench.manifest("a/b", "latest").await.unwrap().provenance,
        Provenance::Kept
    );

    room.store(u64::MAX, Ordering::Relaxed);
    let digest = bench.hub.put("a/b", content(10));
    bench.bytes("a/b", &digest).await.unwrap();
    bench.settle().await;
    assert_eq!(bench.kept.health().trouble(), None);
    assert_eq!(bench.at_rest().await, [digest]);
}
