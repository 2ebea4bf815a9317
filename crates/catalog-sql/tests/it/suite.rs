//! What every catalog does.

use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use tempfile::TempDir;

async fn fresh() -> (SqlCatalog, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    (SqlCatalog::open(&path).await.unwrap(), directory)
}

forebay_content_conformance::catalog_suite!(fresh);
forebay_content_conformance::ledger_suite!(fresh);
forebay_content_conformance::accounts_suite!(fresh);
