//! What each route answers to each kind of who asks, of a running server: strangers, wrong passwords, those who pull, those who push,
//! and those who may do all; people, robots and jobs alike, however they show who they are.

use std::collections::BTreeSet;

use forebay_oci::{Digest, Endpoint, Query, Verb};
use forebay_server::FrontRoute;
use http::Method;
use hub_sim::{HubSim, Image};

use crate::client::{Answer, Ask};
use crate::credentials::{Credentials, Kind, ROLES, Role, Scheme, WAYS};
use crate::program::{Forebay, Program};

const LOCAL: &str = r#"local = ["team/*", "hidden/*"]"#;

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// The variants of an enum, and which of them a value is. One that is new does not compile before it is listed, and fails where it
/// has no row.
macro_rules! variants {
    ($all:ident, $name_of:ident, $enum:ident: $($variant:ident)+) => {
        const $all: &[&str] = &[$(stringify!($variant)),+];

        fn $name_of(one: &$enum) -> &'static str {
            match one {
                $($enum::$variant { .. } => stringify!($variant),)+
            }
        }
    };
}

variants!(ENDPOINTS, endpoint_of, Endpoint: Ping Blob Manifest Tags Referrers Uploads Upload Catalog);
variants!(ROUTES, route_of, FrontRoute: Registry Token Page Healthz Readyz Metrics);

/// A server, and who may come.
struct Scene {
    program: Program,
    credentials: Credentials,
    /// In which way all of them come.
    way: (Kind, Scheme),
}

impl Scene {
    async fn before(hub: &hub_sim::Hub, way: (Kind, Scheme)) -> Self {
        let setup = Forebay::new().with(LOCAL).upstream("docker.io", hub);
        let (mut credentials, setup) = Credentials::configured(setup).await;
        let program = setup.start().await;
        credentials.make_robots(&program).await;
        Self {
            program,
            credentials,
            way,
        }
    }

    /// What each role shows, good for these repositories.
    async fn shown(&self, repositories: &[&str]) -> Vec<(Role, Option<String>)> {
        let mut shown = Vec::new();
        for role in ROLES {
            let (credentials, who) = (&self.credentials, (self.way, role));
            let one = credentials.shown(&self.program, who, repositories).await;
            shown.push((role, one));
        }
        shown
    }

    async fn told(&self, authorization: Option<&str>, (method, path): (&str, &str)) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut ask = Ask::new(method.clone(), path);
        if let Some(authorization) = authorization {
            ask = ask.header("authorization", authorization);
        }
        if method == Method::PUT && path.contains("/manifests/") {
            ask = ask.header("content-type", IMAGE).body(manifest());
        }
        ask.to(self.program.address).await
    }

    /// What one of them is told.
    async fn told_to(&self, name: &'static str, repository: &str, asked: (&str, &str)) -> Answer {
        let (credentials, who) = (&self.credentials, (self.way, Role::Named(name)));
        let shown = credentials.shown(&self.program, who, &[repository]).await;
        self.told(shown.as_deref(), asked).await
    }

    /// Has the administrator push an image.
    async fn push(&self, repository: &str) {
        let empty = Digest::sha256(b"");
        let blob = format!("/v2/{repository}/blobs/uploads/?digest={empty}");
        let image = format!("/v2/{repository}/manifests/1");
        for asked in [("POST", &*blob), ("PUT", &*image)] {
            let pushed = self.told_to("admin", repository, asked).await;
            assert_eq!(pushed.status, 201, "{}", pushed.text());
        }
    }

    /// Has somebody begin an upload: its place, below the repository.
    async fn begin_upload(&self, name: &'static str, repository: &str) -> String {
        let path = format!("/v2/{repository}/blobs/uploads/");
        let begun = self.told_to(name, repository, ("POST", &path)).await;
        let place = begun.header("location").expect("a place").to_owned();
        let start = format!("/v2/{repository}/");
        place.strip_prefix(&start).expect("a path of it").to_owned()
    }
}

/// A manifest of one blob, which is empty.
fn manifest() -> String {
    let (blob, size) = (Digest::sha256(b""), 0);
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{blob}","size":{size}}},"layers":[]}}"#
    )
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
        ("HEAD", at(&format!("referrers/{image}")), pull),
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
        ("HEAD", "/v2/_catalog", logged_in),
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

/// What `role` is told where the table, which is of passwords, says `status`.
fn by(scheme: Scheme, role: Role, path: &str, status: u16) -> u16 {
    match (scheme, role, path) {
        // Who has a token, be it nobody's, need not be asked to get one.
        (Scheme::Traded, Role::Stranger, "/v2/" | "/v2/_catalog") if status == 401 => 200,
        // A token for some repositories is good for nothing that is about all of them.
        (Scheme::Traded, Role::Named("admin"), "/metrics") if status == 200 => 401,
        _ => status,
    }
}

#[tokio::test]
async fn each_route_answers_each_role_as_the_table_says() {
    let hub = HubSim::new().image("library/nginx:1", Image::small());
    let hub = hub.start().await;
    for way in WAYS {
        let scene = Scene::before(&hub, way).await;
        scene.push("team/app").await;
        let session = scene.begin_upload("pusher", "team/app").await;
        let shown = scene.shown(&["team/app", "library/nginx"]).await;
        let rows = [of_server(), of_repository("team/app", &session)].concat();
        for (method, path, statuses) in &rows {
            for ((role, credential), expected) in shown.iter().zip(statuses) {
                let answer = scene.told(credential.as_deref(), (method, path)).await;
                assert_eq!(
                    answer.status,
                    by(way.1, *role, path, *expected),
                    "{way:?} {role:?} {method} {path}: {}",
                    answer.text()
                );
            }
        }
    }
}

#[test]
fn each_endpoint_by_each_of_its_methods_and_each_other_route_is_in_the_table() {
    let session = format!("blobs/uploads/{}", "0".repeat(32));
    let rows = [of_server(), of_repository("team/app", &session)].concat();
    let (mut routes, mut endpoints, mut asked) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut leaves = BTreeSet::new();
    for (method, path, _) in &rows {
        let path = path.split('?').next().unwrap_or_default();
        routes.extend(FrontRoute::of(path).map(|route| route_of(&route)));
        let Ok(endpoint) = Endpoint::parse(path, &Query::default()) else {
            continue;
        };
        let name = endpoint_of(&endpoint);
        endpoints.insert(name);
        asked.insert((name, *method));
        let taken = Verb::ALL
            .into_iter()
            .filter(|verb| endpoint.leave(*verb).is_some());
        leaves.extend(taken.map(|verb| (name, verb.as_str())));
    }
    assert_eq!(routes, ROUTES.iter().copied().collect());
    assert_eq!(endpoints, ENDPOINTS.iter().copied().collect());
    let without: Vec<_> = leaves.difference(&asked).collect();
    assert!(without.is_empty(), "no row has {without:?}");
}

#[tokio::test]
async fn what_is_there_and_not_shown_looks_as_if_it_were_not_there() {
    let hub = HubSim::new().start().await;
    for way in WAYS {
        let scene = Scene::before(&hub, way).await;
        scene.push("hidden/app").await;
        let session = scene.begin_upload("admin", "hidden/app").await;
        let there = of_repository("hidden/app", &session);
        let absent = of_repository("hidden/none", &session);
        let shown = scene.shown(&["hidden/app", "hidden/none"]).await;
        for (role, credential) in &shown[..4] {
            let credential = credential.as_deref();
            for ((method, path, _), (_, nowhere, _)) in there.iter().zip(&absent) {
                let one = scene.told(credential, (method, path)).await;
                let other = scene.told(credential, (method, nowhere)).await;
                let what = format!("{way:?} {role:?} {method} {path}");
                let is_named = matches!(role, Role::Named(_));
                let looks_hidden = one.status == if is_named { 404 } else { 401 };
                assert!(
                    looks_hidden || matches!(one.status, 404 | 405),
                    "{what}: {}",
                    one.status
                );
                assert_eq!(
                    one.words("hidden/app"),
                    other.words("hidden/none"),
                    "{what}"
                );
            }
            let listed = scene.told(credential, ("GET", "/v2/_catalog")).await;
            assert!(!listed.text().contains("hidden"), "{}", listed.text());
        }
    }
    assert!(hub.requests().is_empty(), "{}", hub.requests());
}
