//! Probes that fail while nothing else is wrong.

use forebay_diagnosis::{Diagnosis, Egress};
use forebay_evidence::Class;

/// 2026-01-15 14:45 UTC.
const NOW: i64 = 1_768_488_300;

const EVENT: &str = r#"{"kind": "List", "items": [{"kind": "Event", "metadata": {"uid": "7f"}, "type": "Warning", "reason": "Unhealthy", "count": 4,
"message": "Readiness probe failed: HTTP probe failed with statuscode: 503", "firstTimestamp": "2026-01-15T14:40:00Z",
"lastTimestamp": "2026-01-15T14:44:30Z", "involvedObject": {"kind": "Pod", "name": "web-1", "namespace": "shop"}}]}
"#;

const ROW: &str = "LAST SEEN   TYPE      REASON      OBJECT      MESSAGE
2m          Warning   Unhealthy   pod/web-1   Readiness probe failed: Get \"http://10.0.0.1:80/\": dial tcp 10.0.0.1:80: connect: connection refused
";

/// As `kubectl describe` has it, without what stands above it.
const BARE: &str = "  Warning  Unhealthy  3s (x4 over 30s)  kubelet  Readiness probe failed: HTTP probe failed with statuscode: 503\n";

const STARTED: &str = r#"{"kind": "Event", "metadata": {"uid": "8f"}, "reason": "Started", "message": "Started container web", "lastTimestamp": "2026-01-15T14:44:59Z",
"involvedObject": {"kind": "Pod", "name": "web-2", "namespace": "shop"}}
"#;

fn find(texts: &[&str]) -> Diagnosis {
    let sources: Vec<(&str, &str)> = texts.iter().map(|text| ("events", *text)).collect();
    crate::found::find(&sources, NOW, Egress::Unknown)
}

#[test]
fn a_probe_that_fails_alone_is_told_and_is_no_failed_pull() {
    for text in [EVENT, ROW, BARE] {
        let found = find(&[text]);
        let cause = found.cause.expect(text);
        assert_eq!(cause.class, Class::SymptomOnly, "{text}");
        assert!(
            cause
                .summary
                .contains("is not healthy: its probe fails, and no pull"),
            "{}",
            cause.summary
        );
        assert_eq!(found.evidence.len(), 1, "{text}");
    }
    let found = find(&[EVENT]);
    assert_eq!(
        found.missing[0].command,
        "kubectl describe pod web-1 --namespace shop | forebay doctor -"
    );
}

#[test]
fn a_probe_that_failed_once_while_its_pod_began_is_nobodys_trouble() {
    let old = EVENT.replace("14:4", "13:1");
    assert!(find(&[&old, STARTED]).cause.is_none());
    assert!(find(&[EVENT, STARTED]).cause.is_some());
}

#[test]
fn beside_a_limit_a_probe_is_not_the_cause() {
    let limit = "Failed to pull image \"acme/web:1\": toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit\n";
    for text in [EVENT, ROW, BARE] {
        let found = find(&[text, limit]);
        assert_eq!(found.cause.unwrap().class, Class::PullLimit, "{text}");
    }
}
