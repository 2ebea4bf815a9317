//! The pace of all requests to one address, and the abuse limit that holds for all of it.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::{Budget, Clock, ContentSource, Request, SourceError, UpstreamCall};
use forebay_limits::{ABUSE_COOL_DOWN, Limiter, Priority, Purse};
use forebay_upstream::Pacers;
use futures::FutureExt;
use futures::future::join_all;
use hub_sim::{Fault, Hub, HubSim, Image, On, minutes, seconds};

use crate::rig::{Setup, asked_by, open_hub, request, split};

/// So many requests a minute, of which so many at once.
fn paced(hub: &Hub, requests_per_minute: u32, burst: u32) -> Setup {
    Setup::of(hub).change(|config| {
        config.requests_per_minute = requests_per_minute;
        config.burst = burst;
    })
}

async fn metered_hub() -> Hub {
    HubSim::new()
        .image("library/nginx:1", Image::small())
        .image("library/redis:1", Image::small())
        .account("alice", "pw", None)
        .account("bob", "pw", None)
        .start()
        .await
}

fn is_paced(error: &SourceError) -> bool {
    matches!(error, SourceError::Paced { .. })
}

#[tokio::test]
async fn every_kind_of_request_takes_from_the_one_pace() {
    let hub = metered_hub().await;
    let rig = paced(&hub, 60, 6).standing_still().start();
    // 401, token, 200: three of six.
    rig.resolve("library/nginx:1").await.unwrap();
    // The registry sends to the blob host: one.
    let layer = hub.layers("library/nginx:1")[0].digest().to_owned();
    rig.blob("library/nginx", &layer).await.unwrap();
    // Another token, and a manifest: the last two.
    rig.manifest("library/redis:1").await.unwrap();
    let sent = hub.count(|record| !record.is(On::BlobContent));
    assert_eq!(sent, 6, "{}", hub.requests());
    for _ in 0..10 {
        let (mut request, reference) = split("library/nginx:1");
        request.patience = Duration::from_millis(999);
        let refused = rig.upstream.resolve(&request, &reference).await;
        let Err(SourceError::Paced { retry_after }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(retry_after, seconds(1));
    }
    assert_eq!(hub.count(|record| !record.is(On::BlobContent)), 6);
    // Who waits so long is asked for.
    let mut waiting = Box::pin(rig.resolve("library/nginx:1"));
    assert!((&mut waiting).now_or_never().is_none());
    rig.clock.advance(seconds(1));
    waiting.await.unwrap();
    assert_eq!(hub.count(|record| !record.is(On::BlobContent)), 7);
}

#[tokio::test]
async fn retries_wait_for_their_turn_as_well() {
    let hub = open_hub().await;
    let rig = paced(&hub, 60, 1).start();
    let before = rig.clock.monotonic();
    hub.fault(Fault::Status(503)).times(2);
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(hub.requests().len(), 3);
    let took = rig.clock.monotonic().saturating_sub(before);
    assert!(took >= seconds(2), "{took:?}");
}

#[tokio::test]
async fn ten_thousand_requests_come_to_the_registry_at_the_pace() {
    let hub = open_hub().await;
    let rig = paced(&hub, 600, 20).standing_still().start();
    let (mut request, reference) = split("library/nginx:1");
    request.patience = Duration::ZERO;
    for _ in 0..50 {
        let flood = (0..200).map(|_| rig.upstream.resolve(&request, &reference));
        for refused in join_all(flood).await.into_iter().filter_map(Result::err) {
            assert!(is_paced(&refused), "{refused}");
        }
        rig.clock.advance(seconds(1));
    }
    let sent = hub.requests().len();
    assert!((500..=520).contains(&sent), "{sent}");
}

#[tokio::test]
async fn who_leaves_gives_the_turn_back() {
    let hub = open_hub().await;
    let rig = paced(&hub, 60, 1).standing_still().start();
    rig.resolve("library/nginx:1").await.unwrap();
    for _ in 0..1_000 {
        let mut leaving = Box::pin(rig.resolve("library/nginx:1"));
        assert!((&mut leaving).now_or_never().is_none());
    }
    let mut waiting = Box::pin(rig.resolve("library/nginx:1"));
    assert!((&mut waiting).now_or_never().is_none());
    rig.clock.advance(seconds(1));
    waiting.await.unwrap();
    assert_eq!(hub.requests().len(), 2);
}

#[tokio::test]
async fn what_nobody_waits_for_gives_way_to_clients() {
    let hub = open_hub().await;
    let rig = paced(&hub, 60, 4).standing_still().start();
    let (client, reference) = split("library/nginx:1");
    let mut nobody = request("library/nginx");
    nobody.priority = Priority::Background;
    nobody.patience = minutes(5);
    let mut refreshes: Vec<_> = (0..10)
        .map(|_| Box::pin(rig.upstream.resolve(&nobody, &reference)))
        .collect();
    // Half of the burst, and no more.
    let mut done = 0;
    for refresh in &mut refreshes[..2] {
        refresh.await.unwrap();
        done += 1;
    }
    for refresh in &mut refreshes[2..] {
        assert!(refresh.now_or_never().is_none());
    }
    assert_eq!(hub.requests().len(), done);
    // However many of them wait, the other half is the clients'.
    for _ in 0..2 {
        rig.upstream.resolve(&client, &reference).await.unwrap();
    }
    assert_eq!(hub.requests().len(), 4);
}

#[tokio::test]
async fn upstreams_at_one_address_share_its_pace_and_others_do_not() {
    let (hub, elsewhere) = (open_hub().await, open_hub().await);
    let pacers = Pacers::default();
    let start = |hub| {
        let setup = paced(hub, 60, 2).standing_still();
        setup.pacers(&pacers).start()
    };
    let (one, other, another) = (start(&hub), start(&hub), start(&elsewhere));
    one.resolve("library/nginx:1").await.unwrap();
    other.resolve("library/nginx:1").await.unwrap();
    for rig in [&one, &other] {
        let mut waiting = Box::pin(rig.resolve("library/nginx:1"));
        assert!((&mut waiting).now_or_never().is_none());
    }
    assert_eq!(hub.requests().len(), 2);
    another.resolve("library/nginx:1").await.unwrap();
}

#[tokio::test]
async fn an_abuse_limit_holds_for_the_address_whatever_the_account() {
    for fault in [Fault::AbuseLimited, Fault::MalformedAbuse] {
        for on in [On::Manifest, On::Token, On::Blob, On::BlobContent] {
            let (hub, elsewhere) = (metered_hub().await, metered_hub().await);
            let pacers = Pacers::default();
            let start = |hub, user| {
                let setup = Setup::of(hub).login(user, "pw");
                setup.pacers(&pacers).start()
            };
            let (alice, bob) = (start(&hub, "alice"), start(&hub, "bob"));
            let carol = start(&elsewhere, "alice");
            if on != On::Token {
                alice.resolve("library/nginx:1").await.unwrap();
            }
            bob.resolve("library/nginx:1").await.unwrap();
            let layer = hub.layers("library/nginx:1")[0].digest().to_owned();
            let struck = hub.fault(fault.clone()).on(on).once();
            if on == On::Blob || on == On::BlobContent {
                alice.blob("library/nginx", &layer).await.unwrap_err();
            } else {
                alice.resolve("library/nginx:1").await.unwrap_err();
            }
            assert_eq!(struck.strikes(), 1, "{on:?}");
            hub.clear_requests();
            for error in [
                bob.resolve("library/nginx:1").await.unwrap_err(),
                bob.manifest("library/redis:1").await.unwrap_err(),
                bob.blob("library/nginx", &layer).await.unwrap_err(),
                alice.resolve("library/redis:1").await.unwrap_err(),
            ] {
                let SourceError::Limited { limited, .. } = error else {
                    panic!("{on:?}: {error}");
                };
                assert_eq!(limited.limiter, Limiter::AbuseLimit, "{on:?}");
            }
            let stopped = bob
                .upstream
                .stopped_for(UpstreamCall::HeadBlob, &request("library/nginx").repository);
            assert_eq!(stopped, Some(ABUSE_COOL_DOWN), "{on:?}");
            let opens_in = Some(ABUSE_COOL_DOWN);
            assert_eq!(bob.purse(), Purse::Empty { opens_in });
            assert_eq!(hub.requests().len(), 0, "{on:?}: {}", hub.requests());
            carol.resolve("library/nginx:1").await.unwrap();
            assert_eq!(carol.purse(), Purse::Unmetered);
            for rig in [&alice, &bob] {
                rig.clock.advance(ABUSE_COOL_DOWN);
                rig.resolve("library/nginx:1").await.unwrap();
            }
        }
    }
}

#[tokio::test]
async fn an_abuse_limit_halves_the_pace_until_quiet_minutes_have_passed() {
    let hub = open_hub().await;
    let rig = paced(&hub, 600, 1).standing_still().start();
    let sent_in_ten_seconds = async || {
        hub.clear_requests();
        let (mut request, reference) = split("library/nginx:1");
        request.patience = Duration::ZERO;
        for _ in 0..1_000 {
            let _ = rig.upstream.resolve(&request, &reference).await;
            rig.clock.advance(Duration::from_millis(10));
        }
        hub.requests().len()
    };
    assert_eq!(sent_in_ten_seconds().await, 100);
    hub.fault(Fault::AbuseLimited).once();
    rig.clock.advance(seconds(1));
    rig.resolve("library/nginx:1").await.unwrap_err();
    rig.clock
        .advance(ABUSE_COOL_DOWN.saturating_sub(Duration::from_millis(1)));
    assert_eq!(sent_in_ten_seconds().await, 50);
    rig.clock.advance(minutes(10));
    assert_eq!(sent_in_ten_seconds().await, 100);
}

#[tokio::test]
async fn four_hundred_requests_of_one_client_keep_no_other_out() {
    let hub = open_hub().await;
    let rig = paced(&hub, 60, 1).standing_still().start();
    rig.resolve("library/nginx:1").await.unwrap();
    let (request, reference) = split("library/nginx:1");
    let ask = |address| {
        let request = asked_by(address, request.clone());
        let (upstream, reference) = (Arc::clone(&rig.upstream), reference.clone());
        Box::pin(async move { upstream.resolve(&request, &reference).await })
    };
    // Of its own /64 too: all of it is one client.
    let mut greedy: Vec<_> = (0..400)
        .map(|n| ask(["2001:db8::1", "2001:db8::2"][n % 2]))
        .collect();
    greedy.retain_mut(|request| request.now_or_never().is_none());
    assert_eq!(
        greedy.len(),
        20,
        "it has patience for so many turns and no more"
    );
    let mut modest = ask("2001:db8:0:1::1");
    assert!((&mut modest).now_or_never().is_none());
    for _ in 0..2 {
        rig.clock.advance(seconds(1));
        greedy.retain_mut(|request| request.now_or_never().is_none());
    }
    let resolved = tokio::time::timeout(seconds(10), modest).await.unwrap();
    resolved.unwrap();
}

#[tokio::test]
async fn a_token_is_fetched_only_where_its_question_has_a_turn_in_time_as_well() {
    let hub = metered_hub().await;
    let rig = paced(&hub, 60, 3).standing_still().start();
    // 401, token, 200: the whole burst.
    rig.resolve("library/nginx:1").await.unwrap();
    hub.clear_requests();
    let (mut request, reference) = split("library/redis:1");
    for (patience, after) in [(0, 2_000), (1_000, 2_000), (1_999, 2_000)] {
        request.patience = Duration::from_millis(patience);
        let refused = rig.upstream.resolve(&request, &reference).await;
        let Err(SourceError::Paced { retry_after }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(retry_after, Duration::from_millis(after));
    }
    assert_eq!(hub.requests().len(), 0, "{}", hub.requests());
    request.patience = seconds(2);
    let mut waiting = Box::pin(rig.upstream.resolve(&request, &reference));
    assert!((&mut waiting).now_or_never().is_none());
    rig.clock.advance(seconds(2));
    tokio::time::timeout(seconds(10), waiting)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(hub.count(|record| record.is(On::Token)), 1);
    assert_eq!(hub.requests().len(), 2);
}

#[tokio::test]
async fn a_client_that_joins_a_token_for_nobody_is_not_refused_with_it() {
    let hub = metered_hub().await;
    let rig = paced(&hub, 60, 3).standing_still().start();
    // The whole burst.
    rig.resolve("library/nginx:1").await.unwrap();
    hub.clear_requests();
    let (client, reference) = split("library/redis:1");
    let nobody = Request {
        priority: Priority::Background,
        patience: Duration::ZERO,
        ..client.clone()
    };
    let mut refresh = Box::pin(rig.upstream.resolve(&nobody, &reference));
    let mut pull = Box::pin(rig.upstream.resolve(&client, &reference));
    assert!((&mut refresh).now_or_never().is_none());
    assert!((&mut pull).now_or_never().is_none());
    assert!(is_paced(&refresh.await.unwrap_err()));
    assert!((&mut pull).now_or_never().is_none());
    let token_comes = async {
        while hub.count(|record| record.is(On::Token)) == 0 {
            tokio::task::yield_now().await;
        }
    };
    // Its own token is waited for by now.
    tokio::task::yield_now().await;
    rig.clock.advance(seconds(1));
    tokio::time::timeout(seconds(10), token_comes)
        .await
        .unwrap();
    rig.clock.advance(seconds(1));
    tokio::time::timeout(seconds(10), pull)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(hub.requests().len(), 2, "{}", hub.requests());
}
