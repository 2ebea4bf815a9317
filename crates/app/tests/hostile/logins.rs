//! Secrets that clients show and accounts have, in every way of a login, good and bad: they are in nothing that is written or told,
//! at the level that tells all.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use hub_sim::{Hub, HubSim, Image};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rcgen::{CertificateParams, KeyPair};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use url::form_urlencoded;

use crate::issuer::Issuer;
use crate::program::{Program, Setup, upstream};
use crate::pusher::Asked;
use crate::secrets::Written;
use crate::wire::{Answer, exchange};

/// Each is another text in base64 and percent-encoded.
const USER: &str = "canary user/7f3a+%41&b~~?";
const LISTED: &str = "canary listed/91bc+%41&b~~?";
const CLIENT: &str = "canary client/55d0+%41&b~~?";
const OPERATOR: &str = "canary operator/2e8d+%41&b~~?";
const WRONG: &str = "canary wrong/0a6b+%41&b~~?";

/// The host at which clients show the login that they have upstream.
const HOST: &str = "private.forebay.example";

const CONFIG: &str = r#"
local = ["team/*"]
[access]
htpasswd_file = "users"
[[access.allow]]
who = ["user:ann", "user:bob", "robot:ci", "workload:ci"]
repositories = ["team/*", "docker.io/**"]
actions = ["pull", "push"]
[tls]
cert_file = "tls.crt"
key_file = "tls.key"
"#;

/// What was said, and what must be in none of it.
struct Told {
    written: Written,
    secrets: Vec<String>,
}

impl Told {
    /// A secret, and each form in which it may stand somewhere.
    fn keep(&mut self, secret: &str) {
        let encoded = [
            BASE64_STANDARD_NO_PAD.encode(secret),
            BASE64_URL_SAFE_NO_PAD.encode(secret),
            utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
            form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        ];
        self.secrets.push(secret.to_owned());
        self.secrets.extend(encoded);
    }

    /// A login by name and password, as a whole line; the credential is a secret from now on.
    fn basic(&mut self, name: &str, password: &str) -> String {
        self.keep(&format!("{name}:{password}"));
        let credential = format!("{name}:{password}");
        let credential = base64::prelude::BASE64_STANDARD.encode(credential);
        format!("Authorization: Basic {credential}\r\n")
    }

    /// A login by a token, as a whole line.
    fn bearer(&mut self, token: &str) -> String {
        self.keep(token);
        format!("Authorization: Bearer {token}\r\n")
    }

    /// Asks, and writes down what is answered.
    async fn ask(
        &mut self,
        program: &Program,
        (method, path): (&str, &str),
        headers: &str,
    ) -> Answer {
        let answer = Asked::new("", method, path)
            .body(headers, b"")
            .of(program)
            .await;
        self.answered(path, &answer);
        answer
    }

    fn answered(&mut self, path: &str, answer: &Answer) {
        let place = format!("the answer to {path}");
        self.written
            .add(place, answer.head.clone() + &answer.text());
    }
}

async fn hub() -> Hub {
    HubSim::new()
        .image("acme/app:1", Image::small())
        .private("acme/app", &["alice", "operator"])
        .account("alice", CLIENT, None)
        .account("operator", OPERATOR, None)
        .start()
        .await
}

fn setup(folder: &Path, (hub, issuer, format): (&Hub, &Issuer, &str)) -> Setup {
    let hash = bcrypt::hash(LISTED, 4).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    for (name, text) in [
        ("users", format!("ann:{hash}\n")),
        ("ca.pem", issuer.authority_pem.clone()),
        ("tls.crt", certificate.pem()),
        ("tls.key", key.serialize_pem()),
    ] {
        let file = folder.join(name);
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let guarded = upstream("registry.example", hub);
    Setup::new(folder)
        .with(CONFIG)
        .with(&format!("[log]\nlevel = \"trace\"\nformat = \"{format}\""))
        .with(&format!(
            "[[access.workloads]]\nname = \"ci\"\nissuer = \"{}\"\naudience = \"registry\"\nca_file = \"ca.pem\"\n\
             claims = {{ ref = \"refs/heads/main\" }}\nrepositories = [\"team/*\"]\nactions = [\"pull\"]",
            issuer.url
        ))
        .with(&format!(
            "{guarded}\nhosts = [\"{HOST}\"]\nauthorize = \"client\"\nusername = \"operator\"\npassword = \"{OPERATOR}\""
        ))
        .env("FOREBAY_LISTEN", "127.0.0.1:0, https://127.0.0.1:0")
}

#[tokio::test(flavor = "multi_thread")]
async fn no_login_is_written_or_told_whether_it_is_good_or_not() {
    for format in ["text", "json"] {
        let (hub, issuer) = (hub().await, Issuer::start().await);
        let folder = TempDir::new().unwrap();
        let setup = setup(folder.path(), (&hub, &issuer, format));
        let mut told = Told {
            written: Written::default(),
            secrets: Vec::new(),
        };
        for secret in [USER, LISTED, CLIENT, OPERATOR, WRONG] {
            told.keep(secret);
        }
        let program = setup.start();
        let (status, said) = setup.run_on(&["user", "add", "bob"], USER);
        assert!(status.success(), "{}", said.log.text());
        told.written
            .add("user add", said.out.text() + &said.log.text());
        let words = [
            "token",
            "create",
            "--name",
            "ci",
            "--repo",
            "team/*",
            "--actions",
            "pull,push",
        ];
        let (status, said) = setup.run(&[&words[..], &["--expires", "1d"]].concat());
        assert!(status.success(), "{}", said.log.text());
        // Shown this once.
        let robot = said.out.text().trim().to_owned();
        told.written.add("token create", said.log.text());

        log_in(&program, &mut told, (&issuer, &robot)).await;
        log_in_upstream(&program, &mut told).await;
        say_what_is_none(&program, &mut told).await;
        program.signal(Signal::HUP);
        program.wait_for_log("configuration");
        for path in ["/metrics", "/readyz"] {
            let bob = told.basic("bob", USER);
            told.ask(&program, ("GET", path), &bob).await;
        }
        for words in [
            &["config", "show"][..],
            &["config", "show", "--json"],
            &["config", "check"],
            &["user", "list"],
            &["token", "list"],
            &["repo", "list", "--json"],
            &["top", "--once"],
            &["doctor", "--ledger", "--support"],
            &["doctor", "--ledger", "--json"],
        ] {
            let (_, said) = setup.run(words);
            told.written
                .add(words.join(" "), said.out.text() + &said.log.text());
        }
        let (status, said) = program.stop();
        assert!(status.success());
        let log = said.log.text();
        assert!(log.contains("TRACE") || log.contains("DEBUG"), "{log}");
        told.written.add("standard output", said.out.text());
        told.written.add("standard error", log);
        told.written.add_folder(&setup.data());
        let audited = fs::read_to_string(setup.data().join("audit.jsonl")).unwrap();
        assert!(audited.contains("user:bob"), "{audited}");
        let key = fs::read_to_string(folder.path().join("tls.key")).unwrap();
        let lines = key.lines().filter(|line| !line.starts_with("---"));
        told.secrets.extend(lines.map(str::to_owned));
        let key = fs::read(setup.data().join("token.key")).unwrap();
        told.secrets.push(BASE64_STANDARD_NO_PAD.encode(&key));
        told.secrets.push(BASE64_URL_SAFE_NO_PAD.encode(&key));
        told.written.holds_none_of(&told.secrets);
    }
}

/// By password, by a robot's token, by a job's, by what the token service gives for each; and by none of these, but nearly.
async fn log_in(program: &Program, told: &mut Told, (issuer, robot): (&Issuer, &str)) {
    let (job, stranger) = (
        issuer.token("registry", "refs/heads/main"),
        issuer.token("another", "refs/heads/main"),
    );
    for (name, password, is_good) in [
        ("bob", USER, true),
        ("ann", LISTED, true),
        ("ci", robot, true),
        ("oidc", &job, true),
        ("bob", WRONG, false),
        ("ann", WRONG, false),
        ("nobody", WRONG, false),
        ("ci", &format!("{robot}x"), false),
        ("oidc", &stranger, false),
        ("oidc", WRONG, false),
    ] {
        told.keep(password);
        let login = told.basic(name, password);
        let status = if is_good { 200 } else { 401 };
        let greeted = told.ask(program, ("GET", "/v2/"), &login).await;
        assert_eq!(greeted.status, status, "{name} {}", greeted.text());
        let path = "/token?service=forebay&scope=repository:team/app:pull,push";
        let given = Asked::new("", "GET", path)
            .body(&login, b"")
            .of(program)
            .await;
        assert_eq!(given.status, status, "{name} {}", given.text());
        if !is_good {
            told.answered(path, &given);
            continue;
        }
        // What is given is nobody else's to read: the answer itself is all that has it.
        let given: Value = serde_json::from_slice(&given.body).unwrap();
        let ours = given["token"].as_str().unwrap();
        let login = told.bearer(ours);
        let greeted = told.ask(program, ("GET", "/v2/"), &login).await;
        assert_eq!(greeted.status, 200, "{name} {}", greeted.text());
        let begun = told
            .ask(program, ("POST", "/v2/team/app/blobs/uploads/"), &login)
            .await;
        assert!(matches!(begun.status, 202 | 403), "{name} {}", begun.text());
        let empty = "/v2/team/app/blobs/uploads/?digest=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        told.ask(program, ("POST", empty), &login).await;
        let changed = told.bearer(&format!("{ours}x"));
        assert_eq!(
            told.ask(program, ("GET", "/v2/"), &changed).await.status,
            401
        );
    }
    log_in_by_form(program, told, robot).await;
}

/// The same by the form that OAuth has for it.
async fn log_in_by_form(program: &Program, told: &mut Told, robot: &str) {
    let form = |pairs: &[(&str, &str)]| {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs).finish()
    };
    for (fields, status) in [
        (
            [
                ("grant_type", "password"),
                ("username", "bob"),
                ("password", USER),
            ],
            200,
        ),
        (
            [
                ("grant_type", "password"),
                ("username", "bob"),
                ("password", WRONG),
            ],
            401,
        ),
        (
            [
                ("grant_type", "refresh_token"),
                ("client_id", "x"),
                ("refresh_token", robot),
            ],
            200,
        ),
        (
            [
                ("grant_type", "refresh_token"),
                ("client_id", "x"),
                ("refresh_token", WRONG),
            ],
            401,
        ),
        (
            [
                ("grant_type", WRONG),
                ("client_id", WRONG),
                ("refresh_token", WRONG),
            ],
            400,
        ),
    ] {
        let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
        let body = form(&fields);
        let asked = Asked::new("", "POST", "/token").body(kind, body.as_bytes());
        let answer = asked.of(program).await;
        assert_eq!(answer.status, status, "{fields:?} {}", answer.text());
        if status != 200 {
            told.answered("/token", &answer);
        }
        // Nor where it does not belong.
        let path = format!("/token?{body}");
        let answer = told.ask(program, ("GET", &path), "").await;
        assert_eq!(answer.status, 400, "{fields:?} {}", answer.text());
    }
}

/// By the login that a client has at an upstream that says itself who may pull.
async fn log_in_upstream(program: &Program, told: &mut Told) {
    let image = ("GET", "/v2/acme/app/manifests/1");
    for (password, status) in [(CLIENT, 200), (WRONG, 401)] {
        let login = told.basic("alice", password);
        let host = format!("Host: {HOST}\r\n{login}Connection: close\r\n\r\n");
        let request = format!("{} {} HTTP/1.1\r\n{host}", image.0, image.1);
        let answer = Answer::parse(&exchange(program.address, request.as_bytes()).await, false);
        assert_eq!(answer.status, status, "{} {}", answer.head, answer.text());
        told.answered(image.1, &answer);
    }
}

/// Credentials in forms that are none, and in places that are not for them.
async fn say_what_is_none(program: &Program, told: &mut Told) {
    let encoded: String = utf8_percent_encode(WRONG, NON_ALPHANUMERIC).to_string();
    for headers in [
        format!("Authorization: Basic {WRONG}\r\n"),
        format!("Authorization: Bearer {WRONG}\r\n"),
        format!("Authorization: Digest username=\"bob\", response=\"{WRONG}\"\r\n"),
        format!("Authorization: {WRONG}\r\n"),
        format!(
            "Cookie: session={encoded}\r\nProxy-Authorization: Basic {encoded}\r\nX-Registry-Auth: {encoded}\r\n"
        ),
    ] {
        let answer = told.ask(program, ("GET", "/v2/"), &headers).await;
        assert_eq!(answer.status, 401, "{headers}: {}", answer.text());
    }
    let request =
        format!("GET http://bob:{encoded}@x/v2/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let answer = Answer::parse(&exchange(program.address, request.as_bytes()).await, false);
    assert_eq!(answer.status, 400, "{}", answer.text());
    told.answered("an address with a password", &answer);
}
