//! Whether each new start of a container asks the registry, and what that comes to in an hour.
//!
//! By platform, pull policy and tag. How often a pod restarts is bounded by the kubelet; elsewhere it was seen.

use forebay_evidence::{Evidence, OwnerKind, SettingKind};
use forebay_oci::{DOCKER_HUB, ImageName, Reference};
use serde::Serialize;

use super::relevance::registry_of;
use super::requests::Requests;
use super::tally::{Workload, is_pinned};
use crate::facts::is_fargate;

/// The kubelet waits five minutes at most before it starts a container again.
pub(crate) const POD_RESTARTS_PER_HOUR: u64 = 12;

/// What each new start asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AtRestart {
    /// Whether it asks the registry; none if the evidence does not tell.
    pub asks: Option<bool>,
    /// Why.
    pub because: String,
    /// Whether the numbers are of each pod, and not of the whole workload.
    pub is_of_each_pod: bool,
    /// How many starts an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_per_hour: Option<u64>,
    /// Pulls an hour that Docker Hub's pull limit counts, at least and at most; none where the image is another registry's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulls_per_hour: Option<[u64; 2]>,
    /// Requests an hour, which the abuse limit counts, at least and at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_hour: Option<[u64; 2]>,
}

/// What the starts of a workload ask; none where none of its containers ended.
pub(crate) fn at_restart(
    workload: &Workload,
    requests: &Requests,
    evidence: &Evidence,
) -> Option<AtRestart> {
    let deaths = workload.counts().deaths();
    let kind = workload.owner.as_ref()?.kind;
    if deaths == 0 {
        return None;
    }
    let (asks, because) = judge(workload, kind, evidence)?;
    let seen = || {
        let by_minutes = || deaths.saturating_mul(60).checked_div(requests.minutes?);
        let starts = workload.deaths_per_hour().or_else(by_minutes)?;
        Some(starts.max(1))
    };
    let starts = if is_pod(kind) {
        Some(POD_RESTARTS_PER_HOUR)
    } else {
        seen()
    };
    let starts = starts.filter(|_| asks != Some(false));
    Some(AtRestart {
        asks,
        because,
        is_of_each_pod: is_pod(kind),
        starts_per_hour: starts,
        // What is there and has not moved is asked for without a pull, except by Fargate, which keeps nothing.
        pulls_per_hour: starts.filter(|_| is_of_hub(workload)).map(|starts| {
            let [least, most] = Requests::pulls_of(starts);
            [
                if keeps_nothing(kind, evidence) {
                    least
                } else {
                    0
                },
                most,
            ]
        }),
        requests_per_hour: starts.map(Requests::requests_of),
    })
}

/// Whether it makes pods.
pub(crate) const fn is_pod(kind: OwnerKind) -> bool {
    matches!(
        kind,
        OwnerKind::Deployment
            | OwnerKind::StatefulSet
            | OwnerKind::DaemonSet
            | OwnerKind::Job
            | OwnerKind::CronJob
            | OwnerKind::Pod
            | OwnerKind::Workload
    )
}

/// Whether its image may be Docker Hub's, which alone has such a limit.
fn is_of_hub(workload: &Workload) -> bool {
    let registry = workload.image().and_then(registry_of);
    registry.is_none_or(|registry| registry == DOCKER_HUB)
}

fn keeps_nothing(kind: OwnerKind, evidence: &Evidence) -> bool {
    let is_ecs = matches!(kind, OwnerKind::EcsService | OwnerKind::EcsTaskFamily);
    is_ecs && is_fargate(evidence) == Some(true)
}

fn judge(
    workload: &Workload,
    kind: OwnerKind,
    evidence: &Evidence,
) -> Option<(Option<bool>, String)> {
    let image = workload.image();
    Some(match kind {
        OwnerKind::SwarmService if image.is_some_and(is_pinned) => (
            Some(false),
            "its image is pinned by digest: a node that has it asks nobody".to_owned(),
        ),
        OwnerKind::SwarmService => (
            Some(true),
            "each new task of a swarm asks for the tag, even if the node has it".to_owned(),
        ),
        OwnerKind::EcsService | OwnerKind::EcsTaskFamily => (
            Some(true),
            "each new task of ECS pulls: Fargate keeps no images, and container instances ask unless ECS_IMAGE_PULL_BEHAVIOR says otherwise".to_owned(),
        ),
        OwnerKind::Container => (
            Some(false),
            "Docker starts the same container again, which asks nobody".to_owned(),
        ),
        kind if is_pod(kind) => of_pod(policy(workload, evidence), image),
        _ => return None,
    })
}

/// By the policy, or by what Kubernetes takes where none is set: `Always` for `latest`, else `IfNotPresent`.
fn of_pod(policy: Option<&str>, image: Option<&str>) -> (Option<bool>, String) {
    match (policy, image) {
        (Some("Always"), Some(image)) => (
            Some(true),
            format!("imagePullPolicy is Always: each start asks whether {image} has moved"),
        ),
        (Some("Always"), None) => (Some(true), "imagePullPolicy is Always".to_owned()),
        (Some(policy), _) => (
            Some(false),
            format!("imagePullPolicy is {policy}: a node that has the image asks nobody"),
        ),
        (None, Some(image)) if is_latest(image) => (
            Some(true),
            format!("{image} has imagePullPolicy Always, unless another is set"),
        ),
        (None, Some(image)) => (
            Some(false),
            format!("{image} has imagePullPolicy IfNotPresent, unless another is set"),
        ),
        (None, None) => (
            None,
            "neither imagePullPolicy nor image is in what was read: with Always, or the tag latest, each start asks".to_owned(),
        ),
    }
}

fn policy<'a>(workload: &Workload, evidence: &'a Evidence) -> Option<&'a str> {
    let mut settings = workload.settings(evidence);
    settings.find_map(|setting| match &setting.kind {
        SettingKind::PullPolicy(policy) => Some(policy.as_str()),
        _ => None,
    })
}

fn is_latest(image: &str) -> bool {
    let reference = image.parse::<ImageName>().map(|name| name.reference);
    matches!(reference, Ok(Reference::Tag(tag)) if tag.as_str() == "latest")
}
