//! Upstreams that hang, fail, break off or cannot prove who they are.

use std::time::Duration;

use forebay_content::{SourceError, UpstreamCall};
use futures::future::join_all;
use hub_sim::{Fault, Hub, HubSim, Image, On, Tls, minutes};
use url::Url;

use crate::rig::{Rig, Setup, nginx, open_hub};

/// As many repositories as it takes to tell an upstream's trouble from an image's.
const MANY: [&str; 5] = [
    "library/nginx",
    "library/redis",
    "library/node",
    "library/golang",
    "library/busybox",
];

/// A hub that anybody may pull from without a token, with the same small image in each repository.
async fn hub_of_many() -> Hub {
    let hub = HubSim::new().open();
    let hub = MANY.iter().fold(hub, |hub, repository| {
        hub.image(&format!("{repository}:1"), Image::small())
    });
    hub.start().await
}

fn layer_of(hub: &Hub, repository: &str) -> String {
    hub.layers(&format!("{repository}:1"))[0]
        .digest()
        .to_owned()
}

fn is_unavailable(error: &SourceError) -> bool {
    matches!(error, SourceError::Unavailable { .. })
}

#[tokio::test]
async fn passing_trouble_is_tried_again_and_nobody_notices() {
    for fault in [
        Fault::Html(502),
        Fault::Status(503),
        Fault::Empty(504),
        Fault::Close,
        Fault::Reset,
        Fault::Raw("HTTP/1.1 200 OK\r\nConte".into()),
    ] {
        let hub = open_hub().await;
        let rig = Rig::of(&hub);
        hub.fault(fault.clone()).times(2);
        rig.resolve("library/nginx:1")
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert_eq!(hub.requests().len(), 3, "{fault:?}");
    }
}

#[tokio::test]
async fn lasting_trouble_is_given_up_after_three_tries() {
    let hub = open_hub().await;
    let rig = Rig::of(&hub);
    hub.fault(Fault::Html(502)).always();
    let error = rig.manifest("library/nginx:1").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the upstream is unavailable: it answered 502 Bad Gateway"
    );
    assert_eq!(hub.requests().len(), 3);
}

#[tokio::test]
async fn what_will_not_pass_is_not_tried_again() {
    for fault in [
        Fault::Html(500),
        Fault::Status(400),
        Fault::Status(403),
        Fault::Status(404),
        Fault::Status(429),
        Fault::Html(200),
        Fault::Gzip,
        Fault::Raw("SSH-2.0-OpenSSH_9.9\r\n".into()),
    ] {
        let hub = open_hub().await;
        let rig = Rig::of(&hub);
        hub.fault(fault.clone()).on(On::Any).always();
        rig.manifest("library/nginx:1").await.unwrap_err();
        assert_eq!(hub.requests().len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn one_thing_is_never_told_as_another() {
    for (fault, expected) in [
        (Fault::Status(404), "manifest not found"),
        (Fault::Html(404), "manifest not found"),
        (
            Fault::Status(401),
            "the upstream answers that authentication is required",
        ),
        (Fault::Status(403), "the upstream denies access"),
        (
            Fault::Html(500),
            "the upstream is unavailable: it answered 500",
        ),
        (
            Fault::Html(200),
            "the upstream is unavailable: it answered a web page",
        ),
        (Fault::Status(429), "the upstream limits us"),
        (
            Fault::Raw("SSH-2.0-OpenSSH_9.9\r\n".into()),
            "the upstream is unavailable: 127.0.0.1 answered with something that is not HTTP",
        ),
    ] {
        let hub = open_hub().await;
        hub.fault(fault.clone()).on(On::Manifest).always();
        let error = Rig::of(&hub).manifest("library/nginx:1").await.unwrap_err();
        assert!(
            error.to_string().starts_with(expected),
            "{fault:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_hanging_upstream_is_left_alone_until_a_probe_gets_through() {
    let hub = open_hub().await;
    let rig = Setup::of(&hub).hasty().start();
    let hang = hub.fault(Fault::Hang).always();
    let all = join_all((0..5).map(|_| rig.resolve("library/nginx:1"))).await;
    for error in all {
        assert!(matches!(error.unwrap_err(), SourceError::TimedOut { .. }));
    }
    assert_eq!(rig.seen.breaker(), [true]);
    let seen_by_hub = hub.requests().len();
    for _ in 0..50 {
        let error = rig.resolve("library/nginx:1").await.unwrap_err();
        let SourceError::Unavailable { retry_after, .. } = error else {
            panic!("{error}");
        };
        assert!(retry_after.is_some_and(|wait| wait <= Duration::from_secs(2)));
    }
    assert_eq!(hub.requests().len(), seen_by_hub);

    hub.lift(&hang);
    rig.clock.advance(Duration::from_secs(2));
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(rig.seen.breaker(), [true, false]);
}

#[tokio::test]
async fn a_probe_whose_caller_leaves_does_not_close_the_door_for_ever() {
    let hub = open_hub().await;
    let rig = Setup::of(&hub).hasty().start();
    let hang = hub.fault(Fault::Hang).always();
    join_all((0..5).map(|_| rig.resolve("library/nginx:1"))).await;
    rig.clock.advance(minutes(1));
    {
        let mut probe = Box::pin(rig.resolve("library/nginx:1"));
        tokio::select! {
            _ = &mut probe => panic!("it hangs"),
            () = hub.saw(6, |_| true) => {}
        }
    }
    hub.lift(&hang);
    rig.resolve("library/nginx:1").await.unwrap();
}

#[tokio::test]
async fn an_upstream_that_is_down_costs_little_and_comes_back() {
    let hub = open_hub().await;
    let rig = Rig::of(&hub);
    rig.resolve("library/nginx:1").await.unwrap();
    hub.go_down().await.unwrap();
    for _ in 0..10 {
        assert!(is_unavailable(
            &rig.resolve("library/nginx:1").await.unwrap_err()
        ));
    }
    assert_eq!(rig.seen.breaker(), [true]);
    // Three tries, then two until the breaker opened, of which none but the first five dialled.
    assert_eq!(rig.seen.statuses().len(), 1 + 5);
    hub.come_back().await.unwrap();
    rig.clock.advance(minutes(1));
    rig.resolve("library/nginx:1").await.unwrap();
    assert_eq!(rig.seen.breaker(), [true, false]);
}

#[tokio::test]
async fn a_name_without_an_address_is_said_to_have_none() {
    let hub = open_hub().await;
    let rig = Setup::of(&hub)
        .change(|config| config.url = Url::parse("http://registry.example").unwrap())
        .resolving_to(&[])
        .start();
    let error = rig.resolve("library/nginx:1").await.unwrap_err();
    assert!(is_unavailable(&error));
    assert!(
        error
            .to_string()
            .contains("registry.example cannot be resolved"),
        "{error}"
    );
}

#[tokio::test]
async fn a_bad_certificate_is_refused_by_name_and_told_apart() {
    for (kind, words) in [
        (Tls::Expired, "expired"),
        (Tls::WrongName, "for another name"),
        (Tls::SelfSigned, "nobody that we trust"),
    ] {
        let hub = nginx()
            .account("alice", "hunter2", None)
            .tls(kind)
            .start()
            .await;
        let rig = Setup::of(&hub).login("alice", "hunter2").start();
        let error = rig.resolve("library/nginx:1").await.unwrap_err();
        assert!(is_unavailable(&error));
        assert!(error.to_string().contains(words), "{kind:?}: {error}");
        assert_eq!(hub.requests().len(), 0);
    }
}

#[tokio::test]
async fn a_changed_authority_is_refused_and_a_good_certificate_is_not() {
    let hub = nginx().tls(Tls::Valid).start().await;
    Rig::of(&hub).resolve("library/nginx:1").await.unwrap();
    let trusting_the_old = Setup::of(&hub);
    hub.renew_authority(Tls::Valid).unwrap();
    let error = trusting_the_old.start().resolve("library/nginx:1").await;
    let error = error.unwrap_err();
    assert!(is_unavailable(&error));
    assert!(
        error.to_string().contains("TLS with 127.0.0.1 failed"),
        "{error}"
    );
}

#[tokio::test]
async fn one_broken_object_is_left_alone_and_closes_the_way_to_nothing_else() {
    for status in [500, 503] {
        let hub = hub_of_many().await;
        let rig = Rig::of(&hub);
        let layer = layer_of(&hub, "library/nginx");
        let other = layer_of(&hub, "library/redis");
        hub.fault(Fault::Html(status)).on(On::BlobContent).always();
        for _ in 0..50 {
            rig.blob("library/nginx", &layer).await.unwrap_err();
        }
        let asked = hub.count(|record| record.is(On::BlobContent));
        assert!((5..=9).contains(&asked), "{status}: {asked}");
        assert!(rig.seen.breaker().is_empty(), "{status}");
        hub.lift_all();
        rig.blob("library/redis", &other).await.unwrap();
        let error = rig.blob("library/nginx", &layer).await.unwrap_err();
        assert!(error.to_string().contains("failed on this"), "{error}");
        rig.clock.advance(Duration::from_secs(2));
        rig.blob("library/nginx", &layer).await.unwrap();
    }
}

#[tokio::test]
async fn a_repository_that_hangs_holds_up_no_other() {
    let hub = hub_of_many().await;
    let rig = Rig::of(&hub);
    hub.fault(Fault::Hang).repository("library/nginx").always();
    let hanging = join_all((0..100).map(|_| rig.resolve("library/nginx:1")));
    let others = async {
        hub.saw(32, |_| true).await;
        for repository in &MANY[1..] {
            rig.resolve(&format!("{repository}:1")).await.unwrap();
        }
    };
    tokio::select! {
        _ = hanging => panic!("they hang"),
        () = others => {}
    }
}

#[tokio::test]
async fn server_errors_to_everything_are_met_with_silence() {
    let hub = hub_of_many().await;
    let rig = Rig::of(&hub);
    hub.fault(Fault::Html(500)).always();
    for _ in 0..10 {
        for repository in MANY {
            rig.resolve(&format!("{repository}:1")).await.unwrap_err();
        }
    }
    assert_eq!(rig.seen.breaker(), [true]);
    assert_eq!(hub.requests().len(), 5);
}

#[tokio::test]
async fn trouble_at_the_blob_host_leaves_manifests_alone() {
    let hub = hub_of_many().await;
    let rig = Rig::of(&hub);
    let layer = layer_of(&hub, "library/nginx");
    hub.fault(Fault::Html(500)).on(On::BlobContent).always();
    for repository in MANY {
        let layer = layer_of(&hub, repository);
        assert!(is_unavailable(
            &rig.blob(repository, &layer).await.unwrap_err()
        ));
    }
    assert_eq!(rig.seen.breaker(), [true]);
    rig.manifest("library/nginx:1").await.unwrap();
    hub.lift_all();
    rig.clock.advance(minutes(1));
    rig.blob("library/nginx", &layer).await.unwrap();
    assert_eq!(rig.seen.breaker(), [true, false]);
}

#[tokio::test]
async fn a_range_refused_to_who_asked_for_none_is_no_answer() {
    let hub = open_hub().await;
    let rig = Rig::of(&hub);
    let layer = layer_of(&hub, "library/nginx");
    hub.fault(Fault::Status(416)).on(On::Any).always();
    for error in [
        rig.blob("library/nginx", &layer).await.unwrap_err(),
        rig.manifest("library/nginx:1").await.unwrap_err(),
    ] {
        assert!(matches!(error, SourceError::Invalid { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_head_that_fails_never_becomes_a_get() {
    for fault in [
        Fault::Status(404),
        Fault::Status(403),
        Fault::Html(503),
        Fault::Status(429),
        Fault::Empty(401),
        Fault::Close,
    ] {
        let hub = open_hub().await;
        let rig = Rig::of(&hub);
        hub.fault(fault.clone())
            .on(On::Manifest)
            .method("HEAD")
            .always();
        rig.resolve("library/nginx:1").await.unwrap_err();
        let gets = rig.seen.statuses();
        let gets = gets
            .iter()
            .filter(|(call, _)| *call != UpstreamCall::HeadManifest);
        assert_eq!(gets.count(), 0, "{fault:?}");
    }
}
