//! Values of Helm charts: images as one text, or as registry, repository, tag and digest.

use forebay_syntax::{
    At, Style,
    helm::{Chart, ChartFiles, Near, WrittenIn},
};

use super::kubernetes;
use crate::sink::{Scope, Sink, has_registry, is_image};
use crate::variables::Dialect;
use crate::{Encoding, Note, Owner, Part, Place, Role, Why, Writing};

/// Levels of values that are searched.
const MAX_DEPTH: u32 = 32;
/// What charts call the parts of an image.
const REPOSITORY_KEYS: [&str; 3] = ["repository", "repo", "name"];

/// What charts call the rest of it.
const OTHER_PARTS: [&str; 3] = ["registry", "tag", "digest"];

/// Finds the images of a values file.
pub(crate) fn find(root: At<'_>, sink: &mut Sink<'_>) {
    let left_off = sink.settings.left_off;
    if left_off > 0 {
        let text = format!("{left_off} other files of values of its chart were not read beside it");
        sink.found.notes.push(Note::advice(root.span().start, text));
    }
    find_of(root, &sink.settings.near, sink);
}

/// Finds the images of values whose chart is not here.
pub(crate) fn find_alone(root: At<'_>, sink: &mut Sink<'_>) {
    find_of(root, &Near::new(), sink);
}

fn find_of(root: At<'_>, near: &Near, sink: &mut Sink<'_>) {
    let files = ChartFiles::of(near);
    // What the chart's own templates print as an image is one, whatever its key.
    let chart = Chart::new(root, near, &files);
    search(root, ("", &chart), sink, MAX_DEPTH);
}

fn search<'a>(at: At<'a>, (path, chart): (&str, &Chart<'a>), sink: &mut Sink<'_>, depth: u32) {
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
        if (is_image_key(key) || chart.is_image(&path)) && value.text().is_some() {
            if is_written_here(value, &path, chart, sink) {
                single(at, key, (&path, chart), sink);
            }
        } else if let Some((name, place)) = split(at, (key, value), (&path, chart), sink) {
            if is_written_here(value, &format!("{path}.{name}"), chart, sink) {
                put(value, place, (&path, chart), sink);
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
        WrittenIn::Several(why) => {
            sink.ambiguous(at.span(), Why::Chart(why), owner_of(at, at, path));
        }
    }
    false
}

/// An image in parts, unless nobody knows whether it has a registry.
fn put(value: At<'_>, place: Place, (path, chart): (&str, &Chart<'_>), sink: &mut Sink<'_>) {
    let is_named = has_registry(&place.image) || value.get("registry").is_some();
    match chart.absent(path, is_named) {
        Some(why) => sink.ambiguous(value.span(), Why::Chart(why), place.owner),
        None => sink.place(place),
    }
}

/// An image as one text, its registry, tag and digest perhaps beside it.
fn single(at: At<'_>, key: &str, (path, chart): (&str, &Chart<'_>), sink: &mut Sink<'_>) {
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
    let beside_it = path.strip_suffix(key).unwrap_or_default();
    let registry = if at.get("registry").is_some() || key != "image" {
        beside("registry").map(Said::here)
    } else {
        said_below(chart, &format!("{beside_it}registry"))
    };
    let registry = registry.filter(|_| !has_registry(text));
    let is_whole = text.rsplit('/').next().unwrap_or(text).contains([':', '@']);
    let tag = at
        .get(&format!("{key}Tag"))
        .or_else(|| at.get("tag").filter(|_| key == "image"));
    let digest = beside("digest").filter(|_| tag.is_some() || !is_whole);
    if registry.is_some() || tag.is_some() || digest.is_some() {
        let role = registry.map_or(Role::Name, |_| Role::Repository);
        let mut parts = vec![(role, Said::here(image))];
        parts.extend(registry.map(|said| (Role::Registry, said)));
        parts.extend(tag.map(|at| (Role::Tag, Said::here(at))));
        parts.extend(digest.map(|at| (Role::Digest, Said::here(at))));
        if let Some(place) = place(&parts, at, owner.clone(), (chart, sink)) {
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

/// A value, and the file that says it if it is another.
#[derive(Clone, Copy)]
struct Said<'a> {
    at: At<'a>,
    file: Option<&'a str>,
}

impl<'a> Said<'a> {
    fn here(at: At<'a>) -> Self {
        Self { at, file: None }
    }

    fn text(self) -> Option<&'a str> {
        let text = self.at.text();
        text.filter(|text| !text.is_empty() && !self.at.is_null())
    }
}

/// What another file says, where these values say nothing.
fn said_below<'a>(chart: &Chart<'a>, path: &str) -> Option<Said<'a>> {
    let (file, at) = chart.find_below(path)?;
    let file = Some(file);
    Some(Said { at, file }).filter(|said| said.text().is_some())
}

/// An image in parts; `None` for a map that is none.
///
/// Says under which key its name is.
fn split<'a>(
    at: At<'_>,
    (key, value): (&str, At<'a>),
    (path, chart): (&str, &Chart<'a>),
    sink: &Sink<'_>,
) -> Option<(&'static str, Place)> {
    let (name, repository) = named(value, (path, chart))?;
    let text = repository.at.text();
    text.filter(|text| !text.contains("{{"))?;
    let said = |key: &str| match value.get(key) {
        Some(at) => Some(Said::here(at)),
        None => said_below(chart, &format!("{path}.{key}")),
    };
    let named_so = key.to_ascii_lowercase().contains("image");
    let beside = ["tag", "digest", "pullPolicy", "registry", "imagePullPolicy"];
    let has_beside = beside.iter().any(|key| said(key).is_some());
    let is_named = name != "name";
    if !has_beside || !named_so && !is_named {
        return None;
    }
    let registry =
        said("registry").filter(|said| said.at.text().is_some_and(|text| !text.is_empty()));
    let role = registry.map_or(Role::Name, |_| Role::Repository);
    let mut parts = vec![(role, repository)];
    parts.extend(registry.map(|said| (Role::Registry, said)));
    parts.extend(said("tag").map(|said| (Role::Tag, said)));
    parts.extend(said("digest").map(|said| (Role::Digest, said)));
    let place = place(&parts, value, owner_of(at, value, path), (chart, sink))?;
    Some((name, place))
}

/// Under which key an image's name is. Values that say another part of it take the name from those below.
fn named<'a>(value: At<'a>, (path, chart): (&str, &Chart<'a>)) -> Option<(&'static str, Said<'a>)> {
    let here = |key: &&'static str| Some((*key, Said::here(value.get(key)?)));
    let below = |key: &&'static str| Some((*key, said_below(chart, &format!("{path}.{key}"))?));
    let is_part = OTHER_PARTS.iter().any(|key| value.get(key).is_some());
    let mut keys = REPOSITORY_KEYS.iter();
    let own = keys.find_map(here);
    own.or_else(|| REPOSITORY_KEYS.iter().find_map(below).filter(|_| is_part))
}

fn place(
    parts: &[(Role, Said<'_>)],
    whole: At<'_>,
    owner: Owner,
    (chart, sink): (&Chart<'_>, &Sink<'_>),
) -> Option<Place> {
    let text = |role| {
        let (_, said) = parts.iter().find(|(known, _)| *known == role)?;
        said.text()
    };
    let name = match (
        text(Role::Registry),
        text(Role::Repository).or(text(Role::Name))?,
    ) {
        (Some(registry), repository) => format!("{registry}/{repository}"),
        (None, repository) => repository.to_owned(),
    };
    // A chart whose values say no tag takes its own version of the program.
    let tag = text(Role::Tag).or(chart.version);
    let tag = tag.map(|tag| format!(":{tag}")).unwrap_or_default();
    let digest = text(Role::Digest)
        .map(|digest| format!("@{digest}"))
        .unwrap_or_default();
    let image = format!("{name}{tag}{digest}");
    let parts: Option<Vec<Part>> = parts
        .iter()
        .map(|(role, said)| match said.file {
            None => part(*role, said.at, sink),
            Some(file) => Some(Part {
                role: *role,
                span: whole.span().start..whole.span().start,
                encoding: Encoding::Elsewhere(file.to_owned()),
            }),
        })
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
