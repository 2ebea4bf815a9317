//! The order in which a commit touches the disk: what a power loss would leave is decided by it.

use std::sync::Arc;

use forebay_blobs_fs::{Disk, FsBlobs};
use forebay_content::BlobStore;
use forebay_disk_faults::power_loss::Recorder;
use forebay_oci::Digest;
use tempfile::TempDir;

use crate::scene::{CHUNK, content, keep, staging_is_empty};

fn recorded() -> (FsBlobs, Arc<Recorder>, TempDir) {
    let dir = TempDir::new().unwrap();
    let recorder = Arc::new(Recorder::of(dir.path()).unwrap());
    let root = recorder.root().to_owned();
    let store = FsBlobs::open(&root, Arc::clone(&recorder) as Arc<dyn Disk>).unwrap();
    (store, recorder, dir)
}

/// What was asked of the disk, as text.
fn told(recorder: &Recorder) -> Vec<String> {
    recorder.take().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_commit_syncs_the_bytes_before_the_name_and_the_name_before_it_succeeds() {
    let (store, recorder, _dir) = recorded();
    recorder.take();
    let blob = content(1, CHUNK + 1);
    let digest = keep(&store, &blob).await.unwrap();
    let (shard, hex) = (&digest.hex()[..2], digest.hex());
    let staged = "staging/0000000000000000";
    let commit = [
        format!("create {staged}"),
        format!("write {staged}"),
        format!("write {staged}"),
        format!("sync {staged}"),
        format!("create_dir blobs/sha256/{shard}"),
        "sync blobs/sha256".to_owned(),
        format!("rename {staged} to blobs/sha256/{shard}/{hex}"),
        format!("sync blobs/sha256/{shard}"),
    ];
    assert_eq!(told(&recorder), commit);

    // A shard that is there has a durable name: nothing above it is synced again.
    keep(&store, &blob).await.unwrap();
    let changes = told(&recorder);
    assert!(!changes.contains(&"sync blobs/sha256".to_owned()));
    assert_eq!(changes.last(), commit.last());
}

#[tokio::test]
async fn a_start_syncs_the_names_that_a_crash_may_have_left_behind() {
    let (store, recorder, _dir) = recorded();
    drop(store);
    recorder.take();
    let root = recorder.root().to_owned();
    FsBlobs::open(&root, Arc::clone(&recorder) as Arc<dyn Disk>).unwrap();
    let changes = told(&recorder);
    for synced in ["sync blobs/sha256", "sync blobs/sha512"] {
        assert!(changes.contains(&synced.to_owned()), "{changes:?}");
    }
}

#[tokio::test]
async fn a_first_start_makes_its_directories_durable() {
    let (_store, recorder, _dir) = recorded();
    let changes = told(&recorder);
    for (made, synced) in [("blobs", ""), ("blobs/sha256", "blobs"), ("staging", "")] {
        let made = format!("create_dir {made}");
        let at = changes.iter().position(|change| *change == made).unwrap();
        assert_eq!(changes[at + 1], format!("sync {synced}"));
    }
}

#[tokio::test]
async fn a_stage_that_is_dropped_is_never_synced_or_renamed() {
    let (store, recorder, dir) = recorded();
    recorder.take();
    let mut stage = store.stage(None).await.unwrap();
    stage.write(content(1, 2 * CHUNK)).await.unwrap();
    drop(stage);
    staging_is_empty(dir.path()).await;
    let changes = told(&recorder);
    let is_commit = |change: &String| change.starts_with("sync") || change.starts_with("rename");
    assert!(!changes.iter().any(is_commit), "{changes:?}");
    assert!(store.open(&Digest::sha256(b"")).await.is_err());
}
