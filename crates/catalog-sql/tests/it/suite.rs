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

mod registry {
    //! What every implementation of accounts and local repositories does.

    use forebay_catalog_sql::{REGISTRY_FILE_NAME, SqlRegistry};
    use tempfile::TempDir;

    async fn fresh() -> (SqlRegistry, TempDir) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(REGISTRY_FILE_NAME);
        (SqlRegistry::open(&path).await.unwrap(), directory)
    }

    forebay_content_conformance::accounts_suite!(fresh);
    forebay_content_conformance::hosted_suite!(fresh);
}
