//! Opens what is left of a registry: what was promised is there byte for byte, and nothing is torn, dangling or in the way.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forebay_blobs_fs::RealDisk;
use forebay_content::{
    BlobStore as _, HostedContent as _, HostedLists as _, HostedUpkeep as _, SystemClock,
    collect_reader,
};
use forebay_oci::{Digest, MediaType, PushedManifest, RepositoryName};
use forebay_registry::Rebuilt;
use tempfile::TempDir;

use crate::promises::Promises;
use crate::scene::{ROWS, Scene, name};

/// More than any test keeps.
const MANY: u32 = 10_000;

/// Checks a registry that nobody has open; `journaled` is what its journals may tell. Returns what was found.
pub(crate) async fn comes_back(
    root: &Path,
    promises: &Promises,
    journaled: &Promises,
    what: &str,
) -> Promises {
    let scene = Scene::open(root).await;
    let staged = std::fs::read_dir(root.join("staging")).unwrap().count();
    assert_eq!(staged, 0, "{what}: litter in staging");
    let strays = scene.blobs.strays().await.unwrap();
    assert!(strays.is_empty(), "{what}: {strays:?}");
    let checked = scene.rows.integrity_check().await;
    checked.unwrap_or_else(|error| panic!("{what}: {error}"));
    scene.registry.catch_up().await.unwrap();
    let found = keeps(&scene, promises, what).await;
    scene
        .registry
        .collect_garbage(Duration::ZERO)
        .await
        .unwrap();
    nothing_is_unheld(&scene, what).await;
    keeps(&scene, promises, &format!("{what}, collected")).await;
    let pushed = pushed(&scene).await;
    scene.close().await;
    rebuilds(root, (journaled, &pushed), what).await;
    found
}

/// Bytes at rest that nobody holds are gone, and those that are there are whole.
pub(crate) async fn nothing_is_unheld(scene: &Scene, what: &str) {
    let stats = scene.blobs.list(None, MANY as usize).await.unwrap();
    let digests: Vec<Digest> = stats.into_iter().map(|stat| stat.digest).collect();
    let held = scene.rows.held(&digests).await.unwrap();
    assert_eq!(held, digests, "{what}: something is held by nobody");
    for digest in digests {
        let verified = scene.blobs.verify(&digest).await;
        verified.unwrap_or_else(|error| panic!("{what}: {digest}: {error}"));
    }
}

/// Makes the rows again elsewhere, and looks whether they keep what was promised.
/// This and all that can be `pushed`, whether it was acknowledged or not: who finds it builds on it.
async fn rebuilds(
    root: &Path,
    (promises, shown): (&Promises, &BTreeSet<String>),
    what: &str,
) -> Rebuilt {
    let apart = TempDir::new().unwrap();
    let by = (Arc::new(RealDisk) as _, Arc::new(SystemClock::new()) as _);
    let scene = Scene::with_rows(root, &apart.path().join(ROWS), by).await;
    let rebuilt = scene.registry.rebuild_rows().await.unwrap();
    assert_eq!(rebuilt.unreadable, 0, "{what}");
    keeps(&scene, promises, &format!("{what}, rebuilt")).await;
    let again = pushed(&scene).await;
    let lost: Vec<_> = shown.difference(&again).collect();
    assert!(lost.is_empty(), "{what}: rebuilt without {lost:?}");
    scene.rows.integrity_check().await.unwrap();
    scene.close().await;
    rebuilt
}

/// The manifests and tags of all repositories.
async fn pushed(scene: &Scene) -> BTreeSet<String> {
    let mut pushed = BTreeSet::new();
    for repository in scene.rows.repositories(None, MANY).await.unwrap() {
        let of = repository.name;
        for entry in scene.rows.hosted_manifests(&of, None, MANY).await.unwrap() {
            let digest = entry.manifest.digest;
            pushed.insert(format!("{of}@{digest}"));
            let tags = entry.tags.iter();
            pushed.extend(tags.map(|tag| format!("{of}:{tag}@{digest}")));
        }
    }
    pushed
}

/// What was promised is there, and whatever is there is whole. Returns what was found, with nothing left open.
pub(crate) async fn keeps(scene: &Scene, promises: &Promises, what: &str) -> Promises {
    let mut settled = Promises::default();
    for ((repository, digest), allowed) in &promises.manifests {
        let of = name(repository);
        let found = scene.rows.find_hosted_manifest(&of, digest).await.unwrap();
        let is_there = found.is_some();
        assert!(
            allowed.contains(&is_there),
            "{what}: {repository}@{digest} is there: {is_there}, and may be: {allowed:?}"
        );
        let is_promised = *allowed == [true].into();
        if let Some(found) = found {
            whole(scene, &of, (digest, &found.media_type), is_promised, what).await;
        }
        let key = (repository.clone(), digest.clone());
        settled.manifests.insert(key, [is_there].into());
    }
    for ((repository, tag), allowed) in &promises.tags {
        let (of, parsed) = (name(repository), tag.parse().unwrap());
        let found = scene.rows.find_hosted_tag(&of, &parsed).await.unwrap();
        let target = found.map(|found| found.digest);
        assert!(
            allowed.contains(&target),
            "{what}: {repository}:{tag} points at {target:?}, and may at {allowed:?}"
        );
        let key = (repository.clone(), tag.clone());
        settled.tags.insert(key, [target].into());
    }
    for ((repository, digest), allowed) in &promises.pins {
        let of = name(repository);
        let found = scene.rows.find_hosted_entry(&of, digest).await.unwrap();
        let is_pinned = found.is_some_and(|entry| entry.is_pinned);
        assert!(
            allowed.contains(&is_pinned),
            "{what}: {repository}@{digest} is pinned: {is_pinned}, and may be: {allowed:?}"
        );
        let key = (repository.clone(), digest.clone());
        settled.pins.insert(key, [is_pinned].into());
    }
    for (repository, allowed) in &promises.quotas {
        let found = scene.rows.find_repository(&name(repository)).await.unwrap();
        let quota = found.and_then(|found| found.settings.quota_bytes);
        assert!(
            allowed.contains(&quota),
            "{what}: {repository} has the quota {quota:?}, and may have {allowed:?}"
        );
        settled.quotas.insert(repository.clone(), [quota].into());
    }
    for repository in scene.rows.repositories(None, MANY).await.unwrap() {
        let of = repository.name;
        for entry in scene.rows.hosted_manifests(&of, None, MANY).await.unwrap() {
            let manifest = (&entry.manifest.digest, &entry.manifest.media_type);
            whole(scene, &of, manifest, false, what).await;
        }
    }
    settled
}

/// The manifest and all its blobs can be read, and are what they were; if it was not promised, those that the repository holds.
async fn whole(
    scene: &Scene,
    repository: &RepositoryName,
    (digest, media_type): (&Digest, &MediaType),
    is_promised: bool,
    what: &str,
) {
    let read = async |digest: &Digest| {
        let read = match scene.blobs.open(digest).await {
            Ok(reader) => collect_reader(reader.as_ref(), 1 << 24).await,
            Err(error) => Err(error),
        };
        let bytes = read.unwrap_or_else(|error| panic!("{what}: {repository}@{digest}: {error}"));
        assert_eq!(Digest::of(digest.algorithm(), &bytes), *digest, "{what}");
        bytes
    };
    let bytes = read(digest).await;
    let pushed = PushedManifest::parse(&bytes, Some(media_type)).unwrap();
    for child in pushed.children.iter().filter(|child| !child.is_manifest) {
        let rows = &scene.rows;
        let found = rows.find_hosted_blob(repository, &child.digest).await;
        if found.unwrap().is_some() {
            let bytes = read(&child.digest).await;
            assert_eq!(bytes.len() as u64, child.size, "{what}");
        } else {
            let missing = &child.digest;
            assert!(
                !is_promised,
                "{what}: {repository}@{digest} misses {missing}"
            );
        }
    }
}
