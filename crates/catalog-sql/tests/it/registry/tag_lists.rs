//! Lists of tags that are asked for again and again: each tells what is there now, whatever was told before.

use forebay_catalog_sql::{REGISTRY_FILE_NAME, SqlRegistry};
use forebay_content::{
    CatalogError, DropGuard, HostedDrops, HostedLists, HostedPushes, ManifestPush,
};
use futures::future::join_all;
use tempfile::TempDir;

use super::words::{AT, blob, layers, name, open, push, push_image, run, tag};
use crate::words::digest;

/// All tags, as they are told at once and by parts: which must be the same.
async fn tags(registry: &SqlRegistry, number: u64) -> Option<Vec<String>> {
    let all = registry.hosted_tags(&name(number), None, 1_000).await;
    let all: Option<Vec<_>> = all
        .unwrap()
        .map(|tags| tags.iter().map(str::to_owned).collect());
    let mut parts = Vec::new();
    loop {
        let after = parts.last().map(String::as_str);
        let part = registry.hosted_tags(&name(number), after, 2).await.unwrap();
        let part = part.unwrap_or_default();
        if part.is_empty() {
            break;
        }
        parts.extend(part.iter().map(str::to_owned));
    }
    assert_eq!(all.clone().unwrap_or_default(), parts);
    all
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// The image of that number under these tags and no other.
fn tagged(number: u64, tags: &[&str]) -> ManifestPush {
    ManifestPush {
        tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
        ..push(number)
    }
}

#[tokio::test]
async fn a_list_that_was_told_before_tells_every_change() {
    let directory = TempDir::new().unwrap();
    let registry = open(directory.path()).await;
    assert_eq!(tags(&registry, 1).await, None);
    push_image(&registry, &name(1), 1).await;
    push_image(&registry, &name(1), 2).await;
    assert_eq!(tags(&registry, 1).await, Some(texts(&["v1", "v2"])));
    let more = tagged(1, &["v3", "v0"]);
    registry.commit_manifest(&name(1), &more).await.unwrap();
    assert_eq!(
        tags(&registry, 1).await,
        Some(texts(&["v0", "v1", "v2", "v3"]))
    );
    registry.drop_hosted_tag(&name(1), &tag(1)).await.unwrap();
    assert_eq!(tags(&registry, 1).await, Some(texts(&["v0", "v2", "v3"])));
    let guard = DropGuard {
        known_tags: vec![tag(0), tag(3)],
        ..DropGuard::default()
    };
    let dropped = registry
        .drop_hosted_manifest(&name(1), &digest(1), &guard)
        .await;
    dropped.unwrap();
    assert_eq!(tags(&registry, 1).await, Some(texts(&["v2"])));
    registry.drop_repository(&name(1)).await.unwrap();
    assert_eq!(tags(&registry, 1).await, None);
    registry
        .commit_blob(&name(1), &blob(layers(2)[0]), AT)
        .await
        .unwrap();
    assert_eq!(tags(&registry, 1).await, Some(texts(&[])));
    push_image(&registry, &name(1), 2).await;
    assert_eq!(tags(&registry, 1).await, Some(texts(&["v2"])));
    registry.close().await.unwrap();
}

/// Eight push to four repositories, and each asks for the list as soon as its push is acknowledged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_pushed_finds_the_tag_in_the_next_list() {
    let directory = TempDir::new().unwrap();
    let registry = open(directory.path()).await;
    let pushers = (0..8_u64).map(|pusher| {
        let registry = &registry;
        async move {
            let repository = pusher % 4;
            for round in 0..20 {
                let number = 1 + pusher * 100 + round;
                push_image(registry, &name(repository), number).await;
                let told = tags_at_once(registry, repository).await;
                assert!(
                    told.contains(&tag(number).to_string()),
                    "{number}: {told:?}"
                );
                if round % 3 == 0 {
                    let dropped = registry
                        .drop_hosted_tag(&name(repository), &tag(number))
                        .await;
                    dropped.unwrap();
                    let told = tags_at_once(registry, repository).await;
                    assert!(
                        !told.contains(&tag(number).to_string()),
                        "{number}: {told:?}"
                    );
                }
            }
        }
    });
    join_all(pushers).await;
    registry.close().await.unwrap();
}

/// Half of the lists are asked for by their beginning.
async fn tags_at_once(registry: &SqlRegistry, repository: u64) -> Vec<String> {
    let _ = registry.hosted_tags(&name(repository), None, 1).await;
    let told = registry.hosted_tags(&name(repository), None, 1_000).await;
    let told = told.unwrap().unwrap_or_default();
    told.iter().map(str::to_owned).collect()
}

/// Who only looks at the file cannot know what its owner writes meanwhile.
#[tokio::test]
async fn who_looks_at_a_file_that_is_written_to_is_told_what_is_there() {
    let directory = TempDir::new().unwrap();
    let registry = open(directory.path()).await;
    push_image(&registry, &name(1), 1).await;
    let path = directory.path().join(REGISTRY_FILE_NAME);
    let look = SqlRegistry::look(&path).await.unwrap();
    assert_eq!(tags(&look, 1).await, Some(texts(&["v1"])));
    push_image(&registry, &name(1), 2).await;
    assert_eq!(tags(&look, 1).await, Some(texts(&["v1", "v2"])));
    look.close().await.unwrap();
    registry.close().await.unwrap();
}

#[tokio::test]
async fn rot_in_any_of_its_tags_is_told_for_the_whole_list() {
    for rot in [
        "UPDATE tags SET seal = seal + 1 WHERE name = 'v2'",
        "UPDATE tags SET manifest = 77 WHERE name = 'v2'",
        "UPDATE tags SET manifest = (SELECT MIN(id) FROM manifests) WHERE name = 'v2'",
        "UPDATE tags SET name = 'v4' WHERE name = 'v2'",
        "UPDATE tags SET name = 'v2,v3' WHERE name = 'v2'",
        "UPDATE tags SET name = ' ' WHERE name = 'v2'",
        "UPDATE tags SET seal = 'x' WHERE name = 'v2'",
        "UPDATE manifests SET digest = x'' WHERE id = (SELECT manifest FROM tags WHERE name = 'v2')",
    ] {
        let directory = TempDir::new().unwrap();
        let registry = open(directory.path()).await;
        for number in 1..4 {
            push_image(&registry, &name(1), number).await;
        }
        registry.close().await.unwrap();
        run(&directory.path().join(REGISTRY_FILE_NAME), rot).await;
        let registry = open(directory.path()).await;
        // A second time, too: it is not kept.
        for _ in 0..2 {
            let told = registry.hosted_tags(&name(1), None, 10).await;
            assert!(
                matches!(told, Err(CatalogError::Corrupt(_))),
                "{rot}: {told:?}"
            );
        }
        registry.close().await.unwrap();
    }
}
