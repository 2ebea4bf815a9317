//! What a client is told when the upstream does not give: a limit, an absence, a denial and trouble are four things.

use hub_sim::{Fault, HubSim, Image, On, RetryAfter, hours};

use tokio::task::JoinSet;

use crate::client::Ask;
use crate::image::Pull;
use crate::program::Forebay;

const CONTAINERD: &str = "containerd/1.7.24";

/// "429 → 404 (zot, nora, Nexus), → 502 (drayage, artifact-keeper); no Retry-After anywhere".
#[tokio::test]
async fn a_limit_is_a_429_with_a_retry_after_and_to_containerd_a_503() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .anonymous_limit(0, hours(6))
        .retry_after(RetryAfter::Seconds(700))
        .start()
        .await;
    // The HEAD before does not tell, so that the limit is met.
    hub.fault(Fault::WithoutHeader("ratelimit-remaining".to_owned()))
        .method("HEAD")
        .always();
    let program = Forebay::before(&hub).start().await;
    let path = "/v2/library/nginx/manifests/1";
    for (agent, query, status) in [
        ("docker/28.2.2", "", 429),
        ("skopeo/1.9.3", "", 429),
        (CONTAINERD, "", 503),
        ("anything/1", "?ns=docker.io", 503),
    ] {
        let ask = Ask::get(&format!("{path}{query}")).header("user-agent", agent);
        let answer = program.ask(ask).await;
        assert_eq!(
            answer.refusal(),
            (status, "TOOMANYREQUESTS".to_owned()),
            "{agent}"
        );
        let seconds: u64 = answer
            .header("retry-after")
            .expect("a time")
            .parse()
            .expect("seconds");
        assert!((600..=700).contains(&seconds), "{agent}: {seconds}");
    }
    // A limit of pulls is asked about once; the free HEADs go on.
    assert_eq!(hub.count(|request| request.status == Some(429)), 1);
}

/// Each answer of an upstream, and what becomes of it for a client that has nothing kept.
#[tokio::test]
async fn what_an_upstream_says_is_never_told_as_something_else() {
    let mut told = JoinSet::new();
    let faults = [
        ("401", Fault::Status(401)),
        ("403", Fault::Status(403)),
        ("404", Fault::Status(404)),
        ("429", Fault::PullLimited),
        ("429 in plain text", Fault::AbuseLimited),
        ("429 that is no HTTP", Fault::MalformedAbuse),
        ("500", Fault::Status(500)),
        ("502 as a page", Fault::Html(502)),
        ("503", Fault::Empty(503)),
        ("200 as a page", Fault::Html(200)),
        ("418", Fault::Empty(418)),
        ("a redirect without end", Fault::RedirectLoop),
        (
            "garbage",
            Fault::Raw(b"\x16\x03\x01 what?\r\n\r\n".to_vec().into()),
        ),
        ("nothing", Fault::Close),
        ("a reset", Fault::Reset),
    ];
    for (number, (name, fault)) in faults.into_iter().enumerate() {
        told.spawn(async move { (number, what_is_told(name, fault).await) });
    }
    let mut found = told.join_all().await;
    found.sort();
    let found: Vec<_> = found.into_iter().map(|(_, told)| told).collect();
    insta::assert_snapshot!(found.join("\n"), @r"
    401: 401 UNAUTHORIZED; for a blob 401 UNAUTHORIZED
    403: 403 DENIED; for a blob 403 DENIED
    404: 404 MANIFEST_UNKNOWN; for a blob 404 BLOB_UNKNOWN
    429: 429 TOOMANYREQUESTS; for a blob 429 TOOMANYREQUESTS
    429 in plain text: 429 TOOMANYREQUESTS; for a blob 429 TOOMANYREQUESTS
    429 that is no HTTP: 429 TOOMANYREQUESTS; for a blob 429 TOOMANYREQUESTS
    500: 502 UNAVAILABLE; for a blob 502 UNAVAILABLE
    502 as a page: 502 UNAVAILABLE; for a blob 502 UNAVAILABLE
    503: 502 UNAVAILABLE; for a blob 502 UNAVAILABLE
    200 as a page: 502 UNAVAILABLE; for a blob 502 UNKNOWN
    418: 502 UNKNOWN; for a blob 502 UNKNOWN
    a redirect without end: 502 UNKNOWN; for a blob 502 UNKNOWN
    garbage: 502 UNAVAILABLE; for a blob 502 UNAVAILABLE
    nothing: 502 UNAVAILABLE; for a blob 502 UNAVAILABLE
    a reset: 502 UNAVAILABLE; for a blob 502 UNAVAILABLE
    ");
}

/// What becomes of a fault, for a manifest and for a blob.
async fn what_is_told(name: &str, fault: Fault) -> String {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .image("library/cold:1", Image::small())
        .start()
        .await;
    let program = Forebay::before(&hub).start().await;
    let pull = Pull::of(&hub, "library/nginx:1");
    // Challenges are met before, and a manifest has told how long the blob is.
    program.head("/v2/library/cold/manifests/none").await;
    pull.by_tag.get(&program).await;
    hub.fault(fault.clone()).on(On::Manifest).always();
    let manifest = program.get("/v2/library/cold/manifests/1").await.told();
    hub.fault(fault).on(On::Blob).always();
    let blob = program.get(&pull.blobs[1].path).await.told();
    format!("{name}: {manifest}; for a blob {blob}")
}

/// "Auth failure treated as 'image does not exist' and negative-cached" (drayage).
#[tokio::test]
async fn a_failure_of_the_token_service_is_trouble_and_is_not_kept() {
    for fault in [
        Fault::Status(503),
        Fault::Html(500),
        Fault::Empty(404),
        Fault::Close,
    ] {
        let hub = HubSim::new()
            .image("library/nginx:1", Image::small())
            .start()
            .await;
        let program = Forebay::before(&hub).start().await;
        let pull = Pull::of(&hub, "library/nginx:1");
        let armed = hub.fault(fault.clone()).on(On::Token).always();
        let (status, code) = program.get(&pull.by_tag.path).await.refusal();
        assert_eq!((status, &*code), (502, "UNAVAILABLE"), "{fault:?}");
        hub.lift(&armed);
        // The breaker may be open for a second; the failure is not an answer for longer than that.
        program
            .until_status(Ask::head(&pull.by_tag.path), 200)
            .await;
        pull.succeeds(&program).await;
    }
}

/// A wrong password is a denial, and as one it is told; the image is not said to be absent.
#[tokio::test]
async fn a_refused_login_is_a_denial_and_no_absence() {
    let hub = HubSim::new()
        .account("alice", "secret", None)
        .image("acme/app:1", Image::small())
        .private("acme/app", &["alice"])
        .start()
        .await;
    let keys = "username = \"alice\"\npassword = \"wrong\"";
    let program = Forebay::new()
        .upstream_with("docker.io", &hub, keys)
        .start()
        .await;
    for _ in 0..5 {
        let refusal = program.get("/v2/acme/app/manifests/1").await.refusal();
        assert_eq!(refusal, (401, "UNAUTHORIZED".to_owned()));
    }
    let logins = hub.count(|request| request.is(On::Token) && request.has_authorization());
    assert_eq!(logins, 1, "a login that fails leads to a lockout");
    let text = program.log.text() + &program.out.text();
    assert!(!text.contains("wrong"), "the password is in the log");
}
