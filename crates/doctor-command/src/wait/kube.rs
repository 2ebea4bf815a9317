//! Whether pods and workloads of Kubernetes run, by what `kubectl get -o json` says of them.
//!
//! Pure. A kubelet tries a failed pull for ever, so that a pod that waits for its image has not failed for good; what its
//! workload says of its deadline has.

use serde_json::Value;

use super::standing::{Standing, Standings};

/// Why a container waits that no time mends.
const HOPELESS: [&str; 2] = ["InvalidImageName", "CreateContainerConfigError"];

/// How all of a list stands, whose items come one by one.
#[derive(Default)]
pub(super) struct Judge {
    running: Counts,
    others: Standings,
}

impl Judge {
    pub(super) fn add(&mut self, item: &Value) {
        match judge_one(item) {
            Some(Standing::Runs(_)) => self.running.add(item),
            Some(other) => self.others.add(other),
            None => {}
        }
    }

    pub(super) fn told(self) -> Standing {
        if !self.others.is_empty() {
            self.others.told()
        } else if self.running.pods == 0 {
            Standing::Waits("no pod runs".to_owned())
        } else {
            Standing::Runs(self.running.told())
        }
    }
}

/// What runs.
#[derive(Default)]
struct Counts {
    pods: usize,
    workloads: usize,
}

impl Counts {
    fn add(&mut self, item: &Value) {
        match text(item, "/kind") {
            "Pod" => self.pods += 1,
            _ => self.workloads += 1,
        }
    }

    fn told(&self) -> String {
        let Self { pods, workloads } = self;
        format!("pods: {pods}, workloads: {workloads}")
    }
}

/// How one thing stands; `None` if it is on its way out, or somebody else answers for it.
fn judge_one(item: &Value) -> Option<Standing> {
    if item.pointer("/metadata/deletionTimestamp").is_some() {
        return None;
    }
    let standing = match text(item, "/kind") {
        "Pod" => return judge_pod(item),
        "Deployment" => judge_deployment(item),
        "StatefulSet" => enough(item, "/spec/replicas", "/status/readyReplicas"),
        "DaemonSet" => enough(
            item,
            "/status/desiredNumberScheduled",
            "/status/numberReady",
        ),
        "Job" if has_condition(item, "Failed", None) => {
            Standing::Failed(format!("{} has failed", name(item)))
        }
        "Job" => Standing::Runs(name(item)),
        _ => return None,
    };
    Some(standing)
}

fn judge_pod(pod: &Value) -> Option<Standing> {
    let name = name(pod);
    let owners = pod.pointer("/metadata/ownerReferences");
    let is_owned = owners
        .and_then(Value::as_array)
        .is_some_and(|all| !all.is_empty());
    match text(pod, "/status/phase") {
        "Succeeded" => return Some(Standing::Runs(name)),
        // Its owner makes another.
        "Failed" if is_owned => return None,
        "Failed" => return Some(Standing::Failed(format!("{name} has failed"))),
        _ => {}
    }
    let waiting = waiting_reasons(pod);
    if let Some(reason) = waiting.iter().find(|reason| HOPELESS.contains(reason)) {
        return Some(Standing::Failed(format!("{name}: {reason}")));
    }
    if let Some(reason) = waiting.first() {
        return Some(Standing::Waits(format!("{name}: {reason}")));
    }
    if has_condition(pod, "Ready", None) {
        return Some(Standing::Runs(name));
    }
    let phase = text(pod, "/status/phase");
    Some(Standing::Waits(match phase {
        "Running" => format!("{name} is not ready: its health checks do not pass"),
        _ => format!("{name} is {}", phase.to_ascii_lowercase()),
    }))
}

fn waiting_reasons(pod: &Value) -> Vec<&str> {
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let all = statuses
        .iter()
        .filter_map(|path| pod.pointer(path)?.as_array());
    all.flatten()
        .filter_map(|status| status.pointer("/state/waiting/reason")?.as_str())
        .collect()
}

fn judge_deployment(deployment: &Value) -> Standing {
    let name = name(deployment);
    if has_condition(deployment, "Progressing", Some("ProgressDeadlineExceeded")) {
        return Standing::Failed(format!("{name} has exceeded its progress deadline"));
    }
    let (made, seen) = (
        number(deployment, "/metadata/generation"),
        number(deployment, "/status/observedGeneration"),
    );
    if seen < made {
        return Standing::Waits(format!("{name} has changed and was not looked at yet"));
    }
    let wanted = deployment.pointer("/spec/replicas");
    let wanted = wanted.and_then(Value::as_u64).unwrap_or(1);
    let updated = number(deployment, "/status/updatedReplicas");
    let available = number(deployment, "/status/availableReplicas");
    if updated < wanted || available < wanted {
        let least = updated.min(available);
        return Standing::Waits(format!("{name}: {least} of {wanted} run"));
    }
    Standing::Runs(name)
}

fn enough(item: &Value, wanted: &str, ready: &str) -> Standing {
    let name = name(item);
    let (wanted, ready) = (number(item, wanted), number(item, ready));
    if ready < wanted {
        Standing::Waits(format!("{name}: {ready} of {wanted} run"))
    } else {
        Standing::Runs(name)
    }
}

/// Whether a condition is true, or, where a reason is asked for, false for that reason.
fn has_condition(item: &Value, kind: &str, reason: Option<&str>) -> bool {
    let all = item.pointer("/status/conditions").and_then(Value::as_array);
    let mut all = all.into_iter().flatten();
    all.any(|one| {
        text(one, "/type") == kind
            && match reason {
                Some(reason) => text(one, "/status") == "False" && text(one, "/reason") == reason,
                None => text(one, "/status") == "True",
            }
    })
}

fn name(item: &Value) -> String {
    let kind = text(item, "/kind").to_ascii_lowercase();
    let (namespace, name) = (
        text(item, "/metadata/namespace"),
        text(item, "/metadata/name"),
    );
    format!("{kind} {namespace}/{name}")
}

fn text<'a>(item: &'a Value, path: &str) -> &'a str {
    item.pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn number(item: &Value, path: &str) -> u64 {
    item.pointer(path)
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::read_items;

    fn item(kind: &str, rest: &Value) -> Value {
        let mut item = json!({ "kind": kind, "metadata": { "namespace": "shop", "name": "web" } });
        for (key, value) in rest.as_object().into_iter().flatten() {
            item[key] = value.clone();
        }
        item
    }

    fn ready_pod() -> Value {
        let ready = json!([{ "type": "Ready", "status": "True" }]);
        item(
            "Pod",
            &json!({ "status": { "phase": "Running", "conditions": ready } }),
        )
    }

    fn stands(items: &[Value]) -> String {
        let list = json!({ "items": items }).to_string();
        let mut judge = Judge::default();
        read_items(list.as_bytes(), &mut |item| judge.add(item)).unwrap();
        match judge.told() {
            Standing::Runs(what) => format!("runs: {what}"),
            Standing::Waits(why) => format!("waits: {why}"),
            Standing::Failed(why) => format!("failed: {why}"),
        }
    }

    #[test]
    fn pods_run_wait_or_have_failed_for_good() {
        let waiting = |reason: &str| {
            let state = json!([{ "state": { "waiting": { "reason": reason } } }]);
            item(
                "Pod",
                &json!({ "status": { "phase": "Pending", "containerStatuses": state } }),
            )
        };
        let phase = |phase: &str| item("Pod", &json!({ "status": { "phase": phase } }));
        let table = [
            (vec![], "waits: no pod runs"),
            (vec![ready_pod()], "runs: pods: 1, workloads: 0"),
            (
                vec![ready_pod(), phase("Succeeded")],
                "runs: pods: 2, workloads: 0",
            ),
            (
                vec![ready_pod(), waiting("ImagePullBackOff")],
                "waits: pod shop/web: ImagePullBackOff",
            ),
            (
                vec![waiting("InvalidImageName")],
                "failed: pod shop/web: InvalidImageName",
            ),
            (vec![phase("Pending")], "waits: pod shop/web is pending"),
            (
                vec![phase("Running")],
                "waits: pod shop/web is not ready: its health checks do not pass",
            ),
            (vec![phase("Failed")], "failed: pod shop/web has failed"),
        ];
        for (items, expected) in table {
            assert_eq!(stands(&items), expected);
        }
    }

    #[test]
    fn a_workload_runs_when_all_that_it_wants_does() {
        let deployment = |status: &Value| {
            item(
                "Deployment",
                &json!({ "spec": { "replicas": 3 }, "status": status }),
            )
        };
        let late = json!({ "conditions": [
            { "type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded" }
        ] });
        let some = json!({ "updatedReplicas": 3, "availableReplicas": 2 });
        let all = json!({ "updatedReplicas": 3, "availableReplicas": 3 });
        let table = [
            (
                &late,
                "failed: deployment shop/web has exceeded its progress deadline",
            ),
            (&some, "waits: deployment shop/web: 2 of 3 run"),
            (&all, "runs: pods: 1, workloads: 1"),
        ];
        for (status, expected) in table {
            assert_eq!(stands(&[ready_pod(), deployment(status)]), expected);
        }
        let job = item(
            "Job",
            &json!({ "status": { "conditions": [{ "type": "Failed", "status": "True" }] } }),
        );
        assert_eq!(
            stands(&[ready_pod(), job]),
            "failed: job shop/web has failed"
        );
    }
}
