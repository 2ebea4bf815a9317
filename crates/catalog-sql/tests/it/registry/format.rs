//! The file's format: made once, opened again, and refused where it is another's or a newer version's.

use forebay_catalog_sql::{FILE_NAME, REGISTRY_FILE_NAME, SqlCatalog, SqlRegistry};
use forebay_content::{CatalogError, HostedContent, HostedLists, HostedUpkeep, Users};
use sqlx::Row;

use super::words::{connect, name, open, push, push_image, run, tag};

/// What a program of format 1 wrote, as statements.
const FORMAT_1: &str = include_str!("format_1.sql");

#[tokio::test]
async fn a_file_of_format_1_opens_with_all_that_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(REGISTRY_FILE_NAME);
    run(&path, FORMAT_1).await;
    for _ in 0..2 {
        let registry = open(directory.path()).await;
        for number in 1..=2 {
            let found = registry.find_hosted_tag(&name(number), &tag(number)).await;
            assert_eq!(found.unwrap(), Some(push(number).manifest));
            let entry = registry.hosted_manifests(&name(number), None, 10).await;
            assert!(entry.unwrap()[0].is_pinned);
        }
        assert_eq!(registry.hosted_usage().await.unwrap().objects, 6);
        let user = registry.find_user(&"alice".parse().unwrap()).await.unwrap();
        assert!(user.is_some());
        registry.integrity_check().await.unwrap();
        registry.close().await.unwrap();
    }
    let mut connection = connect(&path).await;
    let row = sqlx::query("SELECT version FROM registry_format")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(row.try_get::<i64, _>(0).unwrap(), 1);
}

#[tokio::test]
async fn a_file_of_a_newer_version_is_refused_and_stays_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(REGISTRY_FILE_NAME);
    open(directory.path()).await.close().await.unwrap();
    run(&path, "UPDATE registry_format SET version = 99").await;
    let before = std::fs::read(&path).unwrap();
    for refused in [
        SqlRegistry::open(&path).await,
        SqlRegistry::look(&path).await,
    ] {
        let error = refused.unwrap_err();
        assert!(
            matches!(error, CatalogError::Format { found: 99, .. }),
            "{error:?}"
        );
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// One file copied over the other, as by a restore gone wrong.
#[tokio::test]
async fn the_two_files_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let registry = directory.path().join(REGISTRY_FILE_NAME);
    let catalog = directory.path().join(FILE_NAME);
    open(directory.path()).await.close().await.unwrap();
    SqlCatalog::open(&catalog)
        .await
        .unwrap()
        .close()
        .await
        .unwrap();
    let wrong = SqlCatalog::open(&registry).await.unwrap_err();
    assert!(matches!(wrong, CatalogError::Corrupt(_)), "{wrong:?}");
    let wrong = SqlRegistry::open(&catalog).await.unwrap_err();
    assert!(matches!(wrong, CatalogError::Corrupt(_)), "{wrong:?}");
}

#[tokio::test]
async fn whoever_looks_sees_what_was_pushed_and_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(REGISTRY_FILE_NAME);
    SqlRegistry::look(&path).await.unwrap_err();
    assert!(!path.exists());
    let registry = open(directory.path()).await;
    push_image(&registry, &name(1), 1).await;
    let look = SqlRegistry::look(&path).await.unwrap();
    let found = look.find_hosted_tag(&name(1), &tag(1)).await.unwrap();
    assert_eq!(found, Some(push(1).manifest));
    assert!(look.is_read_only());
    look.unlink_unused_blobs(super::words::AT, 10)
        .await
        .unwrap_err();
    look.close().await.unwrap();
    registry.close().await.unwrap();
}
