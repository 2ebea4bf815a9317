//! Images that name blobs which their repository lacks: when rows are made again, they get nothing that was another's, and lose nothing
//! that they were given since.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use forebay_blobs_fs::RealDisk;
use forebay_content::{
    ContentSource as _, Hosted, HostedBlob, HostedContent as _, HostedPushes as _, MAX_ABSENT,
    Missing, Request, SourceError, SystemClock, Timestamp,
};
use forebay_disk_faults::{Effect, Fault, FaultyDisk, Target};
use forebay_oci::{Digest, RepositoryName};
use forebay_registry::{Mounted, PushError};
use futures::FutureExt as _;
use futures::future::{BoxFuture, ready};
use tempfile::TempDir;

use crate::hooked_rows::{HookedRows, Moment};
use crate::rebuilt::{rebuilt, snapshot};
use crate::scene::{Image, ROWS, Scene, content, name};

/// The media type of layers that lie elsewhere.
const FOREIGN: &str = "application/vnd.oci.image.layer.nondistributable.v1.tar";

/// The registry with rows that were made again.
async fn with_new_rows(root: &Path, apart: &TempDir) -> Scene {
    let by = (Arc::new(RealDisk) as _, Arc::new(SystemClock::new()) as _);
    let scene = Scene::with_rows(root, &apart.path().join(ROWS), by).await;
    let report = scene.registry.rebuild_rows().await.unwrap();
    assert_eq!(report.lost, [], "what was never there is no loss");
    scene
}

/// Pushes an image of which only the configuration is uploaded; what it is told to lack.
async fn push_sparse(scene: &Scene, to: &RepositoryName, image: &Image) -> Vec<Digest> {
    scene.upload(to, &image.blobs[0]).await.unwrap();
    let pushed = scene.push(to, Some("sparse"), &image.manifest).await;
    pushed.unwrap().absent
}

async fn holds(scene: &Scene, repository: &RepositoryName, blob: &Digest) -> bool {
    let found = scene.rows.find_hosted_blob(repository, blob).await;
    found.unwrap().is_some()
}

#[tokio::test]
async fn who_names_another_repositorys_blob_does_not_get_it_when_rows_are_made_again() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (secret, mine) = (name("secret/app"), name("mine/x"));
    let image = Image::numbered(0);
    scene.push_image(&secret, Some("1"), &image).await.unwrap();
    let layers: Vec<Bytes> = image.blobs[1..].to_vec();
    let digests =
        |of: &[Bytes]| -> Vec<Digest> { of.iter().map(|it| Digest::sha256(it)).collect() };

    let as_layers = Image::of("as layers", layers.clone());
    let told = push_sparse(&scene, &mine, &as_layers).await;
    assert_eq!(told, digests(&layers));
    let mut as_foreign = Image::of("as layers that lie elsewhere", layers.clone());
    for layer in as_foreign.manifest["layers"].as_array_mut().unwrap() {
        layer["mediaType"] = FOREIGN.into();
    }
    assert_eq!(push_sparse(&scene, &mine, &as_foreign).await, []);
    let manifest = vec![Bytes::from(image.manifest.to_string())];
    let as_manifest = Image::of("a manifest as a layer", manifest.clone());
    push_sparse(&scene, &mine, &as_manifest).await;
    let before = snapshot(&scene.rows).await;
    scene.close().await;

    let apart = TempDir::new().unwrap();
    let scene = with_new_rows(dir.path(), &apart).await;
    assert_eq!(snapshot(&scene.rows).await, before);
    for blob in digests(&layers).iter().chain(&digests(&manifest)) {
        assert!(!holds(&scene, &mine, blob).await, "{blob}");
        let request = Request::in_background(mine.clone());
        let read = scene.registry.blob(&request, blob, None).await;
        assert!(matches!(
            read.map(drop),
            Err(SourceError::NotFound(Missing::Blob))
        ));
    }
    for blob in digests(&layers) {
        assert!(holds(&scene, &secret, &blob).await, "{blob}");
    }
    scene.close().await;
}

#[tokio::test]
async fn what_an_image_lacked_and_was_given_is_there_when_rows_are_made_again() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (other, app) = (name("other"), name("app"));
    let layers: Vec<Bytes> = (0..3).map(|number| content(number, 500)).collect();
    let digests: Vec<Digest> = layers.iter().map(|it| Digest::sha256(it)).collect();
    scene.upload(&other, &layers[1]).await.unwrap();
    let image = Image::of("completed", layers.clone());
    assert_eq!(push_sparse(&scene, &app, &image).await, digests);
    scene.upload(&app, &layers[0]).await.unwrap();
    let mounted = scene.registry.mount(&other, &app, &digests[1]).await;
    assert_eq!(mounted.unwrap(), Mounted::Done);
    scene.close().await;

    let apart = TempDir::new().unwrap();
    let scene = with_new_rows(dir.path(), &apart).await;
    let mut held = Vec::new();
    for blob in &digests {
        held.push(holds(&scene, &app, blob).await);
    }
    assert_eq!(held, [true, true, false]);
    // What is given after that is written down as well.
    scene.upload(&app, &layers[2]).await.unwrap();
    let before = snapshot(&scene.rows).await;
    scene.close().await;
    let (after, report) = rebuilt(dir.path()).await;
    assert_eq!((after, report.lost), (before, vec![]));
}

/// The row is there and the journal's line is not: whoever comes next finds the blob, and brings it no more.
#[tokio::test]
async fn what_an_image_was_given_before_a_kill_is_written_down_after_the_next_start() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (app, layer) = (name("app"), content(1, 500));
    let image = Image::of("completed", vec![layer.clone()]);
    push_sparse(&scene, &app, &image).await;
    let digest = scene.upload(&name("other"), &layer).await.unwrap();
    let blob = HostedBlob {
        digest: digest.clone(),
        size: 500,
        quota_bytes: None,
    };
    let killed = scene.rows.commit_blob(&app, &blob, Timestamp(1)).await;
    killed.unwrap();
    assert_eq!(scene.registry.catch_up().await.unwrap(), 1);
    assert_eq!(scene.registry.catch_up().await.unwrap(), 0, "once");
    scene.close().await;
    let apart = TempDir::new().unwrap();
    let scene = with_new_rows(dir.path(), &apart).await;
    assert!(holds(&scene, &app, &digest).await);
    scene.close().await;
}

/// The blob came when no manifest named it yet, and the manifest was pushed when it had been found missing.
#[tokio::test]
async fn what_an_image_was_given_in_the_middle_of_its_push_is_there_when_rows_are_made_again() {
    let dir = TempDir::new().unwrap();
    let (app, layer) = (name("app"), content(1, 500));
    let is_next = Arc::new(AtomicBool::new(false));
    let behind: Arc<OnceLock<Arc<dyn Hosted>>> = Arc::default();
    let blob = HostedBlob {
        digest: Digest::sha256(&layer),
        size: 500,
        quota_bytes: None,
    };
    let hook = {
        let (is_next, behind) = (Arc::clone(&is_next), Arc::clone(&behind));
        let (to, blob) = (app.clone(), blob.clone());
        move |moment| -> BoxFuture<'static, ()> {
            if moment != Moment::Written || !is_next.swap(false, Ordering::Relaxed) {
                return ready(()).boxed();
            }
            let rows = Arc::clone(behind.get().unwrap());
            let (to, blob) = (to.clone(), blob.clone());
            async move {
                let given = rows.commit_blob(&to, &blob, Timestamp(1)).await;
                given.unwrap();
            }
            .boxed()
        }
    };
    let by = (Arc::new(RealDisk) as _, Arc::new(SystemClock::new()) as _);
    let scene = Scene::hooked(dir.path(), by, |rows| {
        assert!(behind.set(Arc::clone(&rows)).is_ok());
        let hook = Arc::new(hook);
        Arc::new(HookedRows { rows, hook })
    })
    .await;
    scene.upload(&name("other"), &layer).await.unwrap();
    let image = Image::of("completed", vec![layer]);
    scene.upload(&app, &image.blobs[0]).await.unwrap();
    is_next.store(true, Ordering::Relaxed);
    scene.push(&app, None, &image.manifest).await.unwrap();
    assert!(!is_next.load(Ordering::Relaxed));
    scene.close().await;
    let apart = TempDir::new().unwrap();
    let scene = with_new_rows(dir.path(), &apart).await;
    assert!(holds(&scene, &app, &blob.digest).await);
    scene.close().await;
}

/// Who is told so brings it again, and finds it there already: then it is told by the journal as well.
#[tokio::test(flavor = "multi_thread")]
async fn what_an_image_lacked_and_was_given_though_the_disk_failed_is_there_when_rows_are_made_again()
 {
    let dir = TempDir::new().unwrap();
    let disk = FaultyDisk::default();
    let clock = Arc::new(SystemClock::new());
    let scene = Scene::on(dir.path(), Arc::new(disk.clone()), clock).await;
    let app = name("app");
    for at in 1..100 {
        let layer = content(at, 500);
        let image = Image::of(&format!("completed {at}"), vec![layer.clone()]);
        push_sparse(&scene, &app, &image).await;
        let strikes_at = disk.count(Target::Changes) + u64::from(at);
        disk.set(Some(Fault {
            target: Target::Changes,
            at: strikes_at,
            stays: false,
            effect: Effect::Broken,
        }));
        let given = scene.upload(&app, &layer).await;
        let is_struck = disk.count(Target::Changes) >= strikes_at;
        disk.set(None);
        if given.is_err() {
            scene.upload(&app, &layer).await.unwrap();
        }
        // As a kill at this moment leaves it.
        let apart = TempDir::new().unwrap();
        let again = with_new_rows(dir.path(), &apart).await;
        let digest = Digest::sha256(&layer);
        assert!(holds(&again, &app, &digest).await, "{at}: {given:?}");
        again.close().await;
        // A directory that was to be made may be there: then nobody misses the change that failed.
        if given.is_ok() && !is_struck {
            assert!(at > 4, "{at}: it is not so few");
            scene.close().await;
            return;
        }
    }
    panic!("the disk fails for ever");
}

/// A line of the journal names them all.
#[tokio::test]
async fn an_image_that_lacks_more_than_a_line_tells_is_not_taken() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let app = name("app");
    let layer = |number: usize| Bytes::from(number.to_string());
    let all = Image::of("too many", (0..=MAX_ABSENT).map(layer).collect());
    scene.upload(&app, &all.blobs[0]).await.unwrap();
    let refused = scene.push(&app, None, &all.manifest).await;
    let Err(PushError::MissingBlobs(missing)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(missing.len(), MAX_ABSENT + 1);
    scene.upload(&app, &layer(0)).await.unwrap();
    let pushed = scene.push(&app, None, &all.manifest).await.unwrap();
    assert_eq!(pushed.absent.len(), MAX_ABSENT);
    scene.close().await;
    let apart = TempDir::new().unwrap();
    let scene = with_new_rows(dir.path(), &apart).await;
    assert!(holds(&scene, &app, &Digest::sha256(&layer(0))).await);
    assert!(!holds(&scene, &app, &Digest::sha256(&layer(1))).await);
    scene.close().await;
}
