//! Journals on disks that fail and go on: what failed is told, and what was acknowledged stays.

use std::sync::Arc;

use forebay_content::{BlobError, Journal};
use forebay_disk_faults::{Effect, Fault, FaultyDisk, Target};
use tempfile::TempDir;

use super::story::{Numbers, entries, open, read_all, repository, steps};
use crate::scene::names;

#[tokio::test]
async fn a_change_that_fails_loses_nothing_acknowledged_and_the_next_one_goes_on() {
    let changes = {
        let (dir, disk) = (TempDir::new().unwrap(), FaultyDisk::default());
        let journal = open(dir.path(), Arc::new(disk.clone())).unwrap();
        let opened = disk.count(Target::Changes);
        for step in steps() {
            step.play(&journal).await.unwrap();
        }
        opened + 1..=disk.count(Target::Changes)
    };
    for (effect, stays) in [
        (Effect::Broken, false),
        (Effect::Broken, true),
        (Effect::Full, false),
        (Effect::ReadOnly, true),
    ] {
        for at in changes.clone() {
            fails_at(at, effect, stays).await;
        }
    }
}

async fn fails_at(at: u64, effect: Effect, stays: bool) {
    let what = format!("{effect:?} at {at}, stays: {stays}");
    let (dir, disk) = (TempDir::new().unwrap(), FaultyDisk::default());
    let journal = open(dir.path(), Arc::new(disk.clone())).unwrap();
    disk.set(Some(Fault {
        target: Target::Changes,
        at,
        stays,
        effect,
    }));
    let mut kept = Numbers::new();
    for step in steps() {
        let Err(error) = step.play(&journal).await else {
            step.count(&mut kept);
            continue;
        };
        let is_right = match effect {
            Effect::Full => matches!(error, BlobError::NoSpace),
            Effect::ReadOnly => matches!(error, BlobError::ReadOnly),
            _ => matches!(error, BlobError::Io(_)),
        };
        assert!(is_right, "{what}: {error:?}");
        disk.set(None);
        let mut after = kept.clone();
        step.count(&mut after);
        let (found, unreadable) = read_all(&journal).await;
        let allowed = [vec![kept.clone(), after], step.halves(&kept)].concat();
        assert!(allowed.contains(&found), "{what}: {found:?}");
        assert_eq!(unreadable, 0, "{what}");
        kept = found;
        break;
    }
    disk.set(None);
    for name in super::story::NAMES {
        let appended = journal.append(&repository(name), &entries(&[100])).await;
        appended.unwrap_or_else(|error| panic!("{what}: {error}"));
        kept.entry(name).or_default().push(100);
    }
    assert_eq!(read_all(&journal).await, (kept.clone(), 0), "{what}");
    let again = open(dir.path(), Arc::new(FaultyDisk::default())).unwrap();
    assert_eq!(read_all(&again).await, (kept, 0), "{what}");
    let left = names(&dir.path().join("journal"));
    assert!(left.iter().all(|name| name.len() == 64), "{what}: {left:?}");
}

#[tokio::test]
async fn a_failed_append_is_taken_back_where_the_disk_lets_it() {
    for target in [Target::Writes, Target::Syncs] {
        for effect in [Effect::Broken, Effect::Full] {
            let (dir, disk) = (TempDir::new().unwrap(), FaultyDisk::default());
            let journal = open(dir.path(), Arc::new(disk.clone())).unwrap();
            let app = repository("app");
            journal.append(&app, &entries(&[2])).await.unwrap();
            let size = journal.size(&app).await.unwrap();
            disk.break_now(target, effect);
            assert!(journal.append(&app, &entries(&[3])).await.is_err());
            disk.set(None);
            assert_eq!(journal.size(&app).await.unwrap(), size);
        }
    }
}

#[tokio::test]
async fn a_name_that_was_not_made_durable_is_before_anything_is_appended_under_it() {
    let (dir, disk) = (TempDir::new().unwrap(), FaultyDisk::default());
    let journal = open(dir.path(), Arc::new(disk.clone())).unwrap();
    let app = repository("app");
    // The file's sync is the first, the directory's the second.
    disk.set(Some(Fault {
        target: Target::Syncs,
        at: disk.count(Target::Syncs) + 2,
        stays: true,
        effect: Effect::Broken,
    }));
    assert!(journal.append(&app, &entries(&[2])).await.is_err());
    assert!(journal.append(&app, &entries(&[3])).await.is_err());
    disk.set(None);
    let syncs = disk.count(Target::Syncs);
    journal.append(&app, &entries(&[4])).await.unwrap();
    assert_eq!(disk.count(Target::Syncs), syncs + 2);
    let kept = Numbers::from([("app", vec![2, 4])]);
    assert_eq!(read_all(&journal).await, (kept, 0));
}

#[tokio::test]
async fn journals_on_a_read_only_disk_are_read_and_not_appended_to() {
    let (dir, disk) = (TempDir::new().unwrap(), FaultyDisk::default());
    let journal = open(dir.path(), Arc::new(disk.clone())).unwrap();
    let app = repository("app");
    journal.append(&app, &entries(&[2])).await.unwrap();
    disk.break_now(Target::Changes, Effect::ReadOnly);
    let journal = open(dir.path(), Arc::new(disk.clone())).unwrap();
    let kept = Numbers::from([("app", vec![2])]);
    assert_eq!(read_all(&journal).await, (kept, 0));
    let refused = journal.append(&app, &entries(&[3])).await;
    assert!(matches!(refused, Err(BlobError::ReadOnly)));
}

#[tokio::test]
async fn a_read_that_fails_is_an_error_and_no_shorter_journal() {
    let (dir, disk) = (TempDir::new().unwrap(), FaultyDisk::default());
    let journal = open(dir.path(), Arc::new(disk.clone())).unwrap();
    let app = repository("app");
    journal.append(&app, &entries(&[2, 3])).await.unwrap();
    let mut reader = journal.open(&app).await.unwrap().unwrap();
    disk.break_now(Target::Reads, Effect::Broken);
    assert!(matches!(reader.next(1).await, Err(BlobError::Io(_))));
    assert!(journal.open(&app).await.is_err());
    assert!(journal.append(&app, &entries(&[4])).await.is_err());
    assert!(journal.journals(None, 10).await.is_err());
    disk.break_now(Target::Opens, Effect::OutOfFiles);
    assert!(matches!(journal.open(&app).await, Err(BlobError::Io(_))));
    assert!(journal.append(&app, &entries(&[4])).await.is_err());
    disk.set(None);
    assert_eq!(reader.next(10).await.unwrap(), entries(&[2, 3]));
}
