//! Sentences about kept pages of lists.

use bytes::Bytes;
use forebay_content::{Catalog, KeptList, ListKey, Timestamp};
use forebay_oci::{Algorithm, Digest, Page};

use super::{at_upstream, digest, hub};

fn list(json: &'static str, checked_at: i64) -> KeptList {
    KeptList {
        json: Bytes::from_static(json.as_bytes()),
        more: None,
        filtered: false,
        checked_at: Timestamp(checked_at),
    }
}

fn tags_page(n: Option<u64>, last: Option<&str>) -> ListKey {
    let last = last.map(str::to_owned);
    ListKey::Tags { n, last }
}

fn referrers(digest: Digest, artifact_type: Option<&str>) -> ListKey {
    ListKey::Referrers {
        digest,
        artifact_type: artifact_type.map(str::to_owned),
    }
}

/// Byte for byte, with every shape of what comes after it.
pub async fn a_list_is_told_as_kept<C: Catalog>(catalog: &C) {
    let nginx = hub("library/nginx");
    let key = tags_page(Some(10), None);
    assert_eq!(catalog.find_list(&nginx, &key).await.unwrap(), None);
    let page = |n, last: Option<&str>| Page {
        n,
        last: last.map(str::to_owned),
    };
    for (json, more) in [
        ("", None),
        ("{}", Some(page(None, None))),
        ("{\"tags\":[]}", Some(page(Some(u64::MAX), Some("")))),
        ("\u{fffd}\0 no JSON", Some(page(Some(0), Some("v1\0&n=3")))),
        ("[1]", Some(page(None, Some("é")))),
    ] {
        for filtered in [false, true] {
            let kept = KeptList {
                more: more.clone(),
                filtered,
                ..list(json, 1_000)
            };
            catalog.keep_list(&nginx, &key, &kept).await.unwrap();
            let found = catalog.find_list(&nginx, &key).await.unwrap();
            assert_eq!(found, Some(kept));
        }
    }
}

/// Whatever its time says: what was last seen is the truth.
pub async fn a_list_kept_again_replaces_the_one_before<C: Catalog>(catalog: &C) {
    let nginx = hub("library/nginx");
    let key = referrers(digest("subject"), None);
    for kept in [list("1", 2_000), list("2", 3_000), list("3", 1_000)] {
        catalog.keep_list(&nginx, &key, &kept).await.unwrap();
        let found = catalog.find_list(&nginx, &key).await.unwrap();
        assert_eq!(found, Some(kept));
    }
}

/// Every key is kept with content of its own, then all are read back.
pub async fn lists_are_apart_by_every_part_of_their_key<C: Catalog>(catalog: &C) {
    let keys = [
        tags_page(None, None),
        tags_page(Some(0), None),
        tags_page(Some(1), None),
        tags_page(Some(u64::MAX), None),
        tags_page(None, Some("")),
        tags_page(None, Some("a")),
        tags_page(None, Some("A")),
        tags_page(None, Some("a\0")),
        tags_page(Some(1), Some("a")),
        referrers(digest("a"), None),
        referrers(digest("a"), Some("")),
        referrers(digest("a"), Some("x/y")),
        referrers(digest("b"), Some("x/y")),
        referrers(Digest::of(Algorithm::Sha512, b"a"), Some("x/y")),
    ];
    let targets = [
        hub("library/nginx"),
        hub("library/redis"),
        at_upstream("quay.io", "library/nginx"),
    ];
    let content = |target: usize, key: usize| KeptList {
        json: Bytes::from(format!("{target} {key}")),
        ..list("", 1_000)
    };
    for (t, target) in targets.iter().enumerate() {
        for (k, key) in keys.iter().enumerate() {
            let kept = content(t, k);
            catalog.keep_list(target, key, &kept).await.unwrap();
        }
    }
    for (t, target) in targets.iter().enumerate() {
        for (k, key) in keys.iter().enumerate() {
            let found = catalog.find_list(target, key).await.unwrap();
            assert_eq!(found, Some(content(t, k)), "{target:?} {key:?}");
        }
    }
}
