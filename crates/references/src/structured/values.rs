//! Values of Helm charts: images as one text, or as registry, repository, tag and digest.

use crate::helm::{Printed, WrittenIn};
use crate::sink::{Scope, Sink, is_image, is_null};
use crate::structured::kubernetes;
use crate::tree::{At, Style};
use crate::variables::Dialect;
use crate::{Encoding, Note, Owner, Part, Place, Role, Why, Writing};

/// Levels of values that are searched.
const MAX_DEPTH: u32 = 32;
/// What charts call the parts of an image.
const REPOSITORY_KEYS: [&str; 3] = ["repository", "repo", "name"];

/// The values, and what the chart's own templates print of them.
struct Chart<'a> {
    root: At<'a>,
    printed: Printed,
}

impl Chart<'_> {
    /// Where the image is written whose name is the value of `path`, and its registry perhaps the value beside it.
    fn written_in(&self, path: &str) -> WrittenIn<'_> {
        let beside = path.rsplit_once('.').map_or("", |(map, _)| map);
        let beside = [beside, "registry"].join(".");
        let text = |path: &str| {
            let at = self.root.path(&path.split('.').collect::<Vec<_>>())?;
            at.text().filter(|text| !text.is_empty() && !is_null(at))
        };
        let registry = Some(beside.trim_start_matches('.')).filter(|path| text(path).is_some());
        self.printed.written_in(path, &|operand| {
            let is_beside = registry.is_some_and(|registry| operand.contains(registry));
            let is_empty = |path: &String| !path.is_empty() && text(path).is_none();
            is_beside || operand.iter().all(is_empty)
        })
    }
}

/// Finds the images of a values file.
pub(crate) fn find(root: At<'_>, sink: &mut Sink<'_>) {
    // What the chart's own templates print as an image is one, whatever its key.
    let printed = Printed::of(&sink.settings.near);
    search(root, ("", &Chart { root, printed }), sink, MAX_DEPTH);
}

fn search(at: At<'_>, (path, chart): (&str, &Chart<'_>), sink: &mut Sink<'_>, depth: u32) {
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
        if (is_image_key(key) || chart.printed.is_image(&path)) && value.text().is_some() {
            if is_written_here(value, &path, chart, sink) {
                single(at, key, &path, sink);
            }
        } else if let Some((name, place)) = split(at, (key, value), &path, sink) {
            if is_written_here(value, &format!("{path}.{name}"), chart, sink) {
                sink.place(place);
            }
        } else if value.is_map() {
            search(value, (&path, chart), sink, depth);
        } else {
            for (index, item) in value
                .items()
                .enumerate()
                .filter(|(_, item)| !item.is_alias())
            {
                search(item, (&format!("{path}[{index}]"), chart), sink, depth);
            }
        }
    }
}

/// `image`, `sidecarImage`, `init_image`; but neither `imagePullPolicy` nor `images`.
fn is_image_key(key: &str) -> bool {
    key == "image" || key.ends_with("Image") || key.ends_with("_image") || key.ends_with("-image")
}

/// Whether what the value at `path` is a name of is written in the values; says where it is, if not.
fn is_written_here(at: At<'_>, path: &str, chart: &Chart<'_>, sink: &mut Sink<'_>) -> bool {
    match chart.written_in(path) {
        WrittenIn::Values => return true,
        WrittenIn::Template(template) => {
            let text = format!("`{path}` stands in more text in {template}, where the image is");
            sink.found.notes.push(Note::advice(at.span().start, text));
        }
        WrittenIn::Several => sink.ambiguous(at.span(), Why::Template, owner_of(at, at, path)),
    }
    false
}

/// An image as one text, its registry, tag and digest perhaps beside it.
fn single(at: At<'_>, key: &str, path: &str, sink: &mut Sink<'_>) {
    let owner = owner_of(at, at, path);
    let Some(image) = at.get(key) else { return };
    // Switches and templates of the chart's own go by such names, too.
    let text = image.text().filter(|text| !text.contains("{{"));
    let Some(text) = text.filter(|text| !matches!(*text, "true" | "false")) else {
        return;
    };
    let beside = |name| {
        let at = at.get(name).filter(|_| key == "image")?;
        at.text().is_some_and(|text| !text.is_empty()).then_some(at)
    };
    let registry = beside("registry").filter(|_| !has_registry(text));
    let is_whole = text.rsplit('/').next().unwrap_or(text).contains([':', '@']);
    let tag = at
        .get(&format!("{key}Tag"))
        .or_else(|| at.get("tag").filter(|_| key == "image"));
    let digest = beside("digest").filter(|_| tag.is_some() || !is_whole);
    if registry.is_some() || tag.is_some() || digest.is_some() {
        let role = registry.map_or(Role::Name, |_| Role::Repository);
        let mut parts = vec![(role, image)];
        parts.extend(registry.map(|at| (Role::Registry, at)));
        parts.extend(tag.map(|at| (Role::Tag, at)));
        parts.extend(digest.map(|at| (Role::Digest, at)));
        if let Some(place) = place(&parts, at, owner.clone(), sink) {
            return sink.place(place);
        }
        // Without its registry it would be another image.
        if registry.is_some() {
            return sink.ambiguous(image.span(), Why::Template, owner);
        }
    }
    let settings = sink.settings;
    let lookup = |name: &str| settings.set_value(name);
    let scope = Scope {
        dialect: Dialect::Compose,
        lookup: &lookup,
    };
    sink.scalar(image, scope, owner);
}

/// Whether a name begins with a registry.
fn has_registry(text: &str) -> bool {
    text.split_once('/')
        .is_some_and(|(host, _)| host.contains(['.', ':']) || host == "localhost")
}

/// An image in parts; `None` for a map that is none.
///
/// Says under which key its name is.
fn split(
    at: At<'_>,
    (key, value): (&str, At<'_>),
    path: &str,
    sink: &Sink<'_>,
) -> Option<(&'static str, Place)> {
    let found = |key: &&'static str| Some((*key, value.get(key)?));
    let (name, repository) = REPOSITORY_KEYS.iter().find_map(found)?;
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
    let place = place(&parts, value, owner_of(at, value, path), sink)?;
    Some((name, place))
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
