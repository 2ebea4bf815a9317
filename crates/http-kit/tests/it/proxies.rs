//! Requests through a proxy of the operator's.

use std::sync::{Arc, Mutex};

use forebay_http_kit::{Client, ClientError, ClientPolicy, ProxyEnvironment, ProxyRule, SendError};
use forebay_jobs::Supervisor;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::tls::{authority, good, trusting};
use super::upstream::{Upstream, get, impatient, ok};

/// A proxy that connects every CONNECT to one upstream, whatever name it was asked for, and keeps what it was asked.
struct ConnectProxy {
    address: String,
    asked: Arc<Mutex<Vec<String>>>,
    _tasks: Supervisor,
}

impl ConnectProxy {
    async fn start(upstream: &Upstream, status: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (asked, tasks) = (Arc::<Mutex<Vec<String>>>::default(), Supervisor::new());
        let (log, target, spawner) = (asked.clone(), upstream.address, tasks.clone());
        tasks.spawn("proxy", async move {
            while let Ok((mut client, _)) = listener.accept().await {
                let log = log.clone();
                spawner.spawn("tunnel", async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(client.read_u8().await.unwrap());
                    }
                    log.lock().unwrap().push(String::from_utf8(head).unwrap());
                    let answer = format!("HTTP/1.1 {status}\r\nx-proxy: yes\r\n\r\n");
                    client.write_all(answer.as_bytes()).await.unwrap();
                    if status.starts_with("200") {
                        let mut server = TcpStream::connect(target).await.unwrap();
                        let _ = copy_bidirectional(&mut client, &mut server).await;
                    }
                });
            }
        });
        Self {
            address,
            asked,
            _tasks: tasks,
        }
    }

    fn rule(&self, no_proxy: &str) -> ProxyRule {
        ProxyRule::Url {
            url: format!("http://us%65r:p%40ss@{}", self.address),
            no_proxy: no_proxy.to_owned(),
        }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn https_goes_through_a_tunnel_and_the_proxy_resolves_the_name() {
    let authority = authority();
    let upstream = good(&authority, |_| ok("tunnelled")).await;
    let proxy = ConnectProxy::start(&upstream, "200 Connection established").await;
    let mut policy = trusting(&authority, &upstream);
    policy.proxy = proxy.rule("");
    let client = Client::new(policy).unwrap();
    // The certificate is for 127.0.0.1: by this name TLS inside of the tunnel fails, but the proxy was asked for it.
    let by_name = client
        .send(get(Url::parse("https://registry.invalid/v2/").unwrap()))
        .await;
    assert!(matches!(by_name, Err(SendError::Tls { .. })), "{by_name:?}");
    let url = Url::parse(&format!("https://{}/v2/", upstream.address)).unwrap();
    let reply = client.send(get(url)).await.unwrap();
    assert_eq!(
        &reply.body.read_capped(100).await.unwrap()[..],
        b"tunnelled"
    );
    let asked = proxy.asked();
    assert!(
        asked[0]
            .starts_with("CONNECT registry.invalid:443 HTTP/1.1\r\nHost: registry.invalid:443\r\n"),
        "{asked:?}"
    );
    assert!(asked[1].starts_with(&format!("CONNECT {} HTTP/1.1\r\n", upstream.address)));
    assert!(asked[1].contains("\r\nProxy-Authorization: Basic dXNlcjpwQHNz\r\n"));
    assert_eq!(upstream.seen()[0].header("proxy-authorization"), None);
}

#[tokio::test]
async fn http_is_asked_of_the_proxy_by_whole_url() {
    let proxy = Upstream::start(|_| ok("proxied")).await;
    let rule = ProxyRule::Url {
        url: format!("http://user:pass@{}", proxy.address),
        no_proxy: String::new(),
    };
    let client = Client::new(ClientPolicy {
        proxy: rule,
        ..impatient()
    })
    .unwrap();
    client
        .send(get(Url::parse("http://registry.invalid/v2/?n=1").unwrap()))
        .await
        .unwrap();
    let seen = &proxy.seen()[0];
    assert_eq!(seen.path(), "http://registry.invalid/v2/?n=1");
    assert_eq!(
        seen.header("proxy-authorization"),
        Some("basic dxnlcjpwyxnz")
    );
    assert_eq!(seen.header("host"), Some("registry.invalid"));
}

#[tokio::test]
async fn a_proxy_is_no_way_to_a_literal_address_of_the_inside() {
    let upstream = Upstream::start(|_| ok("never")).await;
    let proxy = ConnectProxy::start(&upstream, "200 OK").await;
    let client = Client::new(ClientPolicy {
        proxy: proxy.rule(""),
        ..impatient()
    })
    .unwrap();
    for url in [
        "https://169.254.169.254/",
        "http://10.0.0.1/",
        "http://[::1]/",
        "http://2130706433/",
    ] {
        let outcome = client.send(get(Url::parse(url).unwrap())).await;
        assert!(
            matches!(outcome, Err(SendError::Refused { .. })),
            "{url}: {outcome:?}"
        );
    }
    assert!(proxy.asked().is_empty());
}

#[tokio::test]
async fn what_no_proxy_lists_is_dialled_straight() {
    let upstream = Upstream::start(|_| ok("straight")).await;
    let proxy = ConnectProxy::start(&upstream, "200 OK").await;
    for rule in [
        proxy.rule("example.com, 127.0.0.0/8"),
        ProxyRule::Environment(ProxyEnvironment {
            http: format!("http://{}", proxy.address),
            no: "127.0.0.1".to_owned(),
            ..ProxyEnvironment::default()
        }),
        // For https alone.
        ProxyRule::Environment(ProxyEnvironment {
            https: proxy.address.clone(),
            ..ProxyEnvironment::default()
        }),
    ] {
        let client = Client::new(ClientPolicy {
            proxy: rule,
            ..upstream.policy()
        })
        .unwrap();
        client.send(get(upstream.url("/"))).await.unwrap();
    }
    assert!(proxy.asked().is_empty());
    assert_eq!(upstream.seen().len(), 3);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_from_an_upstream_that_does() {
    let upstream = Upstream::start(|_| ok("never")).await;
    for (answer, expected) in [
        ("407 Proxy Authentication Required", 407),
        ("502 Bad Gateway", 502),
    ] {
        let proxy = ConnectProxy::start(&upstream, answer).await;
        let client = Client::new(ClientPolicy {
            proxy: proxy.rule(""),
            ..impatient()
        })
        .unwrap();
        let outcome = client
            .send(get(Url::parse("https://registry.invalid/").unwrap()))
            .await;
        assert!(
            matches!(outcome, Err(SendError::ProxyRefused { status, .. }) if status == expected),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_is_an_error_at_the_start_and_its_password_is_not_shown() {
    for url in [
        "socks5://secret@127.0.0.1:1",
        "ftp://secret@host",
        "http://",
        "::::",
    ] {
        let rule = ProxyRule::Url {
            url: url.to_owned(),
            no_proxy: String::new(),
        };
        assert!(!format!("{rule:?}").contains("secret"));
        let error = Client::new(ClientPolicy {
            proxy: rule,
            ..impatient()
        })
        .unwrap_err();
        assert!(matches!(error, ClientError::Proxy { .. }), "{url}");
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}
