//! What an owner does with a repository holds for who pushes, and is known again when rows are made anew.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_content::{
    BlobError, BlobStore as _, HostedLists as _, HostedPushes as _, Missing, RepositorySettings,
    Timestamp,
};
use forebay_lifecycle_rules::{Expiry, Policy, Rule, Selection};
use forebay_oci::{Digest, Reference};
use forebay_registry::{
    Deleted, ExpiryError, Made, PushError, Quota, Refused, Settings, SettingsChange,
};
use tempfile::TempDir;

use crate::rebuilt::{rebuilt, snapshot};
use crate::scene::{Image, Scene, digest_of, index, name, uploader};

fn settings(patterns: &[&str], quota_bytes: Option<u64>) -> Settings {
    let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    Settings::read(&patterns, quota_bytes).unwrap()
}

/// However many push the same at once, and while a backup copies, which waits for nobody and for which nobody waits.
#[tokio::test(flavor = "multi_thread")]
async fn of_pushes_that_are_refused_nothing_stays_on_the_disk() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (registry, app) = (&scene.registry, name("team/app"));
    let said = settings(&["v*"], None);
    registry.create_repository(&app, said).await.unwrap();
    let (first, second) = (Image::numbered(1), Image::numbered(2));
    scene.push_image(&app, Some("v1"), &first).await.unwrap();
    for blob in &second.blobs {
        scene.upload(&app, blob).await.unwrap();
    }
    let pushes = (0..8).map(|_| scene.push(&app, Some("v1"), &second.manifest));
    for refused in futures::future::join_all(pushes).await {
        let refused = refused.unwrap_err();
        assert!(matches!(refused, PushError::Refused(Refused::Immutable(_))));
    }
    let at_rest = scene.blobs.open(&second.digest()).await;
    assert!(matches!(at_rest.map(drop), Err(BlobError::NotFound)));

    let copied = registry.spare_bytes().await;
    let refused = scene.push(&app, Some("v1"), &second.manifest).await;
    assert!(refused.is_err());
    drop(copied);
    registry.collect_garbage(Duration::ZERO).await.unwrap();
    let at_rest = scene.blobs.open(&second.digest()).await;
    assert!(matches!(at_rest.map(drop), Err(BlobError::NotFound)));
    scene.close().await;
}

fn unbounded() -> SettingsChange {
    SettingsChange::read(None, Some(Quota::Unbounded)).unwrap()
}

fn tag(text: &str) -> Reference {
    Reference::Tag(text.parse().unwrap())
}

/// Closes the registry and asserts that its journals and blobs come to what its rows say.
async fn is_known_again(scene: Scene, root: &Path) -> Scene {
    let before = snapshot(&scene.rows).await;
    scene.close().await;
    let (after, report) = rebuilt(root).await;
    assert_eq!(after, before);
    assert_eq!((report.lost, report.unreadable), (vec![], 0));
    Scene::open(root).await
}

#[tokio::test]
async fn each_act_of_an_owner_is_known_when_rows_are_made_again() {
    let dir = TempDir::new().unwrap();
    let mut scene = Scene::open(dir.path()).await;
    let (app, other) = (name("team/app"), name("other"));
    let first = settings(&["v*"], Some(500_000));
    let made = scene.registry.create_repository(&app, first.clone()).await;
    assert_eq!(made.unwrap(), Made::Done);
    let again = scene.registry.create_repository(&app, Settings::default());
    assert_eq!(again.await.unwrap(), Made::Exists);
    scene = is_known_again(scene, dir.path()).await;
    let image = Image::numbered(1);
    scene.push_image(&app, Some("v1"), &image).await.unwrap();
    scene.push_image(&other, Some("v1"), &image).await.unwrap();
    scene
        .registry
        .settle_repository(&app, unbounded())
        .await
        .unwrap();
    scene = is_known_again(scene, dir.path()).await;
    let found = scene.registry.find_repository(&app).await.unwrap().unwrap();
    assert_eq!(found.settings.immutable_tags, ["v*"]);
    assert_eq!(found.settings.quota_bytes, None);
    for is_pinned in [true, false, true] {
        let pinned = scene.registry.pin(&app, &tag("v1"), is_pinned).await;
        assert_eq!(pinned.unwrap(), image.digest());
        scene = is_known_again(scene, dir.path()).await;
        let entries = scene.rows.hosted_manifests(&app, None, 10).await.unwrap();
        assert_eq!(entries[0].is_pinned, is_pinned);
    }
    let kept = scene.registry.delete_repository(&app, false).await.unwrap();
    assert!(matches!(kept, Deleted::Holds(found) if found.manifests == 1));
    let gone = scene.registry.delete_repository(&app, true).await.unwrap();
    assert!(matches!(gone, Deleted::Done(found) if found.manifests == 1));
    scene = is_known_again(scene, dir.path()).await;
    assert_eq!(scene.registry.find_repository(&app).await.unwrap(), None);
    let absent = scene.registry.delete_repository(&app, true).await.unwrap();
    assert_eq!(absent, Deleted::Absent);
    // Of the same name, it begins anew: with no pin and no settings.
    scene.push_image(&app, Some("v1"), &image).await.unwrap();
    scene = is_known_again(scene, dir.path()).await;
    let entries = scene.rows.hosted_manifests(&app, None, 10).await.unwrap();
    assert!(!entries[0].is_pinned);
    let found = scene.registry.find_repository(&app).await.unwrap().unwrap();
    assert_eq!(found.settings.immutable_tags, [] as [String; 0]);
    scene.close().await;
}

#[tokio::test]
async fn what_an_owner_says_stands_against_who_pushes_and_deletes() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (registry, app) = (&scene.registry, name("team/app"));
    let said = settings(&["v*"], Some(200_000));
    registry.create_repository(&app, said).await.unwrap();
    let (first, second) = (Image::numbered(1), Image::numbered(2));
    scene.push_image(&app, Some("v1"), &first).await.unwrap();
    let moved = scene.push_image(&app, Some("v1"), &second).await;
    let moved = moved.unwrap_err();
    assert!(
        matches!(moved, PushError::Refused(Refused::Immutable(_))),
        "{moved:?}"
    );
    scene
        .push_image(&app, Some("latest"), &second)
        .await
        .unwrap();
    let third = scene.push_image(&app, None, &Image::numbered(3)).await;
    let third = third.unwrap_err();
    assert!(
        matches!(
            third,
            PushError::Refused(Refused::OverQuota { quota: 200_000, .. })
        ),
        "{third:?}"
    );
    let by_digest = Reference::Digest(second.digest());
    registry.pin(&app, &by_digest, true).await.unwrap();
    let dropped = registry.drop_manifest(&app, &second.digest()).await;
    let dropped = dropped.unwrap_err();
    assert!(
        matches!(dropped, PushError::Refused(Refused::Pinned)),
        "{dropped:?}"
    );
    // A pin keeps the manifest; its tag is the client's to take away.
    let latest = "latest".parse().unwrap();
    registry.drop_tag(&app, &latest).await.unwrap();
    let everything = Policy::new(vec![Rule {
        name: "all".to_owned(),
        priority: 1,
        repositories: vec!["**".parse().unwrap()],
        selection: Selection::Everything,
        expiry: Expiry::KeepNewest(0),
    }]);
    let expired = registry.expire(&app, &everything, Arc::new(|_| {}));
    let expired = expired.await.unwrap();
    assert_eq!((expired.dropped, expired.plan.spared.len()), (0, 1));
    registry.pin(&app, &by_digest, false).await.unwrap();
    let expired = registry.expire(&app, &everything, Arc::new(|_| {}));
    let expired = expired.await.unwrap();
    assert_eq!(expired.dropped, 1);
    scene.close().await;
}

#[tokio::test]
async fn of_an_index_that_stays_no_platform_is_dropped() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (registry, app) = (&scene.registry, name("team/app"));
    let said = settings(&["v*"], None);
    registry.create_repository(&app, said).await.unwrap();
    let images = [Image::numbered(1), Image::numbered(2), Image::numbered(3)];
    for image in &images {
        scene.push_image(&app, None, image).await.unwrap();
    }
    let inner = index("inner", &[images[0].digest()]);
    let outer = index("outer", &[digest_of(&inner), images[1].digest()]);
    let free = index("free", &[images[2].digest()]);
    scene.push(&app, None, &inner).await.unwrap();
    scene.push(&app, Some("v1"), &outer).await.unwrap();
    scene.push(&app, Some("latest"), &free).await.unwrap();
    for kept in [images[0].digest(), images[1].digest(), digest_of(&inner)] {
        let refused = registry.drop_manifest(&app, &kept).await.unwrap_err();
        assert!(
            matches!(refused, PushError::Refused(Refused::KeptByIndex)),
            "{refused:?}"
        );
    }
    registry.pin(&app, &tag("latest"), true).await.unwrap();
    let platform = images[2].digest();
    let refused = registry.drop_manifest(&app, &platform).await.unwrap_err();
    assert!(
        matches!(refused, PushError::Refused(Refused::KeptByIndex)),
        "{refused:?}"
    );
    registry.pin(&app, &tag("latest"), false).await.unwrap();
    registry.drop_manifest(&app, &platform).await.unwrap();
    scene.close().await;
}

#[tokio::test]
async fn what_is_not_there_is_neither_settled_nor_pinned() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (registry, app) = (&scene.registry, name("app"));
    let settled = registry.settle_repository(&app, unbounded()).await;
    assert!(matches!(
        settled,
        Err(PushError::NotFound(Missing::Repository))
    ));
    let stranger = Reference::Digest(Digest::sha256(b"stranger"));
    for reference in [tag("v1"), stranger] {
        let pinned = registry.pin(&app, &reference, true).await;
        assert!(matches!(
            pinned,
            Err(PushError::NotFound(Missing::Manifest))
        ));
    }
    for (patterns, why) in [
        (vec![String::new()], "is empty or too long"),
        (vec!["v1:2".to_owned()], "can match no tag"),
        (vec!["v[".to_owned()], "is no pattern"),
        (vec!["v*".to_owned(); 51], "51 patterns"),
    ] {
        let refused = Settings::read(&patterns, None).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
    scene.close().await;
}

#[tokio::test]
async fn where_it_is_not_known_which_tags_are_immutable_none_is_moved_or_dropped_until_it_is_said_anew()
 {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (registry, app) = (&scene.registry, name("team/app"));
    let (first, second) = (Image::numbered(1), Image::numbered(2));
    scene.push_image(&app, Some("v1"), &first).await.unwrap();
    // As an earlier version may have written it, which took more for a pattern.
    let written = RepositorySettings {
        immutable_tags: vec!["v[".to_owned()],
        quota_bytes: None,
    };
    let kept = scene.rows.keep_repository(&app, &written, Timestamp(1));
    kept.await.unwrap();
    let is_refused = |done: Result<(), PushError>| {
        let refused = done.unwrap_err();
        let told = refused.to_string();
        assert!(told.contains("the pattern of tags \"v[\""), "{told}");
        assert!(
            told.contains("repo set team/app --immutable-tags"),
            "{told}"
        );
    };
    is_refused(scene.push_image(&app, Some("v1"), &second).await.map(drop));
    is_refused(registry.drop_tag(&app, &"v1".parse().unwrap()).await);
    is_refused(registry.drop_manifest(&app, &first.digest()).await);
    let everything = Policy::new(vec![Rule {
        name: "all".to_owned(),
        priority: 1,
        repositories: vec!["**".parse().unwrap()],
        selection: Selection::Everything,
        expiry: Expiry::KeepNewest(0),
    }]);
    let expired = registry.expire(&app, &everything, Arc::new(|_| {})).await;
    let source = match expired {
        Err(ExpiryError::Failed { source, .. }) => source,
        other => panic!("{other:?}"),
    };
    is_refused(Err(source));
    // What moves no tag goes on, and so does a change that says nothing of tags.
    scene.push_image(&app, None, &second).await.unwrap();
    registry.settle_repository(&app, unbounded()).await.unwrap();
    is_refused(
        scene
            .push(&app, Some("2"), &second.manifest)
            .await
            .map(drop),
    );
    let anew = SettingsChange::read(Some(&["v*".to_owned()]), None).unwrap();
    registry.settle_repository(&app, anew).await.unwrap();
    scene.push(&app, Some("2"), &second.manifest).await.unwrap();
    let moved = scene.push(&app, Some("v1"), &second.manifest).await;
    let moved = moved.unwrap_err();
    assert!(
        matches!(moved, PushError::Refused(Refused::Immutable(_))),
        "{moved:?}"
    );
    scene.close().await;
}

/// How many bytes lie at rest, whoever holds them.
async fn at_rest(scene: &Scene) -> u64 {
    let stats = scene.blobs.list(None, 100).await.unwrap();
    stats.iter().map(|stat| stat.size).sum()
}

#[tokio::test]
async fn of_what_a_quota_refuses_nothing_stays_on_the_disk() {
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (registry, app) = (&scene.registry, name("team/app"));
    let made = registry.create_repository(&app, settings(&["v*"], Some(100_000)));
    made.await.unwrap();
    let kept = Bytes::from(vec![1; 60_000]);
    scene.upload(&app, &kept).await.unwrap();
    let is_over = |refused: PushError, wanted_bytes: u64| {
        let told = format!("{refused:?}");
        assert!(
            matches!(refused, PushError::Refused(Refused::OverQuota { wanted, quota: 100_000 }) if wanted == wanted_bytes),
            "{told}"
        );
    };
    let second = scene.upload(&app, &Bytes::from(vec![2; 60_000])).await;
    is_over(second.unwrap_err(), 120_000);
    // What nothing of it can hold is not even taken to its end.
    let uploader = uploader(&app);
    let id = registry.begin_upload(uploader.clone(), None).await.unwrap();
    let mut upload = registry.upload(&uploader, id).await.unwrap();
    upload.write(Bytes::from(vec![3; 90_000])).await.unwrap();
    let over = upload.write(Bytes::from(vec![3; 90_000])).await;
    is_over(over.unwrap_err(), 180_000);
    drop(upload);
    assert_eq!(at_rest(&scene).await, 60_000);
    // What it holds already takes no room anew.
    scene.upload(&app, &kept).await.unwrap();
    // Of a manifest that is refused neither, for whatever reason.
    scene
        .push(&app, Some("v1"), &index("first", &[]))
        .await
        .unwrap();
    let held = at_rest(&scene).await;
    let moved = scene.push(&app, Some("v1"), &index("second", &[])).await;
    let moved = moved.unwrap_err();
    assert!(
        matches!(moved, PushError::Refused(Refused::Immutable(_))),
        "{moved:?}"
    );
    assert_eq!(at_rest(&scene).await, held);
    // What was there before is not taken from who holds it.
    let other = name("team/other");
    scene
        .push(&other, None, &index("second", &[]))
        .await
        .unwrap();
    let held = at_rest(&scene).await;
    let moved = scene.push(&app, Some("v1"), &index("second", &[])).await;
    moved.unwrap_err();
    assert_eq!(at_rest(&scene).await, held);
    scene.close().await;
}
