//! Whether a workload of Kubernetes is rolled out, by what `kubectl get -o json` says of it.
//!
//! Pure. By the rules of `kubectl rollout status`: what its controller has not seen yet says nothing, and what is of an older
//! revision does not count.

use serde_json::Value;

use super::kube::{has_condition, name, number, text};
use super::standing::Standing;

/// How one stands; `None` if it is no workload.
pub(super) fn judge(item: &Value) -> Option<Standing> {
    let judge = match text(item, "/kind") {
        "Deployment" => judge_deployment,
        "StatefulSet" => judge_stateful_set,
        "DaemonSet" => judge_daemon_set,
        _ => return None,
    };
    Some(if is_seen(item) {
        judge(item)
    } else {
        let name = name(item);
        Standing::Waits(format!("{name} has changed and was not looked at yet"))
    })
}

/// Whether its controller has seen it as it is now.
pub(super) fn is_seen(item: &Value) -> bool {
    number(item, "/status/observedGeneration") >= number(item, "/metadata/generation")
}

fn judge_deployment(item: &Value) -> Standing {
    if has_condition(item, "Progressing", Some("ProgressDeadlineExceeded")) {
        let name = name(item);
        return Standing::Failed(format!("{name} has exceeded its progress deadline"));
    }
    let wanted = replicas(item);
    let updated = number(item, "/status/updatedReplicas");
    let available = number(item, "/status/availableReplicas");
    let old = number(item, "/status/replicas").saturating_sub(updated);
    match count(item, (updated.min(available), wanted), "run") {
        Standing::Runs(name) if old > 0 => {
            Standing::Waits(format!("{name}: pods of an older revision: {old}"))
        }
        other => other,
    }
}

fn judge_stateful_set(item: &Value) -> Standing {
    let wanted = replicas(item);
    // Those below the partition are left as they were.
    let partition = number(item, "/spec/updateStrategy/rollingUpdate/partition");
    let renewed = wanted.saturating_sub(partition);
    let updated = number(item, "/status/updatedReplicas");
    let ready = number(item, "/status/readyReplicas");
    judge_renewed(item, (updated, renewed), (ready, wanted))
}

fn judge_daemon_set(item: &Value) -> Standing {
    let wanted = number(item, "/status/desiredNumberScheduled");
    let updated = number(item, "/status/updatedNumberScheduled");
    let ready = number(item, "/status/numberReady");
    judge_renewed(item, (updated, wanted), (ready, wanted))
}

/// How what renews its pods itself stands; what leaves that to whoever deletes them is as it should be with old ones.
fn judge_renewed(item: &Value, updated: (u64, u64), ready: (u64, u64)) -> Standing {
    let is_by_hand = text(item, "/spec/updateStrategy/type") == "OnDelete";
    if updated.0 < updated.1 && !is_by_hand {
        return count(item, updated, "are rolled out");
    }
    count(item, ready, "run")
}

fn count(item: &Value, (there, wanted): (u64, u64), what: &str) -> Standing {
    let name = name(item);
    if there < wanted {
        Standing::Waits(format!("{name}: {there} of {wanted} {what}"))
    } else {
        Standing::Runs(name)
    }
}

fn replicas(item: &Value) -> u64 {
    let replicas = item.pointer("/spec/replicas").and_then(Value::as_u64);
    replicas.unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A workload of three pods with the second generation, of which this was seen.
    fn stands(kind: &str, seen: u64, status: &Value, strategy: &Value) -> String {
        let mut item = json!({ "kind": kind, "status": status,
            "metadata": { "namespace": "shop", "name": "web", "generation": 2 },
            "spec": { "replicas": 3, "updateStrategy": strategy } });
        item["status"]["observedGeneration"] = seen.into();
        item["status"]["desiredNumberScheduled"] = 3.into();
        match judge(&item).unwrap() {
            Standing::Runs(_) => "runs".to_owned(),
            Standing::Waits(why) => format!("waits: {why}"),
            Standing::Failed(why) => format!("failed: {why}"),
        }
    }

    #[test]
    fn a_deployment_runs_when_all_that_it_wants_does_and_nothing_older() {
        let late = json!({ "conditions": [
            { "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" }
        ] });
        let counts = |replicas, updated, available| json!({ "replicas": replicas, "updatedReplicas": updated, "availableReplicas": available });
        let unseen = "waits: deployment shop/web has changed and was not looked at yet";
        let table = [
            (
                2,
                &late,
                "failed: deployment shop/web has exceeded its progress deadline",
            ),
            // What cures it was applied.
            (1, &late, unseen),
            (1, &counts(3, 3, 3), unseen),
            (
                2,
                &counts(3, 3, 2),
                "waits: deployment shop/web: 2 of 3 run",
            ),
            (
                2,
                &counts(4, 1, 3),
                "waits: deployment shop/web: 1 of 3 run",
            ),
            (
                2,
                &counts(6, 3, 3),
                "waits: deployment shop/web: pods of an older revision: 3",
            ),
            (2, &counts(3, 3, 3), "runs"),
        ];
        for (seen, status, expected) in table {
            assert_eq!(stands("Deployment", seen, status, &json!({})), expected);
        }
    }

    #[test]
    fn stateful_sets_and_daemon_sets_run_when_their_new_pods_do() {
        let rolling = json!({ "type": "RollingUpdate" });
        let partition = json!({ "type": "RollingUpdate", "rollingUpdate": { "partition": 2 } });
        let by_hand = json!({ "type": "OnDelete" });
        let unseen = "waits: KIND shop/web has changed and was not looked at yet";
        let table = [
            (1, (3, 3), &rolling, unseen),
            (
                2,
                (0, 3),
                &rolling,
                "waits: KIND shop/web: 0 of 3 are rolled out",
            ),
            (2, (3, 2), &rolling, "waits: KIND shop/web: 2 of 3 run"),
            (2, (3, 3), &rolling, "runs"),
            (2, (0, 3), &by_hand, "runs"),
            (2, (0, 2), &by_hand, "waits: KIND shop/web: 2 of 3 run"),
        ];
        for (seen, (updated, ready), strategy, expected) in table {
            let set = json!({ "updatedReplicas": updated, "readyReplicas": ready });
            let told = stands("StatefulSet", seen, &set, strategy);
            assert_eq!(told, expected.replace("KIND", "statefulset"));
            let set = json!({ "updatedNumberScheduled": updated, "numberReady": ready });
            let told = stands("DaemonSet", seen, &set, strategy);
            assert_eq!(told, expected.replace("KIND", "daemonset"));
        }
        let set = |updated| json!({ "updatedReplicas": updated, "readyReplicas": 3 });
        assert_eq!(stands("StatefulSet", 2, &set(1), &partition), "runs");
        let told = stands("StatefulSet", 2, &set(0), &partition);
        assert_eq!(told, "waits: statefulset shop/web: 0 of 1 are rolled out");
    }
}
