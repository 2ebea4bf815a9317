//! What is pasted into doctor in the stories of its ways out, and what these tell.

#![expect(
    clippy::unwrap_used,
    reason = "what a test sets up has to work, or the test has failed"
)]

use forebay_doctor::{WayKind, WaysOut};

use crate::found::find;

pub(crate) const LIMIT: &str = "toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit";

pub(crate) const HAP: &str =
    "Error response from daemon: toomanyrequests: Too Many Requests (HAP429).\n";

pub(crate) fn commands(ways: &WaysOut) -> Vec<String> {
    let steps = ways.ways.iter().flat_map(|way| &way.steps);
    let codes = steps.filter_map(|step| step.code.as_ref());
    let shell = codes.filter(|code| code.language == "sh");
    shell.map(|code| code.text.clone()).collect()
}

pub(crate) fn told(text: &str) -> String {
    commands(&find(&[text]).1).join("\n")
}

/// What is told of a way.
pub(crate) fn of(ways: &WaysOut, kind: WayKind) -> String {
    let way = ways.ways.iter().find(|way| way.kind == kind);
    let steps = &way.unwrap().steps;
    let mut text = String::new();
    for step in steps {
        text.push_str(&step.text);
        text.push('\n');
        text.push_str(step.code.as_ref().map_or("", |code| &code.text));
        text.push('\n');
    }
    text
}

pub(crate) fn events(rows: &[(&str, &str)]) -> String {
    let mut text = "NAMESPACE   LAST SEEN   TYPE   REASON   OBJECT   MESSAGE\n".to_owned();
    for (object, message) in rows {
        text.push_str(&format!(
            "shop   2m   Warning   Failed   {object}   {message}\n"
        ));
    }
    text
}

pub(crate) fn limited(images: &[&str]) -> String {
    let rows: Vec<(String, String)> = images
        .iter()
        .enumerate()
        .map(|(at, image)| {
            (
                format!("pod/w{at}-7d4b9c6f8d-x2x7k"),
                format!("Failed to pull image \"{image}\": {LIMIT}"),
            )
        })
        .collect();
    let rows: Vec<(&str, &str)> = rows.iter().map(|(a, b)| (&**a, &**b)).collect();
    events(&rows)
}

pub(crate) fn ecs(image: &str, reason: &str) -> String {
    format!(
        r#"{{"tasks": [{{"clusterArn": "arn:aws:ecs:us-east-1:730335557645:cluster/C", "taskArn": "arn:aws:ecs:us-east-1:730335557645:task/C/1", "group": "service:api", "launchType": "FARGATE", "lastStatus": "STOPPED", "stoppedAt": "2026-01-15T14:31:45Z", "containers": [{{"name": "x", "image": "{image}", "reason": "CannotPullContainerError: {reason}"}}]}}]}}
"#
    )
}

pub(crate) fn gitlab() -> String {
    format!(
        "Running with gitlab-runner 16.5.0 (853330f9)\nPulling docker image node:20 ...\nERROR: Job failed: failed to pull image \"node:20\": {LIMIT}\n"
    )
}

pub(crate) fn crash_loop() -> String {
    let row = "Back-off restarting failed container api in pod api-7d4b9c6f8d-x2x7k_shop(11)";
    events(&[("pod/api-7d4b9c6f8d-x2x7k", row); 12]).replace("Failed ", "BackOff ")
}

pub(crate) fn swarm(services: usize) -> String {
    let mut log = String::new();
    for at in 0..12 {
        for name in 0..services {
            log.push_str(&format!(
                "Jan 15 14:40:{at:02} w1 dockerd[8]: time=\"2026-01-15T14:40:{at:02}Z\" level=error msg=\"fatal task error\" error=\"invalid mount config for type \\\"bind\\\": bind source path does not exist: /data\" module=node/agent/taskmanager service.name=s{name:02} task.id=t{at}s{name}\n"
            ));
        }
    }
    log.push_str("Jan 15 14:40:30 w1 dockerd[8]: time=\"2026-01-15T14:40:30Z\" level=error msg=\"pulling image failed\" error=\"toomanyrequests: Too Many Requests (HAP429).\" module=node/agent/taskmanager service.name=web task.id=w\n");
    log
}

/// Pods of a maker that end again and again, each 55 times since 09:00, and what the limit says of one.
pub(crate) fn pods_of(kind: &str, name: &str) -> String {
    let mut text = String::new();
    for at in ["b2x4k", "c5z7m", "d8v9n"] {
        text.push_str(&format!(
            r#"{{"kind": "Pod", "metadata": {{"name": "{name}-{at}", "namespace": "mon", "creationTimestamp": "2026-01-15T09:00:00Z", "ownerReferences": [{{"kind": "{kind}", "name": "{name}"}}]}}, "spec": {{"nodeName": "n-{at}", "containers": [{{"name": "app", "image": "acme/{name}:latest", "imagePullPolicy": "Always"}}]}}, "status": {{"startTime": "2026-01-15T09:00:00Z", "containerStatuses": [{{"name": "app", "image": "acme/{name}:latest", "restartCount": 55, "state": {{"waiting": {{"reason": "CrashLoopBackOff", "message": "back-off 5m0s restarting failed container=app"}}}}, "lastState": {{"terminated": {{"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-15T14:43:30Z"}}}}}}]}}}}
"#
        ));
        text.push_str(&format!(
            r#"{{"kind": "Event", "metadata": {{"uid": "e{at}"}}, "involvedObject": {{"kind": "Pod", "name": "{name}-{at}", "namespace": "mon"}}, "reason": "Failed", "message": "Failed to pull image \"acme/{name}:latest\": {LIMIT}", "firstTimestamp": "2026-01-15T14:40:00Z", "lastTimestamp": "2026-01-15T14:44:00Z", "count": 3}}
"#
        ));
    }
    text
}

/// What all of the sources say together covers each way.
pub(crate) fn sources() -> Vec<String> {
    let refused =
        "pull access denied for acme/pay, repository does not exist or may require 'docker login'";
    vec![
        limited(&["redis:7", "bitnami/redis:7", "acme/redis:7"]),
        limited(&["cortexlabs/operator:0.20.0"]),
        ecs("acme/api:9", LIMIT),
        ecs("acme/api:9", &format!("acme/api:9: {refused}")),
        gitlab(),
        crash_loop(),
        swarm(2),
        pods_of("DaemonSet", "agent"),
        pods_of("StatefulSet", "store"),
        pods_of("Job", "nightly"),
        pods_of("Node", "bare"),
        HAP.to_owned(),
        format!("Error response from daemon: {LIMIT}\n"),
        events(&[(
            "pod/pay-7d4b9c6f8d-x2x7k",
            &format!("Failed to pull image \"acme/pay:1\": {refused}"),
        )]),
    ]
}
