//! TLS connections by the ten thousand that never ask anything, and handshakes that are none. Threats D3 and D4, where TLS is
//! spoken.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use crate::connections::{
    FEW, GONE_WITHIN, IMAGE, Look, MOST_A_HALF_OPEN, are_over, hub, open, room, until, warm,
};
use crate::namespace;
use crate::program::{Program, Setup};
use crate::pull::{Pulled, pull};
use crate::seed::{Chance, seed};
use crate::wire::exchange_half_closed;

/// Handshakes that are none, and how many of them at once.
const BROKEN: usize = 3000;
const AT_ONCE: usize = 50;

/// The most that a server may say to one, in bytes: its own part of a handshake, or an alert.
const MOST_ANSWER_BYTES: usize = 16 * 1024;

/// What the program may grow by for all of them, in KiB.
const MAX_GROWTH_KIB: u64 = 24 * 1024;

/// Listening in clear for the bystander, and with TLS.
fn setup(setup: Setup) -> Setup {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let pair = params.self_signed(&key).unwrap().pem() + &key.serialize_pem();
    let path = setup.folder().join("pair.pem");
    std::fs::write(&path, pair).unwrap();
    let path = path.display();
    setup
        .with(&format!(
            "[tls]\ncert_file = \"{path}\"\nkey_file = \"{path}\""
        ))
        .env("FOREBAY_LISTEN", "127.0.0.1:0, https://127.0.0.1:0")
}

fn secure_address(program: &Program) -> std::net::SocketAddr {
    program.wait_for_log("https://127.0.0.1:");
    let log = program.log();
    let (_, rest) = log.split_once("https://").unwrap();
    let end = rest.find(|c: char| c.is_whitespace() || c == '"');
    rest[..end.unwrap_or(rest.len())].parse().unwrap()
}

/// A client that believes those.
fn client(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// A whole hello, as a client begins.
fn hello() -> Vec<u8> {
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(client(RootCertStore::empty()), name).unwrap();
    let mut bytes = Vec::new();
    client.write_tls(&mut bytes).unwrap();
    bytes
}

/// Nothing, the beginning of a hello, as much of a long one as is worth sending, and a whole one after which nothing comes.
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_half_open_handshakes_are_no_burden() {
    let room = room();
    if room < FEW {
        return namespace::skip("a process may have too few open files");
    }
    let (hub, folder) = (hub().await, TempDir::new().unwrap());
    let places = format!("[server]\nmax_connections = {}", room + 100);
    let setup = setup(Setup::before(&hub, folder.path()).with(&places));
    let hello = hello();
    let long = [&[0x16, 3, 1, 0x40, 0][..], &[1; 4096]].concat();
    for heads in [
        vec![Vec::new(), hello[..1].to_vec(), hello[..100].to_vec(), long],
        vec![hello],
    ] {
        let program = warm(&setup, &hub).await;
        let before = Look::at(&program, "before").await;
        let half_open = open(secure_address(&program), room, &heads).await;
        let begun = Instant::now();
        let with = Look::at(&program, &format!("{room} half-open handshakes")).await;
        // Of those that have said hello, the first have had their time already.
        assert!(with.connections >= half_open.len() / 2, "{with:?}");
        with.costs_at_most(MOST_A_HALF_OPEN, half_open.len(), &before);
        until(&program, |connections| connections < 100).await;
        let took = begun.elapsed();
        assert!(took < GONE_WITHIN, "{took:?}");
        are_over(half_open).await;
        let after = Look::at(&program, &format!("gone after {took:?}")).await;
        assert!(after.files <= before.files + 10, "{before:?}, {after:?}");
        assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
        assert!(program.stop().0.success());
    }
}

/// What somebody sends who speaks no TLS, or has a quarrel with it: chance, a hello that was changed, cut, drawn out or doubled,
/// or one that is followed by anything.
fn broken(chance: &mut Chance, hello: &[u8]) -> Vec<u8> {
    let mut bytes = hello.to_vec();
    match chance.below(7) {
        0 => some(chance, 2000),
        // A record of any kind, version and length.
        1 => [
            &[20 + any(chance) % 5, 3, any(chance) % 5][..],
            &some(chance, 600),
        ]
        .concat(),
        2 => {
            for _ in 0..=chance.below(8) {
                let place = chance.below(bytes.len());
                bytes[place] = any(chance);
            }
            bytes
        }
        3 => {
            bytes.truncate(chance.below(bytes.len()));
            bytes
        }
        4 => {
            let place = chance.below(bytes.len());
            let more = some(chance, 200);
            bytes.splice(place..place, more);
            bytes
        }
        5 => bytes.repeat(2 + chance.below(20)),
        // Records in good form, of which nothing is true.
        _ => {
            for _ in 0..=chance.below(4) {
                let body = some(chance, 400);
                let length = u16::try_from(body.len()).unwrap().to_be_bytes();
                bytes.extend([20 + any(chance) % 4, 3, 3]);
                bytes.extend(length);
                bytes.extend(body);
            }
            bytes
        }
    }
}

fn any(chance: &mut Chance) -> u8 {
    u8::try_from(chance.below(256)).unwrap()
}

fn some(chance: &mut Chance, most: usize) -> Vec<u8> {
    let count = chance.below(most);
    (0..count).map(|_| any(chance)).collect()
}

/// The status of an answer that was got by TLS.
async fn ask_by_tls(setup: &Setup, address: std::net::SocketAddr) -> String {
    let mut roots = RootCertStore::empty();
    let pair = setup.folder().join("pair.pem");
    roots
        .add(CertificateDer::from_pem_file(pair).unwrap())
        .unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let socket = TcpStream::connect(address).await.unwrap();
    let connected = TlsConnector::from(client(roots)).connect(name, socket);
    let mut stream = connected.await.unwrap();
    let request = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_are_none_end_and_cost_nobody_anything() {
    let (hub, folder) = (hub().await, TempDir::new().unwrap());
    let setup = setup(Setup::before(&hub, folder.path()));
    let program = warm(&setup, &hub).await;
    let (address, hello) = (secure_address(&program), hello());
    assert_eq!(ask_by_tls(&setup, address).await, "HTTP/1.1 200 OK");
    let mut chance = Chance::of(seed());
    let before_kib = program.resident_kib();
    let mut under_way = JoinSet::new();
    for number in 0..BROKEN {
        if under_way.len() == AT_ONCE {
            under_way.join_next().await.unwrap().unwrap();
        }
        let bytes = broken(&mut chance, &hello);
        under_way.spawn(async move {
            // It ends, or this fails.
            let answer = exchange_half_closed(address, &bytes).await;
            assert!(answer.len() <= MOST_ANSWER_BYTES, "{} bytes", answer.len());
            assert!(!answer.starts_with(b"HTTP/1.1 2"), "{bytes:?}");
        });
        if number % 500 == 0 {
            assert_eq!(ask_by_tls(&setup, address).await, "HTTP/1.1 200 OK");
        }
    }
    while let Some(ended) = under_way.join_next().await {
        ended.unwrap();
    }
    let grown_kib = program.resident_kib().saturating_sub(before_kib);
    assert!(grown_kib < MAX_GROWTH_KIB, "{grown_kib} KiB more");
    until(&program, |connections| connections < 10).await;
    assert_eq!(ask_by_tls(&setup, address).await, "HTTP/1.1 200 OK");
    assert_eq!(pull(program.address, &hub, IMAGE).await, Pulled::Whole);
    assert!(!program.log().contains("panicked"), "{}", program.log());
    assert!(program.stop().0.success());
}
