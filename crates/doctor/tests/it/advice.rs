//! What is advised: commands that do what they say, in an order that helps, and nothing of one trouble told of another.

use forebay_doctor::{Class, Step, StepKind, WayKind, WaysOut, brief, explain};

use crate::found::find;

const LIMIT: &str = "toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit";
const HAP: &str = "error parsing HTTP 429 response body: invalid character 'T' looking for beginning of value: \"Too Many Requests (HAP429).\"";

fn commands(ways: &WaysOut) -> String {
    let steps = ways.ways.iter().flat_map(|way| &way.steps);
    let codes = steps.filter_map(|step| step.code.as_ref());
    let texts: Vec<&str> = codes.map(|code| code.text.as_str()).collect();
    texts.join("\n")
}

/// A storm of a Swarm service: its mount is bad, and the address is refused.
fn storm(services: &[&str]) -> String {
    let mut log = String::new();
    for at in 0..12 {
        for name in services {
            log.push_str(&format!(
                "Jan 15 14:40:{at:02} w1 dockerd[8]: time=\"2026-01-15T14:40:{at:02}Z\" level=error msg=\"fatal task error\" error=\"invalid mount config for type \\\"bind\\\": bind source path does not exist: /data\" module=node/agent/taskmanager service.name={name} task.id=t{at}{name}\n"
            ));
        }
    }
    let escaped = HAP.replace('"', "\\\"");
    log.push_str(&format!(
        "Jan 15 14:40:30 w1 dockerd[8]: time=\"2026-01-15T14:40:30Z\" level=error msg=\"pulling image failed\" error=\"{escaped}\" module=node/agent/taskmanager service.name=web task.id=w\n"
    ));
    log
}

const INSPECT: &str = r#"[{"ID":"a1","Spec":{"Name":"many","TaskTemplate":{"ContainerSpec":{"Image":"acme/worker:2.4"}},"Mode":{"Replicated":{"Replicas":4}}}},
{"ID":"a2","Spec":{"Name":"everywhere","TaskTemplate":{"ContainerSpec":{"Image":"acme/worker:2.4"}},"Mode":{"Global":{}}}}]
"#;

#[test]
fn services_come_back_as_many_as_they_were_and_a_global_one_is_never_scaled() {
    let (found, ways) = find(&[&storm(&["many", "everywhere", "unseen"]), INSPECT]);
    assert_eq!(found.cause.as_ref().unwrap().class, Class::AbuseLimit);
    let told = commands(&ways);
    for command in [
        "many=0",
        "many=4",
        "unseen=<replicas>",
        "docker service update --detach --constraint-add node.labels.forebay-paused==true everywhere",
        "docker service update --detach --constraint-rm node.labels.forebay-paused==true everywhere",
    ] {
        assert!(told.contains(command), "{command}: {told}");
    }
    assert!(!told.contains("everywhere="), "{told}");
}

#[test]
fn a_name_that_none_of_its_kind_can_have_is_left_blank_and_that_is_told() {
    for name in ["a;b", "a$(id)", "../a"] {
        let (found, ways) = find(&[&storm(&[name])]);
        assert_eq!(ways.ways[0].kind, WayKind::StopTheCulprit, "{name}");
        let text = brief(&found, &ways).to_text();
        assert!(text.contains("leave it blank"), "{text}");
        assert!(text.contains("scale --detach <service>=0"), "{text}");
        assert!(text.contains("<service>: aws ecs list-services"), "{text}");
        assert!(!commands(&ways).contains(name), "{text}");
    }
    let (found, ways) = find(&[&storm(&["many"])]);
    assert!(!brief(&found, &ways).to_text().contains("blank"));
}

#[test]
fn a_cron_job_rests_with_the_jobs_that_it_has_made() {
    let limited = |pod: &str| {
        format!(
            "jobs  2m  Warning  Failed  pod/{pod}  Failed to pull image \"acme/importer:1\": {LIMIT}\n\
             jobs  2m (x300 over 60m)  Warning  BackOff  pod/{pod}  Back-off restarting failed container importer in pod {pod}_jobs(3f1c1d9e-1111-4222-8333-abcdefabcdef)\n"
        )
    };
    let head = "NAMESPACE  LAST SEEN  TYPE  REASON  OBJECT  MESSAGE\n";
    let (_, ways) = find(&[&format!("{head}{}", limited("importer-28401230-xk2lm"))]);
    let told = commands(&ways);
    for is_suspended in [true, false] {
        let of = |object: &str| {
            format!(
                "kubectl --namespace jobs patch {object} --patch '{{\"spec\":{{\"suspend\":{is_suspended}}}}}'"
            )
        };
        let both = format!(
            "{}\n{}",
            of("cronjob importer"),
            of("job importer-28401230")
        );
        assert!(told.contains(&both), "{told}");
    }
}

#[test]
fn a_line_that_tells_all_is_named_once_for_each_link() {
    let task = |at: u32| {
        format!(
            r#"{{"clusterArn": "arn:aws:ecs:us-east-1:730335557645:cluster/C", "taskArn": "arn:aws:ecs:us-east-1:730335557645:task/C/{at}", "group": "service:api", "lastStatus": "STOPPED", "stoppedReason": "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/acme/api:9: {LIMIT}"}}"#
        )
    };
    let text = format!("{{\"tasks\": [{}, {}, {}]}}\n", task(1), task(2), task(3));
    let (found, _) = find(&[&text]);
    assert!(!found.chain.is_empty());
    assert!(
        found.chain.iter().all(|step| step.seen.len() < 2),
        "{:?}",
        found.chain
    );
}

#[test]
fn a_tag_beside_a_digest_stays_where_images_move() {
    let (_, ways) = find(&[&storm(&["many"]), INSPECT]);
    let told = commands(&ways);
    assert!(told.contains("ghcr.io/<owner>/worker:2.4\n"), "{told}");
    assert!(!told.contains("worker:latest"), "{told}");
}

#[test]
fn what_runs_in_china_is_helped_by_hosts_and_rights_of_chinas() {
    let service = r#"{"services": [{"serviceName": "api", "clusterArn": "arn:aws-cn:ecs:cn-north-1:730335557645:cluster/C", "desiredCount": 3}]}
"#;
    let stopped = format!(
        r#"{{"tasks": [{{"taskArn": "arn:aws-cn:ecs:cn-north-1:730335557645:task/C/1", "group": "service:api", "lastStatus": "STOPPED", "stoppedReason": "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/acme/api:9: {LIMIT}"}}]}}
"#
    );
    let (_, ways) = find(&[service, &stopped]);
    let told = commands(&ways);
    let host = "730335557645.dkr.ecr.cn-north-1.amazonaws.com.cn";
    assert!(told.contains(host), "{told}");
    assert!(!told.contains("cn-north-1.amazonaws.com/"), "{told}");
    assert!(!told.contains("arn:aws:ecr"), "{told}");
}

#[test]
fn a_service_of_ecs_comes_back_as_many_as_it_should_be() {
    let service = r#"{"services": [{"serviceName": "api", "clusterArn": "arn:aws:ecs:us-east-1:730335557645:cluster/C", "desiredCount": 3}]}
"#;
    let (_, ways) = find(&[service, &ecs_not_found()]);
    let told = commands(&ways);
    assert!(
        told.contains(
            "aws ecs update-service --region us-east-1 --cluster C --service api --desired-count 3"
        ),
        "{told}"
    );
}

fn ecs_not_found() -> String {
    let image = "acme/api:9";
    format!(
        r#"{{"tasks": [{{"clusterArn": "arn:aws:ecs:us-east-1:730335557645:cluster/C", "taskArn": "arn:aws:ecs:us-east-1:730335557645:task/C/1", "group": "service:api", "lastStatus": "STOPPED", "stoppedAt": "2026-01-15T14:31:45Z", "containers": [{{"name": "x", "image": "{image}", "reason": "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref docker.io/{image}: docker.io/{image}: not found"}}]}}]}}
"#
    )
}

#[test]
fn without_a_limit_mending_goes_first_and_nothing_is_said_of_limits_that_recover() {
    let (found, ways) = find(&[&ecs_not_found()]);
    assert_eq!(found.cause.as_ref().unwrap().class, Class::NotFound);
    assert_eq!(ways.ways[0].kind, WayKind::Mend);
    let text = explain(&found, &ways).to_text();
    assert!(!text.contains("no limit recovers"), "{text}");
}

#[test]
fn a_flood_that_nobody_explains_is_looked_for_first() {
    let (found, ways) = find(&[&storm(&[])]);
    assert_eq!(found.cause.as_ref().unwrap().class, Class::AbuseLimit);
    assert_eq!(ways.ways[0].kind, WayKind::FindTheFlood, "{:?}", ways.ways);
    assert!(commands(&ways).contains("forebay doctor --connections"));
}

#[test]
fn each_step_that_is_typed_has_a_command() {
    let crash = "NAMESPACE   LAST SEEN   TYPE      REASON    OBJECT   MESSAGE\n\
                 shop        2m          Warning   BackOff   pod/cart   Back-off restarting failed container cart in pod cart_shop(11)\n";
    for source in [crash.to_owned(), ecs_not_found(), storm(&["a"])] {
        let (_, ways) = find(&[&source]);
        for step in ways.ways.iter().flat_map(|way| &way.steps) {
            let is_empty = step.code.as_ref().is_some_and(|code| code.text.is_empty());
            assert!(!is_empty, "{}", step.text);
        }
    }
}

#[test]
fn other_troubles_are_told_beside_the_cause_and_their_lines_show_nothing_of_it() {
    let row = |name: &str, message: &str| {
        format!(
            "{name}   3m   Warning   Failed   pod/{name}-6c8f9d7b5-q4w5z   Failed to pull image {message}\n"
        )
    };
    let missing = "\"registry.k8s.io/coredns:v9\": rpc error: code = NotFound desc = failed to pull and unpack image \"registry.k8s.io/coredns:v9\": failed to resolve reference \"registry.k8s.io/coredns:v9\": registry.k8s.io/coredns:v9: not found";
    let denied = "\"acme/pay:1\": failed to resolve reference \"docker.io/acme/pay:1\": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed";
    let events = [
        "NAMESPACE   LAST SEEN   TYPE   REASON   OBJECT   MESSAGE\n".to_owned(),
        row("cart", &format!("\"nginx:1.27\": {LIMIT}")),
        row("shop", &format!("\"nginx:1.27\": {LIMIT}")),
        row("dns", missing),
        row("pay", denied),
    ]
    .concat();
    let (found, ways) = find(&[&events]);
    assert_eq!(found.cause.as_ref().unwrap().class, Class::PullLimit);
    let also: Vec<_> = found
        .also
        .iter()
        .map(|also| (also.class, also.registry.as_deref(), also.failures))
        .collect();
    assert!(
        also.contains(&(Class::NotFound, Some("registry.k8s.io"), 1)),
        "{also:?}"
    );
    assert!(
        also.contains(&(Class::Auth, Some("docker.io"), 1)),
        "{also:?}"
    );
    for step in &found.chain {
        let shows_other = step.seen.iter().any(|lines| lines.first >= 4);
        assert!(!shows_other, "{}: {:?}", step.text, step.seen);
    }
    let text = explain(&found, &ways).to_text();
    assert!(text.contains("Also found"), "{text}");
    assert!(
        text.contains("server message: insufficient_scope: authorization failed"),
        "{text}"
    );
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["also"].as_array().unwrap().len(), 2);
}

#[test]
fn whose_account_is_used_up_is_not_told_to_log_in_first() {
    let log = "Current runner version: '2.311.0'\n##[group]Run docker pull node:20\nError response from daemon: toomanyrequests: You have reached your pull rate limit as 'acmebot': dckr_jti_x. You may increase the limit by upgrading. https://www.docker.com/increase-rate-limit\n##[error]Process completed with exit code 1.\n";
    let (found, ways) = find(&[log]);
    assert_eq!(found.cause.as_ref().unwrap().class, Class::PullLimit);
    let kinds: Vec<WayKind> = ways.ways.iter().map(|way| way.kind).collect();
    assert_eq!(kinds[..2], [WayKind::PaidPlan, WayKind::Forebay]);
    assert_eq!(kinds.last(), Some(&WayKind::Authenticate));
    assert!(ways.ways[0].why.contains("runner"), "{}", ways.ways[0].why);
}

#[test]
fn what_gitlabs_runner_pulls_is_let_in_by_the_runner_and_not_by_the_script() {
    let log = format!(
        "Running with gitlab-runner 16.5.0 (853330f9)\nPulling docker image node:20 ...\nWARNING: Failed to pull image with policy \"always\": Error response from daemon: {LIMIT}\nERROR: Job failed: failed to pull image \"node:20\" with specified policies [always]: Error response from daemon: {LIMIT}\n"
    );
    let (found, ways) = find(&[&log]);
    assert_eq!(ways.ways[0].kind, WayKind::Authenticate);
    let text = brief(&found, &ways).to_text();
    let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word}: {text}"));
    assert!(at("base64") < at("DOCKER_AUTH_CONFIG"), "{text}");
    assert!(!text.contains("Login Succeeded"), "{text}");
    assert!(!text.contains("setup gitlab-ci --registry hub"), "{text}");
}

#[test]
fn cortex_is_moved_as_the_release_that_was_read_and_brought_up_anew() {
    let log = format!(
        "NAMESPACE   LAST SEEN   TYPE   REASON   OBJECT   MESSAGE\ndefault   2m   Warning   Failed   pod/operator-7d4b9c6f8d-x2x7k   Failed to pull image \"cortexlabs/operator:0.22.0\": {LIMIT}\n"
    );
    let told = commands(&find(&[&log]).1);
    assert!(
        told.contains("forebay rewrite . --to cortex:0.22.0 --write"),
        "{told}"
    );
    assert!(
        told.contains("cortex cluster down\ncortex cluster up"),
        "{told}"
    );
    assert!(!told.contains("cluster configure"), "{told}");
}

#[test]
fn the_bare_words_of_fargate_lead_to_no_setting_that_fargate_has_not() {
    let log = format!(
        "CannotPullContainerError: pull image manifest has been retried 7 time(s): httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/acme/api/manifests/9: 429 Too Many Requests - Server message: {LIMIT}\n"
    );
    let (found, ways) = find(&[&log]);
    let text = brief(&found, &ways).to_text();
    assert!(!text.contains("EC2 launch type"), "{text}");
    assert!(text.contains("does ECS run it on Fargate"), "{text}");
    assert_eq!(ways.ways[0].kind, WayKind::Ecr, "{text}");
}

#[test]
fn another_registrys_limit_names_that_registry_in_its_command() {
    let log = "Error response from daemon: Get \"https://ghcr.io/v2/acme/api/manifests/1\": toomanyrequests: retry-after: 1s, allowed: 44000/minute\n";
    let (found, ways) = find(&[log]);
    assert_eq!(
        found.cause.as_ref().unwrap().class,
        Class::OtherRegistryLimit
    );
    let told = commands(&ways);
    assert!(told.contains("--upstream ghcr.io "), "{told}");
}

#[test]
fn what_only_waits_beside_a_crash_loop_is_told_as_well() {
    let pods = "NAMESPACE   NAME                   READY   STATUS             RESTARTS   AGE\n\
                shop        api-7d4b9c6f8d-x2x7k   0/1     CrashLoopBackOff   12         1h\n\
                shop        web-5f6d7c8b9d-b2b4k   0/1     ImagePullBackOff   0          10m\n\
                shop        web-5f6d7c8b9d-c5c7m   0/1     ImagePullBackOff   0          10m\n";
    let (found, ways) = find(&[pods]);
    let text = brief(&found, &ways).to_text();
    assert!(text.contains("Deployment web in shop"), "{text}");
}

#[test]
fn a_task_of_ecs_that_reaches_no_registry_is_looked_at_where_its_ways_out_are_set() {
    let task = |image: &str| {
        format!(
            r#"{{"tasks": [{{"taskArn": "arn:aws:ecs:eu-central-1:123456789012:task/prod/0a1b", "clusterArn": "arn:aws:ecs:eu-central-1:123456789012:cluster/prod", "group": "service:web", "launchType": "FARGATE", "stoppedAt": "2026-01-15T14:01:10Z", "stoppedReason": "CannotPullContainerError: failed to resolve ref {image}: failed to do request: Head \"https://{image}\": dial tcp 44.208.254.194:443: i/o timeout"}}]}}"#
        )
    };
    let (found, ways) = find(&[&task("docker.io/acme/web:1.2")]);
    assert_eq!(found.cause.as_ref().unwrap().class, Class::Timeout);
    let told = commands(&ways);
    for command in [
        "describe-services --region eu-central-1 --cluster prod --services web",
        "describe-route-tables --region eu-central-1",
        "IpPermissionsEgress",
    ] {
        assert!(told.contains(command), "{command}: {told}");
    }
    assert!(
        !told.contains("describe-vpc-endpoints") && !told.contains("curl"),
        "{told}"
    );
    let (_, ways) = find(&[&task(
        "123456789012.dkr.ecr.eu-central-1.amazonaws.com/web:1.2",
    )]);
    assert!(commands(&ways).contains("describe-vpc-endpoints"));
}

#[test]
fn an_image_that_is_not_there_is_looked_for_among_its_tags_and_was_perhaps_asked_for_once() {
    let (found, ways) = find(&[
        "Error response from daemon: manifest for nginx:1.277 not found: manifest unknown: manifest unknown\n",
    ]);
    let told = commands(&ways);
    assert!(
        told.contains("skopeo list-tags docker://docker.io/library/nginx "),
        "{told}"
    );
    let is_asked_again = |step: &Step| step.kind == StepKind::WrongImageAsked;
    assert!(!found.chain.iter().any(is_asked_again), "{:?}", found.chain);
}

#[test]
fn what_was_out_of_memory_may_have_more_and_a_limit_of_docker_hubs_is_said_of_its_images_alone() {
    let pod = |image: &str| {
        format!(
            r#"{{"kind": "Pod", "metadata": {{"name": "worker-5f6c9d7b8-q2w3e", "namespace": "batch", "ownerReferences": [{{"kind": "ReplicaSet", "name": "worker-5f6c9d7b8"}}]}}, "spec": {{"containers": [{{"name": "app", "image": "{image}", "imagePullPolicy": "Always"}}]}}, "status": {{"startTime": "2026-01-15T09:00:00Z", "containerStatuses": [{{"name": "app", "image": "{image}", "restartCount": 12, "state": {{"waiting": {{"reason": "CrashLoopBackOff"}}}}, "lastState": {{"terminated": {{"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-01-15T14:43:30Z"}}}}}}]}}}}
"#
        )
    };
    let (found, ways) = find(&[&pod("quay.io/acme/api:latest")]);
    let told = format!("{:?}", ways.ways);
    let raise = "kubectl --namespace batch set resources deployment worker --containers app --limits memory=<memory>";
    assert!(told.contains(raise), "{told}");
    let of = |found: &forebay_doctor::Diagnosis| {
        let at_restart = found.culprits[0].at_restart.clone().unwrap();
        (at_restart.pulls_per_hour, at_restart.requests_per_hour)
    };
    assert_eq!(of(&found), (None, Some([36, 60])));
    let (found, _) = find(&[&pod("acme/api:latest")]);
    assert_eq!(of(&found), (Some([0, 24]), Some([36, 60])));
}

#[test]
fn the_host_that_could_not_be_looked_up_is_the_one_to_look_up() {
    let line = "Error response from daemon: Get \"https://auth.docker.io/token?scope=repository%3Alibrary%2Fredis%3Apull&service=registry.docker.io\": dial tcp: lookup auth.docker.io on 10.1.0.2:53: no such host";
    let (_, ways) = find(&[line]);
    let told = format!("{:?}", ways.ways);
    assert!(told.contains("getent hosts auth.docker.io"), "{told}");
}
