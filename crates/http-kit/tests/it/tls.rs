//! A12, fault 16: a certificate that is wrong is refused, and it is said in what way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use forebay_http_kit::{
    AddressPolicy, Client, ClientError, ClientPolicy, Credentials, Origin, RedirectRefusal,
    SendError, Stage, TlsCause, Trust,
};
use http::HeaderValue;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use socket2::{Domain, Type};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use url::Url;

use super::upstream::{Seen, Step, Upstream, get, impatient, ok, redirect};
use super::wire::PATIENCE;

/// A time-out of connections that ends in the time of a test.
const SHORT_CONNECT: Duration = Duration::from_millis(200);

pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

pub(crate) fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for `host`, changed by `change`, and its key.
fn certificate(
    authority: &Authority,
    host: &str,
    change: fn(&mut CertificateParams),
) -> ServerConfig {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
    change(&mut params);
    let signed = params.signed_by(&key, authority).unwrap();
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.der().clone()], key)
        .unwrap()
}

/// An upstream behind TLS on 127.0.0.1.
pub(crate) async fn secure(
    config: ServerConfig,
    answers: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
) -> Upstream {
    let (upstream, listener) = Upstream::bind("127.0.0.1", answers).await;
    let (server, acceptor) = (upstream.clone(), TlsAcceptor::from(Arc::new(config)));
    upstream.tasks().spawn("tls upstream", async move {
        while let Ok((socket, _)) = listener.accept().await {
            if let Ok(wire) = acceptor.accept(socket).await {
                server.serve(wire);
            }
        }
    });
    upstream
}

/// An upstream with a good certificate.
pub(crate) async fn good(
    authority: &Authority,
    answers: impl Fn(&Seen) -> Vec<Step> + Send + Sync + 'static,
) -> Upstream {
    secure(certificate(authority, "127.0.0.1", |_| {}), answers).await
}

pub(crate) fn secure_url(upstream: &Upstream, path: &str) -> Url {
    Url::parse(&format!("https://{}{path}", upstream.address)).unwrap()
}

pub(crate) fn trusting(authority: &Authority, upstream: &Upstream) -> ClientPolicy {
    let trust = Trust {
        extra_roots_pem: Some(authority.pem().into_bytes()),
        insecure: false,
    };
    ClientPolicy {
        trust,
        ..upstream.policy()
    }
}

async fn cause(policy: ClientPolicy, upstream: &Upstream) -> TlsCause {
    match Client::new(policy)
        .unwrap()
        .send(get(secure_url(upstream, "/")))
        .await
    {
        Err(SendError::Tls { cause, .. }) => cause,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_certificate_of_an_authority_that_was_added_is_believed() {
    let authority = authority();
    let upstream = good(&authority, |_| ok("secure")).await;
    let client = Client::new(trusting(&authority, &upstream)).unwrap();
    let reply = client.send(get(secure_url(&upstream, "/"))).await.unwrap();
    assert_eq!(&reply.body.read_capped(100).await.unwrap()[..], b"secure");
}

#[tokio::test]
async fn a_wrong_certificate_is_refused_and_the_reason_is_told() {
    let authority = authority();
    let expired = certificate(&authority, "127.0.0.1", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let future = certificate(&authority, "127.0.0.1", |params| {
        params.not_before = date_time_ymd(2400, 1, 1);
    });
    let other_name = certificate(&authority, "registry.example", |_| {});
    for (config, expected) in [
        (
            expired,
            TlsCause::Expired {
                until_unix_s: Some(date_time_ymd(2021, 1, 1).unix_timestamp().unsigned_abs()),
            },
        ),
        (
            future,
            TlsCause::NotYetValid {
                from_unix_s: Some(date_time_ymd(2400, 1, 1).unix_timestamp().unsigned_abs()),
            },
        ),
        (
            other_name,
            TlsCause::WrongName {
                names: vec!["registry.example".to_owned()],
            },
        ),
    ] {
        let upstream = secure(config, |_| ok("never")).await;
        assert_eq!(
            cause(trusting(&authority, &upstream), &upstream).await,
            expected
        );
        assert!(upstream.seen().is_empty());
    }
    let upstream = good(&authority, |_| ok("never")).await;
    assert_eq!(
        cause(upstream.policy(), &upstream).await,
        TlsCause::UnknownIssuer
    );
}

#[tokio::test]
async fn insecure_believes_any_certificate_for_its_own_client_alone() {
    let upstream = secure(certificate(&authority(), "other.example", |_| {}), |_| {
        ok("insecure")
    })
    .await;
    let trust = Trust {
        extra_roots_pem: None,
        insecure: true,
    };
    let client = Client::new(ClientPolicy {
        trust,
        ..upstream.policy()
    })
    .unwrap();
    assert!(client.send(get(secure_url(&upstream, "/"))).await.is_ok());
    assert!(
        upstream
            .client()
            .send(get(secure_url(&upstream, "/")))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_peer_that_does_not_speak_tls_is_told_so() {
    let upstream = Upstream::start(|_| ok("plain")).await;
    let hello = Upstream::bind("127.0.0.1", |_| ok("")).await;
    let listener = hello.1;
    let address = hello.0.address;
    hello.0.tasks().spawn("plain", async move {
        use tokio::io::AsyncWriteExt;
        while let Ok((mut socket, _)) = listener.accept().await {
            let _ = socket.write_all(b"HTTP/1.0 400 Bad Request\r\n\r\n").await;
        }
    });
    let policy = ClientPolicy {
        addresses: hello.0.allowed_by(upstream.policy().addresses),
        ..impatient()
    };
    let url = Url::parse(&format!("https://{address}/")).unwrap();
    let outcome = Client::new(policy).unwrap().send(get(url)).await;
    assert!(
        matches!(
            outcome,
            Err(SendError::Tls {
                cause: TlsCause::NotTls,
                ..
            })
        ),
        "{outcome:?}"
    );
}

/// A listener that takes no more connections: its backlog is full.
struct Full {
    listener: socket2::Socket,
    _waiting: Vec<TcpStream>,
}

impl Full {
    async fn start() -> Self {
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        let listener = socket2::Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        for _ in 0..8 {
            let connecting = TcpStream::connect(address);
            match timeout(SHORT_CONNECT, connecting).await {
                Ok(stream) => waiting.push(stream.unwrap()),
                Err(_) => break,
            }
        }
        Self {
            listener,
            _waiting: waiting,
        }
    }
}

/// Of a connection that never comes to be nothing is waited for but its own time-out.
#[tokio::test]
async fn a_peer_that_does_not_answer_the_hello_or_the_connect_is_given_up() {
    let (silent, _listener) = Upstream::bind("127.0.0.1", |_| ok("never")).await;
    let full = Full::start().await;
    let unreachable = full.listener.local_addr().unwrap().as_socket().unwrap();
    for address in [silent.address, unreachable] {
        let any = AddressPolicy::public_only();
        let mut policy = ClientPolicy {
            addresses: any.allow_origin(&address.ip().to_string(), address.port()),
            ..impatient()
        };
        policy.timeouts.connect = SHORT_CONNECT;
        let url = Url::parse(&format!("https://{address}/")).unwrap();
        let client = Client::new(policy).unwrap();
        let outcome = timeout(PATIENCE, client.send(get(url))).await.unwrap();
        assert!(
            matches!(
                outcome,
                Err(SendError::TimedOut {
                    stage: Stage::Connect,
                    ..
                })
            ),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn no_redirect_leads_from_https_to_http() {
    let plain = Upstream::start(|_| ok("downgraded")).await;
    let target = plain.url("/").to_string();
    let authority = authority();
    let upstream = good(&authority, move |_| redirect(302, &target)).await;
    let mut policy = trusting(&authority, &upstream);
    policy.addresses = plain.allowed_by(policy.addresses);
    let outcome = Client::new(policy)
        .unwrap()
        .send(get(secure_url(&upstream, "/")))
        .await;
    assert!(
        matches!(
            outcome,
            Err(SendError::Redirect {
                why: RedirectRefusal::ToPlainHttp,
                ..
            })
        ),
        "{outcome:?}"
    );
    assert!(plain.seen().is_empty());
}

#[tokio::test]
async fn credentials_of_an_https_origin_are_never_sent_over_http() {
    let plain = Upstream::start(|_| ok("anonymous")).await;
    let mut bound = plain.url("/");
    bound.set_port(Some(plain.address.port())).unwrap();
    let bound = Url::parse(&bound.as_str().replace("http://", "https://")).unwrap();
    let mut outgoing = get(plain.url("/"));
    outgoing.credentials = Some(Credentials::new(
        HeaderValue::from_static("Bearer x"),
        Origin::of(&bound).unwrap(),
    ));
    plain.client().send(outgoing).await.unwrap();
    assert_eq!(plain.seen()[0].header("authorization"), None);
}

#[test]
fn roots_that_are_none_are_an_error_at_the_start() {
    let bad: [&[u8]; 3] = [
        b"",
        b"no certificate",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ];
    for pem in bad {
        let trust = Trust {
            extra_roots_pem: Some(pem.to_vec()),
            insecure: false,
        };
        let outcome = Client::new(ClientPolicy {
            trust,
            ..impatient()
        });
        assert!(
            matches!(outcome, Err(ClientError::Roots { .. })),
            "{}",
            String::from_utf8_lossy(pem)
        );
    }
}
