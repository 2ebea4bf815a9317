//! What `doctor` asks of `kubectl`, `docker`, `journalctl` and `aws`: played by scripts that write down how they were called.

use std::fs;

use insta::assert_snapshot;

use crate::program::Program;

const PODS: &str = r#"{"kind": "List", "items": [{"kind": "Pod", "metadata": {"namespace": "shop", "name": "web-1"},
"status": {"phase": "Pending", "containerStatuses": [{"name": "web", "image": "acme/web:1", "state": {"waiting":
{"reason": "ImagePullBackOff", "message": "Back-off pulling image \"acme/web:1\""}}}]}}]}"#;

const EVENTS: &str = r#"{"kind": "List", "items": [{"kind": "Event", "metadata": {"namespace": "shop", "name": "e"},
"involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-1"}, "reason": "Failed", "count": 4,
"firstTimestamp": "2026-11-21T08:00:00Z", "lastTimestamp": "2026-11-21T08:05:00Z", "source": {"host": "node-7"},
"message": "Failed to pull image \"acme/web:1\": toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"}]}"#;

/// Minutes after [`EVENTS`]: what was asked is told as of then.
const AS_OF: &str = "--as-of=2026-11-21T08:10:00Z";

const RUNNING: &str = r#"{"items": [{"kind": "Pod", "metadata": {"namespace": "shop", "name": "web-1"}, "status":
{"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}]}"#;

const FAILED: &str = r#"{"items": [{"kind": "Pod", "metadata": {"namespace": "shop", "name": "once"}, "status":
{"phase": "Failed"}}]}"#;

/// Programs of these names and scripts, and nobody else.
fn with(tools: &[(&str, &str)]) -> Program {
    let mut program = Program::new().file("bin/none", "");
    for (name, script) in tools {
        let script = format!(
            "#!/bin/sh\nprintf '%s' \"$0\" >> calls\nprintf ' [%s]' \"$@\" >> calls\necho >> calls\n{script}\n"
        );
        program = program.file_with_mode(&format!("bin/{name}"), &script, 0o700);
    }
    let bin = program.path("bin").display().to_string();
    program.env("PATH", &bin)
}

/// A script that prints these answers, each where its word is among the arguments.
fn answering(answers: &[(&str, &str)]) -> String {
    let cases: Vec<String> = answers
        .iter()
        .map(|(word, answer)| format!("*\" {word} \"*) echo '{}' ;;", answer.replace('\n', " ")))
        .collect();
    format!("case \" $* \" in {} esac", cases.join(" "))
}

/// How the programs were called; moments of time differ from run to run.
fn calls(program: &Program) -> String {
    let text = fs::read_to_string(program.path("calls")).unwrap_or_default();
    let bin = format!("{}/", program.path("bin").display());
    let is_moment = |word: &&str| {
        let digits: String = word.chars().filter(char::is_ascii_digit).collect();
        digits.len() < 10
    };
    let lines = text.lines().map(|line| {
        let line = line.replace(&bin, "");
        line.split(' ')
            .filter(is_moment)
            .collect::<Vec<_>>()
            .join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn kubectl_is_asked_for_pods_and_events_of_all_namespaces() {
    let script = answering(&[("get-contexts", "prod"), ("pods", PODS), ("events", EVENTS)]);
    let program = with(&[("kubectl", &script)]);
    let told = program.run(&["doctor", "--kube", "--context", "prod", AS_OF]);
    assert!(told.starts_with("exit: 1"), "{told}");
    assert!(told.contains("pull limit"), "{told}");
    assert_snapshot!(calls(&program), @r"
    kubectl [config] [get-contexts] [--output=name]
    kubectl [--context=prod] [get] [pods] [--all-namespaces] [--output=json] [--request-timeout=45s]
    kubectl [--context=prod] [get] [events] [--all-namespaces] [--output=json] [--request-timeout=45s]
    kubectl [--context=prod] [get] [nodes] [--output=json] [--request-timeout=45s]
    ");
}

#[test]
fn a_cluster_that_runs_well_may_have_restarted_long_ago() {
    let pods = r#"{"kind": "List", "items": [{"kind": "Pod", "metadata": {"namespace": "mon", "name": "ship-1"},
"status": {"phase": "Running", "containerStatuses": [{"name": "ship", "image": "acme/ship:latest", "restartCount": 60,
"state": {"running": {"startedAt": "2026-01-03T09:00:00Z"}}}]}}]}"#;
    let nothing = r#"{"kind": "List", "items": []}"#;
    let script = answering(&[("pods", pods), ("events", nothing)]);
    let program = with(&[("kubectl", &script)]);
    let told = program.run(&["doctor", "--kube"]);
    assert!(told.starts_with("exit: 0"), "{told}");
    assert!(
        told.contains("pod ship-1 in mon: containers ended 60 times"),
        "{told}"
    );
    let script = answering(&[("pods", pods), ("events", EVENTS)]);
    let program = with(&[("kubectl", &script)]);
    let told = program.run(&["doctor", "--kube", AS_OF]);
    assert!(told.starts_with("exit: 1"), "{told}");
    assert!(
        !told.contains("pod ship-1 in mon cannot run") && told.contains("Over   pod ship-1 in mon"),
        "{told}"
    );
}

#[test]
fn nodes_tell_how_large_images_are_for_what_the_ways_out_cost() {
    let nodes = r#"{"kind": "List", "items": [{"kind": "Node", "metadata": {"name": "node-7"}, "status": {"nodeInfo":
{"containerRuntimeVersion": "containerd://1.7.27"}, "images": [{"names": ["docker.io/acme/web:1"], "sizeBytes": 500000000}]}}]}"#;
    let script = answering(&[("pods", PODS), ("events", EVENTS), ("nodes", nodes)]);
    let program = with(&[("kubectl", &script)]);
    let told = program.run(&["doctor", "--kube", "--all", AS_OF]);
    for expected in [
        "500 MB × $0.10 per GB",
        "measured, compressed: the status of a node, kubectl get nodes",
    ] {
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let json = program.run(&["doctor", "--kube", "--json", AS_OF]);
    assert!(json.contains(r#""cost_basis":{"images":[{"image":"docker.io/acme/web:1","bytes":500000000,"from":{"kind":"measured","packing":"compressed","source":"node""#), "{json}");
}

#[test]
fn docker_swarm_and_the_journal_are_asked_for_what_has_happened() {
    let docker = answering(&[("--quiet", "4f5a6b7c8d9e"), ("events", "rubbish")]);
    let program = with(&[("docker", &docker), ("journalctl", "exit 0")]);
    let root = program.path("machine").display().to_string();
    program.run(&[
        "doctor",
        "--docker",
        "--swarm",
        "--journal",
        "--root",
        &root,
    ]);
    let calls = calls(&program).replace(&root, "ROOT");
    assert_snapshot!(calls, @r"
    docker [events] [--since] [--until] [--format] [{{json .}}]
    docker [ps] [--all] [--no-trunc]
    docker [image] [ls]
    docker [image] [ls] [--format] [{{json .}}]
    docker [ps] [--all] [--quiet]
    docker [inspect] [4f5a6b7c8d9e]
    docker [service] [ls] [--quiet]
    docker [service] [ls]
    docker [service] [inspect] [4f5a6b7c8d9e]
    docker [service] [ps] [--no-trunc] [4f5a6b7c8d9e]
    journalctl [--no-pager] [--quiet] [--output=json] [--root=ROOT] [--unit=docker] [--unit=containerd] [--unit=kubelet]
    ");
}

#[test]
fn a_log_file_of_the_machine_is_read_where_there_is_one() {
    let line = "Nov 21 08:00:00 node-7 dockerd[7]: toomanyrequests: Too Many Requests (HAP429).\n";
    let program = with(&[("journalctl", "exit 1")]).file("machine/var/log/messages", line);
    let root = program.path("machine").display().to_string();
    // Its lines have no year: the last such day is less than one ago, whenever this runs.
    let told = program.run(&[
        "doctor",
        "--journal",
        "--root",
        &root,
        "--since",
        "366d",
        "--json",
    ]);
    assert!(told.contains("\"abuse-limit\""), "{told}");
    assert!(told.contains("note: journalctl"), "{told}");
}

#[test]
fn a_tool_that_is_missing_refused_or_mad_is_a_note_and_no_word_that_all_is_well() {
    let denied = "echo 'Error from server (Forbidden): token: eyJhbGciOiJSUzI1NiIsImtpZCI6IjEifQ is refused' >&2; exit 1";
    let program = with(&[("kubectl", denied), ("aws", "echo no json")]);
    let told = program.run(&["doctor", "--kube", "--docker", "--ecs", "shop"]);
    assert!(!told.contains("eyJhbGci"), "{told}");
    assert_snapshot!(told);
}

#[test]
fn where_what_tells_of_failures_is_not_told_nothing_is_said_to_be_well() {
    let empty = r#"{"kind": "List", "items": []}"#;
    let denying = |words: &str| {
        format!(
            "case \" $* \" in {words}) echo 'Error from server (Forbidden)' >&2; exit 1 ;; *) echo '{empty}' ;; esac"
        )
    };
    for (words, exit) in [
        ("*\" pods \"*", "3"),
        ("*\" events \"*", "3"),
        ("*\" nodes \"*", "0"),
    ] {
        let program = with(&[("kubectl", &denying(words))]);
        let told = program.run(&["doctor", "--kube"]);
        assert!(
            told.starts_with(&format!("exit: {exit}")),
            "{words}: {told}"
        );
        let is_open = told.contains("but not all was told");
        assert_eq!(is_open, exit == "3", "{words}: {told}");
        assert_eq!(
            told.contains("nothing here tells"),
            exit == "0",
            "{words}: {told}"
        );
        let json = program.run(&["doctor", "--kube", "--json"]);
        assert!(
            json.starts_with(&format!("exit: {exit}")),
            "{words}: {json}"
        );
    }
}

#[test]
fn a_kubectl_that_ends_well_and_says_nothing_or_rubbish_has_not_answered() {
    for says in ["true", "echo Unauthorized"] {
        let told = with(&[("kubectl", says)]).run(&["doctor", "--kube"]);
        assert!(told.starts_with("exit: 3"), "{says}: {told}");
        assert!(
            told.contains("said something that is not JSON"),
            "{says}: {told}"
        );
    }
}

#[test]
fn an_answer_that_is_cut_off_or_a_refusal_is_no_word_that_all_is_well() {
    let empty = r#"{"kind": "List", "items": []}"#;
    let cut = &PODS[..120];
    let refusal =
        r#"{"kind": "Status", "status": "Failure", "message": "Unauthorized", "code": 401}"#;
    for (pods, told_of) in [
        (cut, "cut off or broken"),
        (refusal, "was refused: Unauthorized"),
    ] {
        let script = answering(&[("pods", pods), ("events", empty), ("nodes", empty)]);
        let program = with(&[("kubectl", &script)]);
        for args in [vec!["doctor", "--kube"], vec!["doctor", "--kube", "--json"]] {
            let told = program.run(&args);
            assert!(told.starts_with("exit: 3"), "{told}");
            assert!(told.contains(told_of), "{told}");
        }
    }
    let services = r#"{"services": [{"serviceName": "web", "desiredCount": 1, "runningCount": 1, "deployments": [], "events": []}]}"#;
    let aws = answering(&[
        ("list-tasks", r#"{"taskArns": ["a"]}"#),
        (
            "describe-tasks",
            r#"{"tasks": [{"taskArn": "a", "stoppedReason": "Canno"#,
        ),
        ("list-services", r#"{"serviceArns": ["web"]}"#),
        ("describe-services", services),
    ]);
    let docker = answering(&[
        ("--quiet", "4f5a"),
        ("inspect", r#"[{"ID": "4f5a", "Spec": {"Name""#),
    ]);
    let program = with(&[("aws", &aws), ("docker", &docker)]);
    for args in [["doctor", "--ecs=c"], ["doctor", "--swarm"]] {
        let told = program.run(&args);
        assert!(told.starts_with("exit: 3"), "{args:?}: {told}");
        assert!(told.contains("cut off or broken"), "{args:?}: {told}");
    }
}

#[test]
fn a_page_of_a_proxy_in_the_place_of_an_answer_of_docker_is_no_word_that_all_is_well() {
    let page = "echo '<!DOCTYPE html><html><head><title>Bad Gateway</title></head></html>'";
    for asked in ["--docker", "--swarm"] {
        let program = with(&[("docker", page)]);
        let told = program.run(&["doctor", asked]);
        assert!(told.starts_with("exit: 3"), "{asked}: {told}");
        assert!(
            told.contains("said something that is no"),
            "{asked}: {told}"
        );
        assert!(!told.contains("nothing here tells"), "{asked}: {told}");
        assert!(!calls(&program).contains("html"), "{asked}");
    }
    // One that answers the list alone.
    let services = answering(&[("--quiet", "4f5a6b7c8d9e"), ("service", "<html>")]);
    let told = with(&[("docker", &services)]).run(&["doctor", "--swarm"]);
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(
        told.contains("docker service inspect 4f5a6b7c8d9e said something"),
        "{told}"
    );
}

#[test]
fn a_docker_that_runs_nothing_is_well() {
    let empty = answering(&[
        ("--quiet", ""),
        ("ps", "CONTAINER ID   IMAGE     COMMAND"),
        ("service", "ID        NAME      MODE      REPLICAS"),
    ]);
    let program = with(&[("docker", &empty)]);
    for asked in ["--docker", "--swarm"] {
        let told = program.run(&["doctor", asked]);
        assert!(told.starts_with("exit: 0"), "{asked}: {told}");
    }
}

#[test]
fn a_runtime_that_had_nothing_to_say_is_well() {
    let journal = "machine/var/log/journal/0f9a/system.journal";
    let program = with(&[("journalctl", "exit 0")]).file(journal, "");
    let root = program.path("machine").display().to_string();
    let told = program.run(&["doctor", "--journal", "--root", &root]);
    assert!(told.starts_with("exit: 0"), "{told}");
    assert!(told.contains("neither a journal of docker"), "{told}");
}

#[test]
fn a_machine_without_a_journal_and_log_files_tells_nothing() {
    let program = with(&[("journalctl", "exit 0"), ("docker", "exit 1")]);
    let root = program.path("machine").display().to_string();
    for args in [vec!["--journal"], vec!["--docker", "--journal"]] {
        let args = [vec!["doctor"], args, vec!["--root", &root]].concat();
        let told = program.run(&args);
        assert!(told.starts_with("exit: 3"), "{args:?}: {told}");
        assert!(
            told.contains("neither a journal of docker"),
            "{args:?}: {told}"
        );
    }
}

#[test]
fn that_nobody_answered_stands_in_json_and_beside_what_was_read() {
    let noise = "all is well\n";
    let program = with(&[]).file("app.log", noise);
    let told = program.run(&["doctor", "--kube", "--json"]);
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(
        told.contains(r#""troubles":["kubectl is not installed"]"#),
        "{told}"
    );
    let told = program.run(&["doctor", "--kube", "app.log"]);
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(!told.contains("nothing is known"), "{told}");
}

#[test]
fn aws_is_asked_in_the_region_and_by_the_profile_that_are_named_and_a_trouble_is_told_once() {
    let program = with(&[("aws", "echo 'Unable to locate credentials' >&2; exit 253")]);
    let told = program.run(&[
        "doctor",
        "--ecs=shop",
        "--stack=s",
        "--region=eu-west-1",
        "--profile=ops",
    ]);
    assert_eq!(
        told.matches("Unable to locate credentials").count(),
        1,
        "{told}"
    );
    assert!(
        told.contains("note: aws: 5 more calls failed in the same way"),
        "{told}"
    );
    let calls = calls(&program);
    assert_eq!(calls.lines().count(), 6, "{calls}");
    let is_named =
        |line: &str| line.contains("[--region=eu-west-1]") && line.contains("[--profile=ops]");
    assert!(calls.lines().all(is_named), "{calls}");
}

#[test]
fn what_was_asked_of_aws_by_a_profile_is_mended_by_the_same() {
    let limit = "toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit";
    let task = format!(
        r#"{{"tasks": [{{"clusterArn": "arn:aws:ecs:us-east-1:730335557645:cluster/shop", "taskArn": "arn:aws:ecs:us-east-1:730335557645:task/shop/1", "group": "service:api", "launchType": "FARGATE", "lastStatus": "STOPPED", "stoppedAt": "2026-01-15T14:31:45Z", "stoppedReason": "CannotPullContainerError: pull image manifest has been retried 7 time(s): failed to resolve ref docker.io/acme/api:9: {limit}"}}]}}"#
    );
    let program = with(&[("aws", "exit 1")]).file("task.json", &task);
    let told = program.run(&["doctor", "--ecs=shop", "--profile=ops", "task.json"]);
    for command in [
        "aws ecr --profile ops create-repository --region us-east-1",
        "aws ecr --profile ops get-login-password",
    ] {
        assert!(told.contains(command), "{command}: {told}");
    }
    let told = program.run(&[
        "doctor",
        "--ecs=shop",
        "--profile=ops",
        "--all",
        "task.json",
    ]);
    let wait = "forebay doctor --profile ops --ecs shop --region us-east-1 --wait";
    assert!(told.contains(wait), "{told}");
}

#[test]
fn what_was_asked_of_a_cluster_by_a_context_is_mended_in_the_same() {
    let script = answering(&[
        ("get-contexts", "the shop"),
        ("events", EVENTS),
        ("get", PODS),
    ]);
    let program = with(&[("kubectl", &script)]);
    let told = program.run(&["doctor", "--kube", "--context", "the shop", "--all", AS_OF]);
    assert!(
        told.contains("kubectl --context 'the shop' --namespace shop "),
        "{told}"
    );
    assert!(!told.contains("kubectl --namespace"), "{told}");
}

#[test]
fn a_context_that_kubectl_does_not_know_is_a_slip_and_nobody_is_asked_in_it() {
    let script = answering(&[("get-contexts", "prod")]);
    let program = with(&[("kubectl", &script)]);
    for args in [&["--kube"][..], &["--kube", "--wait", "--timeout", "1s"]] {
        let told = program.run(&[&["doctor", "--context", "x;id"], args].concat());
        assert!(told.starts_with("exit: 2"), "{told}");
        assert!(
            told.contains("error: kubectl knows no context \"x;id\"\nhint: it knows prod\n"),
            "{told}"
        );
    }
    assert!(!calls(&program).contains("--context"));
}

#[test]
fn waiting_for_whom_nobody_speaks_is_a_failure() {
    let refused = "echo 'The connection to the server was refused' >&2; exit 1";
    let program = with(&[("kubectl", refused)]);
    let told = program.run(&["doctor", "--kube", "--wait", "--timeout", "1s"]);
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(told.contains("nobody says whether it runs"), "{told}");
}

#[test]
fn waiting_ends_well_only_when_all_runs() {
    let program = with(&[("kubectl", &answering(&[("get", RUNNING)]))]);
    assert_snapshot!(program.run(&["doctor", "--kube", "--wait"]));
    assert_snapshot!(calls(&program), @"kubectl [get] [pods,deployments,statefulsets,daemonsets,jobs] [--all-namespaces] [--output=json] [--request-timeout=45s]");
}

#[test]
fn waiting_for_what_has_failed_or_takes_too_long_is_a_finding() {
    let script = answering(&[("events", EVENTS), ("pods", PODS), ("get", FAILED)]);
    let told = with(&[("kubectl", &script)]).run(&["doctor", "--kube", "--wait", AS_OF]);
    assert!(told.starts_with("exit: 1"), "{told}");
    assert!(
        told.contains("it has failed for good: pod shop/once has failed"),
        "{told}"
    );
    assert!(told.contains("pull limit"), "{told}");
    let script = answering(&[("events", EVENTS), ("get", PODS)]);
    let program = with(&[("kubectl", &script)]);
    let told = program.run(&["doctor", "--kube", "--wait", "--timeout", "1s"]);
    assert!(told.starts_with("exit: 1"), "{told}");
    assert!(
        told.contains("it does not run in time: pod shop/web-1: ImagePullBackOff"),
        "{told}"
    );
}

#[test]
fn what_else_is_asked_for_is_looked_at_though_all_runs() {
    let flow =
        "2 1 eni-0a1 10.0.1.5 192.0.2.7 50001 443 6 12 900 1795248000 1795248060 ACCEPT OK\n";
    let program = with(&[("kubectl", &answering(&[("get", RUNNING)]))]).file("flows.log", flow);
    let told = program.run(&[
        "doctor",
        "--kube",
        "--wait",
        "--flow-logs",
        "flows.log",
        "--registry-address",
        "192.0.2.7",
    ]);
    assert!(told.starts_with("exit: 0"), "{told}");
    assert!(told.contains("it runs: pods: 1"), "{told}");
    assert!(
        told.contains("eni-0a1 to 192.0.2.7: 1 connection"),
        "{told}"
    );
}

#[test]
fn waiting_for_what_is_too_much_names_a_way_to_ask_for_less() {
    let program = with(&[("kubectl", "exec /usr/bin/yes '{\"items\": ['")]);
    let told = program.run(&["doctor", "--kube", "--wait", "--timeout", "1s"]);
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(told.contains("--namespace NAME"), "{told}");
}

#[test]
fn the_log_files_are_read_as_far_back_as_is_asked_for() {
    let failed = "app03 dockerd[2445]: level=error msg=\"toomanyrequests: You have reached your unauthenticated pull rate limit.\"";
    let log = format!("2026-01-03T16:00:00+00:00 {failed}\n");
    let program = with(&[("journalctl", "exit 0")]).file("machine/var/log/messages", &log);
    let root = program.path("machine").display().to_string();
    let as_of = "--as-of=2026-01-03T16:05:00Z";
    let run = |since: &str| {
        program.run(&[
            "doctor",
            "--journal",
            "--since",
            since,
            "--root",
            &root,
            as_of,
        ])
    };
    let told = run("1h");
    assert!(told.starts_with("exit: 3"), "{told}");
    assert!(told.contains("tells anything of that time"), "{told}");
    let told = run("36500d");
    assert!(told.starts_with("exit: 1"), "{told}");
}

#[test]
fn a_report_and_json_are_not_both_written_to_standard_output() {
    let program = Program::new().file("app.log", "all is well\n");
    let told = program.run(&["doctor", "app.log", "--report", "-", "--json"]);
    assert!(told.starts_with("exit: 2"), "{told}");
    assert!(told.contains("hint: --report incident.md --json"), "{told}");
    let told = program.run(&["doctor", "--connections", "--watch", "2h"]);
    assert!(
        told.starts_with("exit: 2") && told.contains("at most 1h"),
        "{told}"
    );
}

#[test]
fn waiting_for_nothing_is_refused() {
    assert_snapshot!(with(&[]).run(&["doctor", "--wait"]));
    assert_snapshot!(with(&[]).run(&["doctor", "--kube", "--wait"]));
}

#[test]
fn flow_logs_are_counted_by_who_connects() {
    let log = "version account-id interface-id srcaddr dstaddr srcport dstport protocol packets bytes start end action log-status\n\
        2 1 eni-0a1 10.0.1.5 192.0.2.7 50001 443 6 12 900 1795248000 1795248060 ACCEPT OK\n\
        2 1 eni-0a1 10.0.1.5 192.0.2.7 50002 443 6 12 900 1795248000 1795248060 ACCEPT OK\n\
        2 1 eni-0b2 10.0.1.6 192.0.2.7 50001 443 6 12 900 1795248060 1795248120 ACCEPT OK\n\
        2 1 eni-0b2 10.0.1.6 192.0.2.99 50003 443 6 12 900 1795248060 1795248120 ACCEPT OK\n";
    let program = Program::new().file("flows.log", log);
    let args = [
        "doctor",
        "--flow-logs",
        "flows.log",
        "--registry-address",
        "192.0.2.7",
    ];
    assert_snapshot!(program.run(&args));
    assert_snapshot!(program.run(&[&args[..], &["--json"]].concat()));
}

#[test]
fn a_capture_that_is_none_is_told() {
    let program = Program::new().file(
        "x.pcap",
        "this is no capture, but a text that is long enough",
    );
    assert_snapshot!(program.run(&[
        "doctor",
        "--pcap",
        "x.pcap",
        "--registry-address",
        "192.0.2.7"
    ]));
    assert_snapshot!(program.run(&[
        "doctor",
        "--pcap",
        "nowhere.pcap",
        "--registry-address",
        "192.0.2.7"
    ]));
}
