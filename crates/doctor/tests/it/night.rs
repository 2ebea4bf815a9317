//! What a person gets at night of what they have at hand: little of it, on one screen, with the names that are known.

use forebay_doctor::{Class, Moment, WayKind, brief, report};

use crate::found::{NOW, find};

const LIMIT: &str = "toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit";

/// The most lines of the short text.
const SCREEN: usize = 40;

fn told(text: &str) -> String {
    let (found, ways) = find(&[text]);
    let told = brief(&found, &ways).to_text();
    assert!(told.lines().count() <= SCREEN, "{told}");
    told
}

fn assert_all(told: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
}

#[test]
fn a_cache_of_ecr_that_may_not_fill_itself_is_told_with_the_statement_to_add() {
    let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library/nginx";
    let statement = "\"Action\":[\"ecr:BatchImportUpstreamImage\",\"ecr:CreateRepository\"],\"Resource\":\"arn:aws:ecr:eu-west-1:123456789012:repository/docker-hub/*\"";
    let texts = [
        format!("CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}:1.27: {image}:1.27: not found\n"),
        format!("Error response from daemon: repository {image} not found: name unknown: The repository with name 'docker-hub/library/nginx' does not exist in the registry with id '123456789012'\n"),
        "Error response from daemon: Head \"https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/v2/docker-hub/library/nginx/manifests/1.27\": no basic auth credentials\n".to_owned(),
        format!("failed to resolve reference \"{image}:1.27\": unexpected status: 403 Forbidden - Server message: denied: User: arn:aws:sts::123456789012:assumed-role/node-role/i-0a is not authorized to perform: ecr:BatchImportUpstreamImage on resource: arn:aws:ecr:eu-west-1:123456789012:repository/docker-hub/library/nginx\n"),
    ];
    for text in &texts {
        let (found, ways) = find(&[text]);
        let rule = found.cause.as_ref().unwrap().pull_through.as_ref();
        assert_eq!(rule.expect(text).prefix, "docker-hub");
        assert_eq!(
            rule.unwrap().is_said,
            text.contains("BatchImport"),
            "{text}"
        );
        assert_eq!(ways.ways[0].kind, WayKind::LetTheCacheFill, "{text}");
        assert_all(&told(text), &[statement, "ecr:BatchImportUpstreamImage"]);
    }
    assert_all(&told(&texts[3]), &["--role-name node-role "]);
}

#[test]
fn a_missing_image_of_ecr_that_is_behind_no_rule_is_a_missing_image() {
    let image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/app:9";
    let text =
        format!("CannotPullContainerError: failed to resolve ref {image}: {image}: not found\n");
    let (found, ways) = find(&[&text]);
    assert_eq!(found.cause.as_ref().unwrap().pull_through, None);
    assert_eq!(ways.ways[0].kind, WayKind::Mend);
    let rules = r#"{"pullThroughCacheRules": [{"ecrRepositoryPrefix": "team", "upstreamRegistryUrl": "registry-1.docker.io"}]}"#;
    let (found, _) = find(&[&format!("{rules}\n{text}")]);
    assert!(found.cause.as_ref().unwrap().pull_through.is_some());
}

#[test]
fn symptoms_alone_name_the_command_that_would_tell_with_the_names_that_are_known() {
    let pods = "NAMESPACE   NAME                     READY   STATUS             RESTARTS   AGE\n\
                shop        web-7d4b9c6f8d-x2x7k     0/1     ImagePullBackOff   0          14m\n";
    assert_all(
        &told(pods),
        &["kubectl describe pod web-7d4b9c6f8d-x2x7k --namespace shop | forebay doctor -"],
    );
    let service = r#"{"services": [{"serviceName": "api", "clusterArn": "arn:aws:ecs:us-east-1:730335557645:cluster/C", "desiredCount": 3, "events": [{"createdAt": "2026-01-15T14:40:00Z", "message": "(service api) is unable to consistently start tasks successfully."}]}]}
"#;
    assert_all(
        &told(service),
        &[
            "it does not come up, but what was read does not say why",
            "--cluster C ",
            "aws ecs list-tasks --cluster C --service-name api --desired-status STOPPED",
        ],
    );
    let tasks = "x1y2z3a4b5c6 shop_web.1 acme/web:2.4 node-1 Ready Rejected 3 seconds ago \"No such image: acme/we…\"\n\
                 p1y2z3a4b5c7 \\_ shop_web.1 acme/web:2.4 node-2 Shutdown Rejected 8 seconds ago \"No such image: acme/we…\"\n\
                 r1y2z3a4b5c9 shop_api.1 acme/api:1 node-2 Shutdown Rejected 9 seconds ago \"No such image: acme/ap…\"\n";
    assert_all(
        &told(tasks),
        &[
            "ssh node-1 journalctl -u docker",
            "ssh node-2 journalctl -u docker",
            "docker service ps --no-trunc shop_api shop_web | forebay doctor -",
            "a limit, a login, a wrong name",
        ],
    );
}

#[test]
fn symptoms_beside_a_crash_loop_are_asked_for_as_well() {
    let pods = "NAMESPACE   NAME                     READY   STATUS             RESTARTS       AGE\n\
                shop        web-7d4b9c6f8d-x2x7k     0/1     ImagePullBackOff   0              14m\n\
                shop        api-7d4b9c6f8d-x2x7l     0/1     CrashLoopBackOff   12 (30s ago)   54m\n";
    assert_all(
        &told(pods),
        &[
            "kubectl describe pod web-7d4b9c6f8d-x2x7k --namespace shop",
            "kubectl --namespace shop logs api-7d4b9c6f8d-x2x7l --previous --tail 50",
            "kubectl get pod api-7d4b9c6f8d-x2x7l --namespace shop -o json | forebay doctor -",
        ],
    );
}

#[test]
fn a_crash_loop_says_whether_each_restart_pulls_and_what_that_comes_to() {
    let pod = |policy: &str, image: &str| {
        format!(
            r#"{{"kind": "Pod", "metadata": {{"name": "api-7d4b9c6f8d-x2x7l", "namespace": "shop"}},
      "spec": {{"containers": [{{"name": "app", "image": "{image}", "imagePullPolicy": "{policy}"}}]}},
      "status": {{"containerStatuses": [{{"name": "app", "image": "{image}", "restartCount": 7,
        "lastState": {{"terminated": {{"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-01-15T14:39:00Z"}}}}}}]}}}}
"#
        )
    };
    let always = told(&pod("Always", "acme/api:latest"));
    assert_all(
        &always,
        &[
            "imagePullPolicy is Always: each start asks whether acme/api:latest has moved",
            "up to 12 starts of each pod an hour: 0 to 24 pulls that the limit counts, 36 to 60 requests",
            "kubectl --namespace shop logs api-7d4b9c6f8d-x2x7l --previous --tail 50 --container app",
            "OOMKilled",
            "kubectl --namespace shop scale deployment/api --replicas=0",
        ],
    );
    let present = told(&pod("IfNotPresent", "acme/api:1.2.3"));
    assert_all(&present, &["a node that has the image asks nobody"]);
    assert!(!present.contains("requests"), "{present}");
}

#[test]
fn a_crash_loop_of_a_swarm_or_of_ecs_is_looked_at_where_it_logs() {
    let swarm = "x1y2z3a4b5c6 shop_web.1 acme/web:2.4 node-1 Ready Failed 3 seconds ago \"task: non-zero exit (1)\"\n\
                 p1y2z3a4b5c7 shop_web.1 acme/web:2.4 node-1 Shutdown Failed 9 seconds ago \"task: non-zero exit (1)\"\n";
    assert_all(
        &told(swarm),
        &["docker service logs --tail 50 shop_web", "asks for the tag"],
    );
    let ecs = r#"{"taskDefinition": {"family": "api", "containerDefinitions": [{"name": "x", "image": "acme/api:9", "logConfiguration": {"options": {"awslogs-group": "/ecs/api"}}}]}}
{"tasks": [{"clusterArn": "arn:aws:ecs:us-east-1:730335557645:cluster/C", "taskArn": "arn:aws:ecs:us-east-1:730335557645:task/C/1", "group": "service:api", "lastStatus": "STOPPED", "stoppedAt": "2026-01-15T14:31:45Z", "stoppedReason": "Essential container in task exited", "containers": [{"name": "x", "image": "acme/api:9", "exitCode": 1}]}]}
"#;
    assert_all(
        &told(ecs),
        &[
            "aws logs tail /ecs/api --region us-east-1 --since 1h",
            "--service api --desired-count 0",
        ],
    );
}

#[test]
fn each_ci_system_logs_in_in_its_own_way_first() {
    let logs = [
        (
            format!(
                "2026-01-15T14:00:01.0Z ##[command]/usr/bin/docker pull postgres:16\n2026-01-15T14:00:02.0Z Error response from daemon: {LIMIT}\n"
            ),
            "forebay setup github-actions --registry hub",
        ),
        (
            format!(
                "Running with gitlab-runner 16.5.0 (853330f9)\nPulling docker image node:20 ...\nERROR: Job failed: failed to pull image \"node:20\": {LIMIT}\n"
            ),
            "DOCKER_AUTH_CONFIG",
        ),
        (
            format!(
                "Running with gitlab-runner 16.5.0 (853330f9)\n$ docker pull node:20\nError response from daemon: {LIMIT}\n"
            ),
            "forebay setup gitlab-ci --registry hub",
        ),
        (
            format!(
                "Build-agent version 1.0.1-a\nStarting container cimg/node:20.1\n  image cache not found on this host, downloading cimg/node:20.1\nError response from daemon: {LIMIT}\n"
            ),
            ".circleci/config.yml",
        ),
        (
            format!(
                "Started by user admin\n[Pipeline] sh\n+ docker pull node:20\nError response from daemon: {LIMIT}\n"
            ),
            "docker.withRegistry(",
        ),
    ];
    for (log, command) in &logs {
        let (found, ways) = find(&[log]);
        assert_eq!(found.cause.as_ref().unwrap().class, Class::PullLimit);
        // One pull that was refused uses nothing up: others on its address do.
        assert_eq!(found.cause.as_ref().unwrap().trigger, None, "{log}");
        assert_eq!(ways.ways[0].kind, WayKind::Authenticate, "{log}");
        assert_eq!(ways.ways[1].kind, WayKind::Forebay, "{log}");
        let told = told(log);
        assert_all(&told, &[command]);
        assert!(
            !told.contains("kubectl") && !told.contains("setup kubernetes"),
            "{told}"
        );
    }
    let refused = logs[0]
        .0
        .replace(LIMIT, "unauthorized: incorrect username or password");
    let told = told(&refused);
    assert!(!told.contains("setup kubernetes"), "{told}");
}

#[test]
fn who_pulls_most_and_is_not_at_fault_gets_a_command_that_only_pauses_it() {
    let row = |name: &str, count: u32| {
        format!(
            "shop   2m (x{count} over 40m)   Normal   Pulling   pod/{name}   Pulling image \"acme/{name}:1\"\nshop   1m (x{count} over 40m)   Warning   Failed   pod/{name}   Failed to pull image \"acme/{name}:1\": toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit\n"
        )
    };
    let events = [
        "NAMESPACE   LAST SEEN   TYPE   REASON   OBJECT   MESSAGE\n".to_owned(),
        row("report-5c6d7f8b9-kkwz4", 90),
        // Who only meets the limit is no culprit.
        "shop   9m (x60 over 40m)   Normal   Pulled   pod/report-5c6d7f8b9-kkwz4   Successfully pulled image \"acme/report:1\" in 2s\n".to_owned(),
        row("web-7d4b9c6f8d-x2x7k", 2),
        row("api-7d4b9c6f8d-x2x7l", 2),
    ]
    .concat();
    let (_, ways) = find(&[&events]);
    let stop = ways
        .ways
        .iter()
        .find(|way| way.kind == WayKind::StopTheCulprit)
        .unwrap();
    let warned = stop.steps.iter().find(|step| step.warning.is_some());
    let code = warned.and_then(|step| step.code.as_ref()).unwrap();
    assert_eq!(
        code.text,
        "kubectl --namespace shop scale deployment/report --replicas=0"
    );
    let told = told(&events);
    assert!(!told.contains("to stop it"), "{told}");
}

#[test]
fn a_container_that_docker_restarts_is_stopped_for_good_and_comes_back_as_it_was() {
    let inspect = r#"[{"Id": "c1", "Name": "/worker", "RestartCount": 40, "HostConfig": {"RestartPolicy": {"Name": "always"}}, "State": {"ExitCode": 1, "FinishedAt": "2026-01-15T14:44:00Z"}, "Config": {"Image": "acme/worker:1"}}]
"#;
    let (found, ways) = find(&[inspect]);
    assert_eq!(found.cause.as_ref().unwrap().class, Class::StartFailure);
    let commands: Vec<&str> = ways.ways[0]
        .steps
        .iter()
        .filter_map(|step| Some(step.code.as_ref()?.text.as_str()))
        .collect();
    let commands = commands.join("\n");
    assert_all(
        &commands,
        &[
            "docker update --restart=no worker && docker stop worker",
            "docker update --restart=always worker && docker start worker",
        ],
    );
}

#[test]
fn nothing_that_was_read_becomes_markup_in_a_report() {
    let evil = format!(
        "Failed to pull image \"acme/web:1\": <img src=x> [a](https://evil.example) @everyone ```` | {LIMIT}\n"
    );
    let events = format!(
        "NAMESPACE   LAST SEEN   TYPE   REASON   OBJECT   MESSAGE\nshop   2m   Warning   Failed   pod/web-0   {evil}"
    );
    let (found, ways) = find(&[&events]);
    let text = report(&found, &ways, Moment::from_unix_ms(NOW * 1_000)).to_markdown();
    let quoted: Vec<&str> = text
        .lines()
        .filter(|line| line.contains("evil.example"))
        .collect();
    assert!(!quoted.is_empty(), "{text}");
    for line in quoted {
        assert!(
            line.contains("\\<img") && line.contains("`@everyone`"),
            "{line}"
        );
        assert!(line.contains("`[a](https://evil.example`"), "{line}");
        assert!(!line.contains(" ```` "), "{line}");
    }
}

#[test]
fn what_ecs_itself_cut_off_is_not_asked_of_it_again() {
    let task = r#"{"tasks": [{"clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/prod", "taskArn": "arn:aws:ecs:eu-west-1:123456789012:task/prod/abc123", "group": "service:api", "lastStatus": "STOPPED", "stoppedAt": "2026-01-15T14:31:45Z", "stoppedReason": "CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref docker.io/acm", "containers": [{"name": "api", "image": "acme/api:9"}]}]}
"#;
    assert_all(
        &told(task),
        &["docker pull acme/api:9 2>&1 | forebay doctor -"],
    );
}

#[test]
fn without_a_namespace_commands_that_only_read_ask_in_the_one_of_the_evidence() {
    let events = "LAST SEEN   TYPE      REASON      OBJECT                      MESSAGE\n\
                  12s         Warning   OOMKilling  node/node-3                 Memory cgroup out of memory: Killed process 123 (java)\n\
                  2m          Normal    BackOff     pod/web-7d4b9c6f8d-x2x7k    Back-off pulling image \"acme/web:1.4\"\n";
    let told = told(events);
    assert_all(
        &told,
        &[
            "kubectl describe pod web-7d4b9c6f8d-x2x7k | forebay doctor -",
            "kubectl describe node node-3",
        ],
    );
    assert!(!told.contains("<namespace>"), "{told}");
}
