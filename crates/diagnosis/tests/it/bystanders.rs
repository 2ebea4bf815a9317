//! Who has no part in a limit: who asks another registry, who began after it, who need not ask at all, who waits for something else.

use forebay_diagnosis::{Diagnosis, Egress, FlagKind, StepKind};
use forebay_evidence::Class;

use crate::world::{HUB_ANONYMOUS, START, iso};

/// An event of a pod, at so many seconds.
fn event(pod: &str, reason: &str, message: &str, at: i64) -> String {
    let at = iso(at);
    let event = serde_json::json!({
        "kind": "Event", "metadata": {}, "involvedObject": {"kind": "Pod", "name": pod, "namespace": "shop"},
        "reason": reason, "message": message, "count": 1, "firstTimestamp": at, "lastTimestamp": at,
    });
    format!("{event}\n")
}

fn refused(pod: &str, at: i64) -> String {
    let message = format!("Failed to pull image \"nginx\": {HUB_ANONYMOUS}");
    event(pod, "Failed", &message, at)
}

fn pulled(image: &str, at: i64) -> String {
    let message = format!("Successfully pulled image \"{image}\" in 300ms");
    event("loop-6d5f7c9b4d-x2x4x", "Pulled", &message, at)
}

fn eight_refused() -> String {
    let pod = |number: i64| format!("web{number}-6d5f7c9b4d-x2x4x");
    (0..40)
        .map(|number| refused(&pod(number % 8), 600 + number * 10))
        .collect()
}

fn read(text: &str) -> Diagnosis {
    crate::found::find(&[("events", text)], START + 1_300, Egress::Unknown)
}

fn culprits(found: &Diagnosis) -> Vec<&str> {
    let culprits = found.culprits.iter();
    culprits.map(|culprit| culprit.name.as_str()).collect()
}

#[test]
fn pulls_of_another_registry_use_up_nothing_of_the_one_that_refuses() {
    for (image, is_culprit) in [
        ("acme/loop:latest", true),
        ("ghcr.io/acme/loop:latest", false),
        ("registry.example:5000/loop:1", false),
    ] {
        let loops: String = (0..120).map(|number| pulled(image, number * 10)).collect();
        let found = read(&(loops + &eight_refused()));
        assert_eq!(found.cause.as_ref().unwrap().class, Class::PullLimit);
        let all: &[&str] = &["Deployment loop in shop"];
        assert_eq!(
            culprits(&found),
            if is_culprit { all } else { &[] },
            "{image}"
        );
        let together = found.together.as_ref().unwrap().attempts;
        assert_eq!(together, if is_culprit { 160 } else { 40 }, "{image}");
    }
}

#[test]
fn what_goes_through_the_same_proxy_as_what_is_refused_is_counted() {
    let image = "harbor.example/dockerhub/acme/loop:1";
    let loops: String = (0..120).map(|number| pulled(image, number * 10)).collect();
    let proxied = "harbor.example/dockerhub/library/nginx:1";
    let message = format!("Failed to pull image \"{proxied}\": {HUB_ANONYMOUS}");
    let refused = event("api-6d5f7c9b4d-x2x4x", "Failed", &message, 900);
    let found = read(&(loops + &eight_refused() + &refused));
    assert_eq!(culprits(&found), ["Deployment loop in shop"]);
}

#[test]
fn who_began_after_the_last_refusal_has_not_brought_it_about() {
    let missing =
        "Failed to pull image \"acme/api:9\": manifest for acme/api:9 not found: manifest unknown";
    let asks = |from: i64| -> String {
        let pod = "api-6d5f7c9b4d-x2x4x";
        (0..20)
            .map(|number| event(pod, "Failed", missing, from + number * 10))
            .collect()
    };
    let refused: String = (0..4)
        .map(|at| refused("web-6d5f7c9b4d-x2x4x", at * 60))
        .collect();
    let found = read(&(refused.clone() + &asks(20)));
    assert_eq!(culprits(&found), ["Deployment api in shop"]);
    let found = read(&(refused + &asks(1_000)));
    assert_eq!(found.cause.as_ref().unwrap().class, Class::PullLimit);
    assert!(!culprits(&found).contains(&"Deployment api in shop"));
    assert!(found.also.iter().any(|also| also.class == Class::NotFound));
}

const TASKS: &str = "ID             NAME                 IMAGE                NODE      DESIRED STATE   CURRENT STATE            ERROR                                   PORTS\n\
    2k2j3h4k5j6h   prod_worker.1        acme/worker:latest   node-1    Ready           Ready less than a second ago\n\
    3k2j3h4k5j6h    \\_ prod_worker.1    acme/worker:latest   node-1    Shutdown        Failed 1 second ago      \"task: non-zero exit (1)\"\n\
    4k2j3h4k5j6h    \\_ prod_worker.1    acme/worker:latest   node-1    Shutdown        Failed 2 seconds ago     \"task: non-zero exit (1)\"\n\
    5k2j3h4k5j6h    \\_ prod_worker.1    acme/worker:latest   node-1    Shutdown        Failed 3 seconds ago     \"task: non-zero exit (1)\"\n\
    6k2j3h4k5j6h    \\_ prod_worker.1    acme/worker:latest   node-1    Shutdown        Failed 4 seconds ago     \"task: non-zero exit (1)\"\n";

#[test]
fn a_list_of_the_last_few_ends_tells_how_often_by_the_times_between_them() {
    let found = read(TASKS);
    let [worker] = found.culprits.as_slice() else {
        panic!("{:?}", found.culprits);
    };
    assert_eq!(worker.requests.peak_attempts_per_minute, 60);
    let at_restart = worker.at_restart.as_ref().unwrap();
    assert_eq!(at_restart.starts_per_hour, Some(3_600));
}

#[test]
fn a_service_that_is_set_to_a_digest_asks_nobody_whatever_a_list_calls_its_image() {
    let inspected = |image: &str| {
        let service = serde_json::json!([{"ID": "svc1", "Spec": {"Name": "prod_worker", "TaskTemplate": {
            "ContainerSpec": {"Image": image}, "RestartPolicy": {"Condition": "any", "Delay": 1_000_000_000_u64}}}}]);
        format!("{service}\n")
    };
    let digest = "0a399eb16751829e1af26fea27b20c3ec28d7ab1fb72182879dcae1cca21206a";
    for (image, asks) in [
        ("acme/worker:latest".to_owned(), true),
        (format!("acme/worker:latest@sha256:{digest}"), false),
    ] {
        let inspected = inspected(&image);
        let found = crate::found::find(
            &[("inspect", inspected.as_str()), ("ps", TASKS)],
            START,
            Egress::Unknown,
        );
        let at_restart = found.culprits[0].at_restart.as_ref().unwrap();
        assert_eq!(at_restart.asks, Some(asks), "{image}");
        let refused = refused("web-6d5f7c9b4d-x2x4x", -30);
        let sources = [
            ("inspect", inspected.as_str()),
            ("ps", TASKS),
            ("events", &refused),
        ];
        let limited = crate::found::find(&sources, START, Egress::Unknown);
        let worker = culprits(&limited).contains(&"Swarm service prod_worker");
        assert_eq!(worker, asks, "{:?}", limited.cause);
        let delay = |kind| kind == FlagKind::NoRestartDelay;
        let flag = found.flags.iter().find(|flag| delay(flag.kind)).unwrap();
        assert_eq!(flag.text.contains("asks"), asks, "{}", flag.text);
    }
}

#[test]
fn who_waits_for_something_else_shows_nothing_of_the_cause() {
    let waits = event(
        "other-0",
        "FailedScheduling",
        "0/3 nodes are available",
        900,
    );
    let deadline = |name: &str| {
        let message = format!("ReplicaSet \"{name}-1\" has timed out progressing.");
        event(name, "ProgressDeadlineExceeded", &message, 900)
            .replace("\"kind\":\"Pod\"", "\"kind\":\"Deployment\"")
    };
    let text = eight_refused() + &waits + &deadline("web1") + &deadline("elsewhere");
    let found = read(&text);
    let last = text.lines().count() as u64;
    let told: Vec<u64> = found
        .chain
        .iter()
        .flat_map(|step| &step.seen)
        .map(|seen| seen.first)
        .collect();
    assert!(
        !told.contains(&(last - 2)) && !told.contains(&last),
        "{told:?}"
    );
    assert!(
        found
            .evidence
            .iter()
            .all(|quote| ![last - 2, last].contains(&quote.lines.first))
    );
    assert!(
        found
            .chain
            .iter()
            .any(|step| step.kind == StepKind::PullsFail)
    );
}
