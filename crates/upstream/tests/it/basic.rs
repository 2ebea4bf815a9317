//! Registries that take name and password themselves, and lists that come in pages.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay_content::{ContentSource, SourceError};
use forebay_oci::{Digest, Manifest};
use futures::future::join_all;
use hub_sim::{Fault, HubSim, Image, On};
use url::Url;

use crate::raw::{RawServer, answer};
use crate::rig::{Rig, Setup, nginx, request};

/// `alice:hunter2`, in lower case as the raw server keeps it.
const ALICE: &str = "authorization: basic ywxpy2u6ahvudgvymg==";
/// `alice:hunter3`, likewise.
const ALICE_LATER: &str = "authorization: basic ywxpy2u6ahvudgvymw==";
const CHALLENGE: &str = "www-authenticate: Basic realm=\"x\"\r\n";
const INDEX: &str = r#"{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]}"#;

async fn registry() -> RawServer {
    RawServer::start("127.0.0.1", |head| {
        if head.contains(ALICE) {
            answer("200 OK", "", INDEX)
        } else {
            answer("401 Unauthorized", CHALLENGE, "")
        }
    })
    .await
}

/// How often a password was shown.
fn shown(server: &RawServer) -> usize {
    let heads = server.heads();
    let shown = heads.iter().filter(|head| head.contains("authorization"));
    shown.count()
}

async fn setup_of(server: &RawServer) -> Setup {
    let hub = HubSim::new().start().await;
    let url = Url::parse(&format!("http://{}", server.address)).unwrap();
    Setup::of(&hub).change(|config| config.url = url)
}

#[tokio::test]
async fn a_registry_that_asks_for_a_password_gets_ours_from_then_on() {
    let server = registry().await;
    let rig = setup_of(&server).await.login("alice", "hunter2").start();
    rig.manifest("app:1").await.unwrap();
    rig.manifest("app:1").await.unwrap();
    let with_password: Vec<bool> = server
        .heads()
        .iter()
        .map(|head| head.contains(ALICE))
        .collect();
    assert_eq!(with_password, [false, true, true]);
}

#[tokio::test]
async fn nobody_and_a_wrong_password_are_refused_without_hammering() {
    let server = registry().await;
    let rig = setup_of(&server).await.start();
    let error = rig.manifest("app:1").await.unwrap_err();
    assert!(matches!(error, SourceError::Unauthorized));
    assert_eq!(server.heads().len(), 1);

    let server = registry().await;
    let rig = setup_of(&server).await.login("alice", "wrong").start();
    let error = rig.manifest("app:1").await.unwrap_err();
    assert!(matches!(error, SourceError::Unauthorized));
    assert_eq!(server.heads().len(), 2);
}

#[tokio::test]
async fn a_registry_that_refuses_our_password_is_shown_it_once_by_however_many_and_ever_more_seldom()
 {
    let server = registry().await;
    let rig = setup_of(&server).await.login("alice", "wrong").start();
    for minutes in [1, 2, 4] {
        let before = shown(&server);
        for _ in 0..3 {
            for outcome in join_all((0..10).map(|_| rig.manifest("app:1"))).await {
                assert!(matches!(outcome, Err(SourceError::Unauthorized)));
            }
        }
        assert_eq!(shown(&server), before + 1);
        let rest = rig.seen.login_rests().pop().unwrap();
        let expected = Duration::from_mins(minutes);
        assert_eq!(rest, (Some("alice".to_owned()), expected));
        assert_eq!(rig.seen.limits(), [], "no limiter has spoken");
        rig.clock.advance(expected);
    }
}

#[tokio::test]
async fn a_password_that_worked_and_was_revoked_is_shown_once_and_rests_until_it_is_changed() {
    let good = Arc::new(Mutex::new(ALICE));
    let takes = Arc::clone(&good);
    let server = RawServer::start("127.0.0.1", move |head| {
        if head.contains(*takes.lock().unwrap()) {
            answer("200 OK", "", INDEX)
        } else {
            answer("401 Unauthorized", CHALLENGE, "")
        }
    })
    .await;
    let setup = setup_of(&server).await.login("alice", "hunter2");
    let clock = forebay_content::ManualClock::default();
    let rig = setup.clock(&clock).start();
    rig.manifest("app:1").await.unwrap();
    *good.lock().unwrap() = ALICE_LATER;
    for minutes in [1, 2, 4] {
        let before = shown(&server);
        for number in 0..20 {
            rig.manifest(&format!("app:{number}")).await.unwrap_err();
            let strange = format!("strange{number}:1");
            rig.manifest(&strange).await.unwrap_err();
        }
        assert_eq!(shown(&server), before + 1);
        let (_, rest) = rig.seen.login_rests().pop().unwrap();
        assert_eq!(rest, Duration::from_mins(minutes));
        assert_eq!(rig.seen.login_rests().len(), shown(&server) - 1);
        clock.advance(rest);
    }
    rig.manifest("app:1").await.unwrap_err();

    let changed = setup_of(&server).await.login("alice", "hunter3");
    let changed = changed.clock(&clock).start();
    changed.upstream.inherit_limits(&rig.upstream);
    changed.manifest("app:1").await.unwrap();
}

#[tokio::test]
async fn a_revoked_password_is_soon_shown_to_no_repository_that_never_took_it() {
    let is_good = Arc::new(AtomicBool::new(true));
    let takes = Arc::clone(&is_good);
    let server = RawServer::start("127.0.0.1", move |head| {
        if head.contains(ALICE) && takes.load(Ordering::SeqCst) {
            answer("200 OK", "", INDEX)
        } else {
            answer("401 Unauthorized", CHALLENGE, "")
        }
    })
    .await;
    let rig = setup_of(&server).await.login("alice", "hunter2").start();
    rig.manifest("app:1").await.unwrap();
    is_good.store(false, Ordering::SeqCst);
    let before = shown(&server);
    for number in 0..20 {
        let strange = format!("strange{number}:1");
        rig.manifest(&strange).await.unwrap_err();
    }
    assert_eq!(shown(&server), before + 3);
    assert_eq!(rig.seen.login_rests().len(), 1);
    for number in 0..20 {
        rig.manifest(&format!("app:{number}")).await.unwrap_err();
    }
    assert_eq!(shown(&server), before + 4);
    assert_eq!(rig.seen.login_rests().len(), 2);
}

#[tokio::test]
async fn a_password_that_was_taken_once_does_not_rest_for_one_repository_that_refuses_it() {
    let server = RawServer::start("127.0.0.1", |head| {
        if head.contains(ALICE) && !head.contains("/private/") {
            answer("200 OK", "", INDEX)
        } else {
            answer("401 Unauthorized", CHALLENGE, "")
        }
    })
    .await;
    let rig = setup_of(&server).await.login("alice", "hunter2").start();
    rig.manifest("app:1").await.unwrap();
    for _ in 0..3 {
        rig.manifest("private/x:1").await.unwrap_err();
        rig.manifest("app:1").await.unwrap();
    }
    assert_eq!(rig.seen.login_rests(), []);
}

#[tokio::test]
async fn a_host_that_we_are_redirected_to_gets_no_password_for_its_challenge() {
    let greedy = RawServer::start("127.0.0.8", |_| answer("401 Unauthorized", CHALLENGE, "")).await;
    let hub = nginx().account("alice", "hunter2", None).start().await;
    let rig = Setup::of(&hub)
        .login("alice", "hunter2")
        .change(|config| {
            config
                .blob_hosts
                .push(greedy.address.to_string().parse().unwrap());
        })
        .start();
    let layer = hub.layers("library/nginx:1")[0].digest().to_owned();
    hub.fault(Fault::Redirect(format!("http://{}/x", greedy.address)))
        .on(On::Blob)
        .always();
    let error = rig.blob("library/nginx", &layer).await.unwrap_err();
    assert!(matches!(error, SourceError::Unavailable { .. }), "{error}");
    assert_eq!(greedy.heads().len(), 2);
    assert!(
        greedy
            .heads()
            .iter()
            .all(|head| !head.contains("authorization"))
    );
}

#[tokio::test]
async fn a_manifests_foreign_urls_are_never_dialled() {
    let hub = HubSim::new().start().await;
    let layer = format!(
        r#"{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":1,"urls":["{}/layer"]}}"#,
        Digest::sha256(b"x"),
        hub.trap_url()
    );
    let manifest = format!(r#"{{"schemaVersion":2,"layers":[{layer}]}}"#);
    let media_type = "application/vnd.oci.image.manifest.v1+json";
    hub.push("library/win:1", Image::raw(media_type, manifest));
    let rig = Rig::of(&hub);
    rig.manifest("library/win:1").await.unwrap();
    let digest = Digest::sha256(b"x").to_string();
    rig.blob("library/win", &digest).await.unwrap_err();
    assert_eq!(hub.count(|record| record.role == hub_sim::Role::Trap), 0);
}

fn page_of_referrers(content: &str, next: Option<&str>) -> String {
    let entry = format!(
        r#"{{"digest":"{}","size":1}}"#,
        Digest::sha256(content.as_bytes())
    );
    let index = format!(
        r#"{{"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{entry}]}}"#
    );
    let link =
        next.map(|query| format!("link: <http://169.254.169.254/x?{query}>; rel=\"next\"\r\n"));
    let headers = format!(
        "content-type: application/vnd.oci.image.index.v1+json\r\n{}",
        link.unwrap_or_default()
    );
    answer("200 OK", &headers, &index)
}

#[tokio::test]
async fn pages_of_referrers_are_joined_and_asked_for_at_the_registry_itself() {
    let server = RawServer::start("127.0.0.1", |head| {
        let path = head.split(' ').nth(1).unwrap();
        match path.split_once('?') {
            None => page_of_referrers("a", Some("token=2")),
            Some((_, "token=2")) => page_of_referrers("b", Some("token=3")),
            Some(_) => page_of_referrers("c", None),
        }
    })
    .await;
    let rig = setup_of(&server).await.start();
    let subject = Digest::sha256(b"subject");
    let list = rig
        .upstream
        .referrers(&request("app"), &subject, None)
        .await
        .unwrap();
    let index = Manifest::parse(&list.json).unwrap();
    let found: Vec<Digest> = index
        .manifests
        .iter()
        .map(|entry| entry.digest.clone())
        .collect();
    assert_eq!(
        found,
        [b"a", b"b", b"c"].map(|content| Digest::sha256(content))
    );
    assert_eq!(server.heads().len(), 3);
}

#[tokio::test]
async fn pages_of_referrers_without_an_end_are_given_up() {
    let server = RawServer::start("127.0.0.1", |head| {
        let next = format!("token={}", head.len());
        let odd = head.contains(&next);
        page_of_referrers("a", Some(if odd { "token=1" } else { next.as_str() }))
    })
    .await;
    let rig = setup_of(&server).await.start();
    let subject = Digest::sha256(b"subject");
    let list = rig
        .upstream
        .referrers(&request("app"), &subject, None)
        .await;
    assert!(matches!(list.unwrap_err(), SourceError::Invalid { .. }));
    assert!(server.heads().len() <= 64, "{}", server.heads().len());
}
