//! Power is lost at every change of a story: what was not synced is gone, or there in part, or without its names.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use forebay_blobs_fs::{Disk, FsBlobs, RealDisk, ensure_format};
use forebay_content::BlobStore;
use forebay_disk_faults::power_loss::{Change, Model, Recorder, SURVIVALS};
use forebay_oci::Digest;
use tempfile::TempDir;

use crate::scene::{CHUNK, content, keep, names, read};

/// What the store has promised of a blob, from this change on.
struct Promise {
    from: usize,
    digest: Digest,
    is_kept: bool,
}

fn blobs() -> [Bytes; 5] {
    [
        Bytes::new(),
        content(1, 10),
        content(2, CHUNK),
        content(3, CHUNK + 1),
        content(4, 100),
    ]
}

/// First start, fills, a fill of what is there, a deletion, a fill that is left, a second start, fills again.
async fn story(blobs: &[Bytes; 5]) -> (Vec<Change>, Vec<Promise>) {
    let dir = TempDir::new().unwrap();
    let disk = Arc::new(Recorder::of(dir.path()).unwrap());
    let root = disk.root().to_owned();
    let open = || {
        ensure_format(&root, disk.as_ref()).unwrap();
        FsBlobs::open(&root, Arc::clone(&disk) as Arc<dyn Disk>).unwrap()
    };
    let mut promises = Vec::new();
    let mut promise = |digest: &Digest, is_kept| {
        promises.push(Promise {
            from: disk.count(),
            digest: digest.clone(),
            is_kept,
        });
    };
    let [empty, small, chunk, large, last] = blobs;
    let store = open();
    for blob in [empty, small, chunk, large, large] {
        promise(&keep(&store, blob).await.unwrap(), true);
    }
    let deleted = Digest::sha256(small);
    promise(&deleted, false);
    store.delete(&deleted).await.unwrap();
    let mut stage = store.stage(None).await.unwrap();
    stage.write(last.slice(..50)).await.unwrap();
    // Left in the middle: the second start finds it as a crash leaves it.
    std::mem::forget(stage);
    drop(store);
    let store = open();
    for blob in [last, small] {
        promise(&keep(&store, blob).await.unwrap(), true);
    }
    (disk.take(), promises)
}

/// Opens what is left: all that was promised is there, all that is there is whole, and the store works.
async fn comes_back(root: &Path, blobs: &[Bytes], promised: &[&Promise], what: &str) {
    let disk = Arc::new(RealDisk);
    ensure_format(root, disk.as_ref()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let store = FsBlobs::open(root, disk).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(names(&root.join("staging")).is_empty(), "{what}");
    for stat in store.list(None, 100).await.unwrap() {
        let verified = store.verify(&stat.digest).await;
        verified.unwrap_or_else(|error| panic!("{what}: {}: {error}", stat.digest));
    }
    for blob in blobs {
        let digest = Digest::sha256(blob);
        let mut told = promised.iter().rev();
        let last = told.find(|promise| promise.digest == digest);
        if last.is_some_and(|promise| promise.is_kept) {
            let found = read(&store, &digest).await;
            let found = found.unwrap_or_else(|error| panic!("{what}: {digest}: {error}"));
            assert!(found == *blob, "{what}: {digest}");
        }
    }
    let digest = keep(&store, &blobs[1]).await.unwrap();
    assert!(read(&store, &digest).await.unwrap() == blobs[1], "{what}");
}

#[tokio::test]
async fn power_lost_at_any_change_takes_nothing_that_was_promised_and_leaves_nothing_torn() {
    let blobs = blobs();
    let (changes, promises) = story(&blobs).await;
    assert!(changes.len() > 60, "{}", changes.len());
    let mut model = Model::default();
    for at in 0..=changes.len() {
        if let Some(change) = at.checked_sub(1).and_then(|last| changes.get(last)) {
            model.apply(change).unwrap();
        }
        let due = promises.iter().filter(|promise| promise.from <= at);
        let due: Vec<_> = due.collect();
        for left in SURVIVALS {
            let dir = TempDir::new().unwrap();
            model.restore(dir.path(), left).unwrap();
            let what = format!("at {at}, of the unsynced left: {left:?}");
            comes_back(dir.path(), &blobs, &due, &what).await;
        }
    }
}
