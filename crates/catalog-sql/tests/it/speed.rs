//! How fast it is: figures to read, never a condition. `cargo test --release -p forebay-catalog-sql speed -- --ignored --nocapture`

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::path::Path;
use std::time::Duration;

use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_content::{Clock, Links, Manifests, Objects, SystemClock};
use futures::stream::{self, StreamExt};

use crate::words::{manifest, object, target};

/// The measure: "ready within 100 ms with 100,000 cached blobs".
const OBJECTS: u64 = 100_000;

/// Writers at once.
const AT_ONCE: usize = 512;

struct Watch(SystemClock);

impl Watch {
    fn start() -> Self {
        Self(SystemClock::new())
    }

    fn lap(&self) -> Duration {
        self.0.monotonic()
    }

    fn per_second(&self, count: u64) -> u128 {
        u128::from(count) * 1_000_000 / self.lap().as_micros().max(1)
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn figures_with_a_hundred_thousand_objects() {
    let directory = tempfile::tempdir_in(".").unwrap();
    let path = directory.path().join(FILE_NAME);
    let catalog = SqlCatalog::open(&path).await.unwrap();
    measure_keeping(&catalog).await;
    measure_finding(&catalog).await;
    measure_ageing(&catalog).await;
    catalog.close().await.unwrap();
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!(
        "file: {bytes} bytes, {} an object with its link",
        bytes / OBJECTS
    );
    measure_opening(&path).await;
}

async fn measure_keeping(catalog: &SqlCatalog) {
    let watch = Watch::start();
    let keeping = |number| async move {
        let (ours, kept) = (target(number % 100), object(number));
        catalog.keep_object(Some(&ours), &kept).await.unwrap();
    };
    let keeps = stream::iter(0..OBJECTS).map(keeping);
    keeps.buffer_unordered(AT_ONCE).collect::<()>().await;
    println!(
        "keep_object, {AT_ONCE} at once: {}/s, {:?}",
        watch.per_second(OBJECTS),
        catalog.write_counts()
    );
    let watch = Watch::start();
    for number in OBJECTS..OBJECTS + 200 {
        catalog.keep_object(None, &object(number)).await.unwrap();
    }
    println!("keep_object, one by one: {}/s", watch.per_second(200));
}

async fn measure_finding(catalog: &SqlCatalog) {
    const FINDS: u64 = 20_000;
    const MANIFESTS: u64 = 1_000;
    let at = object(1).used_at;
    for number in 0..MANIFESTS {
        catalog
            .keep_manifest(None, &manifest(number), at)
            .await
            .unwrap();
    }
    for at_once in [1, 16] {
        let watch = Watch::start();
        let finding = |number| async move {
            let number = number * 7 % OBJECTS;
            let (ours, kept) = (target(number % 100), object(number));
            assert!(catalog.is_linked(&ours, &kept.digest).await.unwrap());
        };
        let finds = stream::iter(0..FINDS).map(finding);
        finds.buffer_unordered(at_once).collect::<()>().await;
        println!(
            "is_linked, {at_once} at once: {}/s",
            watch.per_second(FINDS)
        );
    }
    let watch = Watch::start();
    for number in 0..FINDS {
        let digest = manifest(number % MANIFESTS).digest;
        let found = catalog.find_manifest(&digest).await.unwrap();
        assert!(found.is_some());
    }
    println!("find_manifest, one by one: {}/s", watch.per_second(FINDS));
}

async fn measure_ageing(catalog: &SqlCatalog) {
    let used: Vec<_> = (0..5_000)
        .map(|n| (object(n).digest, object(n + 1).used_at))
        .collect();
    let watch = Watch::start();
    catalog.touch(&used).await.unwrap();
    println!("touch of 5,000: {:?}", watch.lap());
    let coldest = catalog.coldest(1_000).await.unwrap();
    let digests: Vec<_> = coldest.into_iter().map(|object| object.digest).collect();
    let watch = Watch::start();
    catalog.evict(&digests).await.unwrap();
    println!("evict of 1,000: {:?}", watch.lap());
}

async fn measure_opening(path: &Path) {
    let watch = Watch::start();
    let catalog = SqlCatalog::open(path).await.unwrap();
    let opened = watch.lap();
    catalog.usage().await.unwrap();
    let asked = watch.lap();
    catalog.coldest(100).await.unwrap();
    println!(
        "open: {opened:?}, with usage: {asked:?}, with coldest: {:?}",
        watch.lap()
    );
}
