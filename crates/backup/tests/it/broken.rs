//! A backup that is killed at any change of its disk, or finds it full at any write: the one before is there, or the new one.

use std::path::Path;
use std::sync::Arc;

use forebay_backup::{BackupError, Left};
use forebay_disk_faults::{Effect, Fault, FaultyDisk, Target};
use tempfile::TempDir;

use crate::child;
use crate::kept::{Content, Kept, content_of, copy_all};

const ROLE: &str = "broken::a_child_that_backs_up";

/// A registry with an earlier backup, some of which was dropped since, and something pushed.
async fn prepared(folder: &Path) {
    let kept = Kept::open(&folder.join("data")).await;
    kept.begin().await;
    kept.back_up(&folder.join("backup")).await.unwrap();
    kept.go_on().await;
    kept.close().await;
}

/// A folder to begin with, [`prepared`].
struct Prepared {
    origin: TempDir,
    /// What the earlier backup has.
    old: Content,
    /// What the registry has.
    new: Content,
    /// How often the next run changes its disk.
    changes: u64,
}

impl Prepared {
    async fn new() -> Self {
        let origin = TempDir::new().unwrap();
        prepared(origin.path()).await;
        let old = content_of(&origin.path().join("backup")).await;
        let kept = Kept::open(&origin.path().join("data")).await;
        let new = kept.content().await;
        kept.close().await;
        let counted = TempDir::new().unwrap();
        copy_all(origin.path(), counted.path());
        let changes = changes_of(counted.path()).await;
        Self {
            origin,
            old,
            new,
            changes,
        }
    }
}

async fn changes_of(folder: &Path) -> u64 {
    let kept = Kept::open(&folder.join("data")).await;
    let disk = FaultyDisk::new(None);
    kept.back_up_on(&folder.join("backup"), Arc::new(disk.clone()))
        .await
        .unwrap();
    kept.close().await;
    disk.count(Target::Changes)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_change_it_leaves_the_backup_before_or_the_new_one() {
    killed_every(4).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: every single change"]
async fn long_killed_at_each_change_it_leaves_the_backup_before_or_the_new_one() {
    killed_every(1).await;
}

/// Killed at every so manieth change.
async fn killed_every(step: usize) {
    let Prepared {
        origin,
        old,
        new,
        changes,
    } = Prepared::new().await;
    assert!(changes > 40, "{changes}");
    let (mut olds, mut news) = (0, 0);
    for at in (1..=changes).step_by(step) {
        let folder = TempDir::new().unwrap();
        copy_all(origin.path(), folder.path());
        let argument = format!("{at} {}", folder.path().display());
        let status = child::command(ROLE, &argument).output().unwrap().status;
        assert!(!status.success(), "change {at} of {changes} did not kill");
        let to = folder.path().join("backup");
        let found = content_of(&to).await;
        if found == old {
            assert_eq!(news, 0, "at {at} it is the old one again");
            olds += 1;
        } else {
            assert_eq!(found, new, "at {at} of {changes}");
            news += 1;
        }
        let kept = Kept::open(&folder.path().join("data")).await;
        kept.back_up(&to).await.unwrap();
        kept.close().await;
        assert_eq!(content_of(&to).await, new, "the one after {at}");
    }
    assert!(
        olds > 10 / step && news > 5 / step,
        "{olds} old ones, {news} new ones"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a role that another test has children play"]
async fn a_child_that_backs_up() {
    let Some(argument) = child::find_argument() else {
        return;
    };
    let (at, folder) = argument.split_once(' ').unwrap();
    let folder = Path::new(folder);
    let kept = Kept::open(&folder.join("data")).await;
    let disk = FaultyDisk::new(Some(at.parse().unwrap()));
    kept.back_up_on(&folder.join("backup"), Arc::new(disk))
        .await
        .unwrap();
    kept.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_told_and_leaves_the_backup_before() {
    let folder = TempDir::new().unwrap();
    prepared(folder.path()).await;
    let to = folder.path().join("backup");
    let old = content_of(&to).await;
    let kept = Kept::open(&folder.path().join("data")).await;
    let new = kept.content().await;
    let mut at = 0;
    loop {
        at += 1;
        let disk = FaultyDisk::new(None);
        disk.set(Some(Fault {
            target: Target::Writes,
            at,
            stays: true,
            effect: Effect::Full,
        }));
        match kept.back_up_on(&to, Arc::new(disk.clone())).await {
            Ok(_) => break,
            Err(error) => assert!(
                matches!(error.why, BackupError::NoSpace(_)),
                "write {at}: {error:?}"
            ),
        }
        assert_eq!(content_of(&to).await, old, "after write {at}");
    }
    assert!(at > 5, "{at}");
    assert_eq!(content_of(&to).await, new);
    kept.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_run_says_is_there_is_there() {
    failed_every(4).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: every single change"]
async fn long_what_a_run_that_fails_at_each_change_says_is_there_is_there() {
    failed_every(1).await;
}

/// Failed at every so manieth change, and all after it.
async fn failed_every(step: usize) {
    let Prepared {
        origin,
        old,
        new,
        changes,
    } = Prepared::new().await;
    let mut told = Vec::new();
    for at in (1..=changes).step_by(step) {
        let folder = TempDir::new().unwrap();
        copy_all(origin.path(), folder.path());
        let to = folder.path().join("backup");
        let kept = Kept::open(&folder.path().join("data")).await;
        let disk = FaultyDisk::new(None);
        disk.set(Some(Fault {
            target: Target::Changes,
            at,
            stays: true,
            effect: Effect::Broken,
        }));
        let failed = kept.back_up_on(&to, Arc::new(disk)).await.unwrap_err();
        let (says, found) = (failed.to_string(), content_of(&to).await);
        match failed.left {
            Left::Before => {
                assert_eq!(found, old, "{at}: {says}");
                assert!(says.ends_with("is as it was"), "{says}");
            }
            Left::Switching | Left::New => {
                assert_eq!(found, new, "{at}: {says}");
                assert!(says.contains("the new backup is "), "{says}");
            }
        }
        if told.last() != Some(&failed.left) {
            told.push(failed.left);
        }
        // A whole disk, and the next run is as any other.
        kept.back_up(&to).await.unwrap();
        kept.close().await;
        assert_eq!(content_of(&to).await, new, "the one after {at}");
    }
    assert_eq!(told, [Left::Before, Left::Switching, Left::New]);
}
