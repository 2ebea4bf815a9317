//! What is about to be needed is not collected, and what is given up leaves nothing behind.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forebay_blobs_fs::RealDisk;
use forebay_content::{
    BlobError, BlobStore as _, ContentSource as _, ManualClock, Missing, Request, SourceError,
    Timestamp,
};
use forebay_oci::Digest;
use forebay_registry::PushError;
use tempfile::TempDir;

use crate::scene::{Image, Scene, content, name, staged_at_most, uploader};

/// The grace, short of what the registry collects by itself.
const GRACE: Duration = Duration::from_mins(1);

async fn scene(root: &Path) -> (Scene, ManualClock) {
    let clock = ManualClock::at(Timestamp(1_700_000_000_000));
    let scene = Scene::on(root, Arc::new(RealDisk), Arc::new(clock.clone())).await;
    (scene, clock)
}

#[tokio::test]
async fn a_blob_that_a_client_was_told_of_is_there_when_its_manifest_comes() {
    let dir = TempDir::new().unwrap();
    let (scene, clock) = scene(dir.path()).await;
    let (app, image) = (name("app"), Image::numbered(1));
    for blob in &image.blobs {
        scene.upload(&app, blob).await.unwrap();
    }
    clock.advance(3 * GRACE);
    let request = Request::in_background(app.clone());
    for blob in &image.blobs {
        let stat = scene
            .registry
            .stat_blob(&request, &Digest::sha256(blob))
            .await;
        assert_eq!(stat.unwrap(), Some(blob.len() as u64));
    }
    clock.advance(GRACE / 2);
    let collected = scene.registry.collect_garbage(GRACE).await.unwrap();
    assert_eq!((collected.links, collected.objects), (0, 0));
    let pushed = scene.push(&app, Some("1"), &image.manifest).await.unwrap();
    assert_eq!(pushed.absent, []);
}

#[tokio::test]
async fn that_a_blob_was_told_of_is_written_down_and_brings_back_none_that_was_dropped() {
    let dir = TempDir::new().unwrap();
    let (first, clock) = scene(dir.path()).await;
    let app = name("app");
    let request = Request::in_background(app.clone());
    let kept = first.upload(&app, &content(1, 10)).await.unwrap();
    let dropped = first.upload(&app, &content(2, 10)).await.unwrap();
    clock.advance(3 * GRACE);
    for digest in [&kept, &dropped] {
        first.registry.stat_blob(&request, digest).await.unwrap();
    }
    first.registry.drop_blob(&app, &dropped).await.unwrap();
    first.close().await;
    let by: Arc<ManualClock> = Arc::new(clock.clone());
    let second = Scene::on(dir.path(), Arc::new(RealDisk), by).await;
    clock.advance(GRACE / 2);
    let collected = second.registry.collect_garbage(GRACE).await.unwrap();
    assert_eq!((collected.links, collected.objects), (0, 1));
    assert!(second.blobs.open(&kept).await.is_ok());
    let gone = second.registry.stat_blob(&request, &dropped).await;
    assert!(matches!(gone, Err(SourceError::NotFound(Missing::Blob))));
    let gone = second.blobs.open(&dropped).await.err();
    assert!(matches!(gone, Some(BlobError::NotFound)));
    // And nobody asks for it any more.
    clock.advance(GRACE);
    let collected = second.registry.collect_garbage(GRACE).await.unwrap();
    assert_eq!((collected.links, collected.objects), (1, 1));
}

#[tokio::test]
async fn an_upload_that_fails_is_taken_back_or_given_up_leaves_no_file() {
    let dir = TempDir::new().unwrap();
    let (scene, clock) = scene(dir.path()).await;
    let app = name("app");
    let another = Digest::sha256(b"another");
    let failed = scene.upload_as(&app, &content(1, 70_000), &another).await;
    assert!(matches!(failed, Err(PushError::Digest { .. })));
    staged_at_most(dir.path(), 0).await;
    let who = uploader(&app);
    for is_taken_back in [true, false] {
        let id = scene
            .registry
            .begin_upload(who.clone(), None)
            .await
            .unwrap();
        let mut upload = scene.registry.upload(&who, id).await.unwrap();
        upload.write(content(2, 70_000)).await.unwrap();
        if is_taken_back {
            scene.registry.cancel_upload(upload);
        } else {
            drop(upload);
            clock.advance(Duration::from_hours(2));
            scene.registry.keep_up().await;
        }
        staged_at_most(dir.path(), 0).await;
        let gone = scene.registry.received(&who, id);
        assert!(matches!(gone, Err(PushError::NoUpload)));
    }
    assert_eq!(scene.registry.open_uploads(), 0);
    assert!(scene.blobs.list(None, 10).await.unwrap().is_empty());
}
