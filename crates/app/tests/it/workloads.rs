//! A job of another issuer before the whole program: it trades its token for one of ours, and pulls with that.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use hub_sim::{HubSim, Image};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::client::{Answer, Ask};
use crate::program::{Forebay, Program};

const IMAGE: &str = "/v2/library/nginx/manifests/1";

/// An issuer on loopback, behind TLS by an authority of its own.
struct Issuer {
    url: String,
    authority_pem: String,
    key: KeyPair,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Issuer {
    async fn start() -> Self {
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
    fn token(&self, audience: &str, branch: &str) -> String {
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

/// What a docker login and pull ask for a token with.
async fn trade(program: &Program, token: &str) -> Answer {
    let credential = BASE64_STANDARD.encode(format!("oidc:{token}"));
    let path = "/token?service=forebay&scope=repository:library/nginx:pull";
    let ask = Ask::get(path).header("authorization", &format!("Basic {credential}"));
    ask.to(program.address).await
}

#[tokio::test]
async fn a_job_gets_what_its_rule_says_for_a_token_of_its_issuer() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let issuer = Issuer::start().await;
    let setup = Forebay::before(&hub).with(&format!(
        "[[access.workloads]]\nname = \"ci\"\nissuer = \"{}\"\naudience = \"registry\"\nca_file = \"ca.pem\"\n\
         claims = {{ ref = \"refs/heads/main\" }}\nrepositories = [\"docker.io/library/*\"]\nactions = [\"pull\"]\n",
        issuer.url
    ));
    std::fs::write(setup.file("ca.pem"), &issuer.authority_pem).expect("a file");
    let program = setup.start().await;
    assert_eq!(program.get(IMAGE).await.status, 401);
    let good = issuer.token("registry", "refs/heads/main");
    let given = trade(&program, &good).await;
    assert_eq!(given.status, 200, "{}", program.log.text());
    let given: Value = serde_json::from_slice(&given.body).expect("JSON");
    let ours = given["token"].as_str().expect("a token");
    let bearer = |token: &str| Ask::get(IMAGE).header("authorization", &format!("Bearer {token}"));
    assert_eq!(bearer(ours).to(program.address).await.status, 200);
    // An issuer's token is no token of ours.
    assert_eq!(bearer(&good).to(program.address).await.status, 401);
    for (audience, branch) in [
        ("registry", "refs/heads/feature"),
        ("another", "refs/heads/main"),
    ] {
        let refused = trade(&program, &issuer.token(audience, branch)).await;
        assert_eq!(refused.status, 401, "{audience} {branch}");
    }
    let asked = issuer.asked.lock().expect("whole").clone();
    assert_eq!(asked, ["/.well-known/openid-configuration", "/keys"]);
    assert!(!program.log.text().contains(&good));
}
