//! What is left after a loss of power.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::{Model, Recorder, SURVIVALS, Survival, Unsynced};
use forebay_blobs_fs::{Disk, sync_dir};

/// What a story on a disk with an old file leaves, in each way: its files with what is in them.
fn left_of(story: impl Fn(&dyn Disk, &Path)) -> Vec<Vec<(String, String)>> {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("a")).unwrap();
    fs::write(dir.path().join("a/old"), "old").unwrap();
    let mut model = Model::of(dir.path()).unwrap();
    let disk = Recorder::of(dir.path()).unwrap();
    let root = disk.root().to_owned();
    story(&disk, &root);
    for change in disk.take() {
        model.apply(&change).unwrap();
    }
    SURVIVALS.iter().map(|left| after(&model, *left)).collect()
}

fn after(model: &Model, left: Survival) -> Vec<(String, String)> {
    let dir = TempDir::new().unwrap();
    model.restore(dir.path(), left).unwrap();
    let mut found = Vec::new();
    for folder in ["", "a"] {
        for entry in fs::read_dir(dir.path().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(dir.path()).unwrap();
                let content = fs::read_to_string(&path).unwrap();
                found.push((name.display().to_string(), content));
            }
        }
    }
    found.sort();
    found
}

fn file(name: &str, content: &str) -> (String, String) {
    (name.to_owned(), content.to_owned())
}

fn write(disk: &dyn Disk, path: &Path, content: &str) -> fs::File {
    let file = disk.create(path).unwrap();
    disk.write_at(&file, content.as_bytes(), 0).unwrap();
    file
}

#[test]
fn what_was_synced_is_there_whatever_is_left_of_the_rest() {
    let all = left_of(|disk, root| {
        let new = write(disk, &root.join("new"), "new");
        disk.sync(&new).unwrap();
        sync_dir(disk, root).unwrap();
        disk.remove(&root.join("a/old")).unwrap();
        sync_dir(disk, &root.join("a")).unwrap();
    });
    for left in all {
        assert_eq!(left, [file("new", "new")]);
    }
}

#[test]
fn a_name_without_its_bytes_and_bytes_without_their_name_may_be_left() {
    let all = left_of(|disk, root| {
        write(disk, &root.join("new"), "new");
    });
    let old = || file("a/old", "old");
    assert_eq!(all[0], [old()], "nothing of it");
    assert_eq!(all[1], [old(), file("new", "")], "names");
    assert_eq!(all[2], [old()], "bytes");
    assert!(all.contains(&vec![old(), file("new", "new")]), "{all:?}");
}

#[test]
fn a_file_that_is_renamed_has_one_of_its_names_or_both() {
    let renamed = |disk: &dyn Disk, root: &Path| {
        disk.rename(&root.join("a/old"), &root.join("new")).unwrap();
    };
    let (from, to) = ([file("a/old", "old")], [file("new", "old")]);
    let all = left_of(renamed);
    for left in &all {
        assert!(left[..] == from || left[..] == to, "{left:?}");
    }
    // Once its new name is durable, the old one may still be there.
    let all = left_of(|disk, root| {
        renamed(disk, root);
        sync_dir(disk, root).unwrap();
    });
    assert_eq!(all[0], [from, to.clone()].concat());
    assert_eq!(all[1], to);
    let all = left_of(|disk, root| {
        renamed(disk, root);
        sync_dir(disk, &root.join("a")).unwrap();
    });
    for left in all {
        assert_eq!(left, to);
    }
}

#[test]
fn what_another_made_is_told_when_it_is_synced() {
    let dir = TempDir::new().unwrap();
    let disk = Recorder::of(dir.path()).unwrap();
    let path = disk.root().join("rows");
    fs::write(&path, "rows").unwrap();
    let rows = disk.open_to_write(&path).unwrap();
    disk.sync(&rows).unwrap();
    sync_dir(&disk, disk.root()).unwrap();
    let mut model = Model::default();
    for change in disk.take() {
        model.apply(&change).unwrap();
    }
    let left = TempDir::new().unwrap();
    let names = Survival::All(Unsynced::Name);
    model.restore(left.path(), names).unwrap();
    let rows = fs::read_to_string(left.path().join("rows"));
    assert_eq!(rows.unwrap(), "rows");
}
