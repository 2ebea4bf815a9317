//! The whole program with access configured: who is let in, by what, and what a reload changes.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::Method;
use hub_sim::{HubSim, Image};

use crate::client::{Answer, Ask};
use crate::program::{Forebay, Program};

const RULES: &str = "[access]\nhtpasswd_file = \"users\"\n\
                     [[access.allow]]\nwho = [\"user:alice\"]\nrepositories = [\"docker.io/library/*\"]\nactions = [\"pull\"]\n";

const IMAGE: &str = "/v2/library/nginx/manifests/1";

/// A line as `htpasswd -nbB -C 4 alice PASSWORD` writes it.
fn alice(password: &str) -> String {
    let hash = bcrypt::hash(password, 4).expect("a hash");
    format!("alice:{hash}\n")
}

fn write_users(setup: &Forebay, text: &str) {
    let path = setup.file("users");
    std::fs::write(&path, text).expect("a file");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("a mode");
}

async fn as_alice(program: &Program, password: &str, path: &str) -> Answer {
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
    let figures = as_alice(&program, "correct horse", "/metrics").await;
    assert!(figures.text().contains("forebay_"), "{figures:?}");
    for path in ["/healthz", "/readyz", "/"] {
        assert_eq!(program.get(path).await.status, 200, "{path}");
    }
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
