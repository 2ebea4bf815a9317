//! Who did it: what is counted, limited and refused is told by the name that was let in, whatever it was shown by.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hub_sim::{HubSim, Image};
use serde_json::Value;

use crate::access::{alice, as_alice, write_users};
use crate::client::{Answer, Ask};
use crate::program::{Forebay, Program};

const RULES: &str = "[access]\nhtpasswd_file = \"users\"\n\
                     [[access.allow]]\nwho = [\"user:alice\", \"robot:ci\"]\nrepositories = [\"docker.io/library/*\"]\nactions = [\"pull\"]\n\
                     [[access.allow]]\nwho = [\"anonymous\"]\nrepositories = [\"**\"]\nactions = [\"admin\"]\n";

const IMAGE: &str = "/v2/library/nginx/manifests/1";

const LIMITS: &str = "[[clients.limits]]\nuser = \"alice\"\nrequests_per_minute = 1\nburst = 5\n\
                      [[clients.limits]]\nuser = \"ci\"\nrequests_per_minute = 1\nburst = 2\n";

fn basic(name: &str, password: &str) -> String {
    let credential = BASE64_STANDARD.encode(format!("{name}:{password}"));
    format!("Basic {credential}")
}

async fn get(program: &Program, path: &str, credential: &str) -> Answer {
    let ask = Ask::get(path).header("authorization", credential);
    program.ask(ask).await
}

/// A token for a pull, as docker asks for one, ready to be shown.
async fn bearer(program: &Program, credential: &str) -> String {
    let path = "/token?service=forebay&scope=repository:library/nginx:pull";
    let given = get(program, path, credential).await;
    let given: Value = serde_json::from_slice(&given.body).expect("a token");
    format!("Bearer {}", given["token"].as_str().expect("a token"))
}

/// A robot's token that is called `ci`.
async fn robots(setup: &Forebay) -> String {
    let create = [
        "token",
        "create",
        "--name",
        "ci",
        "--repo",
        "docker.io/library/*",
    ];
    setup.run(&create).await.out.trim().to_owned()
}

async fn started(sections: &str) -> (hub_sim::Hub, Program) {
    let hub = HubSim::new()
        .image("library/nginx:1", Image::small())
        .start()
        .await;
    let setup = Forebay::before(&hub).with(RULES).with(sections);
    write_users(&setup, &alice("correct horse"));
    (hub, setup.start().await)
}

/// Whose pulls are told, with how many: in the order of their names.
async fn pullers(setup: &Forebay) -> Vec<(Option<String>, u64)> {
    let top = setup.run(&["top", "--once", "--json"]).await;
    let top: Value = serde_json::from_str(&top.out).expect("JSON");
    let spent = top["spent"].as_array().expect("a list").iter();
    let told = spent.map(|spent| {
        let user = spent["client"]["user"].as_str().map(str::to_owned);
        (user, spent["pulls"].as_u64().expect("a number"))
    });
    let mut told: Vec<_> = told.collect();
    told.sort();
    told
}

#[tokio::test]
async fn a_pull_by_a_token_is_told_as_its_accounts() {
    let (_hub, program) = started("").await;
    let token = robots(&program.setup).await;
    let of_alice = bearer(&program, &basic("alice", "correct horse")).await;
    assert_eq!(get(&program, IMAGE, &of_alice).await.status, 200);
    assert_eq!(as_alice(&program, "correct horse", IMAGE).await.status, 200);
    // A robot may call itself what it likes, as people do who paste a token.
    let by_basic = basic("alice", &token);
    let traded = bearer(&program, &by_basic).await;
    for credential in [&format!("Bearer {token}"), &by_basic, &traded] {
        assert_eq!(get(&program, IMAGE, credential).await.status, 200);
    }
    // Who is not let in has no name: neither one that they say nor one of a token that is none of ours.
    let forged = of_alice.replace("Bearer ", "Bearer x");
    for wrong in [
        basic("mallory", "correct horse"),
        basic("alice", "wrong"),
        forged,
    ] {
        assert_eq!(get(&program, IMAGE, &wrong).await.status, 401);
    }
    let told = [(Some("alice".to_owned()), 2), (Some("ci".to_owned()), 3)];
    assert_eq!(pullers(&program.setup).await, told);
    let export = program.setup.run(&["ledger", "export", "--csv"]).await.out;
    for name in [",alice,", ",ci,"] {
        assert!(export.contains(name), "{export}");
    }
    assert!(!export.contains("mallory"), "{export}");
}

#[tokio::test]
async fn a_limit_of_a_user_holds_whatever_they_come_with() {
    let (_hub, program) = started(LIMITS).await;
    let token = robots(&program.setup).await;
    let statuses = async |credential: &str| {
        let mut statuses = Vec::new();
        for _ in 0..4 {
            statuses.push(get(&program, IMAGE, credential).await.status);
        }
        statuses
    };
    // One of the five is spent on the token.
    let of_alice = bearer(&program, &basic("alice", "correct horse")).await;
    assert_eq!(statuses(&of_alice).await, [200; 4]);
    assert_eq!(statuses(&of_alice).await, [429; 4]);
    assert_eq!(as_alice(&program, "correct horse", IMAGE).await.status, 429);
    // A robot is held by its own, though it calls itself otherwise.
    let by_basic = basic("token", &token);
    assert_eq!(statuses(&by_basic).await, [200, 200, 429, 429]);
    let by_bearer = format!("Bearer {token}");
    assert_eq!(statuses(&by_bearer).await, [429; 4]);
}

#[tokio::test]
async fn a_refused_login_is_told_with_its_client_and_with_an_account_only_if_there_is_one() {
    let (_hub, program) = started("").await;
    let token = robots(&program.setup).await;
    let id = &token[4..16];
    let line_with = async |what: &str| program.log.line_with(what).await.expect("a line");
    let from = "a login was refused client=127.0.0.1 why=";

    assert_eq!(as_alice(&program, "wrong horse", IMAGE).await.status, 401);
    let line = line_with("wrong password").await;
    let told = format!("{from}wrong password account=user:alice request_id=");
    assert!(line.contains(&told), "{line}");
    // What is no account's name may be a password, typed into the wrong field.
    let swapped = basic("correct.horse", "alice");
    assert_eq!(get(&program, IMAGE, &swapped).await.status, 401);
    let line = line_with("no such account").await;
    let told = format!("{from}no such account request_id=");
    assert!(line.contains(&told), "{line}");

    program.setup.run(&["token", "revoke", "ci"]).await;
    let mistyped = format!("{}x", &token[..token.len() - 1]);
    for (token, told) in [
        (
            &token,
            format!("is revoked account=robot:ci ({id}) request_id="),
        ),
        (&mistyped, "no such robot's token request_id=".to_owned()),
    ] {
        let bearer = format!("Bearer {token}");
        assert_eq!(get(&program, IMAGE, &bearer).await.status, 401);
        let line = line_with(&told).await;
        assert!(line.contains("client=127.0.0.1"), "{line}");
    }
    for (why, count) in [
        ("wrong_password", 1.0),
        ("no_such_account", 2.0),
        ("revoked", 1.0),
    ] {
        let name = format!("forebay_logins_refused_total{{why=\"{why}\"}}");
        let counted = program.metric(&name).await;
        assert!((counted - count).abs() < f64::EPSILON, "{why} {counted}");
    }
    let log = program.stop().await.log;
    for secret in ["horse", &token[17..], "Basic"] {
        assert!(!log.contains(secret), "{log}");
    }
}
