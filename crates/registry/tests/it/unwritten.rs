//! A push that a kill has left in the rows and not in the journal: seen by who comes next, and so kept for good after the next start.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use forebay_blobs_fs::RealDisk;
use forebay_content::{HostedContent as _, SystemClock};
use forebay_oci::Digest;
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
