//! Kubernetes objects: each that holds a pod, whatever its kind.
//!
//! A pod's spec is known by its shape, `containers` in a map; so that Rollouts, Knative services and whatever comes next
//! need no entry here. Other shapes are told by the operator ([`crate::Crd`]).

use std::collections::BTreeMap;

use forebay_syntax::At;

use crate::embedded::About;
use crate::sink::{Scope, Sink};
use crate::variables::Dialect;
use crate::{Format, Owner, PullPolicy, Restart};

/// Levels of an object that are searched for pods.
const MAX_DEPTH: u32 = 32;
/// Lists within lists.
const MAX_LISTS: u32 = 3;
/// Where a pod's spec lists containers.
const CONTAINER_LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];
/// Single containers, as Argo's and Tekton's objects have them.
const SINGLE_CONTAINERS: [&str; 3] = ["container", "script", "stepTemplate"];

/// The group of the configuration of kind, which runs clusters in containers.
const KIND: &str = "kind.x-k8s.io/";

/// What has to be for a `DaemonSet`'s pod to run on a node.
pub(crate) const ON_SELECTED: &str = "only on nodes that it selects";
/// The labels by which a selector leaves out no node that runs Linux.
const OS_LABELS: [&str; 2] = ["kubernetes.io/os", "beta.kubernetes.io/os"];

/// Finds the images of an object, or of a list of objects.
pub(crate) fn find(root: At<'_>, sink: &mut Sink<'_>) {
    find_object(root, sink, MAX_LISTS);
}

fn find_object(root: At<'_>, sink: &mut Sink<'_>, lists: u32) {
    let kind = root.text_of("kind").unwrap_or_default();
    if let Some(items) = root.get("items").filter(|_| kind.ends_with("List")) {
        if let Some(lists) = lists.checked_sub(1) {
            items
                .items()
                .for_each(|item| find_object(item, sink, lists));
        }
        return;
    }
    if kind == "ConfigMap" {
        return config_map(root, sink);
    }
    let owner = owner_of(root, kind);
    for crd in &sink.settings.crds {
        if crd.kind == kind || crd.kind == "*" {
            let path: Vec<&str> = crd
                .path
                .split('.')
                .filter(|part| !part.is_empty())
                .collect();
            at_path(root, &path, sink, &owner);
        }
    }
    if root
        .text_of("apiVersion")
        .is_some_and(|version| version.starts_with(KIND))
    {
        kind_nodes(root, sink, &owner);
    }
    search(root, sink, &owner, MAX_DEPTH);
}

/// The images of the containers that are a kind cluster's nodes.
///
/// Source: kind's `Cluster` (kind.x-k8s.io/v1alpha4), "Nodes".
fn kind_nodes(root: At<'_>, sink: &mut Sink<'_>, owner: &Owner) {
    for node in root.get("nodes").into_iter().flat_map(At::items) {
        let mut owner = owner.clone();
        "kind Cluster".clone_into(&mut owner.kind);
        owner.name = owner
            .name
            .or_else(|| root.text_of("name").map(str::to_owned));
        owner.container = node.text_of("role").map(str::to_owned);
        if let Some(image) = node.get("image") {
            put(image, sink, owner);
        }
    }
}

/// Files that a `ConfigMap` holds: manifests, scripts. Others name no images.
fn config_map(root: At<'_>, sink: &mut Sink<'_>) {
    let name = root.path(&["metadata", "name"]).and_then(At::text);
    for (key, value) in root.get("data").into_iter().flat_map(At::entries) {
        let text = value.text().filter(|text| text.contains('\n'));
        if let Some(format) = text.and_then(|text| Format::sniff(key, text)) {
            let about = About {
                format,
                path: key,
                variables: BTreeMap::new(),
                expression: &|_, _| None,
                name,
            };
            sink.embed(value, about);
        }
    }
}

/// Finds the images of pods below a node that is no whole object, such as a patch.
pub(crate) fn search_patch(root: At<'_>, sink: &mut Sink<'_>, owner: &Owner) {
    search(root, sink, owner, MAX_DEPTH);
}

/// Whether a document is a JSON patch (RFC 6902), as kustomize takes them.
pub(crate) fn is_json_patch(root: At<'_>) -> bool {
    let first = root.items().next();
    first.is_some_and(|step| step.get("op").is_some() && step.get("path").is_some())
}

/// Finds the images that a JSON patch sets: the value for a path that ends in `image`, and pods in whole values.
pub(crate) fn find_json_patch(root: At<'_>, sink: &mut Sink<'_>) {
    for step in root.items() {
        let path = step.text_of("path").unwrap_or_default();
        let owner = Owner::named("JSON patch", path);
        let Some(value) = step.get("value") else {
            continue;
        };
        if path.ends_with("/image") && step.text_of("op") != Some("test") {
            put(value, sink, owner);
        } else if value.get("image").is_some() {
            container(value, sink, &owner);
        } else {
            search(value, sink, &owner, MAX_DEPTH);
        }
    }
}

/// Looks for pods in whatever is below. What an alias stands for is not entered from here: it is where it is written.
fn search(at: At<'_>, sink: &mut Sink<'_>, owner: &Owner, depth: u32) {
    let Some(depth) = depth.checked_sub(1).filter(|_| !at.is_alias()) else {
        return;
    };
    if at.is_map() {
        if is_pod_spec(at) {
            pod(at, sink, owner);
        }
        for (key, value) in at.entries() {
            if SINGLE_CONTAINERS.contains(&key) && value.text_of("image").is_some() {
                container(value, sink, owner);
            }
            if !CONTAINER_LISTS.contains(&key) && key != "status" && key != "volumes" {
                search(value, sink, owner, depth);
            }
        }
    } else if at.is_list() {
        at.items().for_each(|item| search(item, sink, owner, depth));
    }
}

/// Containers that are a list of maps: an object's status and a network policy have other things by these names.
fn is_pod_spec(at: At<'_>) -> bool {
    CONTAINER_LISTS
        .iter()
        .filter_map(|key| at.get(key))
        .any(|list| {
            list.items()
                .any(|item| item.get("image").is_some() || item.get("name").is_some())
        })
        || at
            .get("steps")
            .is_some_and(|steps| steps.items().any(|step| step.get("image").is_some()))
}

fn pod(spec: At<'_>, sink: &mut Sink<'_>, owner: &Owner) {
    let mut owner = owner.clone();
    owner.platform = platform(spec).or(owner.platform);
    if owner.per_node && is_selective(spec) {
        owner.condition = Some(ON_SELECTED);
    }
    if let Some(condition) = spec.text_of("restartPolicy") {
        owner.restart = Some(Restart {
            condition: condition.to_owned(),
            ..Restart::default()
        });
    }
    for key in CONTAINER_LISTS.iter().chain(&["steps", "sidecars"]) {
        let Some(list) = spec.get(key) else { continue };
        for item in list.items() {
            container(item, sink, &owner);
        }
    }
    for volume in spec.get("volumes").into_iter().flat_map(At::items) {
        let Some(image) = volume.get("image") else {
            continue;
        };
        let mut owner = owner.clone();
        owner.container = volume.text_of("name").map(|name| format!("volume {name}"));
        owner.pull_policy = image.text_of("pullPolicy").and_then(pull_policy);
        if let Some(reference) = image.get("reference") {
            put(reference, sink, owner);
        }
    }
}

fn container(at: At<'_>, sink: &mut Sink<'_>, owner: &Owner) {
    let Some(image) = at.get("image") else { return };
    let mut owner = owner.clone();
    owner.container = at.text_of("name").map(str::to_owned);
    owner.pull_policy = at.text_of("imagePullPolicy").and_then(pull_policy);
    if let Some(condition) = at.text_of("restartPolicy") {
        owner.restart = Some(Restart {
            condition: condition.to_owned(),
            ..Restart::default()
        });
    }
    put(image, sink, owner);
}

/// A text that an object names an image by. `${TAG}` is not Kubernetes' own, but what pipelines put there: `--set` tells.
fn put(at: At<'_>, sink: &mut Sink<'_>, owner: Owner) {
    let settings = sink.settings;
    let lookup = |name: &str| settings.set_value(name);
    let scope = Scope {
        dialect: Dialect::Compose,
        lookup: &lookup,
    };
    sink.scalar(at, scope, owner);
}

/// Follows a path of the operator's. A map at its end is a pod's spec, or a container.
fn at_path(at: At<'_>, path: &[&str], sink: &mut Sink<'_>, owner: &Owner) {
    let Some((first, rest)) = path.split_first() else {
        if at.is_map() && is_pod_spec(at) {
            // It is found by its shape already.
        } else if at.is_map() {
            container(at, sink, owner);
        } else if at.is_list() {
            at.items().for_each(|item| at_path(item, &[], sink, owner));
        } else {
            put(at, sink, owner.clone());
        }
        return;
    };
    let (key, each) = match first.strip_suffix("[]") {
        Some(key) => (key, true),
        None => (*first, false),
    };
    let Some(value) = at.get(key) else { return };
    if each {
        value
            .items()
            .for_each(|item| at_path(item, rest, sink, owner));
    } else {
        at_path(value, rest, sink, owner);
    }
}

/// What an object says of how often its pods run.
fn owner_of(root: At<'_>, kind: &str) -> Owner {
    let metadata = root.get("metadata");
    let of_metadata = |key| metadata?.text_of(key).map(str::to_owned);
    let spec = root.get("spec");
    let job = root
        .path(&["spec", "jobTemplate", "spec"])
        .or_else(|| spec.filter(|_| kind == "Job"));
    let replicas = spec.and_then(|spec| spec.number_of("replicas"));
    let is_suspended = spec.and_then(|spec| spec.text_of("suspend")) == Some("true");
    let schedule = spec.filter(|_| kind == "CronJob" && !is_suspended);
    Owner {
        kind: kind.to_owned(),
        name: of_metadata("name").or_else(|| of_metadata("generateName")),
        namespace: of_metadata("namespace"),
        replicas: replicas.or_else(|| is_suspended.then_some(0)),
        is_count_unknown: replicas.is_none()
            && spec.is_some_and(|spec| spec.get("replicas").is_some_and(|at| !at.is_null())),
        schedule: schedule.and_then(|spec| spec.text_of("schedule").map(str::to_owned)),
        per_node: kind == "DaemonSet",
        parallelism: job.and_then(|job| job.number_of("parallelism")),
        completions: job.and_then(|job| job.number_of("completions")),
        ..Owner::default()
    }
}

/// Whether a pod runs on some nodes only: by what it selects, and not by what it prefers.
fn is_selective(spec: At<'_>) -> bool {
    let selector = spec.get("nodeSelector").into_iter().flat_map(At::entries);
    let required = spec.path(&[
        "affinity",
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
    ]);
    let terms = required.into_iter().flat_map(At::items);
    let keys = terms.flat_map(|term| {
        let lists = ["matchExpressions", "matchFields"].map(|key| term.get(key));
        let wants = lists.into_iter().flatten().flat_map(At::items);
        wants.filter_map(|want| want.text_of("key"))
    });
    let mut labels = selector.map(|(key, _)| key).chain(keys);
    spec.get("nodeName").is_some() || labels.any(|label| !OS_LABELS.contains(&label))
}

/// `linux/arm64` from what a pod says of the nodes that it runs on.
fn platform(spec: At<'_>) -> Option<String> {
    let selector = spec.get("nodeSelector")?;
    let os = selector.text_of("kubernetes.io/os").unwrap_or("linux");
    let architecture = selector
        .text_of("kubernetes.io/arch")
        .or_else(|| selector.text_of("beta.kubernetes.io/arch"))?;
    Some(format!("{os}/{architecture}"))
}

pub(crate) fn pull_policy(word: &str) -> Option<PullPolicy> {
    Some(match word {
        "Always" => PullPolicy::Always,
        "IfNotPresent" => PullPolicy::IfAbsent,
        "Never" => PullPolicy::Never,
        _ => return None,
    })
}
