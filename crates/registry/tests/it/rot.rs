//! Rot in the rows, wherever a digest is written down: garbage collection deletes nothing that was pushed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forebay_content::BlobStore as _;
use forebay_oci::Digest;
use tempfile::TempDir;

use crate::scene::{Image, ROWS, Scene, name};

/// Where in the file the hash of this digest stands.
fn places_of(digest: &Digest, file: &[u8]) -> Vec<usize> {
    let hash = digest.hash();
    let windows = file.windows(hash.len()).enumerate();
    windows
        .filter(|(_, window)| *window == hash)
        .map(|(at, _)| at)
        .collect()
}

/// Rows without a log beside them: as a stopped server leaves them.
async fn stopped(root: &Path) -> Vec<Digest> {
    let scene = Scene::open(root).await;
    let mut digests = Vec::new();
    for number in 0..4 {
        let image = Image::numbered(number);
        let tag = number.to_string();
        scene
            .push_image(&name("app"), Some(&tag), &image)
            .await
            .unwrap();
        digests.push(image.digest());
        digests.extend(image.blobs.iter().map(|blob| Digest::sha256(blob)));
    }
    scene.close().await;
    digests.sort();
    digests.dedup();
    digests
}

#[tokio::test]
async fn rot_wherever_a_digest_is_written_down_makes_nobody_delete_its_bytes() {
    let dir = TempDir::new().unwrap();
    let digests = stopped(dir.path()).await;
    let rows = dir.path().join(ROWS);
    let sound = std::fs::read(&rows).unwrap();
    let (mut refused, mut spared) = (0, 0);
    for digest in &digests {
        for place in places_of(digest, &sound) {
            let mut rotten = sound.clone();
            // In the middle, so that it stays among its neighbours.
            rotten[place + 20] ^= 1;
            std::fs::write(&rows, rotten).unwrap();
            let scene = Scene::open(dir.path()).await;
            match scene.registry.collect_garbage(Duration::ZERO).await {
                Ok(_) => spared += 1,
                Err(_) => refused += 1,
            }
            for digest in &digests {
                let verified = scene.blobs.verify(digest).await;
                verified.unwrap_or_else(|error| panic!("{digest} by rot at {place}: {error}"));
            }
            scene.close().await;
        }
    }
    assert!(
        refused >= digests.len(),
        "{refused} refused, {spared} spared"
    );
    assert!(spared > 0, "{refused} refused, {spared} spared");
    // Sound again, it goes on as if nothing had been.
    std::fs::write(&rows, sound).unwrap();
    let scene = Scene::open(dir.path()).await;
    let unused = bytes::Bytes::from_static(b"nobody's");
    let unused = scene.upload(&name("app"), &unused).await.unwrap();
    let registry = &scene.registry;
    registry.drop_blob(&name("app"), &unused).await.unwrap();
    let collected = registry.collect_garbage(Duration::ZERO).await.unwrap();
    assert_eq!(collected.objects, 1);
    scene.close().await;
}

#[tokio::test]
async fn nothing_is_deleted_while_bytes_are_copied_and_all_of_it_after() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (app, image, other) = (name("app"), Image::numbered(1), Image::numbered(2));
    scene.push_image(&app, Some("1"), &image).await.unwrap();
    let registry = Arc::clone(&scene.registry);
    let spared = registry.spare_bytes().await;
    registry.drop_manifest(&app, &image.digest()).await.unwrap();
    // What is being pushed is young; the manifest that was dropped is nobody's at once.
    let collecting = registry.collect_garbage(Duration::from_hours(1));
    tokio::pin!(collecting);
    // As far as it comes while everything else goes on.
    let pushed = scene.push_image(&app, Some("2"), &other);
    tokio::select! {
        collected = &mut collecting => panic!("{collected:?}"),
        pushed = pushed => pushed.unwrap(),
    };
    scene.blobs.verify(&image.digest()).await.unwrap();
    drop(spared);
    assert_eq!(collecting.await.unwrap().objects, 1);
    assert!(scene.blobs.verify(&image.digest()).await.is_err());
    scene.close().await;
}
