//! What `doctor` makes of texts: reviewed as text.

use std::fs::{self, File};
use std::time::{Duration, UNIX_EPOCH};

use insta::assert_snapshot;
use serde_json::Value;

use crate::program::Program;

const DESCRIBED: &str = r#"Events:
  Type     Reason     Age                   From               Message
  ----     ------     ----                  ----               -------
  Normal   Scheduled  2m24s                 default-scheduler  Successfully assigned shop/web-7c9d8 to node-7
  Normal   Pulling    50s (x4 over 2m25s)   kubelet            Pulling image "acme/web:1.4"
  Warning  Failed     50s (x4 over 2m24s)   kubelet            Failed to pull image "acme/web:1.4": failed to pull and unpack image "docker.io/acme/web:1.4": failed to copy: httpReadSeeker: failed open: unexpected status code https://registry-1.docker.io/v2/acme/web/manifests/sha256:50aa4698fa6262977cff89181b2664b99d8a56dbca847bf62f2ef04854597cf8: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit as 'buildbot42': dckr_jti_Zk3xTq9vLmN0pRsTuVwXyZaBcDe=. You may increase the limit by upgrading. https://www.docker.com/increase-rate-limit
  Warning  Failed     50s (x4 over 2m24s)   kubelet            Error: ErrImagePull
  Normal   BackOff    12s (x6 over 2m23s)   kubelet            Back-off pulling image "acme/web:1.4"
  Warning  Failed     12s (x6 over 2m23s)   kubelet            Error: ImagePullBackOff
"#;

const WRAPPED: &str = "\
CannotPullContainerError: pull image manifest has been retried 7 time(s):
httpReadSeeker: failed open: unexpected status code
https://registry-1.docker.io/v2/acme/backend/manifests/sha256:d1faca3f650b469373dcd774fba31726af5252f4dd2435e6aee308dff5e8d3f1:
429 Too Many Requests - Server message: toomanyrequests:
You have reached your unauthenticated pull rate limit.
https://www.docker.com/increase-rate-limit
";

/// When the texts were gathered: ages count back from it.
const AS_OF: [&str; 2] = ["--as-of", "2026-01-15T14:45:00Z"];

/// The findings of a run with `--json`; the rest of the answer is shown as text elsewhere.
fn findings(told: &str) -> String {
    let json = told.lines().find(|line| line.starts_with('{'));
    let told: Value = serde_json::from_str(json.expect("an object")).expect("JSON");
    assert!(told["diagnosis"].is_object() && told["ways_out"].is_array());
    told["findings"].to_string()
}

#[test]
fn events_of_one_pod_are_explained_without_the_account() {
    let program = Program::new().file("events.txt", DESCRIBED);
    let told = program.run(&["doctor", "events.txt", AS_OF[0], AS_OF[1]]);
    assert!(
        !told.contains("buildbot42") && !told.contains("Zk3xTq9v"),
        "{told}"
    );
    assert_snapshot!(told);
    let all = program.run(&["doctor", "events.txt", "--all", AS_OF[0], AS_OF[1]]);
    assert!(all.contains("What it is not"), "{all}");
}

#[test]
fn one_way_out_is_told_by_its_name_and_one_that_is_none_is_not() {
    let program = Program::new()
        .file("events.txt", DESCRIBED)
        .file("healthy.log", "all is well\n");
    let run = |way| program.run(&["doctor", "events.txt", "--way", way, AS_OF[0], AS_OF[1]]);
    assert_snapshot!(run("authenticate"));
    let told = run("let-the-cache-fill");
    assert!(told.contains("is no way out of what was found"), "{told}");
    let told = program.run(&["doctor", "--way=authenticate", "healthy.log"]);
    let note = "note: authenticate is no way out of what was found";
    assert!(told.contains(note), "{told}");
    assert!(run("nonsense").starts_with("exit: 2"));
}

#[test]
fn a_wrapped_message_is_one_finding_in_json_too() {
    let program = Program::new().file("stopped-reason.txt", WRAPPED);
    let told = program.run(&["doctor", "--json", "stopped-reason.txt"]);
    assert_snapshot!(findings(&told));
}

#[test]
fn standard_input_is_read_where_no_file_is_named() {
    let program = Program::new();
    let cause = "Error response from daemon: toomanyrequests: Too Many Requests (HAP429).\n";
    assert_snapshot!(program.run_with_input(&["doctor"], cause));
    let told = program.run_with_input(&["doctor", "--json", "-"], cause);
    assert_snapshot!(findings(&told));
}

#[test]
fn a_log_of_something_else_has_nothing_to_tell() {
    let noise = "GET /api/orders 429 12ms\nnpm ERR! 429 Too Many Requests - GET https://npm.packages.example/lodash\n";
    let program = Program::new().file("app.log", noise);
    assert_snapshot!(program.run(&["doctor", "app.log"]));
    let told = program.run(&["doctor", "--json", "app.log"]);
    assert!(told.starts_with("exit: 0"), "{told}");
    assert_eq!(findings(&told), "[]");
}

#[test]
fn a_file_that_is_not_there_is_a_failure() {
    assert_snapshot!(Program::new().run(&["doctor", "nowhere.log"]));
}

#[test]
fn what_follows_is_told_when_it_changes_and_only_then() {
    let limit = "Jan 15 14:00:00 node-7 dockerd[911]: time=\"2026-01-15T14:00:00Z\" level=error msg=\"pulling image failed\" error=\"toomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit\" module=node/agent/taskmanager service.id=shop task.id=t\n";
    let input = format!("nothing yet\n{limit}{limit}");
    let told = Program::new().run_with_input(&["doctor", "--follow", AS_OF[0], AS_OF[1]], &input);
    assert!(told.starts_with("exit: 1"), "{told}");
    assert_eq!(
        told.matches("--- ").count(),
        4,
        "one diagnosis, and the end, beside the transcript's own lines: {told}"
    );
    let interim = told.split("--- at the end").next().expect("a diagnosis");
    assert!(interim.contains("Cause"), "{told}");
    for end in ["--all", "--way", "Do now"] {
        assert!(!interim.contains(end), "{end} before the end: {told}");
    }
}

#[test]
fn a_report_is_written_as_markdown_that_can_be_sent() {
    let program = Program::new().file("events.txt", DESCRIBED);
    let told = program.run(&["doctor", "events.txt", "--report", "-", AS_OF[0], AS_OF[1]]);
    assert!(!told.contains("buildbot42"), "{told}");
    assert_snapshot!(told);
    let written = program.run(&["doctor", "events.txt", "--report", "incident.md", "--json"]);
    assert!(written.contains("wrote incident.md"), "{written}");
    let report = fs::read_to_string(program.path("incident.md")).expect("a report");
    assert!(report.starts_with("# Incident report"), "{report}");
}

#[test]
fn a_support_is_told_addresses_times_and_rates() {
    let program = Program::new().file("events.txt", DESCRIBED);
    assert_snapshot!(program.run(&["doctor", "events.txt", "--support", AS_OF[0], AS_OF[1]]));
}

#[test]
fn nothing_to_read_is_a_failure_and_no_word_that_all_is_well() {
    let program = Program::new()
        .file("empty.log", "")
        .file("app.log", "all is well\n");
    assert_snapshot!(program.run(&["doctor"]));
    assert_snapshot!(program.run(&["doctor", "empty.log", "-", "--json"]));
    let told = program.run(&["doctor", "--follow"]);
    assert!(
        told.starts_with("exit: 3") && told.contains("nothing was read"),
        "{told}"
    );
    // One of several may be: a log that was rotated just now.
    let told = program.run(&["doctor", "app.log", "empty.log"]);
    assert!(
        told.starts_with("exit: 0") && told.contains("note: there is nothing in empty.log"),
        "{told}"
    );
}

#[test]
fn a_log_that_powershell_wrote_is_read_as_any_other() {
    let limit = "Error response from daemon: toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit\r\n";
    let program = Program::new();
    for (mark, to_bytes) in [
        ([0xff, 0xfe], u16::to_le_bytes as fn(u16) -> [u8; 2]),
        ([0xfe, 0xff], u16::to_be_bytes),
    ] {
        let mut bytes = mark.to_vec();
        bytes.extend(limit.encode_utf16().flat_map(to_bytes));
        fs::write(program.path("pull.txt"), &bytes).expect("a file");
        let told = program.run(&["doctor", "pull.txt"]);
        assert!(told.starts_with("exit: 1"), "{told}");
        assert!(told.contains("the pull limit is used up"), "{told}");
    }
}

#[test]
fn a_message_that_journald_writes_as_a_list_of_bytes_is_read_as_any_other() {
    let said = "time=\"2026-01-15T09:20:01Z\" level=error msg=\"pulling image failed\" error=\"\u{1b}[31mtoomanyrequests: You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit\u{1b}[0m\" module=node/agent/taskmanager service.id=billing";
    let numbers: Vec<String> = said.bytes().map(|byte| byte.to_string()).collect();
    let record = |message: &str| {
        format!(
            "{{\"__CURSOR\":\"s=1\",\"__REALTIME_TIMESTAMP\":\"1768468801000000\",\"_HOSTNAME\":\"app03\",\"PRIORITY\":\"3\",\"MESSAGE\":{message},\"_SYSTEMD_UNIT\":\"docker.service\",\"SYSLOG_IDENTIFIER\":\"dockerd\",\"_COMM\":\"dockerd\"}}\n"
        )
    };
    let text = Value::from(said).to_string();
    let program = Program::new()
        .file("bytes.json", &record(&format!("[{}]", numbers.join(","))))
        .file("text.json", &record(&text));
    let told = |name| program.run(&["doctor", name, "--all", AS_OF[0], AS_OF[1]]);
    let of_bytes = told("bytes.json");
    assert!(of_bytes.contains("the pull limit is used up"), "{of_bytes}");
    assert!(of_bytes.contains("billing"), "{of_bytes}");
    assert_eq!(
        of_bytes.replace("bytes.json", "text.json"),
        told("text.json")
    );
}

#[test]
fn a_pull_that_somebody_interrupted_is_no_finding_unless_something_failed() {
    let canceled = "Error response from daemon: context canceled\n";
    let program = Program::new();
    let told = program.run_with_input(&["doctor"], canceled);
    assert!(told.starts_with("exit: 0"), "{told}");
    assert!(!told.contains("pulls fail"), "{told}");
    let json = program.run_with_input(&["doctor", "--json"], canceled);
    assert!(json.contains(r#""is_over":true"#), "{json}");
    let limit = format!("{canceled}{WRAPPED}");
    let told = program.run_with_input(&["doctor"], &limit);
    assert!(told.starts_with("exit: 1"), "{told}");
}

#[test]
fn what_ended_long_ago_is_told_and_is_no_finding() {
    let program = Program::new().file(
        "tasks.txt",
        "ID             NAME        IMAGE        NODE      DESIRED STATE   CURRENT STATE           ERROR                         PORTS\n\
         abcd1234efgh   web.1       nginx:1.27   node1     Running         Running 2 weeks ago                                   \n\
         ijkl1234mnop    \\_ web.1   nginx:1.27   node1     Shutdown        Failed 2 weeks ago      \"task: non-zero exit (137)\"   \n",
    );
    let run =
        |more: &[&str]| program.run(&[&["doctor", "tasks.txt", AS_OF[0], AS_OF[1]], more].concat());
    assert_snapshot!(run(&[]), @r"
    exit: 0
    ----- stdout -----
    Cause
      nothing here tells of a pull that fails now, or of a container that ends

    What is over
      - Swarm service web: a container ended, at 2026-01-01T14:45:00Z
    ----- stderr -----
    ");
    let json = run(&["--json"]);
    assert!(json.starts_with("exit: 0"), "{json}");
    let found: Value = serde_json::from_str(&findings(&json)).expect("JSON");
    assert_eq!(found[0]["is_over"], true, "{found}");
}

#[test]
fn of_a_file_that_was_written_long_ago_the_time_is_told_from_which_its_ages_count() {
    let program = Program::new().file("events.txt", EVENTS);
    let written = UNIX_EPOCH + Duration::from_mins(29_474_805);
    let file = File::options()
        .append(true)
        .open(program.path("events.txt"));
    let set = file.and_then(|file| file.set_modified(written));
    set.expect("its time is set");
    let told = program.run(&["doctor", "events.txt"]);
    let note = "note: events.txt was written at 2026-01-15T14:45:00Z";
    assert!(
        told.contains(note) && told.contains("--as-of 2026-01-15T14:45:00Z"),
        "{told}"
    );
    let told = program.run(&["doctor", "events.txt", AS_OF[0], AS_OF[1]]);
    assert!(!told.contains("was written at"), "{told}");
}

#[test]
fn a_name_that_none_can_be_is_a_slip_of_who_typed_it() {
    let program = Program::new();
    for (whom, flag, name) in [
        ("--kube", "--namespace", "x;id"),
        ("--kube", "--context", "a\nb"),
        ("--ecs=c", "--stack", "$(id)"),
        ("--ecs=c", "--region", "a b"),
        ("--ecs=c", "--profile", ""),
        ("--swarm", "--ecs", "x;id"),
    ] {
        let told = program.run(&["doctor", whom, flag, name]);
        assert!(told.starts_with("exit: 2"), "{flag} {name}: {told}");
    }
}

const EVENTS: &str = r#"NAMESPACE   LAST SEEN           TYPE      REASON    OBJECT                     MESSAGE
shop        40m                 Normal    Pulling   pod/api-7d4b9c6f8d-x2x7k   Pulling image "acme/api:latest"
shop        2m (x14 over 40m)   Warning   BackOff   pod/api-7d4b9c6f8d-x2x7k   Back-off restarting failed container api in pod api-7d4b9c6f8d-x2x7k_shop(11)
"#;

const POD: &str = r#"{"kind": "Pod", "metadata": {"name": "api-7d4b9c6f8d-x2x7k", "namespace": "shop", "creationTimestamp": "2026-01-15T14:05:00Z",
  "ownerReferences": [{"kind": "ReplicaSet", "name": "api-7d4b9c6f8d"}]}, "status": {"startTime": "2026-01-15T14:05:00Z"},
  "spec": {"nodeName": "n-1", "containers": [{"name": "api", "image": "acme/api:latest", "imagePullPolicy": "Always"}]}}
"#;

/// Whether a text is what a sample shows: `…` stands for the rest of its line, and alone on a line for any lines.
fn is_shown(sample: &str, text: &str) -> bool {
    let mut lines = text.lines();
    let mut is_gap = false;
    sample.lines().all(|wanted| {
        if wanted.trim() == "…" {
            is_gap = true;
            return true;
        }
        let is_it = |line: &str| match wanted.strip_suffix('…') {
            Some(begin) => line.starts_with(begin),
            None => line == wanted,
        };
        let found = if std::mem::take(&mut is_gap) {
            lines.find(|line| is_it(line))
        } else {
            lines.next().filter(|line| is_it(line))
        };
        found.is_some()
    })
}

#[test]
fn the_guide_shows_what_is_printed() {
    const GUIDE: &str = include_str!("../../../../docs/guides/doctor.md");
    let (_, sample) = GUIDE.split_once("```text\n").expect("a sample");
    let (sample, _) = sample.split_once("```").expect("its end");
    let program = Program::new()
        .file("events.txt", EVENTS)
        .file("pod.json", POD);
    let told = program.run(&["doctor", "events.txt", "pod.json", AS_OF[0], AS_OF[1]]);
    let (_, told) = told.split_once("----- stdout -----\n").expect("its output");
    assert!(is_shown(sample, told), "{told}");
}
