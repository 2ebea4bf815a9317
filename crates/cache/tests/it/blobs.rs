//! Blobs at rest: whole or in part, earned, and never damaged.

use forebay_content::{Blob, ByteRange, ContentSource, Missing, Provenance, SourceError};

use crate::bench::{Bench, content, read};
use crate::scripted::short;

async fn part(
    bench: &Bench,
    digest: &forebay_oci::Digest,
    range: ByteRange,
) -> Result<Blob, SourceError> {
    bench
        .cache
        .blob(&Bench::request("a/b"), digest, Some(range))
        .await
}

#[tokio::test]
async fn a_warm_blob_asks_nothing_also_after_a_restart() {
    let bench = Bench::new().await;
    let bytes = content(200_000);
    let digest = bench.hub.put("a/b", bytes.clone());
    assert_eq!(bench.bytes("a/b", &digest).await.unwrap(), bytes);
    let bench = bench.restart().await;
    assert_eq!(
        bench.hub.asked(),
        [format!("GET blob a/b/{}", short(&digest))]
    );
    let warm = bench.blob("a/b", &digest).await.unwrap();
    assert_eq!(
        (warm.provenance, warm.size),
        (Provenance::Kept, Some(200_000))
    );
    assert_eq!(read(warm).await.unwrap(), bytes);
    assert!(bench.hub.asked().is_empty());
}

#[tokio::test]
async fn ranges_of_a_kept_blob_are_those_bytes() {
    let bench = Bench::new().await;
    let bytes = content(150_000);
    let digest = bench.hub.put("a/b", bytes.clone());
    bench.bytes("a/b", &digest).await.unwrap();
    for (range, expected) in [
        (ByteRange::From { first: 0 }, 0..150_000),
        (ByteRange::From { first: 149_999 }, 149_999..150_000),
        (
            ByteRange::Between {
                first: 65_535,
                last: 65_536,
            },
            65_535..65_537,
        ),
        (ByteRange::Last { length: 70_000 }, 80_000..150_000),
    ] {
        let blob = part(&bench, &digest, range).await.unwrap();
        assert_eq!(blob.range, Some(expected.start as u64..expected.end as u64));
        assert_eq!(read(blob).await.unwrap(), bytes.slice(expected));
    }
    let outside = part(&bench, &digest, ByteRange::From { first: 150_000 }).await;
    assert!(matches!(outside, Err(SourceError::Range(outside)) if outside.size == 150_000));
}

#[tokio::test]
async fn a_repository_that_has_not_earned_a_kept_blob_does_not_see_it() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("private/image", content(1000));
    bench.bytes("private/image", &digest).await.unwrap();
    assert!(matches!(
        bench.blob("attacker/image", &digest).await,
        Err(SourceError::NotFound(Missing::Blob))
    ));
    let head = bench
        .cache
        .stat_blob(&Bench::request("attacker/image"), &digest)
        .await;
    assert!(matches!(head, Err(SourceError::NotFound(Missing::Blob))));
    let range = Some(ByteRange::From { first: 10 });
    assert!(
        bench
            .cache
            .blob(&Bench::request("attacker/image"), &digest, range)
            .await
            .is_err()
    );

    bench.hub.put("honest/image", content(1000));
    bench.hub.asked();
    assert_eq!(
        bench.bytes("honest/image", &digest).await.unwrap(),
        content(1000)
    );
    bench.bytes("honest/image", &digest).await.unwrap();
    assert_eq!(
        bench.hub.asked(),
        [format!("HEAD blob honest/image/{}", short(&digest))]
    );
}

#[tokio::test]
async fn a_manifests_mention_earns_nothing() {
    let bench = Bench::new().await;
    let layer = bench.hub.put("private/image", content(1000));
    bench.bytes("private/image", &layer).await.unwrap();
    bench.hub.push(
        "attacker/image",
        "latest",
        crate::bench::manifest_over(&[(layer.clone(), 1000)]),
    );
    bench.manifest("attacker/image", "latest").await.unwrap();
    assert!(matches!(
        bench.blob("attacker/image", &layer).await,
        Err(SourceError::NotFound(Missing::Blob))
    ));
}

#[tokio::test]
async fn an_absent_manifest_says_nothing_of_a_blob_of_the_same_digest() {
    let bench = Bench::new().await;
    let digest = forebay_oci::Digest::sha256(b"layer");
    assert!(bench.manifest("a/b", &digest.to_string()).await.is_err());
    bench.hub.put("a/b", "layer");
    assert_eq!(bench.bytes("a/b", &digest).await.unwrap(), "layer");
}
