//! What was acknowledged survives the death of the process, and what was not is whole or absent.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_content::{Links, Manifests, Objects};
use futures::future::join_all;

use crate::words::{child, manifest, object, target};

/// What the child prints before the number of a manifest whose keeping was acknowledged.
const KEPT: &str = "kept ";

/// How many manifests are kept at once: each number is kept by one of as many loops.
const AT_ONCE: u64 = 8;

/// The child: keeps manifests until it is killed. Each round begins after what an earlier one has kept.
#[tokio::test]
#[ignore = "runs as a child of the test that kills it"]
async fn keeps_manifests_until_it_is_killed() {
    let catalog = SqlCatalog::open(Path::new(FILE_NAME)).await.unwrap();
    let first = catalog.usage().await.unwrap().objects;
    let catalog = &catalog;
    let loops = (0..AT_ONCE).map(|lane| async move {
        for round in 0_u64.. {
            let number = first + lane + round * AT_ONCE;
            let kept = manifest(number);
            let at = object(number).used_at;
            catalog
                .keep_manifest(Some(&target(number % 5)), &kept, at)
                .await
                .unwrap();
            println!("\n{KEPT}{number}");
        }
    });
    join_all(loops).await;
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let directory = tempfile::tempdir().unwrap();
    let mut acknowledged = Vec::new();
    for after in [1, 9, 30, 2, 117] {
        acknowledged.extend(kill_after(after, directory.path()));
        let catalog = SqlCatalog::open(&directory.path().join(FILE_NAME))
            .await
            .unwrap();
        for number in &acknowledged {
            let found = catalog.find_manifest(&manifest(*number).digest).await;
            assert_eq!(found.unwrap(), Some(manifest(*number)));
        }
        check_that_all_is_whole(&catalog).await;
        catalog.close().await.unwrap();
    }
    assert!(acknowledged.len() > 150);
}

/// Runs the child until it has acknowledged so many, kills it, and tells all that it acknowledged.
fn kill_after(acknowledgements: usize, directory: &Path) -> Vec<u64> {
    let test = "durability::keeps_manifests_until_it_is_killed";
    let mut child = child(test, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut kept = lines.filter_map(|line| {
        let line = line.unwrap();
        line.strip_prefix(KEPT)
            .map(|number| number.parse().unwrap())
    });
    let mut acknowledged: Vec<u64> = kept.by_ref().take(acknowledgements).collect();
    child.kill().unwrap();
    // What it had printed before it died was acknowledged too.
    acknowledged.extend(kept);
    child.wait().unwrap();
    assert!(acknowledged.len() >= acknowledgements);
    acknowledged
}

/// Every object is a manifest with its children, linked to its repository, and the sums are right.
async fn check_that_all_is_whole(catalog: &SqlCatalog) {
    catalog.integrity_check().await.unwrap();
    let objects = catalog.objects_after(None, 100_000).await.unwrap();
    assert_eq!(objects.len() as u64, catalog.usage().await.unwrap().objects);
    for found in objects {
        let number = found.size - 100;
        assert_eq!(found, object(number));
        let kept = catalog.find_manifest(&found.digest).await.unwrap();
        assert_eq!(kept, Some(manifest(number)));
        let ours = target(number % 5);
        assert!(catalog.is_linked(&ours, &found.digest).await.unwrap());
    }
}
