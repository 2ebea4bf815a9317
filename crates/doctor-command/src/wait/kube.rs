//! Whether pods and workloads of Kubernetes run, by what `kubectl get -o json` says of them.
//!
//! Pure. A kubelet tries a failed pull for ever, so that a pod that waits for its image has not failed for good, nor one that
//! waits for its Secret; what its workload says of its deadline has.

use serde_json::Value;

use super::hopeless::Hopeless;
use super::rollout;
use super::standing::{Standing, Standings};

/// Why a container waits that no time mends.
const HOPELESS: &str = "InvalidImageName";

/// How all of a list stands, whose items come one by one.
#[derive(Default)]
pub(super) struct Judge {
    running: Counts,
    others: Standings,
    hopeless: Hopeless,
}

impl Judge {
    pub(super) fn add(&mut self, item: &Value) {
        self.hopeless.learn(item);
        match self.judge_one(item) {
            Some(Standing::Runs(_)) => self.running.add(item),
            Some(other) => self.others.add(other),
            None => {}
        }
    }

    /// Whether it depends on the `ReplicaSet`s as well, how all of it stands.
    pub(super) fn wants_sets(&self) -> bool {
        self.hopeless.wants_sets()
    }

    pub(super) fn add_set(&mut self, set: &Value) {
        self.hopeless.learn(set);
    }

    pub(super) fn told(mut self) -> Standing {
        for one in self.hopeless.told() {
            self.others.add(one);
        }
        if !self.others.is_empty() {
            self.others.told()
        } else if self.running.pods == 0 {
            Standing::Waits("no pod runs".to_owned())
        } else {
            Standing::Runs(self.running.told())
        }
    }

    /// How one thing stands; `None` if it is on its way out, somebody else answers for it, or that is still to be seen.
    fn judge_one(&mut self, item: &Value) -> Option<Standing> {
        if item.pointer("/metadata/deletionTimestamp").is_some() {
            return None;
        }
        match text(item, "/kind") {
            "Pod" => self.judge_pod(item),
            "Job" if has_condition(item, "Failed", None) => {
                Some(Standing::Failed(format!("{} has failed", name(item))))
            }
            "Job" => Some(Standing::Runs(name(item))),
            _ => rollout::judge(item),
        }
    }

    fn judge_pod(&mut self, pod: &Value) -> Option<Standing> {
        let name = name(pod);
        let is_owned = pod.pointer("/metadata/ownerReferences/0").is_some();
        match text(pod, "/status/phase") {
            "Succeeded" => return Some(Standing::Runs(name)),
            // Its owner makes another.
            "Failed" if is_owned => return None,
            "Failed" => return Some(Standing::Failed(format!("{name} has failed"))),
            _ => {}
        }
        let waiting = waiting_reasons(pod);
        if waiting.contains(&HOPELESS) {
            return self.hopeless.add(pod, format!("{name}: {HOPELESS}"));
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

fn waiting_reasons(pod: &Value) -> Vec<&str> {
    let statuses = ["/status/initContainerStatuses", "/status/containerStatuses"];
    let all = statuses
        .iter()
        .filter_map(|path| pod.pointer(path)?.as_array());
    all.flatten()
        .filter_map(|status| status.pointer("/state/waiting/reason")?.as_str())
        .collect()
}

/// Whether a condition is true, or, where a reason is asked for, false for that reason.
pub(super) fn has_condition(item: &Value, kind: &str, reason: Option<&str>) -> bool {
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

pub(super) fn name(item: &Value) -> String {
    let kind = text(item, "/kind").to_ascii_lowercase();
    let (namespace, name) = (
        text(item, "/metadata/namespace"),
        text(item, "/metadata/name"),
    );
    format!("{kind} {namespace}/{name}")
}

pub(super) fn text<'a>(item: &'a Value, path: &str) -> &'a str {
    item.pointer(path)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

pub(super) fn number(item: &Value, path: &str) -> u64 {
    item.pointer(path)
        .and_then(Value::as_u64)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::Items;

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
        let mut add = |item: &Value| judge.add(item);
        let mut read = Items::new(&mut add);
        read.push(list.as_bytes());
        read.finish().unwrap();
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
            // It is cured as soon as its Secret comes.
            (
                vec![waiting("CreateContainerConfigError")],
                "waits: pod shop/web: CreateContainerConfigError",
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
    fn pods_and_workloads_are_judged_together() {
        let set = |updated: u64| {
            item(
                "StatefulSet",
                &json!({ "spec": { "replicas": 1 }, "status": { "updatedReplicas": updated, "readyReplicas": 1 } }),
            )
        };
        let table = [
            (set(1), "runs: pods: 1, workloads: 1"),
            (set(0), "waits: statefulset shop/web: 0 of 1 are rolled out"),
            (
                item(
                    "Job",
                    &json!({ "status": { "conditions": [{ "type": "Failed", "status": "True" }] } }),
                ),
                "failed: job shop/web has failed",
            ),
        ];
        for (workload, expected) in table {
            assert_eq!(stands(&[ready_pod(), workload]), expected);
        }
    }
}
