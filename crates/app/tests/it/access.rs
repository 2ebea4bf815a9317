//! The whole program with access configured: who is let in, by what, and what a reload changes.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use forebay_oci::Digest;
use http::Method;
use hub_sim::{HubSim, Image};

use crate::client::{Answer, Ask};
use crate::program::{Forebay, Program};

const RULES: &str = "[access]\nhtpasswd_file = \"users\"\n\
                     [[access.allow]]\nwho = [\"user:alice\"]\nrepositories = [\"docker.io/library/*\"]\nactions = [\"pull\"]\n";

const IMAGE: &str = "/v2/library/nginx/manifests/1";

/// A line as `htpasswd -nbB -C 4 alice PASSWORD` writes it.
pub(crate) fn alice(password: &str) -> String {
    let hash = bcrypt::hash(password, 4).expect("a hash");
    format!("alice:{hash}\n")
}

pub(crate) fn write_users(setup: &Forebay, text: &str) {
    let path = setup.file("users");
    std::fs::write(&path, text).expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
}

pub(crate) async fn as_alice(program: &Program, password: &str, path: &str) -> Answer {
    let credential = BASE64_STANDARD.encode(format!("alice:{password}"));
    let ask = Ask::get(path).header("authorization", &format!("Basic {credential}"));
    ask.to(program.address).await
}

#[tokio::test]
async fn whoever_no_rule_names_gets_nothing_until_a_reload_says_so() {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .image("team/app:1", Image::small())
        .start()
        .await;
    let plain = Forebay::before(&hub);
    write_users(&plain, &alice("correct horse"));
    let program = plain.clone().with(RULES).start().await;
    // Nobody without a name; alice where a rule says so, and elsewhere as if there were nothing.
    let refused = program.get(IMAGE).await;
    assert_eq!(refused.refusal(), (401, "UNAUTHORIZED".to_owned()));
    let challenge = refused.headers["www-authenticate"].to_str().expect("text");
    let realm = format!(
        "Bearer realm=\"http://{}/token\",service=\"forebay\"",
        program.address
    );
    assert!(challenge.starts_with(&realm), "{challenge}");
    assert_eq!(as_alice(&program, "correct horse", IMAGE).await.status, 200);
    assert_eq!(as_alice(&program, "wrong horse", IMAGE).await.status, 401);
    let elsewhere = as_alice(&program, "correct horse", "/v2/team/app/manifests/1").await;
    assert_eq!(elsewhere.status, 404);
    let key = program.setup.data().join("token.key");
    let bytes = std::fs::read(&key).expect("the key");
    let mode = std::fs::metadata(&key)
        .expect("the key")
        .permissions()
        .mode();
    assert_eq!((bytes.len(), mode & 0o777), (32, 0o600));

    // Figures tell which upstreams there are; whether it lives, anybody may know.
    assert_eq!(program.get("/metrics").await.status, 401);
    assert_eq!(
        as_alice(&program, "wrong horse", "/metrics").await.status,
        401
    );
    let refused = as_alice(&program, "correct horse", "/metrics").await;
    assert_eq!(refused.refusal(), (403, "DENIED".to_owned()));
    for path in ["/healthz", "/readyz", "/"] {
        assert_eq!(program.get(path).await.status, 200, "{path}");
    }
    let to_strangers = program.get("/readyz").await.text();
    assert_eq!(to_strangers, r#"{"status":"ready"}"#);
    for path in ["/metrics", "/healthz", "/readyz", "/"] {
        let refused = program.ask(Ask::new(Method::POST, path)).await;
        assert_eq!(
            (refused.status, refused.header("allow")),
            (405, Some("GET, HEAD"))
        );
    }

    // Only what is in the file of users changes.
    write_users(&plain, &alice("battery staple"));
    assert!(program.reload().await);
    assert_eq!(as_alice(&program, "correct horse", IMAGE).await.status, 401);
    assert_eq!(
        as_alice(&program, "battery staple", IMAGE).await.status,
        200
    );

    // A file that is wrong changes nothing.
    write_users(&plain, "alice:hunter2\n");
    assert!(!program.reload().await);
    assert_eq!(
        as_alice(&program, "battery staple", IMAGE).await.status,
        200
    );
    assert!(!program.log.text().contains("hunter2"));

    write_users(&plain, &alice("battery staple"));
    let anonymous = "[[access.allow]]\nwho = [\"anonymous\"]\nrepositories = [\"docker.io/**\"]\nactions = [\"pull\"]\n";
    plain.clone().with(RULES).with(anonymous).write_config();
    assert!(program.reload().await);
    assert_eq!(program.get(IMAGE).await.status, 200);

    // A file from which the section is gone lets nobody in: it is refused, and what else it says with it.
    plain
        .clone()
        .with("[clients]\nloopback_push = true")
        .write_config();
    assert!(!program.reload().await);
    let log = program.log.text();
    assert!(log.contains("`[access]` is gone"), "{log}");
    assert!(log.contains("restart Forebay"), "{log}");
    let push = Ask::new(Method::POST, "/v2/app/blobs/uploads/");
    assert_eq!(program.ask(push.clone()).await.status, 401);
    plain.clone().with(RULES).write_config();
    assert!(program.reload().await);
    assert_eq!(program.get(IMAGE).await.status, 401);
    assert_eq!(std::fs::read(&key).expect("the key"), bytes);

    // A restart goes without.
    program.stop().await;
    let program = plain.start().await;
    assert_eq!(program.get("/v2/team/app/manifests/1").await.status, 200);
    assert_eq!(program.ask(push).await.status, 403);
}

#[tokio::test]
async fn a_key_of_tokens_that_others_may_read_stops_the_start() {
    let setup = Forebay::new().with("[access]");
    setup.start().await.stop().await;
    let key = setup.data().join("token.key");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("a mode");
    let ended = setup.try_start().await.expect_err("it must not start");
    assert!(
        ended.log.contains("others than its owner may read it"),
        "{}",
        ended.log
    );
    assert!(ended.log.contains("chmod 600"), "{}", ended.log);
}

const MOUNTERS: &str = "local = [\"mine/*\", \"other/*\", \"hidden/*\", \"nothing/*\"]\n[access]\nhtpasswd_file = \"users\"\n\
                        [[access.allow]]\nwho = [\"user:alice\"]\nrepositories = [\"mine/app\", \"other/app\"]\nactions = [\"pull\", \"push\"]\n\
                        [[access.allow]]\nwho = [\"user:bob\"]\nrepositories = [\"hidden/app\"]\nactions = [\"pull\", \"push\"]\n";

/// Asks as somebody whose password is theirs, or by a token that was given for `scopes`.
async fn post(
    program: &Program,
    who: &str,
    scopes: &[&str],
    (path, body): (&str, &[u8]),
) -> Answer {
    let credential = BASE64_STANDARD.encode(format!("{who}:correct horse"));
    let mut credential = format!("Basic {credential}");
    if !scopes.is_empty() {
        let path = format!("/token?scope={}", scopes.join("%20"));
        let given = Ask::get(&path).header("authorization", &credential);
        let given: serde_json::Value =
            serde_json::from_slice(&given.to(program.address).await.body).expect("a token");
        credential = format!("Bearer {}", given["token"].as_str().expect("a token"));
    }
    let ask = Ask::new(Method::POST, path).header("authorization", &credential);
    ask.body(body.to_vec()).to(program.address).await
}

/// What a token has to be asked for, by the challenge.
fn scope_of(refused: &Answer) -> String {
    let challenge = refused.header("www-authenticate").expect("a challenge");
    let (_, scope) = challenge.split_once("scope=\"").expect("a scope");
    scope.split('"').next().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_token_that_was_not_given_for_where_a_blob_is_mounted_from_leads_to_one_that_is() {
    let setup = Forebay::new();
    let users = ["alice", "bob"].map(|name| alice("correct horse").replacen("alice", name, 1));
    write_users(&setup, &users.concat());
    let program = setup.with(MOUNTERS).start().await;
    let (mine, theirs) = (b"alice's".as_slice(), b"bob's".as_slice());
    for (who, name, blob) in [("alice", "mine/app", mine), ("bob", "hidden/app", theirs)] {
        let path = format!("/v2/{name}/blobs/uploads/?digest={}", Digest::sha256(blob));
        assert_eq!(post(&program, who, &[], (&path, blob)).await.status, 201);
    }
    let push = "repository:other/app:pull,push";
    let mine = Digest::sha256(mine);
    let path = format!("/v2/other/app/blobs/uploads/?mount={mine}&from=mine/app");
    let refused = post(&program, "alice", &[push], (&path, b"")).await;
    assert_eq!(refused.refusal(), (401, "UNAUTHORIZED".to_owned()));
    assert_eq!(
        scope_of(&refused),
        format!("{push} repository:mine/app:pull")
    );
    // By a password nothing is bounded.
    for scopes in [&[push, "repository:mine/app:pull"][..], &[]] {
        let mounted = post(&program, "alice", scopes, (&path, b"")).await;
        assert_eq!(mounted.status, 201, "{scopes:?}");
    }
    // What alice may not pull from, what is not there, and what holds nothing of it look alike: a token that was not given for the
    // name leads to one that is, and by that there is an upload.
    let theirs = Digest::sha256(theirs);
    for name in ["hidden/app", "nothing/app", "mine/app"] {
        let path = format!("/v2/other/app/blobs/uploads/?mount={theirs}&from={name}");
        let refused = post(&program, "alice", &[push], (&path, b"")).await;
        assert_eq!(refused.refusal(), (401, "UNAUTHORIZED".to_owned()));
        let pull = format!("repository:{name}:pull");
        assert_eq!(scope_of(&refused), format!("{push} {pull}"));
        for scopes in [&[][..], &[push, &pull]] {
            let begun = post(&program, "alice", scopes, (&path, b"")).await;
            assert_eq!(begun.status, 202, "{path} {scopes:?}");
        }
    }
}

/// Who has a token of hers that was given for one repository is not told which others of hers, or whose else, hold a blob.
#[tokio::test]
async fn a_blob_that_is_mounted_from_wherever_it_is_tells_nobody_where_that_is() {
    let setup = Forebay::new();
    let users = ["alice", "bob"].map(|name| alice("correct horse").replacen("alice", name, 1));
    write_users(&setup, &users.concat());
    let program = setup.with(MOUNTERS).start().await;
    let blobs = [b"alice's".as_slice(), b"bob's", b"nobody's"];
    for (who, name, blob) in [
        ("alice", "mine/app", blobs[0]),
        ("bob", "hidden/app", blobs[1]),
    ] {
        let path = format!("/v2/{name}/blobs/uploads/?digest={}", Digest::sha256(blob));
        assert_eq!(post(&program, who, &[], (&path, blob)).await.status, 201);
    }
    let push = "repository:other/app:pull,push";
    let anywhere = "registry:mount:*";
    for (blob, status) in blobs.into_iter().zip([201, 202, 202]) {
        let path = format!(
            "/v2/other/app/blobs/uploads/?mount={}",
            Digest::sha256(blob)
        );
        for scopes in [&[push][..], &[push, "repository:hidden/app:pull"]] {
            let refused = post(&program, "alice", scopes, (&path, b"")).await;
            assert_eq!(refused.refusal(), (401, "UNAUTHORIZED".to_owned()));
            assert_eq!(scope_of(&refused), format!("{push} {anywhere}"));
        }
        // Nor is anything told to who has no token yet.
        let nobody = program.ask(Ask::new(Method::POST, &path)).await;
        assert_eq!(nobody.status, 401);
        assert_eq!(scope_of(&nobody), format!("{push} {anywhere}"));
        for scopes in [&[push, anywhere][..], &[]] {
            let begun = post(&program, "alice", scopes, (&path, b"")).await;
            assert_eq!(begun.status, status, "{path} {scopes:?}");
        }
    }
    // A token that was given for where it is says so itself.
    let path = format!(
        "/v2/other/app/blobs/uploads/?mount={}",
        Digest::sha256(blobs[0])
    );
    let both = [push, "repository:mine/app:pull"];
    let mounted = post(&program, "alice", &both, (&path, b"")).await;
    assert_eq!(mounted.status, 201);
}

/// Figures are of all repositories: who reads them may administer each there is, by a rule or by a token.
#[tokio::test]
async fn figures_are_for_who_has_admin_on_every_repository() {
    let plain = Forebay::new();
    write_users(&plain, &alice("correct horse"));
    let given = |who: &str, repositories: &str, actions: &str| {
        format!(
            "[[access.allow]]\nwho = [\"{who}\"]\nrepositories = [\"{repositories}\"]\nactions = [{actions}]\n"
        )
    };
    let file = "[access]\nhtpasswd_file = \"users\"\n";
    let setup = plain.clone().with(file);
    let program = setup.start().await;
    for (rule, status) in [
        (
            given("user:alice", "**", "\"pull\", \"push\", \"delete\""),
            403,
        ),
        (given("user:alice", "*/**", "\"admin\""), 403),
        (given("user:bob", "**", "\"admin\""), 403),
        (given("user:alice", "**", "\"admin\""), 200),
    ] {
        setup.clone().with(&rule).write_config();
        assert!(program.reload().await, "{rule}");
        let answer = as_alice(&program, "correct horse", "/metrics").await;
        assert_eq!(answer.status, status, "{rule}");
        assert_eq!(program.get("/metrics").await.status, 401, "{rule}");
        // It is for figures alone: nothing is pulled by it.
        if status == 200 {
            let pulled = as_alice(&program, "correct horse", IMAGE).await;
            assert_eq!(pulled.status, 404);
        }
    }
    for (patterns, status) in [("**", 200), ("team/**", 403)] {
        let name = format!("scrape-{status}");
        let create = [
            "token",
            "create",
            "--name",
            &name,
            "--repo",
            patterns,
            "--actions",
            "admin",
        ];
        let made = program.setup.run(&create).await;
        let token = made.out.trim();
        let ask = Ask::get("/metrics").header("authorization", &format!("Bearer {token}"));
        let answer = program.ask(ask).await;
        assert_eq!(answer.status, status, "{patterns}: {}", made.transcript());
    }
    // Where anybody is to scrape, a rule says so.
    setup
        .clone()
        .with(&given("anonymous", "**", "\"admin\""))
        .write_config();
    assert!(program.reload().await);
    assert_eq!(program.get("/metrics").await.status, 200);
}
