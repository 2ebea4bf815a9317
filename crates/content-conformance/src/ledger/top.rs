//! Sentences about sums by spender.

use forebay_content::{PullCounts, PullOrder, PullRows, Spent, TimeRange, TopPage};

use super::{hour, row, spender};

const WHOLE: TopPage = TopPage {
    skip: 0,
    limit: 1_000,
};

async fn top<R: PullRows>(rows: &R, order: PullOrder) -> Vec<Spent> {
    rows.top_pulls(TimeRange::ALL, order, WHOLE).await.unwrap()
}

/// Of hours and days alike, with the first time, the last time and the last reference.
pub async fn the_sums_of_a_spender_are_those_of_all_its_rows<R: PullRows>(rows: &R) {
    let mut last = row(30, 1, 100);
    last.spent.reference = Some("1.28".into());
    rows.add_pulls(&[row(0, 1, 1), last.clone(), row(25, 1, 10), row(25, 2, 5)])
        .await
        .unwrap();
    rows.roll_up(hour(24)).await.unwrap();
    let found = top(rows, PullOrder::Charged).await;
    let expected = Spent {
        spender: spender(1),
        counts: row(0, 1, 111).spent.counts,
        first_at: row(0, 1, 1).spent.first_at,
        last_at: last.spent.last_at,
        reference: last.spent.reference,
    };
    assert_eq!(found, [expected, row(25, 2, 5).spent]);
}

/// The largest first; of those alike, those with more pulls, then bytes, and then as they are called, whoever came first.
pub async fn sums_come_in_the_order_asked_for<R: PullRows>(rows: &R) {
    type Change = fn(&mut Spent);
    let changes: [(PullOrder, Change); 6] = [
        (PullOrder::Charged, |spent| spent.counts.metered = 50),
        (PullOrder::Pulls, |spent| spent.counts.pulls = 50),
        (PullOrder::Requests, |spent| spent.counts.requests = 50),
        (PullOrder::Bytes, |spent| spent.counts.bytes_upstream = 50),
        (PullOrder::Stale, |spent| spent.counts.stale = 50),
        (PullOrder::Errors, |spent| spent.counts.errors = 50),
    ];
    let numbered: Vec<_> = (1..).zip(&changes).collect();
    for (number, (_, change)) in numbered.into_iter().rev() {
        let mut added = row(0, number, 0);
        added.spent.counts = PullCounts {
            bytes_cache: 7,
            ..PullCounts::default()
        };
        change(&mut added.spent);
        rows.add_pulls(&[added]).await.unwrap();
    }
    for (number, (order, _)) in (1..).zip(&changes) {
        let found = top(rows, *order).await;
        let found: Vec<_> = found.into_iter().map(|spent| spent.spender).collect();
        let others = [2, 4, 1, 3, 5, 6].into_iter();
        let others = others.filter(|other| *other != number);
        let expected: Vec<_> = [number].into_iter().chain(others).map(spender).collect();
        assert_eq!(found, expected, "{order:?}");
    }
}

/// Each once.
pub async fn sums_come_page_by_page<R: PullRows>(rows: &R) {
    let added: Vec<_> = (1..=7).map(|number| row(0, number, 1)).collect();
    rows.add_pulls(&added).await.unwrap();
    let mut found = Vec::new();
    for skip in [0, 3, 6, 9] {
        let page = TopPage { skip, limit: 3 };
        let part = rows.top_pulls(TimeRange::ALL, PullOrder::Pulls, page).await;
        found.extend(part.unwrap());
    }
    let expected: Vec<_> = added.into_iter().map(|row| row.spent).collect();
    assert_eq!(found, expected);
}

/// Rows of other times count for nothing.
pub async fn sums_are_of_the_range_alone<R: PullRows>(rows: &R) {
    rows.add_pulls(&[
        row(0, 1, 100),
        row(24, 1, 1),
        row(25, 2, 2),
        row(48, 2, 100),
    ])
    .await
    .unwrap();
    let range = TimeRange {
        since: hour(24),
        until: hour(26),
    };
    let found = rows.top_pulls(range, PullOrder::Requests, WHOLE).await;
    assert_eq!(found.unwrap(), [row(25, 2, 2).spent, row(24, 1, 1).spent]);
}
