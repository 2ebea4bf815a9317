//! A file of the format before is brought to this one with all that it holds.

use std::path::{Path, PathBuf};
use std::time::Duration;

use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_content::{
    BudgetKey, KeptBudget, KeptList, KeptTag, LimitRows, Links, ListKey, Lists, Manifests, Objects,
    Period, PullCounts, PullRow, PullRows, Spender, Spent, Tags, TimeRange, Timestamp,
};
use forebay_oci::MediaType;
use sqlx::{AnyConnection, AssertSqlSafe, Connection, Row};

use crate::words::{digest, manifest, object, target};

/// What a program of format 1 wrote, two of everything, as statements.
const FORMAT_1: &str = include_str!("format_1.sql");

const AT: Timestamp = Timestamp(1_795_000_000_000);

async fn connect(path: &Path) -> AnyConnection {
    sqlx::any::install_default_drivers();
    let address = format!("sqlite://{}?mode=rwc", path.to_str().unwrap());
    AnyConnection::connect(&address).await.unwrap()
}

async fn of_format_1(directory: &Path) -> PathBuf {
    let path = directory.join(FILE_NAME);
    let mut connection = connect(&path).await;
    sqlx::raw_sql(FORMAT_1)
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
    path
}

async fn format_of(path: &Path) -> i64 {
    let mut connection = connect(path).await;
    let row = sqlx::query("SELECT version FROM catalog_format")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    row.try_get(0).unwrap()
}

async fn assert_whole(catalog: &SqlCatalog) {
    for number in 1..=2 {
        let ours = target(number);
        let found = catalog.find_manifest(&digest(number)).await.unwrap();
        assert_eq!(found, Some(manifest(number)));
        let tag = catalog.find_tag(&ours, &"latest".parse().unwrap()).await;
        let expected = KeptTag {
            digest: digest(number),
            media_type: MediaType::OCI_MANIFEST,
            size: Some(number),
            checked_at: AT,
        };
        assert_eq!(tag.unwrap(), Some(expected));
        let blob = object(number + 1_000);
        assert!(catalog.is_linked(&ours, &blob.digest).await.unwrap());
        let key = ListKey::Tags {
            n: Some(number),
            last: None,
        };
        let expected = KeptList {
            json: format!("{{\"tags\":[\"{number}\"]}}").into(),
            more: None,
            filtered: false,
            checked_at: AT,
        };
        let list = catalog.find_list(&ours, &key).await.unwrap();
        assert_eq!(list, Some(expected));
    }
    assert_eq!(catalog.usage().await.unwrap().objects, 4);
    catalog.integrity_check().await.unwrap();
}

#[tokio::test]
async fn a_file_of_format_1_keeps_everything_and_has_room_for_the_ledger() {
    let directory = tempfile::tempdir().unwrap();
    let path = of_format_1(directory.path()).await;
    assert_eq!(format_of(&path).await, 1);
    // Twice: what was migrated opens as it is.
    for _ in 0..2 {
        let catalog = SqlCatalog::open(&path).await.unwrap();
        assert_whole(&catalog).await;
        let page = catalog.pulls(TimeRange::ALL, None, 10).await.unwrap();
        assert_eq!(page.rows, []);
        catalog.close().await.unwrap();
        assert_eq!(format_of(&path).await, 5);
    }
}

/// As a program of format 2 left it: what it counted and heard.
#[tokio::test]
async fn a_file_of_format_2_keeps_what_was_counted_and_heard() {
    const BACK: &str = "ALTER TABLE pulls RENAME COLUMN metered TO charged;
        ALTER TABLE pulls DROP COLUMN after_index;
        ALTER TABLE pull_budgets DROP COLUMN charges;
        DROP TABLE silences;
        DROP TABLE told;
        UPDATE catalog_format SET version = 2";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    let (row, budget) = (pull_row(), budget());
    let catalog = SqlCatalog::open(&path).await.unwrap();
    catalog.add_pulls(std::slice::from_ref(&row)).await.unwrap();
    catalog
        .keep_budgets(std::slice::from_ref(&budget))
        .await
        .unwrap();
    catalog.close().await.unwrap();
    let mut connection = connect(&path).await;
    sqlx::raw_sql(BACK).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    assert_eq!(format_of(&path).await, 2);
    let catalog = SqlCatalog::open(&path).await.unwrap();
    let page = catalog.pulls(TimeRange::ALL, None, 10).await.unwrap();
    assert_eq!(page.rows, [row]);
    assert_eq!(catalog.limits().await.unwrap().budgets, [budget]);
    catalog.integrity_check().await.unwrap();
}

fn pull_row() -> PullRow {
    PullRow {
        period: Period::Hour,
        start: Timestamp(3_600_000),
        spent: Spent {
            spender: Spender::Others {
                upstream: "docker.io".into(),
            },
            counts: PullCounts {
                requests: 9,
                metered: 5,
                ..PullCounts::default()
            },
            first_at: Timestamp(3_600_000),
            last_at: Timestamp(3_600_001),
            reference: None,
        },
    }
}

fn budget() -> KeptBudget {
    KeptBudget {
        key: BudgetKey {
            upstream: "docker.io".into(),
            account: None,
            source: None,
        },
        limit: Some(100),
        remaining: 76,
        window: Duration::from_hours(6),
        seen_at: AT,
        spent_since: 1,
        charges: Vec::new(),
    }
}

/// A damaged row, and those of a limiter and of a source that a newer version knows, say nothing of the others.
#[tokio::test]
async fn what_cannot_be_read_of_limits_is_left_out_and_the_rest_is_told() {
    const ODD: &str = "UPDATE pull_budgets SET remaining = -1 WHERE upstream = 'ghcr.io';
        INSERT INTO pull_costs (upstream, once, twice) VALUES ('ghcr.io', -1, 0), ('quay.io', 1, 0);
        INSERT INTO silences (upstream, heard_at) VALUES ('gcr.io', 5);
        INSERT INTO cool_downs (upstream, scope, limiter, until_at, noted_at)
            VALUES ('docker.io', 'pulls', 99, 10, 5), ('docker.io', 'everything', 1, 20, 5)";
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE_NAME);
    let catalog = SqlCatalog::open(&path).await.unwrap();
    let mut damaged = budget();
    damaged.key.upstream = "ghcr.io".into();
    catalog.keep_budgets(&[budget(), damaged]).await.unwrap();
    catalog.close().await.unwrap();
    let mut connection = connect(&path).await;
    sqlx::raw_sql(ODD).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let catalog = SqlCatalog::open(&path).await.unwrap();
    let kept = catalog.limits().await.unwrap();
    assert_eq!(kept.budgets, [budget()]);
    assert_eq!(kept.costs.len(), 1);
    assert_eq!(kept.silences, [("gcr.io".into(), Timestamp(5))]);
    assert_eq!(kept.cool_downs.len(), 1);
    assert_eq!(&*kept.cool_downs[0].scope, "everything");
}

/// Something of another's stands in the way of the last of the new tables.
#[tokio::test]
async fn a_migration_that_fails_leaves_format_1_and_what_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = of_format_1(directory.path()).await;
    let run = async |statement: &'static str| {
        let mut connection = connect(&path).await;
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .unwrap();
    };
    run("CREATE TABLE cool_downs (id BIGINT)").await;
    SqlCatalog::open(&path).await.unwrap_err();
    assert_eq!(format_of(&path).await, 1);
    run("DROP TABLE cool_downs").await;
    let catalog = SqlCatalog::open(&path).await.unwrap();
    assert_whole(&catalog).await;
}
