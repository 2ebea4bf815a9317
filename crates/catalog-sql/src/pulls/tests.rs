use forebay_content::MAX_PULL_COUNT;
use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, Connection};

use super::*;
use crate::dialect::{self, Access};
use crate::schema::{self, CATALOG};
use crate::writer;

const SMALL: Bounds = Bounds {
    rows: 10,
    merged_at_once: 3,
};

async fn connect(directory: &std::path::Path) -> (AnyConnection, Readers) {
    sqlx::any::install_default_drivers();
    let path = directory.join("catalog.sqlite");
    let options =
        |access| -> AnyConnectOptions { dialect::address(&path, access).unwrap().parse().unwrap() };
    let mut connection = writer::connect(&options(Access::Write)).await.unwrap();
    schema::migrate(&mut connection, CATALOG).await.unwrap();
    (connection, Readers::new(options(Access::Read)))
}

fn row(hour: i64, image: u32, metered: u64) -> PullRow {
    let start = Timestamp(hour * Period::Hour.milliseconds());
    PullRow {
        period: Period::Hour,
        start,
        spent: Spent {
            spender: Spender::Client {
                client: Arc::default(),
                image: Target {
                    upstream: "docker.io".into(),
                    repository: format!("team/app{image}").parse().unwrap(),
                },
            },
            counts: PullCounts {
                metered,
                requests: 10,
                ..PullCounts::default()
            },
            first_at: start,
            last_at: start,
            reference: Some("1".into()),
        },
    }
}

async fn add_all(connection: &mut AnyConnection, rows: &[PullRow], bounds: Bounds) {
    let mut transaction = connection.begin().await.unwrap();
    let mut session = Session::new(&mut transaction);
    add(&mut session, rows, bounds).await.unwrap();
    session.finish().await.unwrap();
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn beyond_the_bound_the_least_of_the_oldest_hour_become_others_and_sums_stay() {
    let directory = tempfile::tempdir().unwrap();
    let (mut connection, readers) = connect(directory.path()).await;
    for hour in 0..4 {
        let rows: Vec<_> = (0..5_u32)
            .map(|image| row(hour, image, u64::from(image)))
            .collect();
        add_all(&mut connection, &rows, SMALL).await;
    }
    let page = page(&readers, TimeRange::ALL, None, 100).await.unwrap();
    assert!(page.rows.len() <= 10, "{}", page.rows.len());
    let metered: u64 = page.rows.iter().map(|row| row.spent.counts.metered).sum();
    let requests: u64 = page.rows.iter().map(|row| row.spent.counts.requests).sum();
    assert_eq!((metered, requests), (40, 200));
    let others = page.rows.iter().filter(|row| {
        row.start == Timestamp(0) && matches!(row.spent.spender, Spender::Others { .. })
    });
    assert_eq!(others.count(), 1);
    let newest = page.rows.iter();
    let newest = newest.filter(|row| row.start == Timestamp(3 * 3_600_000));
    assert_eq!(newest.count(), 5);
}

#[tokio::test]
async fn what_was_never_charged_makes_room_before_what_was_however_old_that_is() {
    let directory = tempfile::tempdir().unwrap();
    let (mut connection, readers) = connect(directory.path()).await;
    let charged: Vec<_> = (0..4).map(|image| row(0, image, 1)).collect();
    add_all(&mut connection, &charged, SMALL).await;
    for hour in 1..6 {
        let idle: Vec<_> = (10..15).map(|image| row(hour, image, 0)).collect();
        add_all(&mut connection, &idle, SMALL).await;
    }
    let page = page(&readers, TimeRange::ALL, None, 100).await.unwrap();
    assert!(page.rows.len() <= 10 + 5, "{}", page.rows.len());
    let told = page.rows.iter();
    let told = told.filter(|row| row.start == Timestamp(0) && row.spent.spender.client().is_some());
    assert_eq!(told.count(), 4);
    let requests: u64 = page.rows.iter().map(|row| row.spent.counts.requests).sum();
    assert_eq!(requests, 10 * (4 + 5 * 5));
}

#[tokio::test]
async fn rows_of_others_alone_are_not_merged_for_ever() {
    let directory = tempfile::tempdir().unwrap();
    let (mut connection, readers) = connect(directory.path()).await;
    let tiny = Bounds { rows: 1, ..SMALL };
    for hour in 0..4 {
        add_all(&mut connection, &[row(hour, 1, 1)], tiny).await;
    }
    let page = page(&readers, TimeRange::ALL, None, 100).await.unwrap();
    assert_eq!(page.rows.len(), 4);
}

#[test]
fn the_bound_of_a_counter_is_the_one_in_the_statement() {
    assert!(OR_ADD.contains(&MAX_PULL_COUNT.to_string()));
    assert_eq!(OR_ADD.matches(&MAX_PULL_COUNT.to_string()).count(), 16);
}
