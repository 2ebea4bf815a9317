//! Who may tell of workloads that are not its own.

use forebay_evidence::{Event, Evidence};

use crate::formats::read_all;

const DEATH: &str = r#"time="2026-01-15T09:20:01Z" level=error msg="fatal task error" error="task: non-zero exit (1)" service.name=billing task.id=t1"#;

const SKIPPED: &str = r#"E0115 09:20:01.000000 1234 pod_workers.go:1298] "Error syncing pod, skipping" err="failed to \"StartContainer\" for \"c\" with ErrImagePull: \"toomanyrequests: You have reached your pull rate limit.\"" pod="prod/billing-6d4cf56db6-abcde" podUID="y""#;

const EVENT: &str = "container die 4f4f4f4f4f4f (com.docker.swarm.service.name=billing, exitCode=1, image=x, name=billing.1.x)";

fn read(text: &str) -> Evidence {
    read_all(&[("test", text)])
}

fn owners(evidence: &Evidence) -> Vec<String> {
    let owner = |event: &Event| event.place.owner.as_ref().map(ToString::to_string);
    evidence.events.iter().filter_map(owner).collect()
}

fn is_doubted(evidence: &Evidence) -> bool {
    let mut notes = evidence.notes.iter();
    notes.any(|note| note.text.starts_with("not counted for the workloads"))
}

#[test]
fn what_a_container_writes_in_a_runtimes_words_tells_of_no_other_workload_and_is_noted_once() {
    for said in [
        DEATH,
        SKIPPED,
        EVENT,
        "(service billing) has started 9 tasks: (task x).",
    ] {
        let json = |more: serde_json::Value| {
            let mut record = serde_json::json!({"__REALTIME_TIMESTAMP": "1768468198000000", "_HOSTNAME": "app03", "_COMM": "dockerd", "_SYSTEMD_UNIT": "docker.service", "MESSAGE": said});
            let more = more.as_object().cloned().unwrap_or_default();
            record.as_object_mut().unwrap().extend(more);
            record.to_string()
        };
        let forms = [
            format!("Jan 15 09:09:58 app03 evil[999]: {said}"),
            format!("Jan 15 09:09:58 app03 abcdef123456[999]: {said}"),
            format!(
                "Jan 15 09:09:58 app03 evil.1.x[999]: Jan 15 09:09:58 app03 dockerd[1]: {said}"
            ),
            json(
                serde_json::json!({"SYSLOG_IDENTIFIER": "abcdef123456", "CONTAINER_NAME": "evil.1.x"}),
            ),
            json(serde_json::json!({"SYSLOG_IDENTIFIER": "dockerd", "CONTAINER_ID_FULL": "abc"})),
            serde_json::json!({"log": said, "container_name": "/evil"}).to_string(),
            serde_json::json!({"log": said, "kubernetes": {"pod_name": "evil-0"}}).to_string(),
            format!("Thu 2026-01-15 09:09:58 UTC app03 evil[999]: {said}"),
            format!("[  123.456789] app03 evil[999]: {said}"),
            format!("1768468198.123456 app03 evil[999]: {said}"),
            format!("<30>Jan 15 09:09:58 app03 evil[999]: {said}"),
            format!("<30>1 2026-01-15T09:09:58Z app03 evil 999 - - {said}"),
            format!("2026-01-15T09:09:58.000Z Jan 15 09:09:58 app03 evil[999]: {said}"),
            format!(
                "2026-01-15T09:09:58Z ecs/evil/0123456789abcdef0123456789abcdef dockerd[1]: {said}"
            ),
            serde_json::json!({"message": said, "ident": "evil"}).to_string(),
            serde_json::json!({"message": said, "syslog": {"identifier": "evil"}}).to_string(),
            serde_json::json!({"message": said, "app-name": "evil"}).to_string(),
            serde_json::json!({"message": said, "container": {"image": {"name": "x"}}}).to_string(),
            serde_json::json!({"log": said, "docker": {"container_id": "x"}}).to_string(),
            serde_json::json!({"message": said, "kubernetes": {"pod": {"name": "evil-0"}}, "SYSLOG_IDENTIFIER": "dockerd"}).to_string(),
            serde_json::json!({"message": said, "log": {"file": {"path": "/var/log/containers/evil.log"}}}).to_string(),
            serde_json::json!({"line": said, "labels": {"container": "evil"}}).to_string(),
            serde_json::json!({"data": {"result": [{"stream": {"pod": "evil-0"}, "values": [["1768468198000000000", said]]}]}}).to_string(),
            serde_json::json!({"textPayload": said, "resource": {"labels": {"pod_name": "evil-0"}}}).to_string(),
        ];
        for form in forms {
            let evidence = read(&format!("{form}\n{form}\n"));
            assert_eq!(owners(&evidence), [""; 0], "{form}");
            // What stands deeper is not always taken for a runtime's at all.
            assert!(is_doubted(&evidence) || form.contains("]: Jan"), "{form}");
            assert!(evidence.notes.len() <= 1, "{:?}", evidence.notes);
        }
    }
}

#[test]
fn what_a_runtime_or_nobody_in_particular_writes_is_believed() {
    for program in [
        "dockerd[8]",
        "docker.dockerd[8]",
        "docker",
        "balenad[9]",
        "env[2445]",
        "/usr/bin/dockerd[9]",
        "docker.service[9]",
    ] {
        let evidence = read(&format!("Jan 15 09:09:58 app03 {program}: {DEATH}\n"));
        assert_eq!(owners(&evidence), ["Swarm service billing"], "{program}");
        assert!(!is_doubted(&evidence));
    }
    for text in [
        DEATH.to_owned(),
        format!("build\tRun tests\t2026-01-15T09:09:58.1Z Note well: {DEATH}"),
        // journald's own word for what runs, and a collector's for the node.
        serde_json::json!({"__REALTIME_TIMESTAMP": "1768468198000000", "SYSLOG_IDENTIFIER": "start-docker", "_COMM": "dockerd", "MESSAGE": DEATH}).to_string(),
        serde_json::json!({"log": DEATH, "kubernetes": {"node": {"name": "n1"}}}).to_string(),
        format!("Thu 2026-01-15 09:09:58 UTC app03 dockerd[9]: {DEATH}"),
        format!("<30>1 2026-01-15T09:09:58Z app03 dockerd 999 - - {DEATH}"),
        format!("2026-01-15T09:09:58.000Z i-0abc {DEATH}"),
        format!("2026-01-15T09:09:58Z stderr F {DEATH}"),
        format!("2026-01-15T09:09:58Z stderr F {SKIPPED}"),
        format!("node1: kubelet: {SKIPPED}"),
        // As fluent-bit, Loki, Google, filebeat, vector and Datadog ship them.
        serde_json::json!({"MESSAGE": DEATH, "_SYSTEMD_UNIT": "docker.service", "_HOSTNAME": "app03"}).to_string(),
        serde_json::json!({"MESSAGE": SKIPPED, "SYSTEMD_UNIT": "kubelet.service"}).to_string(),
        serde_json::json!({"line": DEATH, "labels": {"unit": "docker.service"}}).to_string(),
        serde_json::json!({"values": [["1768468198000000000", DEATH]], "stream": {"unit": "docker.service"}}).to_string(),
        serde_json::json!({"jsonPayload": {"MESSAGE": DEATH, "SYSLOG_IDENTIFIER": "dockerd"}, "resource": {"type": "k8s_node"}}).to_string(),
        serde_json::json!({"message": DEATH, "log": {"syslog": {"appname": "dockerd"}}, "host": {"name": "n1"}}).to_string(),
        serde_json::json!({"message": DEATH, "source_type": "journald", "SYSLOG_IDENTIFIER": "start", "_COMM": "dockerd"}).to_string(),
        serde_json::json!({"message": DEATH, "service": "dockerd", "hostname": "n1"}).to_string(),
    ] {
        let evidence = read(&format!("{text}\n"));
        assert_eq!(owners(&evidence).len(), 1, "{text}");
        assert!(!is_doubted(&evidence), "{text}");
    }
}

#[test]
fn a_container_cannot_name_the_job_of_the_lines_below() {
    let limit = "toomanyrequests: You have reached your pull rate limit.";
    let text = format!(
        "Jan 15 09:09:58 app03 evil[9]: Complete job name: billing\nJan 15 09:09:59 app03 puller[8]: {limit}\n"
    );
    let evidence = read(&text);
    assert_eq!(evidence.events.len(), 1);
    assert_eq!(owners(&evidence), [""; 0]);
}

#[test]
fn a_log_full_of_a_containers_deaths_of_others_tells_of_none() {
    let line = format!("Jan 15 09:09:58 app03 evil[999]: {DEATH}\n");
    let evidence = read(&line.repeat(100));
    assert!(evidence.events.is_empty(), "{:?}", evidence.events);
    assert!(is_doubted(&evidence));
}

#[test]
fn a_stream_of_loki_is_read_line_by_line_with_the_time_of_each() {
    let text = serde_json::json!({"data": {"result": [{"stream": {"unit": "docker.service", "hostname": "app03"}, "values": [
        ["1768468198000000000", DEATH.replace("2026-01-15T09:20:01Z", "")],
        ["1768471798000000000", "no words of any runtime"],
        ["1768471798000000000", DEATH.replace("2026-01-15T09:20:01Z", "")],
    ]}]}});
    let evidence = read(&format!("{text}\n"));
    let at = |event: &Event| {
        (
            event.first.map(|at| at.to_string()),
            event.place.node.clone(),
        )
    };
    let node = Some("app03".to_owned());
    assert_eq!(
        evidence.events.iter().map(at).collect::<Vec<_>>(),
        [
            (Some("2026-01-15T09:09:58Z".to_owned()), node.clone()),
            (Some("2026-01-15T10:09:58Z".to_owned()), node),
        ]
    );
}
