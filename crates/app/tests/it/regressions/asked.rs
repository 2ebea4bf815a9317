//! What an upstream is asked, and what it never is.

use hub_sim::{Fault, HubSim, Image, On};

use crate::image::Pull;
use crate::program::Forebay;

/// "HEAD failure answered by GET" (distribution).
#[tokio::test]
async fn a_head_that_fails_is_never_answered_by_a_get() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let pull = Pull::of(&hub, "library/nginx:1");
    for fault in [
        Fault::Status(500),
        Fault::Html(502),
        Fault::Close,
        Fault::Empty(405),
    ] {
        let armed = hub
            .fault(fault.clone())
            .on(On::Manifest)
            .method("HEAD")
            .always();
        let answer = program.head(&pull.by_tag.path).await;
        assert!(
            (500..=504).contains(&answer.status),
            "{fault:?}: {}",
            answer.status
        );
        assert!(answer.body.is_empty());
        let answer = program.get(&pull.by_tag.path).await;
        assert!(
            (500..=504).contains(&answer.status),
            "{fault:?}: {}",
            answer.status
        );
        hub.lift(&armed);
        assert_eq!(
            hub.count(|request| request.is_get() && request.is(On::Manifest)),
            0
        );
    }
    assert_eq!(hub.charged(), 0);
}

/// "HEAD turned into GET" (rpardini, nora).
#[tokio::test]
async fn a_head_stays_a_head_upstream() {
    let image = Image::small().platforms(&["linux/amd64", "linux/arm64"]);
    let hub = HubSim::new().image("library/nginx:1", image).start().await;
    let program = Forebay::before(&hub).start().await;
    let pull = Pull::of(&hub, "library/nginx:1");
    for part in pull.parts() {
        let answer = program.head(&part.path).await;
        assert_eq!(answer.status, 200, "{}", part.path);
        assert_eq!(
            answer.header("content-length"),
            Some(&*part.bytes.len().to_string())
        );
        assert_eq!(answer.header("docker-content-digest"), Some(&*part.digest));
    }
    let got = hub.requests_where(|request| request.is_get() && !request.is(On::Token));
    assert_eq!(got.to_string(), "");
    assert_eq!(hub.charged(), 0);
}

/// "Resolve all children" (zot).
#[tokio::test]
async fn only_the_platform_asked_for_is_fetched() {
    let image = Image::small()
        .platforms(&["linux/amd64", "linux/arm64", "linux/s390x"])
        .attestations();
    let hub = HubSim::new().image("library/nginx:1", image).start().await;
    let program = Forebay::before(&hub).start().await;
    Pull::of(&hub, "library/nginx:1").by_tag.get(&program).await;
    let child = Pull::of_platform(&hub, "library/nginx:1", "linux/arm64");
    child.succeeds(&program).await;
    let asked =
        hub.requests_where(|request| request.is(On::Manifest) && request.status == Some(200));
    insta::assert_snapshot!(asked, @r"
    HEAD registry /v2/library/nginx/manifests/1 200
    GET registry /v2/library/nginx/manifests/sha256:3550b1cc66fc… 200 charged
    HEAD registry /v2/library/nginx/manifests/sha256:c12279acd663… 200
    GET registry /v2/library/nginx/manifests/sha256:c12279acd663… 200 charged
    ");
    let all = hub.blobs("library/nginx:1").len();
    let blobs = hub.count(|request| request.is(On::BlobContent) && request.is_get());
    assert_eq!((blobs, all), (3, 15));
}

/// "Token or login per request" (distribution, Harbor, trow, mcronce).
#[tokio::test]
async fn one_token_serves_all_requests_for_a_repository() {
    let mut hub = HubSim::new().account("alice", "secret", None);
    for tag in 0..10 {
        hub = hub.image(&format!("library/nginx:{tag}"), Image::small());
    }
    let hub = hub.image("library/redis:1", Image::small()).start().await;
    let keys = "username = \"alice\"\npassword = \"secret\"";
    let program = Forebay::new()
        .upstream_with("docker.io", &hub, keys)
        .start()
        .await;
    for tag in 0..10 {
        Pull::of(&hub, &format!("library/nginx:{tag}"))
            .succeeds(&program)
            .await;
    }
    Pull::of(&hub, "library/redis:1").succeeds(&program).await;
    let tokens = hub.requests_where(|request| request.is(On::Token));
    insta::assert_snapshot!(tokens, @r"
    GET token /token?service=registry.docker.io&scope=repository%3Alibrary%2Fnginx%3Apull as alice 200
    GET token /token?service=registry.docker.io&scope=repository%3Alibrary%2Fredis%3Apull as alice 200
    ");
    // Where the challenge is known, nothing is asked in vain any more.
    assert_eq!(hub.count(|request| request.status == Some(401)), 1);
    assert!(hub.violations().is_empty(), "{:?}", hub.violations());
}
