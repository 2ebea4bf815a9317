//! Clients that smuggle, flood, crawl, and forge log lines.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use hub_sim::{Hub, HubSim, Image};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::program::{Program, Setup, upstream};
use crate::pull::{Pulled, pull};
use crate::wire::{Answer, exchange};

const IMAGE: &str = "library/image:1";
const TAG: &str = "/v2/library/image/manifests/1";
const MIB: u64 = 1024 * 1024;

/// What a body that nobody wants may cost, in KiB.
const MAX_GROWTH_KIB: u64 = 16 * 1024;

/// What a request that must not be heard asks for.
const SMUGGLED: &str = "/v2/library/smuggled/manifests/1";

/// How long a connection says nothing before it counts as having said all.
const SILENCE: Duration = Duration::from_secs(3);

/// So many of the framings are as they should be.
const HONEST: usize = 3;

async fn hub() -> Hub {
    HubSim::new().image(IMAGE, Image::small()).start().await
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_that_read_two_ways_come_as_they_are() {
    let hub = hub().await;
    let oci = "application/vnd.oci.image.manifest.v1+json";
    let docker_list = "application/vnd.docker.distribution.manifest.list.v2+json";
    let digest = format!("sha256:{}", "a".repeat(64));
    let deep = format!(
        "{{\"schemaVersion\":2,\"x\":{}{}}}",
        "[".repeat(20_000),
        "]".repeat(20_000)
    );
    let both = format!(
        "{{\"schemaVersion\":2,\"mediaType\":\"{oci}\",\"layers\":[{{\"digest\":\"{digest}\",\"size\":1}}],\
         \"manifests\":[{{\"digest\":\"{digest}\",\"size\":18446744073709551615}}]}}"
    );
    let documents: [(&str, Vec<u8>); 11] = [
        (oci, both.clone().into_bytes()),
        (docker_list, format!(" {both}").into_bytes()),
        (oci, b"{\"schemaVersion\":2,\"layers\":[],\"layers\":[{}],\"mediaType\":\"a\",\"mediaType\":\"b\"}".to_vec()),
        (oci, deep.into_bytes()),
        (oci, b"\xef\xbb\xbf{\"schemaVersion\":2}".to_vec()),
        (oci, b"{\"schemaVersion\":1e400,\"config\":{\"size\":-1}}".to_vec()),
        (oci, b"{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:../../x\",\"size\":1}}".to_vec()),
        (oci, b"{\"layers\":\"\xff\xfe\"}".to_vec()),
        (oci, b"not json at all".to_vec()),
        (oci, b"  {}\r\n\t ".to_vec()),
        ("application/x-whatever", b"{}".to_vec()),
    ];
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path());
    for life in ["cold", "warm"] {
        let program = setup.start();
        for (number, (media_type, document)) in documents.iter().enumerate() {
            let image = format!("library/odd:{number}");
            if life == "cold" {
                hub.push(
                    &image,
                    Image::raw(media_type, Bytes::from(document.clone())),
                );
            }
            let answer = program
                .get(&format!("/v2/library/odd/manifests/{number}"))
                .await;
            assert_eq!(answer.status, 200, "{life} {number}: {}", answer.text());
            assert!(answer.body == *document, "{life} {number}");
            assert_eq!(
                answer.header("content-type"),
                Some(*media_type),
                "{life} {number}"
            );
            assert_eq!(
                answer.header("docker-content-digest"),
                Some(&*hub.digest(&image))
            );
        }
        let (status, said) = program.stop();
        assert!(status.success() && !said.log.text().contains("panicked"));
        hub.clear_requests();
    }
}

/// Two repositories and two upstreams serve the same bytes as different things (CVE-2021-41190).
#[tokio::test(flavor = "multi_thread")]
async fn no_repository_decides_what_another_ones_manifest_is() {
    let oci = "application/vnd.oci.image.manifest.v1+json";
    let index = "application/vnd.oci.image.index.v1+json";
    let digest = format!("sha256:{}", "a".repeat(64));
    let layer = format!("[{{\"digest\":\"{digest}\",\"size\":1}}]");
    // What the bytes say of themselves, if anything.
    let documents = [
        (
            None,
            format!("{{\"layers\":{layer},\"manifests\":{layer}}}"),
        ),
        (None, "{\"schemaVersion\":2}".to_owned()),
        (None, "no manifest".to_owned()),
        (Some(oci), format!("{{\"layers\":{layer}}}")),
        (Some(index), format!("{{\"manifests\":{layer}}}")),
        (
            Some(oci),
            format!("{{\"mediaType\":\"{oci}\",\"layers\":{layer}}}"),
        ),
    ];
    let (hub, other) = (HubSim::new().start().await, HubSim::new().start().await);
    let folder = TempDir::new().unwrap();
    let setup = Setup::before(&hub, folder.path()).with(&upstream("other.example", &other));
    for life in ["cold", "kept"] {
        let program = setup.start();
        for (number, (says, document)) in documents.iter().enumerate() {
            let served = [
                (&hub, "library/first", "docker.io", oci),
                (&hub, "library/second", "docker.io", index),
                (
                    &other,
                    "library/first",
                    "other.example",
                    "application/x-third",
                ),
            ];
            for (hub, repository, ns, told) in served {
                let image = format!("{repository}:{number}");
                if life == "cold" {
                    hub.push(&image, Image::raw(told, Bytes::from(document.clone())));
                }
                let expected = says.unwrap_or(told);
                let digest = hub.digest(&image);
                for reference in [digest.clone(), number.to_string(), digest] {
                    let path = format!("/v2/{repository}/manifests/{reference}?ns={ns}");
                    let what = format!("{life} {number}: {path}");
                    let got = program.get(&path).await;
                    assert!(
                        got.status == 200 && got.body == document.as_bytes(),
                        "{what}"
                    );
                    assert_eq!(got.header("content-type"), Some(expected), "{what}");
                }
            }
        }
        assert!(program.stop().0.success());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_bodies_are_refused_and_fill_no_memory() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path())
        .with("[clients]\nloopback_push = true")
        .start();
    assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
    let before_kib = program.resident_kib();
    for (method, path) in [
        ("PUT", TAG),
        ("POST", "/v2/library/image/blobs/uploads/"),
        ("PATCH", "/v2/library/image/blobs/uploads/1"),
        ("GET", TAG),
        ("POST", "/metrics"),
        ("POST", "/"),
    ] {
        let answer = pour(&program, method, path).await;
        assert!(
            answer.status == 405 || answer.status == 404 || method == "GET" || path == "/metrics",
            "{method} {path}: {}",
            answer.head
        );
        let grown_kib = program.resident_kib().saturating_sub(before_kib);
        assert!(
            grown_kib < MAX_GROWTH_KIB,
            "{method} {path}: {grown_kib} KiB more"
        );
    }
    assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
}

/// Sends a chunked body of a gigabyte, or as much of it as is taken.
async fn pour(program: &Program, method: &str, path: &str) -> Answer {
    let host = program.address;
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n");
    pour_after(program, &head).await
}

/// The same after this head.
pub(crate) async fn pour_after(program: &Program, head: &str) -> Answer {
    let mut stream = TcpStream::connect(program.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = stream.split();
    let chunk = [b"100000\r\n".as_slice(), &vec![b'x'; 1024 * 1024], b"\r\n"].concat();
    let pouring = async {
        for _ in 0..1024 {
            if writing.write_all(&chunk).await.is_err() {
                return;
            }
        }
    };
    let mut answer = Vec::new();
    let reading = async {
        let _ = reading.read_to_end(&mut answer).await;
    };
    let both = async { tokio::join!(pouring, reading) };
    timeout(Duration::from_mins(1), both)
        .await
        .expect("it is cut in time");
    Answer::parse(&answer, false)
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_pages_of_lists_are_answered_or_refused() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path()).start();
    for n in [
        "0",
        "-1",
        "1000000000000000000",
        "99999999999999999999999",
        "abc",
        "",
        "1e9",
        "0x10",
        "%00",
        "1&n=2",
    ] {
        for last in [
            "",
            "zzz",
            "../..",
            "%0d%0aX:%20y",
            "%00",
            "%ff",
            "a,b;c",
            &"x".repeat(500),
        ] {
            let path = format!("/v2/library/image/tags/list?n={n}&last={last}");
            let answer = program.get(&path).await;
            assert!(
                [200, 400].contains(&answer.status),
                "{path}: {} {}",
                answer.head,
                answer.text()
            );
            assert!(answer.header("x").is_none());
        }
    }
    assert_eq!(
        program
            .get("/v2/_catalog?n=1000000000000000000")
            .await
            .text(),
        r#"{"repositories":[]}"#
    );
    assert!(!program.log().contains("panicked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_second_request_hides_in_the_body_of_a_first() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path()).start();
    assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
    let layer = format!(
        "/v2/library/image/blobs/{}",
        hub.layers(IMAGE).remove(0).digest()
    );
    let hidden = format!("GET {SMUGGLED} HTTP/1.1\r\nHost: x\r\n\r\n");
    let length = hidden.len();
    let framings = [
        // Honest: the body is the first request's own, and a cache hit must not leave it lying for a second.
        format!("Content-Length: {length}\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{hidden}\r\n0\r\n\r\n"),
        format!("Expect: 100-continue\r\nContent-Length: {length}\r\n\r\n{hidden}"),
        // Two lengths, or none that is one.
        format!("Content-Length: 0\r\nContent-Length: {length}\r\n\r\n{hidden}"),
        format!("Content-Length: {length}\r\nContent-Length: 0\r\n\r\n{hidden}"),
        format!("Content-Length: {length}, 0\r\n\r\n{hidden}"),
        format!("Content-Length: -1\r\n\r\n{hidden}"),
        format!("Content-Length: +{length}\r\n\r\n{hidden}"),
        format!("Content-Length: 0x{length:x}\r\n\r\n{hidden}"),
        format!("Content-Length : {length}\r\n\r\n{hidden}"),
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked, identity\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: xchunked\r\n\r\n{hidden}"),
        format!("Transfer-Encoding : chunked\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: \x0bchunked\r\n\r\n{hidden}"),
        format!("X: y\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{hidden}"),
        format!("Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n{hidden}"),
        format!("Transfer-Encoding: chunked\r\n\r\n-1\r\n{hidden}"),
        format!("X: y\rContent-Length: {length}\r\n\r\n{hidden}"),
        format!("X\x00: y\r\n\r\n{hidden}"),
    ];
    let mut asking = JoinSet::new();
    for path in [TAG, &layer, "/v2/", "/nowhere"] {
        for (number, framing) in framings.iter().enumerate() {
            for method in ["GET", "HEAD", "POST"] {
                let request = format!(
                    "{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n{framing}"
                );
                let is_found = number < HONEST && method != "POST" && path != "/nowhere";
                let address = program.address;
                asking.spawn(async move {
                    let (status, answers) = answers_to(address, request.as_bytes()).await;
                    // Honest framings are answered once; of the others a refusal is all that may come.
                    assert!(answers <= 1, "{answers} answers to {request:?}");
                    assert!(
                        status != 500 && (!is_found || status == 200),
                        "{status} to {request:?}"
                    );
                });
            }
        }
    }
    asking.join_all().await;
    let asked = hub.count(|record| record.target.contains("smuggled"));
    let (_, said) = program.stop();
    let out = said.out.text();
    let heard = out.lines().filter(|line| line.contains(SMUGGLED)).count();
    assert_eq!((asked, heard), (0, 0), "{out}");
}

/// The first answer's status, and how many came before the connection ended or fell silent.
async fn answers_to(address: SocketAddr, request: &[u8]) -> (u16, usize) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 65_536]);
    // The access log says afterwards whether more was heard than was answered in this time.
    while let Ok(Ok(count @ 1..)) = timeout(SILENCE, stream.read(&mut buffer)).await {
        bytes.extend(&buffer[..count]);
    }
    let text = String::from_utf8_lossy(&bytes);
    let text = text.replace("HTTP/1.1 100 Continue\r\n\r\n", "");
    let answers = text.matches("HTTP/1.1 ").count();
    (Answer::parse(text.as_bytes(), true).status, answers)
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_crawl_hold_nobody_up() {
    let hub = hub().await;
    let big = "library/big:1";
    hub.push(big, Image::with_layers(&[24 * MIB]));
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path()).start();
    let before_kib = program.resident_kib();
    let layer = format!(
        "/v2/library/big/blobs/{}",
        hub.layers(big).remove(0).digest()
    );
    let mut crawling = Vec::new();
    for number in 0..500 {
        let mut stream = TcpStream::connect(program.address).await.unwrap();
        // Half a head, or a whole one whose answer nobody reads: some join the fill, some come when it is done.
        let head = if number % 2 == 0 {
            "GET /v2/ HTTP/1.1\r\nHost: x\r\nX-".to_owned()
        } else {
            format!("GET {layer} HTTP/1.1\r\nHost: x\r\n\r\n")
        };
        stream.write_all(head.as_bytes()).await.unwrap();
        crawling.push(stream);
    }
    for image in [big, IMAGE, big] {
        let pulled = timeout(Duration::from_secs(20), pull(program.address, &hub, image)).await;
        assert_eq!(pulled.expect("nobody is held up"), Pulled::Whole);
    }
    let blob_gets = hub.count(|record| {
        record.is_get()
            && record.is(hub_sim::On::BlobContent)
            && record.repository.as_deref() == Some("library/big")
    });
    assert!(
        blob_gets <= 2,
        "the config and the layer once each, not {blob_gets}"
    );
    let grown_kib = program.resident_kib().saturating_sub(before_kib);
    assert!(
        grown_kib < 128 * 1024,
        "{grown_kib} KiB for {} connections",
        crawling.len()
    );
    drop(crawling);
    assert!(program.stop().0.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn line_ends_in_requests_reach_no_header_and_no_log() {
    let hub = hub().await;
    for format in ["text", "json"] {
        let folder = TempDir::new().unwrap();
        let log = format!("[log]\nlevel = \"trace\"\nformat = \"{format}\"");
        let program = Setup::before(&hub, folder.path()).with(&log).start();
        let forged = "%0d%0aX-Forged:%20yes%0d%0a%1b%5b31mred";
        let mut sent = 0;
        for path in [
            format!("/v2/library/{forged}/manifests/1"),
            format!("/v2/library/image/manifests/{forged}"),
            format!("/v2/library/image/manifests/1?ns={forged}"),
            format!("/v2/library/image/tags/list?last={forged}&n=1"),
            format!(
                "/v2/library/image/referrers/{}?artifactType={forged}",
                hub.digest(IMAGE)
            ),
            format!("/{forged}"),
        ] {
            let answer = program.get(&path).await;
            assert!(answer.header("x-forged").is_none(), "{}", answer.head);
            sent += 1;
        }
        for head in [
            "User-Agent: a\x1b[31mred\x1b]0;title\x07\r\n",
            "User-Agent: a\rforged\r\n",
            "User-Agent: a\x00b\r\n",
            "User-Agent: \u{202e}\u{85}\u{2028}x\r\n",
            "Host: a\x1b[31m\r\n",
            "Accept: \x7f\x1b\r\n",
        ] {
            let request =
                format!("GET {TAG} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n");
            exchange(program.address, request.as_bytes()).await;
        }
        exchange(
            program.address,
            b"GET /v2/\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n",
        )
        .await;
        let body = Bytes::from_static(b"\x1b[31mred\r\nforged line\x07\x00");
        hub.fault(hub_sim::Fault::Reply(403, Vec::new(), body))
            .on(hub_sim::On::Manifest)
            .once();
        let denied = program.get("/v2/library/denied/manifests/1").await;
        let is_clean = |text: &str| {
            text.chars()
                .all(|letter| letter == '\n' || !letter.is_control())
        };
        assert!(is_clean(&denied.text()), "{}", denied.text());
        program.get("/v2/library/last/manifests/1").await;
        program.wait_for_line("/v2/library/last/manifests/1");
        let (status, said) = program.stop();
        assert!(status.success());
        for text in [said.out.text(), said.log.text()] {
            let shown = text.replace('\u{1b}', "ESC");
            assert!(is_clean(&text), "{format}: {shown}");
            assert!(
                text.lines()
                    .all(|line| !line.starts_with("forged") && !line.starts_with("X-Forged")),
                "{shown}"
            );
        }
        assert!(
            said.out.text().lines().count() >= sent + 2,
            "{}",
            said.out.text()
        );
        if format == "json" {
            for line in said.out.text().lines().chain(said.log.text().lines()) {
                let parsed: Result<serde_json::Value, _> = serde_json::from_str(line);
                assert!(parsed.is_ok(), "{line}");
            }
        }
    }
}
