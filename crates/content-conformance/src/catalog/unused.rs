//! Sentences about what is forgotten because nobody asked for it.

use forebay_content::{Catalog, Timestamp};

use super::tags::pointing_at;
use super::{digest, hub, manifest, object};

const LONG_AGO: Timestamp = Timestamp(1_000);
const BEFORE: Timestamp = Timestamp(2_000);
const ALL: u32 = 1_000;

/// One whose manifest is at rest stays, however old; so does one that was checked lately.
pub async fn an_old_tag_goes_when_its_manifest_is_not_at_rest<C: Catalog>(catalog: &C) {
    let nginx = hub("library/nginx");
    let here = manifest("here", &[]);
    catalog.keep_manifest(None, &here, LONG_AGO).await.unwrap();
    for (name, tag) in [
        ("warm", pointing_at("here", 1_999)),
        ("recent", pointing_at("gone", 2_000)),
        ("old", pointing_at("gone", 1_999)),
    ] {
        let name = name.parse().unwrap();
        catalog.keep_tag(&nginx, &name, &tag).await.unwrap();
    }
    catalog.forget_unused(BEFORE, ALL).await.unwrap();
    for (name, stays) in [("warm", true), ("recent", true), ("old", false)] {
        let found = catalog.find_tag(&nginx, &name.parse().unwrap()).await;
        assert_eq!(found.unwrap().is_some(), stays, "{name}");
    }
}

/// The link of what is at rest is what makes it visible: it stays.
pub async fn an_old_link_goes_when_it_shows_nothing<C: Catalog>(catalog: &C) {
    let nginx = hub("library/nginx");
    let here = object("here", 10, 1_000);
    catalog.keep_object(Some(&nginx), &here).await.unwrap();
    catalog
        .link(&nginx, &digest("recent"), BEFORE)
        .await
        .unwrap();
    for at in [LONG_AGO, Timestamp(500)] {
        catalog.link(&nginx, &digest("old"), at).await.unwrap();
    }
    for at in [BEFORE, LONG_AGO] {
        catalog.link(&nginx, &digest("renewed"), at).await.unwrap();
    }
    catalog.forget_unused(BEFORE, ALL).await.unwrap();
    for (name, stays) in [
        ("here", true),
        ("recent", true),
        ("renewed", true),
        ("old", false),
    ] {
        let linked = catalog.is_linked(&nginx, &digest(name)).await.unwrap();
        assert_eq!(linked, stays, "{name}");
    }
}

/// So that one step does not hold up the others who write for long.
pub async fn at_most_so_many_are_forgotten_at_once<C: Catalog>(catalog: &C) {
    let repositories: Vec<_> = (0..10).map(|n| hub(&format!("library/n{n}"))).collect();
    let latest = "latest".parse().unwrap();
    for target in &repositories {
        let gone = pointing_at("gone", 1_000);
        catalog.keep_tag(target, &latest, &gone).await.unwrap();
    }
    for left in [7, 4, 1, 0] {
        catalog.forget_unused(BEFORE, 3).await.unwrap();
        let mut found = 0;
        for target in &repositories {
            found += usize::from(catalog.find_tag(target, &latest).await.unwrap().is_some());
        }
        assert_eq!(found, left);
    }
}

/// What is forgotten leaves no trace that would be in the way.
pub async fn a_forgotten_repository_can_be_used_again<C: Catalog>(catalog: &C) {
    let (nginx, latest) = (hub("library/nginx"), "latest".parse().unwrap());
    let kept = pointing_at("gone", 1_000);
    for _ in 0..2 {
        catalog.keep_tag(&nginx, &latest, &kept).await.unwrap();
        catalog
            .link(&nginx, &digest("gone"), LONG_AGO)
            .await
            .unwrap();
        let found = catalog.find_tag(&nginx, &latest).await.unwrap();
        assert_eq!(found.as_ref(), Some(&kept));
        catalog.forget_unused(BEFORE, ALL).await.unwrap();
        assert_eq!(catalog.find_tag(&nginx, &latest).await.unwrap(), None);
        assert!(!catalog.is_linked(&nginx, &digest("gone")).await.unwrap());
    }
}
