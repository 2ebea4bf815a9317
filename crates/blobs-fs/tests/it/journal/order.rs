//! The order in which journals touch the disk: what a power loss would leave is decided by it.

use std::sync::Arc;

use forebay_blobs_fs::{Disk, FsJournal};
use forebay_content::Journal;
use forebay_disk_faults::power_loss::Recorder;
use forebay_oci::Digest;
use tempfile::TempDir;

use super::story::{entries, open, repository};

fn recorded() -> (FsJournal, Arc<Recorder>, TempDir) {
    let dir = TempDir::new().unwrap();
    let recorder = Arc::new(Recorder::of(dir.path()).unwrap());
    let root = recorder.root().to_owned();
    let journal = open(&root, Arc::clone(&recorder) as Arc<dyn Disk>).unwrap();
    (journal, recorder, dir)
}

/// What was asked of the disk, as text.
fn told(recorder: &Recorder) -> Vec<String> {
    recorder.take().iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_first_append_makes_a_whole_file_durable_before_it_has_its_name() {
    let (journal, recorder, _dir) = recorded();
    assert_eq!(
        told(&recorder),
        ["create_dir journal", "sync ", "sync journal"]
    );
    let app = repository("app");
    journal.append(&app, &entries(&[2])).await.unwrap();
    let path = format!("journal/{}", Digest::sha256(b"app").hex());
    let first = [
        format!("create {path}.0.new"),
        format!("write {path}.0.new"),
        format!("write {path}.0.new"),
        format!("sync {path}.0.new"),
        format!("rename {path}.0.new to {path}"),
        "sync journal".to_owned(),
    ];
    assert_eq!(told(&recorder), first);

    // The next ones cost a write and a sync, however many entries they are.
    journal.append(&app, &entries(&[3, 4, 5])).await.unwrap();
    assert_eq!(
        told(&recorder),
        [format!("write {path}"), format!("sync {path}")]
    );
}

#[tokio::test]
async fn a_replacement_is_durable_before_it_takes_the_place() {
    let (journal, recorder, _dir) = recorded();
    let app = repository("app");
    journal.append(&app, &entries(&[2, 3])).await.unwrap();
    let mut reader = journal.open(&app).await.unwrap().unwrap();
    reader.next(10).await.unwrap();
    recorder.take();
    let left = entries(&[3]);
    assert!(journal.replace(&app, reader.place(), left).await.unwrap());
    let path = format!("journal/{}", Digest::sha256(b"app").hex());
    let replaced = [
        format!("create {path}.1.new"),
        format!("write {path}.1.new"),
        format!("write {path}.1.new"),
        format!("sync {path}.1.new"),
        format!("rename {path}.1.new to {path}"),
        "sync journal".to_owned(),
    ];
    assert_eq!(told(&recorder), replaced);

    // Refused, it leaves nothing behind.
    let stale = journal.replace(&app, reader.place(), Vec::new()).await;
    assert!(!stale.unwrap());
    let refused = told(&recorder);
    assert_eq!(refused.last().unwrap(), &format!("remove {path}.2.new"));
}
