//! The operator's commands over local repositories, with a server that runs and without one, and rules that are applied by themselves.

use std::time::Duration;

use bytes::Bytes;
use forebay_oci::Digest;
use http::{Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::client::Ask;
use crate::clocked::{advance, clocked, jump};
use crate::program::{Ended, Forebay, Program};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

const BASE: &str = "local = [\"team/*\"]\n[clients]\nloopback_push = true\n";

/// More steps than it takes to be heard of.
const MOST_STEPS: usize = 2000;

/// An index of nothing: the least that can be pushed.
fn manifest(name: &str) -> Bytes {
    let annotations = json!({ "org.example.name": name });
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [], "annotations": annotations });
    Bytes::from(index.to_string())
}

pub(crate) fn digest(name: &str) -> String {
    Digest::sha256(&manifest(name)).to_string()
}

/// Pushes what is called `name` under a tag: the status, and the error's code if there is one.
async fn push(program: &Program, place: &str, name: &str) -> (u16, String) {
    let stream = TcpStream::connect(program.address).await.expect("a server");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("HTTP");
    let task = tokio::spawn(connection);
    let (repository, tag) = place.split_once(':').expect("a tag");
    let request = Request::put(format!("/v2/{repository}/manifests/{tag}"))
        .header("host", program.address.to_string())
        .header("content-type", INDEX)
        .body(Full::new(manifest(name)))
        .expect("a request");
    let answer = sender.send_request(request).await.expect("an answer");
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await.expect("a body");
    task.abort();
    let told: Value = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    let code = told["errors"][0]["code"].as_str().unwrap_or_default();
    (status, code.to_owned())
}

pub(crate) async fn is_pushed(program: &Program, place: &str, name: &str) {
    let pushed = push(program, place, name).await;
    assert_eq!(pushed, (201, String::new()), "{place}");
}

/// Runs a command that must be done; what it printed.
pub(crate) async fn run(setup: &Forebay, words: &[&str]) -> String {
    let ended = setup.run(words).await;
    assert!(ended.status.success(), "{}", ended.transcript());
    ended.out
}

async fn is_refused(setup: &Forebay, words: &[&str], why: &str) -> Ended {
    ends(setup, words, (3, why)).await
}

/// Words that cannot be meant so.
async fn is_no_command(setup: &Forebay, words: &[&str], why: &str) -> Ended {
    ends(setup, words, (2, why)).await
}

async fn ends(setup: &Forebay, words: &[&str], (code, why): (i32, &str)) -> Ended {
    let ended = setup.run(words).await;
    assert_eq!(ended.status.code(), Some(code), "{}", ended.transcript());
    assert!(ended.log.contains(why), "{}", ended.transcript());
    ended
}

async fn json(setup: &Forebay, words: &[&str]) -> Value {
    let out = run(setup, &[words, &["--json"]].concat()).await;
    serde_json::from_str(&out).expect("JSON")
}

/// What the audit log has of an act: to what, by whom, and what came of it.
pub(crate) fn audited(setup: &Forebay, act: &str) -> Vec<[String; 3]> {
    let text = std::fs::read_to_string(setup.data().join("audit.jsonl")).expect("an audit log");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"));
    let word = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let found = lines.filter(|line: &Value| line["act"] == act);
    found
        .map(|line| ["object", "who", "outcome"].map(|key| word(&line, key)))
        .collect()
}

/// Who a command of ours is to the server that runs.
pub(crate) fn by_socket() -> String {
    let uid = rustix::process::getuid().as_raw();
    format!("control socket (uid {uid})")
}

/// Lets minutes pass until its log has this so often: it may begin to wait for the next hour only now.
async fn until_logged(program: &Program, what: &str, times: usize) {
    for _ in 0..MOST_STEPS {
        if program.log.count(what) >= times {
            return;
        }
        advance(program, Duration::from_mins(10)).await;
    }
    panic!(
        "{what:?} was not logged {times} times: {}",
        program.log.text()
    );
}

/// Makes team/app; what makes no sense is refused.
async fn make(setup: &Forebay) {
    let words = ["repo", "create", "team/app", "--immutable-tags", "v*"];
    let create = |quota| [&words[..], &["--quota", quota]].concat();
    let unwritten = setup.run(&create("400B")).await;
    assert_eq!(
        unwritten.status.code(),
        Some(2),
        "{}",
        unwritten.transcript()
    );
    let create = create("1KB");
    let made = run(setup, &create).await;
    assert!(
        made.contains("made team/app: a quota of 1000 B, immutable tags v*"),
        "{made}"
    );
    is_refused(setup, &create, "there is a repository team/app already").await;
    for name in ["docker.io/x", "other/app"] {
        is_refused(setup, &["repo", "create", name], "could not be pushed to").await;
    }
    let wrong = ["repo", "create", "app", "--immutable-tags", "v:1"];
    is_no_command(setup, &wrong, "can match no tag").await;
    for wrong in [
        &["repo", "create", "Team/App"][..],
        &["repo", "show", "team/app:v1"],
        &["repo", "list", "--pattern", "Team/*"],
        &["repo", "expire", "team/[", "--keep-newest", "1"],
        &["pin", "team/app:"],
        &["pin", "--list", "team/app:v1"],
    ] {
        is_no_command(setup, wrong, "error:").await;
    }
    is_refused(
        setup,
        &["repo", "show", "team/ap"],
        "did you mean team/app?",
    )
    .await;
}

/// What was said of team/app holds for who pushes.
async fn push_within_bounds(setup: &Forebay, program: &Program) {
    is_pushed(program, "team/app:v1", "first").await;
    let moved = push(program, "team/app:v1", "second").await;
    assert_eq!(moved.1, "DENIED", "{moved:?}");
    for (tag, name) in [("latest", "second"), ("old", "third")] {
        is_pushed(program, &format!("team/app:{tag}"), name).await;
    }
    for number in 0..10 {
        let (status, _) = push(program, "team/app:more", &number.to_string()).await;
        if status != 201 {
            break;
        }
        assert!(number < 9, "no quota holds");
    }
    let raised = run(setup, &["repo", "set", "team/app", "--no-quota"]).await;
    assert!(raised.contains("no quota, immutable tags v*"), "{raised}");
    is_pushed(program, "team/app:roomy", "roomy").await;
}

fn check_audit(setup: &Forebay) {
    let by = |act: &str| audited(setup, act);
    let words = |object: &str, who: &str, outcome: &str| [object, who, outcome].map(str::to_owned);
    assert_eq!(
        by("create-repository")[0],
        words("local/team/app", &by_socket(), "done")
    );
    assert_eq!(by("set-repository").len(), 1);
    let log = std::fs::read_to_string(setup.data().join("audit.jsonl")).expect("an audit log");
    for said in [
        "\"detail\":\"immutable tags v*, quota 1000 bytes\"",
        "\"detail\":\"no quota\"",
        "\"detail\":\"with all that it holds\"",
    ] {
        assert!(log.contains(said), "{said}: {log}");
    }
    assert_eq!(
        by("pin-manifest")[0],
        words("local/team/app:latest", &by_socket(), "done")
    );
    assert_eq!(
        by("unpin-manifest")[0],
        words("local/team/app:latest", "command line", "done")
    );
    let refused = by("create-repository").into_iter();
    assert_eq!(refused.filter(|line| line[2] == "not_local").count(), 2);
    let deleted = by("delete-repository");
    assert_eq!(
        deleted[0],
        words("local/team/app", &by_socket(), "not_empty")
    );
    assert_eq!(deleted[1], words("local/team/app", "command line", "done"));
    assert_eq!(by("collect-garbage").len(), 1);
}

#[tokio::test]
async fn commands_reach_the_server_that_runs_and_the_data_of_one_that_does_not() {
    let setup = Forebay::new().with(BASE);
    let program = setup.start().await;
    make(&setup).await;
    push_within_bounds(&setup, &program).await;

    // The same is told by who runs and by who does not.
    let (listed, shown) = (["repo", "list"], ["repo", "show", "team/app"]);
    let running = (json(&setup, &listed).await, json(&setup, &shown).await);
    assert_eq!(running.0[0]["name"], "team/app");
    assert_eq!(running.0[0]["immutable_tags"], json!(["v*"]));
    assert_eq!(running.1["newest"][0]["tags"], json!(["roomy"]));
    let pinned = run(&setup, &["pin", "team/app:latest"]).await;
    assert!(pinned.contains(&digest("second")), "{pinned}");
    let delete = Ask::new(
        Method::DELETE,
        &format!("/v2/team/app/manifests/{}", digest("second")),
    );
    let kept = delete.clone().to(program.address).await;
    assert!(kept.status >= 400, "{kept:?}");
    let told = kept.text();
    assert!(
        told.contains("it is pinned: it can be deleted once"),
        "{told}"
    );
    assert!(!told.contains("refers to"), "one cause: {told}");
    assert_eq!(
        program.get("/v2/team/app/manifests/latest").await.status,
        200
    );
    let wanted = "there is no nothing in team/app";
    is_refused(&setup, &["pin", "team/app:nothing"], wanted).await;
    is_refused(&setup, &["repo", "delete", "team/app"], "--force").await;
    program.stop().await;
    let stopped = (json(&setup, &listed).await, json(&setup, &shown).await);
    assert_eq!(stopped.0, running.0);
    assert_eq!(stopped.1["pinned"], json!(1));
    let pins = json(&setup, &["pin", "--list"]).await;
    assert_eq!(pins[0]["digest"], digest("second"));
    for _ in 0..2 {
        let unpinned = run(&setup, &["pin", "team/app:latest", "--remove"]).await;
        assert!(unpinned.ends_with("  not pinned\n"), "{unpinned}");
    }
    let gone = run(&setup, &["repo", "delete", "team/app", "--force"]).await;
    assert!(gone.contains("deleted team/app"), "{gone}");
    assert_eq!(json(&setup, &listed).await, json!([]));
    let cleared = json(&setup, &["gc"]).await;
    assert!(cleared["objects"].as_u64() >= Some(4), "{cleared}");
    is_refused(
        &setup,
        &["repo", "show", "team/app"],
        "there is no repository team/app",
    )
    .await;
    check_audit(&setup);
}

#[tokio::test]
async fn rules_are_looked_at_first_and_then_applied() {
    let setup = Forebay::new()
        .with("local = [\"team/*\"]\n[[lifecycle]]\nrepositories = [\"team/*\"]\ntags = [\"v*\"]\nkeep_newest = 1\n[clients]\nloopback_push = true\n");
    let program = setup.start().await;
    for place in [
        "team/app:v1",
        "team/app:v2",
        "team/app:v3",
        "team/app:latest",
        "other:v1",
    ] {
        is_pushed(&program, place, place).await;
    }
    run(&setup, &["pin", "team/app:v1"]).await;
    let looked = json(&setup, &["repo", "expire", "--dry-run"]).await;
    let of_app = looked
        .as_array()
        .expect("a list")
        .iter()
        .find(|one| one["repository"] == "team/app");
    let of_app = of_app.expect("team/app").clone();
    assert_eq!(of_app["goes"].as_array().map(Vec::len), Some(1), "{of_app}");
    assert_eq!(of_app["goes"][0]["digest"], digest("team/app:v2"));
    assert_eq!(
        of_app["goes"][0]["cause"],
        "lifecycle rule 1: not the newest"
    );
    assert_eq!(of_app["spared"][0]["because"], "it is pinned");
    assert_eq!(of_app["dropped"], 0);
    assert_eq!(program.get("/v2/team/app/manifests/v2").await.status, 200);
    let shown = json(&setup, &["repo", "show", "team/app"]).await;
    assert_eq!(
        (&shown["would_go"], &shown["spared"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(shown["rules"][0]["says"], "tagged v*, keep the newest 1");

    let went = run(&setup, &["repo", "expire", "team/*"]).await;
    assert!(went.contains(&digest("team/app:v2")), "{went}");
    for (tag, status) in [("v1", 200), ("v2", 404), ("v3", 200), ("latest", 200)] {
        let path = format!("/v2/team/app/manifests/{tag}");
        assert_eq!(program.get(&path).await.status, status, "{tag}");
    }
    let metric = program.metric("forebay_expired_manifests_total").await;
    assert!((metric - 1.0).abs() < f64::EPSILON, "{metric}");
    let gone = format!("local/team/app@{}", digest("team/app:v2"));
    assert_eq!(
        audited(&setup, "expire-manifest"),
        [[gone, by_socket(), "done".to_owned()]]
    );

    // One rule by flags, in place of those.
    let rule = [
        "repo",
        "expire",
        "other",
        "--tags",
        "v*",
        "--keep-newest",
        "0",
    ];
    run(&setup, &[&rule[..], &["--dry-run"]].concat()).await;
    assert_eq!(program.get("/v2/other/manifests/v1").await.status, 200);
    run(&setup, &rule).await;
    assert_eq!(program.get("/v2/other/manifests/v1").await.status, 404);
    let many = ["repo", "expire", "--keep-newest", "1", "--pushed-for", "3d"];
    is_no_command(&setup, &many, "needs one of").await;
    let mistyped = ["repo", "expire", "team/ap"];
    let refused = is_refused(&setup, &mistyped, "did you mean team/app?").await;
    assert!(
        !refused.log.contains("there are no repositories"),
        "{}",
        refused.log
    );
    is_refused(
        &setup,
        &["repo", "expire", "none/*"],
        "no repository matches",
    )
    .await;
    program.stop().await;
    let rules = setup.file("rules.toml");
    std::fs::write(
        &rules,
        "[[lifecycle]]\nrepositories = [\"**\"]\ntags = [\"latest\"]\nkeep_newest = 0\n",
    )
    .expect("a file");
    let looked = json(
        &setup,
        &["repo", "expire", "--rules", "rules.toml", "--dry-run"],
    )
    .await;
    let goes: usize = looked
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["goes"].as_array())
        .map(Vec::len)
        .sum();
    assert_eq!(goes, 1, "{looked}");
}

#[tokio::test]
async fn rules_are_applied_every_hour_and_a_reload_changes_them() {
    const APPLIED: &str = "lifecycle rules were applied";
    let rule = |kept: u32| {
        format!(
            "[[lifecycle]]\nrepositories = [\"team/*\"]\ntags = [\"v*\"]\nkeep_newest = {kept}\n"
        )
    };
    let with = |kept| {
        let top = "local = [\"team/*\"]\n";
        let rest = "[clients]\nloopback_push = true\n";
        move |setup: Forebay| setup.with(&format!("{top}{}{rest}", rule(kept)))
    };
    let plain = clocked(Forebay::new());
    let program = with(3)(plain.clone()).start().await;
    for number in 1..=5 {
        advance(&program, Duration::from_secs(1)).await;
        is_pushed(
            &program,
            &format!("team/app:v{number}"),
            &number.to_string(),
        )
        .await;
    }
    assert_eq!(program.log.count(APPLIED), 0);
    advance(&program, Duration::from_mins(5)).await;
    assert!(program.log.until(|text| text.contains(APPLIED)).await);
    let is_there = async |number: u32| {
        let path = format!("/v2/team/app/manifests/v{number}");
        program.get(&path).await.status == 200
    };
    assert!(!is_there(2).await && is_there(3).await);
    with(1)(plain).write_config();
    assert!(program.reload().await);
    assert!(is_there(3).await);
    until_logged(&program, APPLIED, 2).await;
    assert!(!is_there(3).await && !is_there(4).await && is_there(5).await);
    let metric = program.metric("forebay_expired_manifests_total").await;
    assert!((metric - 4.0).abs() < f64::EPSILON, "{metric}");
    let who: Vec<String> = audited(&program.setup, "expire-manifest")
        .into_iter()
        .map(|[_, who, _]| who)
        .collect();
    assert_eq!(who, ["lifecycle rules"; 4]);
}

#[tokio::test]
async fn by_a_clock_that_leaps_ahead_nothing_goes_before_it_can_be_set_right() {
    const LEFT_OUT: &str = "the clock has leapt ahead";
    const YEAR_S: i64 = 365 * 24 * 3600;
    let rule =
        "local = [\"team/*\"]\n[[lifecycle]]\nrepositories = [\"team/*\"]\npushed_for = \"30d\"\n";
    let setup = Forebay::new().with(&format!("{rule}[clients]\nloopback_push = true\n"));
    let program = clocked(setup).start().await;
    is_pushed(&program, "team/app:v1", "first").await;
    jump(&program, YEAR_S).await;
    advance(&program, Duration::from_mins(5)).await;
    assert!(program.log.until(|text| text.contains(LEFT_OUT)).await);
    assert_eq!(program.get("/v2/team/app/manifests/v1").await.status, 200);
    // Set right again, it is an hour like another.
    jump(&program, -YEAR_S).await;
    until_logged(&program, "lifecycle rules were applied", 2).await;
    assert_eq!(program.get("/v2/team/app/manifests/v1").await.status, 200);
    assert_eq!(program.log.count(LEFT_OUT), 1);
}
