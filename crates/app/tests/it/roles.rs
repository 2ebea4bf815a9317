//! What each route answers to each kind of who asks, of a running server: strangers, wrong passwords, those who pull, those who push,
//! and those who may do all.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use forebay_oci::Digest;
use http::Method;
use hub_sim::{HubSim, Image};

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

/// A manifest of one blob, which is empty.
fn manifest() -> String {
    let (blob, size) = (Digest::sha256(b""), 0);
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{blob}","size":{size}}},"layers":[]}}"#
    )
}

fn ask(role: Role, method: &str, path: &str) -> Ask {
    let ask = Ask::new(
        Method::from_bytes(method.as_bytes()).expect("a method"),
        path,
    );
    let login = match role {
        Role::Stranger => return ask,
        Role::WrongPassword => "admin:wrong horse".to_owned(),
        Role::Named(name) => format!("{name}:correct horse"),
    };
    let credential = BASE64_STANDARD.encode(login);
    ask.header("authorization", &format!("Basic {credential}"))
}

async fn told(program: &Program, role: Role, (method, path): (&str, &str)) -> Answer {
    let mut ask = ask(role, method, path);
    if method == "PUT" && path.contains("/manifests/") {
        ask = ask.header("content-type", IMAGE).body(manifest());
    }
    ask.to(program.address).await
}

async fn push(program: &Program, repository: &str) {
    let admin = Role::Named("admin");
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
    let begun = told(program, role, ("POST", &path)).await;
    let place = begun.header("location").expect("a place").to_owned();
    let start = format!("/v2/{repository}/");
    place.strip_prefix(&start).expect("a path of it").to_owned()
}

#[tokio::test]
async fn each_route_answers_each_role_as_the_table_says() {
    let hub = HubSim::new().image("library/nginx:1", Image::small());
    let hub = hub.start().await;
    let program = setup(&hub).start().await;
    push(&program, "team/app").await;
    let session = begin_upload(&program, Role::Named("pusher"), "team/app").await;
    let rows = [of_server(), of_repository("team/app", &session)].concat();
    for (method, path, statuses) in &rows {
        for (role, expected) in ROLES.into_iter().zip(statuses) {
            let answer = told(&program, role, (method, path)).await;
            assert_eq!(
                answer.status,
                *expected,
                "{role:?} {method} {path}: {}",
                answer.text()
            );
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
    for role in &ROLES[..4] {
        for ((method, path, _), (_, nowhere, _)) in there.iter().zip(&absent) {
            let one = told(&program, *role, (method, path)).await;
            let other = told(&program, *role, (method, nowhere)).await;
            let is_named = matches!(role, Role::Named(_));
            let looks_hidden = one.status == if is_named { 404 } else { 401 };
            assert!(
                looks_hidden || matches!(one.status, 404 | 405),
                "{role:?} {method} {path}: {}",
                one.status
            );
            let told = |answer: &Answer| {
                let mut headers = answer.headers.clone();
                headers.remove("date");
                let headers = format!("{headers:?}");
                let text = format!("{} {headers} {}", answer.status, answer.text());
                text.replace("hidden/none", "hidden/app")
            };
            // The requests' own numbers are all that may differ.
            assert_eq!(told(&one), told(&other), "{role:?} {method} {path}");
        }
        let listed = told(&program, *role, ("GET", "/v2/_catalog")).await;
        assert!(!listed.text().contains("hidden"), "{}", listed.text());
    }
}
