//! The evidence's facts made fit for commands: names by their kind, the region by the machines' names, how a stack stands.
//!
//! `safe` keeps out what a shell obeys; here goes what is no name of its kind, such as `../x` for a namespace.

use std::collections::BTreeSet;

use forebay_diagnosis::facts::{Facts, safe};
use forebay_oci::is_aws_region;

use crate::{Diagnosis, Evidence, Format, Owner, OwnerKind, SettingKind, Suspect};

/// The longest name that Kubernetes takes, in bytes.
const MAX_KUBE_BYTES: usize = 253;

/// How a stack of `CloudFormation` stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stack {
    /// Nothing tells.
    Unknown,
    /// It is being made for the first time.
    Creating,
    /// It never came up, and takes no update any more.
    NeverUp,
    /// It is being updated.
    Updating,
}

/// What the evidence names.
pub(super) fn facts(evidence: &Evidence, diagnosis: &Diagnosis) -> Facts {
    let mut facts = Facts::of(evidence, diagnosis);
    facts.namespaces.retain(|name| is_kube(name));
    let cut = cut_images(evidence);
    facts
        .hub_images
        .retain(|one| image(&one.written).is_some() && !cut.contains(&one.written));
    for name in [
        &mut facts.cluster,
        &mut facts.stack,
        &mut facts.ecs_service,
        &mut facts.task_family,
    ] {
        *name = name.take().filter(|name| is_aws(name));
    }
    if facts.region.is_none() {
        let mut nodes = evidence
            .events
            .iter()
            .filter_map(|event| event.place.node.as_deref());
        facts.region = nodes.find_map(region_of_node);
    }
    for setting in &evidence.settings {
        if let SettingKind::Restarts {
            condition,
            max_attempts: Some(most),
            ..
        } = &setting.kind
            && condition == "on-failure"
            && let Some(owner) = &setting.place.owner
            && let Some(policy) = facts.restart_policies.get_mut(&owner.name)
            && policy == condition
        {
            *policy = format!("{condition}:{most}");
        }
    }
    facts
}

/// Images that are only the beginning of what a message names, such as `x` of `x;y`: those are others than what failed.
pub(super) fn cut_images(evidence: &Evidence) -> BTreeSet<String> {
    let cut = evidence.events.iter().filter_map(|event| {
        let image = event.image.as_deref()?;
        goes_on(image, &event.message).then(|| image.to_owned())
    });
    cut.collect()
}

/// Whether each mention of an image goes on with what is in no name, and something after that.
fn goes_on(image: &str, message: &str) -> bool {
    let mut mentions = message
        .match_indices(image)
        .map(|(at, _)| message[at + image.len()..].chars())
        .peekable();
    let is_odd = |c: char| c.is_ascii_punctuation() && !"\"'`,.:)]}>/@-_".contains(c);
    mentions.peek().is_some()
        && mentions.all(|mut rest| {
            rest.next().is_some_and(is_odd) && rest.next().is_some_and(|c| !c.is_whitespace())
        })
}

/// How the stack stands, by the last that its events say of it.
pub(super) fn stack(evidence: &Evidence) -> Stack {
    let events = evidence.events.iter().filter_map(|event| {
        let place = &event.place;
        let status = event.message.strip_prefix("AWS::CloudFormation::Stack ")?;
        // One that is part of another has an event there, too.
        let is_itself = place.task.is_none() || place.task == place.cluster;
        (event.format == Format::CloudFormation && is_itself)
            .then(|| (event.last, status.split(' ').next().unwrap_or(status)))
    });
    match events.max_by_key(|(at, _)| *at).map(|(_, status)| status) {
        Some("CREATE_IN_PROGRESS") => Stack::Creating,
        Some(
            "CREATE_FAILED" | "ROLLBACK_IN_PROGRESS" | "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED",
        ) => Stack::NeverUp,
        Some("UPDATE_IN_PROGRESS") => Stack::Updating,
        _ => Stack::Unknown,
    }
}

/// An owner's name as commands have it: a blank, where none of its kind can be called so; none, where no command takes it.
pub(super) fn name_of(owner: &Owner) -> Option<String> {
    let (is_one, blank): (fn(&str) -> bool, &str) = match owner.kind {
        OwnerKind::EcsService => (is_aws, "<service>"),
        OwnerKind::EcsTaskFamily => (is_aws, "<family>"),
        OwnerKind::SwarmService => (is_docker, "<service>"),
        OwnerKind::Container => (is_docker, "<container>"),
        OwnerKind::CiJob | OwnerKind::Client => return None,
        OwnerKind::Pod => (is_kube, "<pod>"),
        _ => (is_kube, "<workload>"),
    };
    let name = owner.name.as_str();
    Some(if is_one(name) { name } else { blank }.to_owned())
}

/// The first of whom commands have no name, as nothing of its kind can be called so.
pub(super) fn find_misnamed(culprits: &[Suspect]) -> Option<&Owner> {
    let is_misnamed = |owner: &&Owner| name_of(owner).is_some_and(|name| name != owner.name);
    let mut owners = culprits.iter().filter_map(|culprit| culprit.owner.as_ref());
    owners.find(is_misnamed)
}

/// A name of a Kubernetes object, as RFC 1123 has it.
pub(super) fn is_kube(name: &str) -> bool {
    let is_end = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name.len() <= MAX_KUBE_BYTES
        && name.split('.').all(|label| {
            label.starts_with(is_end)
                && label.ends_with(is_end)
                && label.chars().all(|c| is_end(c) || c == '-')
        })
}

/// A name of ECS or `CloudFormation`, or the whole ARN.
pub(super) fn is_aws(name: &str) -> bool {
    let name = match name.strip_prefix("arn:aws") {
        Some(_) => return safe(name).is_some(),
        None => name,
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    safe(name).is_some() && name.chars().all(is_plain)
}

/// An image's name, if commands may have it: each of its parts begins as a name does.
pub(super) fn image(written: &str) -> Option<String> {
    let is_part = |part: &str| part.starts_with(|c: char| c.is_ascii_alphanumeric());
    safe(written).filter(|name| name.split(['/', ':', '@']).all(is_part))
}

/// A name of a container or a service of Docker's.
fn is_docker(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && safe(name).is_some()
        && name.chars().all(is_plain)
}

/// `us-west-2` of `ip-10-0-0-1.us-west-2.compute.internal`; the first region's machines have `ec2.internal`.
fn region_of_node(node: &str) -> Option<String> {
    if node.ends_with(".ec2.internal") {
        return Some("us-east-1".to_owned());
    }
    let name = node
        .strip_suffix(".compute.internal")
        .or_else(|| node.strip_suffix(".compute.amazonaws.com"))?;
    let region = name.rsplit('.').next()?;
    is_aws_region(region).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_of_its_kind_is_none() {
        for name in [
            "../x", "a:--x", "team/--x", ".", "", "a..b", "-a", "a-", "A", "a_b",
        ] {
            assert!(!is_kube(name), "{name}");
        }
        for name in ["../x", ".", "", "-a", "a:b", "a/b"] {
            assert!(!is_docker(name) && !is_aws(name), "{name}");
        }
        assert!(is_kube("web-0") && is_kube("a.b-c.d") && is_docker("shop_web.1"));
        for name in ["a/--x:1", "../a", "a:-x", "a;b", "a@", "a//b"] {
            assert_eq!(image(name), None, "{name}");
        }
        assert!(image("h.example:5000/a/b:1").is_some());
        assert!(is_aws("Court-1_x") && is_aws("arn:aws:ecs:us-east-1:730335557645:cluster/C"));
    }

    #[test]
    fn what_is_cut_off_where_a_shell_would_go_on_is_no_image() {
        assert!(goes_on("hub/x", "ref hub/x;y: not found"));
        assert!(goes_on("x", "for x$(id)"));
        for message in [
            "ref hub/x: not found",
            "\"hub/x\";a",
            "hub/x; more",
            "hub/x",
            "of y",
        ] {
            assert!(!goes_on("hub/x", message), "{message}");
        }
    }

    #[test]
    fn a_machine_of_aws_tells_its_region_and_no_other_name_does() {
        let of = |node| region_of_node(node);
        let known = of("ip-192-168-12-34.us-west-2.compute.internal");
        assert_eq!(known.as_deref(), Some("us-west-2"));
        assert_eq!(of("ip-10-0-0-1.ec2.internal").as_deref(), Some("us-east-1"));
        for node in [
            "node-1",
            "x.$(id)-1.compute.internal",
            "x.a--1.compute.internal",
            "us-west-2",
        ] {
            assert_eq!(of(node), None, "{node}");
        }
    }
}
