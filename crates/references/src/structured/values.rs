//! Values of Helm charts: images as one text, or as registry, repository, tag and digest.

use std::collections::BTreeSet;

use crate::sink::{Scope, Sink, is_image, is_null};
use crate::structured::kubernetes;
use crate::tree::{At, Style};
use crate::variables::Dialect;
use crate::{Encoding, Owner, Part, Place, Role, Writing, helm};

/// Levels of values that are searched.
const MAX_DEPTH: u32 = 32;
/// What charts call the parts of an image.
const REPOSITORY_KEYS: [&str; 3] = ["repository", "repo", "name"];

/// Finds the images of a values file.
pub(crate) fn find(root: At<'_>, sink: &mut Sink<'_>) {
    // What the chart's own templates print as an image is one, whatever its key.
    let printed = helm::image_values(&sink.settings.near);
    search(root, ("", &printed), sink, MAX_DEPTH);
}

fn search(at: At<'_>, (path, printed): (&str, &BTreeSet<String>), sink: &mut Sink<'_>, depth: u32) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    for (key, value) in at.entries() {
        let path = if path.is_empty() {
            key.to_owned()
        } else {
            format!("{path}.{key}")
        };
        if value.is_alias() {
            continue;
        }
        if (is_image_key(key) || printed.contains(&path)) && value.text().is_some() {
            single(at, key, &path, sink);
        } else if let Some(place) = split(at, (key, value), &path, sink) {
            sink.place(place);
        } else if value.is_map() {
            search(value, (&path, printed), sink, depth);
        } else {
            for (index, item) in value
                .items()
                .enumerate()
                .filter(|(_, item)| !item.is_alias())
            {
                search(item, (&format!("{path}[{index}]"), printed), sink, depth);
            }
        }
    }
}

/// `image`, `sidecarImage`, `init_image`; but neither `imagePullPolicy` nor `images`.
fn is_image_key(key: &str) -> bool {
    key == "image" || key.ends_with("Image") || key.ends_with("_image") || key.ends_with("-image")
}

/// An image as one text, its tag perhaps beside it.
fn single(at: At<'_>, key: &str, path: &str, sink: &mut Sink<'_>) {
    let owner = owner_of(at, at, path);
    let tag = at
        .get(&format!("{key}Tag"))
        .or_else(|| at.get("tag").filter(|_| key == "image"));
    let image = at.get(key);
    if let (Some(image), Some(tag)) = (image, tag) {
        let parts = [(Role::Name, image), (Role::Tag, tag)];
        if let Some(place) = place(&parts, at, owner.clone(), sink) {
            sink.place(place);
            return;
        }
    }
    let settings = sink.settings;
    let lookup = |name: &str| settings.set_value(name);
    let scope = Scope {
        dialect: Dialect::Compose,
        lookup: &lookup,
    };
    if let Some(image) = image {
        // Switches and templates of the chart's own go by such names, too.
        let is_other = image
            .text()
            .is_none_or(|text| matches!(text, "true" | "false") || text.contains("{{"));
        if !is_other {
            sink.scalar(image, scope, owner);
        }
    }
}

/// An image in parts; `None` for a map that is none.
fn split(at: At<'_>, (key, value): (&str, At<'_>), path: &str, sink: &Sink<'_>) -> Option<Place> {
    let repository = REPOSITORY_KEYS.iter().find_map(|key| value.get(key))?;
    repository.text().filter(|text| !text.contains("{{"))?;
    let named_so = key.to_ascii_lowercase().contains("image");
    let beside = ["tag", "digest", "pullPolicy", "registry", "imagePullPolicy"]
        .iter()
        .any(|key| value.get(key).is_some());
    if !beside || !named_so && value.get("repository").is_none() && value.get("repo").is_none() {
        return None;
    }
    let registry = value
        .get("registry")
        .filter(|at| at.text().is_some_and(|text| !text.is_empty()));
    let role = if registry.is_some() {
        Role::Repository
    } else {
        Role::Name
    };
    let mut parts = vec![(role, repository)];
    parts.extend(registry.map(|at| (Role::Registry, at)));
    parts.extend(value.get("tag").map(|at| (Role::Tag, at)));
    parts.extend(value.get("digest").map(|at| (Role::Digest, at)));
    place(&parts, value, owner_of(at, value, path), sink)
}

fn place(parts: &[(Role, At<'_>)], whole: At<'_>, owner: Owner, sink: &Sink<'_>) -> Option<Place> {
    let text = |role| {
        let (_, at) = parts.iter().find(|(known, _)| *known == role)?;
        at.text().filter(|text| !text.is_empty() && !is_null(*at))
    };
    let name = match (
        text(Role::Registry),
        text(Role::Repository).or(text(Role::Name))?,
    ) {
        (Some(registry), repository) => format!("{registry}/{repository}"),
        (None, repository) => repository.to_owned(),
    };
    // A chart whose values say no tag takes its own version of the program.
    let version = app_version(sink);
    let tag = text(Role::Tag).or(version.as_deref());
    let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = text(Role::Digest)
        .map(|digest| format!("@{digest}"))
        .unwrap_or_default();
    let image = format!("{name}{tag}{digest}");
    let parts: Option<Vec<Part>> = parts
        .iter()
        .map(|(role, at)| part(*role, *at, sink))
        .collect();
    is_image(&image).then_some(Place {
        span: whole.span(),
        image,
        writing: Writing::Split(parts?),
        owner,
    })
}

fn part(role: Role, at: At<'_>, sink: &Sink<'_>) -> Option<Part> {
    let site = sink.site(at)?;
    if !site.span.is_empty() || at.style() != Some(Style::Plain) {
        return Some(Part {
            role,
            span: site.span,
            encoding: site.encoding,
        });
    }
    // `tag:` with nothing behind it: the parser puts nothing before the colon, and the colon wants a space.
    let rest = sink.text.get(site.span.end..)?;
    let colon = rest.find(|c: char| !matches!(c, ' ' | '\t' | '"' | '\''))?;
    let behind = site.span.end
        + if rest[colon..].starts_with(':') {
            colon + 1
        } else {
            0
        };
    Some(Part {
        role,
        span: behind..behind,
        encoding: Encoding::Literal {
            open: " \"".to_owned(),
            close: "\"".to_owned(),
        },
    })
}

/// `appVersion` of the chart that the values are of.
fn app_version(sink: &Sink<'_>) -> Option<String> {
    let chart = sink.settings.near.get("Chart.yaml")?;
    let (trees, _) = crate::structured::read_yaml(chart);
    let version = At::root(trees.first()?).text_of("appVersion")?.to_owned();
    Some(version)
}

fn owner_of(at: At<'_>, image: At<'_>, path: &str) -> Owner {
    Owner {
        replicas: ["replicaCount", "replicas"]
            .iter()
            .find_map(|key| at.number_of(key)),
        pull_policy: ["pullPolicy", "imagePullPolicy"]
            .iter()
            .find_map(|key| image.text_of(key))
            .and_then(kubernetes::pull_policy),
        ..Owner::named("Helm values", path)
    }
}
