//! Power is lost at every change of a story: of blobs and journals only what was flushed is left, and of the rest anything. Or the
//! process is killed there, and all that was written is left.
//!
//! The database flushes by itself what it acknowledges: it is taken as it was after the act before, or after this one's row.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use forebay_blobs_fs::Disk;
use forebay_content::SystemClock;
use forebay_disk_faults::power_loss::{Change, Model, Recorder, SURVIVALS, Survival};
use forebay_lifecycle_rules::{Expiry, Policy, Rule, Selection};
use forebay_oci::{Digest, Reference};
use forebay_registry::{Mounted, Quota, SettingsChange};
use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use tempfile::TempDir;

use crate::promises::{Act, Promises, Told};
use crate::scene::{Image, ROWS, Scene, index, name};
use crate::seed::{Chance, Long, seed};
use crate::sound::comes_back;

/// How many ways there are before coins are tossed that nobody has tossed yet.
const LEFT_WAYS: usize = SURVIVALS.len();

/// How many ends are looked at at once: each waits for its disk most of the time.
const AT_ONCE: usize = 4;

/// A part of the story.
struct Chapter {
    /// What was asked; nothing where nobody was promised anything.
    act: Option<(&'static str, Act)>,
    /// How many changes there were when it ended.
    until: usize,
    /// The database after it.
    rows: TempDir,
    /// Whether the row came before all changes of the disk.
    is_row_first: bool,
}

#[tokio::test(flavor = "multi_thread")]
async fn power_lost_at_any_change_takes_nothing_that_was_acknowledged() {
    let story = story().await;
    // Nothing of the unsynced, the other ways in turns.
    let ways = |at: usize| vec![Survival::Nothing, SURVIVALS[1 + at % (LEFT_WAYS - 1)]];
    let cuts = end_at_each_change(&story, ways).await;
    assert_eq!(cuts, 2 * (story.0.len() + 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_change_of_a_story_nothing_that_was_acknowledged_is_lost() {
    let story = story().await;
    let kills = end_at_each_change(&story, |_| vec![Survival::Everything]).await;
    assert!(kills > story.0.len(), "{kills}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "long: as long as FOREBAY_LONG_SECONDS says"]
async fn long_power_lost_in_every_way_takes_nothing_that_was_acknowledged() {
    let (mut chance, mut long) = (Chance::of(seed()), Long::begin());
    let story = story().await;
    let (mut passes, mut cuts) = (0, 0);
    while !long.is_over() {
        // Every way at every change first.
        let way = |at: usize| {
            cuts += 1;
            long.tell(|| format!("power was lost {cuts} times"));
            let left = match passes {
                0..LEFT_WAYS => SURVIVALS[(at + passes) % LEFT_WAYS],
                _ => Survival::Some(chance.below(1 << 30) as u64),
            };
            if long.is_over() {
                Vec::new()
            } else {
                vec![left]
            }
        };
        end_at_each_change(&story, way).await;
        passes += 1;
    }
    eprintln!("power was lost {cuts} times, in {passes} ways at each change");
}

/// Ends the story at each change, in the ways that are said for it, until there are none. How often it ended.
async fn end_at_each_change(
    (changes, chapters): &(Vec<Change>, Vec<Chapter>),
    mut ways: impl FnMut(usize) -> Vec<Survival>,
) -> usize {
    assert!(changes.len() > 100, "{}", changes.len());
    let (mut model, mut ends) = (Model::default(), 0);
    let mut under_way = FuturesUnordered::new();
    for at in 0..=changes.len() {
        if let Some(change) = at.checked_sub(1).and_then(|last| changes.get(last)) {
            model.apply(change).unwrap();
        }
        let Some(chapter) = chapters.iter().position(|chapter| at <= chapter.until) else {
            break;
        };
        let ways = ways(at);
        if ways.is_empty() {
            break;
        }
        let Chapter {
            act,
            until,
            is_row_first,
            ..
        } = &chapters[chapter];
        let before = chapter.checked_sub(1);
        let from = before.map_or(0, |before| chapters[before].until);
        let mut promises = Promises::default();
        for chapter in &chapters[..chapter] {
            note(&mut promises, chapter.act.as_ref(), true);
        }
        note(&mut promises, act.as_ref(), at == *until);
        let is_written_down = changes[from..at].iter().any(is_of_journal);
        let is_kept = at <= *until && changes[at..*until].iter().all(is_of_journal);
        for left in ways {
            // The row comes before the journal's line. Where power is lost, it is there with the first of the line.
            let rows: &[Option<usize>] = match (left, act) {
                _ if at == *until || *is_row_first => &[Some(chapter)],
                (_, Some(_)) if is_written_down => &[Some(chapter)],
                (Survival::Everything, Some(_)) if is_kept => &[before, Some(chapter)],
                _ => &[before],
            };
            for rows in rows {
                if under_way.len() == AT_ONCE {
                    under_way.next().await;
                }
                let dir = TempDir::new().unwrap();
                model.restore(dir.path(), left).unwrap();
                if let Some(rows) = rows {
                    copy_rows(chapters[*rows].rows.path(), dir.path());
                }
                let what = format!(
                    "at {at} of {}, of the unsynced left: {left:?}, rows of {rows:?}",
                    changes.len()
                );
                let promises = promises.clone();
                under_way.push(async move {
                    comes_back(dir.path(), &promises, &promises, &what).await;
                });
                ends += 1;
            }
        }
    }
    while under_way.next().await.is_some() {}
    ends
}

fn note(promises: &mut Promises, act: Option<&(&'static str, Act)>, is_done: bool) {
    if let Some((repository, act)) = act {
        promises.note(&Told {
            is_done,
            repository: (*repository).to_owned(),
            act: act.clone(),
        });
    }
}

fn is_of_journal(change: &Change) -> bool {
    let path: &PathBuf = match change {
        Change::Write(path, ..)
        | Change::Create(path)
        | Change::Truncate(path, _)
        | Change::Sync(path)
        | Change::Rename(path, _)
        | Change::Remove(path)
        | Change::CreateDir(path) => path,
    };
    path.starts_with("journal")
}

#[expect(clippy::too_many_lines, reason = "a story, act after act")]
async fn story() -> (Vec<Change>, Vec<Chapter>) {
    let dir = TempDir::new().unwrap();
    let disk = Arc::new(Recorder::of(dir.path()).unwrap());
    let root = disk.root().to_owned();
    let clock = Arc::new(SystemClock::new());
    let scene = Scene::on(&root, Arc::clone(&disk) as Arc<dyn Disk>, clock).await;
    let mut chapters = Vec::new();
    let mut ends = |act: Option<(&'static str, Act)>, is_row_first: bool| {
        let rows = TempDir::new().unwrap();
        copy_rows(&root, rows.path());
        chapters.push(Chapter {
            act,
            until: disk.count(),
            rows,
            is_row_first,
        });
    };
    let (app, web) = (name("app"), name("team/web"));
    let push =
        |image: &Image, tag: Option<&str>| Act::Push(image.digest(), tag.map(ToOwned::to_owned));
    ends(None, false);
    let images: Vec<Image> = (0..4).map(Image::numbered).collect();
    for image in &images[..2] {
        for blob in &image.blobs {
            scene.upload(&app, blob).await.unwrap();
            ends(None, false);
        }
        scene.push(&app, Some("1"), &image.manifest).await.unwrap();
        ends(Some(("app", push(image, Some("1")))), false);
    }
    let children = [images[0].digest(), images[1].digest()];
    let both = index("both", &children);
    scene.push(&app, Some("both"), &both).await.unwrap();
    let digest = Digest::sha256(both.to_string().as_bytes());
    ends(
        Some(("app", Act::Push(digest, Some("both".to_owned())))),
        false,
    );
    for blob in &images[0].blobs {
        let digest = Digest::sha256(blob);
        let mounted = scene.registry.mount(&app, &web, &digest).await.unwrap();
        assert_eq!(mounted, Mounted::Done);
    }
    let about = images[0].clone().about(&children[1]);
    scene.push(&web, None, &about.manifest).await.unwrap();
    ends(Some(("team/web", push(&about, None))), false);
    scene
        .registry
        .drop_tag(&app, &"1".parse().unwrap())
        .await
        .unwrap();
    ends(Some(("app", Act::Untag("1".to_owned()))), true);
    scene
        .registry
        .drop_manifest(&app, &children[1])
        .await
        .unwrap();
    ends(Some(("app", Act::Drop(children[1].clone()))), true);
    // What an owner does: the row comes first, and then the journal's line.
    let kept = Reference::Digest(about.digest());
    scene.registry.pin(&web, &kept, true).await.unwrap();
    ends(Some(("team/web", Act::Pin(about.digest(), true))), true);
    let quota = 1 << 40;
    let settle = SettingsChange {
        quota: Some(Quota::Bytes(quota)),
        ..SettingsChange::default()
    };
    scene
        .registry
        .settle_repository(&web, settle)
        .await
        .unwrap();
    ends(Some(("team/web", Act::Settle(quota))), true);
    let gone = name("gone");
    for blob in &images[3].blobs {
        scene.upload(&gone, blob).await.unwrap();
    }
    ends(None, false);
    let pushed = scene.push(&gone, Some("3"), &images[3].manifest).await;
    pushed.unwrap();
    ends(Some(("gone", push(&images[3], Some("3")))), false);
    scene.registry.delete_repository(&gone, true).await.unwrap();
    ends(Some(("gone", Act::Clear)), true);
    let collected = scene
        .registry
        .collect_garbage(Duration::ZERO)
        .await
        .unwrap();
    assert!(collected.objects > 1, "{collected:?}");
    ends(None, true);
    scene.push_image(&web, Some("2"), &images[2]).await.unwrap();
    ends(Some(("team/web", push(&images[2], Some("2")))), false);
    scene.push_image(&web, Some("3"), &images[3]).await.unwrap();
    ends(Some(("team/web", push(&images[3], Some("3")))), false);
    // What a rule lets go of: all but the newest image, and then its bytes. What is pinned stays.
    let rules = newest();
    let expired = scene.registry.expire(&web, &rules, Arc::new(|_| {}));
    let expired = expired.await.unwrap();
    assert_eq!(expired.dropped, 1);
    ends(Some(("team/web", Act::Drop(images[2].digest()))), true);
    let collected = scene.registry.collect_garbage(Duration::ZERO).await;
    assert!(collected.unwrap().objects > 1);
    ends(None, true);
    scene.close().await;
    (disk.take(), chapters)
}

/// The rule that lets go of all but the newest image of a repository.
fn newest() -> Policy {
    Policy::new(vec![Rule {
        name: "newest".to_owned(),
        priority: 1,
        repositories: vec!["**".parse().unwrap()],
        selection: Selection::Everything,
        expiry: Expiry::KeepNewest(1),
    }])
}

/// The database with its log, while nobody writes to it.
fn copy_rows(from: &Path, to: &Path) {
    for name in [ROWS.to_owned(), format!("{ROWS}-wal")] {
        if from.join(&name).exists() {
            std::fs::copy(from.join(&name), to.join(&name)).unwrap();
        }
    }
}
