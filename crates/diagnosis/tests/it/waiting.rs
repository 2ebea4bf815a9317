//! What brings nothing about: starts that are few, a pod that waits, a service that runs nothing and does not say why.

use forebay_diagnosis::{Diagnosis, Egress};
use forebay_evidence::Class;

/// 2026-02-28 09:20 UTC.
const NOW: i64 = 1_772_270_400;

fn find(sources: &[(&str, &str)]) -> Diagnosis {
    crate::found::find(sources, NOW, Egress::Unknown)
}

const CRASH_LOOP: &str = r#"{"kind": "Pod", "metadata": {"name": "api-6d4cf56db6-8x8zq", "namespace": "shop", "ownerReferences": [{"kind": "ReplicaSet", "name": "api-6d4cf56db6"}]}, "spec": {"containers": [{"name": "app", "image": "acme/api:latest", "imagePullPolicy": "Always"}]}, "status": {"phase": "Running", "startTime": "2026-02-28T08:00:00Z", "containerStatuses": [{"name": "app", "image": "acme/api:latest", "ready": false, "restartCount": 12, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 1, "reason": "Error", "finishedAt": "2026-02-28T09:00:00Z"}}}]}}"#;

const HEADING: &str = "LAST SEEN   TYPE      REASON      OBJECT                      MESSAGE\n";

#[test]
fn a_few_starts_an_hour_and_one_refused_pull_bring_no_abuse_limit_about() {
    let refused = |error: &str| {
        format!(
            "{HEADING}4m   Warning   Failed   pod/web-7c9f7b5d8f-x2x7k   Failed to pull image \"nginx:1\": {error}\n"
        )
    };
    let abuse = refused("toomanyrequests: Too Many Requests (HAP429)");
    let head = refused(
        "failed to resolve reference \"docker.io/library/nginx:1\": unexpected status from HEAD request to https://registry-1.docker.io/v2/library/nginx/manifests/1: 429 Too Many Requests",
    );
    for sources in [
        &[("pods", CRASH_LOOP), ("events", abuse.as_str())] as &[_],
        &[("events", head.as_str())],
    ] {
        let found = find(sources);
        let cause = found.cause.unwrap();
        assert_eq!(cause.class, Class::AbuseLimit);
        assert_eq!(
            (cause.trigger, found.culprits.len()),
            (None, 0),
            "{}",
            cause.summary
        );
    }
}

#[test]
fn a_pod_that_waits_for_its_volume_is_asked_about_and_asks_for_nothing() {
    let waits = format!(
        "{HEADING}4m   Warning   FailedMount   pod/db-0   MountVolume.SetUp failed for volume \"cfg\" : configmap \"cfg\" not found\n"
    );
    let found = find(&[("events", waits.as_str())]);
    let cause = found.cause.unwrap();
    assert_eq!(cause.class, Class::SymptomOnly);
    assert_eq!(
        cause.summary,
        "StatefulSet db waits for its volume: nothing is pulled before it is there"
    );
    assert!(found.culprits.is_empty());
    assert!(
        found.missing[0]
            .command
            .starts_with("kubectl describe pod db-0")
    );
}

#[test]
fn what_runs_nothing_is_named_with_where_to_look() {
    let service = |running: u64| {
        format!(
            r#"{{"services": [{{"serviceName": "backend", "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/prod", "desiredCount": 2, "runningCount": {running}}}]}}"#
        )
    };
    let deployments = |ready: u64, age: &str| {
        format!(
            "NAME   READY   UP-TO-DATE   AVAILABLE   AGE\nweb    {ready}/3     3            0           {age}\n"
        )
    };
    for (text, told) in [
        (
            service(0),
            Some((
                "ECS service backend runs 0 of 2 tasks",
                "--service-name backend",
            )),
        ),
        (service(1), None),
        (
            deployments(0, "20m"),
            Some(("Deployment web runs 0 of 3 pods", "kubectl get events")),
        ),
        (deployments(0, "20s"), None),
        (deployments(1, "20m"), None),
    ] {
        let found = find(&[("list", text.as_str())]);
        let summary = found.cause.as_ref().map(|cause| cause.summary.as_str());
        assert_eq!(summary.is_some(), told.is_some(), "{text} {summary:?}");
        if let Some((wanted, command)) = told {
            assert!(summary.unwrap().starts_with(wanted), "{summary:?}");
            assert!(found.missing[0].command.contains(command));
        }
    }
}

#[test]
fn a_stack_names_the_service_by_its_arn_and_no_cluster_of_its_own() {
    let event = |physical: &str| {
        format!(
            r#"{{"StackEvents": [{{"StackName": "Shop", "LogicalResourceId": "Backend", "PhysicalResourceId": "{physical}", "ResourceType": "AWS::ECS::Service", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": "ECS Deployment Circuit Breaker was triggered", "Timestamp": "2026-02-28T09:00:00Z"}}]}}"#
        )
    };
    for (physical, cluster) in [
        (
            "arn:aws:ecs:us-east-1:123456789012:service/prod/shop-Backend-x",
            "--cluster prod --service-name shop-Backend-x",
        ),
        ("", "--cluster <cluster> --desired-status STOPPED"),
    ] {
        let found = find(&[("stack", event(physical).as_str())]);
        let command = &found.missing[0].command;
        assert!(command.contains(cluster), "{command}");
    }
}
