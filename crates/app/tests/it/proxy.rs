//! Proxies between the program and an upstream.

use hub_sim::{Hub, HubSim, Image, Tls};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::client::PATIENCE;
use crate::image::Pull;
use crate::program::Forebay;

/// The hub plays a proxy that takes TLS: it answers for whatever host it is asked for.
#[tokio::test]
async fn a_proxy_is_spoken_to_by_tls_where_its_address_says_https() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .open()
        .blobs_inline()
        .tls(Tls::Valid)
        .start()
        .await;
    // Nobody listens there: what is answered came through the proxy.
    let url = "http://10.255.255.1:9";
    let setup = Forebay::new().with(&format!(
        "[upstreams.\"docker.io\"]\nurl = \"{url}\"\nproxy = \"{}\"\nca_file = \"ca.pem\"",
        hub.url()
    ));
    let ca = hub.ca_pem().expect("a hub with TLS");
    std::fs::write(setup.file("ca.pem"), ca).expect("a file in our own folder");
    let program = setup.start().await;
    Pull::of(&hub, "library/nginx:1").succeeds(&program).await;
    assert!(!hub.requests().is_empty());
}

#[tokio::test]
async fn what_is_no_proxy_that_we_can_speak_to_stops_the_start() {
    for proxy in ["socks5://127.0.0.1:1080", "ftp://127.0.0.1", "http://"] {
        let setup = Forebay::new().with(&format!("[upstreams.\"docker.io\"]\nproxy = \"{proxy}\""));
        let checked = setup.run(&["config", "check"]).await;
        assert_eq!(checked.status.code(), Some(2), "{proxy}: {}", checked.log);
        let told = checked.log.contains("`upstreams.\"docker.io\".proxy`");
        assert!(told, "{proxy}: {}", checked.log);
    }
}

const IMAGE: &str = "library/nginx:1";

/// Answers for whatever host it is asked for, as a proxy of plain http does.
async fn open_hub() -> Hub {
    let hub = HubSim::new().image(IMAGE, Image::small());
    hub.open().blobs_inline().start().await
}

#[tokio::test]
async fn the_environments_proxy_is_asked_for_a_plain_upstream() {
    for name in ["HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        let proxy = open_hub().await;
        // Nobody listens there: what is answered came through the proxy.
        let setup =
            Forebay::new().with("[upstreams.\"docker.io\"]\nurl = \"http://10.255.255.1:9\"");
        let program = setup.env(name, &proxy.url()).start().await;
        Pull::of(&proxy, IMAGE).succeeds(&program).await;
        assert!(!proxy.requests().is_empty(), "{name}");
    }
}

#[tokio::test]
async fn the_environments_proxy_is_asked_for_a_tunnel_to_a_tls_upstream() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = proxy.local_addr().expect("an address");
    let setup =
        Forebay::new().with("[upstreams.\"docker.io\"]\nurl = \"https://registry.invalid\"");
    let program = setup
        .env("HTTPS_PROXY", &format!("http://{address}"))
        // Of another scheme, and not to be asked.
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .start()
        .await;
    let asked = async {
        let (mut wire, _) = proxy.accept().await.expect("a connection");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(wire.read_u8().await.expect("a head"));
        }
        let refusal = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
        wire.write_all(refusal).await.expect("a listener");
        String::from_utf8(head).expect("a head in ASCII")
    };
    let pull = program.get("/v2/library/nginx/manifests/1");
    let head = tokio::select! {
        head = timeout(PATIENCE, asked) => head.expect("a proxy that is asked"),
        answer = pull => panic!("nobody asked the proxy: {}", answer.text()),
    };
    assert!(
        head.starts_with("CONNECT registry.invalid:443 HTTP/1.1\r\n"),
        "{head}"
    );
}

#[tokio::test]
async fn an_upstream_that_no_proxy_names_is_asked_itself() {
    let (proxy, upstream) = (open_hub().await, open_hub().await);
    let setup = Forebay::before(&upstream).env("HTTP_PROXY", &proxy.url());
    // The same set-up without it goes through the proxy.
    let without = setup.start().await;
    Pull::of(&proxy, IMAGE).succeeds(&without).await;
    assert!(!proxy.requests().is_empty());
    assert!(upstream.requests().is_empty());
    without.stop().await;
    let asked_before = proxy.requests().len();
    let setup = Forebay::before(&upstream).env("HTTP_PROXY", &proxy.url());
    let program = setup
        .env("NO_PROXY", "registry.example,127.0.0.1")
        .start()
        .await;
    Pull::of(&upstream, IMAGE).succeeds(&program).await;
    assert!(!upstream.requests().is_empty());
    assert_eq!(proxy.requests().len(), asked_before);
}
