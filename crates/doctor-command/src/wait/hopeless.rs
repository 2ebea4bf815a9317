//! Pods of Kubernetes that no time mends, and whether their owners still want them as they are.
//!
//! Pure. One of an older revision goes by itself while a newer one is rolled out, so that it has not failed for good.

use std::collections::BTreeMap;

use serde_json::Value;

use super::kube::text;
use super::rollout::is_seen;
use super::standing::Standing;

/// The most that are told apart by what their owners want; more of them wait.
const MAX_PODS: usize = 100;

/// Where a Deployment, and each of its `ReplicaSet`s, has its revision.
const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";

/// Where a `DaemonSet` counts how often its template has changed.
const GENERATION: &str = "/metadata/annotations/deprecated.daemonset.template.generation";

/// Such pods, and what is known of their owners.
#[derive(Default)]
pub(super) struct Hopeless {
    pods: Vec<Pod>,
    /// The revisions of those Deployments whose they may be, by namespace and name.
    deployments: BTreeMap<(String, String), String>,
}

struct Pod {
    of: Revision,
    is_wanted: bool,
    why: String,
}

/// An owner as it was once.
#[derive(PartialEq, Eq)]
struct Revision {
    kind: &'static str,
    namespace: String,
    owner: String,
    /// Of a `ReplicaSet` its name is enough.
    is: String,
}

impl Hopeless {
    /// Adds one; how it stands, if that is known by itself.
    pub(super) fn add(&mut self, pod: &Value, why: String) -> Option<Standing> {
        let label = |name: &str| text(pod, &format!("/metadata/labels/{name}"));
        let (kind, is) = match text(pod, "/metadata/ownerReferences/0/kind") {
            // A Job's template never changes, and a Node's pod is a file of its own.
            "" | "Job" | "Node" => return Some(Standing::Failed(why)),
            "ReplicaSet" => ("ReplicaSet", ""),
            "StatefulSet" => ("StatefulSet", label("controller-revision-hash")),
            "DaemonSet" => ("DaemonSet", label("pod-template-generation")),
            _ => return Some(Standing::Waits(why)),
        };
        if self.pods.len() >= MAX_PODS {
            return Some(Standing::Waits(why));
        }
        let owner = text(pod, "/metadata/ownerReferences/0/name");
        self.pods.push(Pod {
            of: Revision::new(kind, (pod, owner), is),
            is_wanted: false,
            why,
        });
        None
    }

    /// Learns what a workload wants by now; pods come before their owners.
    pub(super) fn learn(&mut self, owner: &Value) {
        if self.pods.is_empty() || !is_seen(owner) {
            return;
        }
        let name = text(owner, "/metadata/name");
        match text(owner, "/kind") {
            "StatefulSet" => self.want("StatefulSet", owner, text(owner, "/status/updateRevision")),
            "DaemonSet" => self.want("DaemonSet", owner, text(owner, GENERATION)),
            "Deployment" if self.may_be_of(owner, name) => {
                let revision = text(owner, REVISION).to_owned();
                self.deployments.insert(place(owner, name), revision);
            }
            "ReplicaSet" if self.is_newest(owner) => self.want("ReplicaSet", owner, ""),
            _ => {}
        }
    }

    /// Whether it is still to be asked which `ReplicaSet`s are wanted.
    pub(super) fn wants_sets(&self) -> bool {
        self.pods.iter().any(|pod| pod.of.kind == "ReplicaSet")
    }

    /// How they stand.
    pub(super) fn told(self) -> impl Iterator<Item = Standing> {
        self.pods.into_iter().map(|pod| {
            if pod.is_wanted {
                Standing::Failed(pod.why)
            } else {
                Standing::Waits(pod.why)
            }
        })
    }

    fn want(&mut self, kind: &'static str, owner: &Value, is: &str) {
        if kind != "ReplicaSet" && is.is_empty() {
            return;
        }
        let wanted = Revision::new(kind, (owner, text(owner, "/metadata/name")), is);
        for pod in self.pods.iter_mut().filter(|pod| pod.of == wanted) {
            pod.is_wanted = true;
        }
    }

    /// Whether one of the pods may be a Deployment's: its `ReplicaSet`s begin with its name.
    fn may_be_of(&self, deployment: &Value, name: &str) -> bool {
        let namespace = text(deployment, "/metadata/namespace");
        let mut sets = self.pods.iter().map(|pod| &pod.of);
        sets.any(|of| of.namespace == namespace && of.owner.starts_with(name))
    }

    fn is_newest(&self, set: &Value) -> bool {
        let owner = text(set, "/metadata/ownerReferences/0/name");
        match text(set, "/metadata/ownerReferences/0/kind") {
            "" => true,
            "Deployment" => {
                let revision = self.deployments.get(&place(set, owner));
                revision.is_some_and(|revision| revision == text(set, REVISION))
            }
            _ => false,
        }
    }
}

impl Revision {
    fn new(kind: &'static str, (item, owner): (&Value, &str), is: &str) -> Self {
        let (namespace, owner) = place(item, owner);
        Self {
            kind,
            namespace,
            owner,
            is: is.to_owned(),
        }
    }
}

/// A name in the namespace of an item.
fn place(item: &Value, name: &str) -> (String, String) {
    let namespace = text(item, "/metadata/namespace");
    (namespace.to_owned(), name.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tools::read_answer;

    fn item(kind: &str, metadata: &Value, status: &Value) -> Value {
        let mut item = json!({ "kind": kind, "metadata": metadata, "status": status });
        item["metadata"]["namespace"] = "shop".into();
        // As far as it is kept.
        read_answer(item.to_string().as_bytes()).unwrap()
    }

    fn pod(owner: &Value, labels: &Value) -> Value {
        let metadata = json!({ "name": "web-x", "labels": labels, "ownerReferences": owner });
        item("Pod", &metadata, &json!({}))
    }

    fn stands(pod: &Value, owners: &[Value]) -> &'static str {
        let mut hopeless = Hopeless::default();
        let known = hopeless.add(pod, String::new());
        for owner in owners {
            hopeless.learn(owner);
        }
        let told = known.or_else(|| hopeless.told().next()).unwrap();
        match told {
            Standing::Runs(_) => "runs",
            Standing::Waits(_) => "waits",
            Standing::Failed(_) => "failed",
        }
    }

    #[test]
    fn one_that_nobody_renews_has_failed_and_one_of_an_unknown_owner_waits() {
        for (owner, expected) in [
            (json!([]), "failed"),
            (json!([{ "kind": "Job", "name": "once" }]), "failed"),
            (json!([{ "kind": "Rollout", "name": "web" }]), "waits"),
            (json!([{ "kind": "ReplicaSet", "name": "web-1" }]), "waits"),
        ] {
            assert_eq!(stands(&pod(&owner, &json!({})), &[]), expected, "{owner}");
        }
    }

    #[test]
    fn one_of_a_deployment_has_failed_only_if_it_is_of_its_newest_replica_set() {
        let revision = |of: &str| json!({ "deployment.kubernetes.io/revision": of });
        let deployment = |seen: u64| {
            let metadata = json!({ "name": "web", "generation": 2, "annotations": revision("2") });
            item(
                "Deployment",
                &metadata,
                &json!({ "observedGeneration": seen }),
            )
        };
        let set = |name: &str, of: &str, owner: &str| {
            let owner = json!([{ "kind": owner, "name": "web" }]);
            let metadata =
                json!({ "name": name, "annotations": revision(of), "ownerReferences": owner });
            item("ReplicaSet", &metadata, &json!({}))
        };
        let of = |name: &str| pod(&json!([{ "kind": "ReplicaSet", "name": name }]), &json!({}));
        let sets = [
            set("web-1", "1", "Deployment"),
            set("web-2", "2", "Deployment"),
        ];
        let owners = |seen| [&[deployment(seen)], &sets[..]].concat();
        assert_eq!(stands(&of("web-2"), &owners(2)), "failed");
        assert_eq!(stands(&of("web-1"), &owners(2)), "waits");
        assert_eq!(stands(&of("web-2"), &owners(1)), "waits");
        assert_eq!(stands(&of("web-2"), &sets), "waits");
        let another = [deployment(2), set("web-2", "2", "Rollout")];
        assert_eq!(stands(&of("web-2"), &another), "waits");
        let bare = item("ReplicaSet", &json!({ "name": "web-2" }), &json!({}));
        assert_eq!(stands(&of("web-2"), &[bare]), "failed");
    }

    #[test]
    fn one_of_a_set_has_failed_only_if_it_is_of_the_revision_that_this_wants() {
        let db = json!([{ "kind": "StatefulSet", "name": "db" }]);
        let of = |hash: &str| pod(&db, &json!({ "controller-revision-hash": hash }));
        let set = |wants: &str| {
            let metadata = json!({ "name": "db" });
            item(
                "StatefulSet",
                &metadata,
                &json!({ "updateRevision": wants }),
            )
        };
        assert_eq!(stands(&of("db-2"), &[set("db-2")]), "failed");
        assert_eq!(stands(&of("db-1"), &[set("db-2")]), "waits");
        assert_eq!(stands(&of(""), &[set("")]), "waits");
        let agent = json!([{ "kind": "DaemonSet", "name": "agent" }]);
        let of = |generation: &str| pod(&agent, &json!({ "pod-template-generation": generation }));
        let counted = json!({ "deprecated.daemonset.template.generation": "2" });
        let metadata = json!({ "name": "agent", "annotations": counted });
        let set = [item("DaemonSet", &metadata, &json!({}))];
        assert_eq!(stands(&of("2"), &set), "failed");
        assert_eq!(stands(&of("1"), &set), "waits");
    }
}
