//! Values of Helm charts: images as one text, or as registry, repository, tag and digest.

use std::collections::{BTreeMap, BTreeSet};

use forebay_syntax::{
    At, Style, Tree,
    helm::{Printed, WrittenIn},
    read_yaml,
};

use super::kubernetes;
use crate::sink::{Scope, Sink, is_image};
use crate::variables::Dialect;
use crate::{Encoding, Format, Note, Owner, Part, Place, Role, Why, Writing};

/// Levels of values that are searched.
const MAX_DEPTH: u32 = 32;
/// A chart's own values.
const VALUES: &str = "values.yaml";
/// How the paths of values begin that all charts of one see.
const GLOBAL: &str = "global.";
/// What charts call the parts of an image.
const REPOSITORY_KEYS: [&str; 3] = ["repository", "repo", "name"];

/// What charts call the rest of it.
const OTHER_PARTS: [&str; 3] = ["registry", "tag", "digest"];

/// The texts of the files near one.
type Near = BTreeMap<String, String>;

/// The values, what holds where they say nothing, and what the templates print of them.
struct Chart<'a> {
    root: At<'a>,
    below: &'a [Below<'a>],
    /// By their keys; the chart's own has none.
    printed: Vec<(String, Printed)>,
    /// Keys of charts that it is made of, and that are not here.
    absent: BTreeSet<String>,
}

/// Values of another file: the chart's own below an overlay, and those of the charts that it is made of.
struct Below<'a> {
    /// The key of the chart that they are of; empty for the chart itself.
    key: String,
    file: &'a str,
    tree: Tree<'a>,
}

impl<'a> Chart<'a> {
    fn new(root: At<'a>, below: &'a [Below<'a>], near: &'a Near) -> Self {
        let mut printed = vec![(String::new(), Printed::of(near, Format::CHART_TEMPLATES))];
        let charts = charts(near);
        for (key, folder) in &charts.here {
            let folder = format!("{folder}{}", Format::CHART_TEMPLATES);
            printed.push((key.clone(), Printed::of(near, &folder)));
        }
        Self {
            root,
            below,
            printed,
            absent: charts.absent,
        }
    }

    /// The value of a path that these values do not say, and the file that does.
    fn find_below(&self, path: &str) -> Option<(&'a str, At<'a>)> {
        self.below.iter().find_map(|below| {
            let path = inner(path, &below.key)?;
            let at = At::root(&below.tree).path(&path.split('.').collect::<Vec<_>>())?;
            Some((below.file, at))
        })
    }

    /// What a value says, if anything does.
    fn text(&self, path: &str) -> Option<&'a str> {
        let own = self.root.path(&path.split('.').collect::<Vec<_>>());
        let at = own.or_else(|| Some(self.find_below(path)?.1))?;
        at.text().filter(|text| !text.is_empty() && !at.is_null())
    }

    /// Whether a template prints the value of this path as a whole image.
    fn is_image(&self, path: &str) -> bool {
        let mut printed = self.printed.iter();
        printed.any(|(key, printed)| inner(path, key).is_some_and(|path| printed.is_image(path)))
    }

    /// Where the image is written whose name is the value of `path`, and its registry perhaps the value beside it.
    fn written_in(&self, path: &str) -> WrittenIn<'_> {
        let beside = path.rsplit_once('.').map_or("", |(map, _)| map);
        let registry = [beside, "registry"].join(".");
        let registry = registry.trim_start_matches('.');
        let has_registry = self.text(registry).is_some();
        for (key, printed) in self.printed.iter().rev() {
            let Some(path) = inner(path, key) else {
                continue;
            };
            let is_nothing = |operand: &BTreeSet<String>| {
                let outer: Vec<String> = operand.iter().map(|path| outer(path, key)).collect();
                // Of several, the first that says something is printed: another than the one beside it must say nothing.
                let is_beside = has_registry && outer.iter().any(|path| path == registry);
                let is_own = |path: &String| is_beside && (path.is_empty() || path == registry);
                let is_empty = |path: &String| !path.is_empty() && self.text(path).is_none();
                outer.iter().all(|path| is_own(path) || is_empty(path))
            };
            match printed.written_in(path, &is_nothing) {
                WrittenIn::Values => {}
                other => return other,
            }
        }
        WrittenIn::Values
    }

    /// Why nobody knows whether the chart prints a registry before a name: that chart is not here.
    fn absent(&self, path: &str) -> Option<Why> {
        let key = path
            .split('.')
            .next()
            .filter(|key| self.absent.contains(*key))?;
        Some(Why::Chart(format!(
            "the chart `{key}` is not here, and may put a registry of its own before it: set `registry` beside it (`\"\"` for none)"
        )))
    }
}

/// A path as the chart of this key knows it: `a.image` is `image` to the chart `a`, and `global` is everybody's.
fn inner<'p>(path: &'p str, key: &str) -> Option<&'p str> {
    if key.is_empty() || path.starts_with(GLOBAL) {
        return Some(path);
    }
    path.strip_prefix(key)?.strip_prefix('.')
}

/// A path of the chart of this key, as the outer one knows it.
fn outer(path: &str, key: &str) -> String {
    if key.is_empty() || path.is_empty() || path.starts_with(GLOBAL) {
        return path.to_owned();
    }
    format!("{key}.{path}")
}

/// The charts that a chart is made of.
#[derive(Default)]
struct Charts {
    /// Their keys, and their folders in it.
    here: BTreeSet<(String, String)>,
    absent: BTreeSet<String>,
}

fn charts(near: &Near) -> Charts {
    let mut charts = Charts::default();
    let folder = |name: &str| {
        let (folder, _) = name.strip_prefix(Format::CHARTS)?.split_once('/')?;
        Some(folder.to_owned())
    };
    let folders: BTreeSet<String> = near.keys().filter_map(|name| folder(name)).collect();
    let path = |folder: &str| format!("{}{folder}/", Format::CHARTS);
    let mut named = BTreeSet::new();
    let (trees, _) = near
        .get("Chart.yaml")
        .map(|text| read_yaml(text))
        .unwrap_or_default();
    let dependencies = trees
        .first()
        .and_then(|tree| At::root(tree).get("dependencies"));
    for one in dependencies.into_iter().flat_map(At::items) {
        let Some(name) = one.text_of("name") else {
            continue;
        };
        let key = one.text_of("alias").unwrap_or(name).to_owned();
        if folders.contains(name) {
            charts.here.insert((key, path(name)));
            named.insert(name);
        } else {
            charts.absent.insert(key);
        }
    }
    let others = folders
        .iter()
        .filter(|folder| !named.contains(folder.as_str()));
    charts
        .here
        .extend(others.map(|folder| (folder.clone(), path(folder))));
    charts
}

/// What holds where the values of a file say nothing.
fn below(near: &Near) -> Vec<Below<'_>> {
    let mut files = vec![(String::new(), VALUES.to_owned())];
    let here = charts(near).here.into_iter();
    files.extend(here.map(|(key, folder)| (key, format!("{folder}{VALUES}"))));
    let mut below = Vec::new();
    for (key, file) in files {
        let Some((file, text)) = near.get_key_value(&file) else {
            continue;
        };
        let (trees, _) = read_yaml(text);
        below.extend(trees.into_iter().take(1).map(|tree| Below {
            key: key.clone(),
            file,
            tree,
        }));
    }
    below
}

/// Finds the images of a values file.
pub(crate) fn find(root: At<'_>, sink: &mut Sink<'_>) {
    let near = &sink.settings.near;
    let below = below(near);
    // What the chart's own templates print as an image is one, whatever its key.
    let chart = Chart::new(root, &below, near);
    search(root, ("", &chart), sink, MAX_DEPTH);
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
    match chart.absent(path).filter(|_| !is_named) {
        Some(why) => sink.ambiguous(value.span(), why, place.owner),
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
        chart.said_below(&format!("{beside_it}registry"))
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

impl<'a> Chart<'a> {
    /// What another file says, where these values say nothing.
    fn said_below(&self, path: &str) -> Option<Said<'a>> {
        let (file, at) = self.find_below(path)?;
        let file = Some(file);
        Some(Said { at, file }).filter(|said| said.text().is_some())
    }
}

/// An image in parts; `None` for a map that is none.
///
/// Says under which key its name is.
fn split(
    at: At<'_>,
    (key, value): (&str, At<'_>),
    (path, chart): (&str, &Chart<'_>),
    sink: &Sink<'_>,
) -> Option<(&'static str, Place)> {
    let (name, repository) = named(value, (path, chart))?;
    let text = repository.at.text();
    text.filter(|text| !text.contains("{{"))?;
    let said = |key: &str| match value.get(key) {
        Some(at) => Some(Said::here(at)),
        None => chart.said_below(&format!("{path}.{key}")),
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
    let place = place(&parts, value, owner_of(at, value, path), sink)?;
    Some((name, place))
}

/// Under which key an image's name is. Values that say another part of it take the name from those below.
fn named<'a>(value: At<'a>, (path, chart): (&str, &Chart<'a>)) -> Option<(&'static str, Said<'a>)> {
    let here = |key: &&'static str| Some((*key, Said::here(value.get(key)?)));
    let below = |key: &&'static str| Some((*key, chart.said_below(&format!("{path}.{key}"))?));
    let is_part = OTHER_PARTS.iter().any(|key| value.get(key).is_some());
    let mut keys = REPOSITORY_KEYS.iter();
    let own = keys.find_map(here);
    own.or_else(|| REPOSITORY_KEYS.iter().find_map(below).filter(|_| is_part))
}

fn place(
    parts: &[(Role, Said<'_>)],
    whole: At<'_>,
    owner: Owner,
    sink: &Sink<'_>,
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
    let version = app_version(sink);
    let tag = text(Role::Tag).or(version.as_deref());
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

/// `appVersion` of the chart that the values are of.
fn app_version(sink: &Sink<'_>) -> Option<String> {
    let chart = sink.settings.near.get("Chart.yaml")?;
    let (trees, _) = read_yaml(chart);
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
