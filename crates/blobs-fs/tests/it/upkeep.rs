//! What fsck and the scrubber rely on.

use std::fs;

use forebay_content::{BlobError, BlobStore};
use forebay_oci::{Algorithm, Digest};

use crate::scene::{CHUNK, Scene, content, keep, names, read};

#[tokio::test]
async fn a_sound_blob_verifies() {
    let scene = Scene::new();
    for len in [0, 1, CHUNK, 20 * 1024 * 1024 + 1] {
        let digest = keep(&scene.store, &content(1, len)).await.unwrap();
        scene.store.verify(&digest).await.unwrap();
    }
    let absent = scene.store.verify(&Digest::sha256(b"absent")).await;
    assert!(matches!(absent, Err(BlobError::NotFound)));
}

#[tokio::test]
async fn a_blob_that_never_had_its_digest_does_not_verify() {
    let scene = Scene::new();
    let digest = Digest::sha256(b"other bytes");
    let mut stage = scene.store.stage(None).await.unwrap();
    stage.write(content(1, 100)).await.unwrap();
    // The checksums are right, for they are made from the bytes; only the hash tells.
    stage.commit(&digest).await.unwrap();
    assert!(read(&scene.store, &digest).await.is_ok());
    let verified = scene.store.verify(&digest).await;
    assert!(matches!(verified, Err(BlobError::Corrupt(_))));
}

#[tokio::test]
async fn a_rotten_blob_does_not_verify_although_it_is_open() {
    let scene = Scene::new();
    let digest = keep(&scene.store, &content(1, 3 * CHUNK)).await.unwrap();
    let _open = scene.store.open(&digest).await.unwrap();
    let mut bytes = fs::read(scene.file_of(&digest)).unwrap();
    bytes[2 * CHUNK] ^= 4;
    fs::write(scene.file_of(&digest), &bytes).unwrap();
    let verified = scene.store.verify(&digest).await;
    assert!(matches!(verified, Err(BlobError::Corrupt(_))));
}

#[tokio::test]
async fn what_is_no_blob_is_a_stray_and_never_listed() {
    let scene = Scene::new();
    let digest = keep(&scene.store, &content(1, 10)).await.unwrap();
    assert!(scene.store.strays().await.unwrap().is_empty());
    let shard = scene.file_of(&digest).parent().unwrap().to_owned();
    let algorithm = shard.parent().unwrap().to_owned();
    let mut strays = vec![
        shard.join("core"),
        shard.join("ab".repeat(32)),
        algorithm.join("README"),
        algorithm.join("zz"),
    ];
    for stray in &strays {
        fs::write(stray, "not ours").unwrap();
    }
    let mut told = scene.store.strays().await.unwrap();
    strays.sort();
    told.sort();
    assert_eq!(told, strays);
    // A directory by the name of a blob is none either: whoever deletes what nobody holds would fail at it.
    let other = Digest::sha256(b"a directory");
    fs::create_dir_all(scene.file_of(&other)).unwrap();
    let listed = scene.store.list(None, 9).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].digest, digest);
}

#[tokio::test]
async fn a_blob_that_was_cut_is_listed_and_does_not_verify() {
    let scene = Scene::new();
    let digest = keep(&scene.store, &content(1, CHUNK + 1)).await.unwrap();
    for length in [0, 5, CHUNK, CHUNK + 7] {
        let file = fs::OpenOptions::new()
            .write(true)
            .open(scene.file_of(&digest))
            .unwrap();
        file.set_len(length as u64).unwrap();
        let listed = scene.store.list(None, 9).await.unwrap();
        assert_eq!(listed.len(), 1, "cut to {length}");
        let verified = scene.store.verify(&digest).await;
        assert!(matches!(verified, Err(BlobError::Corrupt(_))), "{length}");
    }
    assert!(scene.store.strays().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_crash_left_in_staging_is_cleared_at_the_next_start() {
    let scene = Scene::new();
    let staging = scene.root().join("staging");
    fs::write(staging.join("0000000000000000"), "half a blob").unwrap();
    let disk = std::sync::Arc::new(scene.disk.clone());
    let store = forebay_blobs_fs::FsBlobs::open(scene.root(), disk).unwrap();
    assert!(names(&staging).is_empty());
    assert!(store.stage(None).await.is_ok());
}

#[tokio::test]
async fn both_algorithms_list_in_the_order_of_their_digests() {
    let scene = Scene::new();
    let mut kept = Vec::new();
    for seed in 0..20 {
        let blob = content(seed, 10);
        for algorithm in [Algorithm::Sha512, Algorithm::Sha256] {
            let digest = Digest::of(algorithm, &blob);
            let mut stage = scene.store.stage(None).await.unwrap();
            stage.write(blob.clone()).await.unwrap();
            stage.commit(&digest).await.unwrap();
            kept.push(digest);
        }
    }
    kept.sort();
    let listed = scene.store.list(None, 100).await.unwrap();
    let listed: Vec<_> = listed.into_iter().map(|stat| stat.digest).collect();
    assert_eq!(listed, kept);
}
