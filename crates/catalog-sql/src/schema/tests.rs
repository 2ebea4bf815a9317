use std::path::Path;

use sqlx::any::AnyConnectOptions;

use super::*;
use crate::dialect::Access;
use crate::writer;

/// What a later version may do to the tables of this one.
const LATER: Migration = &[
    "ALTER TABLE repositories ADD COLUMN note TEXT",
    "UPDATE repositories SET note = 'kept since format 1'",
];

const BROKEN: Migration = &[
    "UPDATE repositories SET name = 'lost'",
    "ALTER TABLE there_is_none ADD COLUMN note TEXT",
];

async fn connect(directory: &Path) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let address = dialect::address(&directory.join("catalog.sqlite"), Access::Write).unwrap();
    let options: AnyConnectOptions = address.parse().unwrap();
    writer::connect(&options).await.unwrap()
}

async fn at_format_1(directory: &Path) -> AnyConnection {
    let mut connection = connect(directory).await;
    migrate(&mut connection, &[FORMAT_1]).await.unwrap();
    sqlx::query("INSERT INTO repositories (upstream, name) VALUES ('docker.io', 'library/nginx')")
        .execute(&mut connection)
        .await
        .unwrap();
    connection
}

async fn text(connection: &mut AnyConnection, query: &'static str) -> String {
    let row = sqlx::query(query).fetch_one(connection).await.unwrap();
    row.try_get(0).unwrap()
}

#[tokio::test]
async fn an_empty_file_is_brought_to_the_newest_format_once() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = connect(directory.path()).await;
    assert_eq!(
        format_of(&mut connection, "catalog_format").await.unwrap(),
        0
    );
    let outdated = check(&mut connection, CATALOG).await.unwrap_err();
    assert!(matches!(outdated, SqlError::Outdated(_)), "{outdated:?}");
    for _ in 0..2 {
        migrate(&mut connection, CATALOG).await.unwrap();
        check(&mut connection, CATALOG).await.unwrap();
        let format = format_of(&mut connection, "catalog_format").await.unwrap();
        assert_eq!(format, newest(CATALOG));
    }
}

#[tokio::test]
async fn a_newer_version_migrates_an_older_catalog_with_what_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = at_format_1(directory.path()).await;
    migrate(&mut connection, &[FORMAT_1, LATER]).await.unwrap();
    assert_eq!(
        format_of(&mut connection, "catalog_format").await.unwrap(),
        2
    );
    let note = text(&mut connection, "SELECT note FROM repositories").await;
    assert_eq!(note, "kept since format 1");
}

#[tokio::test]
async fn an_older_version_refuses_a_newer_catalog_and_leaves_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = at_format_1(directory.path()).await;
    migrate(&mut connection, &[FORMAT_1, LATER]).await.unwrap();
    for refused in [
        migrate(&mut connection, &[FORMAT_1]).await,
        check(&mut connection, &[FORMAT_1]).await,
    ] {
        let expected = SqlError::Format {
            found: 2,
            supported: 1,
        };
        assert_eq!(refused.unwrap_err().to_string(), expected.to_string());
    }
    assert_eq!(
        format_of(&mut connection, "catalog_format").await.unwrap(),
        2
    );
}

#[tokio::test]
async fn a_migration_that_fails_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = at_format_1(directory.path()).await;
    let broken = [FORMAT_1, LATER, BROKEN];
    migrate(&mut connection, &broken).await.unwrap_err();
    drop(connection);
    let mut connection = connect(directory.path()).await;
    check(&mut connection, &[FORMAT_1]).await.unwrap();
    let name = text(&mut connection, "SELECT name FROM repositories").await;
    assert_eq!(name, "library/nginx");
}

#[tokio::test]
async fn a_database_that_is_none_of_ours_is_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = connect(directory.path()).await;
    sqlx::query("CREATE TABLE somebody_elses (id BIGINT)")
        .execute(&mut connection)
        .await
        .unwrap();
    let error = migrate(&mut connection, CATALOG).await.unwrap_err();
    assert!(matches!(error, SqlError::Damaged(_)), "{error:?}");
}

#[tokio::test]
async fn a_format_that_is_no_number_of_ours_is_damage() {
    let directory = tempfile::tempdir().unwrap();
    let mut connection = at_format_1(directory.path()).await;
    for damage in [
        "UPDATE catalog_format SET version = -1",
        "UPDATE catalog_format SET version = 'one'",
        "DELETE FROM catalog_format",
        "DROP TABLE objects",
    ] {
        sqlx::query(damage).execute(&mut connection).await.unwrap();
        let error = match migrate(&mut connection, &[FORMAT_1]).await {
            Ok(()) => check(&mut connection, &[FORMAT_1]).await.unwrap_err(),
            Err(error) => error,
        };
        let error = forebay_content::CatalogError::from(error);
        let corrupt = matches!(error, forebay_content::CatalogError::Corrupt(_));
        assert!(corrupt, "{damage}: {error:?}");
        sqlx::query("INSERT INTO catalog_format (version) SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM catalog_format)")
            .execute(&mut connection)
            .await
            .unwrap();
        sqlx::query("UPDATE catalog_format SET version = 1")
            .execute(&mut connection)
            .await
            .unwrap();
    }
}
