//! Tag and referrer lists, kept like tags.

use std::time::Duration;

use forebay_content::{ContentSource, Missing, Provenance, SourceError};
use forebay_oci::{Digest, Page};

use crate::bench::Bench;

const TTL: Duration = Duration::from_mins(5);

#[tokio::test]
async fn a_list_is_asked_for_once_in_its_time_and_page_by_page() {
    let bench = Bench::new().await;
    bench.hub.push("a/b", "v1", "one");
    let request = Bench::request("a/b");
    let first = Page {
        n: Some(1),
        last: None,
    };
    let second = Page {
        n: Some(1),
        last: Some("v1".to_owned()),
    };
    for page in [&first, &first, &second] {
        bench.cache.tags(&request, page).await.unwrap();
    }
    assert_eq!(
        bench.hub.asked(),
        ["TAGS a/b Some(1) None", "TAGS a/b Some(1) Some(\"v1\")"]
    );
    bench.clock.advance(TTL);
    assert_eq!(
        bench.cache.tags(&request, &first).await.unwrap().provenance,
        Provenance::Fetched
    );
}

#[tokio::test]
async fn a_list_is_served_stale_when_the_upstream_fails_also_after_a_restart() {
    let bench = Bench::new().await;
    bench.hub.push("a/b", "v1", "one");
    bench
        .cache
        .tags(&Bench::request("a/b"), &Page::default())
        .await
        .unwrap();
    let bench = bench.restart().await;
    bench.clock.advance(TTL);
    bench.hub.fail(SourceError::Unavailable {
        why: "down".to_owned(),
        retry_after: None,
    });
    let stale = bench
        .cache
        .tags(&Bench::request("a/b"), &Page::default())
        .await
        .unwrap();
    assert_eq!(
        (stale.provenance, &stale.json[..]),
        (Provenance::Stale, &b"[\"v1\"]"[..])
    );
}

#[tokio::test]
async fn lists_of_other_repositories_subjects_and_filters_are_other_lists() {
    let bench = Bench::new().await;
    let (one, two) = (Digest::sha256(b"1"), Digest::sha256(b"2"));
    for (repository, digest, filter) in [
        ("a/b", &one, None),
        ("a/b", &one, Some("x")),
        ("a/b", &two, None),
        ("c/d", &one, None),
    ] {
        let list = bench
            .cache
            .referrers(&Bench::request(repository), digest, filter)
            .await
            .unwrap();
        assert_eq!(
            (list.provenance, list.filtered),
            (Provenance::Fetched, filter.is_some())
        );
    }
    assert_eq!(bench.hub.asked().len(), 4);
    let absent = bench
        .cache
        .tags(&Bench::request("no/such"), &Page::default())
        .await;
    assert!(matches!(
        absent,
        Err(SourceError::NotFound(Missing::Repository))
    ));
}

#[tokio::test]
async fn the_absence_of_one_list_says_nothing_of_another() {
    let bench = Bench::new().await;
    let request = Bench::request("a/b");
    assert!(bench.cache.tags(&request, &Page::default()).await.is_err());
    let subject = Digest::sha256(b"1");
    let referrers = bench.cache.referrers(&request, &subject, None).await;
    assert!(referrers.is_ok(), "{referrers:?}");
    bench.hub.push("a/b", "v1", "one");
    let second = Page {
        n: Some(1),
        last: Some("v0".to_owned()),
    };
    assert!(bench.cache.tags(&request, &second).await.is_ok());
    bench.hub.asked();
    let again = bench.cache.tags(&request, &Page::default()).await;
    assert!(matches!(
        again,
        Err(SourceError::NotFound(Missing::Repository))
    ));
    assert!(bench.hub.asked().is_empty(), "this absence is remembered");
}
