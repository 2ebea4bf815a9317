//! What is counted: of fills, each that began ends, whatever becomes of it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use forebay_content::memory::MemoryBlobs;
use forebay_content::{
    BlobError, BlobReader, BlobStat, BlobStore, Event, Observe, SourceError, Stage,
};
use forebay_oci::Digest;

use crate::bench::{Bench, Setup, content};
use crate::scripted::Body;

/// Counts beginnings and ends of fills.
#[derive(Clone, Default)]
pub(crate) struct Counter(Arc<Mutex<HashMap<&'static str, u32>>>);

/// A store that does not see its blobs the next so many times.
#[derive(Clone, Default)]
struct Blinking {
    inner: MemoryBlobs,
    blinks: Arc<AtomicU32>,
}

impl Counter {
    pub(crate) fn of(&self, what: &str) -> u32 {
        self.0.lock().unwrap().get(what).copied().unwrap_or(0)
    }
}

impl Observe for Counter {
    fn observe(&self, event: &Event<'_>) {
        let what = match event {
            Event::FillBegan { .. } => "began",
            Event::FillEnded { end, .. } => end.as_str(),
            _ => return,
        };
        *self.0.lock().unwrap().entry(what).or_default() += 1;
    }
}

#[async_trait]
impl BlobStore for Blinking {
    async fn open(&self, digest: &Digest) -> Result<Arc<dyn BlobReader>, BlobError> {
        let blink = |left: u32| left.checked_sub(1);
        let blinked = self
            .blinks
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, blink);
        if blinked.is_ok() {
            return Err(BlobError::NotFound);
        }
        self.inner.open(digest).await
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

#[tokio::test]
async fn of_fills_as_many_end_as_began_and_what_is_here_already_is_none() {
    let (counter, blobs) = (Counter::default(), Blinking::default());
    let bench = Bench::with(Setup {
        blobs: Arc::new(blobs.clone()),
        observe: Arc::new(counter.clone()),
        max_bytes: 100_000,
        ..Setup::default()
    })
    .await;
    let digest = bench.hub.put("a/b", content(10_000));
    bench.bytes("a/b", &digest).await.unwrap();
    bench.settle().await;
    // The look before the fill misses it, the fill's own does not.
    let bench = bench.restart().await;
    blobs.blinks.store(1, Ordering::SeqCst);
    bench.hub.asked();
    bench.bytes("a/b", &digest).await.unwrap();
    assert_eq!(blobs.blinks.load(Ordering::SeqCst), 0);
    assert!(bench.hub.asked().is_empty());
    bench.settle().await;
    assert_eq!((counter.of("began"), counter.of("kept")), (1, 1));

    let large = bench.hub.put("a/b", content(100_001));
    bench.bytes("a/b", &large).await.unwrap();
    let wrong = bench.hub.put("a/b", content(500));
    bench.hub.bodies([Body::Wrong]);
    bench.bytes("a/b", &wrong).await.unwrap_err();
    let long = bench.hub.put("a/b", content(700));
    bench.hub.bodies([Body::TooLong]);
    bench.bytes("a/b", &long).await.unwrap_err();
    bench.hub.fail(SourceError::Denied);
    let denied = bench.hub.put("a/b", content(600));
    assert!(bench.bytes("a/b", &denied).await.is_err());
    bench.settle().await;
    assert_eq!(counter.of("began"), 5);
    for end in ["kept", "too_large", "wrong_bytes", "invalid", "failed"] {
        assert_eq!(counter.of(end), 1, "{end}");
    }
}
