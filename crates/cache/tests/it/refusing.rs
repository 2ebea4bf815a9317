//! A catalog that can be read and not written to: nothing is claimed that is not there, nothing is there that is not claimed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use forebay_content::memory::MemoryCatalog;
use forebay_content::{CatalogError, FillEnd};

use crate::bench::{Bench, Setup, content, manifest_over};
use crate::counts::Counter;
use crate::hooked_catalog::HookedCatalog;

/// A cache over a catalog that refuses every write while it is told so.
async fn bench_of(max_bytes: u64) -> (Bench, Arc<AtomicBool>, Counter) {
    let (refuses, counter) = (Arc::<AtomicBool>::default(), Counter::default());
    let is_refused = Arc::clone(&refuses);
    let hook = move || {
        if is_refused.load(Ordering::SeqCst) {
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(CatalogError::NoSpace(Arc::new(full)));
        }
        Ok(())
    };
    let catalog = HookedCatalog {
        inner: Arc::new(MemoryCatalog::new()),
        hook: Arc::new(hook),
    };
    let setup = Setup {
        max_bytes,
        catalog: Arc::new(catalog),
        observe: Arc::new(counter.clone()),
        ..Setup::default()
    };
    (Bench::with(setup).await, refuses, counter)
}

#[tokio::test]
async fn an_eviction_that_the_catalog_refuses_deletes_nothing() {
    let (bench, refuses, _) = bench_of(100_000).await;
    let first = bench.hub.put("a/b", content(80_000));
    bench.bytes("a/b", &first).await.unwrap();
    bench.settle().await;
    bench.clock.advance(Duration::from_mins(2));
    refuses.store(true, Ordering::SeqCst);
    let second = bench.hub.put("a/b", content(70_000));
    assert_eq!(
        bench.bytes("a/b", &second).await.unwrap(),
        content(70_000),
        "passed on"
    );
    bench.settle().await;
    assert_eq!(bench.at_rest().await, [first]);
    assert!(bench.kept.health().trouble().is_some());
}

#[tokio::test]
async fn what_the_catalog_does_not_record_is_not_kept_nor_counted_as_kept() {
    let (bench, refuses, counter) = bench_of(100_000).await;
    refuses.store(true, Ordering::SeqCst);
    let blob = bench.hub.put("a/b", content(5000));
    assert_eq!(bench.bytes("a/b", &blob).await.unwrap(), content(5000));
    bench.hub.push("a/b", "latest", manifest_over(&[]));
    bench.manifest("a/b", "latest").await.unwrap();
    bench.settle().await;
    assert!(bench.at_rest().await.is_empty());
    assert_eq!(counter.of(FillEnd::PassedOn.as_str()), 1);
    assert_eq!(counter.of(FillEnd::Kept.as_str()), 0);
    assert_eq!(bench.kept.bytes(), 0);
}
