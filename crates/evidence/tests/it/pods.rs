//! Pods as JSON: what is being made, was told to end, or is nobody's, is no trouble.

use forebay_evidence::{Context, Evidence, Intake, Moment, What};

/// 2026-01-15 14:00 UTC.
const NOW: i64 = 1_768_485_600_000;

fn read(text: &str) -> Evidence {
    let mut intake = Intake::new(Context {
        now: Moment::from_unix_ms(NOW),
        utc_offset_seconds: 0,
    });
    intake.begin("pods");
    intake.push(text.as_bytes());
    intake.finish()
}

/// A pod with such metadata and such a status of its container.
fn pod(metadata: &str, container: &str) -> Vec<(What, u64)> {
    let text = format!(
        r#"{{"kind": "Pod", "metadata": {{"name": "web-1", "namespace": "shop", "creationTimestamp": "2026-01-15T12:00:00Z"{metadata}}}, "status": {{"phase": "Running", "containerStatuses": [{{"name": "c", "image": "nginx", {container}}}]}}}}"#
    );
    let events = read(&text).events;
    events
        .iter()
        .map(|event| (event.what, event.count))
        .collect()
}

const RUNS: &str = r#""state": {"running": {"startedAt": "2026-01-15T12:30:00Z"}}"#;

fn ended(state: &str, code: i64) -> String {
    format!(
        r#""{state}": {{"terminated": {{"exitCode": {code}, "reason": "Error", "finishedAt": "2026-01-15T12:30:00Z"}}}}"#
    )
}

#[test]
fn an_end_that_was_asked_for_is_none() {
    let before = |restarts, code, is_ready| {
        let last = ended("lastState", code);
        pod(
            "",
            &format!(r#""ready": {is_ready}, "restartCount": {restarts}, {RUNS}, {last}"#),
        )
    };
    assert_eq!(before(1, 143, true), []);
    assert_eq!(before(3, 143, true), [(What::Restarted, 2)]);
    let died = |code, restarts| [(What::Died(Some(code)), 1), (What::Restarted, restarts)];
    assert_eq!(before(1, 1, true), died(1, 1));
    let killed = before(9, 143, false);
    assert_eq!(
        killed,
        [[(What::Waits, 1)].as_slice(), &died(143, 9)].concat(),
        "a probe kills it"
    );
    let leaving = r#", "deletionTimestamp": "2026-01-15T12:31:00Z""#;
    let state = ended("state", 143);
    let container = format!(r#""ready": false, "restartCount": 0, {state}"#);
    assert_eq!(pod(leaving, &container), []);
    assert_eq!(pod("", &container), [(What::Died(Some(143)), 1)]);
}

#[test]
fn a_container_waits_when_it_has_had_minutes_to_get_ready() {
    let creating = r#""ready": false, "restartCount": 0, "state": {"waiting": {"reason": "ContainerCreating"}}"#;
    assert_eq!(pod("", creating), [(What::Waits, 1)]);
    let new = r#", "creationTimestamp": "2026-01-15T13:58:00Z""#;
    let text = |metadata: &str| {
        format!(
            r#"{{"kind": "Pod", "metadata": {{"name": "web-1"{metadata}}}, "status": {{"containerStatuses": [{{"name": "c", {creating}}}]}}}}"#
        )
    };
    assert_eq!(read(&text(new)).events, []);
    let ready = format!(r#""ready": true, "restartCount": 0, {RUNS}"#);
    assert_eq!(pod("", &ready), []);
}

#[test]
fn a_pod_that_tells_of_no_maker_has_none() {
    let owner = |name: &str, metadata: &str| {
        let text = format!(
            r#"{{"kind": "Pod", "metadata": {{"name": "{name}"{metadata}}}, "status": {{"containerStatuses": [{{"name": "c", "image": "nginx", "restartCount": 9}}]}}}}"#
        );
        let events = read(&text).events;
        events[0].place.owner.as_ref().unwrap().to_string()
    };
    assert_eq!(owner("web-1", ""), "pod web-1");
    assert_eq!(owner("batch-abc12", ""), "pod batch-abc12");
    let set = r#", "ownerReferences": [{"kind": "StatefulSet", "name": "web"}]"#;
    assert_eq!(owner("web-1", set), "StatefulSet web");
    assert_eq!(owner("web-6d5f7c9b4d-x2x4x", ""), "Deployment web");
}
