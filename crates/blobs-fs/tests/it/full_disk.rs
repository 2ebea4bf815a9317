//! Full and read-only file systems, real ones: a tmpfs in a mount namespace of the test's own.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_blobs_fs::{DataLock, FsBlobs, RealDisk, ensure_format};
use forebay_content::{BlobError, BlobStore};
use tempfile::TempDir;

use crate::child;
use crate::scene::{CHUNK, PATIENCE, content, keep, names, read};

const MIB: usize = 1024 * 1024;

/// Runs a role in a mount namespace of its own, or says why not.
fn in_own_namespace(role: &str) {
    let probe = Command::new("unshare").args(["-m", "true"]).output();
    if !probe.is_ok_and(|output| output.status.success()) {
        child::skip("a mount namespace needs root and unshare");
        return;
    }
    let dir = TempDir::new().unwrap();
    let argument = dir.path().to_str().unwrap();
    let output = child::run(&["unshare", "-m"], role, argument);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

fn mount(options: &str, dir: &Path) {
    let status = Command::new("mount")
        .args(["-t", "tmpfs", "-o", options, "tmpfs"])
        .arg(dir)
        .status();
    assert!(status.unwrap().success());
}

/// Waits for the stage's file to be closed, which was open for writing and is closed in a moment.
async fn turn_read_only(dir: &Path) {
    let turned = async {
        loop {
            let mut remount = Command::new("mount");
            let output = remount.args(["-o", "remount,ro"]).arg(dir).output();
            if output.unwrap().status.success() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, turned).await.unwrap();
}

fn open(dir: &Path) -> FsBlobs {
    FsBlobs::open(dir, Arc::new(RealDisk)).unwrap()
}

#[test]
fn a_full_disk_says_so_and_loses_nothing() {
    in_own_namespace("full_disk::on_a_disk_of_eight_mebibytes");
}

#[tokio::test]
#[ignore = "a role that other tests have children play"]
async fn on_a_disk_of_eight_mebibytes() {
    let Some(argument) = child::find_argument() else {
        return;
    };
    let dir = Path::new(&argument);
    mount("size=8m", dir);
    let store = open(dir);
    let blob = content(1, MIB);
    let digest = keep(&store, &blob).await.unwrap();

    // What cannot fit is refused before a byte is written.
    for too_much in [8 * MIB as u64, 100 * MIB as u64, u64::MAX] {
        let refused = store.stage(Some(too_much)).await;
        assert!(matches!(refused, Err(BlobError::NoSpace)));
    }
    // What did not say how large it is runs into the end, and keeps what it has for its readers.
    let mut stage = store.stage(None).await.unwrap();
    let reader = stage.reader();
    let written = content(2, 12 * MIB);
    let full = loop {
        let done = usize::try_from(reader.size()).unwrap();
        if let Err(error) = stage.write(written.slice(done..done + CHUNK)).await {
            break error;
        }
    };
    assert!(matches!(full, BlobError::NoSpace), "{full}");
    let mut offset = 0;
    while offset < reader.size() {
        let bytes = reader.read(offset).await.unwrap();
        let start = usize::try_from(offset).unwrap();
        assert_eq!(bytes, written[start..start + bytes.len()]);
        offset += bytes.len() as u64;
    }
    assert!(matches!(store.stage(None).await, Err(BlobError::NoSpace)));
    assert_eq!(read(&store, &digest).await.unwrap(), blob);

    // The room comes back with the stage and its last reader.
    drop((stage, reader));
    let large = content(3, 5 * MIB);
    let kept = async {
        loop {
            match keep(&store, &large).await {
                Err(BlobError::NoSpace) => tokio::task::yield_now().await,
                outcome => return outcome,
            }
        }
    };
    let kept = tokio::time::timeout(PATIENCE, kept).await;
    kept.unwrap().unwrap();
    assert_eq!(store.list(None, 9).await.unwrap().len(), 2);
}

#[test]
fn a_disk_without_inodes_says_that_it_is_full() {
    in_own_namespace("full_disk::on_a_disk_of_few_inodes");
}

#[tokio::test]
#[ignore = "a role that other tests have children play"]
async fn on_a_disk_of_few_inodes() {
    let Some(argument) = child::find_argument() else {
        return;
    };
    let dir = Path::new(&argument);
    mount("size=8m,nr_inodes=32", dir);
    let store = open(dir);
    let mut kept = Vec::new();
    let full = loop {
        let blob = Bytes::from(kept.len().to_string());
        match keep(&store, &blob).await {
            Ok(digest) => kept.push((digest, blob)),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, BlobError::NoSpace), "{full}");
    assert!(kept.len() > 5);
    for (digest, blob) in &kept {
        assert_eq!(read(&store, digest).await.unwrap(), *blob);
    }
}

#[test]
fn a_read_only_disk_serves_and_refuses_to_write() {
    in_own_namespace("full_disk::on_a_disk_that_turns_read_only");
}

#[tokio::test]
#[ignore = "a role that other tests have children play"]
async fn on_a_disk_that_turns_read_only() {
    let Some(argument) = child::find_argument() else {
        return;
    };
    let dir = Path::new(&argument);
    mount("size=8m", dir);
    drop(DataLock::acquire(dir).unwrap());
    ensure_format(dir, &RealDisk).unwrap();
    let store = open(dir);
    let blob = content(1, MIB);
    let digest = keep(&store, &blob).await.unwrap();
    turn_read_only(dir).await;

    // As it runs, and started anew.
    for store in [store, open(dir)] {
        assert_eq!(read(&store, &digest).await.unwrap(), blob);
        let refused = store.stage(Some(10)).await;
        assert!(matches!(refused, Err(BlobError::ReadOnly)));
        assert!(matches!(
            store.delete(&digest).await,
            Err(BlobError::ReadOnly)
        ));
        assert_eq!(store.list(None, 9).await.unwrap().len(), 1);
    }
    let lock = DataLock::acquire(dir).unwrap();
    assert!(DataLock::acquire(dir).is_err());
    drop(lock);
    ensure_format(dir, &RealDisk).unwrap();
    assert!(names(&dir.join("staging")).is_empty());
}
