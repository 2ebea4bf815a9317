//! Sentences about tags.

use forebay_content::{Catalog, KeptTag, Timestamp};
use forebay_oci::{MediaType, Tag};

use super::{at_upstream, digest, hub};

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

pub(super) fn pointing_at(name: &str, checked_at: i64) -> KeptTag {
    KeptTag {
        digest: digest(name),
        media_type: MediaType::OCI_INDEX,
        size: Some(1_234),
        checked_at: Timestamp(checked_at),
    }
}

/// A tag that moved, and one that was only checked again.
pub async fn a_tag_is_what_was_last_kept_of_it<C: Catalog>(catalog: &C) {
    let (nginx, latest) = (hub("library/nginx"), tag("latest"));
    assert_eq!(catalog.find_tag(&nginx, &latest).await.unwrap(), None);
    for kept in [
        pointing_at("one", 1_000),
        pointing_at("two", 2_000),
        pointing_at("two", 3_000),
    ] {
        catalog.keep_tag(&nginx, &latest, &kept).await.unwrap();
        assert_eq!(catalog.find_tag(&nginx, &latest).await.unwrap(), Some(kept));
    }
    // A clock set back: what was last kept is the truth, whatever its time says.
    let earlier = pointing_at("three", 500);
    catalog.keep_tag(&nginx, &latest, &earlier).await.unwrap();
    let found = catalog.find_tag(&nginx, &latest).await.unwrap();
    assert_eq!(found, Some(earlier));
}

/// Neither another repository, nor another upstream, nor another case of letters is the same tag.
pub async fn a_tag_belongs_to_one_repository_of_one_upstream<C: Catalog>(catalog: &C) {
    let kept = pointing_at("one", 1_000);
    let nginx = hub("library/nginx");
    catalog.keep_tag(&nginx, &tag("v1"), &kept).await.unwrap();
    for (target, other) in [
        (hub("library/redis"), "v1"),
        (hub("library/ngin"), "v1"),
        (at_upstream("quay.io", "library/nginx"), "v1"),
        (at_upstream("docker.io/library", "nginx"), "v1"),
        (hub("library/nginx"), "V1"),
        (hub("library/nginx"), "v"),
    ] {
        let found = catalog.find_tag(&target, &tag(other)).await.unwrap();
        assert_eq!(found, None, "{target:?}:{other}");
    }
}

/// Dropping twice is no error.
pub async fn a_dropped_tag_is_gone_and_others_stay<C: Catalog>(catalog: &C) {
    let nginx = hub("library/nginx");
    let kept = pointing_at("one", 1_000);
    for text in ["v1", "v2"] {
        catalog.keep_tag(&nginx, &tag(text), &kept).await.unwrap();
    }
    catalog.drop_tag(&nginx, &tag("v1")).await.unwrap();
    catalog.drop_tag(&nginx, &tag("v1")).await.unwrap();
    let unknown = hub("library/unknown");
    catalog.drop_tag(&unknown, &tag("v1")).await.unwrap();
    assert_eq!(catalog.find_tag(&nginx, &tag("v1")).await.unwrap(), None);
    let other = catalog.find_tag(&nginx, &tag("v2")).await.unwrap();
    assert_eq!(other, Some(kept));
}

/// A size is the registry's word: it may be missing, zero, or absurd.
pub async fn a_tag_without_a_size_and_one_with_the_largest_are_told_as_kept<C: Catalog>(
    catalog: &C,
) {
    let nginx = hub("library/nginx");
    for size in [None, Some(0), Some(u64::MAX)] {
        let kept = KeptTag {
            size,
            ..pointing_at("one", 1_000)
        };
        catalog.keep_tag(&nginx, &tag("v1"), &kept).await.unwrap();
        let found = catalog.find_tag(&nginx, &tag("v1")).await.unwrap();
        assert_eq!(found, Some(kept));
    }
}
