//! Journals as files keep what every journal keeps.

use std::sync::Arc;

use forebay_blobs_fs::{FsJournal, RealDisk};
use tempfile::TempDir;

forebay_content_conformance::journal_suite!(fresh);

#[expect(clippy::unused_async, reason = "the suite awaits it")]
async fn fresh() -> (FsJournal, TempDir) {
    let dir = TempDir::new().unwrap();
    let journal = FsJournal::open(dir.path(), Arc::new(RealDisk)).unwrap();
    (journal, dir)
}
