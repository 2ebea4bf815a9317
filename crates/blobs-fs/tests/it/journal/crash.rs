//! Killed at any change of the disk, journals come back with all that was acknowledged and nothing torn.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::sync::Arc;

use forebay_blobs_fs::RealDisk;
use forebay_disk_faults::{FaultyDisk, Target};
use tempfile::TempDir;

use super::story::{Numbers, Step, entries, open, read_all, repository, steps};
use crate::child;
use crate::scene::names;
use forebay_content::Journal;

const ROLE: &str = "journal::crash::a_child_that_may_die";

#[tokio::test]
async fn killed_at_any_change_journals_come_back_whole() {
    let changes = count_changes();
    assert!(changes > 50, "{changes} changes are too few for the story");
    for kill_at in 1..=changes {
        let dir = TempDir::new().unwrap();
        let killed = child::run(&[], ROLE, &format!("{kill_at} {}", dir.path().display()));
        assert_eq!(killed.status.signal(), Some(9), "at {kill_at}");
        let told = String::from_utf8(killed.stdout).unwrap();
        let done = told.lines().filter(|line| *line == "done").count();
        comes_back(dir.path(), &steps()[..=done], kill_at).await;
    }
}

fn count_changes() -> u64 {
    let dir = TempDir::new().unwrap();
    let told = child::run(&[], ROLE, &format!("0 {}", dir.path().display()));
    assert!(told.status.success());
    let told = String::from_utf8(told.stdout).unwrap();
    let count = told.lines().find_map(|line| line.strip_prefix("changes "));
    count.unwrap().parse().unwrap()
}

/// All but the last of `steps` were acknowledged; of the last, nothing is known.
async fn comes_back(root: &Path, steps: &[Step], kill_at: u64) {
    let journal = open(root, Arc::new(RealDisk)).unwrap();
    let left = names(&root.join("journal"));
    assert!(left.iter().all(|name| name.len() == 64), "at {kill_at}");
    let (last, acknowledged) = steps.split_last().unwrap();
    let mut before = Numbers::new();
    for step in acknowledged {
        step.count(&mut before);
    }
    let mut after = before.clone();
    last.count(&mut after);
    let (found, unreadable) = read_all(&journal).await;
    assert_eq!(unreadable, 0, "at {kill_at}");
    let allowed = [vec![before.clone(), after], last.halves(&before)].concat();
    assert!(allowed.contains(&found), "at {kill_at}: {found:?}");
    // And what came back can be used.
    let mut grown = found;
    for name in super::story::NAMES {
        journal
            .append(&repository(name), &entries(&[100]))
            .await
            .unwrap();
        grown.entry(name).or_default().push(100);
    }
    assert_eq!(read_all(&journal).await, (grown, 0), "at {kill_at}");
}

#[tokio::test]
#[ignore = "a role that other tests have children play"]
async fn a_child_that_may_die() {
    let Some(argument) = child::find_argument() else {
        return;
    };
    let (kill_at, root) = argument.split_once(' ').unwrap();
    let kill_at: u64 = kill_at.parse().unwrap();
    let disk = FaultyDisk::new((kill_at > 0).then_some(kill_at));
    let journal = open(Path::new(root), Arc::new(disk.clone())).unwrap();
    for step in steps() {
        step.play(&journal).await.unwrap();
        println!("done");
    }
    println!("changes {}", disk.count(Target::Changes));
}
