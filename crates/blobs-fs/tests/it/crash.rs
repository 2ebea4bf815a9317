//! Killed at any change of the disk, a store comes back with every blob whole or absent.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use forebay_blobs_fs::{FsBlobs, RealDisk, ensure_format};
use forebay_content::{BlobError, BlobStore};
use forebay_disk_faults::{FaultyDisk, Target};
use forebay_oci::Digest;
use tempfile::TempDir;

use crate::child;
use crate::scene::{CHUNK, content, keep, names, read};

const ROLE: &str = "crash::a_child_that_may_die";

#[tokio::test]
async fn killed_at_any_change_the_store_comes_back_whole() {
    let changes = count_changes();
    assert!(changes > 30, "{changes} changes are too few for the story");
    for kill_at in 1..=changes {
        let dir = TempDir::new().unwrap();
        let killed = tell_story(dir.path(), kill_at);
        assert_eq!(killed.status.signal(), Some(9), "at {kill_at}");
        let acknowledged = String::from_utf8(killed.stdout).unwrap();
        comes_back(dir.path(), &acknowledged, kill_at).await;
        // And what came back can be used.
        let again = tell_story(dir.path(), 0);
        assert!(again.status.success(), "after {kill_at}");
    }
}

fn count_changes() -> u64 {
    let dir = TempDir::new().unwrap();
    let told = tell_story(dir.path(), 0);
    assert!(told.status.success());
    let text = String::from_utf8(told.stdout).unwrap();
    let count = text.lines().find_map(|line| line.strip_prefix("changes "));
    count.unwrap().parse().unwrap()
}

fn tell_story(dir: &Path, kill_at: u64) -> std::process::Output {
    child::run(&[], ROLE, &format!("{kill_at} {}", dir.display()))
}

async fn comes_back(dir: &Path, acknowledged: &str, kill_at: u64) {
    ensure_format(dir, &RealDisk).unwrap();
    let store = FsBlobs::open(dir, Arc::new(RealDisk)).unwrap();
    assert!(names(&dir.join("staging")).is_empty(), "at {kill_at}");
    assert!(store.strays().await.unwrap().is_empty(), "at {kill_at}");
    for blob in blobs() {
        let digest = Digest::sha256(&blob);
        match read(&store, &digest).await {
            Ok(read) => assert_eq!(read, blob, "at {kill_at}"),
            Err(error) => {
                assert!(
                    matches!(error, BlobError::NotFound),
                    "at {kill_at}: {error}"
                );
                let promised = acknowledged.contains(&format!("kept {digest}"))
                    && !acknowledged.contains(&format!("deleting {digest}"));
                assert!(!promised, "at {kill_at}: {digest} was acknowledged");
            }
        }
    }
    for stat in store.list(None, 100).await.unwrap() {
        store.verify(&stat.digest).await.unwrap();
    }
}

/// Blobs that make different stories: none, one chunk, many.
fn blobs() -> [Bytes; 4] {
    [
        Bytes::new(),
        content(1, 10),
        content(2, CHUNK),
        content(3, 3 * CHUNK + 1),
    ]
}

#[tokio::test]
#[ignore = "a role that other tests have children play"]
async fn a_child_that_may_die() {
    let Some(argument) = child::find_argument() else {
        return;
    };
    let (kill_at, dir) = argument.split_once(' ').unwrap();
    let kill_at: u64 = kill_at.parse().unwrap();
    let disk = FaultyDisk::new((kill_at > 0).then_some(kill_at));
    ensure_format(Path::new(dir), &disk).unwrap();
    let store = FsBlobs::open(Path::new(dir), Arc::new(disk.clone())).unwrap();
    for blob in blobs() {
        let digest = keep(&store, &blob).await.unwrap();
        println!("kept {digest}");
    }
    // One is kept twice, one deleted, one left in the middle.
    let [empty, small, _, large] = blobs();
    keep(&store, &large).await.unwrap();
    let digest = Digest::sha256(&small);
    println!("deleting {digest}");
    store.delete(&digest).await.unwrap();
    let mut stage = store.stage(None).await.unwrap();
    stage.write(large.slice(..2 * CHUNK)).await.unwrap();
    assert_eq!(read(&store, &Digest::sha256(&empty)).await.unwrap(), b"");
    println!("changes {}", disk.count(Target::Changes));
}
