//! Whoever looks at a catalog changes nothing of it, and sees what was written.

use std::path::Path;

use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_content::{CatalogError, LimitRows, PullRows, TimeRange};
use forebay_limits::PullCost;
use tempfile::TempDir;

/// Every file with its bytes, apart from the index of the log, which whoever reads the log makes anew.
fn state_of(directory: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(directory).unwrap();
    let mut state: Vec<_> = entries
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), entry.path()))
        .filter(|(name, _)| !name.ends_with("-shm"))
        .map(|(name, path)| (name, std::fs::read(path).unwrap()))
        .collect();
    state.sort();
    state
}

const ONCE: PullCost = PullCost { once: 3, twice: 0 };

async fn written() -> (TempDir, SqlCatalog) {
    let directory = tempfile::tempdir().unwrap();
    let catalog = SqlCatalog::open(&directory.path().join(FILE_NAME)).await;
    let catalog = catalog.unwrap();
    let upstream = "docker.io".into();
    catalog.keep_pull_cost(&upstream, ONCE).await.unwrap();
    (directory, catalog)
}

async fn costs(directory: &Path) -> Result<usize, CatalogError> {
    let catalog = SqlCatalog::look(&directory.join(FILE_NAME)).await?;
    let limits = catalog.limits().await?;
    catalog.pulls(TimeRange::ALL, None, 10).await?;
    catalog.close().await?;
    Ok(limits.costs.len())
}

#[tokio::test]
async fn a_look_at_a_closed_catalog_makes_and_changes_nothing() {
    let (directory, catalog) = written().await;
    catalog.close().await.unwrap();
    let before = state_of(directory.path());
    assert_eq!(before.len(), 1, "no log");
    assert_eq!(costs(directory.path()).await.unwrap(), 1);
    assert_eq!(state_of(directory.path()), before);
    assert!(!directory.path().join("catalog.sqlite-shm").exists());
}

#[tokio::test]
async fn a_look_at_what_a_crash_left_reads_its_log_and_leaves_it() {
    let (directory, catalog) = written().await;
    let crashed = tempfile::tempdir().unwrap();
    for (name, bytes) in state_of(directory.path()) {
        std::fs::write(crashed.path().join(name), bytes).unwrap();
    }
    drop(catalog);
    let before = state_of(crashed.path());
    assert_eq!(before.len(), 2, "a log");
    for _ in 0..2 {
        assert_eq!(costs(crashed.path()).await.unwrap(), 1);
        assert_eq!(state_of(crashed.path()), before);
    }
}

#[tokio::test]
async fn a_look_while_another_writes_sees_what_was_written_and_holds_up_nobody() {
    let (directory, catalog) = written().await;
    let look = SqlCatalog::look(&directory.path().join(FILE_NAME)).await;
    let look = look.unwrap();
    assert_eq!(look.limits().await.unwrap().costs.len(), 1);
    catalog
        .keep_pull_cost(&"ghcr.io".into(), ONCE)
        .await
        .unwrap();
    assert_eq!(look.limits().await.unwrap().costs.len(), 2);
    catalog.close().await.unwrap();
    look.close().await.unwrap();
    assert_eq!(costs(directory.path()).await.unwrap(), 2);
}

#[tokio::test]
async fn a_look_that_began_before_anybody_wrote_outlives_him() {
    let (directory, catalog) = written().await;
    catalog.close().await.unwrap();
    let path = directory.path().join(FILE_NAME);
    let look = SqlCatalog::look(&path).await.unwrap();
    let catalog = SqlCatalog::open(&path).await.unwrap();
    catalog
        .keep_pull_cost(&"ghcr.io".into(), ONCE)
        .await
        .unwrap();
    // As it was: what is written meanwhile goes into a log that is not looked at.
    assert_eq!(look.limits().await.unwrap().costs.len(), 1);
    catalog.close().await.unwrap();
    assert_eq!(costs(directory.path()).await.unwrap(), 2);
}

#[tokio::test]
async fn who_looks_writes_nothing() {
    let (directory, catalog) = written().await;
    catalog.close().await.unwrap();
    let before = state_of(directory.path());
    let look = SqlCatalog::look(&directory.path().join(FILE_NAME)).await;
    let look = look.unwrap();
    look.keep_pull_cost(&"ghcr.io".into(), ONCE)
        .await
        .unwrap_err();
    look.close().await.unwrap();
    assert_eq!(state_of(directory.path()), before);
}

#[tokio::test]
async fn what_is_not_there_or_cannot_be_read_is_not_made() {
    let directory = tempfile::tempdir().unwrap();
    let missing = costs(directory.path()).await.unwrap_err();
    assert!(matches!(missing, CatalogError::Failed(_)), "{missing:?}");
    assert!(state_of(directory.path()).is_empty());
    std::fs::write(directory.path().join(FILE_NAME), "no database at all").unwrap();
    let damaged = costs(directory.path()).await.unwrap_err();
    assert!(matches!(damaged, CatalogError::Corrupt(_)), "{damaged:?}");
    std::fs::write(directory.path().join(FILE_NAME), "").unwrap();
    let empty = costs(directory.path()).await.unwrap_err();
    assert!(matches!(empty, CatalogError::Failed(_)), "{empty:?}");
    assert_eq!(state_of(directory.path()).len(), 1);
}
