//! Upstreams that want our credentials, want us to reach inside, or never come to an end.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use hub_sim::{Authorization, Blob, Fault, Hub, HubSim, Image, On, Role};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::program::{Program, Setup, upstream};
use crate::pull::{Pulled, pull};
use crate::wire::{Answer, ask};

const IMAGE: &str = "library/image:1";
const TAG: &str = "/v2/library/image/manifests/1";
const LOOPBACK: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// What the program may grow by while an upstream sends without end, in KiB. What it may take at once is far less than what
/// would come.
const MAX_GROWTH_KIB: u64 = 48 * 1024;

const LOGIN: &str = "username = \"alice\"\npassword = \"correct horse\"";

async fn hub() -> Hub {
    HubSim::new()
        .image(IMAGE, Image::small())
        .account("alice", "correct horse", None)
        .start()
        .await
}

/// Hosts of the inside as a URL may write them, `PORT` for the bait's.
const INSIDE: [&str; 22] = [
    "127.0.0.1:PORT",
    "127.1:PORT",
    "2130706433:PORT",
    "0x7f000001:PORT",
    "0177.0.0.1:PORT",
    "0.0.0.0:PORT",
    "localhost:PORT",
    "localhost.:PORT",
    "[::1]:PORT",
    "[::]:PORT",
    "[::ffff:127.0.0.1]:PORT",
    "[::ffff:7f00:1]:PORT",
    "169.254.169.254",
    "[fd00:ec2::254]",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.0.1",
    "100.64.0.1",
    "[fe80::1]",
    // Site-local, 6to4 of 127.0.0.1, NAT64 of 169.254.169.254.
    "[fec0::1]",
    "[2002:7f00:1::]",
    "[64:ff9b::a9fe:a9fe]",
];

/// What nobody may connect to, on both loopback addresses.
struct Bait {
    listeners: Vec<TcpListener>,
}

impl Bait {
    async fn lay() -> Self {
        let four = TcpListener::bind(LOOPBACK).await.unwrap();
        let port = four.local_addr().unwrap().port();
        let six = TcpListener::bind(format!("[::1]:{port}")).await.ok();
        Self {
            listeners: std::iter::once(four).chain(six).collect(),
        }
    }

    fn urls(&self, path: &str) -> Vec<String> {
        let port = self.listeners[0].local_addr().unwrap().port().to_string();
        let url = |host: &&str| format!("http://{}/{path}", host.replace("PORT", &port));
        INSIDE.iter().map(url).collect()
    }

    /// Nobody waits to be accepted.
    async fn is_untouched(&self) {
        for listener in &self.listeners {
            let touched = timeout(Duration::from_millis(1), listener.accept()).await;
            assert!(touched.is_err(), "somebody connected: {touched:?}");
        }
    }
}

/// It was refused in words, as the upstream's fault, without waiting for anybody.
fn is_refused(answer: &Answer, what: &str) {
    assert_eq!(
        answer.status,
        502,
        "{what}: {} {}",
        answer.head,
        answer.text()
    );
    assert!(
        answer.text().contains("\"errors\""),
        "{what}: {}",
        answer.text()
    );
    // A name may have no address here, and what cannot be reached is left alone for a while; all else is judged itself.
    let is_judged = !answer.text().contains("left alone") || what.contains("localhost.");
    assert!(is_judged, "{what}: {}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_realm_gets_credentials_that_are_not_its_own() {
    let hub = hub().await;
    let other_port = HubSim::new().trap_listen(LOOPBACK).start().await;
    let bait = Bait::lay().await;
    let mut realms = bait.urls("token");
    realms.extend([
        format!("{}/token", hub.trap_url()),
        format!("{}/token", other_port.trap_url()),
        hub.token_url().replace("http://", "http://alice@"),
        hub.trap_url()
            .replace("http://", &format!("http://{}@", hub.token_host())),
        "file:///etc/passwd".to_owned(),
        "//127.0.0.66/token".to_owned(),
        "\\\\127.0.0.66\\token".to_owned(),
        String::new(),
    ]);
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path()).with(LOGIN).start();
    for (number, realm) in realms.iter().enumerate() {
        // A repository of its own each: what was answered of another is not to be remembered.
        let path = format!("/v2/library/realm-{number}/manifests/1");
        hub.fault(Fault::Realm(realm.clone())).once();
        is_refused(&program.get(&path).await, realm);
    }
    bait.is_untouched().await;
    assert_eq!(
        hub.count(|record| record.authorization != Authorization::None),
        0
    );
    assert_eq!(hub.count(|record| record.role == Role::Trap), 0);
    assert_eq!(other_port.requests().len(), 0);
    assert!(hub.violations().is_empty());
    // And the honest token service is still shown them.
    assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
    assert!(hub.count(|record| record.account() == Some("alice")) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_redirect_leads_inside_or_takes_credentials_along() {
    let hub = hub().await;
    let bait = Bait::lay().await;
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path()).with(LOGIN);
    let layer = hub.layers(IMAGE).remove(0);
    let path = blob_path(&layer);
    let trap = format!("{}/blob", hub.trap_url());
    for to in bait.urls("blob").iter().chain([&trap]) {
        // Anew for each, lest one failure be told because of those before it.
        let program = setup.start();
        for status in [301, 302, 303, 307, 308] {
            let armed = hub
                .fault(Fault::RedirectWith(status, to.clone()))
                .on(On::Blob)
                .always();
            is_refused(&program.get(&path).await, to);
            let head = ask(program.address, "HEAD", &path, "").await;
            assert_eq!(head.status, 502, "{to}");
            hub.lift(&armed);
            if status == 307 {
                // A manifest is no blob, but follows the same rules.
                hub.fault(Fault::RedirectWith(status, to.clone()))
                    .on(On::Manifest)
                    .method("GET")
                    .once();
                let wanted = hub.push("library/image:2", Image::small());
                let manifest = format!("/v2/library/image/manifests/{wanted}");
                is_refused(&program.get(&manifest).await, to);
            }
        }
    }
    bait.is_untouched().await;
    assert_eq!(hub.count(|record| record.role == Role::Trap), 0);
    let program = setup.start();
    let loops = hub.fault(Fault::RedirectLoop).on(On::Blob).always();
    hub.clear_requests();
    is_refused(&program.get(&path).await, "a loop");
    assert!(hub.requests().len() <= 12, "{}", hub.requests());
    hub.lift(&loops);
    assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
    assert!(hub.violations().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_blob_host_gets_requests_and_no_credentials() {
    let hub = hub().await;
    let trap = hub.trap_url();
    let host = trap.strip_prefix("http://").unwrap();
    let folder = TempDir::new().unwrap();
    let section = upstream("docker.io", &hub)
        .replace("blob_hosts = [", &format!("blob_hosts = [\"{host}\", "));
    let program = Setup::new(folder.path()).with(&section).with(LOGIN).start();
    let path = blob_path(&hub.layers(IMAGE).remove(0));
    hub.fault(Fault::Redirect(format!("{trap}/blob"))).always();
    let answer = program.get(&path).await;
    assert!(
        answer.status == 502 || !answer.whole,
        "wrong bytes: {}",
        answer.head
    );
    assert!(hub.count(|record| record.role == Role::Trap) > 0);
    let with_secret =
        |record: &hub_sim::Record| record.role == Role::Trap && record.has_authorization();
    assert_eq!(hub.count(with_secret), 0);
    assert!(hub.violations().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_urls_of_layers_are_never_dialled() {
    let hub = hub().await;
    let bait = Bait::lay().await;
    let mut image = Image::small().foreign_layer(&format!("{}/layer", hub.trap_url()), 1000);
    for url in bait.urls("layer") {
        image = image.foreign_layer(&url, 1000);
    }
    hub.push("library/foreign:1", image);
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path()).with(LOGIN).start();
    // Whole: of the manifest each byte, with the urls in it, and the layers that the hub holds.
    assert_eq!(
        pull(program.address, &hub, "library/foreign:1").await,
        Pulled::Whole
    );
    let manifest = String::from_utf8(hub.manifest("library/foreign:1").bytes().to_vec()).unwrap();
    let foreign: Vec<_> = manifest
        .split("\"digest\":\"")
        .skip(1)
        .map(|rest| &rest[..71])
        .collect();
    for digest in foreign {
        program
            .get(&format!("/v2/library/foreign/blobs/{digest}"))
            .await;
    }
    bait.is_untouched().await;
    assert_eq!(hub.count(|record| record.role == Role::Trap), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn links_of_lists_lead_nowhere_else_and_come_to_an_end() {
    let hub = hub().await;
    let bait = Bait::lay().await;
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path()).with(LOGIN).start();
    for (number, url) in bait.urls("v2/library/image/tags/list").iter().enumerate() {
        hub.fault(Fault::Link(format!("<{url}?last=a>; rel=\"next\"")))
            .once();
        let answer = program
            .get(&format!("/v2/library/image/tags/list?n={}", number + 1))
            .await;
        // Only the next page's beginning is taken from it.
        let link = answer.header("link").unwrap_or_default();
        assert!(!link.contains("://"), "{link}");
    }
    bait.is_untouched().await;
    let digest = hub.digest(IMAGE);
    let to_itself = format!("</v2/library/image/referrers/{digest}>; rel=\"next\"");
    hub.fault(Fault::Link(to_itself)).on(On::Referrers).always();
    hub.clear_requests();
    let answer = program
        .get(&format!("/v2/library/image/referrers/{digest}"))
        .await;
    assert!([200, 502].contains(&answer.status), "{}", answer.head);
    assert!(hub.requests().len() < 200, "{}", hub.requests().len());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_upstreams_never_share_credentials_or_names() {
    let (one, other) = (
        hub().await,
        HubSim::new()
            .image(IMAGE, Image::small().seed(9))
            .start()
            .await,
    );
    one.make_private("library/image", &["alice"]);
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&one, folder.path())
        .with(LOGIN)
        .with(&upstream("other.test", &other))
        .with(&upstream("nobody.test", &one))
        .start();
    assert_eq!(pull(program.address, &one, IMAGE).await, Pulled::Whole);
    assert_ne!(one.digest(IMAGE), other.digest(IMAGE));
    for path in [
        "/v2/library/image/manifests/1?ns=other.test",
        "/v2/other.test/library/image/manifests/1",
    ] {
        let answer = program.get(path).await;
        assert_eq!(
            answer.header("docker-content-digest"),
            Some(&*other.digest(IMAGE)),
            "{path}"
        );
        assert!(answer.body == *other.manifest(IMAGE).bytes());
    }
    // The same registry without the account: what is warm by it stays unseen.
    let layer = one.layers(IMAGE).remove(0);
    let (digest, by_digest) = (one.digest(IMAGE), layer.digest().to_owned());
    for path in [
        "manifests/1".to_owned(),
        format!("manifests/{digest}"),
        format!("blobs/{by_digest}"),
    ] {
        for method in ["GET", "HEAD"] {
            for headers in ["", "Range: bytes=0-9\r\n"] {
                let path = format!("/v2/library/image/{path}?ns=nobody.test");
                let answer = ask(program.address, method, &path, headers).await;
                assert!(
                    [401, 403, 404].contains(&answer.status),
                    "{path}: {}",
                    answer.head
                );
            }
        }
    }
    assert_eq!(other.count(|record| record.account().is_some()), 0);
    // A name that is nobody's is asked of nobody.
    for name in [
        "other.test.",
        "OTHER.test",
        "other.test:443",
        "evil.test",
        "127.0.0.1:1",
        "other.test@evil.test",
    ] {
        let before = (one.requests().len(), other.requests().len());
        let answer = program
            .get(&format!("/v2/library/image/manifests/9?ns={name}"))
            .await;
        let is_other = answer
            .head
            .to_lowercase()
            .contains("oci-namespace: other.test\r");
        assert!(
            [400, 404].contains(&answer.status),
            "{name}: {}",
            answer.head
        );
        assert!(
            is_other || before == (one.requests().len(), other.requests().len()),
            "{name}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_upstream_gives_anothers_manifest_another_type() {
    let (honest, evil) = (HubSim::new().start().await, HubSim::new().start().await);
    // The same bytes on both, as anybody can push them.
    for hub in [&honest, &evil] {
        hub.push(IMAGE, Image::small().seed(5));
    }
    let index = "application/vnd.oci.image.index.v1+json".to_owned();
    let lie = Fault::Header("content-type".to_owned(), index);
    evil.fault(lie).on(On::Manifest).always();
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&honest, folder.path())
        .with(&upstream("evil.test", &evil))
        .start();
    let by_digest = format!("/v2/library/image/manifests/{}", honest.digest(IMAGE));
    program.get(&format!("{by_digest}?ns=evil.test")).await;
    // `pull` looks at the types, too.
    assert_eq!(pull(program.address, &honest, IMAGE).await, Pulled::Whole);
    let answer = program.get(&by_digest).await;
    assert_eq!(
        answer.header("content-type"),
        Some(honest.manifest(IMAGE).media_type())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_and_digests_that_lie_are_neither_given_nor_kept() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path()).start();
    let layer = hub.layers(IMAGE).remove(0);
    for fault in [
        Fault::WrongBytes,
        Fault::WrongByteAt(0),
        Fault::ShorterBy(1),
        Fault::LongerBy(1),
        Fault::Gzip,
        Fault::GzipBomb(1 << 30),
    ] {
        let what = format!("{fault:?}");
        let armed = hub.fault(fault).always();
        let answer = program.get(&blob_path(&layer)).await;
        assert!(answer.status != 200 || !answer.whole, "{what}");
        hub.lift(&armed);
    }
    let digest = hub.digest(IMAGE);
    let (upper, short) = (digest.to_uppercase(), &digest[..40]);
    let other = format!("sha256:{}", "a".repeat(64));
    for told in [
        "sha256:../../../x",
        &upper,
        short,
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "",
        &other,
    ] {
        let armed = hub.fault(Fault::ContentDigest(told.to_owned())).always();
        let answer = program.get(TAG).await;
        if answer.status == 200 {
            assert_eq!(
                answer.header("docker-content-digest"),
                Some(&*digest),
                "{told}"
            );
            assert!(answer.body == *hub.manifest(IMAGE).bytes(), "{told}");
        } else {
            // The manifest of a digest that is made up is truly absent.
            assert!(
                [404, 502].contains(&answer.status),
                "{told}: {}",
                answer.head
            );
        }
        hub.lift(&armed);
    }
    // Asked for by digest, another manifest is no answer.
    let other = hub.push("library/image:2", Image::small());
    let lies = Fault::Reply(
        200,
        Vec::new(),
        hub.manifest("library/image:2").bytes().clone(),
    );
    hub.fault(lies).on(On::Manifest).always();
    is_refused(
        &program
            .get(&format!("/v2/library/image/manifests/{digest}"))
            .await,
        &other,
    );
    hub.lift_all();
    // Anew, as it may leave the hub alone for a moment; what was kept is the same.
    assert!(program.stop().0.success());
    let program = Setup::before(&hub, folder.path()).start();
    assert_eq!(
        pull(program.address, &hub, IMAGE).await,
        Pulled::Whole,
        "{}",
        program.out()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_end_is_cut_and_fills_no_memory() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path()).start();
    assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
    let before_kib = program.resident_kib();
    let absent = format!("sha256:{}", "b".repeat(64));
    hub.push("library/image:new", Image::small());
    for (on, path) in [
        (On::Manifest, "/v2/library/image/manifests/new".to_owned()),
        (On::Token, "/v2/library/another/manifests/1".to_owned()),
        (On::Tags, "/v2/library/image/tags/list".to_owned()),
        (
            On::Referrers,
            format!("/v2/library/image/referrers/{absent}"),
        ),
    ] {
        for error in [None, Some(500), Some(403)] {
            let endless = hub.fault(Fault::Endless).on(on).always();
            let status = error.map(|status| hub.fault(Fault::Status(status)).on(on).always());
            let answer = program.get(&path).await;
            assert!(answer.status >= 400, "{on:?} {error:?}: {}", answer.head);
            hub.lift(&endless);
            if let Some(status) = status {
                hub.lift(&status);
            }
        }
    }
    // Of a blob the manifest tells where its end is.
    let endless = hub.fault(Fault::Endless).on(On::BlobContent).always();
    hub.push("library/image:newer", Image::small());
    let newer = "/v2/library/image/manifests/newer";
    assert_eq!(program.get(newer).await.status, 200);
    let layer = hub.layers("library/image:newer").remove(0);
    let answer = program.get(&blob_path(&layer)).await;
    assert!(
        !answer.whole && answer.body.len() <= 4096,
        "{}",
        answer.body.len()
    );
    hub.lift(&endless);
    let grown_kib = program.resident_kib().saturating_sub(before_kib);
    assert!(grown_kib < MAX_GROWTH_KIB, "{grown_kib} KiB more");
    let log = program.log();
    assert!(log.lines().all(|line| line.len() < 4096), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_repository_earned_is_absent_in_another() {
    let hub = hub().await;
    hub.push("library/other:1", Image::with_layers(&[5]));
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path()).start();
    assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
    assert_eq!(
        pull(program.address, &hub, "library/other:1").await,
        Pulled::Whole
    );
    let layer = hub.layers(IMAGE).remove(0);
    let absent = format!("sha256:{}", "c".repeat(64));
    for (kind, warm) in [
        ("blobs", layer.digest().to_owned()),
        ("manifests", hub.digest(IMAGE)),
    ] {
        for (method, headers) in [
            ("GET", ""),
            ("HEAD", ""),
            ("GET", "Range: bytes=0-9\r\n"),
            ("GET", "If-None-Match: \"x\"\r\n"),
        ] {
            let of = |digest: &str| format!("/v2/library/other/{kind}/{digest}");
            let seen = ask(program.address, method, &of(&warm), headers).await;
            let unseen = ask(program.address, method, &of(&absent), headers).await;
            assert_eq!(seen.status, 404, "{method} {kind} {headers}: {}", seen.head);
            assert_eq!(told(&seen), told(&unseen), "{method} {kind} {headers}");
        }
    }
    program_asks_no_more_than_heads(&hub, &program).await;
}

/// Still served where it was earned, without a question.
async fn program_asks_no_more_than_heads(hub: &Hub, program: &Program) {
    hub.clear_requests();
    assert_eq!(pull(program.address, hub, IMAGE).await, Pulled::Whole);
    assert_eq!(hub.requests().to_string(), "");
}

/// What an answer tells, without what differs each time.
fn told(answer: &Answer) -> (u16, Vec<String>, Vec<u8>) {
    let varies = |line: &&str| !line.to_lowercase().starts_with("date:");
    let lines = answer.head.lines().filter(varies).map(str::to_owned);
    (answer.status, lines.collect(), answer.body.clone())
}

fn blob_path(blob: &Blob) -> String {
    format!("/v2/library/image/blobs/{}", blob.digest())
}
