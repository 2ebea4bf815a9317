//! A name that is no local repository's any more is recorded nothing under, whatever was under way when that came about.

use std::sync::Arc;

use bytes::Bytes;
use forebay_content::HostedContent as _;
use forebay_oci::{Digest, RepositoryName};
use forebay_registry::{IsLocal, Mounted, PushError, Refused, Settings};
use tempfile::TempDir;

use crate::scene::{Image, Scene, content, name, uploader};

/// All names but those of a team.
fn without_team() -> IsLocal {
    Arc::new(|name: &RepositoryName| !name.as_str().starts_with("team/"))
}

fn is_refused<T: std::fmt::Debug>(done: Result<T, PushError>, meant: &RepositoryName) {
    match done {
        Err(PushError::Refused(Refused::NotLocal(name))) if name == *meant => {}
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_push_that_is_under_way_does_not_outlive_the_reservation_of_its_name() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (registry, app, other) = (&scene.registry, name("team/app"), name("other"));
    let image = Image::numbered(1);
    scene.push_image(&other, Some("1"), &image).await.unwrap();
    // Everything is sent but what ends the upload.
    let (uploader, bytes) = (uploader(&app), content(7, 5000));
    let begun = registry.begin_upload(uploader.clone(), None).await.unwrap();
    let mut upload = registry.upload(&uploader, begun).await.unwrap();
    upload.write(bytes.clone()).await.unwrap();

    registry.narrow_names(without_team()).await.take_over();
    let digest = Digest::sha256(&bytes);
    is_refused(
        registry.finish_upload(&uploader, upload, &digest).await,
        &app,
    );
    is_refused(scene.push(&app, Some("1"), &image.manifest).await, &app);
    let blob = Digest::sha256(&image.blobs[0]);
    is_refused(registry.mount(&other, &app, &blob).await, &app);
    let settings = Settings::default();
    is_refused(registry.create_repository(&app, settings).await, &app);
    assert_eq!(scene.rows.find_repository(&app).await.unwrap(), None);
    // Others go on, and so does this one once its name is reserved again.
    scene
        .push(&other, Some("2"), &image.manifest)
        .await
        .unwrap();
    registry.set_names(Arc::new(|_| true));
    let mounted = registry.mount(&other, &app, &blob).await.unwrap();
    assert_eq!(mounted, Mounted::Done);
    scene.close().await;
}

#[tokio::test]
async fn while_a_configuration_is_looked_at_only_what_both_call_local_is_pushed_to() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (app, own) = (name("team/app"), name("own"));
    let blob = Bytes::from_static(b"{}");
    scene
        .registry
        .set_names(Arc::new(|name| name.as_str().starts_with("team/")));
    let looked_at = scene.registry.narrow_names(without_team()).await;
    is_refused(scene.upload(&app, &blob).await, &app);
    is_refused(scene.upload(&own, &blob).await, &own);
    // It is not taken over: all is as it was.
    drop(looked_at);
    scene.upload(&app, &blob).await.unwrap();
    is_refused(scene.upload(&own, &blob).await, &own);
    let taken_over = scene.registry.narrow_names(without_team()).await;
    taken_over.take_over();
    is_refused(scene.upload(&app, &blob).await, &app);
    scene.upload(&own, &blob).await.unwrap();
    scene.close().await;
}
