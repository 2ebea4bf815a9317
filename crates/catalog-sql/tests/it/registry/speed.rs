//! How fast it is: figures to read, never a condition.
//! `cargo test --release -p forebay-catalog-sql registry::speed -- --ignored --nocapture`

#![expect(clippy::print_stdout, reason = "figures are what it is for")]

use std::time::Duration;

use forebay_catalog_sql::{REGISTRY_FILE_NAME, SqlRegistry};
use forebay_content::{
    Clock, HostedContent, HostedDrops, HostedLists, HostedPushes, HostedUpkeep, ManifestPush,
    SystemClock, Timestamp,
};
use forebay_oci::Tag;
use futures::stream::{self, StreamExt};

use super::words::{AT, blob, name, open, push, push_image};
use crate::words::digest;

/// Manifests of a huge repository, each with two layers of its own.
const MANIFESTS: u64 = 100_000;

/// Tags of another one.
const TAGS: u64 = 1_000_000;

/// Pushes at once.
const AT_ONCE: usize = 256;

struct Watch(SystemClock);

impl Watch {
    fn start() -> Self {
        Self(SystemClock::new())
    }

    fn lap(&self) -> Duration {
        self.0.monotonic()
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn figures_with_a_hundred_thousand_manifests() {
    let directory = tempfile::tempdir_in(".").unwrap();
    let registry = open(directory.path()).await;
    let huge = name(1);
    let watch = Watch::start();
    let pushing = |number| {
        let (registry, huge) = (&registry, &huge);
        async move { push_image(registry, huge, number).await }
    };
    let pushes = stream::iter(0..MANIFESTS).map(pushing);
    pushes.buffer_unordered(AT_ONCE).collect::<()>().await;
    println!(
        "{MANIFESTS} images with two layers, {AT_ONCE} at once: {:?}, {:?}",
        watch.lap(),
        registry.write_counts()
    );
    let path = directory.path().join(REGISTRY_FILE_NAME);
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!("file: {} bytes an image with two layers", bytes / MANIFESTS);
    measure_reads(&registry).await;
    measure_tags(&registry).await;
    let watch = Watch::start();
    let drop = async {
        registry.drop_repository(&huge).await.unwrap();
        println!("drop_repository: {:?}", watch.lap());
    };
    let push = async {
        // Queued behind it, so it waits as long.
        registry.commit_blob(&name(3), &blob(1), AT).await.unwrap();
        println!("a push behind it: {:?}", watch.lap());
    };
    futures::join!(drop, push);
    registry.close().await.unwrap();
}

async fn measure_reads(registry: &SqlRegistry) {
    let huge = name(1);
    let watch = Watch::start();
    for number in 0..10_000 {
        let tag: Tag = format!("v{}", number * 7 % MANIFESTS).parse().unwrap();
        let found = registry.find_hosted_tag(&huge, &tag).await.unwrap();
        assert!(found.is_some());
    }
    println!("find_hosted_tag: {:?} each", watch.lap() / 10_000);
    let watch = Watch::start();
    let page = registry.hosted_manifests(&huge, None, 1_000).await.unwrap();
    println!("hosted_manifests, {}: {:?}", page.len(), watch.lap());
    let digests: Vec<_> = (0..1_000).map(digest).collect();
    let watch = Watch::start();
    let held = registry.held(&digests).await.unwrap();
    println!("held, {}: {:?}", held.len(), watch.lap());
    let watch = Watch::start();
    let notes: Vec<_> = digests
        .iter()
        .map(|digest| (huge.clone(), digest.clone(), AT))
        .collect();
    registry.note_pulls(&notes).await.unwrap();
    println!("note_pulls, 1,000: {:?}", watch.lap());
    let watch = Watch::start();
    let unlinked = registry
        .unlink_unused_blobs(Timestamp(AT.0 + 1), 1_000)
        .await;
    println!("unlink_unused_blobs, none of 200,000: {:?}", watch.lap());
    assert_eq!(unlinked.unwrap(), 0);
    let watch = Watch::start();
    registry.integrity_check().await.unwrap();
    println!("integrity_check: {:?}", watch.lap());
}

async fn measure_tags(registry: &SqlRegistry) {
    let tagged = name(2);
    push_image(registry, &tagged, 1).await;
    let watch = Watch::start();
    for first in (0..TAGS).step_by(10_000) {
        let tags = (first..first + 10_000).map(|number| format!("t{number:07}").parse().unwrap());
        let push = ManifestPush {
            tags: tags.collect(),
            ..push(1)
        };
        registry.commit_manifest(&tagged, &push).await.unwrap();
    }
    println!("{TAGS} tags, 10,000 a push: {:?}", watch.lap());
    for after in ["", "t0500000", "t0999000"] {
        let watch = Watch::start();
        let page = registry.hosted_tags(&tagged, Some(after), 1_000).await;
        let page = page.unwrap().unwrap();
        println!(
            "hosted_tags, {} after {after:?}: {:?}",
            page.len(),
            watch.lap()
        );
    }
    let watch = Watch::start();
    let found = registry.find_repository(&tagged).await.unwrap().unwrap();
    println!(
        "find_repository with {} tags: {:?}",
        found.tags,
        watch.lap()
    );
}
