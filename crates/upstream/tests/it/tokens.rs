//! Tokens: how many are asked for, when they are renewed, whose they are.

use std::time::Duration;

use forebay_content::{Budget, Clock, SourceError, Timestamp};
use forebay_limits::Limiter;
use futures::future::join_all;
use hub_sim::{Fault, HubSim, Image, On, TokenKeys, minutes, seconds};

use crate::rig::{Rig, Setup, is_token, nginx, open_hub};

#[tokio::test]
async fn nothing_is_asked_before_somebody_asks() {
    let hub = HubSim::new().start().await;
    let _rig = Setup::of(&hub).login("alice", "pw").start();
    assert_eq!(hub.requests().len(), 0);
}

#[tokio::test]
async fn a_hundred_at_once_cost_one_token() {
    let hub = nginx().start().await;
    // So that all of them wait for the first.
    let rig = Setup::of(&hub).standing_still().start();
    let all = join_all((0..100).map(|_| rig.resolve("library/nginx:1"))).await;
    for resolved in all {
        assert_eq!(resolved.unwrap().to_string(), hub.digest("library/nginx:1"));
    }
    assert_eq!(hub.count(is_token), 1);
    // The first one met the challenge for all.
    assert_eq!(hub.count(|record| record.status == Some(401)), 1);
    assert_eq!(hub.requests().len(), 1 + 1 + 100);
}

#[tokio::test]
async fn a_first_request_that_hangs_does_not_hold_the_others_up() {
    let hub = nginx()
        .image("library/redis:1", Image::small())
        .start()
        .await;
    let rig = Rig::of(&hub);
    hub.fault(Fault::Hang).repository("library/nginx").always();
    let mut hanging = Box::pin(rig.resolve("library/nginx:1"));
    tokio::select! {
        _ = &mut hanging => panic!("it hangs"),
        resolved = rig.resolve("library/redis:1") => drop(resolved.unwrap()),
    }
}

#[tokio::test]
async fn a_clock_that_jumps_neither_ends_nor_prolongs_a_token() {
    let hub = nginx().start().await;
    let rig = Rig::of(&hub);
    rig.resolve("library/nginx:1").await.unwrap();
    let now = rig.clock.now().0;
    for jump_hours in [1, -1, 87_600, -87_600, 0] {
        rig.clock.jump_to(Timestamp(now + jump_hours * 3_600_000));
        rig.resolve("library/nginx:1").await.unwrap();
    }
    assert_eq!(hub.count(is_token), 1);
    rig.clock.advance(minutes(5));
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(hub.count(is_token), 2);
}

#[tokio::test]
async fn the_challenge_is_met_once_and_remembered() {
    let hub = nginx()
        .image("library/redis:1", Image::small())
        .start()
        .await;
    let rig = Rig::of(&hub);
    rig.resolve("library/nginx:1").await.unwrap();
    rig.resolve("library/nginx:1").await.unwrap();
    rig.resolve("library/redis:1").await.unwrap();
    let lines = hub.requests().to_string();
    let lines: Vec<&str> = lines.lines().collect();
    let token = "GET token /token?service=registry.docker.io&scope=repository%3Alibrary%2F";
    assert_eq!(
        lines,
        [
            "HEAD registry /v2/library/nginx/manifests/1 401",
            &format!("{token}nginx%3Apull 200"),
            "HEAD registry /v2/library/nginx/manifests/1 200",
            "HEAD registry /v2/library/nginx/manifests/1 200",
            &format!("{token}redis%3Apull 200"),
            "HEAD registry /v2/library/redis/manifests/1 200",
        ]
    );
}

#[tokio::test]
async fn a_token_is_used_until_it_expires_and_renewed_before_it_does() {
    let hub = nginx().token_ttl(Some(seconds(2))).start().await;
    let rig = Rig::of(&hub);
    for _ in 0..5 {
        rig.resolve("library/nginx:1").await.unwrap();
    }
    assert_eq!(hub.count(is_token), 1);
    for step in [1_700, 200] {
        hub.advance(Duration::from_millis(step));
        rig.clock.advance(Duration::from_millis(step));
        rig.resolve("library/nginx:1").await.unwrap();
    }
    assert_eq!(hub.count(is_token), 2);
    // One refusal: the first challenge.
    assert_eq!(hub.count(|record| record.status == Some(401)), 1);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once_for_all_who_hold_it() {
    let hub = nginx().start().await;
    let rig = Rig::of(&hub);
    rig.resolve("library/nginx:1").await.unwrap();
    hub.revoke_tokens();
    let all = join_all((0..30).map(|_| rig.resolve("library/nginx:1"))).await;
    assert!(all.iter().all(Result::is_ok), "{}", hub.requests());
    assert_eq!(hub.count(is_token), 2, "{}", hub.requests());
}

#[tokio::test]
async fn a_registry_that_refuses_every_token_is_asked_twice_and_no_more() {
    let hub = nginx().start().await;
    let rig = Rig::of(&hub);
    rig.resolve("library/nginx:1").await.unwrap();
    hub.clear_requests();
    hub.fault(Fault::TokenRefused).always();
    let error = rig.resolve("library/nginx:1").await.unwrap_err();
    assert!(matches!(error, SourceError::Unauthorized));
    assert_eq!(hub.count(|record| record.is(On::Manifest)), 2);
    assert_eq!(hub.count(is_token), 1);
}

#[tokio::test]
async fn what_is_asked_about_a_repository_is_counted_with_its_tokens_and_apart_from_others() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .image("library/redis:1", Image::small())
        .start()
        .await;
    let rig = Rig::of(&hub);
    let asked = |repository: &str| rig.upstream.asked_about(&repository.parse().unwrap());
    assert_eq!(asked("library/nginx"), 0);
    // The challenge, the token, and the answer.
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(asked("library/nginx"), 3);
    rig.resolve("library/nginx:2").await.unwrap_err();
    assert_eq!(asked("library/nginx"), 4);
    assert_eq!(asked("library/redis"), 0);
    rig.resolve("library/redis:1").await.unwrap();
    assert_eq!((asked("library/redis"), asked("library/nginx")), (2, 4));
}

#[tokio::test]
async fn a_missing_repository_is_what_docker_hub_says_of_it() {
    let hub = HubSim::new().start().await;
    let error = Rig::of(&hub).resolve("library/none:1").await.unwrap_err();
    assert!(matches!(error, SourceError::Unauthorized));
    let hub = HubSim::new().missing_repositories_are_404().start().await;
    let error = Rig::of(&hub).manifest("library/none:1").await.unwrap_err();
    assert_eq!(error.to_string(), "repository not found");
}

#[tokio::test]
async fn a_refused_repository_costs_a_token_and_a_request_each_time() {
    let hub = nginx().start().await;
    let rig = Rig::of(&hub);
    rig.resolve("library/nginx:1").await.unwrap();
    hub.clear_requests();
    for times in 1..=3 {
        rig.resolve("library/none:1").await.unwrap_err();
        assert_eq!(hub.requests().len(), 2 * times, "{}", hub.requests());
    }
}

#[tokio::test]
async fn every_form_of_a_token_document_is_read() {
    for keys in [TokenKeys::Both, TokenKeys::Token, TokenKeys::AccessToken] {
        let hub = nginx().token_keys(keys).token_ttl(None).start().await;
        Rig::of(&hub).resolve("library/nginx:1").await.unwrap();
    }
}

#[tokio::test]
async fn an_open_registry_is_asked_for_no_token() {
    let hub = open_hub().await;
    Rig::of(&hub).resolve("library/nginx:1").await.unwrap();
    assert_eq!(hub.requests().len(), 1);
}

#[tokio::test]
async fn two_upstreams_of_one_host_share_no_token() {
    let hub = HubSim::new()
        .image("corp/secret:1", Image::small())
        .private("corp/secret", &["alice"])
        .account("alice", "pw", None)
        .start()
        .await;
    let alice = Setup::of(&hub).login("alice", "pw").start();
    let nobody = Rig::of(&hub);
    alice.resolve("corp/secret:1").await.unwrap();
    let error = nobody.resolve("corp/secret:1").await.unwrap_err();
    assert!(matches!(error, SourceError::Unauthorized));
    alice.resolve("corp/secret:1").await.unwrap();
    assert!(hub.violations().is_empty());
}

#[tokio::test]
async fn a_wrong_password_is_shown_once_and_then_rests() {
    let hub = nginx().account("alice", "right", None).start().await;
    let rig = Setup::of(&hub).login("alice", "wrong").start();
    for _ in 0..20 {
        let error = rig.resolve("library/nginx:1").await.unwrap_err();
        assert!(matches!(error, SourceError::Unauthorized));
    }
    assert_eq!(hub.count(is_token), 1);
    rig.clock.advance(minutes(1));
    rig.resolve("library/nginx:1").await.unwrap_err();
    assert_eq!(hub.count(is_token), 2);
}

#[tokio::test]
async fn a_password_that_stays_wrong_is_shown_ever_more_seldom() {
    let hub = nginx().account("alice", "right", None).start().await;
    let rig = Setup::of(&hub).login("alice", "wrong").start();
    let mut rests = vec![];
    for shown in 1..=7 {
        rig.resolve("library/nginx:1").await.unwrap_err();
        assert_eq!(hub.refused_logins("alice"), shown);
        let (account, rest) = rig.seen.login_rests().pop().unwrap();
        assert_eq!(account.as_deref(), Some("alice"));
        rests.push(rest.as_secs() / 60);
        rig.clock.advance(rest.saturating_sub(seconds(1)));
        for _ in 0..10 {
            rig.resolve("library/nginx:1").await.unwrap_err();
        }
        assert_eq!(hub.refused_logins("alice"), shown);
        rig.clock.advance(seconds(1));
    }
    assert_eq!(rests, [1, 2, 4, 8, 15, 15, 15]);
    assert_eq!(rig.seen.login_rests().len(), 7, "told once for each time");
    assert_eq!(rig.seen.limits(), [], "no limiter has spoken");
}

#[tokio::test]
async fn many_who_come_at_once_burn_one_login() {
    let mut hub = HubSim::new().account("alice", "right", None);
    for number in 0..20 {
        hub = hub.image(&format!("library/n{number}:1"), Image::small());
    }
    let hub = hub.lockout(3, minutes(10)).start().await;
    let pull_all = async |rig: &Rig| {
        let images: Vec<_> = (0..20).map(|n| format!("library/n{n}:1")).collect();
        join_all(images.iter().map(|image| rig.resolve(image))).await
    };
    let wrong = Setup::of(&hub).login("alice", "wrong").start();
    assert!(pull_all(&wrong).await.iter().all(Result::is_err));
    assert_eq!(hub.refused_logins("alice"), 1);
    let right = Setup::of(&hub).login("alice", "right").start();
    assert!(pull_all(&right).await.iter().all(Result::is_ok));
    assert_eq!(hub.refused_logins("alice"), 1);
}

#[tokio::test]
async fn a_rotated_password_is_tried_at_once() {
    let hub = nginx().account("alice", "right", None).start().await;
    let before = Setup::of(&hub).login("alice", "wrong").start();
    before.resolve("library/nginx:1").await.unwrap_err();
    let same = Setup::of(&hub)
        .login("alice", "wrong")
        .clock(&before.clock)
        .start();
    same.upstream.inherit_limits(&before.upstream);
    same.resolve("library/nginx:1").await.unwrap_err();
    assert_eq!(hub.refused_logins("alice"), 1);
    let rotated = Setup::of(&hub)
        .login("alice", "right")
        .clock(&before.clock)
        .start();
    rotated.upstream.inherit_limits(&same.upstream);
    rotated.resolve("library/nginx:1").await.unwrap();
    assert_eq!(hub.refused_logins("alice"), 1);
}

#[tokio::test]
async fn a_locked_out_account_is_left_alone_until_its_time() {
    let hub = nginx()
        .account("alice", "right", None)
        .lockout(1, minutes(10))
        .start()
        .await;
    let rig = Setup::of(&hub).login("alice", "wrong").start();
    rig.resolve("library/nginx:1").await.unwrap_err();
    rig.clock.advance(minutes(2));
    hub.advance(minutes(2));
    for _ in 0..20 {
        let error = rig.resolve("library/nginx:1").await.unwrap_err();
        let SourceError::Limited {
            limited,
            retry_after,
        } = error
        else {
            panic!("{error}");
        };
        assert_eq!(limited.limiter, Limiter::LoginLockout);
        assert!(retry_after <= minutes(10) && retry_after > minutes(9));
    }
    // The wrong password, and the one answer that said so.
    assert_eq!(hub.count(is_token), 2);
    // Everything else goes on.
    let anonymous = Rig::of(&hub);
    anonymous.resolve("library/nginx:1").await.unwrap();
}

#[tokio::test]
async fn a_failing_token_service_is_trouble_and_no_answer() {
    for fault in [
        Fault::Status(500),
        Fault::Html(502),
        Fault::Html(200),
        Fault::Status(404),
        Fault::Close,
        Fault::Reply(200, vec![], "{}".into()),
        Fault::RedirectLoop,
    ] {
        let hub = nginx().start().await;
        let rig = Rig::of(&hub);
        hub.fault(fault.clone()).on(On::Token).always();
        let error = rig.resolve("library/nginx:1").await.unwrap_err();
        assert!(!error.is_answer(), "{fault:?}: {error}");
        hub.lift_all();
        rig.clock.advance(minutes(2));
        rig.resolve("library/nginx:1").await.unwrap();
    }
}

#[tokio::test]
async fn a_token_service_that_hangs_is_a_time_out() {
    let hub = nginx().start().await;
    let rig = Setup::of(&hub).hasty().start();
    hub.fault(Fault::Hang).on(On::Token).once();
    let error = rig.resolve("library/nginx:1").await.unwrap_err();
    assert!(matches!(error, SourceError::TimedOut { .. }), "{error}");
    rig.resolve("library/nginx:1").await.unwrap();
}

#[tokio::test]
async fn a_token_without_an_end_is_not_read_to_its_end() {
    let hub = nginx().start().await;
    let rig = Rig::of(&hub);
    hub.fault(Fault::Endless).on(On::Token).always();
    let error = rig.resolve("library/nginx:1").await.unwrap_err();
    assert!(
        error.to_string().contains("longer than 65536 bytes"),
        "{error}"
    );
    let sent = hub.requests_where(is_token)[0].sent;
    assert!(sent < 16 * 1024 * 1024, "{sent}");
}

#[tokio::test]
async fn a_token_request_outlives_who_began_it() {
    let hub = nginx().start().await;
    let rig = Rig::of(&hub);
    let gate = hub.hold(On::Token);
    {
        let mut leaving = Box::pin(rig.resolve("library/nginx:1"));
        let reached = gate.reached(1);
        tokio::select! {
            _ = &mut leaving => panic!("the token is held"),
            () = reached => {}
        }
    }
    let waiting = rig.resolve("library/nginx:1");
    gate.open();
    waiting.await.unwrap();
    assert_eq!(hub.count(is_token), 1);
}
