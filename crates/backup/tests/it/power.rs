//! Power is lost at any change of a backup's disk: the backup before is there, or the new one, and the next run makes a whole one.
//!
//! Rows are made by the database, which flushes its files by itself: they count as written when the switch syncs them.

use std::path::Path;
use std::sync::Arc;

use forebay_disk_faults::power_loss::{Change, Model, Recorder, SURVIVALS, Survival};
use tempfile::TempDir;

use crate::kept::{Content, Kept, content_of};
use crate::seed::{Chance, Long, seed};

/// What the directory of the backup is called below the disk's root.
const BACKUP: &str = "backup";

/// Of the changes that bring or take bytes, which come before the switch and go after it, the short story is cut at each so manieth.
const BYTES_STEP: usize = 12;

/// The long story is cut at each so manieth change in one pass.
const STRIDE: usize = 7;

/// How many ways there are before coins are tossed that nobody has tossed yet.
const LEFT_WAYS: usize = SURVIVALS.len();

/// Two backups of a registry that changed between them.
struct Story {
    /// Of the folder that the backup's directory is made in.
    changes: Vec<Change>,
    /// How many changes there were when the first one was done.
    first_until: usize,
    first: Content,
    second: Content,
    /// The registry, as the second one has it.
    kept: Kept,
    _folder: TempDir,
}

#[tokio::test(flavor = "multi_thread")]
async fn power_lost_at_any_change_leaves_the_backup_before_or_the_new_one() {
    let story = Story::told().await;
    let way = |at: usize, is_of_bytes: bool| {
        let is_left_out = is_of_bytes && !at.is_multiple_of(BYTES_STEP);
        (!is_left_out).then(|| SURVIVALS[at % SURVIVALS.len()])
    };
    let (firsts, seconds) = story.lose_power(way).await;
    assert!(
        firsts > 10 && seconds > 10,
        "{firsts} first ones, {seconds} second ones"
    );
    story.kept.close().await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: as long as FOREBAY_LONG_SECONDS says"]
async fn long_power_lost_in_every_way_leaves_the_backup_before_or_the_new_one() {
    let (mut chance, mut long) = (Chance::of(seed()), Long::begin());
    let story = Story::told().await;
    let (mut passes, mut cuts) = (0, 0);
    while !long.is_over() {
        // A part of all changes in each pass, so that a short run has been everywhere; every way at every change before coins.
        let way = |at: usize, _| {
            let is_meant = at % STRIDE == passes % STRIDE && !long.is_over();
            cuts += usize::from(is_meant);
            long.tell(|| format!("power was lost {cuts} times"));
            let left = match passes / STRIDE {
                round @ 0..LEFT_WAYS => SURVIVALS[(at / STRIDE + round) % LEFT_WAYS],
                _ => Survival::Some(chance.below(1 << 30) as u64),
            };
            is_meant.then_some(left)
        };
        story.lose_power(way).await;
        passes += 1;
    }
    eprintln!("power was lost {cuts} times");
    story.kept.close().await;
}

impl Story {
    async fn told() -> Self {
        let folder = TempDir::new().unwrap();
        let root = folder.path().join("disk");
        std::fs::create_dir(&root).unwrap();
        let disk = Arc::new(Recorder::of(&root).unwrap());
        let to = disk.root().join(BACKUP);
        let kept = Kept::open(&folder.path().join("data")).await;
        kept.begin().await;
        kept.back_up_on(&to, disk.clone()).await.unwrap();
        let (first, first_until) = (content_of(&to).await, disk.count());
        kept.go_on().await;
        kept.back_up_on(&to, disk.clone()).await.unwrap();
        let second = content_of(&to).await;
        assert_ne!(first, second);
        assert_eq!(second, kept.content().await);
        Self {
            changes: disk.take(),
            first_until,
            first,
            second,
            kept,
            _folder: folder,
        }
    }

    /// Cuts the power after each change, in the way that is said for it, if one is: how often the first backup was found, and how often
    /// the second.
    async fn lose_power(&self, mut way: impl FnMut(usize, bool) -> Option<Survival>) -> (u32, u32) {
        let (mut firsts, mut seconds) = (0, 0);
        let mut model = Model::default();
        for at in 0..=self.changes.len() {
            let change = at.checked_sub(1).and_then(|last| self.changes.get(last));
            if let Some(change) = change {
                model.apply(change).unwrap();
            }
            let is_over = at == self.changes.len();
            let is_of_bytes = !is_over && change.is_some_and(is_of_bytes);
            let Some(left) = way(at, is_of_bytes) else {
                continue;
            };
            let what = format!("at {at} of {}, left: {left:?}", self.changes.len());
            let dir = TempDir::new().unwrap();
            model.restore(dir.path(), left).unwrap();
            let found = self.comes_back(&dir.path().join(BACKUP), &what).await;
            let (is_first, is_second) = (found == self.first, found == self.second);
            let is_right = match at {
                _ if is_over => is_second,
                _ if at < self.first_until => is_first || found.is_empty(),
                _ => is_first || is_second,
            };
            assert!(is_right, "{what}: {found:?}");
            firsts += u32::from(is_first);
            seconds += u32::from(is_second);
        }
        (firsts, seconds)
    }

    /// What is found there; and the next run has all.
    async fn comes_back(&self, backup: &Path, what: &str) -> Content {
        let found = if backup.is_dir() {
            content_of(backup).await
        } else {
            Content::new()
        };
        let made = self.kept.back_up(backup).await;
        let made = made.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert!(made.is_whole(), "{what}: {made:?}");
        assert_eq!(content_of(backup).await, self.second, "{what}, made again");
        found
    }
}

fn is_of_bytes(change: &Change) -> bool {
    let path = match change {
        Change::Create(path)
        | Change::Write(path, ..)
        | Change::Truncate(path, _)
        | Change::Sync(path)
        | Change::Rename(path, _)
        | Change::Remove(path)
        | Change::CreateDir(path) => path,
    };
    let registry = Path::new(BACKUP).join("registry");
    path.starts_with(registry.join("blobs")) || path.starts_with(registry.join("staging"))
}
