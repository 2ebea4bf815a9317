//! Sentences about what is at rest.

use std::collections::BTreeSet;

use forebay_content::{Catalog, ChildKind, Timestamp};
use forebay_oci::{Algorithm, Digest, Tag};
use futures::future::try_join_all;

use super::tags::pointing_at;
use super::{all_objects, digest, digests, find_object, hub, manifest, object, usage};

const AT: Timestamp = Timestamp(1_000);

/// As a rebuild keeps them.
pub async fn an_object_kept_for_nobody_is_linked_to_nobody<C: Catalog>(catalog: &C) {
    let kept = object("blob", 10, 1_000);
    catalog.keep_object(None, &kept).await.unwrap();
    let nginx = hub("library/nginx");
    assert!(!catalog.is_linked(&nginx, &kept.digest).await.unwrap());
    assert_eq!(all_objects(catalog).await, [kept]);
}

/// And has the size that was said last.
pub async fn an_object_kept_again_counts_once<C: Catalog>(catalog: &C) {
    for size in [10, 10, 25, 5] {
        let kept = object("blob", size, 1_000);
        catalog.keep_object(None, &kept).await.unwrap();
        assert_eq!(usage(catalog).await, (1, size));
        assert_eq!(all_objects(catalog).await, [kept]);
    }
}

/// A fill that took long ends after a later use was recorded.
pub async fn an_object_kept_again_is_never_older_than_before<C: Catalog>(catalog: &C) {
    for (used_at, expected) in [(2_000, 2_000), (1_000, 2_000), (3_000, 3_000)] {
        let kept = object("manifest", 500, used_at);
        catalog.keep_object(None, &kept).await.unwrap();
        let found = find_object(catalog, "manifest").await.unwrap();
        assert_eq!(found.used_at, Timestamp(expected));
    }
    let kept = manifest("manifest", &[]);
    catalog.keep_manifest(None, &kept, AT).await.unwrap();
    let found = find_object(catalog, "manifest").await.unwrap();
    assert_eq!(found.used_at, Timestamp(3_000));
}

/// Through every act that changes it.
pub async fn usage_adds_up<C: Catalog>(catalog: &C) {
    assert_eq!(usage(catalog).await, (0, 0));
    for (name, size) in [("a", 10), ("b", 20), ("empty", 0)] {
        let kept = object(name, size, 1_000);
        catalog.keep_object(None, &kept).await.unwrap();
    }
    assert_eq!(usage(catalog).await, (3, 30));
    let kept = manifest("manifest", &[("a", ChildKind::Blob)]);
    catalog.keep_manifest(None, &kept, AT).await.unwrap();
    assert_eq!(usage(catalog).await, (4, 530));
    catalog.touch(&[(digest("b"), AT)]).await.unwrap();
    catalog.link(&hub("a/b"), &digest("b"), AT).await.unwrap();
    assert_eq!(usage(catalog).await, (4, 530));
    catalog
        .evict(&[digest("b"), digest("unknown")])
        .await
        .unwrap();
    assert_eq!(usage(catalog).await, (3, 510));
    catalog.evict(&[digest("a")]).await.unwrap();
    assert_eq!(usage(catalog).await, (1, 0));
    catalog.evict(&[digest("empty")]).await.unwrap();
    assert_eq!(usage(catalog).await, (0, 0));
}

/// Also when one batch names the same object twice.
pub async fn touching_moves_the_time_forward_and_never_back<C: Catalog>(catalog: &C) {
    for name in ["a", "b", "c"] {
        let kept = object(name, 10, 1_000);
        catalog.keep_object(None, &kept).await.unwrap();
    }
    let touch = |name: &str, at| (digest(name), Timestamp(at));
    catalog
        .touch(&[
            touch("a", 5_000),
            touch("a", 4_000),
            touch("b", 500),
            touch("unknown", 9_000),
        ])
        .await
        .unwrap();
    for (name, expected) in [("a", 5_000), ("b", 1_000), ("c", 1_000)] {
        let found = find_object(catalog, name).await.unwrap();
        assert_eq!(found.used_at, Timestamp(expected), "{name}");
    }
}

/// It makes no object, and none of a link.
pub async fn touching_what_is_not_kept_changes_nothing<C: Catalog>(catalog: &C) {
    catalog
        .link(&hub("a/b"), &digest("linked"), AT)
        .await
        .unwrap();
    let unknown = [(digest("unknown"), AT), (digest("linked"), AT)];
    catalog.touch(&unknown).await.unwrap();
    catalog.touch(&[]).await.unwrap();
    assert_eq!(all_objects(catalog).await, []);
}

/// Times before 1970 too: a clock may be set to anything.
pub async fn the_coldest_come_first_and_at_most_so_many<C: Catalog>(catalog: &C) {
    let mut kept = Vec::new();
    for (name, used_at) in [("c", 3_000), ("a", -1_000), ("d", 4_000), ("b", 2_000)] {
        let one = object(name, 10, used_at);
        catalog.keep_object(None, &one).await.unwrap();
        kept.push(one);
    }
    kept.sort_by_key(|object| object.used_at);
    assert_eq!(catalog.coldest(10).await.unwrap(), kept);
    assert_eq!(catalog.coldest(2).await.unwrap(), kept[..2]);
    assert_eq!(catalog.coldest(0).await.unwrap(), []);
    let touched = (digest("a"), Timestamp(5_000));
    catalog.touch(&[touched]).await.unwrap();
    let coldest = catalog.coldest(1).await.unwrap();
    assert_eq!(coldest, kept[1..2]);
}

/// The order is that of the digests' text, both algorithms among them.
pub async fn objects_are_told_page_by_page_in_the_order_of_their_digests<C: Catalog>(catalog: &C) {
    for number in 0..20_u32 {
        let mut kept = object(&number.to_string(), 10, i64::from(number));
        if number % 5 == 0 {
            kept.digest = Digest::of(Algorithm::Sha512, &number.to_be_bytes());
        }
        catalog.keep_object(None, &kept).await.unwrap();
    }
    let (mut told, mut after) = (Vec::new(), None);
    loop {
        let page = catalog.objects_after(after.as_ref(), 7).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 7);
        after = Some(last.digest.clone());
        told.extend(page.into_iter().map(|object| object.digest.to_string()));
    }
    assert_eq!(told.len(), 20);
    assert!(told.is_sorted(), "{told:?}");
    assert_eq!(catalog.objects_after(None, 0).await.unwrap(), []);
}

/// In every repository.
pub async fn an_eviction_forgets_the_object_its_links_and_its_manifest<C: Catalog>(catalog: &C) {
    let (nginx, redis) = (hub("library/nginx"), hub("library/redis"));
    let kept = manifest("manifest", &[("layer", ChildKind::Blob)]);
    catalog
        .keep_manifest(Some(&nginx), &kept, AT)
        .await
        .unwrap();
    catalog.link(&redis, &kept.digest, AT).await.unwrap();
    let other = object("other", 10, 1_000);
    catalog.keep_object(Some(&nginx), &other).await.unwrap();
    let digest = kept.digest.clone();
    catalog.evict(&[digest]).await.unwrap();
    assert_eq!(catalog.find_manifest(&kept.digest).await.unwrap(), None);
    for target in [&nginx, &redis] {
        assert!(!catalog.is_linked(target, &kept.digest).await.unwrap());
    }
    assert!(catalog.is_linked(&nginx, &other.digest).await.unwrap());
    assert_eq!(all_objects(catalog).await, [other]);
}

/// They say what was last seen, not what is at rest.
pub async fn an_eviction_leaves_tags<C: Catalog>(catalog: &C) {
    let nginx = hub("library/nginx");
    let latest: Tag = "latest".parse().unwrap();
    let kept = manifest("manifest", &[]);
    let points = pointing_at("manifest", 1_000);
    catalog
        .keep_manifest(Some(&nginx), &kept, AT)
        .await
        .unwrap();
    catalog.keep_tag(&nginx, &latest, &points).await.unwrap();
    catalog.evict(&[kept.digest]).await.unwrap();
    let found = catalog.find_tag(&nginx, &latest).await.unwrap();
    assert_eq!(found, Some(points));
}

/// No kept manifest claims what is gone; one that does not need it stays.
pub async fn an_eviction_takes_the_manifests_that_need_a_blob_that_goes<C: Catalog>(catalog: &C) {
    let nginx = hub("library/nginx");
    for name in ["shared", "own"] {
        let kept = object(name, 10, 1_000);
        catalog.keep_object(None, &kept).await.unwrap();
    }
    let blob = ChildKind::Blob;
    for kept in [
        manifest("one", &[("shared", blob), ("own", blob)]),
        manifest("two", &[("own", blob), ("shared", blob), ("shared", blob)]),
        manifest("three", &[("own", blob)]),
    ] {
        catalog
            .keep_manifest(Some(&nginx), &kept, AT)
            .await
            .unwrap();
    }
    let forgotten = catalog.evict(&[digest("shared")]).await.unwrap();
    let forgotten: BTreeSet<_> = forgotten.into_iter().collect();
    assert_eq!(forgotten, digests(&["shared", "one", "two"]));
    for name in ["one", "two"] {
        let found = catalog.find_manifest(&digest(name)).await.unwrap();
        assert_eq!(found, None);
        assert!(!catalog.is_linked(&nginx, &digest(name)).await.unwrap());
    }
    let three = catalog.find_manifest(&digest("three")).await.unwrap();
    assert!(three.is_some());
    assert_eq!(usage(catalog).await, (2, 510));
}

/// A registry may call anything a layer; a claim on what is gone is one, however it came about.
pub async fn an_eviction_takes_what_needs_a_manifest_as_a_blob_too<C: Catalog>(catalog: &C) {
    let blob = ChildKind::Blob;
    let layer = object("layer", 10, 1_000);
    catalog.keep_object(None, &layer).await.unwrap();
    for kept in [
        manifest("inner", &[("layer", blob)]),
        manifest("middle", &[("inner", blob)]),
        manifest("outer", &[("middle", blob)]),
    ] {
        catalog.keep_manifest(None, &kept, AT).await.unwrap();
    }
    let forgotten = catalog.evict(&[digest("layer")]).await.unwrap();
    assert_eq!(forgotten.len(), 4);
    assert_eq!(all_objects(catalog).await, []);
}

/// Platforms that nobody pulled are absent from an index just so.
pub async fn an_eviction_leaves_the_index_of_a_manifest_that_goes<C: Catalog>(catalog: &C) {
    let index = manifest("index", &[("amd64", ChildKind::Manifest)]);
    let child = manifest("amd64", &[("layer", ChildKind::Blob)]);
    let layer = object("layer", 10, 1_000);
    catalog.keep_object(None, &layer).await.unwrap();
    for kept in [&child, &index] {
        catalog.keep_manifest(None, kept, AT).await.unwrap();
    }
    catalog.evict(&[layer.digest]).await.unwrap();
    let gone = catalog.find_manifest(&child.digest).await.unwrap();
    assert_eq!(gone, None);
    let stays = catalog.find_manifest(&index.digest).await.unwrap();
    assert_eq!(stays, Some(index));
}

/// Blobs that several images share, and those of a moved tag, age by themselves.
pub async fn an_eviction_leaves_the_children_of_a_manifest_that_goes<C: Catalog>(catalog: &C) {
    let layer = object("layer", 10, 1_000);
    catalog.keep_object(None, &layer).await.unwrap();
    let kept = manifest("manifest", &[("layer", ChildKind::Blob)]);
    catalog.keep_manifest(None, &kept, AT).await.unwrap();
    catalog.evict(&[kept.digest]).await.unwrap();
    assert_eq!(all_objects(catalog).await, [layer]);
}

/// So that who asked deletes just these blobs.
pub async fn an_eviction_tells_what_it_forgot_once_and_nothing_else<C: Catalog>(catalog: &C) {
    for name in ["a", "b"] {
        let kept = object(name, 10, 1_000);
        catalog.keep_object(None, &kept).await.unwrap();
    }
    catalog
        .link(&hub("a/b"), &digest("linked"), AT)
        .await
        .unwrap();
    let asked = ["a", "a", "unknown", "linked"].map(digest);
    let forgotten = catalog.evict(&asked).await.unwrap();
    assert_eq!(forgotten, [digest("a")]);
    assert_eq!(catalog.evict(&asked).await.unwrap(), []);
    assert_eq!(catalog.evict(&[]).await.unwrap(), []);
    assert_eq!(all_objects(catalog).await, [object("b", 10, 1_000)]);
}

/// With nothing of before clinging to it.
pub async fn evicted_content_can_be_kept_again<C: Catalog>(catalog: &C) {
    let nginx = hub("library/nginx");
    let old = manifest("manifest", &[("layer", ChildKind::Blob)]);
    let late = Timestamp(9_000);
    catalog
        .keep_manifest(Some(&nginx), &old, late)
        .await
        .unwrap();
    catalog
        .evict(std::slice::from_ref(&old.digest))
        .await
        .unwrap();
    let new = manifest("manifest", &[]);
    catalog.keep_manifest(None, &new, AT).await.unwrap();
    let found = catalog.find_manifest(&new.digest).await.unwrap();
    assert_eq!(found, Some(new));
    assert!(!catalog.is_linked(&nginx, &old.digest).await.unwrap());
    let expected = object("manifest", 500, 1_000);
    assert_eq!(all_objects(catalog).await, [expected]);
    let forgotten = catalog.evict(&[digest("layer")]).await.unwrap();
    assert_eq!(forgotten, [], "an old claim took the manifest");
}

/// The latest time of all wins.
pub async fn the_same_object_kept_by_many_at_once_counts_once<C: Catalog>(catalog: &C) {
    let keeping = (0..100).map(|number: i64| async move {
        let target = hub(&format!("team/app{}", number % 10));
        let kept = object("blob", 10, 1_000 + number);
        catalog.keep_object(Some(&target), &kept).await
    });
    try_join_all(keeping).await.unwrap();
    assert_eq!(usage(catalog).await, (1, 10));
    assert_eq!(all_objects(catalog).await, [object("blob", 10, 1_099)]);
    for number in 0..10 {
        let target = hub(&format!("team/app{number}"));
        assert!(catalog.is_linked(&target, &digest("blob")).await.unwrap());
    }
}

/// Kinds of acts mixed.
pub async fn acts_at_once_on_different_content_all_hold<C: Catalog>(catalog: &C) {
    let acting = (0..60_u32).map(|number| async move {
        let name = number.to_string();
        let target = hub(&format!("team/app{number}"));
        let kept = object(&name, 10, 1_000);
        catalog.keep_object(Some(&target), &kept).await?;
        match number % 3 {
            0 => catalog.evict(&[digest(&name)]).await.map(drop),
            1 => catalog.touch(&[(digest(&name), Timestamp(2_000))]).await,
            _ => {
                let kept = manifest(&format!("of {name}"), &[]);
                catalog.keep_manifest(Some(&target), &kept, AT).await
            }
        }
    });
    try_join_all(acting).await.unwrap();
    assert_eq!(usage(catalog).await, (60, 40 * 10 + 20 * 500));
    for number in 0..60 {
        let found = find_object(catalog, &number.to_string()).await;
        let used_at = found.map(|object| object.used_at.0);
        assert_eq!(used_at, [None, Some(2_000), Some(1_000)][number % 3]);
    }
}
