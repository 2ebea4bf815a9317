//! A client goes away while it is served: what it asked for is done as a whole or not at all, in rows and journal alike.

use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use forebay_content::{BlobStore as _, ContentSource as _, Request, SystemClock};
use forebay_disk_faults::{Effect, Fault, FaultyDisk, Target};
use forebay_oci::Digest;
use futures::poll;
use tempfile::TempDir;

use crate::promises::{Act, Promises, Told};
use crate::rebuilt::{Snapshot, rebuilt, snapshot};
use crate::scene::{Image, Scene, name, uploader};
use crate::sound::keeps;

/// How long what is under way may take to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a request is looked after before its client is gone, at most.
const MAX_POLLS: usize = 12;

/// Looks after the request some times, and no more; true if it was answered.
async fn depart<T>(request: impl Future<Output = T>, polls: usize) -> bool {
    let mut request = pin!(request);
    for _ in 0..polls {
        if poll!(&mut request).is_ready() {
            return true;
        }
        tokio::time::sleep(Duration::from_micros(300)).await;
    }
    false
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_nothing_half_done() {
    let dir = TempDir::new().unwrap();
    let app = name("app");
    let mut promises = Promises::default();
    for polls in 0..MAX_POLLS {
        let scene = Scene::open(dir.path()).await;
        let image = Image::numbered(u32::try_from(polls).unwrap());
        for blob in &image.blobs {
            scene.upload(&app, blob).await.unwrap();
        }
        depart(scene.push(&app, Some("1"), &image.manifest), polls).await;
        note(
            &mut promises,
            Act::Push(image.digest(), Some("1".to_owned())),
            false,
        );
        scene.push(&app, Some("2"), &image.manifest).await.unwrap();
        note(
            &mut promises,
            Act::Push(image.digest(), Some("2".to_owned())),
            true,
        );
        depart(scene.registry.drop_manifest(&app, &image.digest()), polls).await;
        note(&mut promises, Act::Drop(image.digest()), false);
        let blob = Digest::sha256(&image.blobs[0]);
        depart(scene.registry.mount(&app, &name("web"), &blob), polls).await;
        depart(scene.registry.collect_garbage(Duration::ZERO), polls).await;
        scene.close().await;
        agrees(dir.path(), &promises, polls).await;
    }
}

fn note(promises: &mut Promises, act: Act, is_done: bool) {
    promises.note(&Told {
        is_done,
        repository: "app".to_owned(),
        act,
    });
}

/// Rows and journal tell the same, and what is linked is there.
async fn agrees(root: &Path, promises: &Promises, polls: usize) {
    let scene = Scene::open(root).await;
    let what = format!("gone after {polls}");
    keeps(&scene, promises, &what).await;
    let collected = scene.registry.collect_garbage(Duration::ZERO).await;
    collected.unwrap();
    let before = snapshot(&scene.rows).await;
    let request = Request::in_background(name("web"));
    for stat in scene.blobs.list(None, 1000).await.unwrap() {
        scene.blobs.verify(&stat.digest).await.unwrap();
        drop(scene.registry.stat_blob(&request, &stat.digest).await);
    }
    scene.close().await;
    let (after, report) = rebuilt(root).await;
    assert_eq!(report.lost, [], "{what}");
    // A repository in which only blobs were held is in no journal.
    let known = |of: &[Snapshot]| -> Vec<Snapshot> {
        let known = of.iter().filter(|one| one.has_manifests());
        known.cloned().collect()
    };
    assert_eq!(known(&before), known(&after), "{what}");
}

/// A registry on a disk that takes nothing more from now on.
async fn on_a_disk_that(effect: Effect, root: &Path, prepare: impl AsyncFn(&Scene)) -> Scene {
    let disk = FaultyDisk::default();
    let clock = Arc::new(SystemClock::new());
    let scene = Scene::on(root, Arc::new(disk.clone()), clock).await;
    prepare(&scene).await;
    disk.set(Some(Fault {
        target: Target::Changes,
        at: disk.count(Target::Changes) + 1,
        stays: true,
        effect,
    }));
    scene
}

// On one thread, so that nothing goes on before the client has gone.
#[tokio::test]
async fn a_full_disk_is_told_although_the_client_whose_push_it_refused_has_gone() {
    let (app, image) = (name("app"), Image::numbered(1));
    let dir = TempDir::new().unwrap();
    let scene = on_a_disk_that(Effect::Full, dir.path(), async |scene: &Scene| {
        for blob in &image.blobs {
            scene.upload(&app, blob).await.unwrap();
        }
    });
    let scene = scene.await;
    assert!(!depart(scene.push(&app, Some("1"), &image.manifest), 1).await);
    scene.supervisor.stop();
    assert!(scene.supervisor.drain(PATIENCE).await);
    let told = scene.registry.disk_trouble();
    assert!(told.is_some_and(|told| told.contains("used up")));

    let dir = TempDir::new().unwrap();
    let blob = &image.blobs[1];
    let begun = std::sync::Mutex::new(None);
    let scene = on_a_disk_that(Effect::Full, dir.path(), async |scene: &Scene| {
        let id = scene.registry.begin_upload(uploader(&app), None).await;
        let mut upload = scene
            .registry
            .upload(&uploader(&app), id.unwrap())
            .await
            .unwrap();
        upload.write(blob.clone()).await.unwrap();
        *begun.lock().unwrap() = Some(upload);
    });
    let scene = scene.await;
    let upload = begun.into_inner().unwrap().unwrap();
    let (uploader, digest) = (uploader(&app), Digest::sha256(blob));
    let finishing = scene.registry.finish_upload(&uploader, upload, &digest);
    assert!(!depart(finishing, 1).await);
    scene.supervisor.stop();
    assert!(scene.supervisor.drain(PATIENCE).await);
    let told = scene.registry.disk_trouble();
    assert!(told.is_some_and(|told| told.contains("used up")));
}

#[tokio::test]
async fn a_full_disk_is_told_until_there_is_room_and_a_broken_one_until_it_takes_a_push() {
    for (effect, is_over) in [(Effect::Full, true), (Effect::Broken, false)] {
        let (app, blob) = (name("app"), Image::numbered(1).blobs[1].clone());
        let (dir, disk) = (TempDir::new().unwrap(), FaultyDisk::default());
        let clock = Arc::new(SystemClock::new());
        let scene = Scene::on(dir.path(), Arc::new(disk.clone()), clock).await;
        disk.set(Some(Fault {
            target: Target::Changes,
            at: disk.count(Target::Changes) + 1,
            stays: true,
            effect,
        }));
        assert!(scene.upload(&app, &blob).await.is_err());
        scene.registry.look_at_disk().await;
        assert!(scene.registry.disk_trouble().is_some(), "{effect:?}");
        disk.set(None);
        scene.registry.look_at_disk().await;
        let told = scene.registry.disk_trouble();
        assert_eq!(told.is_none(), is_over, "{effect:?}: {told:?}");
        scene.upload(&app, &blob).await.unwrap();
        assert_eq!(scene.registry.disk_trouble(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_disk_does_not_let_go_of_is_not_told_as_a_push_that_it_refuses() {
    let (app, image) = (name("app"), Image::numbered(1));
    let dir = TempDir::new().unwrap();
    let scene = on_a_disk_that(Effect::Broken, dir.path(), async |scene: &Scene| {
        scene.push_image(&app, Some("1"), &image).await.unwrap();
        scene
            .registry
            .drop_manifest(&app, &image.digest())
            .await
            .unwrap();
    });
    let scene = scene.await;
    let collected = scene.registry.collect_garbage(Duration::ZERO).await;
    assert!(collected.is_err(), "{collected:?}");
    assert_eq!(scene.registry.disk_trouble(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_that_race_for_a_tag_are_in_the_journal_in_the_order_of_their_rows() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let app = name("app");
    let images: Vec<Image> = (0..24).map(Image::numbered).collect();
    for image in &images {
        for blob in &image.blobs {
            scene.upload(&app, blob).await.unwrap();
        }
    }
    let pushes = images
        .iter()
        .map(|image| scene.push(&app, Some("1"), &image.manifest));
    for pushed in futures::future::join_all(pushes).await {
        pushed.unwrap();
    }
    let before = snapshot(&scene.rows).await;
    scene.close().await;
    let (after, _) = rebuilt(dir.path()).await;
    assert_eq!(before, after);
}
