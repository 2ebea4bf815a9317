use super::*;
use crate::ledger_rows::Client;

fn row(hour: i64, image: u32, metered: u64) -> PullRow {
    let start = Timestamp(hour * Period::Hour.milliseconds());
    PullRow {
        period: Period::Hour,
        start,
        spent: Spent {
            spender: Spender::Client {
                client: Arc::new(Client::default()),
                image: forebay_oci::Target {
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

#[tokio::test]
async fn beyond_the_bound_the_least_of_the_oldest_hour_become_others_and_sums_stay() {
    let ledger = MemoryLedger::with_room(10, 3);
    for hour in 0..4 {
        let rows: Vec<_> = (0..5_u32)
            .map(|image| row(hour, image, u64::from(image)))
            .collect();
        ledger.add_pulls(&rows).await.unwrap();
    }
    let page = ledger.pulls(TimeRange::ALL, None, 100).await.unwrap();
    assert!(page.rows.len() <= 10, "{}", page.rows.len());
    let metered: u64 = page.rows.iter().map(|row| row.spent.counts.metered).sum();
    let requests: u64 = page.rows.iter().map(|row| row.spent.counts.requests).sum();
    assert_eq!((metered, requests), (40, 200));
    let first = &page.rows[0].spent;
    assert!(matches!(first.spender, Spender::Others { .. }), "{first:?}");
    let newest = page
        .rows
        .iter()
        .filter(|row| row.start == Timestamp(3 * 3_600_000));
    assert_eq!(newest.count(), 5);
}

#[tokio::test]
async fn what_was_never_charged_makes_room_before_what_was_however_old_that_is() {
    let ledger = MemoryLedger::with_room(10, 3);
    let charged: Vec<_> = (0..4).map(|image| row(0, image, 1)).collect();
    ledger.add_pulls(&charged).await.unwrap();
    for hour in 1..6 {
        let idle: Vec<_> = (10..15).map(|image| row(hour, image, 0)).collect();
        ledger.add_pulls(&idle).await.unwrap();
    }
    let page = ledger.pulls(TimeRange::ALL, None, 100).await.unwrap();
    assert!(page.rows.len() <= 10 + 5, "{}", page.rows.len());
    let told = page.rows.iter();
    let told = told.filter(|row| row.start == Timestamp(0) && row.spent.spender.client().is_some());
    assert_eq!(told.count(), 4);
    let requests: u64 = page.rows.iter().map(|row| row.spent.counts.requests).sum();
    assert_eq!(requests, 10 * (4 + 5 * 5));
}

#[tokio::test]
async fn rows_of_others_alone_are_not_merged_for_ever() {
    let ledger = MemoryLedger::with_room(1, 3);
    for hour in 0..4 {
        ledger.add_pulls(&[row(hour, 1, 1)]).await.unwrap();
    }
    let page = ledger.pulls(TimeRange::ALL, None, 100).await.unwrap();
    assert_eq!(page.rows.len(), 4);
}
