//! What an operator is told, and when.

use std::sync::atomic::Ordering;
use std::time::Duration;

use forebay_content::{AlertKind, Clock as _, Event, Observe as _, Provenance, UpstreamCall};
use forebay_ledger::{
    Answered, AnsweredByUpstream, Asked, AskedUpstream, Ledger, Outcome, Refused, What,
};
use forebay_limits::{Limiter, read_headers};
use forebay_oci::UpstreamName;

use crate::world::{PATIENCE, World, asks, image, node, tag};

/// A crash-looping service that asks ten times a second, and a healthy one beside it.
#[tokio::test]
async fn a_storm_is_named_with_who_what_and_what_it_gets_and_its_end_is_told() {
    let world = World::new();
    let ledger = world.ledger().await;
    for second in 0..60 {
        for _ in 0..10 {
            asks(&ledger, &node(1), &image(1), Outcome::Failed("not_found"));
            world.clock.advance(Duration::from_millis(100));
        }
        if second % 10 == 0 {
            asks(
                &ledger,
                &node(2),
                &image(2),
                Outcome::Served(Provenance::Kept),
            );
        }
        ledger.look();
    }
    let storms = ledger.storms();
    assert_eq!(storms.len(), 1);
    assert_eq!((&*storms[0].gets, storms[0].pulls), ("not_found", 600));
    assert!((550..=650).contains(&storms[0].per_minute), "{storms:?}");
    let subject = "10.0.0.1 containerd docker.io/team/app1:1.27".to_owned();
    assert_eq!(
        world.heard.take(),
        [(AlertKind::StormBegan, subject.clone())]
    );
    world.clock.advance(Duration::from_mins(6));
    ledger.look();
    assert_eq!(ledger.storms(), []);
    assert_eq!(world.heard.take(), [(AlertKind::StormEnded, subject)]);
}

/// What each service of a whole herd gets is told apart, whatever the wall clock does.
#[tokio::test]
async fn thirty_services_behind_one_address_are_thirty_storms() {
    let world = World::new();
    let ledger = world.ledger().await;
    for round in 0..120 {
        for service in 0..30 {
            let outcome = Outcome::Served(Provenance::Confirmed);
            asks(&ledger, &node(1), &image(service), outcome);
        }
        world.clock.advance(Duration::from_secs(2));
        if round % 7 == 0 {
            world
                .clock
                .jump_to(forebay_content::Timestamp(round * 1_000_000_000));
        }
    }
    assert_eq!(ledger.storms().len(), 30);
    // Ten by name; and once a minute is over, how many more there are.
    let told = world.heard.take();
    assert_eq!(told.len(), 10);
    world.clock.advance(Duration::from_mins(1));
    ledger.look();
    let more = (AlertKind::StormBegan, "storms".to_owned());
    assert_eq!(world.heard.take(), [more]);
    ledger.look();
    assert_eq!(world.heard.take(), []);
}

/// How often the nodes of a fleet behind one address pull the same image, and at what pace; each by HEAD and GET, and those that
/// pull at once one after the other or all HEADs first.
#[tokio::test]
async fn a_rollout_to_a_fleet_behind_one_address_is_no_storm() {
    for (at_once, gap) in [(1, 1_200), (1, 10), (10, 2_000), (50, 0)] {
        for heads_first in [false, true] {
            let world = World::new();
            let ledger = world.ledger().await;
            for _ in 0..50 / at_once {
                let steps: &[bool] = if heads_first { &[true, false] } else { &[true] };
                for is_head in steps {
                    for _ in 0..at_once {
                        looks(&ledger, *is_head);
                        if !heads_first {
                            looks(&ledger, false);
                        }
                    }
                }
                world.clock.advance(Duration::from_millis(gap));
            }
            ledger.look();
            assert_eq!(ledger.storms(), [], "{at_once} {gap} {heads_first}");
            assert_eq!(world.heard.take(), []);
        }
    }
}

/// Its container dies at start, and is started anew every second.
#[tokio::test]
async fn one_that_pulls_a_good_image_every_second_is_a_storm_within_two_minutes() {
    let world = World::new();
    let ledger = world.ledger().await;
    let mut began_after = None;
    for second in 0..180 {
        looks(&ledger, true);
        looks(&ledger, false);
        world.clock.advance(Duration::from_secs(1));
        if began_after.is_none() && !ledger.storms().is_empty() {
            began_after = Some(second + 1);
        }
    }
    assert_eq!(began_after, Some(120));
    let storms = ledger.storms();
    assert_eq!((&*storms[0].gets, storms[0].pulls), ("hit", 180));
    assert!((58..=62).contains(&storms[0].per_minute), "{storms:?}");
}

/// Asks for a good image, by HEAD or GET.
fn looks(ledger: &Ledger, is_head: bool) {
    let (client, target, tag) = (node(1), image(1), tag());
    ledger.note_answered(&Answered {
        client: &client,
        target: &target,
        what: What::Manifest(Asked {
            reference: &tag,
            is_head,
        }),
        outcome: Outcome::Served(Provenance::Kept),
        bytes: 500,
    });
}

/// The registry says what is left, and whom it charges.
fn says(ledger: &Ledger, remaining: u64, source: &str) {
    let upstream = UpstreamName::from("docker.io");
    let remaining = format!("{remaining};w=21600");
    let headers: [(&str, &[u8]); 3] = [
        ("ratelimit-limit", b"100;w=21600"),
        ("ratelimit-remaining", remaining.as_bytes()),
        ("docker-ratelimit-source", source.as_bytes()),
    ];
    let reading = read_headers(headers);
    ledger.note_upstream(&AnsweredByUpstream {
        asked: AskedUpstream {
            upstream: &upstream,
            account: None,
            call: UpstreamCall::HeadManifest,
        },
        client: None,
        repository: None,
        reference: None,
        status: Some(200),
        reading: Some(&reading),
        took: Duration::ZERO,
    });
}

#[tokio::test]
async fn a_low_budget_is_told_once_an_hour() {
    let world = World::new();
    let ledger = world.ledger().await;
    says(&ledger, 10, "192.0.2.1");
    let mut told = 0;
    for _ in 0..120 {
        ledger.look();
        told += world.heard.take().len();
        world.clock.advance(Duration::from_mins(1));
    }
    assert_eq!(told, 2);
}

/// Those before the last say what was.
#[tokio::test]
async fn a_registry_that_names_ever_new_sources_makes_one_alert_an_hour() {
    let world = World::new();
    let ledger = world.ledger().await;
    let mut told = Vec::new();
    for source in 0..800 {
        says(&ledger, 1, &format!("source {source}"));
        ledger.look();
        told.extend(world.heard.take());
        world.clock.advance(Duration::from_secs(4));
    }
    let low = (AlertKind::BudgetLow, "docker.io anonymous".to_owned());
    assert_eq!(told, [low], "in 53 minutes");
}

#[tokio::test]
async fn what_reached_somebody_is_not_told_again_at_the_next_start() {
    let world = World::new();
    for start in 0..5 {
        let ledger = world.ledger().await;
        let tasks = forebay_jobs::Supervisor::new();
        ledger.start(&tasks);
        says(&ledger, 10, "192.0.2.1");
        ledger.note_disk(1, 100);
        ledger.look();
        let told = world.heard.take().len();
        assert_eq!(told, if start == 0 { 2 } else { 0 }, "start {start}");
        // The clock stands: nothing but what became of them can have it written.
        world.told_written(2).await;
        world.clock.advance(Duration::from_mins(1));
    }
    world.clock.advance(Duration::from_hours(1));
    let ledger = world.ledger().await;
    ledger.note_disk(1, 100);
    assert_eq!(world.heard.take().len(), 1, "the quiet time is over");
}

#[tokio::test]
async fn what_nobody_takes_or_reaches_nobody_is_told_again_soon() {
    let world = World::new();
    let ledger = world.ledger().await;
    ledger.start(&forebay_jobs::Supervisor::new());
    world.heard.is_deaf.store(true, Ordering::SeqCst);
    let upstream = UpstreamName::from("ghcr.io");
    ledger.note_breaker(&upstream, true);
    ledger.note_disk(1, 100);
    world.heard.is_deaf.store(false, Ordering::SeqCst);
    world.heard.is_vain.store(true, Ordering::SeqCst);
    ledger.look();
    ledger.note_disk(1, 100);
    let kinds = |told: Vec<(AlertKind, String)>| -> Vec<_> {
        told.into_iter().map(|(kind, _)| kind).collect()
    };
    let expected = [AlertKind::UpstreamDown, AlertKind::DiskNearFull];
    assert_eq!(kinds(world.heard.take()), expected);
    world.heard.is_vain.store(false, Ordering::SeqCst);
    let again = async {
        let mut told = Vec::new();
        while told.len() < 2 {
            world.clock.advance(Duration::from_secs(10));
            tokio::task::yield_now().await;
            ledger.note_disk(1, 100);
            told.extend(world.heard.take());
        }
        told
    };
    let again = tokio::time::timeout(PATIENCE, again).await.unwrap();
    assert_eq!(again.len(), 2, "{again:?}");
    let passed = world.clock.monotonic();
    assert!(passed < Duration::from_mins(59), "{passed:?}");
    world.told_written(2).await;
}

#[tokio::test]
async fn a_refused_login_and_a_lockout_are_told_and_a_refused_manifest_is_not() {
    let world = World::new();
    let ledger = world.ledger().await;
    let upstream = UpstreamName::from("docker.io");
    let answer = |call, account, status| {
        ledger.note_upstream(&AnsweredByUpstream {
            asked: AskedUpstream {
                upstream: &upstream,
                account,
                call,
            },
            client: None,
            repository: None,
            reference: None,
            status: Some(status),
            reading: None,
            took: Duration::ZERO,
        });
    };
    let limits = |limiter, minutes| {
        ledger.note_limited(Refused {
            upstream: &upstream,
            scope: "token",
            limiter,
            wait: Duration::from_mins(minutes),
        });
    };
    answer(UpstreamCall::GetManifest, Some("ci"), 401);
    answer(UpstreamCall::Token, None, 401);
    answer(UpstreamCall::Token, Some("ci"), 503);
    limits(Limiter::PullLimit, 5);
    assert_eq!(world.heard.take(), []);
    let refusal = Event::LoginRefused {
        upstream: &upstream,
        account: Some("ci"),
        rest: Duration::from_mins(1),
    };
    ledger.observe(&refusal);
    assert_eq!(ledger.kept_limits().cool_downs.len(), 1, "of pulls");
    limits(Limiter::LoginLockout, 10);
    let told = [(AlertKind::CredentialRefused, "docker.io".to_owned())];
    assert_eq!(world.heard.take(), told);
    world.clock.advance(Duration::from_hours(1));
    limits(Limiter::LoginLockout, 10);
    assert_eq!(world.heard.take(), told);
}

#[tokio::test]
async fn an_upstream_that_goes_and_comes_and_a_full_disk_are_told() {
    let world = World::new();
    let ledger = world.ledger().await;
    let upstream = UpstreamName::from("docker.io");
    ledger.note_breaker(&upstream, false);
    ledger.note_breaker(&upstream, true);
    ledger.note_breaker(&upstream, false);
    ledger.note_disk(50, 100);
    ledger.note_disk(1, 100);
    ledger.note_disk(1, 100);
    let kinds: Vec<_> = world
        .heard
        .take()
        .into_iter()
        .map(|(kind, _)| kind)
        .collect();
    let expected = [
        AlertKind::UpstreamDown,
        AlertKind::UpstreamBack,
        AlertKind::DiskNearFull,
    ];
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn of_an_upstream_that_is_replaced_while_it_is_down_nothing_is_told_again() {
    let world = World::new();
    let ledger = world.ledger().await;
    let upstream = UpstreamName::from("docker.io");
    let other = UpstreamName::from("ghcr.io");
    ledger.note_breaker(&upstream, true);
    ledger.note_breaker(&other, true);
    assert_eq!(world.heard.take().len(), 2);
    ledger.observe(&Event::UpstreamReplaced {
        upstream: &upstream,
    });
    ledger.note_breaker(&upstream, false);
    assert_eq!(world.heard.take(), [], "the new one was never down");
    ledger.note_breaker(&other, false);
    let back = (AlertKind::UpstreamBack, "ghcr.io".to_owned());
    assert_eq!(world.heard.take(), [back]);
}
