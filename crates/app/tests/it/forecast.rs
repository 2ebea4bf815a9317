//! `forecast`: what a deploy would cost is found out by HEADs alone, with a server and without, and warming keeps to the reserve.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use hub_sim::{Hub, HubSim, Image, On, hours};
use insta::assert_snapshot;
use serde_json::Value;

use crate::program::{Ended, Forebay, files_below};

const DEPLOY: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 6
  template:
    spec:
      initContainers:
        - {name: setup, image: 'busybox:1.36'}
      containers:
        - {name: web, image: 'nginx:1.27'}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: log}
spec:
  template:
    spec:
      containers:
        - {name: log, image: 'fluent/fluent-bit:3'}
";

/// A hub with the three images: one for a single platform, two indexes.
fn images() -> HubSim {
    let platforms = || Image::small().platforms(&["linux/amd64", "linux/arm64"]);
    HubSim::new()
        .image("library/busybox:1.36", Image::small())
        .image("library/nginx:1.27", platforms())
        .image("fluent/fluent-bit:3", platforms())
        .see_clients_as([192, 0, 2, 1].into())
}

fn deploy(forebay: &Forebay) {
    fs::create_dir_all(forebay.file("deploy")).expect("a folder");
    fs::write(forebay.file("deploy/web.yaml"), DEPLOY).expect("a file");
}

/// The arguments, and how many nodes there are.
async fn forecast(forebay: &Forebay, arguments: &[&str]) -> Ended {
    let arguments = [&["forecast", "deploy", "--nodes", "4"], arguments].concat();
    forebay.run(&arguments).await
}

/// What was asked of the registry itself, a line each, sorted: several images are asked for at a time.
fn asked(hub: &Hub) -> String {
    let requests = hub
        .requests_where(|request| request.is(On::Manifest) || request.is(On::Blob))
        .to_string();
    let mut lines: Vec<&str> = requests.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[tokio::test]
async fn a_deploy_is_foreseen_by_heads_alone_and_leaves_nothing_behind() {
    let hub = images().anonymous_limit(10, hours(6)).start().await;
    let forebay = Forebay::before(&hub);
    deploy(&forebay);
    assert_snapshot!(forecast(&forebay, &[]).await.transcript());
    assert_snapshot!(asked(&hub), @r"
    HEAD registry /v2/fluent/fluent-bit/manifests/3 200
    HEAD registry /v2/library/busybox/manifests/1.36 200
    HEAD registry /v2/library/nginx/manifests/1.27 200
    HEAD registry /v2/ratelimitpreview/test/manifests/latest 200
    HEAD registry /v2/ratelimitpreview/test/manifests/latest 401
    ");
    assert_eq!(hub.charged(), 0);
    assert!(!forebay.data().exists());
    let through = forecast(&forebay, &["--through", "forebay"]).await;
    assert_eq!(through.status.code(), Some(0), "{}", through.out);
}

#[tokio::test]
async fn what_does_not_fit_says_which_image_fails_first() {
    let hub = images().anonymous_limit(100, hours(6)).start().await;
    hub.spend([192, 0, 2, 1].into(), 98);
    let forebay = Forebay::before(&hub);
    deploy(&forebay);
    let ended = forecast(&forebay, &[]).await;
    assert_eq!(ended.status.code(), Some(1));
    let verdict = ended.out.lines().last().unwrap_or_default();
    assert_eq!(
        verdict,
        "it does not fit if the nodes ask the registries themselves; the first to fail is docker.io/library/busybox:1.36"
    );
    assert_eq!(hub.charged(), 0);
}

#[tokio::test]
async fn nodes_with_addresses_of_their_own_have_budgets_of_their_own() {
    let hub = images().anonymous_limit(100, hours(6)).start().await;
    hub.spend([192, 0, 2, 1].into(), 98);
    let forebay = Forebay::before(&hub);
    deploy(&forebay);
    let ended = forecast(&forebay, &["--egress", "per-node"]).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.transcript());
    let line =
        "  from the registry, the node that pulls most: needs 1 to 5: fits, 95 to 99 left then";
    assert!(ended.out.lines().any(|told| told == line), "{}", ended.out);
    assert_eq!(hub.charged(), 0);
}

#[tokio::test]
async fn an_image_that_is_missing_is_a_finding_and_one_that_nobody_can_ask_after_is_no_failure() {
    let hub = images().anonymous_limit(100, hours(6)).start().await;
    let forebay = Forebay::before(&hub);
    fs::create_dir_all(forebay.file("deploy")).expect("a folder");
    let dockerfile = "FROM nginx:gone\nFROM quay.example/a/b:1\n";
    fs::write(forebay.file("deploy/Dockerfile"), dockerfile).expect("a file");
    assert_snapshot!(forecast(&forebay, &[]).await.transcript());
}

#[tokio::test]
async fn offline_nobody_is_asked_and_nothing_is_said_to_fit() {
    let hub = images().anonymous_limit(100, hours(6)).start().await;
    let forebay = Forebay::before(&hub);
    deploy(&forebay);
    let ended = forecast(&forebay, &["--offline"]).await;
    assert_eq!(ended.status.code(), Some(3), "{}", ended.transcript());
    assert_eq!(hub.count(|_| true), 0);
    assert!(!forebay.data().exists());
}

#[tokio::test]
async fn what_was_warmed_costs_nothing_through_forebay_any_more_offline_too() {
    let hub = images().anonymous_limit(100, hours(6)).start().await;
    let forebay = Forebay::before(&hub);
    deploy(&forebay);
    let ended = forecast(&forebay, &["--warm"]).await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.transcript());
    // A single manifest; two indexes, each with two platforms.
    assert_eq!(hub.charged(), 7);
    hub.clear_requests();
    assert_snapshot!(
        forecast(&forebay, &["--offline", "--through", "forebay"])
            .await
            .transcript()
    );
    assert_eq!(hub.count(|_| true), 0);
}

#[tokio::test]
async fn warming_leaves_to_clients_what_is_theirs() {
    let hub = images().anonymous_limit(100, hours(6)).start().await;
    hub.spend([192, 0, 2, 1].into(), 95);
    let forebay = Forebay::before(&hub);
    deploy(&forebay);
    let ended = forecast(&forebay, &["--warm"]).await;
    assert!(
        ended
            .log
            .contains("what is left of the pull budget is kept for clients"),
        "{}",
        ended.transcript()
    );
    assert_ne!(ended.status.code(), Some(0));
}

#[tokio::test]
async fn a_running_server_is_asked_and_asks_by_heads() {
    let hub = images().anonymous_limit(100, hours(6)).start().await;
    let forebay = Forebay::before(&hub);
    deploy(&forebay);
    let program = forebay.start().await;
    let warm = forecast(&forebay, &["--warm"]).await;
    assert_eq!(warm.status.code(), Some(0), "{}", warm.transcript());
    assert_eq!(hub.charged(), 7);
    hub.clear_requests();
    let again = forecast(&forebay, &["--through", "forebay", "--json"]).await;
    assert_eq!(again.status.code(), Some(0), "{}", again.transcript());
    assert!(again.out.contains("\"linux/arm64\""), "{}", again.out);
    assert!(
        hub.requests_where(|request| request.is(On::Manifest))
            .iter()
            .all(hub_sim::Record::is_head)
    );
    drop(program);
}

#[tokio::test]
async fn images_that_nobody_meters_cost_nothing_with_a_server_and_without() {
    let hub = images()
        .unmetered("library/nginx")
        .anonymous_limit(100, hours(6))
        .start()
        .await;
    let forebay = Forebay::before(&hub);
    deploy(&forebay);
    let stopped = forecast(&forebay, &["--json"]).await;
    let program = forebay.start().await;
    let running = forecast(&forebay, &["--json"]).await;
    for ended in [&stopped, &running] {
        let told = [
            ("busybox:1.36", true),
            ("nginx:1.27", false),
            ("fluent-bit:3", true),
        ];
        assert_eq!(
            costs(ended),
            told.map(|(name, costs)| (name.to_owned(), costs))
        );
    }
    assert_eq!(hub.charged(), 0);
    // What a server has heard it knows without asking.
    hub.clear_requests();
    let offline = forecast(&forebay, &["--json", "--offline"]).await;
    assert_eq!(costs(&offline), costs(&running));
    assert_eq!(hub.count(|_| true), 0);
    drop(program);
}

/// The images of a forecast by the last parts of their names, and whether they cost anything, on nodes or through Forebay.
fn costs(ended: &Ended) -> Vec<(String, bool)> {
    let told: Value = serde_json::from_str(&ended.out).expect("JSON");
    let images = told["images"].as_array().expect("a list");
    let costs = images.iter().map(|image| {
        let name = image["image"]
            .as_str()
            .and_then(|name| name.rsplit('/').next());
        let is_free = [&image["direct"], &image["through"]].map(|way| way["most"] == 0);
        assert_eq!(is_free[0], is_free[1], "{image}");
        (name.expect("a name").to_owned(), !is_free[0])
    });
    costs.collect()
}

#[tokio::test]
async fn a_login_that_is_refused_says_nothing_of_the_images() {
    let hub = images()
        .account("alice", "secret", Some((200, hours(6))))
        .start()
        .await;
    for (password, code, credentials) in [
        ("wrong", 1, "BAD     credentials for docker.io: are refused"),
        (
            "secret",
            0,
            "ok      credentials for docker.io: work: it charges account alice",
        ),
    ] {
        let keys = format!("username = \"alice\"\npassword = \"{password}\"");
        let forebay = Forebay::new().upstream_with("docker.io", &hub, &keys);
        deploy(&forebay);
        let ended = forecast(&forebay, &["--preflight"]).await;
        assert_eq!(ended.status.code(), Some(code), "{}", ended.transcript());
        assert!(ended.out.contains(credentials), "{}", ended.out);
        assert!(!ended.out.contains("NOT THERE"), "{}", ended.out);
        let alone = forecast(&forebay, &[]).await;
        let code = if code == 0 { 0 } else { 3 };
        assert_eq!(alone.status.code(), Some(code), "{}", alone.transcript());
    }
    assert_eq!(hub.charged(), 0);
}

#[tokio::test]
async fn a_login_without_a_limit_is_taken_and_an_image_that_is_not_there_is_missing() {
    let hub = images().account("alice", "secret", None).start().await;
    let keys = "username = \"alice\"\npassword = \"secret\"";
    let forebay = Forebay::new().upstream_with("docker.io", &hub, keys);
    fs::create_dir_all(forebay.file("deploy")).expect("a folder");
    let dockerfile = "FROM nginx:1.27\nFROM nobody/private:1\n";
    fs::write(forebay.file("deploy/Dockerfile"), dockerfile).expect("a file");
    let ended = forecast(&forebay, &[]).await;
    assert_eq!(ended.status.code(), Some(1), "{}", ended.transcript());
    assert!(!ended.out.contains("is refused"), "{}", ended.out);
    // A server that runs says the same, long after it heard of any budget.
    let program = forebay.start().await;
    let running = forecast(&forebay, &[]).await;
    assert_eq!(running.status.code(), Some(1), "{}", running.transcript());
    assert!(!running.out.contains("is refused"), "{}", running.out);
    drop(program);
}

/// An `aws` that knows of two repositories, no secret, and a stack that failed.
const AWS: &str = r#"#!/bin/sh
echo "aws $*" >> "$CALLS"
case "$*" in
  *describe-images*) echo sha256:1 ;;
  *describe-repositories*) echo b ;;
  *get-secret-value*) echo 'An error occurred (ResourceNotFoundException) when calling' >&2; exit 254 ;;
  *describe-stacks*' web '*) echo ROLLBACK_COMPLETE ;;
  *describe-stacks*) echo 'Stack with id new does not exist' >&2; exit 254 ;;
  *describe-log-groups*) echo /ecs/web ;;
esac
"#;

const TASK: &str = r#"{"family": "web", "containerDefinitions": [
  {"name": "web", "image": "123456789012.dkr.ecr.us-east-1.amazonaws.com/web:1",
   "repositoryCredentials": {"credentialsParameter": "arn:aws:secretsmanager:us-east-1:123456789012:secret:hub-AbCdEf"}}]}"#;

/// With [`AWS`] as its `aws`, which writes down what it is asked.
fn with_aws() -> Forebay {
    let forebay = Forebay::new();
    let path = forebay.file("bin");
    fs::create_dir_all(&path).expect("a folder");
    fs::write(path.join("aws"), AWS).expect("a file");
    fs::set_permissions(path.join("aws"), fs::Permissions::from_mode(0o755)).expect("a mode");
    let calls = forebay.file("calls").display().to_string();
    forebay
        .env("PATH", &format!("{}:/usr/bin:/bin", path.display()))
        .env("CALLS", &calls)
}

#[tokio::test]
async fn a_preflight_finds_what_the_last_try_left_and_what_is_not_there() {
    let forebay = with_aws();
    fs::write(forebay.file("task.json"), TASK).expect("a file");
    let arguments = [
        "forecast",
        "task.json",
        "--replicas",
        "2",
        "--preflight",
        "--stack",
        "web",
        "--region",
        "us-east-1",
    ];
    let ended = forebay.run(&arguments).await;
    assert_snapshot!(ended.transcript());
    let calls = fs::read_to_string(forebay.file("calls"));
    assert_snapshot!(calls.expect("a file"));
    assert!(files_below(&forebay.data()).is_empty());
}

#[tokio::test]
async fn a_new_stack_is_told_of_a_name_that_somebody_has() {
    let forebay = with_aws();
    let template = r#"{"Resources": {"L": {"Type": "AWS::Logs::LogGroup", "Properties": {"LogGroupName": "/ecs/web"}}}}"#;
    fs::write(forebay.file("template.json"), template).expect("a file");
    let arguments = ["forecast", "template.json", "--preflight", "--stack"];
    let new = forebay.run(&[&arguments[..], &["new"]].concat()).await;
    assert_eq!(new.status.code(), Some(1));
    let taken = "BAD     name /ecs/web of a log group: is taken";
    assert!(new.out.contains(taken), "{}", new.out);
    // A stack that is there has its names itself.
    let web = forebay.run(&[&arguments[..], &["web"]].concat()).await;
    assert!(!web.out.contains("/ecs/web"), "{}", web.out);
}

#[tokio::test]
async fn what_is_built_here_is_asked_for_nowhere_and_needs_but_a_repository_to_be_pushed_to() {
    let hub = images().anonymous_limit(100, hours(6)).start().await;
    let forebay = with_aws().upstream("docker.io", &hub);
    let text = "services:\n  a: {build: ., image: 'me/app:1'}\n  b: {build: ., image: '123456789012.dkr.ecr.us-east-1.amazonaws.com/b:1'}\n  \
                c: {image: 'busybox:1.36'}\n";
    fs::write(forebay.file("compose.yaml"), text).expect("a file");
    let ended = forebay
        .run(&["forecast", "compose.yaml", "--preflight"])
        .await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.transcript());
    assert_eq!(hub.count(|request| request.target.contains("me/app")), 0);
    let calls = fs::read_to_string(forebay.file("calls")).expect("a file");
    assert_eq!(calls.lines().count(), 1, "{calls}");
    assert!(calls.contains("describe-repositories"), "{calls}");
}

#[tokio::test]
async fn what_could_not_be_looked_at_is_no_good_news() {
    let forebay = Forebay::new().env("PATH", "/nowhere");
    fs::write(forebay.file("task.json"), TASK).expect("a file");
    let arguments = ["forecast", "task.json", "--replicas", "2", "--preflight"];
    let ended = forebay.run(&arguments).await;
    assert_eq!(ended.status.code(), Some(3), "{}", ended.transcript());
    assert!(ended.out.contains("FAILED  image"), "{}", ended.out);
    assert!(
        ended.out.contains("aws is not installed here"),
        "{}",
        ended.out
    );
}
