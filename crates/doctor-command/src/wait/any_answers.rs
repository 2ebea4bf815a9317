//! Whatever tools answer: no answer breaks the judgement, and what is not ready is never told to run.

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::ecs::{self, Scope};
use super::kube::Judge;
use super::standing::Standing;

/// The members that are looked at, and others.
const KEYS: [&str; 34] = [
    "kind",
    "metadata",
    "name",
    "namespace",
    "uid",
    "generation",
    "deletionTimestamp",
    "ownerReferences",
    "spec",
    "replicas",
    "updateStrategy",
    "status",
    "observedGeneration",
    "updatedReplicas",
    "availableReplicas",
    "readyReplicas",
    "phase",
    "conditions",
    "type",
    "reason",
    "containerStatuses",
    "state",
    "waiting",
    "Stacks",
    "StackStatus",
    "services",
    "serviceName",
    "desiredCount",
    "runningCount",
    "deployments",
    "rolloutState",
    "tasks",
    "lastStatus",
    "group",
];

const WORDS: [&str; 20] = [
    "Pod",
    "Deployment",
    "ReplicaSet",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "Running",
    "Succeeded",
    "Failed",
    "Ready",
    "Progressing",
    "True",
    "False",
    "InvalidImageName",
    "web",
    "PRIMARY",
    "COMPLETED",
    "CREATE_COMPLETE",
    "RUNNING",
    "service:web",
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        select(vec![-1, 0, 1, 3, i64::MAX]).prop_map(Value::from),
        select(WORDS.to_vec()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        let object = btree_map(select(KEYS.to_vec()), inner.clone(), 0..6);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::from),
            object.prop_map(|members| {
                let members = members.into_iter();
                let members: Map<_, _> = members
                    .map(|(key, value)| (key.to_owned(), value))
                    .collect();
                Value::Object(members)
            }),
        ]
    })
}

/// What is a pod or a workload as far as its kind.
fn item() -> impl Strategy<Value = Value> {
    (select(WORDS[..6].to_vec()), value(), value()).prop_map(|(kind, status, spec)| {
        json!({ "kind": kind, "metadata": { "namespace": "shop", "name": "web" }, "status": status, "spec": spec })
    })
}

fn all_of(items: &[Value]) -> Standing {
    let mut judge = Judge::default();
    for item in items {
        judge.add(item);
    }
    judge.told()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_pod_that_waits_keeps_all_of_a_cluster_from_running(mut items in vec(prop_oneof![item(), value()], 0..5), at in any::<prop::sample::Index>()) {
        all_of(&items);
        let pod = json!({ "kind": "Pod", "metadata": { "namespace": "shop", "name": "late" }, "status": { "phase": "Pending" } });
        items.insert(at.index(items.len() + 1), pod);
        prop_assert!(!matches!(all_of(&items), Standing::Runs(_)));
    }

    #[test]
    fn a_task_that_is_pending_keeps_all_of_a_cluster_from_running(mut answers in vec(value(), 0..5), at in any::<prop::sample::Index>()) {
        for scope in [Scope::Cluster, Scope::ClusterAndStack, Scope::Stack] {
            ecs::judge(&answers, scope);
        }
        let task = json!({ "tasks": [{ "taskArn": "arn:aws:ecs:r:1:task/c/42", "desiredStatus": "RUNNING", "lastStatus": "PENDING" }] });
        answers.insert(at.index(answers.len() + 1), task);
        prop_assert!(!matches!(ecs::judge(&answers, Scope::Cluster), Standing::Runs(_)));
    }
}
