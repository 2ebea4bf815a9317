//! Rows that are lost are made again from journals and blobs, as they were.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay_blobs_fs::RealDisk;
use forebay_catalog_sql::SqlRegistry;
use forebay_content::{
    BlobStore as _, HostedEntry, HostedLists as _, HostedRepository, ManualClock, Referrer,
    ReferrersOf, SystemClock, Timestamp,
};
use forebay_oci::Digest;
use forebay_registry::{Lost, RebuildError, Rebuilt};
use tempfile::TempDir;

use crate::history::Client;
use crate::scene::{Image, ROWS, Scene, name};
use crate::seed::seed;

const MANY: u32 = 10_000;

/// A repository as its rows tell it, but for when it was made and when something was pulled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Snapshot {
    repository: HostedRepository,
    manifests: Vec<HostedEntry>,
    referrers: Vec<Referrer>,
}

impl Snapshot {
    pub(crate) fn has_manifests(&self) -> bool {
        !self.manifests.is_empty()
    }
}

pub(crate) async fn snapshot(rows: &SqlRegistry) -> Vec<Snapshot> {
    let mut found = Vec::new();
    for mut repository in rows.repositories(None, MANY).await.unwrap() {
        let name = repository.name.clone();
        repository.created_at = Timestamp(0);
        let mut manifests = rows.hosted_manifests(&name, None, MANY).await.unwrap();
        let mut referrers = Vec::new();
        for entry in &mut manifests {
            entry.pulled_at = None;
            let of = ReferrersOf {
                subject: entry.manifest.digest.clone(),
                artifact_type: None,
            };
            referrers.extend(rows.hosted_referrers(&name, &of, None, MANY).await.unwrap());
        }
        found.push(Snapshot {
            repository,
            manifests,
            referrers,
        });
    }
    found
}

/// What the journals and blobs of a registry that nobody has open come to.
pub(crate) async fn rebuilt(root: &Path) -> (Vec<Snapshot>, Rebuilt) {
    let apart = TempDir::new().unwrap();
    let by = (Arc::new(RealDisk) as _, Arc::new(SystemClock::new()) as _);
    let scene = Scene::with_rows(root, &apart.path().join(ROWS), by).await;
    let report = scene.registry.rebuild_rows().await.unwrap();
    scene.rows.integrity_check().await.unwrap();
    let found = snapshot(&scene.rows).await;
    scene.close().await;
    (found, report)
}

#[tokio::test]
async fn rows_made_again_are_those_that_were_lost() {
    let seed = seed();
    let dir = TempDir::new().unwrap();
    let clock = ManualClock::at(Timestamp(1_700_000_000_000));
    let by: Arc<ManualClock> = Arc::new(clock.clone());
    let scene = Scene::on(dir.path(), Arc::new(RealDisk), by).await;
    let acts = Mutex::new(0);
    let tell = |_: &_| *acts.lock().unwrap() += 1;
    let mut clients = [0, 1].map(|number| Client::new(&scene, (seed, number), &tell));
    for _ in 0..60 {
        for client in &mut clients {
            clock.advance(Duration::from_mins(1));
            client.act().await;
        }
    }
    clock.advance(Duration::from_mins(1));
    scene
        .registry
        .collect_garbage(Duration::ZERO)
        .await
        .unwrap();
    let before = snapshot(&scene.rows).await;
    scene.close().await;
    let (after, report) = rebuilt(dir.path()).await;
    assert_eq!(before, after, "seed {seed}");
    assert_eq!((report.lost, report.unreadable), (vec![], 0), "seed {seed}");
    let manifests: usize = before.iter().map(|one| one.manifests.len()).sum();
    assert!(manifests > 10, "{manifests} of {acts:?} acts, seed {seed}");
    assert_eq!(report.manifests, manifests as u64);
}

#[tokio::test]
async fn what_is_not_at_rest_any_more_is_told_and_the_rest_made_again() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let app = name("app");
    let (damaged, gone) = (Image::numbered(1), Image::numbered(2));
    scene
        .push_image(&app, Some("damaged"), &damaged)
        .await
        .unwrap();
    scene.push_image(&app, Some("gone"), &gone).await.unwrap();
    let layer = Digest::sha256(&damaged.blobs[2]);
    scene.blobs.delete(&layer).await.unwrap();
    scene.blobs.delete(&gone.digest()).await.unwrap();
    // Not where there are rows.
    let refused = scene.registry.rebuild_rows().await;
    assert!(matches!(refused, Err(RebuildError::NotEmpty)));
    scene.close().await;
    let (after, report) = rebuilt(dir.path()).await;
    let lost = |digest, needed_by| Lost {
        repository: app.clone(),
        digest,
        needed_by,
    };
    let mut told = report.lost;
    told.sort();
    let mut expected = [
        lost(layer, Some(damaged.digest())),
        lost(gone.digest(), None),
    ];
    expected.sort();
    assert_eq!(told, expected);
    assert_eq!((report.manifests, report.tags, report.blobs), (1, 1, 2));
    let tags: Vec<String> = after[0].manifests[0]
        .tags
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(tags, ["damaged"]);
}

/// Or rules that let go of what nobody pulls would take what is pulled every day.
#[tokio::test]
async fn what_is_made_again_counts_as_pulled_then() {
    let dir = TempDir::new().unwrap();
    let then = Timestamp(1_700_000_000_000);
    let clock = ManualClock::at(then);
    let scene = Scene::on(dir.path(), Arc::new(RealDisk), Arc::new(clock.clone())).await;
    let (app, image) = (name("app"), Image::numbered(1));
    scene.push_image(&app, Some("1"), &image).await.unwrap();
    scene.close().await;

    clock.advance(Duration::from_hours(24 * 100));
    let apart = TempDir::new().unwrap();
    let by = (Arc::new(RealDisk) as _, Arc::new(clock) as _);
    let scene = Scene::with_rows(dir.path(), &apart.path().join(ROWS), by).await;
    scene.registry.rebuild_rows().await.unwrap();
    let entries = scene.rows.hosted_manifests(&app, None, MANY).await.unwrap();
    let day = 24 * 60 * 60 * 1000;
    assert_eq!(entries[0].pushed_at, then);
    assert_eq!(entries[0].pulled_at, Some(Timestamp(then.0 + 100 * day)));
    scene.close().await;
}
