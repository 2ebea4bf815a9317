//! What rests at an upstream is told: by `budget`, in metrics, and in the log of the next start.

use hub_sim::{Fault, Hub, HubSim, Image, On, hours, minutes};
use serde_json::Value;

use crate::image::Pull;
use crate::program::{Forebay, Program};

const NGINX: &str = "library/nginx:1.27";

async fn pull(program: &Program, hub: &Hub) {
    let nginx = Pull::of(hub, NGINX).by_tag;
    program.get(&nginx.path).await;
}

/// What `budget --json` tells of rests at docker.io: what, whose, why.
async fn rests(setup: &Forebay) -> Vec<(String, Option<String>, String)> {
    let told = setup.run(&["budget", "docker.io", "--json"]).await;
    assert!(told.status.success(), "{}", told.transcript());
    let report: Value = serde_json::from_str(&told.out).expect("JSON");
    let rests = report["upstreams"][0]["rests"].as_array().expect("a list");
    let word = |rest: &Value, key: &str| rest[key].as_str().map(str::to_owned);
    rests
        .iter()
        .map(|rest| {
            assert!(rest["left_seconds"].as_u64() > Some(0), "{rest}");
            let (what, why) = (word(rest, "what"), word(rest, "why"));
            let account = word(rest, "account");
            (what.expect("what"), account, why.expect("why"))
        })
        .collect()
}

async fn has_metric(program: &Program, what: &str, why: &str) {
    let rest = "forebay_upstream_rest_seconds{upstream=\"docker.io\",";
    let name = format!("{rest}what=\"{what}\",why=\"{why}\"}}");
    assert!(program.metric(&name).await > 0.0, "{name}");
}

/// That the next start says what still rests, with all of this.
async fn says_at_start(setup: &Forebay, words: &[&str]) -> Program {
    let program = setup.start().await;
    let line = program.log.line_with("still holds").await;
    let line = line.expect("a line about what rests");
    for word in words {
        assert!(line.contains(word), "{word}: {line}");
    }
    program
}

#[tokio::test]
async fn a_rest_for_the_abuse_limit_is_told_by_budget_metrics_and_the_next_start() {
    let hub = HubSim::new().image(NGINX, Image::small()).start().await;
    let program = Forebay::before(&hub).start().await;
    let setup = program.setup.clone();
    assert_eq!(rests(&setup).await, []);
    hub.fault(Fault::AbuseLimited).on(On::Manifest).once();
    pull(&program, &hub).await;
    let expected = [("everything".to_owned(), None, "abuse_limit".to_owned())];
    assert_eq!(rests(&setup).await, expected);
    has_metric(&program, "everything", "abuse_limit").await;
    let told = setup.run(&["budget", "docker.io"]).await;
    let line = "everything from our address, by its abuse limit";
    assert!(told.out.contains(line), "{}", told.transcript());
    program.stop().await;
    assert_eq!(rests(&setup).await, expected, "without a server");
    let program = says_at_start(&setup, &["docker.io", line, "until"]).await;
    assert_eq!(rests(&setup).await, expected);
    has_metric(&program, "everything", "abuse_limit").await;
}

#[tokio::test]
async fn a_refused_pull_is_nothing_left_to_monitoring_although_nobody_said_how_much() {
    let hub = HubSim::new()
        .image(NGINX, Image::small())
        .anonymous_limit(0, hours(6));
    let hub = hub.start().await;
    for method in ["HEAD", "GET"] {
        hub.fault(Fault::WithoutHeader("ratelimit-remaining".to_owned()))
            .method(method)
            .always();
    }
    let program = Forebay::before(&hub).start().await;
    pull(&program, &hub).await;
    let setup = &program.setup;
    let expected = [("pulls".to_owned(), None, "pull_limit".to_owned())];
    assert_eq!(rests(setup).await, expected);
    let floor = setup.run(&["budget", "docker.io", "--floor", "1"]).await;
    assert_eq!(floor.status.code(), Some(1), "{}", floor.transcript());
    let first = floor.out.lines().next().expect("a line");
    assert!(
        first.starts_with("WARNING ") && first.contains("its pull limit"),
        "{first}"
    );
}

#[tokio::test]
async fn a_login_that_is_refused_and_one_that_is_locked_out_are_told_with_the_account() {
    let hub = HubSim::new()
        .image(NGINX, Image::small())
        .account("ci", "right", None)
        .lockout(1, minutes(10));
    let hub = hub.start().await;
    let program = Forebay::before(&hub)
        .env("FOREBAY_UPSTREAMS__DOCKER_IO__USERNAME", "ci")
        .env("FOREBAY_UPSTREAMS__DOCKER_IO__PASSWORD", "wrong")
        .start()
        .await;
    let setup = program.setup.clone();
    pull(&program, &hub).await;
    let login = |why: &str| [("login".to_owned(), Some("ci".to_owned()), why.to_owned())];
    assert_eq!(rests(&setup).await, login("login_refused"));
    has_metric(&program, "login", "login_refused").await;
    program.stop().await;
    // After a restart it may be another one: it is shown once, and meets the lockout.
    let program = setup.start().await;
    assert_eq!(rests(&setup).await, []);
    pull(&program, &hub).await;
    assert_eq!(rests(&setup).await, login("login_lockout"));
    program.stop().await;
    says_at_start(&setup, &["docker.io", "account ci", "login lockout"]).await;
}
