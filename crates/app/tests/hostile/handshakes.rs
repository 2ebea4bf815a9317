//! TLS connections by the ten thousand that never ask anything. Threat D3, where TLS is spoken.

use std::sync::Arc;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::connections::{
    FEW, GONE_WITHIN, IMAGE, Look, MOST_A_HALF_OPEN, are_over, hub, open, room, until, warm,
};
use crate::namespace;
use crate::program::{Program, Setup};
use crate::pull::{Pulled, pull};

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

/// A whole hello, as a client begins.
fn hello() -> Vec<u8> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
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
