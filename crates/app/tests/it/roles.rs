//! What each route answers to each kind of who asks, of a running server: strangers, wrong passwords, those who pull, those who push,
//! and those who may do all.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use forebay_oci::Digest;
use http::Method;
use hub_sim::{HubSim, Image};
use serde_json::Value;

use crate::client::{Answer, Ask};
use crate::program::{Forebay, Program};

const LOCAL: &str = r#"local = ["team/*", "hidden/*"]"#;

const RULES: &str = r#"
[access]
htpasswd_file = "users"
[[access.allow]]
who = ["user:puller", "user:pusher"]
repositories = ["team/*"]
actions = ["pull"]
[[access.allow]]
who = ["user:pusher"]
repositories = ["team/*"]
actions = ["push"]
[[access.allow]]
who = ["user:admin"]
repositories = ["**"]
actions = ["pull", "push", "delete", "admin"]
"#;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// Who asks, in the order of the columns.
const ROLES: [Role; 5] = [
    Role::Stranger,
    Role::WrongPassword,
    Role::Named("puller"),
    Role::Named("pusher"),
    Role::Named("admin"),
];

#[derive(Clone, Copy, Debug)]
enum Role {
    Stranger,
    WrongPassword,
    Named(&'static str),
}

/// How they show who they are.
#[derive(Clone, Copy, Debug)]
enum Scheme {
    /// By a password, each time.
    Basic,
    /// By a token that the password was shown for, good for all that is asked of these repositories.
    Bearer,
}

/// A manifest of one blob, which is empty.
fn manifest() -> String {
    let (blob, size) = (Digest::sha256(b""), 0);
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{blob}","size":{size}}},"layers":[]}}"#
    )
}

/// What stands in the `Authorization` of whoever shows a password.
fn basic(role: Role) -> Option<String> {
    let login = match role {
        Role::Stranger => return None,
        Role::WrongPassword => "admin:wrong horse".to_owned(),
        Role::Named(name) => format!("{name}:correct horse"),
    };
    Some(format!("Basic {}", BASE64_STANDARD.encode(login)))
}

/// What stands there of whoever has got a token before; a stranger's says that it is nobody's, and a wrong one was changed.
async fn bearer(program: &Program, role: Role, repositories: &[&str]) -> Option<String> {
    let scopes = repositories
        .iter()
        .map(|name| format!("&scope=repository:{name}:pull,push,delete,*"));
    let path = format!(
        "/token?service=forebay&scope=registry:catalog:*{}",
        scopes.collect::<String>()
    );
    let shown = match role {
        Role::WrongPassword => basic(Role::Named("admin")),
        role => basic(role),
    };
    let given = told(program, shown.as_deref(), ("GET", &path)).await;
    let given: Value = serde_json::from_slice(&given.body).expect("JSON");
    let token = given["token"].as_str().expect("a token");
    Some(match role {
        Role::WrongPassword => format!("Bearer {}x", &token[..token.len() - 1]),
        _ => format!("Bearer {token}"),
    })
}

async fn authorization(
    program: &Program,
    (scheme, role): (Scheme, Role),
    repositories: &[&str],
) -> Option<String> {
    match scheme {
        Scheme::Basic => basic(role),
        Scheme::Bearer => bearer(program, role, repositories).await,
    }
}

async fn told(
    program: &Program,
    authorization: Option<&str>,
    (method, path): (&str, &str),
) -> Answer {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let mut ask = Ask::new(method.clone(), path);
    if let Some(authorization) = authorization {
        ask = ask.header("authorization", authorization);
    }
    if method == Method::PUT && path.contains("/manifests/") {
        ask = ask.header("content-type", IMAGE).body(manifest());
    }
    ask.to(program.address).await
}

async fn push(program: &Program, repository: &str) {
    let admin = basic(Role::Named("admin"));
    let admin = admin.as_deref();
    let blob = format!(
        "/v2/{repository}/blobs/uploads/?digest={}",
        Digest::sha256(b"")
    );
    assert_eq!(told(program, admin, ("POST", &blob)).await.status, 201);
    let image = format!("/v2/{repository}/manifests/1");
    assert_eq!(told(program, admin, ("PUT", &image)).await.status, 201);
}

fn setup(hub: &hub_sim::Hub) -> Forebay {
    let setup = Forebay::new().with(LOCAL).upstream("docker.io", hub);
    let hash = |password| bcrypt::hash(password, 4).expect("a hash");
    let users: String = ["puller", "pusher", "admin"]
        .map(|name| format!("{name}:{}\n", hash("correct horse")))
        .concat();
    let path = setup.file("users");
    std::fs::write(&path, users).expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
    setup.with(RULES)
}

/// All that can be asked of a repository, and what each role is told, in the order in which it is asked. `session` is an upload of
/// the pusher's.
fn of_repository(repository: &str, session: &str) -> Vec<(&'static str, String, [u16; 5])> {
    let image = Digest::sha256(manifest().as_bytes());
    let blob = Digest::sha256(b"");
    let pull = [401, 401, 200, 200, 200];
    let push = |done| [401, 401, 403, done, done];
    // An upload is of who began it, and of nobody else.
    let own = |done| [401, 401, 403, done, 404];
    let delete = [401, 401, 403, 403, 202];
    let at = |rest: &str| format!("/v2/{repository}/{rest}");
    vec![
        ("GET", at("manifests/1"), pull),
        ("HEAD", at("manifests/1"), pull),
        ("GET", at(&format!("manifests/{image}")), pull),
        ("GET", at(&format!("blobs/{blob}")), pull),
        ("HEAD", at(&format!("blobs/{blob}")), pull),
        ("GET", at("tags/list"), pull),
        ("HEAD", at("tags/list"), pull),
        ("GET", at(&format!("referrers/{image}")), pull),
        ("PUT", at("manifests/2"), push(201)),
        ("PUT", at(&format!("manifests/{image}")), push(201)),
        ("POST", at("blobs/uploads/"), push(202)),
        (
            "POST",
            at(&format!("blobs/uploads/?digest={blob}")),
            push(201),
        ),
        (
            "POST",
            at(&format!("blobs/uploads/?mount={blob}&from={repository}")),
            push(201),
        ),
        ("GET", at(session), own(204)),
        ("HEAD", at(session), own(204)),
        ("PATCH", at(session), own(202)),
        ("DELETE", at(session), own(204)),
        ("PUT", at(&format!("{session}?digest={blob}")), own(404)),
        ("DELETE", at("manifests/2"), delete),
        ("DELETE", at(&format!("manifests/{image}")), delete),
        ("DELETE", at(&format!("blobs/{blob}")), delete),
        // What no endpoint takes is told to everybody alike.
        ("POST", at("manifests/1"), [405; 5]),
        ("DELETE", at("tags/list"), [405; 5]),
        ("GET", at("nothing"), [404; 5]),
    ]
}

/// What is not of a repository.
fn of_server() -> Vec<(&'static str, String, [u16; 5])> {
    let logged_in = [401, 401, 200, 200, 200];
    let rows = [
        ("GET", "/v2/", logged_in),
        ("HEAD", "/v2/", logged_in),
        ("POST", "/v2/", [405; 5]),
        ("GET", "/v2/_catalog", logged_in),
        ("DELETE", "/v2/_catalog", [405; 5]),
        // Everybody gets a token that says who they are; what it is good for is decided where it is shown.
        ("GET", "/token", [200, 401, 200, 200, 200]),
        ("POST", "/token", [200, 401, 200, 200, 200]),
        ("DELETE", "/token", [405; 5]),
        // What is about all repositories at once is for whom `admin` is given on all.
        ("GET", "/metrics", [401, 401, 403, 403, 200]),
        ("POST", "/metrics", [405; 5]),
        ("GET", "/", [200; 5]),
        ("GET", "/healthz", [200; 5]),
        ("HEAD", "/readyz", [200; 5]),
        ("PUT", "/healthz", [405; 5]),
        ("GET", "/admin", [404; 5]),
        ("GET", "/debug/pprof", [404; 5]),
        // An upstream's: no rule gives it to any but the last, and nobody pushes to it.
        (
            "GET",
            "/v2/library/nginx/manifests/1",
            [401, 401, 404, 404, 200],
        ),
        (
            "POST",
            "/v2/library/nginx/blobs/uploads/",
            [401, 401, 404, 404, 405],
        ),
    ];
    rows.map(|(method, path, statuses)| (method, path.to_owned(), statuses))
        .to_vec()
}

async fn begin_upload(program: &Program, role: Role, repository: &str) -> String {
    let path = format!("/v2/{repository}/blobs/uploads/");
    let begun = told(program, basic(role).as_deref(), ("POST", &path)).await;
    let place = begun.header("location").expect("a place").to_owned();
    let start = format!("/v2/{repository}/");
    place.strip_prefix(&start).expect("a path of it").to_owned()
}

/// What `role` is told where the table, which is of passwords, says `status`.
fn by(scheme: Scheme, role: Role, path: &str, status: u16) -> u16 {
    match (scheme, role, path) {
        // Who has a token, be it nobody's, need not be asked to get one.
        (Scheme::Bearer, Role::Stranger, "/v2/" | "/v2/_catalog") if status == 401 => 200,
        // A token for some repositories is good for nothing that is about all of them.
        (Scheme::Bearer, Role::Named("admin"), "/metrics") if status == 200 => 401,
        _ => status,
    }
}

#[tokio::test]
async fn each_route_answers_each_role_as_the_table_says() {
    for scheme in [Scheme::Basic, Scheme::Bearer] {
        let hub = HubSim::new().image("library/nginx:1", Image::small());
        let hub = hub.start().await;
        let program = setup(&hub).start().await;
        push(&program, "team/app").await;
        let session = begin_upload(&program, Role::Named("pusher"), "team/app").await;
        let mut credentials = Vec::new();
        for role in ROLES {
            let of = ["team/app", "library/nginx"];
            credentials.push(authorization(&program, (scheme, role), &of).await);
        }
        let rows = [of_server(), of_repository("team/app", &session)].concat();
        for (method, path, statuses) in &rows {
            let columns = ROLES.into_iter().zip(&credentials).zip(statuses);
            for ((role, credential), expected) in columns {
                let answer = told(&program, credential.as_deref(), (method, path)).await;
                assert_eq!(
                    answer.status,
                    by(scheme, role, path, *expected),
                    "{scheme:?} {role:?} {method} {path}: {}",
                    answer.text()
                );
            }
        }
    }
}

#[tokio::test]
async fn what_is_there_and_not_shown_looks_as_if_it_were_not_there() {
    let hub = HubSim::new().start().await;
    let program = setup(&hub).start().await;
    push(&program, "hidden/app").await;
    let session = begin_upload(&program, Role::Named("admin"), "hidden/app").await;
    let there = of_repository("hidden/app", &session);
    let absent = of_repository("hidden/none", &session);
    for scheme in [Scheme::Basic, Scheme::Bearer] {
        for role in &ROLES[..4] {
            let both = ["hidden/app", "hidden/none"];
            let credential = authorization(&program, (scheme, *role), &both).await;
            let credential = credential.as_deref();
            for ((method, path, _), (_, nowhere, _)) in there.iter().zip(&absent) {
                let one = told(&program, credential, (method, path)).await;
                let other = told(&program, credential, (method, nowhere)).await;
                let is_named = matches!(role, Role::Named(_));
                let looks_hidden = one.status == if is_named { 404 } else { 401 };
                assert!(
                    looks_hidden || matches!(one.status, 404 | 405),
                    "{scheme:?} {role:?} {method} {path}: {}",
                    one.status
                );
                assert_eq!(
                    words(&one),
                    words(&other),
                    "{scheme:?} {role:?} {method} {path}"
                );
            }
            let listed = told(&program, credential, ("GET", "/v2/_catalog")).await;
            assert!(!listed.text().contains("hidden"), "{}", listed.text());
        }
    }
}

/// All that an answer says, but for the requests' own numbers, which alone may differ, and under one name.
fn words(answer: &Answer) -> String {
    let mut headers = answer.headers.clone();
    headers.remove("date");
    let text = format!("{} {headers:?} {}", answer.status, answer.text());
    text.replace("hidden/none", "hidden/app")
}
