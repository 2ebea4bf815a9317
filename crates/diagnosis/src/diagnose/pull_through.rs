//! An image behind a pull-through cache rule of ECR that was never brought there.
//!
//! The first pull of an image makes its repository and brings it in, by the rights of who pulls: without
//! `ecr:BatchImportUpstreamImage` and `ecr:CreateRepository` ECR says that the image is not found, or refuses
//! (docs.aws.amazon.com/AmazonECR/latest/userguide/pull-through-cache-iam.html).

use forebay_evidence::{Class, Event, Evidence, SettingKind};
use forebay_oci::EcrHost;
use serde::Serialize;

use super::relevance::registry_of;
use crate::facts::{role_in, safe};

/// The rights that the first pull needs.
pub(crate) const RIGHTS: [&str; 2] = ["ecr:BatchImportUpstreamImage", "ecr:CreateRepository"];

/// Prefixes that AWS' console and documents give to rules, and that people do.
const PREFIXES: [&str; 18] = [
    "docker-hub",
    "dockerhub",
    "docker.io",
    "docker",
    "hub",
    "ecr-public",
    "public-ecr",
    "quay",
    "quay.io",
    "github",
    "github-packages",
    "ghcr",
    "ghcr.io",
    "gitlab",
    "kubernetes",
    "k8s",
    "registry.k8s.io",
    "chainguard",
];

/// A rule whose cache could not be filled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PullThrough {
    /// The account's registry.
    pub host: String,
    /// The AWS account's id.
    pub account: String,
    /// The AWS region.
    pub region: String,
    /// The prefix of the rule.
    pub prefix: String,
    /// What was pulled, without the registry: `docker-hub/library/nginx:1.27`.
    pub image: String,
    /// The role that lacks the right, where the refusal names it.
    pub role: Option<String>,
    /// Whether the refusal names the right; otherwise it is only the most likely.
    pub is_said: bool,
}

/// The rule behind failures of a class, if they are of one.
pub(crate) fn pull_through(evidence: &Evidence, class: Class) -> Option<PullThrough> {
    if !matches!(class, Class::NotFound | Class::Auth | Class::Other) {
        return None;
    }
    let failed = evidence.events.iter().filter(|event| {
        let failure = event.failure.as_ref();
        failure.is_some_and(|failure| failure.class == class)
    });
    let mut found: Vec<PullThrough> = failed
        .filter_map(|event| of_event(event, evidence))
        .collect();
    found.sort_by_key(|rule| !rule.is_said);
    found.into_iter().next()
}

fn of_event(event: &Event, evidence: &Evidence) -> Option<PullThrough> {
    let message = event.message.as_str();
    let is_said = RIGHTS.iter().any(|right| message.contains(right));
    let image = event.image.as_deref().filter(|image| is_of_ecr(image));
    let image = image.and_then(safe).or_else(|| named_in(message))?;
    let (host, image) = image.split_once('/')?;
    let (prefix, behind) = image.split_once('/')?;
    let ecr = EcrHost::parse(host)?;
    if !is_prefix(prefix) {
        return None;
    }
    let is_rule = is_said
        || PREFIXES.contains(&prefix)
        || behind.starts_with("library/")
        || evidence
            .settings
            .iter()
            .any(|setting| setting.kind == SettingKind::PullThrough(prefix.to_owned()));
    is_rule.then(|| PullThrough {
        account: ecr.account().to_owned(),
        region: ecr.region().to_owned(),
        host: host.to_owned(),
        prefix: prefix.to_owned(),
        image: image.to_owned(),
        role: role_in(message),
        is_said,
    })
}

fn is_of_ecr(image: &str) -> bool {
    registry_of(image).is_some_and(|host| EcrHost::parse(&host).is_some())
}

/// What ECR takes for a repository's first part.
fn is_prefix(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    text.starts_with(is_plain) && text.chars().all(|c| is_plain(c) || "._-".contains(c))
}

/// An image of ECR, or the repository of a refusal: `arn:aws:ecr:REGION:ACCOUNT:repository/NAME`.
fn named_in(message: &str) -> Option<String> {
    let words = || message.split(|c: char| c.is_whitespace() || "\"',;()".contains(c));
    let image = words()
        .map(|word| word.trim_end_matches([':', '.']))
        .find(|word| is_of_ecr(word));
    let image = image
        .and_then(safe)
        .or_else(|| words().find_map(image_of_url));
    image.or_else(|| {
        let arn = words().find(|word| word.starts_with("arn:aws") && word.contains(":ecr:"))?;
        let mut parts = arn.splitn(6, ':').skip(3);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        let repository = resource.strip_prefix("repository/")?;
        let host = EcrHost::of(account, region)?;
        safe(&format!("{host}/{repository}"))
    })
}

/// `https://HOST/v2/NAME/manifests/TAG`.
fn image_of_url(word: &str) -> Option<String> {
    let (host, path) = word.strip_prefix("https://")?.split_once("/v2/")?;
    let (name, reference) = path.split_once("/manifests/")?;
    let mark = if reference.contains(':') { '@' } else { ':' };
    let image = format!("{host}/{name}{mark}{}", reference.trim_end_matches(':'));
    safe(&image).filter(|image| is_of_ecr(image))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_role_right_and_repository() {
        let message = "denied: User: arn:aws:sts::123456789012:assumed-role/ecsTaskExecutionRole/abc is not authorized to perform: ecr:BatchImportUpstreamImage on resource: arn:aws:ecr:eu-west-1:123456789012:repository/docker-hub/library/nginx because no identity-based policy allows it";
        let named = named_in(message);
        let expected = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library/nginx";
        assert_eq!(named.as_deref(), Some(expected));
        assert_eq!(role_in(message).as_deref(), Some("ecsTaskExecutionRole"));
    }

    #[test]
    fn a_url_names_the_image() {
        let message = r#"Head "https://123456789012.dkr.ecr.eu-west-1.amazonaws.com/v2/docker-hub/library/nginx/manifests/1.27": no basic auth credentials"#;
        let expected = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library/nginx:1.27";
        assert_eq!(named_in(message).as_deref(), Some(expected));
    }

    #[test]
    fn no_other_host_is_taken_for_a_registry_of_ecr() {
        for host in [
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com.evil.example",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com$(id)",
            "123456789012.dkr.ecr.eu-west-1.amazonaws.com:444",
            "evil.example/123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        ] {
            assert!(
                !is_of_ecr(&format!("{host}/docker-hub/library/nginx:1")),
                "{host}"
            );
        }
    }
}
