//! Who is to be stopped, by what and how far: nobody who has no part in it, and each under its own name.

use forebay_doctor::{MAX_SUSPECTS, WayKind, brief, explain, report, support};

use crate::found::find;
use crate::sayings::{HAP, LIMIT, commands, crash_loop, ecs, limited, of, pods_of, swarm, told};

#[test]
fn a_daemon_set_is_stopped_under_its_own_name_and_its_starts_count_once() {
    let (found, ways) = find(&[&pods_of("DaemonSet", "agent")]);
    let names: Vec<&str> = found.culprits.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["DaemonSet agent in mon"]);
    let requests = &found.culprits[0].requests;
    assert!((165..=180).contains(&requests.attempts), "{requests:?}");
    let told = commands(&ways).join("\n");
    assert!(told.contains("patch daemonset agent"), "{told}");
    assert!(!told.contains("deployment/agent"), "{told}");
}

#[test]
fn restarts_of_which_only_the_number_is_told_go_back_to_the_pods_start_and_have_no_busiest_minute()
{
    let all = pods_of("DaemonSet", "agent");
    let pods: Vec<&str> = all
        .split_inclusive('\n')
        .filter(|line| line.contains("\"status\""))
        .collect();
    let pods = pods.concat();
    let limit = format!("Error response from daemon: {LIMIT}\n");
    let (found, ways) = find(&[&pods, &limit]);
    let culprit = &found.culprits[0];
    assert_eq!(culprit.requests.peak_requests_per_minute, [0, 0]);
    assert_eq!(culprit.requests.minutes, Some(345));
    let since = culprit.since.map(|since| since.to_string());
    assert_eq!(since.as_deref(), Some("2026-01-15T09:00:00Z"));
    let now = found.since.unwrap();
    for document in [
        brief(&found, &ways),
        explain(&found, &ways),
        support(&found, now),
    ] {
        let text = document.to_text();
        assert!(!text.contains("requests a minute"), "{text}");
        assert!(!text.contains("busiest minute"), "{text}");
    }
    let older = pods.replace("2026-01-15T09:00", "2025-11-15T09:00");
    let (found, _) = find(&[&older, &limit]);
    let requests = &found.culprits[0].requests;
    assert_eq!(
        requests.minutes, None,
        "nobody knows when they were: {requests:?}"
    );
}

#[test]
fn a_single_pod_without_a_fault_is_not_to_be_stopped_on_the_first_screen() {
    let (found, ways) = find(&[&limited(&["acme/web:1"])]);
    let text = brief(&found, &ways).to_text();
    assert!(!text.contains("to stop it"), "{text}");
    for way in ways
        .ways
        .iter()
        .filter(|way| way.kind == WayKind::StopTheCulprit)
    {
        let stop = way.steps.iter().find(|step| {
            let code = step.code.as_ref();
            code.is_some_and(|code| code.text.contains("--replicas=0"))
        });
        assert!(stop.is_none_or(|step| step.warning.is_some()));
    }
}

#[test]
fn who_is_stopped_is_counted_first_where_nothing_tells_how_many_run() {
    let told = told(&crash_loop());
    let look = told
        .find("kubectl --namespace shop get deployment/api")
        .expect(&told);
    assert!(look < told.find("--replicas=0").unwrap(), "{told}");
    let (_, ways) = find(&[&swarm(2)]);
    assert!(commands(&ways)[0].contains("docker service ls"), "{ways:?}");
    let stop = ways.ways[0]
        .steps
        .iter()
        .find(|step| step.text.contains("Stop it now"));
    assert!(stop.unwrap().warning.is_some());
}

#[test]
fn many_services_are_summed_up_and_named_once_on_the_first_screen() {
    let (found, ways) = find(&[&swarm(32)]);
    let text = brief(&found, &ways).to_text();
    assert_eq!(text.matches("s07=").count(), 1, "{text}");
    let all = found.together.as_ref().unwrap().attempts;
    let told = format!("; all together 384 of {all} attempts (up to ");
    assert!(text.contains(&told), "{text}");
}

#[test]
fn of_a_crowd_each_telling_has_the_same_numbers_and_each_that_is_named_is_stopped() {
    let (found, ways) = find(&[&swarm(130)]);
    let (named, more) = (found.culprits.len(), found.more_culprits);
    assert_eq!((named, more), (MAX_SUSPECTS, 30));
    let stop = commands(&ways).remove(0);
    let stop = ways.ways[0]
        .steps
        .iter()
        .filter_map(|step| step.code.as_ref())
        .find(|code| code.text.contains("=0"))
        .map_or(stop, |code| code.text.clone());
    let scaled = stop.matches("=0").count();
    assert_eq!(scaled, named, "{stop}");
    assert_eq!(stop.matches("docker service scale").count(), 3, "{stop}");
    assert!(stop.contains("# 30 more do the same"), "{stop}");
    assert!(ways.ways[0].title.contains("the 130 that flood"));
    let all = found.together.as_ref().unwrap();
    let asked = format!(
        "{} attempts (up to {} requests a minute)",
        all.attempts, all.peak_requests_per_minute[1]
    );
    let short = brief(&found, &ways).to_text();
    assert!(short.contains("; 129 more do the same"), "{short}");
    let long = explain(&found, &ways).to_text();
    assert!(
        long.contains("and 125 more; --json names 95 of them"),
        "{long}"
    );
    let sent = report(&found, &ways, found.since.unwrap()).to_markdown();
    assert!(sent.contains("workloads that cause it: 130"), "{sent}");
    for text in [&short, &long, &sent] {
        assert!(text.contains(&asked), "{asked}: {text}");
    }
    let support = support(&found, found.since.unwrap()).to_text();
    let total = format!("in all: {}", all.attempts);
    assert!(support.contains(&total), "{support}");
    assert!(support.contains("and 125 more"), "{support}");
}

#[test]
fn a_job_that_has_ended_is_not_cancelled() {
    let log = format!(
        "2026-01-15T14:00:01.0Z ##[command]/usr/bin/docker pull postgres:16\n2026-01-15T14:00:02.0Z Error response from daemon: {LIMIT}\n"
    );
    assert!(!told(&log).contains("run cancel"));
}

#[test]
fn a_stack_that_is_stuck_is_freed_before_anything_is_deployed() {
    let stack = |status: &str| {
        format!(
            r#"{{"StackEvents": [{{"StackName": "S", "LogicalResourceId": "S", "ResourceType": "AWS::CloudFormation::Stack", "ResourceStatus": "{status}", "Timestamp": "2026-01-15T14:40:00Z"}}]}}
{}"#,
            ecs("acme/api:9", LIMIT)
        )
    };
    for (status, wanted) in [
        (
            "CREATE_IN_PROGRESS",
            "delete-stack --region us-east-1 --stack-name S",
        ),
        (
            "ROLLBACK_COMPLETE",
            "delete-stack --region us-east-1 --stack-name S",
        ),
        (
            "UPDATE_IN_PROGRESS",
            "cancel-update-stack --region us-east-1 --stack-name S",
        ),
    ] {
        let (_, ways) = find(&[&stack(status)]);
        for kind in [WayKind::Ecr, WayKind::Ghcr] {
            let told = of(&ways, kind);
            let at = told.find(wanted).expect(&told);
            assert!(at < told.find("cdk deploy").unwrap(), "{told}");
            let cancels = told.contains("cancel-update-stack");
            assert_eq!(cancels, status.starts_with("UPDATE"), "{told}");
        }
    }
}

#[test]
fn a_container_comes_back_with_its_number_of_retries() {
    let inspect = r#"[{"Id": "c1", "Name": "/worker", "RestartCount": 40, "HostConfig": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5}}, "State": {"ExitCode": 1, "FinishedAt": "2026-01-15T14:44:00Z"}, "Config": {"Image": "acme/worker:1"}}]
"#;
    let told = told(inspect);
    assert!(
        told.contains("docker update --restart=on-failure:5 worker"),
        "{told}"
    );
}

#[test]
fn a_flood_that_nobody_explains_is_looked_for_in_dockers_logs_too() {
    assert!(told(HAP).contains("forebay doctor --swarm --journal"));
}
