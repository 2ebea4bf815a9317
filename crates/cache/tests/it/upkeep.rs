//! What nobody asks for any more does not stay for ever.

use std::time::Duration;

use forebay_content::{ContentSource, Provenance};

use crate::bench::Bench;

const DAY: Duration = Duration::from_hours(24);

/// True if the catalog has this tag of `a/b`.
async fn is_known(bench: &Bench, tag: &str) -> bool {
    let (target, tag) = (Bench::target("a/b"), tag.parse().unwrap());
    bench
        .catalog
        .find_tag(&target, &tag)
        .await
        .unwrap()
        .is_some()
}

#[tokio::test]
async fn a_tag_that_nobody_asks_for_is_forgotten_when_its_manifest_is_gone() {
    let bench = Bench::new().await;
    let (request, target) = (Bench::request("a/b"), Bench::target("a/b"));
    let asked_digest = bench.hub.push("a/b", "asked", "only asked about");
    bench.hub.push("a/b", "pulled", "pulled");
    bench
        .cache
        .resolve(&request, &"asked".parse().unwrap())
        .await
        .unwrap();
    bench.manifest("a/b", "pulled").await.unwrap();
    bench.settle().await;
    bench.clock.advance(29 * DAY);
    bench
        .cache
        .resolve(&request, &"asked".parse().unwrap())
        .await
        .unwrap();
    bench.settle().await;
    // It was asked for a day ago.
    bench.clock.advance(DAY);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(is_known(&bench, "asked").await);

    bench.clock.advance(29 * DAY + Duration::from_secs(1));
    let forgotten = async {
        while is_known(&bench, "asked").await {
            tokio::task::yield_now().await;
        }
    };
    let in_time = tokio::time::timeout(Duration::from_secs(20), forgotten);
    in_time.await.expect("it is forgotten");
    let linked = bench.catalog.is_linked(&target, &asked_digest).await;
    assert!(!linked.unwrap(), "its link showed nothing");
    assert!(is_known(&bench, "pulled").await, "its manifest is at rest");
    let again = bench.manifest("a/b", "pulled").await.unwrap();
    assert_eq!(again.provenance, Provenance::Confirmed);
    let again = bench.manifest("a/b", "asked").await.unwrap();
    assert_eq!(again.bytes, "only asked about");
}
