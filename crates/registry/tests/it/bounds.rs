//! How many tags and children there may be: more is refused, and what is there from before is neither lost nor in the way.

use std::path::Path;

use forebay_content::{
    HostedContent as _, HostedManifest, HostedPushes as _, ManifestPush, Missing, TagHolder,
    Timestamp,
};
use forebay_oci::{Digest, MediaType, Tag};
use forebay_registry::{MAX_CHILDREN, PushError, Refused, TAG_BOUNDS};
use serde_json::Value;
use tempfile::TempDir;

use crate::rebuilt::rebuilt;
use crate::scene::{Scene, digest_of, index, name};

/// As many tags of one manifest, each as long as a tag can be, as only a version without bounds has taken.
async fn tagged(root: &Path, manifest: &Value, tags: u64) -> Scene {
    let scene = Scene::open(root).await;
    scene.push(&name("app"), None, manifest).await.unwrap();
    let tags = (0..tags).map(|number| format!("{number:0>128}").parse().unwrap());
    let push = ManifestPush {
        manifest: HostedManifest {
            digest: digest_of(manifest),
            media_type: MediaType::OCI_INDEX,
            size: manifest.to_string().len() as u64,
        },
        children: Vec::new(),
        subject: None,
        artifact_type: None,
        annotations: None,
        tags: tags.collect(),
        immutable_tags: Vec::new(),
        tag_bounds: None,
        quota_bytes: None,
        at: Timestamp(5),
    };
    scene
        .rows
        .commit_manifest(&name("app"), &push)
        .await
        .unwrap();
    scene
}

#[tokio::test]
async fn a_manifest_that_has_as_many_tags_as_it_may_gets_no_further_one_and_is_dropped_with_them() {
    let dir = TempDir::new().unwrap();
    let (app, manifest) = (name("app"), index("tagged", &[]));
    let most = TAG_BOUNDS.of_manifest;
    let scene = tagged(dir.path(), &manifest, most).await;
    let refused = scene.push(&app, Some("more"), &manifest).await.unwrap_err();
    let of_manifest = Refused::TooManyTags {
        of: TagHolder::Manifest,
        most,
    };
    assert!(
        matches!(&refused, PushError::Refused(found) if *found == of_manifest),
        "{refused:?}"
    );
    let there = format!("{:0>128}", 7);
    scene.push(&app, Some(&there), &manifest).await.unwrap();
    let other = index("other", &[]);
    scene.push(&app, Some("more"), &other).await.unwrap();

    let (registry, digest) = (&scene.registry, digest_of(&manifest));
    registry.drop_manifest(&app, &digest).await.unwrap();
    let dropped = registry.drop_manifest(&app, &digest).await;
    assert!(matches!(
        dropped,
        Err(PushError::NotFound(Missing::Manifest))
    ));
    let found = scene.rows.find_repository(&app).await.unwrap().unwrap();
    assert_eq!((found.manifests, found.tags), (1, 1));
    scene.close().await;
}

/// The journal tells of them in more than one line, and what is made again of it is refused by no bound.
#[tokio::test]
async fn more_tags_than_a_manifest_may_have_are_written_down_and_made_again() {
    let dir = TempDir::new().unwrap();
    let manifest = index("tagged", &[]);
    let many = TAG_BOUNDS.of_manifest + 1;
    let scene = tagged(dir.path(), &manifest, many).await;
    let check = scene.registry.check(true, &|_| ()).await.unwrap();
    assert_eq!((check.differences.len(), check.is_settled), (1, true));
    let told = &check.differences[0];
    assert!(told.len() < 20_000, "{}", told.len());
    assert!(told.contains("and 9901 tags more"), "{told}");
    let check = scene.registry.check(false, &|_| ()).await.unwrap();
    assert!(check.is_clean(), "{:?}", check.differences.len());
    scene.close().await;
    let (_, report) = rebuilt(dir.path()).await;
    assert_eq!((report.manifests, report.tags), (1, many));
}

#[tokio::test]
async fn a_manifest_that_names_more_than_it_may_is_refused_and_leaves_nothing() {
    let dir = TempDir::new().unwrap();
    let (app, scene) = (name("app"), Scene::open(dir.path()).await);
    let child = |number: usize| Digest::sha256(&number.to_be_bytes());
    let mut children: Vec<Digest> = (0..=MAX_CHILDREN).map(child).collect();
    let refused = scene.push(&app, Some("1"), &index("more", &children)).await;
    assert!(
        matches!(refused, Err(PushError::TooManyChildren(found)) if found == MAX_CHILDREN + 1),
        "{refused:?}"
    );
    assert!(scene.rows.find_repository(&app).await.unwrap().is_none());
    children.pop();
    let most = index("most", &children);
    scene.push(&app, Some("1"), &most).await.unwrap();
    let tag: Tag = "1".parse().unwrap();
    let found = scene.rows.find_hosted_tag(&app, &tag).await.unwrap();
    assert_eq!(found.map(|found| found.digest), Some(digest_of(&most)));
    scene.close().await;
}
