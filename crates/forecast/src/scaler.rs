//! What scales a workload from beside it: Kubernetes' autoscalers, which hold its replicas between two bounds.
//!
//! They stand in documents, often files, of their own: all are read before anything is counted.

use std::collections::HashMap;

use forebay_references::{At, Owner, read_yaml};

use crate::Interval;

/// A kind of autoscaler, where it says its bounds, and what holds where it says none.
struct Kind {
    name: &'static str,
    least: &'static str,
    least_unsaid: u64,
    most: &'static str,
    most_unsaid: Option<u64>,
}

/// The kinds. Sources: Kubernetes' API reference, `HorizontalPodAutoscaler` v2; KEDA's `ScaledObject` specification.
const KINDS: [Kind; 2] = [
    Kind {
        name: "HorizontalPodAutoscaler",
        least: "minReplicas",
        least_unsaid: 1,
        most: "maxReplicas",
        most_unsaid: None,
    },
    Kind {
        name: "ScaledObject",
        least: "minReplicaCount",
        least_unsaid: 0,
        most: "maxReplicaCount",
        most_unsaid: Some(100),
    },
];

/// What KEDA scales where it does not say.
const DEFAULT_TARGET: &str = "Deployment";

/// Lists within lists.
const MAX_LISTS: u32 = 3;

/// The autoscalers of a deploy, by what they scale.
#[derive(Clone, Debug, Default)]
pub struct Scalers {
    by_target: HashMap<(String, String), Vec<Scaler>>,
}

#[derive(Clone, Debug)]
struct Scaler {
    namespace: Option<String>,
    replicas: Interval,
}

impl Scalers {
    /// Takes the autoscalers of a text, YAML or JSON.
    pub fn read(&mut self, text: &str) {
        // Cheap: most files hold none.
        if !KINDS.iter().any(|kind| text.contains(kind.name)) {
            return;
        }
        let (trees, _) = read_yaml(text);
        for tree in &trees {
            self.take(At::root(tree), MAX_LISTS);
        }
    }

    /// Between which bounds the replicas of `owner` are held; `None` if nothing scales it.
    pub fn replicas_of(&self, owner: &Owner) -> Option<Interval> {
        let name = owner.name.as_ref().filter(|_| !self.by_target.is_empty())?;
        let found = self.by_target.get(&(owner.kind.clone(), name.clone()))?;
        // A namespace that a file leaves open is said where it is deployed.
        let is_of = |scaler: &&Scaler| {
            let both = scaler.namespace.as_ref().zip(owner.namespace.as_ref());
            both.is_none_or(|(its, owners)| its == owners)
        };
        let bounds = found.iter().filter(is_of).map(|scaler| scaler.replicas);
        bounds.reduce(Interval::around)
    }

    fn take(&mut self, root: At<'_>, lists: u32) {
        let kind = root.text_of("kind").unwrap_or_default();
        if let Some(items) = root.get("items").filter(|_| kind.ends_with("List")) {
            if let Some(lists) = lists.checked_sub(1) {
                items.items().for_each(|item| self.take(item, lists));
            }
            return;
        }
        let kind = KINDS.iter().find(|known| known.name == kind);
        if let Some((target, scaler)) = kind.and_then(|kind| read(root, kind)) {
            self.by_target.entry(target).or_default().push(scaler);
        }
    }
}

/// What an autoscaler scales, and between which bounds.
fn read(root: At<'_>, kind: &Kind) -> Option<((String, String), Scaler)> {
    let spec = root.get("spec")?;
    let target = spec.get("scaleTargetRef")?;
    let name = target.text_of("name")?;
    let of_kind = target.text_of("kind").unwrap_or(DEFAULT_TARGET);
    // More than Kubernetes counts is nobody's number, and as good as none.
    let count = |text: &str| text.parse::<u32>().ok().map(u64::from);
    let number = |key: &str, unsaid: Option<u64>| match spec.text_of(key) {
        Some(text) => count(text),
        None => unsaid,
    };
    let least = number(kind.least, Some(kind.least_unsaid)).unwrap_or(0);
    let most: Option<u64> = number(kind.most, kind.most_unsaid);
    let scaler = Scaler {
        namespace: root
            .path(&["metadata", "namespace"])
            .and_then(At::text)
            .map(str::to_owned),
        replicas: Interval {
            least: most.map_or(least, |most| least.min(most)),
            most,
        },
    };
    Some(((of_kind.to_owned(), name.to_owned()), scaler))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
kind: HorizontalPodAutoscaler
metadata: {name: a, namespace: prod}
spec: {scaleTargetRef: {kind: Deployment, name: web}, minReplicas: 3, maxReplicas: 40}
---
kind: List
items:
- kind: HorizontalPodAutoscaler
  spec: {scaleTargetRef: {kind: StatefulSet, name: db}, maxReplicas: 5}
---
kind: ScaledObject
spec: {scaleTargetRef: {name: worker}}
---
kind: HorizontalPodAutoscaler
spec: {scaleTargetRef: {kind: Deployment, name: open}, minReplicas: 2, maxReplicas: \"${MAX}\"}
---
kind: HorizontalPodAutoscaler
spec: {scaleTargetRef: {kind: Deployment, name: absurd}, minReplicas: -3, maxReplicas: 18446744073709551615}
";

    #[test]
    fn an_autoscaler_is_known_by_what_it_scales() {
        let mut scalers = Scalers::default();
        scalers.read(TEXT);
        for (kind, name, namespace, expected) in [
            ("Deployment", "web", Some("prod"), Some("3 to 40")),
            ("Deployment", "web", None, Some("3 to 40")),
            ("Deployment", "web", Some("test"), None),
            ("StatefulSet", "web", None, None),
            ("StatefulSet", "db", Some("any"), Some("1 to 5")),
            ("Deployment", "worker", None, Some("0 to 100")),
            ("Deployment", "open", None, Some("at least 2")),
            ("Deployment", "absurd", None, Some("at least 0")),
            ("Deployment", "other", None, None),
        ] {
            let owner = Owner {
                namespace: namespace.map(str::to_owned),
                ..Owner::named(kind, name)
            };
            let found = scalers.replicas_of(&owner).map(|found| found.to_string());
            assert_eq!(found.as_deref(), expected, "{kind} {name} {namespace:?}");
        }
    }

    #[test]
    fn what_is_no_yaml_scales_nothing() {
        let mut scalers = Scalers::default();
        scalers.read("HorizontalPodAutoscaler: [");
        scalers.read("kind: HorizontalPodAutoscaler\nspec: {maxReplicas: 3}\n");
        assert!(scalers.by_target.is_empty());
    }
}
