//! Several who have the same file open: a server, and a command that looks at it.

use std::path::Path;
use std::pin::pin;

use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_content::{Links, Objects, Timestamp, Unused};
use futures::future::try_join_all;
use sqlx::{AnyConnection, Connection, Row};

use crate::words::{object, target};

#[tokio::test]
async fn two_that_have_it_open_see_what_the_other_wrote() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    let one = SqlCatalog::open(&path).await.unwrap();
    let two = SqlCatalog::open(&path).await.unwrap();
    for number in 0..20 {
        let (writes, reads) = if number % 2 == 0 {
            (&one, &two)
        } else {
            (&two, &one)
        };
        let ours = target(number);
        let kept = object(number);
        writes.keep_object(Some(&ours), &kept).await.unwrap();
        assert!(reads.is_linked(&ours, &kept.digest).await.unwrap());
        assert_eq!(reads.usage().await.unwrap().objects, number + 1);
    }
}

#[tokio::test]
async fn two_that_write_at_once_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    let catalogs = [
        SqlCatalog::open(&path).await.unwrap(),
        SqlCatalog::open(&path).await.unwrap(),
    ];
    let keeping = (0..200_u64).map(|number| {
        let catalog = &catalogs[usize::try_from(number % 2).unwrap()];
        // Half of them are kept by both.
        async move {
            catalog
                .keep_object(Some(&target(1)), &object(number / 2 % 75))
                .await
        }
    });
    try_join_all(keeping).await.unwrap();
    for catalog in &catalogs {
        assert_eq!(catalog.usage().await.unwrap().objects, 75);
        catalog.integrity_check().await.unwrap();
    }
}

/// As on a slow disk, or while another process is long at it.
#[tokio::test]
async fn reads_wait_for_no_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    let catalog = SqlCatalog::open(&path).await.unwrap();
    catalog
        .keep_object(Some(&target(1)), &object(1))
        .await
        .unwrap();
    let address = format!("sqlite://{}", path.to_str().unwrap());
    let mut other = AnyConnection::connect(&address).await.unwrap();
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let (ours, kept) = (target(2), object(2));
    let mut write = pin!(catalog.keep_object(Some(&ours), &kept));
    for _ in 0..100 {
        assert!(futures::poll!(&mut write).is_pending());
        assert!(
            catalog
                .is_linked(&target(1), &object(1).digest)
                .await
                .unwrap()
        );
        assert!(!catalog.is_linked(&ours, &kept.digest).await.unwrap());
    }
    lock.rollback().await.unwrap();
    write.await.unwrap();
    assert!(catalog.is_linked(&ours, &kept.digest).await.unwrap());
}

#[tokio::test]
async fn repositories_of_which_nothing_is_left_go() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    let catalog = SqlCatalog::open(&path).await.unwrap();
    for number in 0..20 {
        catalog
            .link(&target(number), &object(1).digest, Timestamp(5))
            .await
            .unwrap();
    }
    catalog
        .keep_object(Some(&target(3)), &object(3))
        .await
        .unwrap();
    let address = format!("sqlite://{}", path.to_str().unwrap());
    let mut other = AnyConnection::connect(&address).await.unwrap();
    for (before, left) in [(5, 20), (6, 1)] {
        catalog
            .forget_unused(Timestamp(before), 1_000)
            .await
            .unwrap();
        let count = sqlx::query("SELECT COUNT(*) FROM repositories");
        let row = count.fetch_one(&mut other).await.unwrap();
        assert_eq!(row.get::<i64, _>(0), left, "before {before}");
    }
    assert!(
        catalog
            .is_linked(&target(3), &object(3).digest)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn an_open_catalog_is_where_it_was_opened() {
    let error = SqlCatalog::open(Path::new("/there is/no such directory/catalog.sqlite")).await;
    error.unwrap_err();
    let directory = tempfile::tempdir().unwrap();
    let odd = directory.path().join("a %41?mode=memory#é&\"'");
    std::fs::create_dir(&odd).unwrap();
    let catalog = SqlCatalog::open(&odd.join(FILE_NAME)).await.unwrap();
    catalog.keep_object(None, &object(1)).await.unwrap();
    catalog.close().await.unwrap();
    let files: Vec<_> = std::fs::read_dir(&odd)
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(files, [FILE_NAME]);
}

#[tokio::test]
async fn a_closed_catalog_refuses_and_says_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    let catalog = SqlCatalog::open(&path).await.unwrap();
    catalog.keep_object(None, &object(1)).await.unwrap();
    catalog.close().await.unwrap();
    catalog.close().await.unwrap();
    catalog.usage().await.unwrap_err();
    catalog.keep_object(None, &object(2)).await.unwrap_err();
    let again = SqlCatalog::open(&path).await.unwrap();
    assert_eq!(again.usage().await.unwrap().objects, 1);
}
