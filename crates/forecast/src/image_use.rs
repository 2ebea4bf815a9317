//! Who starts an image, how often, and on how many machines: what the owner of a place comes to in a fleet.
//!
//! No machine is taken to have any image yet: what a deploy costs at most is asked, and nodes come and go.

use forebay_oci::{ImageName, Reference};
use forebay_references::{Owner, PullPolicy, Scaled, TOOLS};
use serde::Serialize;

use crate::schedule::most_starts;
use crate::{Fleet, Interval};

/// The kinds of Kubernetes objects of which one pod runs if they do not say how many.
const ONE_POD: [&str; 10] = [
    "Pod",
    "Deployment",
    "StatefulSet",
    "ReplicaSet",
    "ReplicationController",
    "DeploymentConfig",
    "Rollout",
    "Job",
    "CronJob",
    "Service",
];

/// What the other kinds begin with of which one runs if they do not say how many.
const ONE_EACH: [&str; 7] = [
    "Compose",
    "Docker container",
    "Docker image",
    "Dockerfile",
    "GitHub",
    "GitLab",
    "kind Cluster",
];

/// What the kinds begin with that run on machines of their own, which the nodes do not bound: builders, runners, tasks of
/// Fargate, services of clouds.
const ELSEWHERE: [&str; 18] = [
    "AWS",
    "App Runner",
    "Azure",
    "Bake",
    "Batch",
    "Cloud Run",
    "CodeBuild",
    "Dockerfile",
    "ECS",
    "Fly",
    "GitHub",
    "GitLab",
    "Koyeb",
    "Lambda",
    "Lightsail",
    "SageMaker",
    "Scaleway",
    "kind Cluster",
];

/// What the kinds begin with that run on nodes, are none of Kubernetes', and pull what is not there, `latest` or not.
const OTHER_NODES: [&str; 4] = ["Compose", "Docker", "Nomad", "Swarm"];

/// Who starts an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ImageUse {
    /// Where it says so: `deploy.yaml:12`.
    pub at: String,
    /// `Deployment web, container app`.
    pub owner: String,
    /// How often it is started.
    pub starts: Interval,
    /// On how many machines.
    pub machines: Interval,
    /// Whether those machines are the fleet's nodes, and are shared with what else runs there.
    pub is_on_nodes: bool,
    /// When it is pulled.
    #[serde(serialize_with = "word_of")]
    pub policy: PullPolicy,
    /// `linux/arm64`, if its file says so.
    pub platform: Option<String>,
    /// What has to be for it to start at all, as a clause.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<&'static str>,
    /// Whether a machine may pull it for several platforms: where the platform chooses the node, a node has but one.
    #[serde(skip)]
    pub is_platform_asked: bool,
    /// What its containers are of, all of which run on the same machines: an object of a file by its name.
    #[serde(skip)]
    pub workload: Option<String>,
}

impl ImageUse {
    /// What `owner`, found at `at`, comes to in `fleet` with this image; `scaled` is between which bounds an autoscaler holds
    /// its replicas, if one does.
    pub fn of(
        (owner, scaled): (&Owner, Option<Interval>),
        at: String,
        image: &ImageName,
        fleet: &Fleet,
    ) -> Self {
        let starts = starts(owner, scaled, fleet);
        let is_on_nodes = owner.per_node || !is_elsewhere(&owner.kind);
        let machines = if owner.per_node {
            // Several of one kind share the nodes.
            let nodes = fleet.nodes.map_or(Interval::at_least(1), Interval::exactly);
            nodes.times(Interval {
                least: starts.least.min(1),
                most: starts.most.map_or(Some(1), |most| Some(most.min(1))),
            })
        } else {
            let spread = Interval {
                least: starts.least.min(1),
                most: starts.most,
            };
            spread.capped(fleet.nodes.filter(|_| is_on_nodes))
        };
        Self {
            workload: workload(owner, &at),
            at,
            owner: told(owner),
            starts,
            machines,
            is_on_nodes,
            policy: policy(owner, image),
            platform: owner.platform.clone(),
            condition: owner.condition,
            is_platform_asked: !is_on_nodes || is_of(&OTHER_NODES, &owner.kind),
        }
    }
}

/// How often all of it is started.
fn starts(owner: &Owner, scaled: Option<Interval>, fleet: &Fleet) -> Interval {
    let each = starts_of_one(owner, scaled, fleet);
    let copies = owner.copies.map_or(Interval::exactly(1), bounds);
    let all = each.times(copies);
    let least = owner.condition.map_or(all.least, |_| 0);
    Interval { least, ..all }
}

fn bounds(scaled: Scaled) -> Interval {
    Interval {
        least: scaled.least.into(),
        most: scaled.most.map(u64::from),
    }
}

/// How often it is started by one deploy; by a timetable, in the six hours for which registries count.
fn starts_of_one(owner: &Owner, scaled: Option<Interval>, fleet: &Fleet) -> Interval {
    if let Some(scaled) = owner.scaled {
        return bounds(scaled);
    }
    // A workload of which none shall run is not scaled, either (Kubernetes' "implicit maintenance-mode deactivation").
    if let Some(bounds) = scaled.filter(|_| owner.replicas != Some(0)) {
        let said = owner.replicas.map(|count| Interval::exactly(count.into()));
        return said.map_or(bounds, |said| bounds.around(said));
    }
    if owner.per_node {
        return fleet.nodes.map_or(Interval::at_least(1), Interval::exactly);
    }
    if let Some(schedule) = &owner.schedule {
        let each = u64::from(pods(owner).unwrap_or(1));
        return match most_starts(schedule) {
            Some(most) => Interval::from(most.min(1)..=most).times(Interval::exactly(each)),
            None => Interval::at_least(1),
        };
    }
    let said = match owner.replicas {
        // A job that is suspended starts nothing, however many at a time.
        Some(0) => Some(0),
        replicas => pods(owner).or(replicas).map(u64::from),
    };
    let is_one = !owner.is_count_unknown
        && (ONE_POD.contains(&owner.kind.as_str()) || is_of(&ONE_EACH, &owner.kind));
    match said.or(is_one.then_some(1)).or(fleet.replicas) {
        Some(count) => Interval::exactly(count),
        None => Interval::at_least(1),
    }
}

/// How many pods a job starts until it is done, if none of them fails.
fn pods(owner: &Owner) -> Option<u32> {
    match owner.parallelism {
        Some(0) => Some(0),
        parallelism => owner.completions.or(parallelism),
    }
}

/// When it is pulled, by the format's own rule where its file does not say.
fn policy(owner: &Owner, image: &ImageName) -> PullPolicy {
    let is_latest = matches!(&image.reference, Reference::Tag(tag) if tag.as_str() == "latest");
    owner.pull_policy.unwrap_or({
        // kubernetes.io/docs/concepts/containers/images: `Always` for `:latest` and for no tag.
        let is_other = is_elsewhere(&owner.kind) || is_of(&OTHER_NODES, &owner.kind);
        if is_latest && !is_other {
            PullPolicy::Always
        } else {
            PullPolicy::IfAbsent
        }
    })
}

fn workload(owner: &Owner, at: &str) -> Option<String> {
    let file = at.rsplit_once(':').map_or(at, |(file, _)| file);
    // All stages of a build are built on one machine.
    if owner.kind.starts_with("Dockerfile") {
        return Some(file.to_owned());
    }
    let name = owner.name.as_ref()?;
    let namespace = owner.namespace.as_deref().unwrap_or_default();
    Some(format!("{file} {} {namespace} {name}", owner.kind))
}

/// Whether it runs on machines of its own. What a script calls, it calls wherever it runs.
fn is_elsewhere(kind: &str) -> bool {
    is_of(&ELSEWHERE, kind) || is_of(&TOOLS, kind)
}

/// Whether a kind begins with one of these, word by word: `AzureMachinePool` is a kind of Kubernetes', and no `Azure container`.
fn is_of(kinds: &[&str], kind: &str) -> bool {
    let is_begun = |one: &str| {
        let rest = kind.strip_prefix(one);
        rest.is_some_and(|rest| !rest.starts_with(char::is_alphanumeric))
    };
    kinds.iter().copied().any(is_begun)
}

fn told(owner: &Owner) -> String {
    let kind = if owner.kind.is_empty() {
        "an object"
    } else {
        &owner.kind
    };
    let mut told = kind.to_owned();
    if let Some(name) = &owner.name {
        told = format!("{told} {name}");
    }
    match &owner.container {
        Some(container) => format!("{told}, container {container}"),
        None => told,
    }
}

const fn word(policy: PullPolicy) -> &'static str {
    match policy {
        PullPolicy::Always => "always",
        PullPolicy::IfAbsent => "if-absent",
        PullPolicy::Never => "never",
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "the form that serde asks for"
)]
fn word_of<S: serde::Serializer>(policy: &PullPolicy, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(word(*policy))
}

#[cfg(test)]
mod tests;
