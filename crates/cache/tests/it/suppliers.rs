//! What one upstream gave is shown through another one only if that one has it too: saying so is not enough.

use forebay_cache::CachingSource;
use forebay_content::{ContentSource, Provenance, SourceError};
use forebay_oci::Digest;

use crate::bench::{Bench, content, manifest_over, read};
use crate::scripted::{Scripted, short};

/// Keeps `secret` from one upstream, and gives another one that says that it has it, and gives other bytes.
async fn bench_with_a_liar(secret: &[u8]) -> (Bench, Digest, Scripted, CachingSource) {
    let bench = Bench::new().await;
    let digest = bench.hub.put("private/image", secret.to_vec());
    let (evil, cache) = bench.beside("evil.io");
    evil.put_as("x/y", &digest, "some other bytes");
    (bench, digest, evil, cache)
}

async fn pull(cache: &CachingSource, digest: &Digest) -> Result<bytes::Bytes, SourceError> {
    let blob = cache.blob(&Bench::request("x/y"), digest, None).await?;
    read(blob).await
}

#[tokio::test]
async fn a_head_of_another_upstreams_does_not_earn_a_kept_blob() {
    let secret = content(5000);
    for asks_first in [false, true] {
        let (bench, digest, _evil, cache) = bench_with_a_liar(&secret).await;
        let request = Bench::request("x/y");
        if asks_first {
            // Before there is anything to be seen: a claim on what may come.
            let size = cache.stat_blob(&request, &digest).await.unwrap();
            assert_eq!(size, Some(16));
        }
        bench.bytes("private/image", &digest).await.unwrap();
        bench.settle().await;
        for _ in 0..2 {
            let size = cache.stat_blob(&request, &digest).await.unwrap();
            assert_eq!(size, Some(16), "what the other one says itself");
            assert!(pull(&cache, &digest).await.is_err());
            bench.settle().await;
        }
        assert_eq!(bench.bytes("private/image", &digest).await.unwrap(), secret);
        let owner = Bench::target("private/image");
        assert!(bench.catalog.is_linked(&owner, &digest).await.unwrap());
    }
}

#[tokio::test]
async fn a_head_of_another_upstreams_does_not_earn_a_kept_manifest() {
    let secret = manifest_over(&[]);
    for reference in ["latest", "digest"] {
        let (bench, digest, evil, cache) = bench_with_a_liar(secret.as_bytes()).await;
        bench
            .manifest("private/image", &digest.to_string())
            .await
            .unwrap();
        bench.settle().await;
        evil.point("x/y", "latest", &digest);
        let reference = match reference {
            "digest" => digest.clone().into(),
            tag => tag.parse().unwrap(),
        };
        let request = Bench::request("x/y");
        for _ in 0..2 {
            cache.resolve(&request, &reference).await.unwrap();
            let answer = cache.manifest(&request, &reference).await;
            assert!(answer.is_err(), "{answer:?}");
            bench.settle().await;
        }
    }
}

#[tokio::test]
async fn an_upstream_that_has_the_bytes_gives_them_once_and_they_are_kept_once() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("a/b", content(5000));
    bench.bytes("a/b", &digest).await.unwrap();
    bench.settle().await;
    let (other, cache) = bench.beside("ghcr.io");
    for repository in ["x/y", "x/z"] {
        other.put(repository, content(5000));
    }
    for _ in 0..2 {
        assert_eq!(pull(&cache, &digest).await.unwrap(), content(5000));
        bench.settle().await;
    }
    let digest_of = short(&digest);
    assert_eq!(other.asked(), [format!("GET blob x/y/{digest_of}")]);
    assert_eq!(bench.kept.bytes(), 5000);
    let request = Bench::request("x/z");
    let blob = cache.blob(&request, &digest, None).await.unwrap();
    assert_eq!(blob.provenance, Provenance::Kept);
    assert_eq!(
        other.asked(),
        [format!("HEAD blob x/z/{digest_of}")],
        "it has given those bytes: from then on its word is enough"
    );
}

#[tokio::test]
async fn what_another_registry_gave_under_the_same_name_is_neither_shown_nor_believed() {
    let bench = Bench::new().await;
    let layer = bench.hub.put("a/b", content(5000));
    let manifest = manifest_over(&[(layer.clone(), 5000)]);
    let manifest = bench.hub.put("a/b", manifest);
    bench.hub.point("a/b", "latest", &manifest);
    bench.manifest("a/b", "latest").await.unwrap();
    bench.bytes("a/b", &layer).await.unwrap();
    bench.settle().await;

    let (other, cache) = bench.beside_as("docker.io", "docker.io elsewhere");
    other.put_as("a/b", &layer, "some other bytes");
    let request = Bench::request("a/b");
    let latest = "latest".parse().unwrap();
    let answer = cache.manifest(&request, &latest).await;
    assert!(
        matches!(answer, Err(SourceError::NotFound(_))),
        "{answer:?}"
    );
    let answer = cache.manifest(&request, &manifest.clone().into()).await;
    assert!(
        matches!(answer, Err(SourceError::NotFound(_))),
        "{answer:?}"
    );
    // It says that it has it, and gives other bytes.
    let pulled = async { read(cache.blob(&request, &layer, None).await?).await };
    let pulled = pulled.await;
    assert!(
        matches!(pulled, Err(SourceError::Invalid { .. })),
        "{pulled:?}"
    );
    // What is its own is found, as the other's is.
    let own = other.put("a/b", content(600));
    let blob = cache.blob(&request, &own, None).await.unwrap();
    assert_eq!(read(blob).await.unwrap(), content(600));
    bench.settle().await;
    let blob = cache.blob(&request, &own, None).await.unwrap();
    assert_eq!(blob.provenance, Provenance::Kept);
    let kept = bench.manifest("a/b", "latest").await.unwrap();
    assert_eq!(kept.provenance, Provenance::Kept);
}

#[tokio::test]
async fn what_nobody_is_known_to_have_supplied_is_earned_by_a_head() {
    let bench = Bench::new().await;
    let digest = bench.hub.put("a/b", content(5000));
    let mut stage = bench.blobs.stage(None).await.unwrap();
    stage.write(content(5000)).await.unwrap();
    stage.commit(&digest).await.unwrap();
    let object = forebay_content::Object {
        digest: digest.clone(),
        size: 5000,
        used_at: forebay_content::Timestamp(0),
    };
    bench.catalog.keep_object(None, &object).await.unwrap();
    assert_eq!(bench.bytes("a/b", &digest).await.unwrap(), content(5000));
    let head = format!("HEAD blob a/b/{}", short(&digest));
    assert_eq!(bench.hub.asked(), [head]);
}
