//! What is held here is never an upstream's: names whose reservation was lost, and a directory that has gone from under its rows.

use forebay_oci::Digest;
use http::Method;
use hub_sim::{Hub, HubSim, Image};
use sqlx::Connection as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::client::{Answer, Ask};
use crate::program::{Ended, Forebay, Program};
use crate::repositories::{digest, is_pushed, run};

const LOCAL: &str = "local = [\"team/*\"]\n";

const PUSHED: &str = "[clients]\nloopback_push = true\n";

/// A hub where somebody else has pushed under our names.
async fn hub() -> Hub {
    let hub = HubSim::new().image("team/app:1", Image::small());
    hub.start().await
}

/// The configuration, with these lines at its top.
fn configured(setup: &Forebay, hub: &Hub, top: &str) -> Forebay {
    let setup = setup.clone().anew().with(&format!("{top}{PUSHED}"));
    setup.upstream("docker.io", hub)
}

/// A server with team/app and team/web/api pushed to it, and its answer to a pull of the first.
async fn pushed(hub: &Hub) -> Program {
    let setup = configured(&Forebay::new(), hub, "local = [\"team/**\"]\n");
    let program = setup.start().await;
    for place in ["team/app:1", "team/web/api:1", "single:1"] {
        is_pushed(&program, place, place).await;
    }
    program
}

fn is_told(ended: &Ended, told: &[&str]) {
    is_told_with(3, ended, told);
}

fn is_told_with(code: i32, ended: &Ended, told: &[&str]) {
    assert_eq!(ended.status.code(), Some(code), "{}", ended.transcript());
    for told in told {
        assert!(ended.log.contains(told), "{told}: {}", ended.transcript());
    }
}

/// It is what was pushed here.
fn is_ours(pulled: &Answer) {
    let found = pulled.header("docker-content-digest");
    assert_eq!(found, Some(&*digest("team/app:1")), "{pulled:?}");
}

#[tokio::test]
async fn a_reload_by_which_our_names_would_be_an_upstreams_is_refused() {
    let hub = hub().await;
    let program = pushed(&hub).await;
    for lost in ["", LOCAL, "local = [\"teem/**\"]\n"] {
        configured(&program.setup, &hub, lost).write_config();
        assert!(!program.reload().await, "{lost}");
        let pulled = program.get("/v2/team/app/manifests/1").await;
        is_ours(&pulled);
    }
    let log = program.log.text();
    assert!(log.contains("would be looked for at docker.io"), "{log}");
    assert!(log.contains("team/web/api"), "{log}");
    assert!(
        log.contains("local = [\\\"team/**\\\"]") || log.contains("local = [\"team/**\"]"),
        "{log}"
    );
    assert!(hub.requests().is_empty(), "{}", hub.requests());
    // More than was reserved may be, and other ways to say the same.
    configured(
        &program.setup,
        &hub,
        "local = [\"team/*\", \"team/web/*\", \"more/*\"]\n",
    )
    .write_config();
    assert!(program.reload().await);
    assert!(hub.requests().is_empty(), "{}", hub.requests());
}

/// The upstream has images of these names, and nobody has pushed them here.
#[tokio::test]
async fn a_name_of_ours_that_was_never_pushed_is_looked_for_upstream_by_no_endpoint() {
    let hub = HubSim::new()
        .image("team/app:1", Image::small())
        .image("library/single:1", Image::small());
    let hub = hub.start().await;
    let program = configured(&Forebay::new(), &hub, LOCAL).start().await;
    for (name, image) in [("team/app", "team/app:1"), ("single", "library/single:1")] {
        let (digest, blob) = (hub.digest(image), hub.blobs(image)[0].digest().to_string());
        let session = "0123456789abcdef0123456789abcdef";
        for (methods, rest) in [
            (&["GET", "HEAD", "DELETE"][..], "manifests/1".to_owned()),
            (&["GET", "HEAD", "DELETE"], format!("manifests/{digest}")),
            (&["GET", "HEAD", "DELETE"], format!("blobs/{blob}")),
            (&["GET", "HEAD"], "tags/list".to_owned()),
            (&["GET", "HEAD"], "tags/list?n=1&last=0".to_owned()),
            (
                &["GET", "HEAD", "PUT", "PATCH", "DELETE"],
                format!("blobs/uploads/{session}?digest={blob}"),
            ),
        ] {
            for method in methods {
                let path = format!("/v2/{name}/{rest}");
                let told = asked(&program, method, &path).await;
                assert_eq!(told, 404, "{method} {path}");
            }
        }
        // Nothing refers to what is not there.
        let path = format!("/v2/{name}/referrers/{digest}");
        let referring = program.get(&path).await;
        assert_eq!(referring.status, 200);
        assert!(referring.text().contains(r#""manifests":[]"#), "{name}");
        // What would be mounted is nowhere here, and is to be uploaded.
        for from in ["", "&from=team/app", "&from=single"] {
            let path = format!("/v2/{name}/blobs/uploads/?mount={blob}{from}");
            assert_eq!(asked(&program, "POST", &path).await, 202, "{path}");
        }
    }
    let listed = program.get("/v2/_catalog").await.text();
    assert_eq!(listed, r#"{"repositories":[]}"#);
    assert!(hub.requests().is_empty(), "{}", hub.requests());
    // By the upstream's name they are its own.
    for name in ["team/app", "library/single"] {
        let path = format!("/v2/docker.io/{name}/manifests/1");
        assert_eq!(asked(&program, "GET", &path).await, 200, "{path}");
    }
    assert!(!hub.requests().is_empty());
}

async fn asked(program: &Program, method: &str, path: &str) -> u16 {
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    program.ask(Ask::new(method, path)).await.status
}

#[tokio::test]
async fn a_prefix_that_takes_our_names_is_refused_too() {
    let hub = hub().await;
    let program = pushed(&hub).await;
    let with_prefix = |prefix: &str| {
        let setup = program.setup.clone().anew();
        let setup = setup.with(&format!("local = [\"team/**\"]\n{PUSHED}"));
        setup.upstream_with("docker.io", &hub, &format!("prefix = \"{prefix}\""))
    };
    // As the first of several parts, and as the only one.
    let told = [
        ("team", "would be looked for at docker.io"),
        ("single", "would be out of reach: single"),
    ];
    for (prefix, told) in told {
        with_prefix(prefix).write_config();
        assert!(!program.reload().await, "{prefix}");
        let log = program.log.text();
        assert!(log.contains(told), "{log}");
        assert!(log.contains("give it another"), "{log}");
        for path in ["/v2/team/app/manifests/1", "/v2/single/manifests/1"] {
            assert_eq!(program.get(path).await.status, 200);
        }
    }
    let setups = told.map(|(prefix, told)| (with_prefix(prefix), told));
    program.stop().await;
    for (setup, told) in setups {
        let refused = setup.try_start().await.expect_err("a refusal");
        is_told(&refused, &[told, "give it another"]);
    }
}

/// The configuration, with a host of docker.io's and these lines at its top.
fn given_away(setup: &Forebay, hub: &Hub, (top, host): (&str, &str)) -> Forebay {
    let setup = setup.clone().anew().with(&format!("{top}{PUSHED}"));
    setup.upstream_with("docker.io", hub, &format!("hosts = [\"{host}\"]"))
}

#[tokio::test]
async fn an_address_at_which_we_listen_is_made_no_upstreams_where_there_are_names_of_ours() {
    let hub = hub().await;
    let program = pushed(&hub).await;
    for host in ["127.0.0.1", "localhost"] {
        given_away(&program.setup, &hub, ("local = [\"team/**\"]\n", host)).write_config();
        assert!(!program.reload().await, "{host}");
        is_ours(&program.get("/v2/team/app/manifests/1").await);
        let log = program.log.text();
        let told = format!("clients reach Forebay at {host}, which");
        assert!(log.contains(&told), "{log}");
    }
    // One by which nobody is known to come here is as good as ever.
    let named = given_away(
        &program.setup,
        &hub,
        ("local = [\"team/**\"]\n", "docker.localhost"),
    );
    named.write_config();
    assert!(program.reload().await);
    is_ours(&program.get("/v2/team/app/manifests/1").await);
    let setup = program.stop().await.setup;
    for (top, code, told) in [
        // By the configuration alone.
        ("local = [\"team/**\"]\n", 2, "team/**"),
        // Names of one part are local without a reservation.
        ("", 3, "single, team/app, team/web/api"),
    ] {
        let without = given_away(&setup, &hub, (top, "localhost"));
        let refused = without.try_start().await.expect_err("a refusal");
        let told = ["clients reach Forebay at localhost", told];
        is_told_with(code, &refused, &told);
    }
    assert!(hub.requests().is_empty(), "{}", hub.requests());

    // Where nothing is reserved or held, all of it may be an upstream's.
    let fresh = given_away(&Forebay::new(), &hub, ("", "127.0.0.1"));
    let program = fresh.start().await;
    let pulled = program.get("/v2/team/app/manifests/1").await;
    assert_eq!(pulled.status, 200, "{pulled:?}");
}

#[tokio::test]
async fn a_start_without_the_names_of_what_is_held_is_refused_until_they_are_reserved_or_deleted() {
    let hub = hub().await;
    let setup = pushed(&hub).await.stop().await.setup;
    let without = configured(&setup, &hub, "");
    let refused = without.try_start().await.expect_err("a refusal");
    is_told(
        &refused,
        &[
            "would be looked for at docker.io",
            "team/app, team/web/api",
            "local = [\"team/app\", \"team/web/api\"]",
            &format!(
                "forebay repo delete team/app --force --data {}",
                setup.data().display()
            ),
        ],
    );
    let some = configured(&setup, &hub, LOCAL);
    let refused = some.try_start().await.expect_err("a refusal");
    is_told(&refused, &["local = [\"team/*\", \"team/web/api\"]"]);
    run(&some, &["repo", "delete", "team/web/api", "--force"]).await;
    let program = some.start().await;
    let pulled = program.get("/v2/team/app/manifests/1").await;
    is_ours(&pulled);
    program.stop().await;
    run(&without, &["repo", "delete", "team/app", "--force"]).await;
    without.start().await;
    assert!(hub.requests().is_empty(), "{}", hub.requests());
}

#[tokio::test]
async fn a_registry_that_has_gone_from_under_its_rows_is_no_start_until_it_is_mounted_or_taken_for_lost()
 {
    let hub = hub().await;
    let setup = pushed(&hub).await.stop().await.setup;
    let (registry, away) = (setup.data().join("registry"), setup.file("unmounted"));
    std::fs::rename(&registry, &away).expect("a folder of ours");
    // As a directory that is gone, and as one on which nothing is mounted.
    for is_there in [false, true] {
        if is_there {
            std::fs::create_dir_all(&registry).expect("a folder of ours");
        }
        let refused = setup.try_start().await.expect_err("a refusal");
        is_told(
            &refused,
            &[
                "has nothing of them",
                "is a volume, mount it",
                "forebay fsck",
            ],
        );
        let backup = setup.run(&["backup", "copy"]).await;
        is_told(&backup, &["has nothing of them"]);
        // Who may log in lies elsewhere, and is changed all the same.
        let token = if is_there { "there" } else { "gone" };
        let words = ["token", "create", "--name", token, "--repo", "team/*"];
        let words = [&words[..], &["--actions", "pull", "--expires", "90d"]].concat();
        let made = setup.run(&words).await;
        assert!(made.status.success(), "{}", made.transcript());
        // Nor does a check write anything into the place of the volume, under which it would hide.
        for words in [&["fsck", "--dry-run"][..], &["fsck"]] {
            let checked = run_with_findings(&setup, words).await;
            for told in ["if it is a volume, mount it", "team/app:1", "single:1"] {
                assert!(checked.contains(told), "{told}: {checked}");
            }
            assert!(!checked.contains("no image"), "{checked}");
        }
        let made = std::fs::read_dir(&registry).map_or(0, Iterator::count);
        assert_eq!((registry.exists(), made), (is_there, 0));
    }
    std::fs::remove_dir_all(&registry).expect("a folder of ours");
    std::fs::rename(&away, &registry).expect("a folder of ours");
    let program = setup.start().await;
    assert_eq!(program.get("/v2/team/app/manifests/1").await.status, 200);
    program.stop().await;
    // Lost for good: what it held is named, and the rest goes on.
    std::fs::remove_dir_all(&registry).expect("a folder of ours");
    let checked = run_with_findings(&setup, &["fsck", "--accept-loss"]).await;
    for name in ["team/app:1", "team/web/api:1", "single:1"] {
        assert!(checked.contains(name), "{name}: {checked}");
    }
    let program = setup.start().await;
    let ready = program.get("/readyz").await;
    assert_eq!(ready.status, 200);
    for told in ["degraded", "nothing of what local repositories hold"] {
        assert!(ready.text().contains(told), "{ready:?}");
    }
    is_pushed(&program, "team/app:2", "another").await;
    assert_eq!(program.get("/v2/team/app/manifests/2").await.status, 200);
    assert_ne!(program.get("/v2/team/app/manifests/1").await.status, 200);
    let program = program.stop().await.setup.start().await;
    let ready = program.get("/readyz").await;
    assert!(ready.text().contains("\"ready\""), "{ready:?}");
}

#[tokio::test]
async fn damaged_rows_are_named_and_a_look_says_from_what_they_would_be_made_again() {
    let hub = hub().await;
    let setup = pushed(&hub).await.stop().await.setup;
    let rows = setup.data().join("registry.sqlite");
    std::fs::write(&rows, "no database".repeat(1000)).expect("a file of ours");
    let refused = setup.try_start().await.expect_err("a refusal");
    is_told(&refused, &["registry.sqlite is damaged", "forebay fsck"]);
    assert!(!refused.log.contains("catalog"), "{}", refused.log);
    let looked = setup.run(&["fsck", "--dry-run"]).await;
    assert_eq!(looked.status.code(), Some(1), "{}", looked.transcript());
    for told in [
        "registry  registry.sqlite is damaged",
        "made again from 3 journals of repositories and 3 objects at rest",
    ] {
        assert!(looked.out.contains(told), "{told}: {}", looked.out);
    }
    assert!(!looked.out.contains("0 sound objects"), "{}", looked.out);
    let mended = run_with_findings(&setup, &["fsck"]).await;
    assert!(
        mended.contains("3 repositories, 3 manifests, 3 tags"),
        "{mended}"
    );
    let program = setup.start().await;
    is_ours(&program.get("/v2/team/app/manifests/1").await);
}

/// Runs a command that finds something; what it printed.
async fn run_with_findings(setup: &Forebay, words: &[&str]) -> String {
    let ended = setup.run(words).await;
    assert_eq!(ended.status.code(), Some(1), "{}", ended.transcript());
    ended.out
}

#[tokio::test]
async fn a_push_that_is_under_way_does_not_outlive_the_reservation_of_its_name() {
    let hub = hub().await;
    let program = configured(&Forebay::new(), &hub, LOCAL).start().await;
    let mut client = TcpStream::connect(program.address).await.expect("a server");
    let digest = Digest::sha256(b"{}");
    let head = format!(
        "POST /v2/team/app/blobs/uploads/?digest={digest} HTTP/1.1\r\nHost: {}\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n",
        program.address
    );
    client.write_all(head.as_bytes()).await.expect("a server");
    // It has been let in once its body is asked for.
    let mut answered = [0; 25];
    client.read_exact(&mut answered).await.expect("an answer");
    assert_eq!(&answered, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.write_all(b"{").await.expect("a server");
    // Nothing is held yet under that name, so that a configuration may give it up.
    let without = configured(&program.setup, &hub, "");
    without.write_config();
    assert!(program.reload().await);
    client.write_all(b"}").await.expect("a server");
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 409"), "{answer}");
    assert!(
        answer.contains("team/app could not be pushed to"),
        "{answer}"
    );
    // Nothing of it is here, and the next start finds nothing to refuse.
    let audited = std::fs::read_to_string(program.setup.data().join("audit.jsonl"));
    assert!(audited.expect("a log").contains("\"outcome\":\"denied\""));
    program.stop().await;
    let program = without.start().await;
    let listed = run(&program.setup, &["repo", "list", "--json"]).await;
    assert!(!listed.contains("team/app"), "{listed}");
}

#[tokio::test]
async fn a_start_where_the_names_of_what_is_held_cannot_be_known_is_refused_until_they_can() {
    let hub = hub().await;
    let setup = pushed(&hub).await.stop().await.setup;
    sqlx::any::install_default_drivers();
    let url = format!(
        "sqlite://{}",
        setup.data().join("registry.sqlite").display()
    );
    let mut rows = sqlx::AnyConnection::connect(&url).await.expect("rows");
    let damage = sqlx::query("UPDATE repositories SET name = 'No Name' WHERE name = 'single'");
    damage.execute(&mut rows).await.expect("rows of ours");
    rows.close().await.expect("rows of ours");
    let refused = setup.try_start().await.expect_err("a refusal");
    is_told(&refused, &["cannot be known", "forebay fsck"]);
    assert!(hub.requests().is_empty(), "{}", hub.requests());
    run_with_findings(&setup, &["fsck"]).await;
    let program = setup.start().await;
    is_ours(&program.get("/v2/team/app/manifests/1").await);
    assert_eq!(program.get("/v2/single/manifests/1").await.status, 200);
}
