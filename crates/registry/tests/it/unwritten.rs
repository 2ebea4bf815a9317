//! A push that a kill has left in the rows and not in the journal: seen by who comes next, and so kept for good after the next start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use forebay_blobs_fs::{FsJournal, RealDisk};
use forebay_content::{
    Change, Clock as _, Committed, HostedContent as _, HostedManifest, HostedPushes as _,
    Journal as _, JournalEntry, ManifestPush, SystemClock, Timestamp,
};
use forebay_oci::{Digest, MediaType};
use futures::future::join_all;
use tempfile::TempDir;

use crate::rebuilt::rebuilt;
use crate::scene::{Image, Scene, digest_of, index, name};

/// The journals, by their files.
fn journals(root: &Path) -> Vec<(PathBuf, Bytes)> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("journal")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = std::fs::read(&path).unwrap();
                found.push((path, bytes.into()));
            }
        }
    }
    found
}

/// Pushes `act`, killed after the row and before the journal's line.
async fn killed_before_the_line(root: &Path, act: impl AsyncFnOnce(&Scene)) {
    let before = journals(root);
    let scene = Scene::open(root).await;
    act(&scene).await;
    scene.close().await;
    for (path, _) in journals(root) {
        let known = before.iter().find(|(known, _)| *known == path);
        match known {
            Some((_, bytes)) => std::fs::write(&path, bytes).unwrap(),
            None => std::fs::remove_file(&path).unwrap(),
        }
    }
}

/// What rows that were made again hold of these.
async fn held_when_rebuilt(root: &Path, digests: &[&Digest]) -> Vec<bool> {
    let apart = TempDir::new().unwrap();
    let by = (Arc::new(RealDisk) as _, Arc::new(SystemClock::new()) as _);
    let scene = Scene::with_rows(root, &apart.path().join("rows"), by).await;
    scene.registry.rebuild_rows().await.unwrap();
    let mut held = Vec::new();
    for digest in digests {
        let found = scene.rows.find_hosted_manifest(&name("app"), digest).await;
        held.push(found.unwrap().is_some());
    }
    scene.close().await;
    held
}

#[tokio::test]
async fn an_index_of_what_was_found_after_a_kill_is_whole_when_rows_are_made_again() {
    let dir = TempDir::new().unwrap();
    let (app, root) = (name("app"), dir.path());
    let (first, child) = (Image::numbered(0), Image::numbered(1));
    let scene = Scene::open(root).await;
    scene.push_image(&app, Some("1"), &first).await.unwrap();
    scene.close().await;
    killed_before_the_line(root, async |scene: &Scene| {
        scene.push_image(&app, Some("2"), &child).await.unwrap();
    })
    .await;
    assert_eq!(held_when_rebuilt(root, &[&child.digest()]).await, [false]);

    // The next client finds it, and pushes no more than what names it.
    let scene = Scene::open(root).await;
    assert_eq!(scene.registry.catch_up().await.unwrap(), 1);
    assert_eq!(scene.registry.catch_up().await.unwrap(), 0, "once");
    let found = scene.rows.find_hosted_manifest(&app, &child.digest()).await;
    assert!(found.unwrap().is_some());
    let both = index("both", &[first.digest(), child.digest()]);
    scene.push(&app, Some("both"), &both).await.unwrap();
    scene.close().await;
    let all = [&first.digest(), &child.digest(), &digest_of(&both)];
    assert_eq!(held_when_rebuilt(root, &all).await, [true; 3]);
    let (repositories, report) = rebuilt(root).await;
    assert_eq!((repositories.len(), report.tags), (1, 3));
    assert!(report.lost.is_empty(), "{report:?}");
}

#[tokio::test]
async fn the_first_push_to_a_repository_is_found_by_its_rows_alone() {
    let dir = TempDir::new().unwrap();
    let (app, root) = (name("app"), dir.path());
    let image = Image::numbered(0);
    std::fs::create_dir_all(root.join("journal")).unwrap();
    killed_before_the_line(root, async |scene: &Scene| {
        scene.push_image(&app, Some("1"), &image).await.unwrap();
    })
    .await;
    let scene = Scene::open(root).await;
    assert_eq!(scene.registry.catch_up().await.unwrap(), 1);
    scene.close().await;
    assert_eq!(held_when_rebuilt(root, &[&image.digest()]).await, [true]);
}

/// More than one is no kill's doing, and not ours to judge: what a journal lost is told by a check.
#[tokio::test]
async fn a_journal_that_lacks_more_is_left_to_a_check() {
    let dir = TempDir::new().unwrap();
    let (app, root) = (name("app"), dir.path());
    std::fs::create_dir_all(root.join("journal")).unwrap();
    killed_before_the_line(root, async |scene: &Scene| {
        for number in 0..2 {
            let image = Image::numbered(number);
            scene.push_image(&app, None, &image).await.unwrap();
        }
    })
    .await;
    let scene = Scene::open(root).await;
    assert_eq!(scene.registry.catch_up().await.unwrap(), 0);
    let check = scene.registry.check(true, &|_| ()).await.unwrap();
    assert_eq!(check.differences.len(), 2, "{check:?}");
    scene.close().await;
}

/// As of a large registry: a hundred repositories of a thousand manifests.
#[tokio::test]
#[ignore = "prints figures and checks none"]
async fn what_it_costs_to_look_for_what_was_not_written_down() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let journal = FsJournal::open(dir.path(), Arc::new(RealDisk)).unwrap();
    for repository in 0..100 {
        let of = name(&format!("team/app-{repository}"));
        let pushes: Vec<ManifestPush> = (0..1000).map(|at| push(repository, at)).collect();
        let commits = pushes
            .iter()
            .map(|push| scene.rows.commit_manifest(&of, push));
        for done in join_all(commits).await {
            assert_eq!(done.unwrap(), Committed::Done);
        }
        let entries: Vec<JournalEntry> = pushes.into_iter().map(entry).collect();
        journal.append(&of, &entries).await.unwrap();
    }
    let clock = SystemClock::new();
    let begun = clock.monotonic();
    assert_eq!(scene.registry.catch_up().await.unwrap(), 0);
    eprintln!(
        "100,000 manifests in 100 repositories: {:?}",
        clock.monotonic().saturating_sub(begun)
    );
    scene.close().await;
}

fn push(repository: i64, at: i64) -> ManifestPush {
    ManifestPush {
        manifest: HostedManifest {
            digest: Digest::sha256(format!("{repository} {at}").as_bytes()),
            media_type: MediaType::OCI_MANIFEST,
            size: 500,
        },
        children: Vec::new(),
        subject: None,
        artifact_type: None,
        annotations: None,
        tags: vec![format!("v{at}").parse().unwrap()],
        immutable_tags: Vec::new(),
        tag_bounds: None,
        quota_bytes: None,
        at: Timestamp(at),
    }
}

fn entry(push: ManifestPush) -> JournalEntry {
    JournalEntry {
        at: push.at,
        change: Change::Pushed {
            digest: push.manifest.digest,
            media_type: push.manifest.media_type,
            tags: push.tags,
            absent: Vec::new(),
        },
    }
}
