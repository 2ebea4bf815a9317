//! Who vouches for jobs: an issuer of their tokens on loopback behind TLS, as a CI system is, or as a cluster's API server.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_RSA_SHA256};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// The id of its key.
const KEY_ID: &str = "1";

/// What stands in PKCS #8 (RFC 5208) before a key of RSA with 2048 bits as PKCS #1 has it, in bytes.
const BEFORE_RSA_KEY: usize = 26;

/// An issuer on loopback, behind TLS by an authority of its own.
pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) authority_pem: String,
    key: EncodingKey,
    algorithm: Algorithm,
    /// The paths that it was asked for, those that it refused with `refused ` before.
    asked: Arc<Mutex<Vec<String>>>,
}

/// What it tells of itself, and to whom.
struct Told {
    configuration: String,
    keys_path: String,
    keys: String,
    /// The token without which nobody is told anything.
    wanted: Option<String>,
}

impl Issuer {
    /// One that signs by ES256.
    pub(crate) async fn start() -> Self {
        let key = KeyPair::generate().expect("a key");
        let key = EncodingKey::from_ec_der(&key.serialize_der());
        let signing = (Algorithm::ES256, key);
        Self::at("127.0.0.1", signing, ("/keys", None)).await
    }

    /// One that signs by RS256 and has its keys where GitLab has them.
    pub(crate) async fn like_gitlab() -> Self {
        Self::at("127.0.0.1", rsa(), ("/oauth/discovery/keys", None)).await
    }

    /// One that is reached by a name, signs by RS256, has its keys at its address, as the API server of a cluster does, and shows
    /// nothing to whoever has not this token.
    pub(crate) async fn like_cluster(wanted: &str) -> Self {
        Self::at("localhost", rsa(), ("/openid/v1/jwks", Some(wanted))).await
    }

    async fn at(
        host: &str,
        (algorithm, key): (Algorithm, EncodingKey),
        (keys_path, wanted): (&str, Option<&str>),
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let url = format!("https://{host}:{}", address.port());
        let (authority_pem, tls) = tls();
        let mut public = Jwk::from_encoding_key(&key, algorithm).expect("a key");
        public.common.key_id = Some(KEY_ID.to_owned());
        let keys_url = format!("https://{address}{keys_path}");
        let told = Told {
            configuration: json!({ "issuer": url, "jwks_uri": keys_url }).to_string(),
            keys_path: keys_path.to_owned(),
            keys: json!({ "keys": [public] }).to_string(),
            wanted: wanted.map(str::to_owned),
        };
        let asked = Arc::default();
        let issuer = Self {
            url,
            authority_pem,
            key,
            algorithm,
            asked: Arc::clone(&asked),
        };
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = answer(stream, &acceptor, &told, &asked).await;
            }
        });
        issuer
    }

    /// A token for a job of this branch.
    pub(crate) fn token(&self, audience: &str, branch: &str) -> String {
        self.sign(json!({ "aud": audience, "sub": "repo:acme/app", "ref": branch }))
    }

    /// A token with these claims, and those that each of its tokens has.
    pub(crate) fn sign(&self, mut claims: Value) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("later");
        let soon = now + Duration::from_mins(10);
        claims["iss"] = json!(self.url);
        claims["iat"] = json!(now.as_secs());
        claims["nbf"] = json!(now.as_secs());
        claims["exp"] = json!(soon.as_secs());
        let mut header = Header::new(self.algorithm);
        header.kid = Some(KEY_ID.to_owned());
        jsonwebtoken::encode(&header, &claims, &self.key).expect("a token")
    }

    /// What it was asked for so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("whole").clone()
    }
}

fn rsa() -> (Algorithm, EncodingKey) {
    let key = KeyPair::generate_for(&PKCS_RSA_SHA256).expect("a key");
    let key = EncodingKey::from_rsa_der(&key.serialize_der()[BEFORE_RSA_KEY..]);
    (Algorithm::RS256, key)
}

fn tls() -> (String, ServerConfig) {
    let mut params = CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
    let authority = authority.expect("an authority");
    let key = KeyPair::generate().expect("a key");
    let names = ["127.0.0.1", "localhost"].map(str::to_owned);
    let params = CertificateParams::new(names).expect("names");
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
    told: &Told,
    asked: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut wire = acceptor.accept(stream).await?;
    let mut head = vec![0; 4096];
    let count = wire.read(&mut head).await?;
    let head = String::from_utf8_lossy(&head[..count]).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let shown = |wanted: &String| head.contains(&format!("\r\nauthorization: Bearer {wanted}\r\n"));
    let is_let_in = told.wanted.as_ref().is_none_or(shown);
    let (status, body) = match path {
        _ if !is_let_in => ("401 Unauthorized", ""),
        path if path == told.keys_path => ("200 OK", &*told.keys),
        "/.well-known/openid-configuration" => ("200 OK", &*told.configuration),
        _ => ("404 Not Found", ""),
    };
    let refused = if is_let_in { "" } else { "refused " };
    let line = format!("{refused}{path}");
    asked.lock().expect("whole").push(line);
    let length = body.len();
    let answer =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    wire.write_all(answer.as_bytes()).await?;
    wire.shutdown().await
}
