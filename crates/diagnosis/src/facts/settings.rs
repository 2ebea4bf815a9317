//! What settings in the evidence tell, for commands: how many should run, how they restart, where they log.
//!
//! As in all of `facts`, only names that mean nothing to a shell get through.

use std::collections::{BTreeMap, BTreeSet};

use forebay_evidence::{CiSystem, Event, Evidence, Format, OwnerKind, SettingKind, What};

use super::safe;

/// How many of each should run.
pub(super) fn replicas(evidence: &Evidence) -> BTreeMap<(OwnerKind, String), u64> {
    let settings = evidence.settings.iter().filter_map(|setting| {
        let owner = setting.place.owner.as_ref()?;
        match setting.kind {
            SettingKind::Replicas { desired, .. } if desired > 0 => {
                let name = evidence.find_name(&owner.name).unwrap_or(&owner.name);
                Some(((owner.kind, name.to_owned()), desired))
            }
            _ => None,
        }
    });
    settings.collect()
}

/// Swarm services that run once on each node.
pub(super) fn once_per_node(evidence: &Evidence) -> BTreeSet<String> {
    let settings = evidence.settings.iter();
    let services = settings.filter(|setting| setting.kind == SettingKind::OncePerNode);
    services
        .filter_map(|setting| setting.place.owner.as_ref())
        .map(|owner| {
            let name = evidence.find_name(&owner.name).unwrap_or(&owner.name);
            name.to_owned()
        })
        .collect()
}

/// How Docker restarts containers.
pub(super) fn restart_policies(evidence: &Evidence) -> BTreeMap<String, String> {
    let settings = evidence.settings.iter().filter_map(|setting| {
        let owner = setting.place.owner.as_ref()?;
        match &setting.kind {
            SettingKind::Restarts { condition, .. } if owner.kind == OwnerKind::Container => {
                Some((safe(&owner.name)?, safe(condition)?))
            }
            _ => None,
        }
    });
    settings.collect()
}

/// The first group that a task definition names.
pub(super) fn log_group(evidence: &Evidence) -> Option<String> {
    evidence
        .settings
        .iter()
        .find_map(|setting| match &setting.kind {
            SettingKind::LogGroup(group) => safe(group),
            _ => None,
        })
}

/// The CI system that most signs are of.
pub(crate) fn main_ci(evidence: &Evidence) -> Option<CiSystem> {
    let systems = evidence.ci_systems.iter();
    systems
        .max_by_key(|(_, signs)| **signs)
        .map(|(system, _)| *system)
}

/// What GitLab's runner says of a pull of its own, before any script (gitlab-runner, executors/docker/internal/pull).
const RUNNERS_WORDS: [&str; 3] = [
    "Job failed: failed to pull image",
    "ailed to pull image with policy",
    "with specified policies",
];

/// Whether GitLab's runner pulled what failed, before any script.
pub(super) fn is_pulled_by_runner(evidence: &Evidence) -> bool {
    let mut of_ci = evidence
        .events
        .iter()
        .filter(|event| event.format == Format::Ci && event.what == What::PullFailed);
    of_ci.any(|event| {
        RUNNERS_WORDS
            .iter()
            .any(|words| event.message.contains(words))
    })
}

/// Whether most of what ECS runs is on Fargate: by what is set, else by how it says that a pull failed.
pub(crate) fn is_fargate(evidence: &Evidence) -> Option<bool> {
    let mut counts: BTreeMap<bool, usize> = BTreeMap::new();
    for setting in &evidence.settings {
        if let SettingKind::LaunchType(kind) = &setting.kind {
            *counts.entry(kind == "FARGATE").or_default() += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(is_fargate, _)| is_fargate)
        .or_else(|| is_said_as_by_fargate(evidence).then_some(true))
}

/// Whether it is set where ECS runs anything.
pub(crate) fn is_launch_type_told(evidence: &Evidence) -> bool {
    let mut settings = evidence.settings.iter();
    settings.any(|setting| matches!(setting.kind, SettingKind::LaunchType(_)))
}

/// Fargate counts its tries within the message; the agent of container instances hands on what Docker says.
fn is_said_as_by_fargate(evidence: &Evidence) -> bool {
    let of_ecs = |event: &&Event| {
        event.what == What::PullFailed && matches!(event.format, Format::Ecs | Format::EcsEvents)
    };
    let mut said = evidence.events.iter().filter(of_ecs);
    said.any(|event| event.message.contains(" has been retried "))
}
