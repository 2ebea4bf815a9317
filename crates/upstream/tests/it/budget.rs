//! What is left of a pull budget, as the registry says it: without asking, and never for another's.

use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use forebay_content::{Budget, BudgetKey, Clock, KeptBudget, Timestamp};
use forebay_limits::{PULL_LIMIT_COOL_DOWN, Purse, Source};
use futures::FutureExt;
use hub_sim::{Fault, Hub, HubSim, Image, On, hours, minutes, seconds};

use crate::rig::{Rig, Setup, nginx};

fn left(remaining: u64) -> Purse {
    Purse::Metered {
        remaining,
        limit: 100,
    }
}

fn opens_in(after: Duration) -> Purse {
    Purse::Empty {
        opens_in: Some(after),
    }
}

fn is_empty(purse: Purse) -> bool {
    matches!(purse, Purse::Empty { .. })
}

async fn metered() -> Hub {
    nginx().anonymous_limit(100, hours(6)).start().await
}

fn address(hub: &Hub) -> IpAddr {
    hub.host().rsplit_once(':').unwrap().0.parse().unwrap()
}

#[tokio::test]
async fn heads_tell_what_is_left_and_cost_nothing() {
    let hub = metered().await;
    let rig = Rig::of(&hub);
    assert_eq!(rig.purse(), Purse::Unmetered, "nobody has said");
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(rig.purse(), left(100));
    rig.manifest("library/nginx:1").await.unwrap();
    assert_eq!(rig.purse(), left(99));
    hub.spend(address(&hub), 50);
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(rig.purse(), left(49));
    assert_eq!(hub.charged(), 1);
}

/// Blobs come from other hosts, which the registry redirects to; whatever those say, it is not the registry that says it.
#[tokio::test]
async fn a_host_that_blobs_are_redirected_to_says_nothing_of_the_registrys_budget() {
    let hub = metered().await;
    let layer = hub.layers("library/nginx:1")[0].digest().to_owned();
    let rig = Rig::of(&hub);
    rig.manifest("library/nginx:1").await.unwrap();
    for (status, headers) in [(200, "0;w=21600"), (404, "0;w=21600"), (200, "100000;w=60")] {
        let said = ("ratelimit-remaining".to_owned(), headers.to_owned());
        let whose = (
            "docker-ratelimit-source".to_owned(),
            "198.51.100.9".to_owned(),
        );
        let reply = Fault::Reply(status, vec![said, whose], Bytes::new());
        hub.fault(reply).on(On::BlobContent).once();
        let _ = rig.blob("library/nginx", &layer).await;
        assert_eq!(rig.purse(), left(99), "{status} {headers}");
        let told = rig.seen.last_reading();
        assert!(told.is_none_or(|reading| reading.is_empty()), "{status}");
    }
}

#[tokio::test]
async fn nor_does_one_that_manifests_are_redirected_to() {
    let (hub, elsewhere) = (metered().await, crate::rig::open_hub().await);
    let other_host = elsewhere.host().parse().unwrap();
    let rig = Setup::of(&hub)
        .change(|config| config.blob_hosts.push(other_host))
        .start();
    rig.resolve("library/nginx:1").await.unwrap();
    for said in ["0;w=21600", "100000;w=60"] {
        let there = format!("{}/v2/library/nginx/manifests/1", elsewhere.url());
        hub.fault(Fault::RedirectWith(307, there))
            .method("HEAD")
            .once();
        let header = Fault::Header("ratelimit-remaining".to_owned(), said.to_owned());
        let struck = elsewhere.fault(header).on(On::Manifest).once();
        rig.resolve("library/nginx:1").await.unwrap();
        assert_eq!(struck.strikes(), 1);
        assert_eq!(rig.purse(), left(100), "{said}");
        assert!(rig.seen.last_reading().unwrap().is_empty(), "{said}");
    }
}

#[tokio::test]
async fn pulls_that_are_under_way_are_taken_off() {
    let hub = metered().await;
    let rig = Rig::of(&hub);
    rig.resolve("library/nginx:1").await.unwrap();
    let gate = hub.hold(On::Manifest);
    let mut pulls = [
        Box::pin(rig.manifest("library/nginx:1")),
        Box::pin(rig.manifest("library/nginx:1")),
    ];
    for pull in &mut pulls {
        assert!(pull.now_or_never().is_none());
    }
    assert_eq!(rig.purse(), left(98));
    gate.open();
    for pull in pulls {
        pull.await.unwrap();
    }
    assert_eq!(rig.purse(), left(98));
}

#[tokio::test]
async fn a_pull_that_was_not_answered_counts_until_the_registry_says_otherwise() {
    let hub = metered().await;
    let rig = Rig::of(&hub);
    rig.resolve("library/nginx:1").await.unwrap();
    hub.fault(Fault::Close)
        .on(On::Manifest)
        .method("GET")
        .always();
    rig.manifest("library/nginx:1").await.unwrap_err();
    assert_eq!(rig.purse(), left(97), "three tries");
    hub.lift_all();
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(rig.purse(), left(100));
}

#[tokio::test]
async fn a_head_that_shows_nothing_left_empties_the_purse_without_a_429() {
    let hub = nginx().anonymous_limit(100, hours(6)).start().await;
    let rig = Rig::of(&hub);
    rig.resolve("library/nginx:1").await.unwrap();
    hub.spend(address(&hub), 100);
    rig.clock.advance(minutes(1));
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(rig.purse(), opens_in(hours(6)));
    // Half a minute later the word is old, and a HEAD tells.
    rig.clock.advance(seconds(30));
    assert_eq!(rig.purse(), opens_in(Duration::ZERO));
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(rig.purse(), opens_in(hours(6).saturating_sub(seconds(30))));
    hub.advance(hours(6));
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(rig.purse(), left(100));
    assert_eq!(hub.charged(), 0);
}

#[tokio::test]
async fn a_pull_limit_empties_the_purse_for_its_time() {
    let hub = nginx().anonymous_limit(0, hours(6)).start().await;
    let rig = Rig::of(&hub);
    rig.manifest("library/nginx:1").await.unwrap_err();
    assert_eq!(rig.purse(), opens_in(PULL_LIMIT_COOL_DOWN));
    rig.clock.advance(PULL_LIMIT_COOL_DOWN);
    assert_eq!(rig.purse(), opens_in(Duration::ZERO));
    rig.resolve("library/nginx:1").await.unwrap();
    let unknown = Purse::Empty { opens_in: None };
    assert_eq!(rig.purse(), unknown, "the HEAD has said so, after the rest");
}

#[tokio::test]
async fn an_unmetered_image_resets_no_budget() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .image("vendor/free:1", Image::small())
        .unmetered("vendor/free")
        .anonymous_limit(100, hours(6))
        .start()
        .await;
    let rig = Rig::of(&hub);
    rig.manifest("vendor/free:1").await.unwrap();
    assert_eq!(rig.purse(), Purse::Unmetered, "nobody has said");
    rig.manifest("library/nginx:1").await.unwrap();
    for _ in 0..3 {
        rig.resolve("vendor/free:1").await.unwrap();
        rig.manifest("vendor/free:1").await.unwrap();
        assert_eq!(rig.purse(), left(99));
    }
    assert_eq!(hub.charged(), 1);
}

/// A hub whose budget is used up, with an image that is counted and one that is not; and one that is kept from the log.
async fn used_up() -> (Hub, Rig) {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .image("vendor/free:1", Image::small())
        .image("vendor/free:2", Image::small())
        .unmetered("vendor/free")
        .anonymous_limit(1, hours(6))
        .start()
        .await;
    let rig = Rig::of(&hub);
    rig.manifest("library/nginx:1").await.unwrap();
    (hub, rig)
}

#[tokio::test]
async fn an_image_that_is_not_counted_has_a_purse_of_its_own_as_soon_as_a_head_says_so() {
    let (hub, rig) = used_up().await;
    let is_metered = |repository: &str| rig.upstream.is_metered(&repository.parse().unwrap());
    assert!(is_empty(rig.purse_for("vendor/free")));
    assert_eq!(is_metered("vendor/free"), None);
    rig.resolve("vendor/free:1").await.unwrap();
    assert_eq!(is_metered("vendor/free"), Some(false));
    assert_eq!(rig.purse_for("vendor/free"), Purse::Unmetered);
    rig.manifest("vendor/free:1").await.unwrap();
    assert_eq!(is_metered("library/nginx"), Some(true));
    assert!(is_empty(rig.purse()));
    assert_eq!(hub.charged(), 1);
}

#[tokio::test]
async fn what_a_repository_is_metered_is_told_of_it_alone_by_its_last_answer() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .image("vendor/free:1", Image::small())
        .unmetered("vendor/free")
        .anonymous_limit(100, hours(6))
        .start()
        .await;
    let rig = Rig::of(&hub);
    let told = |repository: &str| rig.upstream.find_metering(&repository.parse().unwrap());
    rig.resolve("vendor/free:1").await.unwrap();
    assert_eq!(
        told("vendor/free"),
        Some(false),
        "of no other a budget is known yet"
    );
    assert_eq!(told("library/nginx"), None);
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(told("library/nginx"), Some(true));
    assert_eq!(told("vendor/free"), Some(false));
    assert_eq!(hub.charged(), 0);
}

#[tokio::test]
async fn a_cool_down_of_pulls_stops_no_image_that_is_not_counted_and_is_not_ended_by_one() {
    let (hub, rig) = used_up().await;
    rig.resolve("vendor/free:1").await.unwrap();
    rig.manifest("library/nginx:1").await.unwrap_err();
    assert_eq!(rig.purse(), opens_in(PULL_LIMIT_COOL_DOWN));
    hub.clear_requests();
    rig.manifest("vendor/free:1").await.unwrap();
    rig.manifest("library/nginx:1").await.unwrap_err();
    assert_eq!(
        hub.count(|record| record.is(On::Manifest)),
        1,
        "{}",
        hub.requests()
    );
    assert_eq!(rig.purse(), opens_in(PULL_LIMIT_COOL_DOWN));
    rig.clock.advance(PULL_LIMIT_COOL_DOWN);
    rig.manifest("vendor/free:2").await.unwrap();
    assert_eq!(rig.purse(), opens_in(Duration::ZERO), "nobody has said");
}

#[tokio::test]
async fn an_image_that_is_counted_again_is_held_to_the_budget_and_no_error_or_other_host_frees_one()
{
    let (hub, rig) = used_up().await;
    hub.fault(Fault::Status(404)).method("HEAD").once();
    rig.resolve("library/nginx:1").await.unwrap_err();
    let free = format!("{}/v2/vendor/free/manifests/1", hub.url());
    hub.fault(Fault::RedirectWith(307, free))
        .method("HEAD")
        .once();
    rig.resolve("library/nginx:1").await.unwrap();
    assert!(is_empty(rig.purse()));

    rig.resolve("vendor/free:1").await.unwrap();
    assert_eq!(rig.purse_for("vendor/free"), Purse::Unmetered);
    let said = Fault::Header("ratelimit-remaining".into(), "0;w=21600".into());
    hub.fault(said).method("HEAD").once();
    rig.resolve("vendor/free:1").await.unwrap();
    assert!(is_empty(rig.purse_for("vendor/free")));
}

#[tokio::test]
async fn where_nobody_speaks_of_budgets_a_limit_of_pulls_stops_all_of_them() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .image("library/redis:1", Image::small())
        .start()
        .await;
    let rig = Rig::of(&hub);
    rig.manifest("library/nginx:1").await.unwrap();
    rig.manifest("library/redis:1").await.unwrap();
    hub.fault(Fault::PullLimited)
        .method("GET")
        .on(On::Manifest)
        .once();
    rig.manifest("library/nginx:1").await.unwrap_err();
    hub.clear_requests();
    rig.manifest("library/redis:1").await.unwrap_err();
    assert!(hub.requests().is_empty(), "{}", hub.requests());
}

#[tokio::test]
async fn two_upstreams_and_two_accounts_never_share_a_budget() {
    let hub = nginx()
        .anonymous_limit(100, hours(6))
        .account("alice", "pw", Some((100, hours(6))))
        .start()
        .await;
    let elsewhere = metered().await;
    let nobody = Rig::of(&hub);
    let alice = Setup::of(&hub).login("alice", "pw").start();
    let other = Rig::of(&elsewhere);
    for (rig, pulls) in [(&nobody, 1), (&alice, 2), (&other, 3)] {
        for _ in 0..pulls {
            rig.manifest("library/nginx:1").await.unwrap();
        }
    }
    assert_eq!(nobody.purse(), left(99));
    assert_eq!(alice.purse(), left(98));
    assert_eq!(other.purse(), left(97));
}

#[tokio::test]
async fn the_budget_of_the_address_that_was_charged_last_is_the_one_that_is_spent() {
    let hub = metered().await;
    let rig = Rig::of(&hub);
    hub.spend([192, 0, 2, 1].into(), 60);
    hub.see_clients_as(Some([192, 0, 2, 1].into()));
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(rig.purse(), left(40));
    hub.see_clients_as(Some("2001:db8:0:1::7".parse().unwrap()));
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(rig.purse(), left(100));
}

#[tokio::test]
async fn absurd_headers_empty_no_purse() {
    let hub = metered().await;
    let rig = Rig::of(&hub);
    rig.resolve("library/nginx:1").await.unwrap();
    for said in [
        "-1;w=21600",
        "",
        "<html>",
        "NaN",
        "٣",
        "0x0",
        "1e3;w=21600",
        "\"0\"",
    ] {
        let armed = hub
            .fault(Fault::Header("ratelimit-remaining".into(), said.into()))
            .always();
        rig.resolve("library/nginx:1").await.unwrap();
        assert_eq!(rig.purse(), left(100), "{said}");
        hub.lift(&armed);
    }
    let huge = "9".repeat(40);
    hub.fault(Fault::Header("ratelimit-remaining".into(), huge))
        .once();
    rig.resolve("library/nginx:1").await.unwrap();
    let purse = rig.purse();
    assert!(
        matches!(purse, Purse::Metered { remaining, .. } if remaining >= 100),
        "{purse:?}"
    );
}

#[tokio::test]
async fn a_kept_budget_is_known_before_anything_is_asked_and_only_to_whose_it_is() {
    let hub = metered().await;
    let kept = |account: Option<&str>, remaining, seen_at| KeptBudget {
        key: BudgetKey {
            upstream: "docker.io".into(),
            account: account.map(Into::into),
            source: Source::parse("192.0.2.1"),
        },
        limit: Some(100),
        remaining,
        window: hours(6),
        seen_at,
        spent_since: 2,
        charges: Vec::new(),
    };
    let rig = Rig::of(&hub);
    let now = rig.clock.now();
    let seen = Timestamp(now.0 - 60_000);
    rig.upstream
        .restore(&[], &[kept(Some("alice"), 5, seen), kept(None, 9, seen)]);
    assert_eq!(rig.purse(), left(7));
    rig.clock.advance(hours(6));
    assert_eq!(rig.purse(), left(100), "its window is over");
    for (seen, expected) in [
        // The clock was set back since, by years; or forward.
        (Timestamp(now.0 * 2), left(7)),
        (Timestamp(0), Purse::Unmetered),
        (Timestamp(-1), Purse::Unmetered),
        (Timestamp(i64::MAX), left(7)),
    ] {
        let rig = Rig::of(&hub);
        rig.upstream.restore(&[], &[kept(None, 9, seen)]);
        assert_eq!(rig.purse(), expected, "{seen:?}");
        rig.resolve("library/nginx:1").await.unwrap();
        assert_eq!(rig.purse(), left(100), "{seen:?}");
    }
    assert_eq!(hub.charged(), 0);
}

#[tokio::test]
async fn a_registry_that_says_that_nothing_is_left_and_lets_pulls_through_is_not_gone_by() {
    let hub = metered().await;
    let rig = Rig::of(&hub);
    let zero = || Fault::Header("ratelimit-remaining".to_owned(), "0;w=21600".to_owned());
    hub.fault(zero()).on(On::Manifest).always();
    rig.resolve("library/nginx:1").await.unwrap();
    assert!(is_empty(rig.purse()), "a HEAD says so, and may be right");
    rig.manifest("library/nginx:1").await.unwrap();
    assert!(is_empty(rig.purse()), "it may have been the last one");
    rig.manifest("library/nginx:1").await.unwrap();
    assert_eq!(rig.purse(), Purse::Unmetered);
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(rig.purse(), Purse::Unmetered, "the same again");
    hub.fault(Fault::PullLimited).method("GET").once();
    rig.manifest("library/nginx:1").await.unwrap_err();
    assert!(is_empty(rig.purse()), "now it has refused one");
    rig.clock.advance(hours(1));
    rig.resolve("library/nginx:1").await.unwrap();
    assert!(is_empty(rig.purse()));
}
