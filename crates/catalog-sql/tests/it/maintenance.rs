//! What `forebay fsck` does to a catalog.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_content::{CatalogError, Objects, Timestamp, Usage};

use crate::words::object;

const AT: Timestamp = Timestamp(1_795_000_000_000);

#[tokio::test]
async fn a_damaged_catalog_is_moved_aside_and_a_new_one_begun() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    let garbage = b"this is no database, and was never one: ".repeat(200);
    std::fs::write(&path, &garbage).unwrap();
    let error = SqlCatalog::open(&path).await.unwrap_err();
    assert!(matches!(error, CatalogError::Corrupt(_)), "{error:?}");

    std::fs::write(directory.path().join("catalog.sqlite-wal"), b"log").unwrap();
    let rebuilt = SqlCatalog::rebuild_in_place(&path, AT).await.unwrap();
    assert_eq!(rebuilt.usage().await.unwrap(), Usage::default());
    rebuilt.keep_object(None, &object(1)).await.unwrap();
    rebuilt.close().await.unwrap();
    let aside = directory
        .path()
        .join("catalog.sqlite.damaged-1795000000000");
    assert_eq!(std::fs::read(&aside).unwrap(), garbage);
    let log = "catalog.sqlite.damaged-1795000000000-wal";
    assert_eq!(std::fs::read(directory.path().join(log)).unwrap(), b"log");

    let again = SqlCatalog::rebuild_in_place(&path, AT).await.unwrap_err();
    assert!(matches!(again, CatalogError::Failed(_)), "{again:?}");
    assert_eq!(std::fs::read(&aside).unwrap(), garbage);
    assert_eq!(objects_in(&path).await, 1);
}

#[tokio::test]
async fn a_rebuild_where_nothing_is_begins_a_new_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    let catalog = SqlCatalog::rebuild_in_place(&path, AT).await.unwrap();
    catalog.integrity_check().await.unwrap();
}

async fn objects_in(path: &Path) -> u64 {
    let catalog = SqlCatalog::open(path).await.unwrap();
    catalog.usage().await.unwrap().objects
}

#[tokio::test]
async fn its_files_are_for_their_owner_alone_also_if_they_were_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(FILE_NAME);
    let modes = || {
        let files = std::fs::read_dir(dir.path()).unwrap();
        files
            .map(|file| file.unwrap().metadata().unwrap().permissions().mode() & 0o777)
            .collect::<Vec<_>>()
    };
    let catalog = SqlCatalog::open(&path).await.unwrap();
    assert!(modes().len() > 1, "a file and its log");
    assert_eq!(modes(), vec![0o600; modes().len()]);
    catalog.close().await.unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let _catalog = SqlCatalog::open(&path).await.unwrap();
    assert_eq!(modes(), vec![0o600; modes().len()]);
}
