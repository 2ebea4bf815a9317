//! Sentences about visibility.

use forebay_content::{Catalog, Timestamp};

use super::{all_objects, at_upstream, digest, hub, object, usage};

const AT: Timestamp = Timestamp(1_000);

/// Shared bytes never leak: not to a neighbour, not to the same name elsewhere, not to what only looks alike.
pub async fn a_link_shows_content_in_its_repository_alone<C: Catalog>(catalog: &C) {
    let ours = at_upstream("ghcr.io", "org/app");
    let kept = object("blob", 10, 1_000);
    catalog.keep_object(Some(&ours), &kept).await.unwrap();
    assert!(catalog.is_linked(&ours, &kept.digest).await.unwrap());
    for other in [
        at_upstream("ghcr.io", "org/app2"),
        at_upstream("ghcr.io", "org"),
        at_upstream("ghcr.io", "app"),
        at_upstream("quay.io", "org/app"),
        at_upstream("ghcr.io/org", "app"),
        at_upstream("GHCR.io", "org/app"),
    ] {
        let linked = catalog.is_linked(&other, &kept.digest).await.unwrap();
        assert!(!linked, "{other:?}");
    }
    let another = digest("another");
    assert!(!catalog.is_linked(&ours, &another).await.unwrap());
}

/// It may come first, and shows nothing by itself.
pub async fn a_link_is_no_content<C: Catalog>(catalog: &C) {
    let nginx = hub("library/nginx");
    catalog.link(&nginx, &digest("blob"), AT).await.unwrap();
    assert!(catalog.is_linked(&nginx, &digest("blob")).await.unwrap());
    assert_eq!(all_objects(catalog).await, []);
    assert_eq!(usage(catalog).await, (0, 0));
    let kept = object("blob", 10, 1_000);
    catalog.keep_object(None, &kept).await.unwrap();
    assert!(catalog.is_linked(&nginx, &kept.digest).await.unwrap());
}

/// Earlier or later, it is the same link.
pub async fn a_link_outlives_being_granted_again<C: Catalog>(catalog: &C) {
    let nginx = hub("library/nginx");
    for at in [1_000, 3_000, 2_000] {
        let blob = digest("blob");
        catalog.link(&nginx, &blob, Timestamp(at)).await.unwrap();
        assert!(catalog.is_linked(&nginx, &blob).await.unwrap());
    }
}

/// The bytes are at rest once.
pub async fn content_may_be_linked_by_many_repositories<C: Catalog>(catalog: &C) {
    let kept = object("blob", 10, 1_000);
    let targets = [
        hub("library/nginx"),
        hub("library/redis"),
        at_upstream("quay.io", "org/app"),
    ];
    for target in &targets {
        catalog.keep_object(Some(target), &kept).await.unwrap();
    }
    for target in &targets {
        assert!(catalog.is_linked(target, &kept.digest).await.unwrap());
    }
    assert_eq!(usage(catalog).await, (1, 10));
}

/// Each upstream once, however many of its repositories; of what is not at rest nobody is told.
pub async fn the_suppliers_of_content_are_the_upstreams_that_have_earned_it<C: Catalog>(
    catalog: &C,
) {
    let kept = object("blob", 10, 1_000);
    catalog.link(&hub("a/b"), &kept.digest, AT).await.unwrap();
    assert_eq!(catalog.suppliers(&kept.digest).await.unwrap(), None);
    let unlinked = object("unlinked", 10, 1_000);
    for object in [&kept, &unlinked] {
        catalog.keep_object(None, object).await.unwrap();
    }
    for target in [hub("c/d"), at_upstream("quay.io", "a/b")] {
        catalog.link(&target, &kept.digest, AT).await.unwrap();
    }
    let mut found = catalog.suppliers(&kept.digest).await.unwrap().unwrap();
    found.sort();
    assert_eq!(found, [hub("a/b").upstream, "quay.io".into()]);
    let none = catalog.suppliers(&unlinked.digest).await.unwrap();
    assert_eq!(none, Some(Vec::new()));
}
