//! What was acknowledged survives the death of the process and a log that power loss has cut off, and what was not is whole or
//! absent.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use forebay_catalog_sql::{REGISTRY_FILE_NAME, SqlRegistry};
use forebay_content::{DropGuard, HostedContent, HostedDrops, HostedLists, HostedUpkeep};
use futures::future::join_all;

use super::words::{AT, layers, name, open, push, push_image, tag};
use crate::words::{child, digest};

/// What the child prints before the number of an image whose push was acknowledged.
const PUSHED: &str = "pushed ";

/// How many images are pushed at once: each number is pushed by one of as many loops.
const AT_ONCE: u64 = 8;

/// Of so many images one is dropped once it is pushed.
const DROPPED: u64 = 5;

/// The child: pushes images until it is killed, and drops some. Each round begins after what an earlier one has pushed.
#[tokio::test]
#[ignore = "runs as a child of the test that kills it"]
async fn pushes_images_until_it_is_killed() {
    let registry = open(Path::new(".")).await;
    let first = first_free(&registry).await;
    let registry = &registry;
    let loops = (0..AT_ONCE).map(|lane| async move {
        for round in 0_u64.. {
            let number = first + lane + round * AT_ONCE;
            let app = name(number % 3);
            push_image(registry, &app, number).await;
            if number.is_multiple_of(DROPPED) {
                drop_image(registry, number).await;
            }
            println!("\n{PUSHED}{number}");
        }
    });
    join_all(loops).await;
}

async fn drop_image(registry: &SqlRegistry, number: u64) {
    let guard = DropGuard {
        known_tags: vec![tag(number)],
        at: AT,
        ..DropGuard::default()
    };
    let app = name(number % 3);
    let image = digest(number);
    let dropped = registry.drop_hosted_manifest(&app, &image, &guard).await;
    dropped.unwrap();
}

/// A number above all that were pushed.
async fn first_free(registry: &SqlRegistry) -> u64 {
    let mut first = 0;
    for app in (0..3).map(name) {
        let tags = registry.hosted_tags(&app, None, 1_000_000).await.unwrap();
        for tag in tags.unwrap_or_default().iter() {
            first = first.max(number_of(tag) + 1);
        }
    }
    // Those that were dropped last have left no tag, and no loop is so far before the others.
    first + 1_000
}

fn number_of(tag: &str) -> u64 {
    tag.trim_start_matches('v').parse().unwrap()
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for after in [1, 9, 30, 2, 77] {
        acknowledged.extend(kill_after(after, directory.path()));
        let registry = open(directory.path()).await;
        for number in &acknowledged {
            let app = name(number % 3);
            let found = registry.find_hosted_tag(&app, &tag(*number)).await.unwrap();
            let expected = (!number.is_multiple_of(DROPPED)).then(|| push(*number).manifest);
            assert_eq!(found, expected, "{number}");
        }
        check_that_all_is_whole(&registry).await;
        registry.close().await.unwrap();
    }
    assert!(acknowledged.len() > 110);
}

/// Runs the child until it has acknowledged so many, kills it, and tells all that it acknowledged.
fn kill_after(acknowledgements: usize, directory: &Path) -> Vec<u64> {
    let test = "registry::durability::pushes_images_until_it_is_killed";
    let mut child = child(test, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut pushed = lines.filter_map(|line| {
        let line = line.unwrap();
        line.strip_prefix(PUSHED)
            .map(|number| number.parse().unwrap())
    });
    let mut acknowledged: Vec<u64> = pushed.by_ref().take(acknowledgements).collect();
    child.kill().unwrap();
    // What it had printed before it died was acknowledged too.
    acknowledged.extend(pushed);
    child.wait().unwrap();
    assert!(acknowledged.len() >= acknowledgements);
    acknowledged
}

/// Every manifest has its tag and its layers, and the sums are right.
async fn check_that_all_is_whole(registry: &SqlRegistry) {
    registry.integrity_check().await.unwrap();
    for app in (0..3).map(name) {
        let manifests = registry
            .hosted_manifests(&app, None, 1_000_000)
            .await
            .unwrap();
        for found in manifests {
            let number = found.manifest.size - 100;
            assert_eq!(found.manifest, push(number).manifest);
            assert_eq!(found.tags, [tag(number)]);
            let all = layers(number).map(digest);
            for layer in &all {
                let size = registry.find_hosted_blob(&app, layer).await.unwrap();
                assert!(size.is_some(), "{number} lacks a layer");
            }
            assert_eq!(registry.held(&all).await.unwrap(), all);
        }
    }
}

/// As power loss leaves it: the log cut off anywhere loses the last transactions and nothing else.
#[tokio::test]
async fn a_log_that_is_cut_off_loses_its_end_and_nothing_else() {
    const IMAGES: u64 = 20;
    let original = tempfile::tempdir().unwrap();
    let registry = open(original.path()).await;
    for number in 0..IMAGES {
        push_image(&registry, &name(1), number).await;
    }
    let log_name = format!("{REGISTRY_FILE_NAME}-wal");
    let file = std::fs::read(original.path().join(REGISTRY_FILE_NAME)).unwrap();
    let log = std::fs::read(original.path().join(&log_name)).unwrap();
    registry.close().await.unwrap();
    let mut least = usize::MAX;
    for parts in (0..=20).rev() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(REGISTRY_FILE_NAME), &file).unwrap();
        let length = log.len() * parts / 20;
        std::fs::write(directory.path().join(&log_name), &log[..length]).unwrap();
        let registry = open(directory.path()).await;
        registry.integrity_check().await.unwrap();
        let manifests = registry
            .hosted_manifests(&name(1), None, 100)
            .await
            .unwrap();
        assert!(manifests.len() <= least, "a shorter log holds more");
        least = manifests.len();
        for number in 0..IMAGES {
            let found = registry
                .find_hosted_tag(&name(1), &tag(number))
                .await
                .unwrap();
            assert_eq!(
                found.is_some(),
                number < least as u64,
                "{number} of {least}"
            );
        }
        if parts == 20 {
            assert_eq!(least as u64, IMAGES);
        }
    }
    assert_eq!(least, 0);
}
