//! The listener speaks TLS: which versions and protocols, what it says in clear, and certificates that change under load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bytes::Bytes;
use forebay_http_kit::{
    Body, FileLane, Secured, ServeLimits, ServerTls, TlsClients, TlsMaterial, TlsSetup,
};
use futures::stream;
use http::Request;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::tls::{Authority, authority};
use super::wire::{Served, Wire, ok, within};

/// A certificate with its key, both as PEM and as DER.
pub(crate) struct Identity {
    pub(crate) chain: String,
    pub(crate) key: String,
    certificate: CertificateDer<'static>,
    key_der: Vec<u8>,
}

impl Identity {
    pub(crate) fn of(
        authority: &Authority,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let signed = params.signed_by(&key, authority).unwrap();
        Self {
            chain: signed.pem(),
            key: key.serialize_pem(),
            certificate: signed.der().clone(),
            key_der: key.serialize_der(),
        }
    }

    pub(crate) fn setup(&self, clients: TlsClients<'_>) -> TlsSetup {
        TlsSetup::build(TlsMaterial {
            chain: self.chain.as_bytes(),
            key: self.key.as_bytes(),
            clients,
        })
        .unwrap()
    }
}

/// What a client speaks and whom it believes.
#[derive(Clone)]
pub(crate) struct Speaker {
    config: ClientConfig,
}

impl Speaker {
    pub(crate) fn believing(authority: &Authority) -> Self {
        Self::with(authority, None, rustls::DEFAULT_VERSIONS)
    }

    pub(crate) fn showing(authority: &Authority, identity: &Identity) -> Self {
        Self::with(authority, Some(identity), rustls::DEFAULT_VERSIONS)
    }

    fn with(
        authority: &Authority,
        identity: Option<&Identity>,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let key = PrivatePkcs8KeyDer::from(identity.key_der.clone());
                let chain = vec![identity.certificate.clone()];
                builder
                    .with_client_auth_cert(chain, PrivateKeyDer::Pkcs8(key))
                    .unwrap()
            }
        };
        Self { config }
    }

    pub(crate) fn offering(mut self, protocols: &[&str]) -> Self {
        let protocols = protocols.iter().map(|name| name.as_bytes().to_vec());
        self.config.alpn_protocols = protocols.collect();
        self
    }

    /// Connects and shakes hands.
    pub(crate) async fn connect(&self, served: &Served) -> std::io::Result<TlsStream<TcpStream>> {
        let socket = TcpStream::connect(served.address).await?;
        self.agree(socket).await
    }

    pub(crate) async fn agree(&self, socket: TcpStream) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("localhost").unwrap();
        let connector = TlsConnector::from(Arc::new(self.config.clone()));
        within(connector.connect(name, socket)).await
    }

    /// One GET on a connection of its own, or what kept it from its answer.
    pub(crate) async fn get(&self, served: &Served, path: &str) -> std::io::Result<String> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let mut stream = self.connect(served).await?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        within(stream.read_to_string(&mut answer)).await?;
        Ok(answer)
    }
}

/// A listener whose certificate `authority` signed.
pub(crate) fn served(authority: &Authority, limits: ServeLimits) -> (Served, ServerTls) {
    let tls =
        ServerTls::new(&Identity::of(authority, "localhost", |_| {}).setup(TlsClients::Unasked));
    (answering(&tls, limits), tls)
}

pub(crate) fn answering(tls: &ServerTls, limits: ServeLimits) -> Served {
    Served::start_as(Some(tls.clone()), limits, |request, _| async move {
        let body = |parts: Vec<Result<Bytes, std::io::Error>>, length| {
            ok(Body::stream(stream::iter(parts), length))
        };
        let hello = || Ok(Bytes::from_static(b"hello"));
        let broken = || Err(std::io::Error::other("no more"));
        match request.uri().path() {
            "/who" => ok(format!("{:?}", request.extensions().get::<Arc<Secured>>())),
            "/lane" => ok(format!(
                "{}",
                request.extensions().get::<FileLane>().is_some()
            )),
            "/breaks" => body(vec![hello(), broken()], Some(10)),
            "/breaks-chunked" => body(vec![hello(), broken()], None),
            "/endless" => {
                let chunk = Bytes::from(vec![b'x'; 64 * 1024]);
                ok(Body::stream(
                    stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone())),
                    None,
                ))
            }
            "/read" => {
                let read = request.into_body().read_capped(1024).await;
                ok(format!("{:?}", read.map(|bytes| bytes.len())))
            }
            _ => ok("hello"),
        }
    })
}

/// A hello that offers nothing newer than `version`: no `supported_versions`, and suites of then and now (RFC 2246 §7.4.1.2).
fn old_hello(version: [u8; 2]) -> Vec<u8> {
    let mut hello = vec![1, 0, 0, 43];
    hello.extend(version);
    hello.extend([7; 32]);
    // No session; ECDHE with AES-128-GCM or, as of old, with AES-128-CBC; no compression.
    hello.extend([0, 0, 4, 0xc0, 0x2b, 0xc0, 0x09, 1, 0]);
    // Nothing but the version is to be refused: signature_algorithms, supported_groups, extended_master_secret.
    hello.extend([
        0, 20, 0, 13, 0, 4, 0, 2, 4, 3, 0, 10, 0, 4, 0, 2, 0, 23, 0, 23, 0, 0,
    ]);
    hello[3] = u8::try_from(hello.len() - 4).unwrap();
    let mut record = vec![0x16, 3, 1, 0, u8::try_from(hello.len()).unwrap()];
    record.extend(hello);
    record
}

#[tokio::test]
async fn tls_1_2_and_1_3_are_spoken_and_nothing_older() {
    let authority = authority();
    let (served, _tls) = served(&authority, ServeLimits::default());
    for (version, expected) in [
        (&rustls::version::TLS12, ProtocolVersion::TLSv1_2),
        (&rustls::version::TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let speaker = Speaker::with(&authority, None, &[version]);
        let stream = speaker.connect(&served).await.unwrap();
        assert_eq!(stream.get_ref().1.protocol_version(), Some(expected));
        let mut wire = Wire(stream);
        assert!(wire.get("/").await.ends_with("hello"));
        assert!(wire.get("/").await.ends_with("hello"), "twice on one");
    }
    for old in [[3, 0], [3, 1], [3, 2]] {
        let mut wire = served.connect().await;
        wire.send(old_hello(old)).await;
        let mut answer = Vec::new();
        let read = tokio::io::AsyncReadExt::read_to_end(&mut wire.0, &mut answer);
        within(read).await.unwrap();
        // A fatal alert: protocol_version (RFC 8446 §6.2).
        assert_eq!(answer.first(), Some(&0x15), "{old:?}: {answer:?}");
        assert_eq!(answer[5..], [2, 70], "{old:?}");
    }
    assert_eq!(served.lines(4).await.len(), 4);
}

#[tokio::test]
async fn http_2_is_negotiated_where_the_client_offers_it() {
    let authority = authority();
    let (served, _tls) = served(&authority, ServeLimits::default());
    let speaker = Speaker::believing(&authority);
    let both = speaker.clone().offering(&["http/1.1", "h2"]);
    let stream = both.connect(&served).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    let tasks = forebay_jobs::Supervisor::new();
    tasks.spawn("h2 client", async move {
        let _ = connection.await;
    });
    let ask = |path: &str| {
        Request::get(format!("https://test{path}"))
            .body(Empty::<Bytes>::new())
            .unwrap()
    };
    let answer = within(sender.send_request(ask("/"))).await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_2);
    let body = within(answer.into_body().collect()).await.unwrap();
    assert_eq!(body.to_bytes(), "hello");
    for path in ["/breaks", "/breaks-chunked"] {
        let outcome = async { sender.send_request(ask(path)).await?.collect().await };
        assert!(within(outcome).await.is_err(), "{path}");
    }
    let old = speaker.clone().offering(&["http/1.1"]);
    let stream = old.connect(&served).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
    let nothing_shared = speaker.offering(&["smtp"]);
    assert!(nothing_shared.connect(&served).await.is_err());
}

#[tokio::test]
async fn who_asks_in_clear_is_told_to_use_https() {
    let authority = authority();
    let (served, _tls) = served(&authority, ServeLimits::default());
    for request in [
        "GET /v2/ HTTP/1.1\r\nhost: test\r\n\r\n",
        "G",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut wire = served.connect().await;
        wire.send(request).await;
        let answer = wire.read_all().await;
        assert!(
            answer.starts_with("HTTP/1.1 400 Bad Request\r\n"),
            "{answer}"
        );
        assert!(answer.ends_with("use https://\"}]}\n"), "{answer}");
    }
    let mut wire = served.connect().await;
    wire.send(b"\0\0\0\0").await;
    assert_eq!(wire.read_all().await, "");
    assert!(served.lines(0).await.is_empty(), "none of it was a request");
}

/// The kernel would send it in clear.
#[tokio::test]
async fn no_file_is_sent_by_the_kernel() {
    let authority = authority();
    let (served, _tls) = served(&authority, ServeLimits::default());
    let answer = Speaker::believing(&authority).get(&served, "/lane").await;
    assert!(answer.unwrap().ends_with("false"));
}

#[tokio::test]
async fn a_response_that_breaks_never_ends_cleanly() {
    let authority = authority();
    let (served, _tls) = served(&authority, ServeLimits::default());
    let speaker = Speaker::believing(&authority);
    for path in ["/breaks", "/breaks-chunked"] {
        let stream = speaker.connect(&served).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let tasks = forebay_jobs::Supervisor::new();
        tasks.spawn("client", async move {
            let _ = connection.await;
        });
        let request = Request::get(path)
            .header("host", "test")
            .body(Empty::<Bytes>::new())
            .unwrap();
        let outcome = async { sender.send_request(request).await?.collect().await };
        assert!(within(outcome).await.is_err(), "{path}");
    }
    let lines = served.lines(2).await;
    assert!(lines.iter().all(|line| !line.completed));
}

/// Requests on either kind of connection while certificates change, each way.
const CLIENTS: usize = 8;
const CHANGES: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn certificates_change_under_load_and_no_request_fails() {
    let authority = authority();
    let (served, tls) = served(&authority, ServeLimits::default());
    let served = Arc::new(served);
    let mut lasting = Wire(
        Speaker::believing(&authority)
            .connect(&served)
            .await
            .unwrap(),
    );
    assert!(lasting.get("/").await.ends_with("hello"));
    let before = lasting.0.get_ref().1.peer_certificates().unwrap()[0].clone();
    let (is_over, answered) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let tasks = forebay_jobs::Supervisor::new();
    for _ in 0..CLIENTS {
        let (served, speaker) = (Arc::clone(&served), Speaker::believing(&authority));
        let (is_over, answered) = (Arc::clone(&is_over), Arc::clone(&answered));
        tasks.spawn("client", async move {
            while !is_over.load(Ordering::Relaxed) {
                let answer = speaker.get(&served, "/").await;
                assert!(
                    answer
                        .as_ref()
                        .is_ok_and(|answer| answer.ends_with("hello")),
                    "{answer:?}"
                );
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    for _ in 0..CHANGES {
        let seen = answered.load(Ordering::Relaxed);
        tls.replace(&Identity::of(&authority, "localhost", |_| {}).setup(TlsClients::Unasked));
        within(async {
            while answered.load(Ordering::Relaxed) < seen + CLIENTS {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    is_over.store(true, Ordering::Relaxed);
    assert!(tasks.drain(super::wire::PATIENCE).await);
    let count = answered.load(Ordering::Relaxed) + 1;
    let lines = served.lines(count).await;
    assert!(
        lines
            .iter()
            .all(|line| line.completed && line.status == 200)
    );
    assert!(
        lasting.get("/").await.ends_with("hello"),
        "it goes on as it was"
    );
    let after = Speaker::believing(&authority)
        .connect(&served)
        .await
        .unwrap();
    assert_ne!(after.get_ref().1.peer_certificates().unwrap()[0], before);
}
