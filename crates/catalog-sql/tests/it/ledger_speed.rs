//! How fast a full ledger is: figures to read, never a condition; run as those of `speed.rs` are.

use std::sync::Arc;
use std::time::Duration;

use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_content::{
    Client, Clock, MAX_PULL_ROWS, Period, PullCounts, PullOrder, PullRow, PullRows, Spender, Spent,
    SystemClock, TimeRange, Timestamp, TopPage,
};

use crate::words::target;

/// Hours of the rows: 200 clients with 20 images in each.
const HOURS: i64 = 25;

/// Rows in one act, as the ledger writes them.
const AT_ONCE: usize = 256;

fn row(number: usize) -> PullRow {
    let number = number as u64;
    let start = Timestamp((498_624 + number.cast_signed() / 4_000) * Period::Hour.milliseconds());
    let bits = 0x0a00_0000 + u32::try_from(number % 200).unwrap();
    let client = Client {
        address: Some(std::net::Ipv4Addr::from_bits(bits).into()),
        agent: "containerd".into(),
        ..Client::default()
    };
    PullRow {
        period: Period::Hour,
        start,
        spent: Spent {
            spender: Spender::Client {
                client: Arc::new(client),
                image: target(number / 200 % 20),
            },
            counts: PullCounts {
                requests: number,
                ..PullCounts::default()
            },
            first_at: start,
            last_at: start,
            reference: Some("1.27".into()),
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, not a test"]
async fn speed_of_a_full_ledger() {
    let directory = tempfile::tempdir_in(".").unwrap();
    let path = directory.path().join(FILE_NAME);
    let catalog = SqlCatalog::open(&path).await.unwrap();
    let clock = SystemClock::new();
    let mut last = Duration::ZERO;
    let mut lap = |what: &str| {
        let now = clock.monotonic();
        println!("{what}: {:?}", now.saturating_sub(last));
        last = now;
    };
    let rows: Vec<_> = (0..MAX_PULL_ROWS).map(row).collect();
    for some in rows.chunks(AT_ONCE) {
        catalog.add_pulls(some).await.unwrap();
    }
    lap("all rows");
    for _ in 0..10 {
        catalog.add_pulls(&rows[..AT_ONCE]).await.unwrap();
    }
    lap("an act, ten times");
    let more: Vec<_> = (MAX_PULL_ROWS..MAX_PULL_ROWS + 10 * AT_ONCE)
        .map(row)
        .collect();
    for some in more.chunks(AT_ONCE) {
        catalog.add_pulls(some).await.unwrap();
    }
    lap("an act beyond the bound, ten times");
    let page = TopPage { skip: 0, limit: 20 };
    for order in [PullOrder::Charged, PullOrder::Bytes] {
        let top = catalog.top_pulls(TimeRange::ALL, order, page).await;
        assert_eq!(top.unwrap().len(), 20);
        lap("the top of all");
    }
    let found = catalog.pulls(TimeRange::ALL, None, 1_000).await.unwrap();
    lap("a page of the export");
    println!("{} rows, more: {}", found.rows.len(), found.next.is_some());
    let middle = Timestamp((498_624 + HOURS / 2) * Period::Hour.milliseconds());
    catalog.roll_up(middle).await.unwrap();
    lap("half of them summed up");
    catalog.forget_pulls(middle).await.unwrap();
    lap("and forgotten");
    catalog.close().await.unwrap();
    println!("{} bytes", std::fs::metadata(&path).unwrap().len());
}
