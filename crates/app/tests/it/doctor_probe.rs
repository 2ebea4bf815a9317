//! `doctor --probe`: what a hub sees of us, asked for without a pull.

use std::time::UNIX_EPOCH;

use hub_sim::{HubSim, Tls, hours};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::program::Forebay;

/// No client's files but those that the test writes.
fn probe(setup: &Forebay) -> [String; 5] {
    let root = setup.file("machine").display().to_string();
    ["doctor", "--probe", "--root", &root, "--json"].map(str::to_owned)
}

async fn run(setup: &Forebay) -> (Option<i32>, String) {
    let args = probe(setup);
    let ended = setup.run(&args.each_ref().map(String::as_str)).await;
    (ended.status.code(), format!("{}{}", ended.out, ended.log))
}

/// What was found of one thing.
fn found(told: &str, what: &str) -> String {
    let told: serde_json::Value = serde_json::from_str(told).expect("JSON");
    let checks = told["probe"]["checks"].as_array().expect("checks");
    let all = checks.iter().filter(|check| check["what"] == what);
    let texts = all.map(|check| {
        let mark = if check["is_bad"] == true { "! " } else { "" };
        format!("{mark}{}", check["found"].as_str().expect("a text"))
    });
    texts.collect::<Vec<_>>().join("; ")
}

#[tokio::test]
async fn a_probe_tells_what_the_registry_sees_and_spends_no_pull() {
    let hub = HubSim::new().anonymous_limit(100, hours(6)).real_time();
    let hub = hub.start().await;
    let (code, told) = run(&Forebay::before(&hub)).await;
    assert_eq!(found(&told, "answer"), "GET /v2/ is answered 401", "{told}");
    assert_eq!(found(&told, "address"), "it sees 127.0.0.1");
    assert_eq!(found(&told, "budget"), "100 of 100 pulls are left");
    assert_eq!(found(&told, "credentials"), "none are configured");
    assert_eq!(found(&told, "ipv4"), "there is a way to 127.0.0.1");
    assert_eq!(code, Some(0), "{told}");
    assert_eq!(hub.charged(), 0);
    insta::assert_snapshot!(hub.requests(), @r"
    GET registry /v2/ 401
    HEAD registry /v2/ratelimitpreview/test/manifests/latest 401
    GET token /token?service=registry.docker.io&scope=repository%3Aratelimitpreview%2Ftest%3Apull 200
    HEAD registry /v2/ratelimitpreview/test/manifests/latest 200
    ");
}

#[tokio::test]
async fn credentials_are_applied_or_refused_and_an_empty_budget_is_a_finding() {
    let hub = HubSim::new().account("ci", "s3cret", Some((200, hours(6))));
    let hub = hub.real_time().start().await;
    let keys = |password: &str| format!("username = \"ci\"\npassword = \"{password}\"");
    let setup = Forebay::new().upstream_with("docker.io", &hub, &keys("s3cret"));
    let (code, told) = run(&setup).await;
    assert_eq!(found(&told, "credentials"), "they are applied", "{told}");
    assert_eq!(found(&told, "budget"), "200 of 200 pulls are left");
    assert_eq!(code, Some(0));
    assert!(!told.contains("s3cret"));

    hub.spend_account("ci", 200);
    let (code, told) = run(&setup).await;
    assert_eq!(
        found(&told, "budget"),
        "! 0 of 200 pulls are left",
        "{told}"
    );
    assert_eq!(code, Some(1));

    let wrong = Forebay::new().upstream_with("docker.io", &hub, &keys("wr0ng"));
    let (code, told) = run(&wrong).await;
    assert!(found(&told, "budget").starts_with("! not told: "), "{told}");
    assert_eq!(code, Some(1));
    assert!(!told.contains("wr0ng"));
}

#[tokio::test]
async fn a_clock_that_is_wrong_and_a_mirror_that_is_not_there_are_findings() {
    let hub = HubSim::new().anonymous_limit(100, hours(6));
    // Its clock stands there.
    let hub = hub.starting_at(UNIX_EPOCH + hours(300_000)).start().await;
    let setup = Forebay::before(&hub);
    let docker = setup.file("machine/etc/docker");
    std::fs::create_dir_all(&docker).expect("a folder");
    let mirrors = format!(
        "{{\"registry-mirrors\": [\"{}\", \"http://127.0.0.1:9\"]}}",
        hub.url()
    );
    std::fs::write(docker.join("daemon.json"), mirrors).expect("a file");
    let (code, told) = run(&setup).await;
    assert!(found(&told, "clock").starts_with("! ours is "), "{told}");
    let mirror = found(&told, "mirror");
    assert!(mirror.contains("answers 401"), "{mirror}");
    assert!(
        mirror.contains("! http://127.0.0.1:9/ does not answer: clients go past it"),
        "{mirror}"
    );
    assert_eq!(code, Some(1));
}

/// The check of a hub's certificate, under its own authority where it is given.
async fn look_at_certificate(kind: Tls, is_trusted: bool) -> (serde_json::Value, Option<i32>) {
    let hub = HubSim::new().anonymous_limit(100, hours(6)).real_time();
    let hub = hub.tls(kind).start().await;
    let setup = if is_trusted {
        let forebay = Forebay::new();
        let pem = hub.ca_pem().expect("it speaks TLS");
        std::fs::write(forebay.file("ca.pem"), pem).expect("a file in our own folder");
        forebay.upstream_with("docker.io", &hub, "ca_file = \"ca.pem\"")
    } else {
        Forebay::before(&hub)
    };
    let (code, told) = run(&setup).await;
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let checks = told["probe"]["checks"].as_array().expect("checks");
    let tls = checks.iter().find(|check| check["what"] == "tls");
    (tls.expect("a check of TLS").clone(), code)
}

#[tokio::test]
async fn each_bad_certificate_is_a_finding_of_its_own_with_its_cure() {
    for (kind, is_trusted, fault, found, cure) in [
        (
            Tls::Expired,
            true,
            "certificate-expired",
            "ended 2021-01-01 00:00 UTC",
            "renew it",
        ),
        (
            Tls::NotYetValid,
            true,
            "certificate-not-yet-valid",
            "begins 2400-01-01 00:00 UTC",
            "timedatectl set-ntp true",
        ),
        (
            Tls::WrongName,
            true,
            "certificate-wrong-name",
            "but for elsewhere.example",
            "another server answers",
        ),
        (
            Tls::Valid,
            false,
            "certificate-unknown-issuer",
            "signed by nobody",
            "ca_file = \"FILE.pem\" in [upstreams.\"docker.io\"]",
        ),
    ] {
        let (check, code) = look_at_certificate(kind, is_trusted).await;
        assert_eq!(check["fault"], fault, "{check}");
        let text = |key: &str| check[key].as_str().expect("a text").to_owned();
        assert!(text("found").contains(found), "{check}");
        assert!(text("cure").contains(cure), "{check}");
        assert_eq!((&check["is_bad"], code), (&true.into(), Some(1)));
    }
    let (check, code) = look_at_certificate(Tls::Valid, true).await;
    assert_eq!(
        (&check["is_bad"], code),
        (&false.into(), Some(0)),
        "{check}"
    );
    assert_eq!(check.get("fault"), None);
}

/// Answers whatever comes in plain HTTP, for ever.
async fn answer_plainly(listener: &TcpListener) {
    while let Ok((mut socket, _)) = listener.accept().await {
        let mut hello = [0; 1024];
        if socket.read(&mut hello).await.is_ok_and(|bytes| bytes > 0) {
            let answer = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n400 Bad Request";
            socket.write_all(answer).await.expect("the peer reads");
        }
    }
}

#[tokio::test]
async fn a_registry_that_answers_in_plain_http_is_told_as_that() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let setup = Forebay::new().with(&format!(
        "[upstreams.\"docker.io\"]\nurl = \"https://{address}\""
    ));
    let (code, told) = tokio::select! {
        ended = run(&setup) => ended,
        () = answer_plainly(&listener) => panic!("the listener broke"),
    };
    assert!(
        found(&told, "tls").contains("does not speak TLS: plain HTTP"),
        "{told}"
    );
    assert!(told.contains("\"fault\":\"no-tls\""), "{told}");
    assert_eq!(code, Some(1));
}

#[tokio::test]
async fn nobody_is_asked_that_the_configuration_does_not_name() {
    let hub = HubSim::new().start().await;
    let setup = Forebay::before(&hub);
    let ended = setup.run(&["doctor", "--probe=elsewhere.test"]).await;
    assert_eq!(ended.status.code(), Some(3));
    assert!(
        ended.log.contains("no upstream is called elsewhere.test"),
        "{}",
        ended.log
    );
    assert_eq!(hub.requests().to_string(), "");
}
