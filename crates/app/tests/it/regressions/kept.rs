//! What is kept, for whom, and until when.

use std::fmt::Write as _;

use hub_sim::{Hub, HubSim, Image, On};
use tokio::task::JoinSet;

use crate::client::Ask;
use crate::image::Pull;
use crate::program::{Forebay, Program};

/// "Boot requires upstream" (distribution).
#[tokio::test]
async fn it_starts_and_serves_while_the_upstream_is_down() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let pull = Pull::of(&hub, "library/nginx:1");
    pull.succeeds(&program).await;
    let setup = program.stop().await.setup;
    hub.go_down().await.expect("a hub that stops");
    hub.clear_requests();
    let program = setup.start().await;
    assert_eq!(program.get("/readyz").await.status, 200);
    pull.succeeds(&program).await;
    let cold = program.get("/v2/library/redis/manifests/1").await;
    assert_eq!(cold.refusal(), (502, "UNAVAILABLE".to_owned()));
}

#[tokio::test]
async fn nothing_is_asked_of_an_upstream_at_the_start() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    assert_eq!(program.get("/v2/").await.status, 200);
    assert!(program.reload().await);
    program.stop().await;
    assert!(hub.requests().is_empty(), "{}", hub.requests());
}

/// "Index kept only in Redis; trimmed index with other digest" (Harbor).
#[tokio::test]
async fn an_index_is_served_byte_for_byte_with_platforms_that_nobody_asked_for() {
    for docker_types in [false, true] {
        let mut image = Image::small()
            .platforms(&["linux/amd64", "linux/arm64", "linux/riscv64"])
            .attestations();
        if docker_types {
            image = image.docker_types();
        }
        let hub = HubSim::new().image("library/nginx:1", image).start().await;
        let program = Forebay::before(&hub).start().await;
        let wanted = Pull::of(&hub, "library/nginx:1").by_tag;
        // Whatever a client says that it understands, it gets what there is.
        for accept in [
            "*/*",
            "application/json",
            "application/vnd.oci.image.manifest.v1+json",
        ] {
            let answer = program
                .ask(Ask::get(&wanted.path).header("accept", accept))
                .await;
            wanted.expect(&answer);
        }
        let setup = program.stop().await.setup;
        hub.go_down().await.expect("a hub that stops");
        wanted.get(&setup.start().await).await;
    }
}

/// "Cache key lacks registry host" (rpardini).
#[tokio::test]
async fn two_upstreams_with_the_same_name_and_tag_are_never_crossed() {
    let hub = |seed| HubSim::new().image("library/nginx:1", Image::small().seed(seed));
    let (docker, github) = (hub(1).start().await, hub(2).start().await);
    let program = Forebay::before(&docker)
        .upstream("ghcr.io", &github)
        .start()
        .await;
    let blob = |hub: &Hub| hub.layers("library/nginx:1")[0].digest().to_owned();
    for round in 0..2 {
        for (hub, ns) in [(&docker, "docker.io"), (&github, "ghcr.io")] {
            let path = |rest: &str| format!("/v2/library/nginx/{rest}?ns={ns}");
            let answer = program.get(&path("manifests/1")).await;
            assert!(
                answer.is(hub.manifest("library/nginx:1").bytes()),
                "{round} {ns}"
            );
            assert_eq!(
                program
                    .get(&path(&format!("blobs/{}", blob(hub))))
                    .await
                    .status,
                200
            );
        }
    }
    // What one has, kept here as it is, is the other's no more than before.
    let path = format!("/v2/library/nginx/blobs/{}?ns=ghcr.io", blob(&docker));
    assert_eq!(
        program.get(&path).await.refusal(),
        (404, "BLOB_UNKNOWN".to_owned())
    );
}

/// "Cache key lacks authorisation scope" (rpardini).
#[tokio::test]
async fn what_one_credential_may_see_is_not_shown_to_another() {
    let hub = HubSim::new()
        .account("alice", "secret", None)
        .image("acme/app:1", Image::small())
        .private("acme/app", &["alice"])
        .image("acme/open:1", Image::small())
        .start()
        .await;
    let keys = "username = \"alice\"\npassword = \"secret\"";
    let program = Forebay::before(&hub)
        .upstream_with("private.example", &hub, keys)
        .start()
        .await;
    let pull = Pull::of(&hub, "acme/app:1");
    for part in pull.parts() {
        part.expect(
            &program
                .get(&format!("{}?ns=private.example", part.path))
                .await,
        );
        let denied = program.get(&part.path).await;
        assert_eq!(
            denied.refusal(),
            (401, "UNAUTHORIZED".to_owned()),
            "{}",
            part.path
        );
    }
    for part in pull.by_digest.iter().chain(&pull.blobs) {
        let other = part.path.replace("acme/app", "acme/open");
        assert_eq!(program.get(&other).await.refusal().0, 404, "{other}");
    }
}

/// "TTL from the first fetch and shared-blob expiry" (distribution).
#[tokio::test]
async fn a_tag_that_goes_takes_nothing_from_another_that_shares_its_layers() {
    let hub = HubSim::new()
        .image("library/a:1", Image::small().seed(7))
        .image("library/b:1", Image::small().seed(7))
        .start()
        .await;
    let program = Forebay::before(&hub)
        .with("[cache]\non_gone = \"refuse\"\nversion_ttl = \"0s\"")
        .start()
        .await;
    let (a, b) = (Pull::of(&hub, "library/a:1"), Pull::of(&hub, "library/b:1"));
    a.succeeds(&program).await;
    b.succeeds(&program).await;
    let downloads = hub.count(|request| request.is_get() && request.is(On::BlobContent));
    assert_eq!(downloads, a.blobs.len(), "shared bytes are fetched once");
    hub.delete_repository("library/a");
    assert_eq!(program.get(&a.by_tag.path).await.refusal().0, 401);
    hub.go_down().await.expect("a hub that stops");
    b.succeeds(&program).await;
}

/// "Serving deleted or now-private images with no policy switch" (distribution), "refusing deleted ones" (Harbor): a policy.
#[tokio::test]
async fn what_becomes_of_a_kept_tag_that_is_gone_is_the_operators_choice() {
    let mut found = String::new();
    for on_gone in ["serve", "refuse"] {
        for gone in ["deleted", "private", "its repository deleted"] {
            let (hub, program) = with_policy(on_gone).await;
            let pull = Pull::of(&hub, "acme/app:1");
            pull.succeeds(&program).await;
            match gone {
                "deleted" => hub.delete("acme/app:1"),
                "private" => hub.make_private("acme/app", &[]),
                _ => hub.delete_repository("acme/app"),
            }
            hub.revoke_tokens();
            let answer = program.get(&pull.by_tag.path).await;
            writeln!(found, "{on_gone}, {gone}: {}", answer.told()).expect("a string takes all");
        }
    }
    insta::assert_snapshot!(found, @r#"
    serve, deleted: 200, 299 - "Response is Stale"
    serve, private: 200, 299 - "Response is Stale"
    serve, its repository deleted: 200, 299 - "Response is Stale"
    refuse, deleted: 404 MANIFEST_UNKNOWN
    refuse, private: 401 UNAUTHORIZED
    refuse, its repository deleted: 401 UNAUTHORIZED
    "#);
}

async fn with_policy(on_gone: &str) -> (Hub, Program) {
    let hub = HubSim::new()
        .image("acme/app:1", Image::small())
        .start()
        .await;
    let policy = format!("[cache]\non_gone = \"{on_gone}\"\nversion_ttl = \"0s\"");
    let program = Forebay::before(&hub).with(&policy).start().await;
    (hub, program)
}

/// "429 as concurrency limiter towards containerd" (Harbor).
#[tokio::test]
async fn who_comes_when_the_upstream_is_busy_waits_and_is_not_refused() {
    const BLOBS: usize = 150;
    let hub = HubSim::new()
        .image("library/many:1", Image::with_layers(&[2000; BLOBS]))
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let pull = Pull::of(&hub, "library/many:1");
    let gate = hub.hold(On::BlobContent);
    let mut waiting = JoinSet::new();
    for blob in pull.blobs {
        let address = program.address;
        waiting.spawn(async move {
            let ask = Ask::get(&blob.path).header("user-agent", "containerd/1.7.24");
            blob.expect(&ask.to(address).await);
        });
    }
    gate.reached(64).await;
    program
        .until_metric("forebay_fills_total{upstream=\"docker.io\"}", 150.0)
        .await;
    assert_eq!(
        gate.count(),
        64,
        "more at once than the upstream is to bear"
    );
    gate.open();
    waiting.join_all().await;
}
