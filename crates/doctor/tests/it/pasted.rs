//! Printed commands are pasted into a shell: they end, they send logins nowhere else, and no name that was read is obeyed.

#![expect(
    clippy::unwrap_used,
    reason = "what a test sets up has to work, or the test has failed"
)]

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use forebay_doctor::{MAX_SUSPECTS, WayKind, WaysOut, brief, explain, report, support};

use crate::found::find;

const LIMIT: &str = "toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit";
const HAP: &str = "Error response from daemon: toomanyrequests: Too Many Requests (HAP429).\n";

/// What makes a service account's new list of its old one, in the version that was read; kubectl was had to carry it out.
const TEMPLATE: &str = r#"{"metadata":{"resourceVersion":"{{.metadata.resourceVersion}}"},"imagePullSecrets":[{{range .imagePullSecrets}}{{if ne .name "dockerhub-credentials"}}{"name":"{{.name}}"},{{end}}{{end}}{"name":"dockerhub-credentials"}]}"#;

fn commands(ways: &WaysOut) -> Vec<String> {
    let steps = ways.ways.iter().flat_map(|way| &way.steps);
    let codes = steps.filter_map(|step| step.code.as_ref());
    let shell = codes.filter(|code| code.language == "sh");
    shell.map(|code| code.text.clone()).collect()
}

fn told(text: &str) -> String {
    commands(&find(&[text]).1).join("\n")
}

/// What is told of a way.
fn of(ways: &WaysOut, kind: WayKind) -> String {
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

fn events(rows: &[(&str, &str)]) -> String {
    let mut text = "NAMESPACE   LAST SEEN   TYPE   REASON   OBJECT   MESSAGE\n".to_owned();
    for (object, message) in rows {
        text.push_str(&format!(
            "shop   2m   Warning   Failed   {object}   {message}\n"
        ));
    }
    text
}

fn limited(images: &[&str]) -> String {
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

fn ecs(image: &str, reason: &str) -> String {
    format!(
        r#"{{"tasks": [{{"clusterArn": "arn:aws:ecs:us-east-1:730335557645:cluster/C", "taskArn": "arn:aws:ecs:us-east-1:730335557645:task/C/1", "group": "service:api", "launchType": "FARGATE", "lastStatus": "STOPPED", "stoppedAt": "2026-01-15T14:31:45Z", "containers": [{{"name": "x", "image": "{image}", "reason": "CannotPullContainerError: {reason}"}}]}}]}}
"#
    )
}

fn gitlab() -> String {
    format!(
        "Running with gitlab-runner 16.5.0 (853330f9)\nPulling docker image node:20 ...\nERROR: Job failed: failed to pull image \"node:20\": {LIMIT}\n"
    )
}

fn crash_loop() -> String {
    let row = "Back-off restarting failed container api in pod api-7d4b9c6f8d-x2x7k_shop(11)";
    events(&[("pod/api-7d4b9c6f8d-x2x7k", row); 12]).replace("Failed ", "BackOff ")
}

fn swarm(services: usize) -> String {
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
fn pods_of(kind: &str, name: &str) -> String {
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
fn sources() -> Vec<String> {
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

/// A placeholder as somebody fills it in: `<` and `>` are obeyed.
fn filled(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('<') {
        out.push_str(before);
        let name = behind.split_once('>').filter(|(name, _)| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
        });
        if let Some((name, after)) = name {
            out.push_str(name);
            rest = after;
        } else {
            out.push('<');
            rest = behind;
        }
    }
    out + rest
}

fn sh(script: &str, arguments: &[&str], folder: &Path) -> std::process::Output {
    let path = format!("{}:/usr/bin:/bin", folder.display());
    let mut child = Command::new("/bin/sh")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

/// A folder with programs that only tell what they were asked, and what came in.
fn fakes(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("forebay-pasted-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("token.txt"), "t0ken").unwrap();
    for tool in ["aws", "kubectl", "docker", "forebay"] {
        let path = folder.join(tool);
        let script = "#!/bin/sh\necho \"$0 $*\" >> asked\ncase \"$*\" in *stdin*) cat >> asked; echo >> asked;; esac\n";
        std::fs::write(&path, script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

/// The commands of a text, as they are selected with the mouse: without the prompt, indented.
fn selected(text: &str) -> String {
    let lines = text.lines().filter(|line| line.starts_with("      "));
    let lines: Vec<&str> = lines
        .map(|line| line.trim_start().strip_prefix("$ ").unwrap_or(line))
        .collect();
    lines.join("\n")
}

#[test]
fn each_command_is_one_for_a_shell_as_it_is_printed() {
    let folder = fakes("parse");
    for source in sources() {
        let (_, ways) = find(&[&source]);
        for command in commands(&ways) {
            for text in [command.clone(), selected(&shown(&command))] {
                let out = sh(&filled(&text), &["-n"], &folder);
                let said = String::from_utf8_lossy(&out.stderr).into_owned();
                assert!(out.status.success() && said.is_empty(), "{text}: {said}");
                assert!(!text.contains("<<"), "{text}");
            }
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_service_account_gets_a_pull_secret_beside_its_own_or_is_left_as_it_is() {
    let (_, ways) = find(&[&limited(&["redis:7"])]);
    let commands = commands(&ways);
    let command = commands.iter().find(|one| one.contains("serviceaccount"));
    let folder = fakes("listed");
    let asked = |script: &str| {
        std::fs::write(folder.join("kubectl"), script).unwrap();
        let _ = std::fs::remove_file(folder.join("asked"));
        sh(&filled(command.unwrap()), &[], &folder);
        std::fs::read_to_string(folder.join("asked")).unwrap()
    };
    let tells =
        "#!/bin/sh\ncase \"$*\" in *' get '*) echo THE-LIST; exit;; esac\necho \"$*\" >>asked\n";
    let patch = "--namespace shop patch serviceaccount default --type merge --patch THE-LIST\n";
    assert!(asked(tells).ends_with(patch), "{}", asked(tells));
    let fails =
        "#!/bin/sh\ncase \"$*\" in *' get '*) echo '{'; exit 1;; esac\necho \"$*\" >>asked\n";
    assert!(!asked(fails).contains("patch"), "{}", asked(fails));
    let refuses = "#!/bin/sh\necho \"$*\" >>asked\ncase \"$*\" in *patch*) exit 1;; esac\n";
    assert_eq!(asked(refuses).matches(" patch ").count(), 1);
    let template = command
        .unwrap()
        .split('\'')
        .find_map(|word| word.strip_prefix("go-template="));
    assert_eq!(template.unwrap(), TEMPLATE);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What stands in a shell's single quotes, and is JSON by its first letters.
fn json_in(command: &str) -> Vec<String> {
    let words = command.split('\'').skip(1).step_by(2);
    let is_json = |word: &&str| {
        let mut letters = word.chars().filter(|c| !c.is_whitespace());
        letters.next() == Some('{') && letters.next() == Some('"')
    };
    words.filter(is_json).map(str::to_owned).collect()
}

#[test]
fn each_json_is_one_as_it_is_printed() {
    let mut kinds = std::collections::BTreeSet::new();
    for source in sources() {
        let (found, ways) = find(&[&source]);
        let steps = ways.ways.iter().flat_map(|way| &way.steps);
        let codes = steps.filter_map(|step| step.code.as_ref());
        let mut texts: Vec<String> = Vec::new();
        for code in codes {
            match code.language {
                "json" if code.text.starts_with('"') => texts.push(format!("{{{}}}", code.text)),
                "json" => texts.push(code.text.clone()),
                _ => texts.extend(json_in(&code.text)),
            }
        }
        let questions = found.missing.iter().map(|missing| missing.command.as_str());
        let next = found.also.iter().map(|also| also.next.as_str());
        texts.extend(questions.chain(next).flat_map(json_in));
        for text in texts {
            let read: Result<serde_json::Value, _> = serde_json::from_str(&text);
            kinds.extend(
                read.as_ref()
                    .ok()
                    .and_then(|json| Some(json.as_object()?.keys().next()?.clone())),
            );
            assert!(read.is_ok(), "{text}: {read:?}");
        }
    }
    let kinds: Vec<&str> = kinds.iter().map(String::as_str).collect();
    for kind in ["auths", "password", "spec", "Statement"] {
        assert!(kinds.contains(&kind), "{kind}: {kinds:?}");
    }
}

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

fn shown(command: &str) -> String {
    let section = forebay_doctor::Section::new("x").code(forebay_doctor::Code::shell(command));
    forebay_doctor::Document::new("x", [section]).to_text()
}

#[test]
fn a_login_that_is_kept_comes_whole_by_a_pipe_and_no_token_is_on_a_command_line() {
    let folder = fakes("run");
    for (text, wanted) in [
        (
            ecs("acme/api:9", LIMIT),
            r#"{"username":"docker-id","password":"t0ken"}"#,
        ),
        (
            ecs("acme/api:9", LIMIT),
            r#"{"username":"docker-id","accessToken":"t0ken"}"#,
        ),
        (
            limited(&["redis:7"]),
            r#"{"auths":{"https://index.docker.io/v1/":{"username":"docker-id","password":"t0ken"}}}"#,
        ),
    ] {
        let (_, ways) = find(&[&text]);
        let all = commands(&ways);
        let piped: Vec<&String> = all
            .iter()
            .filter(|text| text.starts_with("printf '{"))
            .collect();
        assert!(!piped.is_empty());
        for command in &all {
            assert!(
                !command.contains("access-token") && !command.contains("--docker-password"),
                "{command}"
            );
        }
        let asked = folder.join("asked");
        let _ = std::fs::remove_file(&asked);
        for command in piped {
            let out = sh(&filled(command), &[], &folder);
            assert!(out.status.success(), "{command}: {out:?}");
        }
        let told = std::fs::read_to_string(&asked).unwrap();
        assert!(told.lines().any(|line| line == wanted), "{wanted}: {told}");
        let typed = told.lines().filter(|line| line.starts_with('/'));
        assert!(typed.clone().all(|line| !line.contains("t0ken")), "{told}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn only_images_that_were_pushed_are_named_anew_each_by_a_rule_as_rewrite_reads_it() {
    let folder = fakes("rule");
    for (images, expected) in [
        (
            &["redis:7", "acme/redis:7"][..],
            [
                ("library/redis", "library/redis"),
                ("acme/redis", "acme/redis"),
            ]
            .as_slice(),
        ),
        (&["acme/api:9", "acme/api:10"], &[("acme/api", "api")]),
    ] {
        let (_, ways) = find(&[&limited(images)]);
        let all = commands(&ways);
        let made = all
            .iter()
            .find(|text| text.contains("[[rule]]") && text.contains("ghcr.io"));
        assert!(sh(&filled(made.unwrap()), &[], &folder).status.success());
        let rules = std::fs::read_to_string(folder.join("forebay-rules.toml")).unwrap();
        let expected: Vec<String> = expected
            .iter()
            .map(|(from, to)| format!("[[rule]]\nregistry = \"docker.io\"\nrepository = \"{from}\"\nto = \"ghcr.io/owner/{to}\"\nmirror = false\n"))
            .collect();
        assert_eq!(rules, expected.concat());
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn no_image_is_pushed_over_another() {
    let (_, ways) = find(&[&limited(&[
        "redis:7",
        "bitnami/redis:7",
        "acme/redis:7",
        "redis:8",
    ])]);
    for kind in [WayKind::Ghcr, WayKind::Quay, WayKind::Ecr] {
        let told = of(&ways, kind);
        let mut pushed: Vec<&str> = told
            .lines()
            .filter(|line| line.starts_with("docker push "))
            .collect();
        assert_eq!(pushed.len(), 4, "{told}");
        pushed.sort_unstable();
        pushed.dedup();
        assert_eq!(pushed.len(), 4, "{told}");
        for name in [
            "library/redis:7",
            "library/redis:8",
            "bitnami/redis:7",
            "acme/redis:7",
        ] {
            assert!(
                pushed.iter().any(|line| line.ends_with(name)),
                "{name}: {told}"
            );
        }
        assert!(
            told.contains("forebay rewrite . --to forebay-rules.toml --write"),
            "{told}"
        );
    }
    let told = of(&ways, WayKind::Ecr);
    assert_eq!(
        told.matches("--repository-name library/redis ").count(),
        1,
        "{told}"
    );
    assert_eq!(told.matches("create-repository").count(), 3, "{told}");
    let (_, alone) = find(&[&limited(&["acme/redis:7", "acme/redis:8"])]);
    let told = of(&alone, WayKind::Ecr);
    assert_eq!(told.matches("create-repository").count(), 1, "{told}");
    let (_, unknown) = find(&[&format!("Error response from daemon: {LIMIT}\n")]);
    let told = of(&unknown, WayKind::Ghcr);
    assert!(told.contains("--to ghcr:<owner>"), "{told}");
}

/// Each place of an image or message, from which a command takes something, with what a shell or AWS' tools would obey.
#[test]
fn nothing_that_was_read_is_obeyed_and_no_login_goes_elsewhere() {
    let hosts = [
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com$(id)",
        "123456789012.dkr.ecr.$(id).amazonaws.com",
        "$(id).dkr.ecr.eu-west-1.amazonaws.com",
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com:9",
        "evil.example",
    ];
    let good = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
    let mut images: Vec<String> = hosts
        .iter()
        .map(|host| format!("{host}/docker-hub/library/nginx:1.27"))
        .collect();
    for path in [
        "$(id)/library/nginx:1",
        "docker-hub/$(id):1",
        "docker-hub/nginx:$(id)",
        "docker-hub/`id`:1",
        "--x/nginx:1",
        "docker-hub/nginx:1;id",
        "docker-hub/nginx:1'id'",
    ] {
        images.push(format!("{good}/{path}"));
    }
    let said = |image: &str| {
        [
            events(&[(
                "pod/web-7d4b9c6f8d-x2x7k",
                &format!(
                    "Failed to pull image \"{image}\": failed to resolve reference \"{image}\": {image}: not found"
                ),
            )]),
            events(&[(
                "pod/web-7d4b9c6f8d-x2x7k",
                &format!("Failed to pull image \"{image}\": no basic auth credentials"),
            )]),
            ecs(
                image,
                &format!("failed to resolve ref {image}: {image}: not found"),
            ),
            ecs(
                image,
                &format!(
                    "{image}: 403 Forbidden: User: arn:aws:sts::123456789012:assumed-role/$(id)/s is not authorized to perform: ecr:BatchImportUpstreamImage on resource: arn:aws:ecr:$(id):123456789012:repository/$(id)/nginx"
                ),
            ),
            limited(&[image]),
        ]
    };
    for text in images.iter().flat_map(|image| said(image)) {
        let (found, ways) = find(&[&text]);
        let told = commands(&ways).join("\n");
        for bad in ["$(id)", "`id`", ";id", "'id'", "/--x", " --x/"] {
            assert!(!told.contains(bad), "{bad}: {text}\n{told}");
        }
        let rule = found
            .cause
            .as_ref()
            .and_then(|cause| cause.pull_through.as_ref());
        assert!(rule.is_none_or(|rule| rule.host == good), "{rule:?}");
        let logins = told
            .lines()
            .filter(|line| line.contains("get-login-password"));
        for line in logins {
            let host = line
                .rsplit(' ')
                .find(|word| word.contains(".dkr.ecr."))
                .unwrap_or("");
            assert!(
                host.is_empty() || host.ends_with(".amazonaws.com"),
                "{line}"
            );
        }
    }
}

#[test]
fn what_is_no_name_of_kubernetes_gets_no_command() {
    for name in ["../x", "a:--x", "team/--x", "."] {
        let text = format!(
            r#"{{"kind": "Pod", "metadata": {{"name": "{name}", "namespace": "{name}"}}, "spec": {{"containers": [{{"name": "{name}", "image": "acme/api:1", "imagePullPolicy": "Always"}}]}}, "status": {{"containerStatuses": [{{"name": "{name}", "image": "acme/api:1", "restartCount": 9, "lastState": {{"terminated": {{"exitCode": 1, "reason": "Error", "finishedAt": "2026-01-15T14:39:00Z"}}}}}}]}}}}
{}"#,
            limited(&["acme/api:1"])
        );
        let told = told(&text);
        for place in [
            "--namespace ",
            "pod ",
            "--container ",
            "logs ",
            "deployment/",
        ] {
            assert!(!told.contains(&format!("{place}{name} ")), "{name}: {told}");
        }
        assert!(
            !told.contains("--x") && !told.contains(".."),
            "{name}: {told}"
        );
    }
}

#[test]
fn an_image_of_which_only_the_beginning_is_a_name_is_not_asked_for() {
    let text = "CannotPullContainerError: failed to resolve ref docker.io/library/x;y: not found\n";
    let told = told(text);
    assert!(told.contains("imagetools inspect <image>"), "{told}");
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
fn a_refused_login_is_mended_at_the_registry_that_refuses_it() {
    for (image, wanted) in [
        ("ghcr.io/acme/pay:1", "--registry ghcr"),
        ("quay.io/acme/pay:1", "--registry quay"),
        ("acme/pay:1", "--registry hub"),
        (
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com/pay:1",
            "--registry ecr --host 123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        ),
        (
            "registry.acme.example/pay:1",
            "'registry.acme.example' '<user>'",
        ),
    ] {
        let text = events(&[(
            "pod/pay-7d4b9c6f8d-x2x7k",
            &format!(
                "Failed to pull image \"{image}\": failed to resolve reference \"{image}\": unexpected status: 401 Unauthorized"
            ),
        )]);
        let told = told(&text);
        assert!(told.contains(wanted), "{wanted}: {told}");
        assert!(
            wanted.contains("hub") || !told.contains("<docker-id>"),
            "{told}"
        );
    }
}

#[test]
fn a_line_that_names_nothing_of_aws_still_has_ecrs_cache_and_a_node_tells_the_region() {
    let (_, ways) = find(&[&format!("Too Many Requests – Server message: {LIMIT}\n")]);
    assert!(of(&ways, WayKind::EcrPullThrough).contains("<region>"));
    let text = limited(&["redis:7"]).replace(
        "NAMESPACE",
        "Jan 15 14:40:30 ip-192-168-12-34.us-west-2.compute.internal kubelet[8]: E0115 14:40:30.000000 8 remote_image.go:1] \"PullImage from image service failed\" err=\"toomanyrequests: You have reached your pull rate limit.\" image=\"redis:7\"\nNAMESPACE",
    );
    let (_, ways) = find(&[&text]);
    let told = of(&ways, WayKind::Ecr);
    assert!(told.contains("--region us-west-2 "), "{told}");
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
fn forebays_own_probe_is_not_told_to_show_the_login_of_others() {
    for source in sources() {
        let (found, ways) = find(&[&source]);
        for way in &ways.ways {
            if matches!(way.kind, WayKind::Authenticate | WayKind::PaidPlan) {
                assert!(!of(&ways, way.kind).contains("doctor --probe"), "{way:?}");
            }
        }
        let text = explain(&found, &ways).to_text();
        assert!(!text.contains("$ forebay serve"), "{text}");
    }
}

#[test]
fn a_flood_that_nobody_explains_is_looked_for_in_dockers_logs_too() {
    assert!(told(HAP).contains("forebay doctor --swarm --journal"));
}

#[test]
fn each_blank_in_a_command_is_told_what_to_fill_in() {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '-' || c == '.';
    for source in sources() {
        let (found, ways) = find(&[&source]);
        let long = explain(&found, &ways).to_text();
        for command in commands(&ways) {
            for rest in command.split('<').skip(1) {
                let Some((name, _)) = rest.split_once('>') else {
                    continue;
                };
                if !name.is_empty() && name.chars().all(is_name) {
                    assert!(long.contains(&format!("<{name}>: ")), "<{name}>: {command}");
                }
            }
        }
    }
}
