//! What is known of limits: charged to who asked, and kept across restarts.

use std::sync::atomic::Ordering;
use std::time::Duration;

use forebay_content::{Client, LimitRows as _, PullOrder, TimeRange, UpstreamCall};
use forebay_ledger::{AnsweredByUpstream, AskedUpstream, Ledger, Metering, Refused};
use forebay_limits::{Limiter, Reading, read_headers};
use forebay_oci::{Reference, Target, UpstreamName};

use crate::world::{NOON, World, image, node, tag};

fn reading(remaining: u64) -> Reading {
    let remaining = format!("{remaining};w=21600");
    let headers: [(&str, &[u8]); 3] = [
        ("ratelimit-limit", b"100;w=21600"),
        ("ratelimit-remaining", remaining.as_bytes()),
        ("docker-ratelimit-source", b"192.0.2.1"),
    ];
    read_headers(headers)
}

/// We fetch a manifest for a client; the registry says so.
fn fetch(ledger: &Ledger, who: (&Client, &Target), reference: &Reference, said: Option<&Reading>) {
    let (client, target) = who;
    let asked = AskedUpstream {
        upstream: &target.upstream,
        account: None,
        call: UpstreamCall::GetManifest,
    };
    ledger.note_sent(asked);
    ledger.note_upstream(&AnsweredByUpstream {
        asked,
        client: Some(client),
        repository: Some(&target.repository),
        reference: Some(reference),
        status: Some(200),
        reading: said,
        took: Duration::ZERO,
    });
}

#[tokio::test]
async fn a_metered_manifest_is_charged_to_who_asked_for_it() {
    let world = World::new();
    let ledger = world.ledger().await;
    fetch(&ledger, (&node(1), &image(1)), &tag(), Some(&reading(99)));
    fetch(&ledger, (&node(1), &image(2)), &tag(), None);
    fetch(&ledger, (&node(2), &image(1)), &tag(), Some(&reading(98)));
    fetch(&ledger, (&node(1), &image(1)), &tag(), Some(&reading(97)));
    let top = ledger.top(TimeRange::ALL, PullOrder::Charged, 10).await;
    let charged: Vec<_> = top
        .unwrap()
        .iter()
        .map(|spent| (spent.spender.client().cloned(), spent.counts.metered))
        .collect();
    let of = |number| Some(std::sync::Arc::new(node(number)));
    assert_eq!(charged, [(of(1), 2), (of(2), 1)]);
}

#[tokio::test]
async fn budgets_and_costs_are_known_after_a_restart() {
    let world = World::new();
    let ledger = world.ledger().await;
    fetch(&ledger, (&node(1), &image(1)), &tag(), Some(&reading(76)));
    ledger.flush().await.unwrap();
    drop(ledger);
    world.clock.advance(Duration::from_mins(10));
    let ledger = world.ledger().await;
    let upstreams = ledger.budgets();
    assert_eq!(upstreams.len(), 1);
    assert_eq!(upstreams[0].metering, Metering::Metered);
    let budget = &upstreams[0].budgets[0];
    assert_eq!((budget.remaining, budget.age_seconds), (76, 600));
    assert_eq!(budget.source.as_deref(), Some("192.0.2.1"));
}

#[tokio::test]
async fn a_budget_that_a_full_disk_refused_is_written_later() {
    let world = World::new();
    let ledger = world.ledger().await;
    world.rows.is_full.store(true, Ordering::SeqCst);
    fetch(&ledger, (&node(1), &image(1)), &tag(), Some(&reading(76)));
    ledger.flush().await.unwrap_err();
    world.rows.is_full.store(false, Ordering::SeqCst);
    ledger.flush().await.unwrap();
    let budgets = world.ledger().await.budgets();
    assert_eq!(budgets[0].budgets[0].remaining, 76);
}

#[tokio::test]
async fn a_clock_set_forward_by_mistake_has_no_budget_forgotten() {
    let world = World::new();
    let ledger = world.ledger().await;
    fetch(&ledger, (&node(1), &image(1)), &tag(), Some(&reading(76)));
    let month = Duration::from_hours(30 * 24);
    world.clock.jump_to(NOON.after(month));
    ledger.look();
    assert_eq!(ledger.budgets()[0].metering, Metering::Metered);
    ledger.sum_up().await.unwrap();
    assert_eq!(ledger.budgets()[0].budgets[0].remaining, 76);
    world.clock.jump_to(NOON);
    assert_eq!(ledger.budgets()[0].budgets[0].remaining, 76);
    // This time it does pass.
    world.clock.advance(month);
    ledger.sum_up().await.unwrap();
    let known = &ledger.budgets()[0];
    assert_eq!(
        (known.metering, known.budgets.len()),
        (Metering::Unknown, 0)
    );
}

#[tokio::test]
async fn a_registry_that_says_nothing_of_limits_is_unmetered_after_a_restart() {
    let world = World::new();
    let ledger = world.ledger().await;
    fetch(&ledger, (&node(1), &image(1)), &tag(), None);
    ledger.flush().await.unwrap();
    let known = &world.ledger().await.budgets()[0];
    let expected = (Metering::Unmetered, Some(NOON.0));
    assert_eq!((known.metering, known.heard_unix_ms), expected);
}

#[tokio::test]
async fn two_upstreams_never_share_a_budget() {
    let world = World::new();
    let ledger = world.ledger().await;
    let elsewhere = Target {
        upstream: UpstreamName::from("mirror.example"),
        ..image(1)
    };
    fetch(&ledger, (&node(1), &image(1)), &tag(), Some(&reading(5)));
    fetch(&ledger, (&node(1), &elsewhere), &tag(), Some(&reading(90)));
    let left: Vec<_> = ledger
        .budgets()
        .iter()
        .map(|upstream| (upstream.upstream.clone(), upstream.budgets[0].remaining))
        .collect();
    let expected = [
        ("docker.io".to_owned(), 5),
        ("mirror.example".to_owned(), 90),
    ];
    assert_eq!(left, expected);
}

/// We ask for a head; so many pulls are left.
fn heads(ledger: &Ledger, remaining: u64) {
    let said = reading(remaining);
    ledger.note_upstream(&AnsweredByUpstream {
        asked: AskedUpstream {
            upstream: &image(1).upstream,
            account: None,
            call: UpstreamCall::HeadManifest,
        },
        client: None,
        repository: None,
        reference: None,
        status: Some(200),
        reading: Some(&said),
        took: Duration::ZERO,
    });
}

fn limits_pulls(ledger: &Ledger, target: &Target) {
    ledger.note_limited(Refused {
        upstream: &target.upstream,
        scope: "pulls",
        limiter: Limiter::PullLimit,
        wait: Duration::from_mins(30),
    });
}

#[tokio::test]
async fn a_cool_down_is_written_at_once_and_known_after_a_restart_until_it_is_over() {
    let world = World::new();
    let ledger = world.ledger().await;
    let tasks = forebay_jobs::Supervisor::new();
    ledger.start(&tasks);
    limits_pulls(&ledger, &image(1));
    // The clock stands: nothing but the cool-down itself can have it written.
    world.cool_downs_written(1).await;
    let rests = |ledger: &Ledger| ledger.kept_limits().cool_downs.len();
    assert_eq!(rests(&*world.ledger().await), 1);
    world.clock.advance(Duration::from_mins(30));
    assert_eq!(rests(&*world.ledger().await), 0);
}

#[tokio::test]
async fn a_cool_down_of_pulls_is_forgotten_when_a_head_says_that_some_are_left() {
    let world = World::new();
    let ledger = world.ledger().await;
    limits_pulls(&ledger, &image(1));
    ledger.flush().await.unwrap();
    heads(&ledger, 0);
    ledger.flush().await.unwrap();
    assert_eq!(world.ledger().await.kept_limits().cool_downs.len(), 1);
    heads(&ledger, 1);
    ledger.flush().await.unwrap();
    assert_eq!(world.ledger().await.kept_limits().cool_downs.len(), 0);
}

#[tokio::test]
async fn a_lockout_is_forgotten_when_the_account_gets_a_token() {
    let world = World::new();
    let ledger = world.ledger().await;
    let upstream = &image(1).upstream;
    let token = |account, status| {
        ledger.note_upstream(&AnsweredByUpstream {
            asked: AskedUpstream {
                upstream,
                account: Some(account),
                call: UpstreamCall::Token,
            },
            client: None,
            repository: None,
            reference: None,
            status: Some(status),
            reading: None,
            took: Duration::ZERO,
        });
    };
    ledger.note_limited(Refused {
        upstream,
        scope: "login:ci",
        limiter: Limiter::LoginLockout,
        wait: Duration::from_mins(10),
    });
    token("ci", 401);
    token("dev", 200);
    ledger.flush().await.unwrap();
    assert_eq!(world.ledger().await.kept_limits().cool_downs.len(), 1);
    token("ci", 200);
    ledger.flush().await.unwrap();
    assert_eq!(world.ledger().await.kept_limits().cool_downs.len(), 0);
}

#[tokio::test]
async fn a_cool_down_noted_while_another_writing_fails_is_kept() {
    let world = World::new();
    let ledger = world.ledger().await;
    limits_pulls(&ledger, &image(1));
    ledger.flush().await.unwrap();
    heads(&ledger, 1);
    world.rows.is_sticky.store(true, Ordering::SeqCst);
    let meanwhile = async {
        world.rows.stuck.notified().await;
        limits_pulls(&ledger, &image(1));
        let others_go_as_far_as_they_can = async {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            world.rows.free.notify_one();
        };
        tokio::join!(ledger.flush(), others_go_as_far_as_they_can).0
    };
    let (failed, meanwhile) = tokio::join!(ledger.flush(), meanwhile);
    failed.unwrap_err();
    meanwhile.unwrap();
    ledger.flush().await.unwrap();
    let kept = world.rows.limits().await.unwrap();
    assert_eq!(kept.cool_downs.len(), 1, "the one that rests now");
}
