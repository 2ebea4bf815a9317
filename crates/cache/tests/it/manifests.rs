//! Manifests by digest: fetched once, shown only to who earned them, never wrong.

use forebay_content::{ContentSource, Missing, Provenance, SourceError};

use crate::bench::{Bench, manifest_over};
use crate::scripted::short;

#[tokio::test]
async fn a_warm_digest_asks_nothing_also_after_a_restart() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("a/b", manifest_over(&[]));
    assert_eq!(
        bench
            .manifest("a/b", &digest.to_string())
            .await
            .unwrap()
            .provenance,
        Provenance::Fetched
    );
    let bench = bench.restart().await;
    bench.hub.asked();
    assert_eq!(
        bench
            .manifest("a/b", &digest.to_string())
            .await
            .unwrap()
            .provenance,
        Provenance::Kept
    );
    assert!(bench.hub.asked().is_empty());
}

#[tokio::test]
async fn another_repository_earns_a_kept_manifest_by_one_head() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("a/b", "shared");
    bench.hub.put("c/d", "shared");
    bench.manifest("a/b", &digest.to_string()).await.unwrap();
    bench.hub.asked();
    bench.manifest("c/d", &digest.to_string()).await.unwrap();
    bench.manifest("c/d", &digest.to_string()).await.unwrap();
    assert_eq!(bench.hub.asked(), [format!("HEAD c/d@{}", short(&digest))]);
}

#[tokio::test]
async fn a_repository_that_has_not_earned_a_kept_manifest_does_not_see_it() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("private/image", "secret");
    bench
        .manifest("private/image", &digest.to_string())
        .await
        .unwrap();
    for reference in [digest.to_string()] {
        let foreign = bench.manifest("attacker/image", &reference).await;
        assert!(
            matches!(foreign, Err(SourceError::NotFound(Missing::Manifest))),
            "{foreign:?}"
        );
        let head = bench
            .cache
            .resolve(
                &Bench::request("attacker/image"),
                &reference.parse().unwrap(),
            )
            .await;
        assert!(head.is_err());
    }
    bench.hub.fail(SourceError::Unavailable {
        why: "down".to_owned(),
        retry_after: None,
    });
    let unsure = bench.manifest("other/image", &digest.to_string()).await;
    assert!(
        matches!(unsure, Err(SourceError::Unavailable { .. })),
        "what cannot be asked is not granted: {unsure:?}"
    );
    assert!(
        bench
            .manifest("private/image", &digest.to_string())
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn bytes_of_another_digest_are_never_given_nor_kept() {
    let bench = Bench::new().await;
    let digest = bench.hub.push("a/b", "latest", "right");
    bench.hub.put_as("a/b", &digest, "wrong");
    let answer = bench.manifest("a/b", "latest").await;
    assert!(
        matches!(answer, Err(SourceError::Invalid { .. })),
        "{answer:?}"
    );
    bench.settle().await;
    assert!(bench.at_rest().await.is_empty());
}

#[tokio::test]
async fn no_platform_that_nobody_asked_for_is_fetched() {
    let bench = Bench::new().await;
    let amd64 = bench.hub.put("a/b", "for amd64");
    let arm64 = bench.hub.put("a/b", "for arm64");
    let child = |digest| format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":9}}"#);
    let index = format!(r#"{{"manifests":[{},{}]}}"#, child(&amd64), child(&arm64));
    let index = bench.hub.push("a/b", "latest", index);
    bench.manifest("a/b", "latest").await.unwrap();
    bench.manifest("a/b", &amd64.to_string()).await.unwrap();
    bench.settle().await;
    let gets = [
        format!("GET a/b@{}", short(&index)),
        format!("GET a/b@{}", short(&amd64)),
    ];
    assert_eq!(bench.hub.asked(), ["HEAD a/b:latest", &gets[0], &gets[1]]);
}
