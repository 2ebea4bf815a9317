//! Who asks, for which host, how often, and by which age of HTTP.

use std::time::Duration;

use hub_sim::{Fault, Hub, HubSim, Image};
use rustix::process::Signal;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::program::{Program, Setup, upstream};
use crate::wire::{Answer, ask, exchange, get};

const TAG: &str = "/v2/library/image/manifests/1";

async fn hub() -> Hub {
    HubSim::new()
        .image("library/image:1", Image::with_layers(&[200_000]))
        .start()
        .await
}

async fn raw(program: &Program, request: &str) -> Answer {
    Answer::parse(&exchange(program.address, request.as_bytes()).await, false)
}

/// Below HTTP/1.1 the connection's end is the body's: it must not be mistaken for that of a body that broke off.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_client_gets_a_blob_of_unknown_size_whole_with_its_length_or_none_of_it() {
    for framing in [Fault::Chunked, Fault::NoLength] {
        for (fault, status) in [
            (None, 200),
            (Some(Fault::WrongBytes), 502),
            (Some(Fault::WrongByteAt(7)), 502),
            (Some(Fault::ShorterBy(1000)), 502),
        ] {
            let hub = hub().await;
            let folder = TempDir::new().unwrap();
            let program = Setup::before(&hub, folder.path()).start();
            hub.fault(framing.clone()).always();
            if let Some(fault) = &fault {
                hub.fault(fault.clone()).always();
            }
            let layer = &hub.blobs("library/image:1")[1];
            let path = format!("/v2/library/image/blobs/{}", layer.digest());
            let answer = raw(&program, &format!("GET {path} HTTP/1.0\r\n\r\n")).await;
            assert_eq!(
                (answer.status, answer.whole),
                (status, true),
                "{framing:?} {fault:?} {}",
                answer.head
            );
            if fault.is_none() {
                assert!(answer.body == layer.bytes());
                // Until it is kept, its size is known to nobody, and a range may be ignored.
                program
                    .wait_for_metric(
                        "forebay_fills_ended_total{upstream=\"docker.io\",end=\"kept\"}",
                    )
                    .await;
                let part = format!("GET {path} HTTP/1.0\r\nRange: bytes=10-19\r\n\r\n");
                let part = raw(&program, &part).await;
                assert_eq!((part.status, part.whole), (206, true), "{}", part.head);
                assert!(part.body == layer.bytes()[10..20]);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_named_once_and_the_uris_goes_first() {
    let (root, other) = (
        hub().await,
        HubSim::new()
            .image("library/image:1", Image::small())
            .start()
            .await,
    );
    let folder = TempDir::new().unwrap();
    let ghcr = upstream("ghcr.io", &other) + "\nhosts = [\"gh.local\"]";
    let program = Setup::before(&root, folder.path()).with(&ghcr).start();
    let digest = |hub: &Hub| hub.manifest("library/image:1").digest().to_owned();
    let (roots, others) = (digest(&root), digest(&other));
    for (target, hosts, expected) in [
        (TAG.to_owned(), "Host: x\r\n", Some(&roots)),
        (TAG.to_owned(), "Host: gh.local\r\n", Some(&others)),
        (
            format!("http://gh.local{TAG}"),
            "Host: x\r\n",
            Some(&others),
        ),
        (format!("http://x{TAG}"), "Host: gh.local\r\n", Some(&roots)),
        (TAG.to_owned(), "Host: gh.local\r\nHost: x\r\n", None),
        (TAG.to_owned(), "Host: x\r\nHost: gh.local\r\n", None),
        (TAG.to_owned(), "", None),
        (TAG.to_owned(), "Host: gh local\r\n", None),
        (format!("http://u:p@gh.local{TAG}"), "Host: x\r\n", None),
    ] {
        let request = format!("GET {target} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        let answer = raw(&program, &request).await;
        let status = if expected.is_some() { 200 } else { 400 };
        assert_eq!(answer.status, status, "{request}");
        let told = answer.header("docker-content-digest").map(str::to_owned);
        assert_eq!(told.as_ref(), expected, "{request}");
    }
}

/// No redirect, and no address that a request has brought along, in whatever form it asks.
#[tokio::test(flavor = "multi_thread")]
async fn no_answer_leads_to_another_host() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path()).start();
    for host in [
        "evil.example",
        "evil.example:443",
        "",
        "evil.example/@127.0.0.1",
        "127.0.0.1@evil.example",
    ] {
        for (method, target) in [
            ("GET", "/"),
            ("GET", "//evil.example/"),
            ("GET", "//evil.example/v2/"),
            ("GET", "/v2"),
            ("GET", "/v2/?next=//evil.example"),
            ("GET", "/v2//evil.example/manifests/1"),
            ("GET", "/v2/%2f%2fevil.example/manifests/1"),
            ("GET", "http://evil.example/v2/"),
            ("GET", TAG),
            ("POST", "/v2/app/blobs/uploads/"),
            ("POST", "/v2/library/image/blobs/uploads/"),
            ("GET", "/metrics/"),
        ] {
            let request = format!(
                "{method} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let answer = raw(&program, &request).await;
            assert!(
                !(300..400).contains(&answer.status),
                "{request}{}",
                answer.head
            );
            let leads = answer.header("location").is_none_or(|to| {
                to.starts_with('/') && !to.starts_with("//") && !to.contains("evil")
            });
            assert!(leads, "{request}{}", answer.head);
            let asked = hub
                .requests()
                .iter()
                .any(|seen| seen.target.contains("evil"));
            assert!(!asked, "{request}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_page_may_not_ask() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path()).start();
    for header in [
        "Origin: https://page.example\r\n",
        "Sec-Fetch-Site: cross-site\r\n",
    ] {
        let answer = ask(program.address, "GET", TAG, header).await;
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    assert_eq!(hub.requests().len(), 0);
    let typed = ask(program.address, "GET", TAG, "Sec-Fetch-Site: none\r\n").await;
    assert_eq!(typed.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_listed_proxy_says_for_whom_it_asks() {
    const FOR: &str = "X-Forwarded-For: 10.1.2.3\r\n";
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let plain = Setup::before(&hub, folder.path());
    let program = plain.start();
    let spoofed = ask(program.address, "GET", TAG, FOR).await;
    assert_eq!(spoofed.status, 200, "loopback stays loopback");
    program.wait_for_line(" 127.0.0.1 GET /v2/library");
    let (_, said) = program.stop();
    assert!(!said.out.text().contains("10.1.2.3"));

    let proxied = |allow: &str| {
        plain.clone().with(&format!(
            "[clients]\nallow = [\"{allow}\"]\ntrusted_proxies = [\"127.0.0.1/32\"]"
        ))
    };
    let program = proxied("10.0.0.0/8").start();
    let allowed = ask(program.address, "GET", TAG, FOR).await;
    assert_eq!(allowed.status, 200, "{}", allowed.text());
    program.wait_for_line(" 10.1.2.3 GET /v2/library");
    let readiness = ask(program.address, "GET", "/metrics", FOR).await;
    assert_eq!(readiness.status, 200);
    drop(program);
    let program = proxied("10.9.0.0/16").start();
    for path in [TAG, "/metrics"] {
        let stranger = ask(program.address, "GET", path, FOR).await;
        assert_eq!(stranger.status, 403, "{path}");
    }
    let chained = "X-Forwarded-For: 10.9.1.1, 11.1.1.1\r\n";
    assert_eq!(ask(program.address, "GET", TAG, chained).await.status, 403);
    let garbage = "X-Forwarded-For: 10.9.1.1, nobody\r\n";
    assert_eq!(ask(program.address, "GET", TAG, garbage).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_asks_too_often_is_told_so_and_others_are_not() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path())
        .with("[[clients.limits]]\nuser = \"ci\"\nrequests_per_minute = 1\nburst = 3")
        .with("[[clients.limits]]\nagent = \"containerd\"\nrequests_per_minute = 1\nburst = 1")
        .start();
    // ci:s3cret
    let login = "Authorization: Basic Y2k6czNjcmV0\r\n";
    let containerd = "User-Agent: containerd/2.1\r\n";
    for (headers, statuses) in [
        (login, vec![200, 200, 200, 429, 429]),
        (containerd, vec![200, 503, 503]),
        ("", vec![200; 10]),
    ] {
        for status in statuses {
            let answer = ask(program.address, "GET", TAG, headers).await;
            assert_eq!(answer.status, status, "{headers}");
            if status != 200 {
                let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
                assert!((1..=60).contains(&wait), "{wait}");
                assert!(answer.text().contains("TOOMANYREQUESTS"));
            }
        }
    }
    let limited = "forebay_clients_limited_total{upstream=\"docker.io\"}";
    assert_eq!(
        program.metric(limited).await.map(f64::to_bits),
        Some(4_f64.to_bits())
    );
    let (_, said) = program.stop();
    for secret in ["s3cret", "Y2k6", "Basic"] {
        assert!(!said.out.text().contains(secret) && !said.log.text().contains(secret));
    }
}

/// A pull that stands in its middle, its first bytes read.
async fn in_flight(hub: &Hub, program: &Program) -> TcpStream {
    let gate = hub_sim::Gate::closed();
    hub.fault(Fault::HoldBodyAt(100_000, gate)).always();
    let layer = &hub.blobs("library/image:1")[1];
    let mut stream = TcpStream::connect(program.address).await.unwrap();
    let path = format!("/v2/library/image/blobs/{}", layer.digest());
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 100]).await.unwrap();
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_ends_at_once_and_what_is_cut_is_in_the_access_log() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path())
        .with("[server]\ndrain = \"1h\"")
        .start();
    let _stream = in_flight(&hub, &program).await;
    program.signal(Signal::TERM);
    program.wait_for_log("a second signal");
    program.signal(Signal::INT);
    let (status, said) = program.ended();
    assert!(status.success());
    let out = said.out.text();
    let line = out.lines().find(|line| line.contains("/blobs/"));
    assert!(line.is_some_and(|line| line.contains(" cut ")), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_drain_cuts_is_in_the_access_log() {
    let hub = hub().await;
    let folder = TempDir::new().unwrap();
    let program = Setup::before(&hub, folder.path())
        .with("[server]\ndrain = \"100ms\"")
        .start();
    let _stream = in_flight(&hub, &program).await;
    let (_, said) = program.stop();
    assert!(said.log.text().contains("stopping before all was finished"));
    let out = said.out.text();
    let line = out.lines().find(|line| line.contains("/blobs/"));
    assert!(line.is_some_and(|line| line.contains(" cut ")), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_told_to_stop_says_so_while_it_still_takes_connections() {
    let folder = TempDir::new().unwrap();
    let program = Setup::new(folder.path())
        .with("[server]\nstop_delay = \"5m\"")
        .start();
    assert_eq!(get(program.address, "/readyz").await.status, 200);
    program.signal(Signal::TERM);
    program.wait_for_log("stopping");
    let told = async {
        loop {
            let answer = get(program.address, "/readyz").await;
            if answer.status == 503 {
                return answer;
            }
        }
    };
    let answer = tokio::time::timeout(Duration::from_mins(1), told)
        .await
        .unwrap();
    assert!(answer.text().contains("stopping"), "{}", answer.text());
    assert_eq!(get(program.address, "/healthz").await.status, 200);
    assert_eq!(get(program.address, "/v2/").await.status, 200);
    program.signal(Signal::TERM);
    let (status, _) = program.ended();
    assert!(status.success());
}
