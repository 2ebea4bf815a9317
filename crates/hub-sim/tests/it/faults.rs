//! Each fault, seen from the client's side.

use crate::client::{Client, Got};
use hub_sim::{Blob, Fault, Gate, Hub, HubSim, Image, On, Role, hours, minutes};
use std::sync::Arc;
use std::time::Duration;

const MANIFEST: (&str, &str) = ("a/b", "manifests/1");

async fn hub() -> Hub {
    HubSim::new()
        .image("a/b:1", Image::with_layers(&[100_000]))
        .start()
        .await
}

async fn fetch(hub: &Hub) -> Result<Got, String> {
    let layer = layer(hub);
    Client::new().blob(hub, ("a/b", layer.digest()), &[]).await
}

fn layer(hub: &Hub) -> Blob {
    hub.layers("a/b:1").remove(0)
}

#[tokio::test]
async fn a_blob_is_cut_once_and_whole_the_next_time() {
    let hub = hub().await;
    let fault = hub.fault(Fault::CutBlobAt(4096)).once();
    let cut = fetch(&hub).await.unwrap();
    assert_eq!((cut.body.len(), cut.whole), (4096, false));
    assert_eq!(cut.header("content-length"), "100000");
    let good = fetch(&hub).await.unwrap();
    assert_eq!((good.body, good.whole), (layer(&hub).bytes(), true));
    assert_eq!(fault.strikes(), 1);
    hub.saw(1, |r| {
        r.is(On::BlobContent) && r.sent == 4096 && !r.complete
    })
    .await;
    hub.saw(1, |r| {
        r.is(On::BlobContent) && r.sent == 100_000 && r.complete
    })
    .await;
}

#[tokio::test]
async fn a_reset_is_no_clean_end() {
    let hub = hub().await;
    hub.fault(Fault::ResetAt(10)).once();
    let cut = fetch(&hub).await;
    assert!(cut.is_err() || !cut.unwrap().whole);
    hub.fault(Fault::Reset).on(On::BlobContent).once();
    assert!(fetch(&hub).await.is_err());
    hub.fault(Fault::Close).on(On::BlobContent).once();
    assert!(fetch(&hub).await.is_err());
    assert!(fetch(&hub).await.unwrap().whole);
}

#[tokio::test]
async fn bytes_are_wrong_missing_or_too_many() {
    let hub = hub().await;
    let good = layer(&hub).bytes();
    hub.fault(Fault::WrongBytes).once();
    let wrong = fetch(&hub).await.unwrap().body;
    assert_eq!(wrong.len(), good.len());
    assert_eq!(
        (0..good.len()).filter(|&at| good[at] != wrong[at]).count(),
        1
    );
    hub.fault(Fault::WrongByteAt(99_999)).once();
    assert_eq!(fetch(&hub).await.unwrap().body[..99_999], good[..99_999]);
    hub.fault(Fault::ShorterBy(1)).once();
    let short = fetch(&hub).await.unwrap();
    assert_eq!(
        (short.header("content-length"), short.whole),
        ("99999", true)
    );
    hub.fault(Fault::LongerBy(1)).once();
    assert_eq!(fetch(&hub).await.unwrap().body.len(), 100_001);
}

#[tokio::test]
async fn a_length_lies_or_is_absent() {
    let hub = hub().await;
    hub.fault(Fault::ContentLength("100001".into())).once();
    let lying = fetch(&hub).await.unwrap();
    assert_eq!((lying.body.len(), lying.whole), (100_000, false));
    hub.fault(Fault::ContentLength("-1".into())).once();
    assert!(fetch(&hub).await.is_err());
    for fault in [Fault::NoLength, Fault::Chunked] {
        hub.fault(fault).once();
        let got = fetch(&hub).await.unwrap();
        assert_eq!(
            (got.header("content-length"), got.body.clone()),
            ("", layer(&hub).bytes())
        );
    }
    hub.fault(Fault::NoLength).once();
    hub.fault(Fault::ShorterBy(1)).once();
    let quiet = fetch(&hub).await.unwrap();
    assert_eq!((quiet.body.len(), quiet.whole), (99_999, true));
    hub.fault(Fault::Chunked).once();
    hub.fault(Fault::CutBlobAt(50)).once();
    assert!(!fetch(&hub).await.unwrap().whole);
}

#[tokio::test]
async fn a_request_waits_at_a_gate_before_its_answer_and_in_its_body() {
    let hub = Arc::new(hub().await);
    let gate = hub.hold(On::BlobContent);
    let middle = Gate::closed();
    hub.fault(Fault::HoldBodyAt(1000, middle.clone())).once();
    let pull = {
        let hub = Arc::clone(&hub);
        spawn(async move { fetch(&hub).await.unwrap() })
    };
    gate.reached(1).await;
    assert_eq!(
        hub.count(|r| r.is(On::BlobContent) && r.status.is_none()),
        1
    );
    gate.open();
    middle.reached(1).await;
    assert!(!pull.is_finished());
    middle.open();
    assert_eq!(pull.await.unwrap().body, layer(&hub).bytes());
}

#[tokio::test]
async fn a_hang_lasts_until_the_client_leaves() {
    let hub = hub().await;
    hub.fault(Fault::Hang).on(On::Token).once();
    let client = Client::new();
    let url = hub.token_url();
    tokio::select! {
        _ = client.get(&url, &[]) => unreachable!("a hang has no answer"),
        () = hub.saw(1, |r| r.is(On::Token)) => {}
    }
    assert_eq!(hub.requests()[0].status, None);

    hub.fault(Fault::StallAt(10)).once();
    let path = format!("blobs/{}", layer(&hub).digest());
    let redirect = client.ask(&hub, "GET", ("a/b", &path)).await;
    let read = client.read_some(redirect.header("location"), &[], 10).await;
    assert_eq!(read, 10);
    hub.saw(1, |r| r.is(On::BlobContent) && r.sent == 10 && !r.complete)
        .await;
    assert!(fetch(&hub).await.unwrap().whole);
}

#[tokio::test]
async fn a_drip_comes_at_its_rate_and_whole() {
    let hub = hub().await;
    hub.fault(Fault::Drip(1_000_000)).once();
    let before = tokio::time::Instant::now();
    let got = fetch(&hub).await.unwrap();
    assert!(before.elapsed() > Duration::from_millis(70));
    assert_eq!(got.body, layer(&hub).bytes());
}

#[tokio::test]
async fn errors_come_in_every_dress() {
    let hub = hub().await;
    let client = Client::new();
    let ask = async |fault: Fault| {
        hub.fault(fault).on(On::Manifest).once();
        client.ask(&hub, "GET", MANIFEST).await
    };
    let json = ask(Fault::Status(503)).await;
    assert_eq!(
        (
            json.status.as_u16(),
            json.json()["errors"][0]["code"].as_str()
        ),
        (503, Some("UNKNOWN"))
    );
    let html = ask(Fault::Html(502)).await;
    assert_eq!(
        (html.status.as_u16(), html.header("content-type")),
        (502, "text/html")
    );
    let empty = ask(Fault::Empty(500)).await;
    assert_eq!((empty.status.as_u16(), empty.body.len()), (500, 0));
    assert_eq!(
        ask(Fault::PullLimited).await.json()["errors"][0]["code"],
        "TOOMANYREQUESTS"
    );
    assert_eq!(
        ask(Fault::AbuseLimited).await.text(),
        "Too Many Requests (HAP429).\n"
    );
    assert!(
        ask(Fault::TokenRefused)
            .await
            .header("www-authenticate")
            .contains("invalid_token")
    );
    let own = ask(Fault::Reply(
        418,
        vec![("x-tea".into(), "yes".into())],
        "pot".into(),
    ))
    .await;
    assert_eq!(
        (own.status.as_u16(), own.header("x-tea"), own.text()),
        (418, "yes", "pot")
    );
    assert_eq!(hub.charged(), 0);
}

#[tokio::test]
async fn malformed_answers_are_malformed() {
    let hub = hub().await;
    let client = Client::new();
    hub.fault(Fault::MalformedAbuse).on(On::Ping).once();
    assert!(
        client
            .send("GET", &format!("{}/v2/", hub.url()), &[])
            .await
            .is_err()
    );
    hub.fault(Fault::Raw("SSH-2.0-OpenSSH\r\n".into()))
        .on(On::Ping)
        .once();
    assert!(
        client
            .send("GET", &format!("{}/v2/", hub.url()), &[])
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_hostile_realm_and_redirect_lead_to_the_trap_which_tells() {
    let hub = hub().await;
    let client = Client::new();
    hub.fault(Fault::Realm(format!("{}/token", hub.trap_url())))
        .once();
    let challenge = client
        .get(&format!("{}/v2/a/b/manifests/1", hub.url()), &[])
        .await;
    assert!(
        challenge
            .header("www-authenticate")
            .contains(&hub.trap_url())
    );
    hub.fault(Fault::Redirect(format!("{}/blob", hub.trap_url())))
        .once();
    let redirect = client.ask(&hub, "GET", ("a/b", "blobs/sha256:00")).await;
    assert_eq!(
        redirect.header("location"),
        format!("{}/blob", hub.trap_url())
    );

    client.get(redirect.header("location"), &[]).await;
    assert!(hub.violations().is_empty());
    client
        .get(
            redirect.header("location"),
            &[("authorization", "Basic eDp5")],
        )
        .await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    client
        .send_body("POST", &hub.trap_url(), &form, "password=secret".into())
        .await
        .unwrap();
    assert_eq!(hub.violations().len(), 2);
    assert_eq!(hub.count(|r| r.role == Role::Trap), 3);
}

#[tokio::test]
async fn a_redirect_can_go_round_for_ever() {
    let hub = hub().await;
    hub.fault(Fault::RedirectLoop).on(On::BlobContent).always();
    let redirect = fetch(&hub).await.unwrap();
    assert_eq!(redirect.status, 307);
    assert!(redirect.header("location").starts_with("/registry-v2/"));
}

#[tokio::test]
async fn headers_can_be_wrong_added_or_left_out() {
    let hub = hub().await;
    let client = Client::new();
    hub.fault(Fault::ContentDigest("sha256:../x".into())).once();
    hub.fault(Fault::Header("ratelimit-limit".into(), "-1;w=x".into()))
        .on(On::Manifest)
        .once();
    hub.fault(Fault::WithoutHeader("content-type".into()))
        .on(On::Manifest)
        .once();
    let got = client.ask(&hub, "GET", MANIFEST).await;
    assert_eq!(got.header("docker-content-digest"), "sha256:../x");
    assert_eq!(got.header("ratelimit-limit"), "-1;w=x");
    assert_eq!(got.header("content-type"), "");
    hub.fault(Fault::Link("</v2/a/b/tags/list>; rel=\"next\"".into()))
        .always();
    let tags = client.ask(&hub, "GET", ("a/b", "tags/list")).await;
    assert!(tags.header("link").contains("tags/list"));
}

#[tokio::test]
async fn gzip_comes_unasked_and_as_a_bomb() {
    let hub = hub().await;
    hub.fault(Fault::Gzip).once();
    let packed = fetch(&hub).await.unwrap();
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert_eq!(packed.body[..3], [0x1f, 0x8b, 8]);
    hub.fault(Fault::GzipBomb(100_000_000)).once();
    assert!(fetch(&hub).await.unwrap().body.len() < 1_000_000);
}

#[tokio::test]
async fn a_body_can_have_no_end() {
    let hub = hub().await;
    let client = Client::new();
    let token = client.token(&hub, "a/b", "").await;
    let url = format!("{}/v2/a/b/manifests/1", hub.url());
    hub.fault(Fault::Endless).on(On::Token).once();
    hub.fault(Fault::Endless).on(On::Manifest).times(2);
    hub.fault(Fault::Status(500)).on(On::Manifest).nth(2);
    let enough = 3_000_000;
    assert!(client.read_some(&hub.token_url(), &[], enough).await >= enough);
    for _ in 0..2 {
        let read = client
            .read_some(&url, &[("authorization", &token)], enough)
            .await;
        assert!(read >= enough);
    }
    let statuses: Vec<_> = hub.requests().iter().filter_map(|r| r.status).collect();
    assert_eq!(statuses, [200, 200, 200, 500]);
}

#[tokio::test]
async fn a_range_can_be_ignored_and_a_signature_refused() {
    let hub = hub().await;
    let client = Client::new();
    let layer = layer(&hub);
    hub.fault(Fault::IgnoreRange).once();
    let whole = client
        .blob(&hub, ("a/b", layer.digest()), &[("range", "bytes=10-")])
        .await
        .unwrap();
    assert_eq!((whole.status.as_u16(), whole.body.len()), (200, 100_000));
    hub.fault(Fault::SignatureExpired).once();
    assert_eq!(fetch(&hub).await.unwrap().status, 403);
}

#[tokio::test]
async fn a_fault_strikes_only_what_it_is_aimed_at() {
    let hub = HubSim::new()
        .image("a/b:1", Image::small())
        .image("c/d:1", Image::small())
        .start()
        .await;
    let client = Client::new();
    let status = async |method, repository| {
        client
            .ask(&hub, method, (repository, "manifests/1"))
            .await
            .status
            .as_u16()
    };
    hub.fault(Fault::Status(500))
        .on(On::Manifest)
        .repository("a/b")
        .method("GET")
        .nth(2);
    assert_eq!(status("GET", "c/d").await, 200);
    assert_eq!(status("GET", "a/b").await, 200);
    assert_eq!(status("HEAD", "a/b").await, 200);
    assert_eq!(status("GET", "a/b").await, 500);
    assert_eq!(status("GET", "a/b").await, 200);
    hub.fault(Fault::Status(500))
        .on(On::Manifest)
        .when(|r| r.repository.as_deref() == Some("c/d"))
        .always();
    hub.fault(Fault::Status(404))
        .on(On::Manifest)
        .reference("2")
        .always();
    assert_eq!(
        (status("GET", "c/d").await, status("GET", "a/b").await),
        (500, 200)
    );
    hub.lift_all();
    assert_eq!(status("GET", "c/d").await, 200);
}

#[tokio::test]
async fn a_host_refuses_connections_and_comes_back_on_its_port() {
    let hub = hub().await;
    let client = Client::new();
    assert_eq!(client.ask(&hub, "HEAD", MANIFEST).await.status, 200);
    hub.refuse(Role::Registry).await.unwrap();
    let url = format!("{}/v2/", hub.url());
    assert!(client.send("GET", &url, &[]).await.is_err());
    assert_eq!(client.get(&hub.token_url(), &[]).await.status, 200);
    hub.come_back().await.unwrap();
    assert_eq!(client.ask(&hub, "HEAD", MANIFEST).await.status, 200);
    hub.go_down().await.unwrap();
    assert!(client.send("GET", &hub.token_url(), &[]).await.is_err());
}

#[tokio::test]
async fn a_dropped_hub_is_gone() {
    let hub = hub().await;
    let url = hub.url();
    let client = Client::new();
    assert_eq!(client.get(&url, &[]).await.status, 404);
    drop(hub);
    while client.send("GET", &url, &[]).await.is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn time_moves_for_all_of_the_hub_at_once() {
    let hub = HubSim::new()
        .account("alice", "secret", Some((1, hours(6))))
        .start()
        .await;
    hub.spend_account("alice", 1);
    let before = hub.now();
    hub.advance(minutes(90));
    assert_eq!(hub.now().duration_since(before).unwrap(), minutes(90));
    hub.set_time(before);
    assert_eq!(hub.now(), before);
}

#[tokio::test]
async fn a_shaped_hub_keeps_to_its_rate_over_all_connections() {
    let hub = HubSim::new()
        .image("a/b:1", Image::with_layers(&[100_000]))
        .total_rate(2_000_000)
        .start()
        .await;
    let before = tokio::time::Instant::now();
    let (one, other) = tokio::join!(fetch(&hub), fetch(&hub));
    assert!(before.elapsed() > Duration::from_millis(80));
    assert!(one.unwrap().whole && other.unwrap().whole);
}

#[tokio::test]
async fn a_large_blob_is_served_without_being_held() {
    let hub = HubSim::new()
        .image("a/b:1", Image::with_layers(&[50_000_000]))
        .start()
        .await;
    let got = fetch(&hub).await.unwrap();
    assert_eq!(got.body.len(), 50_000_000);
    assert_eq!(
        got.body.slice(30_000_000..30_000_100),
        layer(&hub).slice(30_000_000..30_000_100)
    );
}

#[tokio::test]
async fn a_thousand_clients_are_served_at_once() {
    let hub = Arc::new(hub().await);
    let gate = hub.hold(On::BlobContent);
    let fetches: Vec<_> = (0..1000)
        .map(|_| {
            let hub = Arc::clone(&hub);
            spawn(async move { fetch(&hub).await.unwrap() })
        })
        .collect();
    gate.reached(1000).await;
    gate.open();
    let good = layer(&hub).bytes();
    for fetch in fetches {
        assert!(fetch.await.unwrap().body == good);
    }
    hub.saw(1000, |r| r.is(On::BlobContent) && r.complete).await;
}

#[expect(clippy::disallowed_methods, reason = "a test's own second client")]
fn spawn<F>(task: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(task)
}
