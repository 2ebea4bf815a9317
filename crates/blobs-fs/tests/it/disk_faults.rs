//! A disk that fails makes an error, never a blob that is not one.

use std::time::Duration;

use forebay_content::{BlobError, BlobStore};
use forebay_disk_faults::{Effect, Fault, Target};
use forebay_oci::Digest;

use crate::scene::{CHUNK, Scene, content, keep, names, read};

const EFFECTS: [Effect; 4] = [
    Effect::Broken,
    Effect::Full,
    Effect::ReadOnly,
    Effect::OutOfFiles,
];

/// True if the error says what the disk's failure means.
fn means(error: &BlobError, effect: Effect) -> bool {
    match effect {
        Effect::Full => matches!(error, BlobError::NoSpace),
        Effect::ReadOnly => matches!(error, BlobError::ReadOnly),
        _ => matches!(error, BlobError::Io(_)),
    }
}

#[tokio::test]
async fn a_failure_of_any_change_leaves_nothing_visible_and_nothing_behind() {
    let blob = content(1, 3 * CHUNK + 1);
    let digest = Digest::sha256(&blob);
    let scene = Scene::new();
    let before = scene.disk.count(Target::Changes);
    keep(&scene.store, &blob).await.unwrap();
    let changes = scene.disk.count(Target::Changes) - before;
    // A staging file, four writes, the file's sync, a shard and the sync of its name, a name and its sync.
    assert_eq!(changes, 10);
    for effect in EFFECTS {
        for change in 1..=changes {
            let scene = Scene::new();
            scene.disk.set(Some(Fault {
                target: Target::Changes,
                at: scene.disk.count(Target::Changes) + change,
                stays: false,
                effect,
            }));
            let error = keep(&scene.store, &blob).await.unwrap_err();
            assert!(means(&error, effect), "{effect:?} at {change}: {error}");
            let opened = scene.store.open(&digest).await;
            assert!(
                matches!(opened, Err(BlobError::NotFound)),
                "{effect:?} at {change}"
            );
            assert!(scene.store.list(None, 9).await.unwrap().is_empty());
            scene.staging_is_empty().await;
            keep(&scene.store, &blob).await.unwrap();
            assert_eq!(read(&scene.store, &digest).await.unwrap(), blob);
        }
    }
}

#[tokio::test]
async fn a_disk_that_stays_broken_still_gives_what_it_holds() {
    let blob = content(1, 3 * CHUNK + 1);
    for effect in EFFECTS {
        let scene = Scene::new();
        let digest = keep(&scene.store, &blob).await.unwrap();
        scene.disk.break_now(Target::Changes, effect);
        for seed in 2..5 {
            let error = keep(&scene.store, &content(seed, 10)).await.unwrap_err();
            assert!(means(&error, effect), "{effect:?}: {error}");
        }
        assert_eq!(read(&scene.store, &digest).await.unwrap(), blob);
    }
}

#[tokio::test]
async fn a_failed_sync_never_becomes_a_success_of_the_same_stage() {
    let scene = Scene::new();
    let blob = content(1, 100);
    let mut stage = scene.store.stage(None).await.unwrap();
    stage.write(blob.clone()).await.unwrap();
    scene.disk.set(Some(Fault {
        target: Target::Syncs,
        at: scene.disk.count(Target::Syncs) + 1,
        stays: false,
        effect: Effect::Broken,
    }));
    // The stage is used up: there is nothing left that could be committed again.
    assert!(stage.commit(&Digest::sha256(&blob)).await.is_err());
    assert!(scene.store.list(None, 9).await.unwrap().is_empty());
    scene.staging_is_empty().await;
}

#[tokio::test]
async fn a_failed_sync_of_a_name_leaves_the_blob_that_was_there_before() {
    let scene = Scene::new();
    let blob = content(1, 100);
    let digest = keep(&scene.store, &blob).await.unwrap();
    scene.disk.set(Some(Fault {
        target: Target::Syncs,
        at: scene.disk.count(Target::Syncs) + 2,
        stays: false,
        effect: Effect::Broken,
    }));
    assert!(keep(&scene.store, &blob).await.is_err());
    assert_eq!(read(&scene.store, &digest).await.unwrap(), blob);
}

#[tokio::test]
async fn after_a_failed_write_what_was_taken_can_be_read() {
    for effect in EFFECTS {
        let scene = Scene::new();
        let blob = content(1, 4 * CHUNK);
        let mut stage = scene.store.stage(None).await.unwrap();
        let reader = stage.reader();
        stage.write(blob.slice(..CHUNK + 7)).await.unwrap();
        scene.disk.set(Some(Fault {
            target: Target::Writes,
            at: scene.disk.count(Target::Writes) + 1,
            stays: false,
            effect,
        }));
        let error = stage.write(blob.slice(CHUNK + 7..)).await.unwrap_err();
        assert!(means(&error, effect), "{error}");
        let taken = usize::try_from(reader.size()).unwrap();
        assert!((CHUNK + 7..=blob.len()).contains(&taken), "{taken}");
        let mut read = Vec::new();
        while read.len() < taken {
            read.extend_from_slice(&reader.read(read.len() as u64).await.unwrap());
        }
        assert_eq!(read, blob[..taken]);
        // There is a hole now: the disk's recovery does not mend it.
        assert!(stage.write(blob.slice(..1)).await.is_err());
        assert!(stage.commit(&Digest::sha256(&blob)).await.is_err());
        assert!(scene.store.list(None, 9).await.unwrap().is_empty());
        scene.staging_is_empty().await;
    }
}

#[tokio::test]
async fn a_failed_read_is_no_damage() {
    let scene = Scene::new();
    let blob = content(1, CHUNK);
    let digest = keep(&scene.store, &blob).await.unwrap();
    let reader = scene.store.open(&digest).await.unwrap();
    scene.disk.break_now(Target::Reads, Effect::Broken);
    assert!(matches!(reader.read(0).await, Err(BlobError::Io(_))));
    scene.disk.set(None);
    assert_eq!(reader.read(0).await.unwrap(), blob);
}

#[tokio::test]
async fn running_out_of_files_is_no_absence() {
    let scene = Scene::new();
    let digest = keep(&scene.store, &content(1, 10)).await.unwrap();
    scene.disk.break_now(Target::Opens, Effect::OutOfFiles);
    let opened = scene.store.open(&digest).await;
    assert!(matches!(opened, Err(BlobError::Io(_))));
    scene.disk.set(None);
    assert!(scene.store.open(&digest).await.is_ok());
}

#[tokio::test(flavor = "current_thread")]
async fn a_slow_sync_holds_up_nobody_else() {
    let scene = Scene::new();
    let blob = content(1, 3 * CHUNK);
    let digest = keep(&scene.store, &blob).await.unwrap();
    scene
        .disk
        .break_now(Target::Syncs, Effect::Slow(Duration::from_secs(2)));
    let other = content(2, 10);
    let read_first = tokio::select! {
        biased;
        _ = keep(&scene.store, &other) => false,
        read = read(&scene.store, &digest) => read.unwrap() == blob,
    };
    assert!(read_first);
}

#[tokio::test(flavor = "current_thread")]
async fn a_slow_read_holds_up_nobody_else() {
    let scene = Scene::new();
    let digest = keep(&scene.store, &content(1, CHUNK)).await.unwrap();
    let reader = scene.store.open(&digest).await.unwrap();
    scene
        .disk
        .break_now(Target::Reads, Effect::Slow(Duration::from_secs(2)));
    let others_ran = tokio::select! {
        biased;
        _ = reader.read(0) => false,
        () = tokio::task::yield_now() => true,
    };
    assert!(others_ran);
}

#[tokio::test]
async fn many_readers_of_one_blob_share_one_file() {
    let scene = Scene::new();
    let blob = content(1, 3 * CHUNK);
    let digest = keep(&scene.store, &blob).await.unwrap();
    let before = scene.disk.count(Target::Opens);
    let mut readers = Vec::new();
    for _ in 0..1000 {
        readers.push(scene.store.open(&digest).await.unwrap());
    }
    assert_eq!(scene.disk.count(Target::Opens) - before, 1);
    for reader in &readers {
        assert_eq!(reader.read(0).await.unwrap(), blob[..CHUNK]);
    }
}

#[tokio::test]
async fn a_write_that_nobody_waited_for_is_made_good_by_the_next() {
    let scene = Scene::new();
    let blob = content(1, 2 * CHUNK);
    let mut stage = scene.store.stage(None).await.unwrap();
    scene
        .disk
        .break_now(Target::Writes, Effect::Slow(Duration::from_millis(200)));
    let given_up = tokio::select! {
        biased;
        _ = stage.write(blob.slice(..CHUNK)) => false,
        () = tokio::task::yield_now() => true,
    };
    assert!(given_up);
    scene.disk.set(None);
    assert_eq!(stage.reader().size(), CHUNK as u64);
    assert_eq!(stage.reader().read(0).await.unwrap(), blob[..CHUNK]);
    stage.write(blob.slice(CHUNK..)).await.unwrap();
    let digest = Digest::sha256(&blob);
    stage.commit(&digest).await.unwrap();
    assert_eq!(read(&scene.store, &digest).await.unwrap(), blob);
    assert!(names(&scene.root().join("staging")).is_empty());
}

#[tokio::test]
async fn a_commit_that_cannot_look_at_what_is_there_does_not_take_it_away() {
    let scene = Scene::new();
    let blob = content(1, CHUNK + 1);
    let digest = keep(&scene.store, &blob).await.unwrap();
    for effect in [Effect::OutOfFiles, Effect::Broken] {
        scene.disk.break_now(Target::Opens, effect);
        let error = keep(&scene.store, &blob).await.unwrap_err();
        assert!(means(&error, effect), "{effect:?}: {error}");
        scene.disk.set(None);
        assert_eq!(read(&scene.store, &digest).await.unwrap(), blob);
        scene.staging_is_empty().await;
    }
}
