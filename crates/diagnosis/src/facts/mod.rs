//! What the evidence names, for commands: accounts, regions, images, services, stacks, namespaces.
//!
//! Only names that mean nothing to a shell get through: a log may hold anything, and people paste commands. What is not
//! known is a placeholder in angle brackets.

mod settings;

use std::collections::{BTreeMap, BTreeSet};

use forebay_evidence::{CiSystem, Evidence, Format, OwnerKind};
use forebay_oci::{DOCKER_HUB, EcrHost, ImageName, Reference};

use crate::{Diagnosis, Platform};
pub(crate) use settings::{is_fargate, is_launch_type_told, main_ci};
use settings::{is_pulled_by_runner, log_group, once_per_node, replicas, restart_policies};

/// The most names of a kind that commands are written for.
pub const MAX_NAMES: usize = 5;

/// The longest name, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// The most namespaces, and the most images, that are remembered.
const MAX_REMEMBERED: usize = 1_000;

/// What commands are made of.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The AWS account's id.
    pub account: Option<String>,
    /// The AWS region.
    pub region: Option<String>,
    /// Images of Docker Hub that are concerned, those of culprits first.
    pub hub_images: Vec<Image>,
    /// The ECS cluster.
    pub cluster: Option<String>,
    /// The stack of `CloudFormation`.
    pub stack: Option<String>,
    /// The ECS service.
    pub ecs_service: Option<String>,
    /// The ECS task definition's family.
    pub task_family: Option<String>,
    /// Kubernetes namespaces.
    pub namespaces: Vec<String>,
    /// Swarm services that are concerned.
    pub swarm_services: Vec<String>,
    /// The Swarm stack.
    pub swarm_stack: Option<String>,
    /// How many of a service should run.
    pub replicas: BTreeMap<(OwnerKind, String), u64>,
    /// Swarm services that run once on each node: no number can be set for them.
    pub once_per_node: BTreeSet<String>,
    /// Restart policies of Docker's containers.
    pub restart_policies: BTreeMap<String, String>,
    /// Where `CloudWatch` keeps what containers say.
    pub log_group: Option<String>,
    /// The CI system of most of the logs.
    pub ci: Option<CiSystem>,
    /// Whether ECS runs it on Fargate; none if nothing tells.
    pub is_fargate: Option<bool>,
    /// Whether GitLab's runner pulled what failed, before any script.
    pub is_pulled_by_runner: bool,
    /// The platform that most of the evidence is of.
    pub platform: Option<Platform>,
}

/// An image whose parts may stand in commands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Image {
    /// As it was written.
    pub written: String,
    /// `library/nginx`.
    pub repository: String,
    /// `nginx`.
    pub name: String,
    /// `1.27`; `latest` where nothing is written, and a placeholder where only a digest is.
    pub tag: String,
    /// `sha256:…`, where it is written.
    pub digest: Option<String>,
}

/// Stands for a tag that nobody told.
const UNKNOWN_TAG: &str = "<tag>";

impl Facts {
    /// What the evidence names.
    pub fn of(evidence: &Evidence, diagnosis: &Diagnosis) -> Self {
        let aws = evidence.aws.iter().max_by_key(|(_, count)| **count);
        let aws = aws.map(|(place, _)| place);
        let mut facts = Self {
            account: aws.map(|place| place.account.clone()),
            region: aws.map(|place| place.region.clone()),
            hub_images: hub_images(evidence, diagnosis),
            is_fargate: is_fargate(evidence),
            replicas: replicas(evidence),
            once_per_node: once_per_node(evidence),
            restart_policies: restart_policies(evidence),
            log_group: log_group(evidence),
            ci: main_ci(evidence),
            is_pulled_by_runner: is_pulled_by_runner(evidence),
            platform: diagnosis.platforms.first().copied(),
            ..Self::default()
        };
        facts.take_places(evidence);
        facts.take_suspects(diagnosis);
        facts
    }

    /// The host of the account's private registry.
    pub fn ecr_host(&self) -> String {
        EcrHost::named(self.account(), self.region())
    }

    /// The AWS account's id, or a placeholder.
    pub fn account(&self) -> &str {
        self.account.as_deref().unwrap_or("<account-id>")
    }

    /// The AWS region, or a placeholder.
    pub fn region(&self) -> &str {
        self.region.as_deref().unwrap_or("<region>")
    }

    /// The ECS cluster, or a placeholder.
    pub fn cluster(&self) -> &str {
        self.cluster.as_deref().unwrap_or("<cluster>")
    }

    /// Where `CloudWatch` keeps what containers say, or a placeholder.
    pub fn log_group(&self) -> &str {
        self.log_group.as_deref().unwrap_or("<log-group>")
    }

    /// The ECS service, or a placeholder.
    pub fn ecs_service(&self) -> &str {
        self.ecs_service.as_deref().unwrap_or("<service>")
    }

    /// The first Kubernetes namespace, or a placeholder.
    pub fn namespace(&self) -> &str {
        self.namespaces
            .first()
            .map_or("<namespace>", String::as_str)
    }

    /// The images that commands are written for; a placeholder where none is known.
    pub fn images(&self) -> Vec<Image> {
        if self.hub_images.is_empty() {
            return vec![Image::placeholder()];
        }
        self.hub_images.iter().take(MAX_NAMES).cloned().collect()
    }

    /// Whether anything of AWS is seen.
    pub fn is_on_aws(&self) -> bool {
        self.account.is_some() || self.platform == Some(Platform::Ecs)
    }

    fn take_places(&mut self, evidence: &Evidence) {
        let mut namespaces = BTreeSet::new();
        for event in &evidence.events {
            let cluster = event.place.cluster.as_deref().and_then(safe);
            let slot = match event.format {
                Format::CloudFormation if event.place.owner.is_none() => &mut self.stack,
                _ => &mut self.cluster,
            };
            if slot.is_none() {
                *slot = cluster;
            }
            let namespace = event.place.namespace.as_deref();
            if let Some(namespace) = namespace.filter(|_| event.failure.is_some())
                && namespaces.len() < MAX_REMEMBERED
                && namespaces.insert(namespace)
            {
                self.namespaces.extend(safe(namespace));
            }
        }
        let families = evidence.settings.iter().filter_map(|setting| {
            let owner = setting.place.owner.as_ref()?;
            (owner.kind == OwnerKind::EcsTaskFamily).then_some(owner.name.as_str())
        });
        self.task_family = families.into_iter().find_map(safe);
    }

    fn take_suspects(&mut self, diagnosis: &Diagnosis) {
        let suspects = diagnosis.culprits.iter().chain(&diagnosis.victims);
        for owner in suspects.filter_map(|suspect| suspect.owner.as_ref()) {
            let Some(name) = safe(&owner.name) else {
                continue;
            };
            match owner.kind {
                OwnerKind::SwarmService => self.swarm_services.push(name),
                OwnerKind::EcsService if self.ecs_service.is_none() => {
                    self.ecs_service = Some(name);
                }
                OwnerKind::EcsTaskFamily if self.task_family.is_none() => {
                    self.task_family = Some(name);
                }
                _ => {}
            }
        }
        // `docker stack deploy` names services STACK_SERVICE.
        self.swarm_stack = self
            .swarm_services
            .first()
            .and_then(|name| name.split_once('_'))
            .map(|(stack, _)| stack.to_owned());
    }
}

impl Image {
    /// Reads an image of Docker Hub; none if it is another registry's, or names what a shell would obey.
    fn of_hub(written: &str) -> Option<Self> {
        let name: ImageName = written.parse().ok()?;
        if name.registry != DOCKER_HUB {
            return None;
        }
        let repository = safe(&name.repository.to_string())?;
        let (tag, digest) = match &name.reference {
            Reference::Tag(tag) => (safe(tag.as_str())?, None),
            // A digest wins over the tag beside it, which is still the name to keep.
            Reference::Digest(digest) => (
                tag_beside_digest(written).unwrap_or_else(|| UNKNOWN_TAG.to_owned()),
                Some(digest.to_string()),
            ),
        };
        Some(Self {
            written: safe(written)?,
            name: repository.rsplit('/').next()?.to_owned(),
            repository,
            tag,
            digest,
        })
    }

    /// What is asked for at a registry: `:1.27`, or `@sha256:…` where no tag is known.
    pub fn suffix(&self) -> String {
        match &self.digest {
            Some(digest) if !self.has_tag() => format!("@{digest}"),
            _ => format!(":{}", self.tag),
        }
    }

    fn has_tag(&self) -> bool {
        self.tag != UNKNOWN_TAG
    }

    fn placeholder() -> Self {
        Self {
            written: "<image>:<tag>".to_owned(),
            repository: "<namespace>/<image>".to_owned(),
            name: "<image>".to_owned(),
            tag: UNKNOWN_TAG.to_owned(),
            digest: None,
        }
    }
}

/// `2.4` of `acme/worker:2.4@sha256:…`.
fn tag_beside_digest(written: &str) -> Option<String> {
    let (name, _) = written.split_once('@')?;
    let (_, tag) = name.rsplit_once(':')?;
    safe(tag).filter(|tag| !tag.contains('/'))
}

/// A name of at most 255 bytes, if no shell and no language reads more than a name in it.
pub fn safe(name: &str) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._/:@-_".contains(c);
    let is_safe = !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && name.chars().all(is_plain)
        && !name.starts_with('-');
    is_safe.then(|| name.to_owned())
}

/// The role of `arn:aws:sts::123456789012:assumed-role/ROLE/SESSION`, as who was refused is named.
pub fn role_in(message: &str) -> Option<String> {
    let (_, behind) = message.split_once(":assumed-role/")?;
    let role = safe(behind.split('/').next()?)?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_.@-".contains(c);
    role.chars().all(is_plain).then_some(role)
}

/// A registry's name and port: TLS has 443, where no other is said.
pub fn name_and_port(registry: &str) -> (&str, &str) {
    registry.rsplit_once(':').unwrap_or((registry, "443"))
}

/// `kubectl`'s flag; none where the namespace is not told, as it is then the one in which the evidence was asked for.
pub fn in_namespace(namespace: Option<&str>) -> String {
    let namespace = namespace.and_then(safe);
    namespace.map_or_else(String::new, |namespace| format!(" --namespace {namespace}"))
}

fn hub_images(evidence: &Evidence, diagnosis: &Diagnosis) -> Vec<Image> {
    let suspects = diagnosis.culprits.iter().chain(&diagnosis.victims);
    let named = suspects.flat_map(|suspect| suspect.images.iter().map(String::as_str));
    let class = diagnosis.cause.as_ref().map(|cause| cause.class);
    let failed = evidence.events.iter().filter(|event| {
        let failure = event.failure.as_ref();
        failure.map(|failure| failure.class) == class
    });
    let failed = failed.filter_map(|event| event.image.as_deref());
    let set = evidence.settings.iter();
    let set = set.filter_map(|setting| setting.image.as_deref());
    let mut images: Vec<Image> = Vec::new();
    let mut seen = BTreeSet::new();
    let mut tagged = BTreeSet::new();
    for image in named.chain(failed).chain(set).filter_map(Image::of_hub) {
        let content = image.digest.clone().filter(|_| !image.has_tag());
        if content.is_none() {
            tagged.insert(image.repository.clone());
        }
        if seen.insert((image.repository.clone(), image.tag.clone(), content)) {
            images.push(image);
        }
        if images.len() >= MAX_REMEMBERED {
            break;
        }
    }
    // The answer to a pull names digests: where the tag is told as well, they are the same image's.
    images.retain(|image| image.has_tag() || !tagged.contains(&image.repository));
    images
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_a_shell_would_obey_gets_into_no_command() {
        for name in ["$(reboot)", "a;b", "a b", "-rf", "`id`", "a\nb", "", "a'b"] {
            assert_eq!(safe(name), None, "{name}");
        }
        assert_eq!(safe("shop_web.1").as_deref(), Some("shop_web.1"));
    }

    #[test]
    fn an_image_of_docker_hub_is_read_in_its_parts() {
        let image = Image::of_hub("nginx").map(|image| (image.repository, image.name, image.tag));
        let expected = ("library/nginx", "nginx", "latest");
        assert_eq!(
            image,
            Some((
                expected.0.to_owned(),
                expected.1.to_owned(),
                expected.2.to_owned()
            ))
        );
        assert_eq!(Image::of_hub("ghcr.io/a/b:1"), None);
    }

    #[test]
    fn a_tag_beside_a_digest_is_kept_and_none_is_made_up_for_a_digest_alone() {
        let digest = format!("sha256:{}", "d1".repeat(32));
        let both = Image::of_hub(&format!("acme/worker:2.4@{digest}")).unwrap();
        assert_eq!((&*both.tag, &*both.suffix()), ("2.4", ":2.4"));
        let alone = Image::of_hub(&format!("localhost@{digest}")).unwrap();
        assert_eq!(alone.tag, "<tag>");
        assert_eq!(alone.suffix(), format!("@{digest}"));
        let untagged = Image::of_hub("acme/worker").unwrap();
        assert_eq!(untagged.tag, "latest");
    }

    #[test]
    fn a_role_that_is_no_name_is_none() {
        assert_eq!(role_in("x:assumed-role/$(id)/s"), None);
        assert_eq!(role_in("x:assumed-role/a:b/s"), None);
        assert_eq!(role_in("x:assumed-role/--x/s"), None);
    }
}
