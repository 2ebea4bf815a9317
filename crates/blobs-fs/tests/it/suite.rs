//! Blobs as files keep what every blob store keeps.

use std::sync::Arc;

use forebay_blobs_fs::{FsBlobs, RealDisk};
use tempfile::TempDir;

forebay_content_conformance::blob_store_suite!(fresh);

#[expect(clippy::unused_async, reason = "the suite awaits it")]
async fn fresh() -> (FsBlobs, TempDir) {
    let dir = TempDir::new().unwrap();
    let store = FsBlobs::open(dir.path(), Arc::new(RealDisk)).unwrap();
    (store, dir)
}
