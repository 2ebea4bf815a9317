//! Who pulled what is written behind, and read with what is not written yet.

use std::sync::atomic::Ordering;
use std::time::Duration;

use forebay_content::{
    Client, Clock as _, MAX_PULL_ROWS, Period, PullOrder, Spender, Spent, TimeRange, Timestamp,
    UpstreamCall,
};
use forebay_jobs::Supervisor;
use forebay_ledger::{AnsweredByUpstream, AskedUpstream, Ledger, Outcome};
use forebay_limits::read_headers;
use forebay_oci::Target;
use proptest::prelude::*;

use crate::world::{NOON, PATIENCE, World, asks, image, node, pulls, tag};

/// A day, in milliseconds.
const DAY_MS: i64 = 24 * 3_600_000;

/// How often what was counted is written.
const FLUSH_EVERY: Duration = Duration::from_secs(10);

/// After what time who asks for nothing is forgotten.
const FORGET_ENTRY_AFTER: Duration = Duration::from_mins(10);

#[tokio::test]
async fn what_was_counted_is_written_every_few_seconds_and_at_the_end() {
    let world = World::new();
    let ledger = world.ledger().await;
    let tasks = Supervisor::new();
    ledger.start(&tasks);
    pulls(&ledger, 1, 1);
    assert!(world.all_rows().await.is_empty());
    // Until the task sleeps, moving the clock wakes nobody.
    let moved = async {
        while world.all_rows().await.is_empty() {
            world.clock.advance(FLUSH_EVERY);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, moved).await.unwrap();
    assert_eq!(world.all_rows().await[0].spent.counts.pulls, 1);
    pulls(&ledger, 2, 1);
    tasks.stop();
    assert!(tasks.drain(PATIENCE).await);
    assert_eq!(world.all_rows().await.len(), 2);
    // After the task has ended, by who closes the rows.
    pulls(&ledger, 3, 1);
    ledger.flush().await.unwrap();
    assert_eq!(world.all_rows().await.len(), 3);
}

#[tokio::test]
async fn what_a_disk_refuses_waits_is_shown_and_is_written_once() {
    let world = World::new();
    let ledger = world.ledger().await;
    pulls(&ledger, 1, 1);
    pulls(&ledger, 1, 1);
    ledger.flush().await.unwrap();
    world.rows.is_full.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        pulls(&ledger, 1, 1);
        pulls(&ledger, 2, 2);
        ledger.flush().await.unwrap_err();
    }
    let top = ledger
        .top(TimeRange::ALL, PullOrder::Pulls, 10)
        .await
        .unwrap();
    let found: Vec<_> = top.iter().map(|spent| spent.counts.pulls).collect();
    assert_eq!(found, [5, 3]);
    let first = ledger
        .top(TimeRange::ALL, PullOrder::Pulls, 1)
        .await
        .unwrap();
    assert_eq!(first, top[..1]);
    let past = TimeRange {
        since: Timestamp(0),
        until: Timestamp(1),
    };
    assert_eq!(ledger.top(past, PullOrder::Pulls, 10).await.unwrap(), []);
    world.rows.is_full.store(false, Ordering::SeqCst);
    for _ in 0..2 {
        ledger.flush().await.unwrap();
        let written = ledger.top(TimeRange::ALL, PullOrder::Pulls, 10).await;
        assert_eq!(written.unwrap(), top);
    }
}

#[tokio::test]
async fn those_who_did_alike_are_told_in_one_order_while_the_disk_refuses() {
    let mut told = Vec::new();
    for _ in 0..2 {
        let world = World::new();
        let ledger = world.ledger().await;
        world.rows.is_full.store(true, Ordering::SeqCst);
        for number in 1..=100 {
            pulls(&ledger, number, 1);
        }
        let top = ledger.top(TimeRange::ALL, PullOrder::Pulls, 100).await;
        told.push(top.unwrap());
    }
    assert_eq!(told[0].len(), 100);
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn an_export_goes_page_by_page_and_begins_with_what_was_counted_last() {
    let world = World::new();
    let ledger = world.ledger().await;
    let tasks = Supervisor::new();
    ledger.start(&tasks);
    for number in 1..=5 {
        pulls(&ledger, number, 1);
    }
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = ledger.export(TimeRange::ALL, after, 2).await.unwrap();
        found.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
        assert!(found.len() <= 5);
    }
    assert_eq!(found.len(), 5);
    assert!(found.iter().all(|row| row.start == NOON));
}

/// Who asks for a report may leave in the middle of it; the disk is slow.
#[tokio::test]
async fn a_report_that_nobody_waits_for_loses_nothing_and_counts_nothing_twice() {
    let world = World::new();
    let ledger = world.ledger().await;
    let tasks = Supervisor::new();
    ledger.start(&tasks);
    for round in 1..=10 {
        pulls(&ledger, 1, 1);
        world.rows.is_slow.store(true, Ordering::SeqCst);
        let asked = ledger.top(TimeRange::ALL, PullOrder::Pulls, 10);
        let left = async {
            world.rows.stuck.notified().await;
        };
        tokio::select! {
            biased;
            () = left => {}
            top = asked => panic!("{top:?} while the disk is busy"),
        }
        world.rows.free.notify_one();
        let top = ledger.top(TimeRange::ALL, PullOrder::Pulls, 10).await;
        assert_eq!(top.unwrap()[0].counts.pulls, round);
    }
    tasks.stop();
    assert!(tasks.drain(PATIENCE).await);
    assert_eq!(world.all_rows().await[0].spent.counts.pulls, 10);
    // Nobody writes any more.
    pulls(&ledger, 1, 1);
    let top = ledger.top(TimeRange::ALL, PullOrder::Pulls, 10).await;
    assert_eq!(top.unwrap()[0].counts.pulls, 11);
}

#[tokio::test]
async fn hours_become_days_and_days_are_forgotten() {
    const DAY: Duration = Duration::from_hours(24);
    let world = World::new();
    let ledger = world.ledger().await;
    for _ in 0..10 {
        pulls(&ledger, 1, 1);
        ledger.flush().await.unwrap();
        ledger.sum_up().await.unwrap();
        world.clock.advance(DAY);
    }
    let of = |rows: &[forebay_content::PullRow], period| {
        let rows = rows.iter().filter(|row| row.period == period);
        rows.map(|row| row.spent.counts.pulls).sum::<u64>()
    };
    let rows = world.all_rows().await;
    assert_eq!((of(&rows, Period::Day), of(&rows, Period::Hour)), (6, 4));
    world.clock.advance(85 * DAY);
    ledger.sum_up().await.unwrap();
    let rows = world.all_rows().await;
    assert_eq!((of(&rows, Period::Day), of(&rows, Period::Hour)), (4, 0));
}

#[tokio::test]
async fn a_clock_set_back_and_forth_loses_nothing() {
    let world = World::new();
    let ledger = world.ledger().await;
    for wall in [
        NOON,
        Timestamp(0),
        Timestamp(i64::MAX),
        Timestamp(i64::MIN),
        NOON,
    ] {
        world.clock.jump_to(wall);
        pulls(&ledger, 1, 1);
        ledger.look();
        ledger.flush().await.unwrap();
    }
    let all: u64 = world
        .all_rows()
        .await
        .iter()
        .map(|row| row.spent.counts.pulls)
        .sum();
    assert_eq!(all, 5);
    ledger.sum_up().await.unwrap();
}

#[tokio::test]
async fn rows_are_summed_up_by_the_task_and_again_each_hour() {
    let world = World::new();
    let ledger = world.ledger().await;
    let tasks = Supervisor::new();
    ledger.start(&tasks);
    let hours_of_it = async {
        while world.rows.sums.load(Ordering::SeqCst) < 3 {
            pulls(&ledger, 1, 1);
            world.clock.advance(Duration::from_mins(20));
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, hours_of_it).await.unwrap();
    world.written(1).await;
    tasks.stop();
    assert!(tasks.drain(PATIENCE).await);
}

#[tokio::test]
async fn a_clock_set_forward_by_mistake_has_nothing_forgotten_within_the_hour() {
    let world = World::new();
    let ledger = world.ledger().await;
    let tasks = Supervisor::new();
    pulls(&ledger, 1, 1);
    ledger.flush().await.unwrap();
    ledger.start(&tasks);
    let minutes_pass_until = async |holds: &dyn Fn() -> bool| {
        let passed = async {
            while !holds() {
                pulls(&ledger, 1, 1);
                world.clock.advance(Duration::from_mins(1));
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, passed).await.unwrap();
    };
    let sums = || world.rows.sums.load(Ordering::SeqCst);
    let time = || world.clock.monotonic();
    minutes_pass_until(&|| sums() == 1).await;
    let began = time();
    world
        .clock
        .jump_to(NOON.after(Duration::from_hours(24 * 365)));
    // It would be summed up anew after an hour, and is after two.
    minutes_pass_until(&|| sums() == 2).await;
    let passed = time().saturating_sub(began);
    assert!(passed > Duration::from_mins(110), "{passed:?}");
    let rows = world.all_rows().await;
    assert!(
        rows.iter().all(|row| row.start > NOON),
        "believed after all"
    );
    tasks.stop();
    assert!(tasks.drain(PATIENCE).await);
}

#[tokio::test]
async fn a_hundred_thousand_clients_and_images_are_bounded_and_their_sums_stay() {
    const EACH: u32 = 10_000;
    let world = World::new();
    let ledger = world.ledger().await;
    for round in 0..12 {
        for number in 0..EACH {
            let node = u8::try_from(number % 250).unwrap();
            pulls(&ledger, node, round * EACH + number);
        }
        ledger.flush().await.unwrap();
        world.clock.advance(FORGET_ENTRY_AFTER);
        // Forgets them.
        ledger.flush().await.unwrap();
    }
    let rows = world.all_rows().await;
    let others = rows
        .iter()
        .filter(|row| matches!(row.spent.spender, Spender::Others { .. }));
    let others = others.count();
    assert!(rows.len() - others <= MAX_PULL_ROWS, "{}", rows.len());
    assert!((1..=3).contains(&others), "one an hour: {others}");
    let all: u64 = rows.iter().map(|row| row.spent.counts.pulls).sum();
    assert_eq!(all, 12 * u64::from(EACH));
}

/// More of them than rows are kept, names and images that are made up: one address, and somebody whose pull was charged before.
#[tokio::test]
async fn who_makes_up_names_pushes_out_nobody_whose_pull_was_charged() {
    let world = World::new();
    let ledger = world.ledger().await;
    charged(&ledger, &node(1), &image(1));
    for number in 0..205 * 600_u32 {
        if number % 600 == 0 {
            ledger.flush().await.unwrap();
            world.clock.advance(FORGET_ENTRY_AFTER);
            ledger.flush().await.unwrap();
        }
        let client = Client {
            workload: Some(format!("pod-{number}").into()),
            ..node(2)
        };
        asks(&ledger, &client, &image(number), Outcome::Failed("denied"));
    }
    charged(&ledger, &node(3), &image(3));
    let range = TimeRange::ALL;
    let top = ledger.top(range, PullOrder::Charged, 3).await.unwrap();
    let told: Vec<_> = top
        .iter()
        .map(|spent| (spent.spender.address(), spent.counts.metered))
        .collect();
    let expected = [1, 3].map(|number| (node(number).address, 1));
    assert_eq!(told[..2], expected, "{top:?}");
    let mostly = ledger.top(range, PullOrder::Errors, 1).await.unwrap();
    assert_eq!(mostly[0].spender.address(), node(2).address, "{mostly:?}");
    assert_eq!(mostly[0].spender.repository(), None);
}

/// The registry metered a manifest for a client.
fn charged(ledger: &Ledger, client: &Client, target: &Target) {
    let reading = read_headers([
        ("ratelimit-limit", b"100;w=21600".as_slice()),
        ("ratelimit-remaining", b"90;w=21600".as_slice()),
    ]);
    ledger.note_upstream(&AnsweredByUpstream {
        asked: AskedUpstream {
            upstream: &target.upstream,
            account: None,
            call: UpstreamCall::GetManifest,
        },
        client: Some(client),
        repository: Some(&target.repository),
        reference: Some(&tag()),
        status: Some(200),
        reading: Some(&reading),
        took: Duration::ZERO,
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// However the clock jumps within the time that rows are kept, and whenever rows are summed up.
    #[test]
    fn no_pull_is_lost_and_none_is_counted_twice_however_the_clock_jumps(
        steps in prop::collection::vec((-40_i64..40, 0_u64..100, 1_u8..4, 0_u8..8), 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let ledger = world.ledger().await;
            for (days, minutes, node, act) in &steps {
                let jump = days * 24 * 3_600_000 / 2;
                let now = world.clock.now().0.max(NOON.0 - 20 * DAY_MS);
                world.clock.jump_to(Timestamp((now + jump).min(NOON.0 + 20 * DAY_MS)));
                world.clock.advance(Duration::from_mins(*minutes));
                pulls(&ledger, *node, 1);
                match act {
                    0 => ledger.sum_up().await.unwrap(),
                    1..4 => ledger.flush().await.unwrap(),
                    _ => ledger.look(),
                }
            }
            let top = ledger.top(TimeRange::ALL, PullOrder::Pulls, 10).await.unwrap();
            let told: u64 = top.iter().map(|spent| spent.counts.pulls).sum();
            assert_eq!(told, steps.len() as u64);
            ledger.flush().await.unwrap();
            let again = ledger.top(TimeRange::ALL, PullOrder::Pulls, 10).await.unwrap();
            let sums = |top: &[Spent]| -> Vec<_> { top.iter().map(|spent| spent.counts).collect() };
            assert_eq!(sums(&again), sums(&top));
            for row in world.all_rows().await {
                assert!(row.spent.first_at <= row.spent.last_at);
                assert_eq!(row.period.start_of(row.spent.first_at), row.start);
                assert_eq!(row.period.start_of(row.spent.last_at), row.start);
            }
        });
    }
}

#[tokio::test]
async fn one_repository_is_told_of_however_many_others_are_asked_for_more() {
    let world = World::new();
    let ledger = world.ledger().await;
    for image in 2..1_500_u32 {
        let node = u8::try_from(image % 200).unwrap();
        pulls(&ledger, node, image);
        pulls(&ledger, node, image);
    }
    pulls(&ledger, 1, 1);
    let day = Duration::from_hours(24);
    let top = ledger.top_report(day, PullOrder::Pulls, u32::MAX).await;
    let is_one =
        |spent: &forebay_ledger::SpentReport| spent.repository.as_deref() == Some("team/app1");
    assert!(!top.unwrap().spent.iter().any(is_one));
    let name = ("docker.io", "team/app1");
    let top = ledger.top_report_of(day, PullOrder::Pulls, name).await;
    let spent = top.unwrap().spent;
    assert!(spent.len() == 1 && is_one(&spent[0]), "{spent:?}");
}

#[tokio::test]
async fn what_was_counted_while_the_clock_was_far_ahead_is_not_of_the_last_day() {
    let world = World::new();
    let ledger = world.ledger().await;
    world
        .clock
        .jump_to(NOON.after(Duration::from_hours(24 * 365)));
    pulls(&ledger, 1, 1);
    world.clock.jump_to(NOON);
    pulls(&ledger, 2, 2);
    let day = Duration::from_hours(24);
    let top = ledger.top_report(day, PullOrder::Pulls, 10).await.unwrap();
    let told: Vec<_> = top.spent.iter().map(|spent| &spent.repository).collect();
    assert_eq!(told, [&Some("team/app2".to_owned())]);
}
