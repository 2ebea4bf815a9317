//! Runs of a backup into the same directory, and into those where it must not go.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use forebay_backup::{BackupError, BackupFailed, BackupReport, REGISTRY_DIRECTORY};
use forebay_blobs_fs::DataLock;
use forebay_content::BlobStore as _;
use forebay_oci::Digest;
use tempfile::TempDir;

use crate::kept::{Kept, content_of, path_of, rot};
use crate::scene::{Image, name};

/// Why it was refused: of a directory that has to be another one, nothing is said but that.
fn why(refused: &Result<BackupReport, BackupFailed>) -> &BackupError {
    let failed = refused.as_ref().unwrap_err();
    assert_eq!(failed.to_string(), failed.why.to_string());
    &failed.why
}

#[tokio::test]
async fn a_backup_has_all_that_is_held_and_the_next_one_copies_what_is_new() {
    let (folder, app) = (TempDir::new().unwrap(), name("team/app"));
    let to = folder.path().join("new/backup");
    let kept = Kept::open(&folder.path().join("data")).await;
    fs::write(kept.data.join("token.key"), [7; 32]).unwrap();
    fs::write(kept.data.join("audit.jsonl"), "{}\n").unwrap();
    let (first, second) = (Image::numbered(1), Image::numbered(2));
    kept.scene
        .push_image(&app, Some("1"), &first)
        .await
        .unwrap();
    let report = kept.back_up(&to).await.unwrap();
    assert!(report.is_whole());
    assert_eq!((report.repositories, report.objects), (1, 4));
    assert_eq!((report.copied_objects, report.removed_objects), (4, 0));
    assert_eq!(report.copied_bytes, report.bytes);
    assert_eq!(content_of(&to).await, kept.content().await);
    assert_eq!(fs::read(to.join("token.key")).unwrap(), [7; 32]);
    assert_eq!(fs::read(to.join("audit.jsonl")).unwrap(), b"{}\n");
    assert!(fs::read_dir(to.join("next")).unwrap().count() <= 1);
    for (path, mode) in [
        ("", 0o700),
        ("registry", 0o700),
        ("registry.sqlite", 0o600),
        ("token.key", 0o600),
    ] {
        let found = fs::metadata(to.join(path)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{path}");
    }
    // Again, with nothing new.
    let report = kept.back_up(&to).await.unwrap();
    assert_eq!((report.objects, report.copied_objects), (4, 0));
    // One more, and one less.
    kept.scene
        .push_image(&app, Some("2"), &second)
        .await
        .unwrap();
    let registry = &kept.scene.registry;
    registry.drop_manifest(&app, &first.digest()).await.unwrap();
    fs::remove_file(kept.data.join("token.key")).unwrap();
    let collected = registry.collect_garbage(std::time::Duration::ZERO).await;
    let gone = collected.unwrap().objects;
    let report = kept.back_up(&to).await.unwrap();
    assert_eq!((report.objects, report.copied_objects), (4, 4));
    assert_eq!(report.removed_objects, gone);
    assert_eq!(content_of(&to).await, kept.content().await);
    assert!(!to.join("token.key").exists());
    kept.close().await;
}

#[tokio::test]
async fn a_backup_goes_nowhere_where_it_could_take_something_away() {
    let folder = TempDir::new().unwrap();
    let kept = Kept::open(&folder.path().join("data")).await;
    kept.scene
        .push_image(&name("app"), Some("1"), &Image::numbered(1))
        .await
        .unwrap();
    let foreign = folder.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("photos.tar"), "mine").unwrap();
    let refused = kept.back_up(&foreign).await;
    assert!(
        matches!(why(&refused), BackupError::Foreign(_)),
        "{refused:?}"
    );
    assert_eq!(fs::read_dir(&foreign).unwrap().count(), 1);
    for inside in [
        kept.data.clone(),
        kept.data.join("registry/backup"),
        folder.path().to_owned(),
    ] {
        let refused = kept.back_up(&inside).await;
        assert!(
            matches!(why(&refused), BackupError::Inside(_)),
            "{refused:?}"
        );
    }
    assert!(!kept.data.join("registry/backup").exists());
    let to = folder.path().join("backup");
    kept.back_up(&to).await.unwrap();
    let lock = DataLock::acquire(&to).unwrap();
    let refused = kept.back_up(&to).await;
    assert!(
        matches!(why(&refused), BackupError::Locked { .. }),
        "{refused:?}"
    );
    drop(lock);
    // A server that was started on it, and changed nothing, is nobody's loss; one that took a push is.
    Kept::open(&to).await.close().await;
    kept.back_up(&to).await.unwrap();
    let served = Kept::open(&to).await;
    served
        .scene
        .push_image(&name("app"), Some("2"), &Image::numbered(2))
        .await
        .unwrap();
    served.close().await;
    let refused = kept.back_up(&to).await;
    assert!(
        matches!(why(&refused), BackupError::Changed(_)),
        "{refused:?}"
    );
    let after = content_of(&to).await;
    assert_eq!(after["app"].0.len(), 2, "{after:?}");
    kept.close().await;
}

#[tokio::test]
async fn where_nothing_is_left_there_is_no_backup_though_the_one_before_has_it() {
    let folder = TempDir::new().unwrap();
    let (kept, app) = (Kept::open(&folder.path().join("data")).await, name("app"));
    let to = folder.path().join("backup");
    // Nothing to back up is no loss.
    kept.back_up(&to).await.unwrap();
    let image = Image::numbered(1);
    kept.scene
        .push_image(&app, Some("1"), &image)
        .await
        .unwrap();
    kept.back_up(&to).await.unwrap();
    let before = content_of(&to).await;
    fs::remove_dir_all(kept.data.join(REGISTRY_DIRECTORY).join("blobs")).unwrap();
    let refused = kept.back_up(&to).await.unwrap_err();
    assert!(
        matches!(refused.why, BackupError::Emptied(_)),
        "{refused:?}"
    );
    let told = refused.to_string();
    assert!(
        told.contains("mount it") && told.contains("as it was"),
        "{told}"
    );
    assert_eq!(content_of(&to).await, before);
    kept.close().await;
}

#[tokio::test]
async fn what_cannot_be_read_is_told_and_the_rest_is_there_as_is_what_was_copied_before() {
    let (folder, app) = (TempDir::new().unwrap(), name("app"));
    let kept = Kept::open(&folder.path().join("data")).await;
    let (before, after) = (Image::numbered(1), Image::numbered(2));
    kept.scene
        .push_image(&app, Some("1"), &before)
        .await
        .unwrap();
    let to = folder.path().join("backup");
    kept.back_up(&to).await.unwrap();
    kept.scene
        .push_image(&app, Some("2"), &after)
        .await
        .unwrap();
    let (rotten, lost) = (
        Digest::sha256(&before.blobs[1]),
        Digest::sha256(&after.blobs[2]),
    );
    rot(&kept.data, &rotten);
    fs::remove_file(path_of(&kept.data, &lost)).unwrap();
    let report = kept.back_up(&to).await.unwrap();
    assert!(!report.is_whole());
    let told: Vec<_> = report
        .uncopied
        .iter()
        .map(|told| told.digest.as_str())
        .collect();
    assert_eq!(
        told,
        [lost.to_string()],
        "the copy from before is kept: {report:?}"
    );
    assert_eq!(report.uncopied[0].repositories, ["app"]);
    let backup = Kept::open(&to).await;
    backup.scene.blobs.verify(&rotten).await.unwrap();
    backup.close().await;
    kept.close().await;
}

#[tokio::test]
async fn what_the_registry_has_lost_is_named_though_the_backup_has_it() {
    let (folder, app) = (TempDir::new().unwrap(), name("app"));
    let kept = Kept::open(&folder.path().join("data")).await;
    let image = Image::numbered(1);
    let pushed = kept.scene.push_image(&app, Some("1"), &image).await;
    pushed.unwrap();
    let to = folder.path().join("backup");
    assert!(kept.back_up(&to).await.unwrap().is_clean());
    let lost = [1, 2].map(|blob| Digest::sha256(&image.blobs[blob]));
    fs::remove_file(path_of(&kept.data, &lost[0])).unwrap();
    let cut = fs::read(path_of(&kept.data, &lost[1])).unwrap();
    fs::write(path_of(&kept.data, &lost[1]), &cut[..cut.len() / 2]).unwrap();
    let report = kept.back_up(&to).await.unwrap();
    assert!(report.is_whole() && !report.is_clean(), "{report:?}");
    assert_eq!((report.objects, report.copied_objects), (4, 0));
    let mut told: Vec<_> = report.lost.iter().map(|one| &one.digest).collect();
    told.sort();
    let mut lost = lost.map(|digest| digest.to_string());
    lost.sort();
    assert_eq!(told, lost.iter().collect::<Vec<_>>());
    assert!(report.lost.iter().all(|one| one.repositories == ["app"]));
    // The backup has all of it, and is what brings it back.
    for digest in &lost {
        let digest = digest.parse().unwrap();
        fs::copy(path_of(&to, &digest), path_of(&kept.data, &digest)).unwrap();
    }
    assert!(kept.back_up(&to).await.unwrap().is_clean());
    kept.close().await;
}

#[tokio::test]
async fn what_rots_in_a_backup_is_copied_anew_by_a_run_that_verifies() {
    let (folder, app) = (TempDir::new().unwrap(), name("app"));
    let kept = Kept::open(&folder.path().join("data")).await;
    let image = Image::numbered(1);
    let pushed = kept.scene.push_image(&app, Some("1"), &image).await;
    pushed.unwrap();
    let to = folder.path().join("backup");
    kept.back_up(&to).await.unwrap();
    assert!(kept.back_up_verifying(&to).await.unwrap().is_clean());
    let (rotten, nowhere) = (
        Digest::sha256(&image.blobs[1]),
        Digest::sha256(&image.blobs[2]),
    );
    rot(&to, &rotten);
    let report = kept.back_up(&to).await.unwrap();
    assert!(
        report.is_clean(),
        "by name and size it is there: {report:?}"
    );
    let report = kept.back_up_verifying(&to).await.unwrap();
    assert!(report.is_whole() && !report.is_clean(), "{report:?}");
    assert_eq!((report.objects, report.bytes > 0), (4, true));
    assert_eq!((report.mended_objects, report.copied_objects), (1, 1));
    assert!(kept.back_up_verifying(&to).await.unwrap().is_clean());
    assert_eq!(content_of(&to).await, kept.content().await);

    // What has rotted on both sides is in no backup.
    rot(&to, &nowhere);
    rot(&kept.data, &nowhere);
    let report = kept.back_up_verifying(&to).await.unwrap();
    assert!(!report.is_whole(), "{report:?}");
    assert_eq!((report.objects, report.mended_objects), (3, 0));
    let told: Vec<_> = report.uncopied.iter().map(|one| &one.digest).collect();
    assert_eq!(told, [&nowhere.to_string()]);
    assert_eq!(report.uncopied[0].repositories, ["app"]);
    kept.close().await;
}
