//! The same thing in several lists: it happened once.

use forebay_evidence::{Evidence, What};

use crate::formats::read_all;

const TASK: &str = r#"{"tasks": [{"taskArn": "arn:aws:ecs:us-east-1:730335557645:task/C/1", "group": "service:web", "lastStatus": "STOPPED", "stoppedAt": "2026-01-15T10:00:00Z", "stoppedReason": "CannotPullContainerError: pull image manifest has been retried 7 time(s): x: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.", "containers": [{"name": "app", "image": "acme/web:1"}]}]}
"#;

const RUNNING: &str = r#"{"tasks": [{"taskArn": "arn:aws:ecs:us-east-1:730335557645:task/C/1", "group": "service:web", "lastStatus": "PENDING", "containers": [{"name": "app", "image": "acme/web:1"}]}]}
"#;

fn pod(restarts: u64, ended: &str) -> String {
    format!(
        r#"{{"kind": "Pod", "metadata": {{"uid": "9a", "name": "web-0", "namespace": "shop"}}, "status": {{"containerStatuses": [{{"name": "app", "image": "acme/web:1", "restartCount": {restarts}, "lastState": {{"terminated": {{"exitCode": 1, "finishedAt": "{ended}"}}}}}}]}}}}
"#
    )
}

fn event(count: u64, last: &str) -> String {
    format!(
        r#"{{"kind": "Event", "metadata": {{"uid": "7f"}}, "reason": "Failed", "message": "Failed to pull image \"acme/web:1\": toomanyrequests: You have reached your pull rate limit.", "involvedObject": {{"kind": "Pod", "name": "web-0", "namespace": "shop"}}, "count": {count}, "firstTimestamp": "2026-01-15T10:00:00Z", "lastTimestamp": "{last}"}}
"#
    )
}

fn sum(evidence: &Evidence, what: What) -> (u64, u64) {
    let of_kind = evidence.events.iter().filter(|event| event.what == what);
    of_kind.fold((0, 0), |sum, event| {
        (sum.0 + event.count, sum.1 + event.tries)
    })
}

#[test]
fn a_task_of_ecs_that_is_in_two_lists_failed_once() {
    for lists in [
        [("stopped", TASK), ("again", TASK)],
        [("running", RUNNING), ("stopped", TASK)],
    ] {
        let evidence = read_all(&lists);
        assert_eq!(sum(&evidence, What::PullFailed), (1, 8), "{lists:?}");
    }
    let both = format!("{TASK}{TASK}");
    assert_eq!(sum(&read_all(&[("one", &both)]), What::PullFailed), (1, 8));
}

#[test]
fn a_pod_that_is_read_twice_adds_only_what_is_new() {
    let (first, later) = (
        pod(5, "2026-01-15T10:00:00Z"),
        pod(9, "2026-01-15T10:30:00Z"),
    );
    let evidence = read_all(&[("first", &first), ("again", &first)]);
    assert_eq!(sum(&evidence, What::Restarted), (5, 5));
    assert_eq!(sum(&evidence, What::Died(Some(1))), (1, 1));
    let evidence = read_all(&[("first", &first), ("later", &later), ("first", &first)]);
    assert_eq!(sum(&evidence, What::Restarted), (9, 9));
    assert_eq!(sum(&evidence, What::Died(Some(1))), (2, 2));
}

#[test]
fn an_event_of_kubernetes_that_is_read_twice_counts_as_often_as_it_says_at_last() {
    let (first, later) = (
        event(5, "2026-01-15T10:05:00Z"),
        event(9, "2026-01-15T10:09:00Z"),
    );
    let evidence = read_all(&[("first", &first), ("again", &first), ("later", &later)]);
    assert_eq!(sum(&evidence, What::PullFailed).0, 9);
}

#[test]
fn a_swarms_task_that_ends_well_again_and_again_is_restarted_as_often() {
    let table = "\
ID             NAME             IMAGE          NODE     DESIRED STATE   CURRENT STATE             ERROR   PORTS
a1y2z3a4b5c6   jobs_sync.1      acme/sync:1    node-1   Ready           Ready 1 second ago
b1y2z3a4b5c6    \\_ jobs_sync.1   acme/sync:1    node-1   Shutdown        Complete 1 second ago
c1y2z3a4b5c6    \\_ jobs_sync.1   acme/sync:1    node-1   Shutdown        Complete 7 seconds ago
d1y2z3a4b5c6    \\_ jobs_sync.1   acme/sync:1    node-1   Shutdown        Complete 13 seconds ago
e1y2z3a4b5c6   jobs_once.1      acme/once:1    node-1   Complete        Complete 3 minutes ago
";
    let json = r#"{"ID":"a1y2z3a4b5c6","Name":"jobs_sync.1","Image":"acme/sync:1","Node":"node-1","DesiredState":"Ready","CurrentState":"Ready 1 second ago","Error":"","Ports":""}
{"ID":"b1y2z3a4b5c6","Name":"jobs_sync.1","Image":"acme/sync:1","Node":"node-1","DesiredState":"Shutdown","CurrentState":"Complete 1 second ago","Error":"","Ports":""}
{"ID":"c1y2z3a4b5c6","Name":"jobs_sync.1","Image":"acme/sync:1","Node":"node-1","DesiredState":"Shutdown","CurrentState":"Complete 7 seconds ago","Error":"","Ports":""}
{"ID":"d1y2z3a4b5c6","Name":"jobs_sync.1","Image":"acme/sync:1","Node":"node-1","DesiredState":"Shutdown","CurrentState":"Complete 13 seconds ago","Error":"","Ports":""}
{"ID":"e1y2z3a4b5c6","Name":"jobs_once.1","Image":"acme/once:1","Node":"node-1","DesiredState":"Complete","CurrentState":"Complete 3 minutes ago","Error":"","Ports":""}
"#;
    for lists in [
        vec![("table", table)],
        vec![("json", json)],
        vec![("table", table), ("json", json)],
    ] {
        let evidence = read_all(&lists);
        assert_eq!(sum(&evidence, What::Restarted), (3, 3), "{lists:?}");
        let names = evidence
            .events
            .iter()
            .filter_map(|event| event.place.owner.as_ref());
        assert!(
            names.clone().all(|owner| owner.name == "jobs_sync"),
            "{lists:?}"
        );
    }
}

const LIMIT: &str = "toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit";

#[test]
fn a_build_that_says_at_its_end_why_it_failed_failed_once() {
    let build = format!(
        "#2 [internal] load metadata for docker.io/library/node:20\n#2 ERROR: failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/node/manifests/sha256:1a: 429 Too Many Requests - Server message: {LIMIT}\n------\n > [internal] load metadata for docker.io/library/node:20:\n------\nDockerfile:1\n--------------------\n   1 | >>> FROM node:20\n--------------------\nERROR: failed to solve: node:20: failed to resolve source metadata for docker.io/library/node:20: failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/library/node/manifests/sha256:1a: 429 Too Many Requests - Server message: {LIMIT}\n"
    );
    let job = format!(
        "##[group]Run docker build .\n{build}##[error]buildx failed with: ERROR: failed to solve: node:20: {LIMIT}\n"
    );
    for (text, times) in [(&build, 1), (&job, 1), (&format!("{job}{job}"), 2)] {
        let evidence = read_all(&[("job.log", text)]);
        assert_eq!(sum(&evidence, What::PullFailed), (times, times), "{text}");
        assert_eq!(sum(&evidence, What::PullAttempted).0, times, "{text}");
    }
    assert_eq!(read_all(&[("job.log", &job)]).failed_in_steps, 1);
}

#[test]
fn a_job_that_says_at_its_end_why_it_failed_failed_once() {
    let warning = format!(
        "WARNING: Failed to pull image with policy \"always\": Error response from daemon: {LIMIT} (manager.go:203:1s)\n"
    );
    let end = |word: &str| {
        format!(
            "ERROR: {word}: failed to pull image \"node:20\" with specified policies [always]: Error response from daemon: {LIMIT} (manager.go:203:1s)\n"
        )
    };
    let log = |tries: usize| {
        let head = "Running with gitlab-runner 16.5.0 (853330f9)\n  on shared-7 abc, system ID: x\nPulling docker image node:20 ...\n";
        let tried = format!(
            "{warning}{}Will be retried in 3s ...\n",
            end("Preparation failed")
        );
        format!(
            "{head}{}{}",
            tried.repeat(tries),
            end("Job failed (system failure)")
        )
    };
    for tries in [1, 3] {
        let evidence = read_all(&[("trace", &log(tries))]);
        let times = u64::try_from(tries).unwrap();
        assert_eq!(sum(&evidence, What::PullFailed), (times, times));
        assert_eq!(evidence.failed_in_steps, 0);
    }
    let alone = read_all(&[("trace", &end("Job failed"))]);
    assert_eq!(sum(&alone, What::PullFailed), (1, 1));
}

#[test]
fn what_compose_says_in_a_row_and_the_daemon_at_the_end_failed_once() {
    let limit = format!("Error response from daemon: {LIMIT}\n");
    let row = |subject: &str, said: &str| format!(" ✘ {subject} Error {said}      1.2s \n");
    let cut = format!("{}...", &LIMIT[..70]);
    for (rows, times) in [
        (row("web", LIMIT), 1),
        (row("Image nginx:1.27", LIMIT), 1),
        (row("web", &cut), 1),
        (format!("{}{}", row("web", LIMIT), row("api", LIMIT)), 2),
        (format!("{} ✔ db Pulled 0.9s\n", row("web", LIMIT)), 1),
    ] {
        let text = format!("[+] Running 0/1\n{rows}{limit}");
        let evidence = read_all(&[("up", &text)]);
        assert_eq!(sum(&evidence, What::PullFailed).0, times, "{text}");
    }
    let again = format!("{}{limit}{limit}", row("web", LIMIT));
    assert_eq!(sum(&read_all(&[("up", &again)]), What::PullFailed).0, 2);
    let other = format!(
        "{}Error response from daemon: toomanyrequests: too many failed login attempts for username or IP address\n",
        row("web", LIMIT)
    );
    assert_eq!(sum(&read_all(&[("up", &other)]), What::PullFailed).0, 2);
}

#[test]
fn a_swarms_task_whose_pull_failed_and_that_then_has_no_image_failed_once() {
    let line = |at: u64, task: &str, said: &str| {
        format!(
            "Jan 15 11:00:{at:02} node-1 dockerd[812]: time=\"2026-01-15T11:00:{at:02}Z\" level=error {said} module=node/agent/taskmanager node.id=n1 service.id=web task.id={task}\n"
        )
    };
    let pull = format!("msg=\"pulling image failed\" error=\"{LIMIT}\"");
    let end = "msg=\"fatal task error\" error=\"No such image: acme/web:1\"";
    let both = format!("{}{}", line(1, "t1", &pull), line(2, "t1", end));
    let parted = format!(
        "{}{}{}{}",
        line(1, "t1", &pull),
        line(1, "t2", &pull),
        line(2, "t1", end),
        line(2, "t2", end)
    );
    for (text, times) in [
        (&both, 1),
        (&parted, 2),
        (&line(2, "t1", end), 1),
        (&format!("{}{}", line(1, "t1", end), line(2, "t2", end)), 2),
    ] {
        let evidence = read_all(&[("journal", text)]);
        assert_eq!(sum(&evidence, What::PullFailed).0, times, "{text}");
        let images = evidence
            .events
            .iter()
            .filter_map(|event| event.image.as_deref());
        assert!(
            images.into_iter().any(|image| image == "acme/web:1"),
            "{text}"
        );
    }
}

#[test]
fn two_builds_of_two_images_that_tell_only_their_ends_are_two_failures() {
    let end = |image: &str| {
        format!(
            "ERROR: failed to solve: {image}: failed to resolve source metadata for docker.io/library/{image}: unexpected status code: 429 Too Many Requests - Server message: {LIMIT}\n"
        )
    };
    let log = format!("{}{}{}", end("node:20"), end("python:3"), end("python:3"));
    assert_eq!(sum(&read_all(&[("log", &log)]), What::PullFailed).0, 3);
}
