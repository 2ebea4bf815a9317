//! Which platform the evidence is of: it decides what people see, and which commands tell more.
//!
//! By the formats and owners that were met; several at once are possible.

use forebay_evidence::{Event, Evidence, Format, Owner, OwnerKind};
use serde::Serialize;

/// A platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is called as it is called")]
pub enum Platform {
    Kubernetes,
    Swarm,
    Ecs,
    Ci,
    Docker,
}

/// The platforms of the evidence, the one with most events first.
pub(crate) fn platforms(evidence: &Evidence) -> Vec<Platform> {
    let mut counts: Vec<(u64, Platform)> = Vec::new();
    for event in &evidence.events {
        let Some(platform) = platform_of(event) else {
            continue;
        };
        match counts.iter_mut().find(|(_, known)| *known == platform) {
            Some((count, _)) => *count += 1,
            None => counts.push((1, platform)),
        }
    }
    counts.sort_by(|one, other| other.cmp(one));
    counts.into_iter().map(|(_, platform)| platform).collect()
}

/// The platform that an event is of.
pub(crate) fn platform_of(event: &Event) -> Option<Platform> {
    let by_owner = event.place.owner.as_ref().and_then(platform_of_owner);
    by_owner.or(match event.format {
        Format::KubeEvents | Format::KubePods | Format::Kubelet | Format::Containerd => {
            Some(Platform::Kubernetes)
        }
        Format::Dockerd | Format::DockerEvents | Format::DockerLists => Some(Platform::Docker),
        Format::Ecs | Format::EcsEvents | Format::CloudFormation => Some(Platform::Ecs),
        Format::Ci => Some(Platform::Ci),
        Format::Text | Format::Ledger => None,
    })
}

/// The platform that an owner is of.
pub(crate) const fn platform_of_owner(owner: &Owner) -> Option<Platform> {
    Some(match owner.kind {
        OwnerKind::SwarmService => Platform::Swarm,
        OwnerKind::EcsService | OwnerKind::EcsTaskFamily => Platform::Ecs,
        OwnerKind::CiJob => Platform::Ci,
        OwnerKind::Container => Platform::Docker,
        OwnerKind::Client => return None,
        _ => Platform::Kubernetes,
    })
}
