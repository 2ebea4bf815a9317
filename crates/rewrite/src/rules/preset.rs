//! Rules that many need, by a name and a few words: where Docker Hub's images are found elsewhere, or are put.
//!
//! Sources: AWS, "Sync an upstream registry with an Amazon ECR private registry" (the prefix `docker-hub`, official images
//! below `library/`); AWS, "Amazon ECR Public" (official images below `docker/library/`); Google, "Pull cached Docker Hub
//! images" (`mirror.gcr.io/library/`).

use forebay_oci::EcrHost;

use super::error::RulesError;
use super::image::is_registry;
use super::pattern::Pattern;
use super::rule::{Action, Rule, Rules};

/// How each preset is written, and what it does.
pub const PRESETS: [(&str, &str); 8] = [
    (
        "ecr-pull-through:ACCOUNT:REGION[:PREFIX]",
        "Docker Hub through an ECR pull-through cache rule; the prefix is docker-hub unless said otherwise",
    ),
    (
        "ecr:ACCOUNT:REGION",
        "Docker Hub's images as repositories of one's own in ECR, by their last name",
    ),
    (
        "ghcr:OWNER",
        "Docker Hub's images as packages of an owner at GitHub",
    ),
    (
        "quay:ORG",
        "Docker Hub's images as repositories of an organisation at Quay",
    ),
    (
        "mirror.gcr.io",
        "Docker Hub's official images at Google's mirror",
    ),
    (
        "public.ecr.aws",
        "Docker Hub's official images at ECR Public",
    ),
    ("forebay:HOST", "all public registries through Forebay"),
    (
        "cortex[:VERSION]",
        "Cortex's images at Quay, as its version wants them",
    ),
];

/// Registries that Forebay knows without being told. What is private stays where it is.
pub(super) const FOREBAY_KNOWS: [&str; 9] = [
    "docker.io",
    "ghcr.io",
    "quay.io",
    "registry.k8s.io",
    "public.ecr.aws",
    "gcr.io",
    "mcr.microsoft.com",
    "mirror.gcr.io",
    "registry.gitlab.com",
];

/// The prefix that AWS's console proposes for Docker Hub.
const DEFAULT_PREFIX: &str = "docker-hub";

/// The rules of a preset; `None` if there is none of this name.
pub(super) fn find_preset(given: &str) -> Option<Result<Rules, RulesError>> {
    let (name, arguments) = given.split_once(':').unwrap_or((given, ""));
    let form = PRESETS
        .iter()
        .map(|(form, _)| *form)
        .find(|form| form.split([':', '[']).next() == Some(name))?;
    let arguments: Vec<&str> = match name {
        // A host may have a port.
        "forebay" => vec![arguments],
        _ if arguments.is_empty() => Vec::new(),
        _ => arguments.split(':').collect(),
    };
    let template = match (name, arguments.as_slice()) {
        ("ecr-pull-through", [account, region]) => EcrHost::of(account, region)
            .map(|host| format!("{host}/{DEFAULT_PREFIX}/{{repository}}")),
        ("ecr-pull-through", [account, region, prefix]) => {
            EcrHost::of(account, region).map(|host| format!("{host}/{prefix}/{{repository}}"))
        }
        ("ecr", [account, region]) => {
            EcrHost::of(account, region).map(|host| format!("{host}/{{name}}"))
        }
        ("ghcr", [owner]) => Some(format!("ghcr.io/{}/{{name}}", owner.to_ascii_lowercase())),
        ("quay", [organisation]) => Some(format!("quay.io/{organisation}/{{name}}")),
        ("mirror.gcr.io", []) => Some("mirror.gcr.io/library/{name}".to_owned()),
        ("public.ecr.aws", []) => Some("public.ecr.aws/docker/library/{name}".to_owned()),
        ("forebay", [host]) if is_host(host) => Some(format!("{host}/{{registry}}/{{repository}}")),
        _ => None,
    };
    let wrong = || RulesError::Preset {
        given: given.to_owned(),
        form,
    };
    Some(template.ok_or_else(wrong).and_then(|text| {
        // What was given must make an image name.
        let template: super::Template = text.parse().map_err(|_| wrong())?;
        let sample = "docker.io/some/thing:1".parse().map_err(|_| wrong())?;
        let made = template.fill(&sample).map_err(|_| wrong())?;
        made.parse::<super::Image>().map_err(|_| wrong())?;
        Rules::new(vec![rule(name, template)])
    }))
}

fn rule(name: &str, template: super::Template) -> Rule {
    let registries: &[&str] = match name {
        "forebay" => &FOREBAY_KNOWS,
        _ => &FOREBAY_KNOWS[..1],
    };
    let is_official_only = matches!(name, "mirror.gcr.io" | "public.ecr.aws");
    let namespaces: &[&str] = if is_official_only { &["library"] } else { &[] };
    let patterns = |texts: &[&str]| texts.iter().copied().map(Pattern::new).collect();
    let is_own = matches!(name, "ecr" | "ghcr" | "quay");
    Rule {
        registry: patterns(registries),
        namespace: patterns(namespaces),
        action: Action::To(template),
        is_mirror: Some(!is_own),
        ..Rule::default()
    }
}

/// A host that Docker would take for one.
fn is_host(text: &str) -> bool {
    is_registry(text) && (text.contains(['.', ':']) || text == "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(preset: &str, image: &str) -> Option<String> {
        let rules = find_preset(preset).unwrap().unwrap();
        rules.apply(&image.parse().unwrap()).unwrap()
    }

    #[test]
    fn each_preset_sends_images_where_their_copies_are() {
        for (preset, image, expected) in [
            (
                "ecr-pull-through:730335557645:us-east-1",
                "nginx:1.27",
                Some("730335557645.dkr.ecr.us-east-1.amazonaws.com/docker-hub/library/nginx:1.27"),
            ),
            (
                "ecr-pull-through:730335557645:cn-north-1:hub",
                "a/b",
                Some("730335557645.dkr.ecr.cn-north-1.amazonaws.com.cn/hub/a/b"),
            ),
            (
                "ecr:730335557645:us-east-1",
                "iseepatterns/court-case-backend:latest",
                Some("730335557645.dkr.ecr.us-east-1.amazonaws.com/court-case-backend:latest"),
            ),
            (
                "ghcr:iseepatterns-jz",
                "iseepatterns/court-case-backend:latest",
                Some("ghcr.io/iseepatterns-jz/court-case-backend:latest"),
            ),
            ("quay:me", "a/b:1", Some("quay.io/me/b:1")),
            ("quay:me", "ghcr.io/a/b:1", None),
            (
                "mirror.gcr.io",
                "nginx:1",
                Some("mirror.gcr.io/library/nginx:1"),
            ),
            ("mirror.gcr.io", "a/b:1", None),
            (
                "public.ecr.aws",
                "nginx",
                Some("public.ecr.aws/docker/library/nginx"),
            ),
            (
                "forebay:127.0.0.1:5000",
                "nginx",
                Some("127.0.0.1:5000/docker.io/library/nginx"),
            ),
            (
                "forebay:f.example",
                "quay.io/a/b:1",
                Some("f.example/quay.io/a/b:1"),
            ),
            ("forebay:f.example", "f.example/quay.io/a/b:1", None),
            ("forebay:f.example", "localhost:5000/x", None),
        ] {
            assert_eq!(
                apply(preset, image).as_deref(),
                expected,
                "{preset} {image}"
            );
        }
    }

    #[test]
    fn wrong_arguments_are_told_with_how_they_are_written() {
        for preset in [
            "ecr:1:us-east-1",
            "ecr:730335557645",
            "ecr-pull-through",
            "ghcr",
            "quay:A B",
            "forebay:",
            "forebay:host",
            "forebay:h.example\n",
            "forebay:h.example\u{1b}[31m",
            "forebay:h.example:port",
            "forebay:h example:5000",
            "mirror.gcr.io:x",
        ] {
            let told = find_preset(preset).unwrap().unwrap_err().to_string();
            assert!(told.contains("is not written as"), "{told}");
        }
        assert!(find_preset("rules.toml").is_none());
    }
}
