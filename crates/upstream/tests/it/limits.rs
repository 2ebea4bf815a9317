//! Limits: told apart, told truly, and not run into twice.

use std::time::Duration;

use forebay_content::{Clock, SourceError, UpstreamCall};
use forebay_limits::{ABUSE_COOL_DOWN, Limiter, MAX_WAIT, PULL_LIMIT_COOL_DOWN};
use hub_sim::{Fault, On, RetryAfter, hours, minutes, seconds};

use crate::rig::{Rig, Setup, is_token, nginx, open_hub};

fn limit_of(error: &SourceError) -> (Limiter, Duration) {
    match error {
        SourceError::Limited {
            limited,
            retry_after,
        } => (limited.limiter, *retry_after),
        other => panic!("no limit: {other}"),
    }
}

async fn spent_hub() -> hub_sim::Hub {
    nginx().anonymous_limit(1, hours(6)).start().await
}

#[tokio::test]
async fn a_pull_limit_stops_pulls_and_nothing_else() {
    let hub = spent_hub().await;
    let rig = Rig::of(&hub);
    rig.manifest("library/nginx:1").await.unwrap();
    let error = rig.manifest("library/nginx:1").await.unwrap_err();
    assert_eq!(limit_of(&error), (Limiter::PullLimit, PULL_LIMIT_COOL_DOWN));
    hub.clear_requests();
    rig.clock.advance(minutes(1));
    for _ in 0..20 {
        let error = rig.manifest("library/nginx:1").await.unwrap_err();
        let left = PULL_LIMIT_COOL_DOWN.saturating_sub(minutes(1));
        assert_eq!(limit_of(&error), (Limiter::PullLimit, left));
    }
    assert_eq!(hub.requests().len(), 0);
    rig.resolve("library/nginx:1").await.unwrap();
    let layer = hub.layers("library/nginx:1")[0].digest().to_owned();
    rig.blob("library/nginx", &layer).await.unwrap();
    assert_eq!(hub.charged(), 0);
}

#[tokio::test]
async fn a_free_head_that_shows_a_remainder_ends_the_wait() {
    let hub = spent_hub().await;
    let rig = Rig::of(&hub);
    rig.manifest("library/nginx:1").await.unwrap();
    rig.manifest("library/nginx:1").await.unwrap_err();
    rig.resolve("library/nginx:1").await.unwrap();
    let reading = rig.seen.last_reading().unwrap().allowance.unwrap();
    assert_eq!((reading.limit, reading.remaining), (Some(1), Some(0)));
    rig.manifest("library/nginx:1").await.unwrap_err();
    hub.set_anonymous_limit(Some((100, hours(6))));
    rig.resolve("library/nginx:1").await.unwrap();
    rig.manifest("library/nginx:1").await.unwrap();
}

#[tokio::test]
async fn retry_after_is_honoured_in_its_shapes_and_bounded() {
    for (shape, expected) in [
        (RetryAfter::Seconds(120), minutes(2)),
        (RetryAfter::Seconds(0), PULL_LIMIT_COOL_DOWN),
        (RetryAfter::Date(minutes(3)), minutes(3)),
        (RetryAfter::Epoch(minutes(4)), minutes(4)),
        (RetryAfter::Epoch(hours(24 * 365)), MAX_WAIT),
        (RetryAfter::GoDuration("985.86µs".to_owned()), seconds(1)),
        (RetryAfter::Raw("1000000000".to_owned()), MAX_WAIT),
        (
            RetryAfter::Raw("Tue, 01 Jan 2999 00:00:00 GMT".to_owned()),
            MAX_WAIT,
        ),
        (RetryAfter::Raw("-5".to_owned()), PULL_LIMIT_COOL_DOWN),
        (RetryAfter::Raw("soon".to_owned()), PULL_LIMIT_COOL_DOWN),
    ] {
        let hub = nginx()
            .anonymous_limit(0, hours(6))
            .retry_after(shape.clone())
            .start()
            .await;
        let rig = Rig::of(&hub);
        hub.set_time(rig.clock.now().system_time());
        let error = rig.manifest("library/nginx:1").await.unwrap_err();
        assert_eq!(
            limit_of(&error),
            (Limiter::PullLimit, expected),
            "{shape:?}"
        );
    }
}

#[tokio::test]
async fn an_abuse_limit_stops_everything_until_its_time() {
    for fault in [Fault::AbuseLimited, Fault::MalformedAbuse] {
        let hub = nginx().start().await;
        let rig = Rig::of(&hub);
        rig.resolve("library/nginx:1").await.unwrap();
        hub.clear_requests();
        hub.fault(fault.clone()).once();
        let error = rig.resolve("library/nginx:1").await.unwrap_err();
        assert_eq!(
            limit_of(&error),
            (Limiter::AbuseLimit, ABUSE_COOL_DOWN),
            "{fault:?}"
        );
        let layer = hub.layers("library/nginx:1")[0].digest().to_owned();
        for error in [
            rig.resolve("library/nginx:1").await.unwrap_err(),
            rig.manifest("library/nginx:1").await.unwrap_err(),
            rig.blob("library/nginx", &layer).await.unwrap_err(),
            rig.resolve("library/redis:1").await.unwrap_err(),
        ] {
            assert_eq!(limit_of(&error).0, Limiter::AbuseLimit, "{fault:?}");
        }
        assert_eq!(hub.requests().len(), 1, "{fault:?}: {}", hub.requests());
        rig.clock.advance(ABUSE_COOL_DOWN);
        rig.resolve("library/nginx:1").await.unwrap();
    }
}

#[tokio::test]
async fn an_abuse_limit_at_the_token_service_is_one_too() {
    let hub = nginx().start().await;
    let rig = Rig::of(&hub);
    hub.fault(Fault::AbuseLimited).on(On::Token).once();
    let error = rig.resolve("library/nginx:1").await.unwrap_err();
    assert_eq!(limit_of(&error).0, Limiter::AbuseLimit);
    hub.clear_requests();
    rig.resolve("library/nginx:1").await.unwrap_err();
    assert_eq!(hub.count(is_token), 0);
}

#[tokio::test]
async fn a_limit_is_never_tried_again_at_once() {
    let hub = open_hub().await;
    hub.fault(Fault::PullLimited).always();
    Rig::of(&hub).manifest("library/nginx:1").await.unwrap_err();
    assert_eq!(hub.requests().len(), 1);
}

#[tokio::test]
async fn an_accounts_name_and_session_do_not_reach_the_message() {
    let hub = nginx()
        .account("alice", "pw", Some((0, hours(6))))
        .start()
        .await;
    let rig = Setup::of(&hub).login("alice", "pw").start();
    let error = rig.manifest("library/nginx:1").await.unwrap_err();
    assert_eq!(limit_of(&error).0, Limiter::PullLimit);
    let text = format!("{error} {error:?}");
    assert!(!text.contains("alice") && !text.contains("jti"), "{text}");
}

#[tokio::test]
async fn every_answer_is_told_with_what_it_said_of_limits() {
    let hub = nginx().anonymous_limit(100, hours(6)).start().await;
    let rig = Rig::of(&hub);
    rig.manifest("library/nginx:1").await.unwrap();
    assert_eq!(
        rig.seen.statuses(),
        [
            (UpstreamCall::GetManifest, Some(401)),
            (UpstreamCall::Token, Some(200)),
            (UpstreamCall::GetManifest, Some(200))
        ]
    );
    let reading = rig.seen.last_reading().unwrap();
    assert_eq!(reading.allowance.unwrap().limit, Some(100));
    assert!(reading.source.unwrap().is_anonymous());
}
