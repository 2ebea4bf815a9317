//! Sentences about rows of pulls.

use std::sync::Arc;

use forebay_content::{
    Client, MAX_PULL_COUNT, Period, PullCounts, PullRow, PullRows, Spender, Spent, TimeRange,
    Timestamp,
};
use futures::future::try_join_all;

use super::{all, hour, image, row};

/// Also one with every name and the smallest of everything.
pub async fn a_row_is_told_as_added<R: PullRows>(rows: &R) {
    let plain = row(0, 1, 1);
    let full = Client {
        address: Some("2001:db8::7".parse().unwrap()),
        user: Some("ci".into()),
        agent: "docker".into(),
        workload: Some("shop/cart-7".into()),
    };
    let bare = Client::default();
    let of = |client| Spender::Client {
        client: Arc::new(client),
        image: image("ghcr.io", "team/app"),
    };
    let full = PullRow {
        spent: Spent {
            spender: of(full),
            ..row(1, 1, 7).spent
        },
        ..row(1, 1, 7)
    };
    let bare = PullRow {
        period: Period::Day,
        start: hour(24),
        spent: Spent {
            spender: of(bare),
            counts: PullCounts::default(),
            reference: None,
            ..row(24, 1, 0).spent
        },
    };
    let added = [plain, full, bare];
    rows.add_pulls(&added).await.unwrap();
    assert_eq!(all(rows).await, added);
}

/// Within one act and over several.
pub async fn what_is_added_to_a_row_is_summed<R: PullRows>(rows: &R) {
    let mut later = row(0, 1, 10);
    later.spent.first_at = Timestamp(hour(0).0 + 120_000);
    later.spent.last_at = Timestamp(hour(0).0 + 180_000);
    rows.add_pulls(&[row(0, 1, 1), later.clone()])
        .await
        .unwrap();
    rows.add_pulls(&[row(0, 1, 100)]).await.unwrap();
    let found = all(rows).await;
    assert_eq!(found.len(), 1);
    let spent = &found[0].spent;
    assert_eq!(spent.counts, row(0, 1, 111).spent.counts);
    assert_eq!(spent.first_at, row(0, 1, 1).spent.first_at);
    assert_eq!(spent.last_at, later.spent.last_at);
}

/// One that names none leaves it.
pub async fn a_later_reference_takes_the_place_of_an_earlier_one<R: PullRows>(rows: &R) {
    let asked = |minute: i64, reference: Option<&str>| {
        let mut row = row(0, 1, 1);
        row.spent.last_at = Timestamp(hour(0).0 + minute * 60_000);
        row.spent.reference = reference.map(Arc::from);
        row
    };
    for (minute, reference, expected) in [
        (5, None, None),
        (3, Some("1.25"), Some("1.25")),
        (7, Some("1.27"), Some("1.27")),
        (6, Some("1.26"), Some("1.27")),
        (9, None, Some("1.27")),
        (9, Some("1.29"), Some("1.29")),
    ] {
        rows.add_pulls(&[asked(minute, reference)]).await.unwrap();
        let found = all(rows).await;
        assert_eq!(
            found[0].spent.reference.as_deref(),
            expected,
            "minute {minute}"
        );
    }
}

/// Period, client in each of its names, image in each of its names.
pub async fn rows_are_apart_by_every_part_of_their_key<R: PullRows>(rows: &R) {
    let Spender::Client { client, image: of } = row(0, 1, 1).spent.spender else {
        unreachable!("the rows here are of clients");
    };
    let by = |change: fn(&mut Client)| {
        let mut client = Client::clone(&client);
        change(&mut client);
        (client, of.clone())
    };
    let mut added = vec![row(0, 1, 1), row(1, 1, 2)];
    let others = [
        by(|client| client.address = None),
        by(|client| client.user = Some("ci".into())),
        by(|client| client.agent = "docker".into()),
        by(|client| client.workload = Some("ci".into())),
        (Client::clone(&client), image("docker.io", "library/redis")),
        (Client::clone(&client), image("ghcr.io", "library/nginx")),
    ];
    for (client, image) in others {
        let mut other = row(0, 1, 3);
        other.spent.spender = Spender::Client {
            client: Arc::new(client),
            image,
        };
        added.push(other);
    }
    let mut day = row(0, 1, 4);
    day.period = Period::Day;
    added.push(day);
    for _ in 0..2 {
        rows.add_pulls(&added).await.unwrap();
    }
    let found = all(rows).await;
    assert_eq!(found.len(), added.len());
    let requests: u64 = found.iter().map(|row| row.spent.counts.requests).sum();
    assert_eq!(requests, 2 * (1 + 2 + 6 * 3 + 4));
}

/// However much is added to it.
pub async fn a_count_stops_at_its_bound<R: PullRows>(rows: &R) {
    for n in [u64::MAX / 8, MAX_PULL_COUNT, 1] {
        rows.add_pulls(&[row(0, 1, n)]).await.unwrap();
        let counts = all(rows).await[0].spent.counts;
        assert_eq!(counts.requests, MAX_PULL_COUNT);
        assert_eq!(counts.errors, MAX_PULL_COUNT);
    }
}

/// By upstream, and apart from any client's.
pub async fn rows_of_others_are_told_as_such<R: PullRows>(rows: &R) {
    let mine = row(0, 1, 1);
    let others = PullRow {
        spent: mine.spent.of_others(),
        ..mine.clone()
    };
    rows.add_pulls(&[mine.clone(), others.clone(), others.clone()])
        .await
        .unwrap();
    let found = all(rows).await;
    assert_eq!(found.len(), 2);
    let others = found
        .iter()
        .find(|row| row.spent.spender.client().is_none());
    let others = others.unwrap();
    assert_eq!(others.spent.spender, mine.spent.spender.others());
    assert_eq!(others.spent.counts.requests, 2);
    assert_eq!(others.spent.reference, None);
}

/// By upstream and address, and apart from those of others and of a client without a name.
pub async fn the_rest_of_an_address_is_told_as_such<R: PullRows>(rows: &R) {
    let mine = row(0, 1, 1);
    let rest = |address: &str| PullRow {
        spent: Spent {
            spender: Spender::Address {
                address: address.parse().unwrap(),
                upstream: "docker.io".into(),
            },
            reference: None,
            ..mine.spent.clone()
        },
        ..mine.clone()
    };
    let others = PullRow {
        spent: mine.spent.of_others(),
        ..mine.clone()
    };
    let added = [mine.clone(), rest("10.0.0.1"), rest("2001:db8::"), others];
    for _ in 0..2 {
        rows.add_pulls(&added).await.unwrap();
    }
    let found = all(rows).await;
    assert_eq!(found.len(), added.len());
    for row in &added {
        let found = found
            .iter()
            .find(|found| found.spent.spender == row.spent.spender);
        assert_eq!(found.unwrap().spent.counts.requests, 2, "{row:?}");
    }
}

/// Each once, whatever the size of a page.
pub async fn rows_are_told_page_by_page_the_oldest_first<R: PullRows>(rows: &R) {
    let mut added = Vec::new();
    for start in [3, 1, 2] {
        for number in 1..=4 {
            added.push(row(start, number, 1));
        }
    }
    rows.add_pulls(&added).await.unwrap();
    for limit in [1, 5, 12, 13] {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = rows.pulls(TimeRange::ALL, after, limit).await.unwrap();
            assert!(page.rows.len() <= usize::try_from(limit).unwrap());
            found.extend(page.rows);
            after = page.next;
            if after.is_none() {
                break;
            }
            assert!(found.len() <= added.len(), "no end with pages of {limit}");
        }
        assert_eq!(found.len(), added.len(), "pages of {limit}");
        assert!(found.is_sorted_by_key(|row| row.start));
        for row in &added {
            assert!(found.contains(row), "pages of {limit}");
        }
    }
}

/// Its end does not belong to it.
pub async fn a_range_takes_the_periods_that_reach_into_it<R: PullRows>(rows: &R) {
    let mut day = row(0, 1, 1);
    day.period = Period::Day;
    rows.add_pulls(&[day, row(24, 1, 1), row(25, 1, 1), row(26, 1, 1)])
        .await
        .unwrap();
    let half = Period::Hour.milliseconds() / 2;
    for (since, until, expected) in [
        (hour(24), hour(26), vec![24, 25]),
        (Timestamp(hour(24).0 - 1), hour(24), vec![0]),
        (Timestamp(hour(24).0 + half), hour(27), vec![24, 25, 26]),
        (hour(25), Timestamp(hour(26).0 + 1), vec![25, 26]),
        (hour(27), hour(30), vec![]),
        (hour(-5), hour(0), vec![]),
        (hour(26), hour(25), vec![]),
        (
            Timestamp(i64::MIN),
            Timestamp(i64::MAX),
            vec![0, 24, 25, 26],
        ),
    ] {
        let page = rows
            .pulls(TimeRange { since, until }, None, 100)
            .await
            .unwrap();
        let found: Vec<_> = page.rows.iter().map(|row| row.start).collect();
        let expected: Vec<_> = expected.into_iter().map(hour).collect();
        assert_eq!(found, expected, "{since:?} to {until:?}");
    }
}

/// Hours that begin later stay what they are.
pub async fn hours_are_rolled_up_into_their_days_and_sums_stay<R: PullRows>(rows: &R) {
    let mut last = row(23, 1, 10);
    last.spent.reference = Some("1.28".into());
    let added = [
        row(0, 1, 1),
        last,
        row(5, 2, 100),
        row(24, 1, 1_000),
        row(30, 1, 10_000),
    ];
    rows.add_pulls(&added).await.unwrap();
    rows.roll_up(hour(30)).await.unwrap();
    let found: Vec<_> = all(rows)
        .await
        .into_iter()
        .map(|row| (row.start, row.period, row.spent))
        .collect();
    assert_eq!(found.len(), 4);
    for (start, period, requests) in [
        (0, Period::Day, 11),
        (0, Period::Day, 100),
        (24, Period::Day, 1_000),
        (30, Period::Hour, 10_000),
    ] {
        assert!(
            found
                .iter()
                .any(|(at, of, spent)| (*at, *of) == (hour(start), period)
                    && spent.counts.requests == requests
                    && spent.counts.errors == 7 * requests),
            "hour {start}, {requests}"
        );
    }
    let first = found.iter().find(|row| row.2.counts.requests == 11);
    let (_, _, spent) = first.unwrap();
    assert_eq!(spent.first_at, row(0, 1, 1).spent.first_at);
    assert_eq!(spent.last_at, row(23, 1, 1).spent.last_at);
    assert_eq!(spent.reference.as_deref(), Some("1.28"));
}

/// A clock that was set back, or notes that a full disk kept waiting.
pub async fn hours_rolled_up_late_are_added_to_their_day<R: PullRows>(rows: &R) {
    for start in [1, 2, 3] {
        rows.add_pulls(&[row(start, 1, 1)]).await.unwrap();
        rows.roll_up(hour(48)).await.unwrap();
        rows.roll_up(hour(48)).await.unwrap();
    }
    let found = all(rows).await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].spent.counts, row(0, 1, 3).spent.counts);
    assert_eq!(found[0].period, Period::Day);
}

/// Hours and days alike, and their spenders can come again.
pub async fn old_rows_are_forgotten<R: PullRows>(rows: &R) {
    rows.add_pulls(&[row(0, 1, 1), row(1, 2, 1), row(24, 1, 1)])
        .await
        .unwrap();
    rows.roll_up(hour(1)).await.unwrap();
    rows.forget_pulls(hour(24)).await.unwrap();
    assert_eq!(all(rows).await, [row(24, 1, 1)]);
    rows.add_pulls(&[row(25, 2, 1)]).await.unwrap();
    assert_eq!(all(rows).await, [row(24, 1, 1), row(25, 2, 1)]);
    rows.forget_pulls(Timestamp(i64::MAX)).await.unwrap();
    assert_eq!(all(rows).await, []);
}

/// None is lost.
pub async fn the_same_row_added_by_many_at_once_is_summed<R: PullRows>(rows: &R) {
    let adding = (0..20).map(|_| async {
        let added = [row(0, 1, 1), row(0, 2, 1)];
        rows.add_pulls(&added).await
    });
    try_join_all(adding).await.unwrap();
    let found = all(rows).await;
    assert_eq!(found.len(), 2);
    for row in found {
        assert_eq!(row.spent.counts.requests, 20);
    }
}
