//! Lists take their turns and no longer than they may, and their pages are not longer than clients read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use forebay_blobs_fs::RealDisk;
use forebay_content::{ManualClock, SourceError, Timestamp};
use forebay_oci::{Digest, Page};
use futures::future::{FutureExt as _, pending, ready};
use futures::poll;
use serde_json::Value;
use tempfile::TempDir;

use crate::hooked_rows::{HookedRows, Moment};
use crate::scene::{Image, Scene, index, name};

/// How long a list may take, its turn included, but for the last of it.
const NEARLY: Duration = Duration::from_millis(9_999);
const THE_REST: Duration = Duration::from_millis(1);

#[tokio::test]
async fn a_list_that_takes_too_long_is_given_up_with_those_that_wait_behind_it() {
    let dir = TempDir::new().unwrap();
    let clock = ManualClock::at(Timestamp(1_700_000_000_000));
    let is_stuck = Arc::new(AtomicBool::new(false));
    let hook = {
        let is_stuck = Arc::clone(&is_stuck);
        move |moment| {
            let waits = moment == Moment::Listing && is_stuck.load(Ordering::Relaxed);
            if waits {
                pending().boxed()
            } else {
                ready(()).boxed()
            }
        }
    };
    let by = (Arc::new(RealDisk) as _, Arc::new(clock.clone()) as _);
    let scene = Scene::hooked(dir.path(), by, |rows| {
        let hook = Arc::new(hook);
        Arc::new(HookedRows { rows, hook })
    })
    .await;
    let image = Image::numbered(0);
    scene.push_image(&name("app"), None, &image).await.unwrap();
    let page = Page::default();
    let list = || Box::pin(scene.registry.repository_list(&page, |_| true));

    // Two turns, both of which are taken by who gets no page; others wait for theirs.
    is_stuck.store(true, Ordering::Relaxed);
    let mut lists: Vec<_> = (0..4).map(|_| list()).collect();
    for list in &mut lists {
        assert!(poll!(list).is_pending());
    }
    clock.advance(NEARLY);
    for list in &mut lists {
        assert!(poll!(list).is_pending());
    }
    // One that came later has its own time.
    let mut late = list();
    assert!(poll!(&mut late).is_pending());
    clock.advance(THE_REST);
    for list in &mut lists {
        let given_up = poll!(list);
        assert!(matches!(given_up, Poll::Ready(Err(SourceError::Busy))));
    }
    drop(lists);

    // The turns are free again.
    is_stuck.store(false, Ordering::Relaxed);
    for list in [late, list()] {
        let found = list.await.unwrap();
        assert_eq!(found.json, r#"{"repositories":["app"]}"#);
    }
    scene.close().await;
}

#[tokio::test]
async fn a_page_of_referrers_is_no_longer_than_a_manifest_may_be() {
    const LONGEST: usize = 4 * 1024 * 1024;
    let dir = TempDir::new().unwrap();
    let scene = Scene::open(dir.path()).await;
    let (app, subject) = (name("app"), Digest::sha256(b"subject"));
    // Three are on a page, and would be four but for what is around them; one is a page alone.
    let lengths = [
        LONGEST / 4,
        LONGEST / 4,
        LONGEST / 4,
        LONGEST / 4,
        LONGEST - 1_000,
    ];
    for (number, length) in lengths.into_iter().enumerate() {
        let mut referrer = index(&number.to_string(), &[]);
        referrer["subject"] = Image::numbered(0).about(&subject).manifest["subject"].clone();
        referrer["annotations"]["long"] = "x".repeat(length).into();
        scene.push(&app, None, &referrer).await.unwrap();
    }
    let (mut page, mut told) = (Page::default(), 0);
    for turn in 0..lengths.len() {
        let of = (&subject, None);
        let list = scene.registry.referrers_page(&app, of, &page).await;
        let list = list.unwrap();
        assert!(list.json.len() <= LONGEST, "{} bytes", list.json.len());
        let found: Value = serde_json::from_slice(&list.json).unwrap();
        let found = found["manifests"].as_array().unwrap().len();
        assert!(found > 0);
        told += found;
        let Some(next) = list.more else {
            assert!(turn <= 3, "{turn}");
            break;
        };
        page = next;
    }
    assert_eq!(told, lengths.len());
    scene.close().await;
}
