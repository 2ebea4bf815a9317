//! TLS as the program speaks it: pulls by both protocols, certificates that change, and clients with certificates of their own.

use std::fs;
use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hub_sim::{HubSim, Image};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::image::Pull;
use crate::program::{Forebay, Program};

const IMAGE: &str = "library/nginx:1";

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().expect("a key");
    CertifiedIssuer::self_signed(params, key).expect("an authority")
}

struct Identity {
    chain: String,
    key: String,
    certificate: CertificateDer<'static>,
    key_der: Vec<u8>,
}

fn identity(authority: &Authority) -> Identity {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    let signed = params.signed_by(&key, authority).expect("a certificate");
    Identity {
        chain: signed.pem(),
        key: key.serialize_pem(),
        certificate: signed.der().clone(),
        key_der: key.serialize_der(),
    }
}

/// The program where TLS is spoken, with files in its folder.
fn setup(identity: &Identity, keys: &str) -> Forebay {
    let setup = Forebay::new().listening("https://127.0.0.1:0");
    write(&setup, identity);
    setup.with(&format!(
        "[tls]\ncert_file = \"tls.crt\"\nkey_file = \"tls.key\"\n{keys}"
    ))
}

/// As renewers do: each file beside, and renamed.
fn write(setup: &Forebay, identity: &Identity) {
    for (name, text) in [("tls.crt", &identity.chain), ("tls.key", &identity.key)] {
        let beside = setup.file("new");
        fs::write(&beside, text).expect("a file in our own folder");
        fs::rename(&beside, setup.file(name)).expect("the same folder");
    }
}

/// A client that believes `authority`, and shows who it is if it has something to show.
async fn connect(
    program: &Program,
    authority: &Authority,
    shown: Option<&Identity>,
    protocol: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let mut config = match shown {
        None => builder.with_no_client_auth(),
        Some(shown) => {
            let key = PrivatePkcs8KeyDer::from(shown.key_der.clone());
            builder
                .with_client_auth_cert(vec![shown.certificate.clone()], PrivateKeyDer::Pkcs8(key))
                .expect("a pair")
        }
    };
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let socket = TcpStream::connect(program.address).await?;
    let name = ServerName::from(program.address.ip());
    TlsConnector::from(Arc::new(config))
        .connect(name, socket)
        .await
}

/// GETs each path over one connection: status and body.
async fn get(
    stream: TlsStream<TcpStream>,
    paths: &[&str],
) -> Result<Vec<(u16, Bytes)>, hyper::Error> {
    let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    let (io, mut answers) = (TokioIo::new(stream), Vec::new());
    let ask = |path: &str| {
        let uri = if is_h2 {
            format!("https://127.0.0.1{path}")
        } else {
            path.to_owned()
        };
        let request = Request::get(uri).header("accept", "*/*");
        let request = if is_h2 {
            request
        } else {
            request.header("host", "127.0.0.1")
        };
        request.body(Empty::<Bytes>::new()).expect("a request")
    };
    if is_h2 {
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await?;
        tokio::spawn(connection);
        for path in paths {
            let answer = sender.send_request(ask(path)).await?;
            let status = answer.status().as_u16();
            answers.push((status, answer.into_body().collect().await?.to_bytes()));
        }
    } else {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
        tokio::spawn(connection);
        for path in paths {
            let answer = sender.send_request(ask(path)).await?;
            let status = answer.status().as_u16();
            answers.push((status, answer.into_body().collect().await?.to_bytes()));
        }
    }
    Ok(answers)
}

async fn get_one(program: &Program, authority: &Authority, path: &str) -> (u16, String) {
    let stream = connect(program, authority, None, "http/1.1").await;
    let answers = get(stream.expect("a handshake"), &[path]).await;
    let (status, body) = answers.expect("an answer").remove(0);
    (status, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn images_are_pulled_over_tls_by_either_protocol_cold_and_warm() {
    let hub = HubSim::new().image(IMAGE, Image::small()).start().await;
    let authority = authority();
    let program = setup(&identity(&authority), "").upstream("docker.io", &hub);
    let program = program.start().await;
    let pull = Pull::of(&hub, IMAGE);
    let parts: Vec<_> = pull.parts().collect();
    let paths: Vec<_> = parts.iter().map(|part| part.path.as_str()).collect();
    for protocol in ["h2", "http/1.1", "h2"] {
        let stream = connect(&program, &authority, None, protocol).await;
        let answers = get(stream.expect("a handshake"), &paths).await;
        for ((status, body), part) in answers.expect("answers").iter().zip(&parts) {
            assert_eq!(
                (*status, &body[..]),
                (200, &part.bytes[..]),
                "{protocol} {}",
                part.path
            );
        }
    }
    assert_eq!(get_one(&program, &authority, "/healthz").await.0, 200);
}

#[tokio::test]
async fn what_is_new_in_the_files_is_taken_over_and_what_is_broken_is_told_and_left() {
    let authority = authority();
    let (first, second, third) = (
        identity(&authority),
        identity(&authority),
        identity(&authority),
    );
    let program = setup(&first, "").start().await;
    let shown = async || {
        let stream = connect(&program, &authority, None, "http/1.1")
            .await
            .expect("a handshake");
        stream.get_ref().1.peer_certificates().expect("one")[0].clone()
    };
    assert_eq!(shown().await, first.certificate);
    assert!(
        get_one(&program, &authority, "/readyz")
            .await
            .1
            .contains("\"ready\"")
    );

    write(&program.setup, &second);
    let taken = |log: &str| log.matches("the certificate was taken over").count();
    assert!(program.log.until(|log| taken(log) == 1).await);
    assert_eq!(shown().await, second.certificate);

    fs::write(program.setup.file("tls.key"), &first.key).expect("our own folder");
    let line = program
        .log
        .line_with("was not taken over")
        .await
        .expect("a line");
    assert!(
        line.contains("tls.key") && line.contains("is not the key of the certificate"),
        "{line}"
    );
    assert_eq!(shown().await, second.certificate, "the one before goes on");
    let (status, ready) = get_one(&program, &authority, "/readyz").await;
    assert!(
        status == 200 && ready.contains("degraded") && ready.contains("tls.key"),
        "{ready}"
    );
    let metrics = get_one(&program, &authority, "/metrics").await.1;
    assert!(
        metrics.contains("forebay_tls_last_reload_successful{cert_file=\"tls.crt\"} 0\n"),
        "{metrics}"
    );
    assert!(metrics.contains("forebay_tls_certificate_expiry_timestamp_seconds{"));
    assert!(
        !program.reload().await,
        "a configuration of broken files is none"
    );

    write(&program.setup, &third);
    assert!(
        program.reload().await,
        "at once, and not when they are next looked at"
    );
    assert_eq!(shown().await, third.certificate);
    assert!(
        get_one(&program, &authority, "/readyz")
            .await
            .1
            .contains("\"ready\"")
    );
    let audited = fs::read_to_string(program.setup.data().join("audit.jsonl")).expect("a log");
    let reload = audited.lines().last().expect("a line");
    assert!(reload.contains("\"detail\":\"files of tls\""), "{reload}");
    assert!(program.reload().await);
    let audited = fs::read_to_string(program.setup.data().join("audit.jsonl")).expect("a log");
    assert!(audited.trim_end().ends_with('}') && audited.contains("no section"));
    let ended = program.stop().await;
    assert!(!ended.log.contains("PRIVATE KEY"));
}

#[tokio::test]
async fn a_required_certificate_keeps_out_who_has_none() {
    let [authority, staff] = [authority(), authority()];
    let (good, strange) = (identity(&staff), identity(&authority));
    let setup = setup(&identity(&authority), "client_ca_file = \"staff.pem\"");
    fs::write(setup.file("staff.pem"), staff.pem()).expect("our own folder");
    let program = setup.start().await;
    for (shown, comes_in) in [(Some(&good), true), (Some(&strange), false), (None, false)] {
        // With TLS 1.3 a client hears of its certificate when it reads.
        let answers = match connect(&program, &authority, shown, "http/1.1").await {
            Ok(stream) => get(stream, &["/v2/"]).await.ok(),
            Err(_) => None,
        };
        assert_eq!(answers.is_some_and(|answers| answers[0].0 == 200), comes_in);
    }
    assert!(
        program
            .log
            .line_with("a TLS handshake failed")
            .await
            .is_some()
    );
}

#[tokio::test]
async fn a_start_with_a_certificate_that_cannot_be_used_says_which_file_and_why() {
    let authority = authority();
    let (one, other) = (identity(&authority), identity(&authority));
    let setup = setup(&one, "");
    fs::write(setup.file("tls.key"), &other.key).expect("our own folder");
    let ended = setup.try_start().await.expect_err("no start");
    for part in [
        "tls.key_file",
        "tls.key is not the key of the certificate in",
        "hint: ",
    ] {
        assert!(ended.log.contains(part), "{}", ended.log);
    }
}
