//! Power is lost at every change of a story of journals: nothing acknowledged is lost, nothing torn is read.

use std::path::Path;
use std::sync::Arc;

use forebay_blobs_fs::{Disk, RealDisk};
use forebay_content::Journal;
use forebay_disk_faults::power_loss::{Change, Model, Recorder, SURVIVALS};
use tempfile::TempDir;

use super::story::{NAMES, Numbers, Step, entries, open, read_all, repository, steps};

/// The story, with how many changes there were when each step was acknowledged. Half-way there is a second start.
async fn story(steps: &[Step]) -> (Vec<Change>, Vec<usize>) {
    let dir = TempDir::new().unwrap();
    let disk = Arc::new(Recorder::of(dir.path()).unwrap());
    let root = disk.root().to_owned();
    let start = || open(&root, Arc::clone(&disk) as Arc<dyn Disk>).unwrap();
    let mut journal = start();
    let mut acknowledged = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        if number == steps.len() / 2 {
            journal = start();
        }
        step.play(&journal).await.unwrap();
        acknowledged.push(disk.count());
    }
    (disk.take(), acknowledged)
}

#[tokio::test]
async fn power_lost_at_any_change_takes_no_acknowledged_entry_and_leaves_none_torn() {
    let steps = steps();
    let (changes, acknowledged) = story(&steps).await;
    assert!(changes.len() > 50, "{}", changes.len());
    let mut model = Model::default();
    for at in 0..=changes.len() {
        if let Some(change) = at.checked_sub(1).and_then(|last| changes.get(last)) {
            model.apply(change).unwrap();
        }
        let done = acknowledged.iter().filter(|from| **from <= at).count();
        for left in SURVIVALS {
            let dir = TempDir::new().unwrap();
            model.restore(dir.path(), left).unwrap();
            let what = format!("at {at}, of the unsynced left: {left:?}");
            comes_back(dir.path(), &steps, done, &what).await;
        }
    }
}

async fn comes_back(root: &Path, steps: &[Step], done: usize, what: &str) {
    let journal = open(root, Arc::new(RealDisk)).unwrap();
    let mut before = Numbers::new();
    for step in &steps[..done] {
        step.count(&mut before);
    }
    let mut allowed = vec![before.clone()];
    if let Some(step) = steps.get(done) {
        allowed.extend(step.halves(&before));
        let mut after = before.clone();
        step.count(&mut after);
        allowed.push(after);
    }
    let (found, unreadable) = read_all(&journal).await;
    assert!(allowed.contains(&found), "{what}: {found:?}");
    assert_eq!(unreadable, 0, "{what}");
    let mut grown = found;
    for name in NAMES {
        let appended = journal.append(&repository(name), &entries(&[100])).await;
        appended.unwrap_or_else(|error| panic!("{what}: {error}"));
        grown.entry(name).or_default().push(100);
    }
    assert_eq!(read_all(&journal).await.0, grown, "{what}");
}
