//! What somebody pastes without anything around it: the platform and the chain come out of the words alone.

use forebay_diagnosis::{Diagnosis, Egress, Platform, StepKind};
use forebay_evidence::Class;

use crate::found::kinds;

/// The error of the story of the stack that waited for ever, in its six lines.
const ECS: &str = "\
CannotPullContainerError: pull image manifest has been retried 7 time(s):
httpReadSeeker: failed open: unexpected status code
https://registry-1.docker.io/v2/iseepatterns/court-case-backend/manifests/sha256:d1faca3f650b469373dcd774fba31726af5252f4dd2435e6aee308dff5e8d3f1:
429 Too Many Requests - Server message: toomanyrequests:
You have reached your unauthenticated pull rate limit.
https://www.docker.com/increase-rate-limit
";

fn find(text: &str) -> Diagnosis {
    let sources = [("standard input", text)];
    crate::found::find(&sources, 1_768_488_300, Egress::Unknown)
}

#[test]
fn an_error_of_ecs_alone_tells_the_platform_and_the_chain_to_the_stack() {
    for text in [ECS.to_owned(), ECS.replace('\n', " ") + "\n"] {
        let found = find(&text);
        assert_eq!(found.platforms, [Platform::Ecs], "{text}");
        let classes: Vec<_> = found
            .classes
            .iter()
            .map(|(class, count)| (*class, count.failures))
            .collect();
        assert_eq!(classes, [(Class::PullLimit, 1)], "{text}");
        assert_eq!(
            kinds(&found),
            [
                StepKind::LimitReached,
                StepKind::PullsFail,
                StepKind::TasksNeverStart,
                StepKind::NoLogs,
                StepKind::HealthChecksFail,
                StepKind::StackWaits,
                StepKind::WorksAgain,
            ]
        );
        let victim = &found.victims[0];
        assert_eq!(victim.images, ["iseepatterns/court-case-backend"]);
        assert_eq!((victim.failed, victim.requests.attempts), (1, 8));
    }
}

#[test]
fn jobs_fail_before_their_first_step_only_where_they_do() {
    let limit = "toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit";
    let image = format!(
        "Running with gitlab-runner 16.5.0 (853330f9)\nPulling docker image node:20 ...\nERROR: Job failed: failed to pull image \"node:20\" with specified policies [always]: Error response from daemon: {limit}\n"
    );
    let build = format!(
        "##[group]Run docker build .\n#2 [internal] load metadata for docker.io/library/node:20\n#2 ERROR: unexpected status code: 429 Too Many Requests - Server message: {limit}\n"
    );
    assert!(kinds(&find(&image)).contains(&StepKind::JobsFail));
    let of_build = kinds(&find(&build));
    assert!(of_build.contains(&StepKind::StepsFail), "{of_build:?}");
    assert!(!of_build.contains(&StepKind::JobsFail));
}

#[test]
fn whom_the_registry_counts_is_not_taken_from_a_containers_text_where_others_tell() {
    let limit = "toomanyrequests: You have reached your pull rate limit";
    let dockerd = format!(
        "Jan 15 09:20:00 app03 dockerd[8]: time=\"2026-01-15T09:20:00Z\" level=error msg=\"pulling image failed\" error=\"{limit}.\" service.name=web task.id=v0 image=\"redis:7\"\n"
    );
    let evil = format!("Jan 15 09:20:01 app03 evil[9]: I fail to pull: {limit} as 'billing'\n");
    let identity = |text: String| {
        find(&text)
            .cause
            .unwrap()
            .identity
            .map(|one| one.to_string())
    };
    assert_eq!(identity(dockerd + &evil), None);
    assert_eq!(identity(evil).as_deref(), Some("account"));
}

#[test]
fn services_that_lack_tasks_are_named_with_the_command_that_tells_why() {
    let list = "ID             NAME      MODE             REPLICAS             IMAGE          PORTS
9mlyl1vz8b1q   web       replicated       0/1                  acme/web:1.2   *:80->80/tcp
k8t5n9qv2w3e   cache     replicated       3/3                  redis:7.2
p8vv8hk3wd0x   nightly   replicated-job   0/1 (1/1 completed)  acme/job:3
";
    let found = find(list);
    let cause = found.cause.as_ref().unwrap();
    assert_eq!(cause.class, Class::SymptomOnly);
    assert!(
        cause
            .summary
            .contains("Swarm service web runs 0 of 1 tasks:"),
        "{}",
        cause.summary
    );
    assert_eq!(
        found.missing[0].command,
        "docker service ps --no-trunc web | forebay doctor -"
    );
    let all_run = list.replace("0/1  ", "1/1  ");
    assert!(find(&all_run).cause.is_none());
    let agents = format!(
        "{list}7vv8hk3wd0xq   agents    global           2/5                  acme/agent:2\n"
    );
    let found = find(&agents);
    assert_eq!(
        found.missing[0].command,
        "docker service ps --no-trunc agents web | forebay doctor -"
    );
    assert_eq!(found.evidence[0].text, "agents: 2/5 replicas");
}

#[test]
fn one_and_two_attempts_make_no_rate_and_three_do() {
    let line = |second: u32| {
        format!(
            "Jan 15 14:40:{second:02} w1 dockerd[8]: time=\"2026-01-15T14:40:{second:02}Z\" level=error msg=\"pulling image failed\" error=\"toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit\" service.name=web task.id=t{second}\n"
        )
    };
    for (attempts, peak) in [(1, [0, 0]), (2, [0, 0]), (3, [9, 15])] {
        let found = find(&(0..attempts).map(line).collect::<String>());
        let requests = &found.victims[0].requests;
        assert_eq!(requests.attempts, u64::from(attempts));
        assert_eq!(requests.peak_requests_per_minute, peak, "{attempts}");
    }
}
