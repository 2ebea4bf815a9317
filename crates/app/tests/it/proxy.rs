//! Proxies between the program and an upstream.

use hub_sim::{HubSim, Image, Tls};

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
