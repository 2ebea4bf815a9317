//! Who vouches for jobs: an issuer of their tokens, as a CI system is, on loopback behind TLS.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// An issuer on loopback, behind TLS by an authority of its own.
pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) authority_pem: String,
    key: KeyPair,
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
}

impl Issuer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("https://{}", listener.local_addr().expect("an address"));
        let (authority_pem, tls) = tls();
        let key = KeyPair::generate().expect("a key");
        let issuer = Self {
            url,
            authority_pem,
            key,
            asked: Arc::default(),
        };
        let (configuration, keys) = (issuer.configuration(), issuer.keys());
        let (asked, acceptor) = (Arc::clone(&issuer.asked), TlsAcceptor::from(Arc::new(tls)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let asked = Arc::clone(&asked);
                let _ = answer(stream, &acceptor, (&configuration, &keys), &asked).await;
            }
        });
        issuer
    }

    fn configuration(&self) -> String {
        let keys = format!("{}/keys", self.url);
        json!({ "issuer": self.url, "jwks_uri": keys }).to_string()
    }

    /// A key of the curve P-256, as RFC 7518, section 6.2, writes it.
    fn keys(&self) -> String {
        let point = self.key.public_key_raw();
        // SEC 1, section 2.3.3: 4, then both coordinates.
        let (x, y) = point[1..].split_at(32);
        let text = |number| BASE64_URL_SAFE_NO_PAD.encode(number);
        let key = json!({ "kty": "EC", "crv": "P-256", "kid": "1", "x": text(x), "y": text(y) });
        json!({ "keys": [key] }).to_string()
    }

    /// A token for a job of this branch.
    pub(crate) fn token(&self, audience: &str, branch: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later");
        let claims = json!({
            "iss": self.url, "aud": audience, "sub": "repo:acme/app", "ref": branch,
            "iat": now.as_secs(), "exp": (now + Duration::from_mins(10)).as_secs(),
        });
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some("1".to_owned());
        let key = EncodingKey::from_ec_der(&self.key.serialize_der());
        jsonwebtoken::encode(&header, &claims, &key).expect("a token")
    }
}

fn tls() -> (String, ServerConfig) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
    let authority = authority.expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("an address");
    let signed = params.signed_by(&key, &authority).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![signed.der().clone()], key);
    (authority.pem(), config.expect("a pair"))
}

async fn answer(
    stream: TcpStream,
    acceptor: &TlsAcceptor,
    (configuration, keys): (&str, &str),
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut wire = acceptor.accept(stream).await?;
    let mut head = vec![0; 4096];
    let count = wire.read(&mut head).await?;
    let head = String::from_utf8_lossy(&head[..count]).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let body = if path == "/keys" { keys } else { configuration };
    asked.lock().expect("whole").push(path);
    let length = body.len();
    let answer =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    wire.write_all(answer.as_bytes()).await?;
    wire.shutdown().await
}
