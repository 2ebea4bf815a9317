//! SQL in every place where a client or the operator may write a text: it is a text like any other. Threat D11.

use std::fmt::Write as _;

use forebay_oci::Digest;
use serde_json::json;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Row as _};
use tempfile::TempDir;

use crate::program::{Program, Setup};
use crate::pusher::{Asked, PASSWORD, Pushed, write_users};
use crate::wire::{Answer, ask};

const RULES: &str = "local = [\"team/*\"]\n[access]\nhtpasswd_file = \"users\"\n\
    [[access.allow]]\nwho = [\"user:alice\"]\nrepositories = [\"**\"]\nactions = [\"pull\", \"push\", \"delete\"]\n";

/// Texts that end a literal, widen a condition, add a statement, or are a pattern.
const STATEMENTS: [&str; 14] = [
    "' OR '1'='1",
    "' OR 1=1 --",
    "\" OR \"\"=\"",
    "') OR ('1'='1",
    "'; DROP TABLE tags; --",
    "1; DELETE FROM users; --",
    "'); INSERT INTO users VALUES ('mallory','','',0); --",
    "' UNION SELECT name FROM repositories --",
    "zzz' UNION ALL SELECT password_hash FROM users --",
    "'||(SELECT hex(randomblob(1000000000)))||'",
    "'; ATTACH DATABASE '/tmp/x' AS x; --",
    "1' AND 1=CAST((SELECT sql FROM sqlite_master) AS BIGINT)/*",
    "%",
    "_' ESCAPE '_",
];

/// As odd, and no SQL: what an odd text is answered.
const ODD: &str = "no, {name}!";

/// Requests with a place for a text. Those that change something would if the text were a name.
const PLACES: [(&str, &str); 22] = [
    ("GET", "/v2/team/app/tags/list?n={}"),
    ("GET", "/v2/_catalog?n={}"),
    ("GET", "/v2/team/app/referrers/{}"),
    ("GET", "/v2/{}/manifests/1"),
    ("GET", "/v2/team/{}/manifests/1"),
    ("GET", "/v2/team/{}/tags/list"),
    ("GET", "/v2/team/app/manifests/{}"),
    ("HEAD", "/v2/team/app/manifests/{}"),
    ("GET", "/v2/team/app/manifests/sha256:{}"),
    ("GET", "/v2/team/app/manifests/1?ns={}"),
    ("GET", "/v2/team/app/blobs/{}"),
    ("PUT", "/v2/team/app/manifests/{}"),
    ("PUT", "/v2/team/{}/manifests/2"),
    ("DELETE", "/v2/team/app/manifests/{}"),
    ("DELETE", "/v2/team/app/blobs/{}"),
    ("DELETE", "/v2/team/{}/manifests/1"),
    ("POST", "/v2/team/{}/blobs/uploads/"),
    ("GET", "/v2/team/app/blobs/uploads/{}"),
    ("PATCH", "/v2/team/app/blobs/uploads/{}"),
    ("DELETE", "/v2/team/app/blobs/uploads/{}"),
    (
        "GET",
        "/token?service={}&account={}&scope=repository:{}:pull",
    ),
    ("GET", "/token?scope={}"),
];

/// Every byte as it must be written in a path or a query, and those that need not be.
fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut all, byte| {
        let _ = write!(all, "%{byte:02X}");
        all
    })
}

/// Each table of both databases with how it was made, and how many rows it has.
async fn tables(setup: &Setup) -> Vec<String> {
    sqlx::any::install_default_drivers();
    let mut told = Vec::new();
    for file in ["registry.sqlite", "catalog.sqlite"] {
        let url = format!("sqlite://{}", setup.data().join(file).display());
        let mut rows = AnyConnection::connect(&url).await.unwrap();
        let made = "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name";
        for table in sqlx::query(made).fetch_all(&mut rows).await.unwrap() {
            let (name, sql): (String, String) = (table.get(0), table.get(1));
            // Names of tables are the schema's own.
            let count = AssertSqlSafe(format!("SELECT COUNT(*) FROM \"{name}\""));
            let count = sqlx::query(count).fetch_one(&mut rows).await.unwrap();
            told.push(format!("{file}: {} of {sql}", count.get::<i64, _>(0)));
        }
        rows.close().await.unwrap();
    }
    told
}

/// An artifact about `image` whose type is a text of somebody's liking.
fn artifact(image: &Pushed, artifact_type: &str) -> Vec<u8> {
    let mut artifact: serde_json::Value = serde_json::from_slice(&image.manifest).unwrap();
    artifact["artifactType"] = json!(artifact_type);
    artifact["annotations"] = json!({ "org.example.says": artifact_type });
    artifact["subject"] = json!({
        "mediaType": artifact["mediaType"], "digest": image.digest(), "size": image.manifest.len()
    });
    artifact.to_string().into_bytes()
}

async fn referrers(program: &Program, image: &Pushed, artifact_type: &str) -> Vec<String> {
    let path = format!(
        "/v2/team/app/referrers/{}?artifactType={}",
        image.digest(),
        encoded(artifact_type)
    );
    let answer = Asked::new("alice", "GET", &path).of(program).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    assert_eq!(answer.header("oci-filters-applied"), Some("artifactType"));
    let found: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let digests = found["manifests"].as_array().unwrap().iter();
    digests
        .map(|found| found["digest"].as_str().unwrap().to_owned())
        .collect()
}

/// What is there and what a command says of it.
async fn seen(setup: &Setup, program: &Program) -> Vec<String> {
    let mut all = Vec::new();
    for path in [
        "/v2/_catalog",
        "/v2/team/app/tags/list",
        "/v2/team/app/manifests/1",
    ] {
        all.push(Asked::new("alice", "GET", path).of(program).await.text());
    }
    for words in [["user", "list"], ["token", "list"], ["repo", "list"]] {
        let (status, said) = setup.run(&words);
        assert!(status.success(), "{}", said.log.text());
        all.push(said.out.text());
    }
    all
}

async fn ask_in_each_place(program: &Program, text: &str) -> Vec<(String, u16, String)> {
    let mut told = Vec::new();
    let json = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
    for (method, place) in PLACES {
        let path = place.replace("{}", &encoded(text));
        let asked = Asked::new("alice", method, &path).body(json, b"{}");
        let answer = asked.of(program).await;
        told.push((format!("{method} {place}"), answer.status, code(&answer)));
    }
    told
}

fn code(answer: &Answer) -> String {
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    told["errors"][0]["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// A list goes on behind the text, byte by byte, as behind any other.
async fn lists_go_on_behind(program: &Program, text: &str) {
    let last = encoded(text);
    for (path, key, all) in [
        ("/v2/team/app/tags/list", "tags", ["1", "Z", "a"]),
        (
            "/v2/_catalog",
            "repositories",
            ["team/app", "team/b", "team/c"],
        ),
    ] {
        let path = format!("{path}?last={last}");
        let answer = Asked::new("alice", "GET", &path).of(program).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let behind: Vec<&str> = all.into_iter().filter(|name| *name > text).collect();
        let listed: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(listed[key], json!(behind), "{text}");
    }
}

/// Nobody logs in by it: not as a user, a password, a token of a robot's or of ours.
async fn nobody_logs_in_by(program: &Program, text: &str) {
    use base64::Engine as _;
    let basic = |login: String| {
        let credential = base64::prelude::BASE64_STANDARD.encode(login);
        format!("Authorization: Basic {credential}\r\n")
    };
    for login in [
        basic(format!("{text}:{PASSWORD}")),
        basic(format!("alice{text}:{PASSWORD}")),
        basic(format!("alice:{text}")),
        basic(format!("robot:fbt_{text}")),
        format!("Authorization: Bearer {text}\r\n"),
        format!("Authorization: Bearer fbt_{text}\r\n"),
    ] {
        for path in ["/v2/", "/token"] {
            let answer = ask(program.address, "GET", path, &login).await;
            // Where a token is given, a Bearer is none of the ways to say who asks.
            let is_nobody = path == "/token" && login.contains("Bearer") && answer.status == 200;
            assert!(answer.status == 401 || is_nobody, "{login}{}", answer.head);
        }
    }
}

/// Nor is anything called so by a command.
fn no_command_takes(setup: &Setup, text: &str) {
    for words in [
        &["user", "add", text, "--generate"][..],
        &["user", "remove", text],
        &["token", "create", "--name", text, "--repo", "team/*"],
        &["token", "revoke", text],
        &["repo", "show", text],
        &["repo", "delete", text, "--force"],
        &["pin", text],
    ] {
        let (status, said) = setup.run(words);
        assert!(!status.success(), "{words:?}: {}", said.out.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sql_is_a_text_like_any_other() {
    let folder = TempDir::new().unwrap();
    write_users(folder.path(), &["alice"]);
    let setup = Setup::new(folder.path()).with(RULES);
    let program = setup.start();
    let image = Pushed::new("team/app");
    for (repository, tag) in [
        ("team/app", "1"),
        ("team/app", "Z"),
        ("team/app", "a"),
        ("team/b", "1"),
        ("team/c", "1"),
    ] {
        image.push(&program, "alice", repository, tag).await;
    }
    for words in [
        &["user", "add", "bob", "--generate"][..],
        &["token", "create", "--name", "ci", "--repo", "team/*"],
    ] {
        assert!(setup.run(words).0.success());
    }
    // Types that are texts of the pusher's, each found by itself alone.
    let digests: Vec<String> = STATEMENTS
        .iter()
        .map(|text| Digest::sha256(&artifact(&image, text)).to_string())
        .collect();
    for (text, digest) in STATEMENTS.iter().zip(&digests) {
        let path = format!("/v2/team/app/manifests/{digest}");
        let json = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
        let artifact = artifact(&image, text);
        let put = Asked::new("alice", "PUT", &path).body(json, &artifact);
        let put = put.of(&program).await;
        assert_eq!(put.status, 201, "{text}: {}", put.text());
    }
    let before = seen(&setup, &program).await;
    assert!(program.stop().0.success());
    let kept = tables(&setup).await;

    let program = setup.start();
    let as_odd = ask_in_each_place(&program, ODD).await;
    assert!(
        as_odd.iter().filter(|told| told.1 >= 400).count() >= 20,
        "{as_odd:?}"
    );
    for (text, digest) in STATEMENTS.iter().zip(&digests) {
        assert_eq!(ask_in_each_place(&program, text).await, as_odd, "{text}");
        assert_eq!(referrers(&program, &image, text).await, [digest.as_str()]);
        lists_go_on_behind(&program, text).await;
        nobody_logs_in_by(&program, text).await;
        no_command_takes(&setup, text);
    }
    assert!(referrers(&program, &image, ODD).await.is_empty());
    assert_eq!(seen(&setup, &program).await, before);
    let log = program.log();
    let (status, _) = program.stop();
    assert!(status.success());
    for fault in ["panicked", "syntax error", "our own fault"] {
        assert!(!log.contains(fault), "{log}");
    }
    assert_eq!(tables(&setup).await, kept);
}
