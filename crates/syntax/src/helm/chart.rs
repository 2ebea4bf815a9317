//! A chart by the files around its values: what it is made of, what it is a part of, and what its templates print.
//!
//! The files are texts by their paths from the chart's folder; those of the charts around it begin with `../../`.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::printed::{Printed, WrittenIn};
use crate::{At, Format, Tree, read_yaml};

/// A chart's own values.
const VALUES: &str = "values.yaml";
/// How the paths of values begin that all charts of one see.
const GLOBAL: &str = "global.";
/// The file that says what a chart is.
const CHART: &str = "Chart.yaml";
/// How the paths of the files begin that belong to the chart that one is in, from each to the next.
const ABOVE: &str = "../../";
/// Where charts are given the registry of all images, which goes before each one's own.
const GLOBAL_REGISTRY: &str = "global.imageRegistry";

/// The texts of the files near one.
pub type Near = BTreeMap<String, String>;

/// The values, what holds where they say nothing, and what the templates print of them.
pub struct Chart<'a> {
    root: At<'a>,
    /// What the chart says its program's version is.
    pub version: Option<&'a str>,
    /// Whether the values are of a chart that is not here.
    is_absent: bool,
    files: &'a ChartFiles<'a>,
    /// By their keys; the chart's own has none.
    printed: Vec<(String, Printed)>,
    /// Keys of charts that it is made of, and that are not here.
    absent: &'a BTreeSet<String>,
}

/// Values of another file: the chart's own below an overlay, and those of the charts that it is made of.
struct Below<'a> {
    /// The key of the chart that they are of; empty for the chart itself.
    key: String,
    file: &'a str,
    tree: Tree<'a>,
}

impl<'a> Chart<'a> {
    /// The chart whose values these are, with the texts of the files around them.
    pub fn new(root: At<'a>, near: &Near, files: &'a ChartFiles<'a>) -> Self {
        let charts = &files.charts;
        let mut printed = vec![(String::new(), Printed::of(near, Format::CHART_TEMPLATES))];
        for (key, folder) in &charts.here {
            let folder = format!("{folder}{}", Format::CHART_TEMPLATES);
            printed.push((key.clone(), Printed::of(near, &folder)));
        }
        Self {
            root,
            version: charts.version.as_deref(),
            is_absent: charts.is_absent,
            files,
            printed,
            absent: &charts.absent,
        }
    }

    /// The value of a path that these values do not say, and the file that does.
    pub fn find_below(&self, path: &str) -> Option<(&'a str, At<'a>)> {
        self.files.below.iter().find_map(|below| {
            let path = inner(path, &below.key)?;
            let at = At::root(&below.tree).path(&path.split('.').collect::<Vec<_>>())?;
            Some((below.file, at))
        })
    }

    /// What a value says, if anything does.
    pub fn text(&self, path: &str) -> Option<&'a str> {
        let own = self.root.path(&path.split('.').collect::<Vec<_>>());
        let at = own.or_else(|| Some(self.find_below(path)?.1))?;
        at.text().filter(|text| !text.is_empty() && !at.is_null())
    }

    /// Whether any values say something at a path: those that go before these, or these.
    fn is_said(&self, path: &str) -> bool {
        let is_above = || {
            let mut above = self.files.above().iter();
            above.any(|(key, tree)| {
                let path = outer(path, key);
                let at = At::root(tree).path(&path.split('.').collect::<Vec<_>>());
                at.is_some_and(|at| at.text().is_some_and(|text| !text.is_empty()) && !at.is_null())
            })
        };
        let last = path.rsplit('.').next().unwrap_or_default();
        self.text(path).is_some() || self.files.may_say(last) && is_above()
    }

    /// Whether a template prints the value of this path as a whole image.
    pub fn is_image(&self, path: &str) -> bool {
        let mut printed = self.printed.iter();
        printed.any(|(key, printed)| inner(path, key).is_some_and(|path| printed.is_image(path)))
    }

    /// Where the image is written whose name is the value of `path`, and its registry perhaps the value beside it.
    pub fn written_in(&self, path: &str) -> WrittenIn<'_> {
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
                let is_empty = |path: &String| !path.is_empty() && !self.is_said(path);
                outer.iter().all(|path| is_own(path) || is_empty(path))
            };
            match printed.written_in(path, &is_nothing) {
                WrittenIn::Values => {}
                other => return other,
            }
        }
        WrittenIn::Values
    }

    /// Why nobody knows whether the chart prints another registry before a name: that chart is not here.
    pub fn absent(&self, path: &str, is_named: bool) -> Option<String> {
        let key = path.split('.').next().unwrap_or_default();
        let chart = match (self.is_absent, self.absent.contains(key)) {
            (true, _) => "the chart".to_owned(),
            (_, true) => format!("the chart `{key}`"),
            _ => return None,
        };
        if self.text(GLOBAL_REGISTRY).is_some() {
            return Some(format!(
                "{chart} is not here, and may put `{GLOBAL_REGISTRY}` before it: change both by hand"
            ));
        }
        (!is_named).then(|| no_chart(&chart))
    }
}

/// What is not known of a name without a registry where the chart is not here.
pub fn no_chart(chart: &str) -> String {
    format!(
        "{chart} is not here, and may put a registry of its own before it: set `registry` beside it (`\"\"` for none)"
    )
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

/// What a chart's own file says, and the charts that it is made of.
#[derive(Default)]
struct Charts {
    version: Option<String>,
    is_absent: bool,
    /// Their keys, and their folders in it.
    here: BTreeSet<(String, String)>,
    absent: BTreeSet<String>,
}

fn charts(near: &Near) -> Charts {
    let folder = |name: &str| {
        let (folder, _) = name.strip_prefix(Format::CHARTS)?.split_once('/')?;
        Some(folder.to_owned())
    };
    let folders: BTreeSet<String> = near.keys().filter_map(|name| folder(name)).collect();
    let path = |folder: &str| format!("{}{folder}/", Format::CHARTS);
    let mut named = BTreeSet::new();
    let (trees, _) = near
        .get(CHART)
        .map(|text| read_yaml(text))
        .unwrap_or_default();
    let chart = trees.first().map(At::root);
    let version = chart.and_then(|chart| chart.text_of("appVersion"));
    let mut charts = Charts {
        version: version.map(str::to_owned),
        // A template's own file is above it.
        is_absent: !near
            .keys()
            .any(|name| name.ends_with(CHART) || Format::is_of_chart(name)),
        ..Charts::default()
    };
    let dependencies = chart.and_then(|chart| chart.get("dependencies"));
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

/// The values of other files.
pub struct ChartFiles<'a> {
    near: &'a Near,
    charts: Charts,
    /// What holds where those of a file say nothing.
    below: Vec<Below<'a>>,
    /// What may hold instead: overlays of the chart, and the values of the charts that it is a part of, by their paths.
    others: Vec<(&'a str, &'a str)>,
    /// The same, with the key that the chart has there, parsed when it is asked for.
    above: OnceCell<Vec<(String, Tree<'a>)>>,
    /// Keys that were looked for in their texts, and whether any has them.
    keys: RefCell<HashMap<String, bool>>,
}

impl<'a> ChartFiles<'a> {
    /// The files around a chart's values, read.
    pub fn of(near: &'a Near) -> Self {
        let charts = charts(near);
        let own = [(String::new(), VALUES.to_owned())].into_iter();
        let here = charts.here.iter();
        let here = here.map(|(key, folder)| (key.clone(), format!("{folder}{VALUES}")));
        let values = |(key, file): (String, String)| {
            let (file, text) = near.get_key_value(&file)?;
            let tree = read_yaml(text).0.into_iter().next()?;
            Some(Below { key, file, tree })
        };
        let below = own.chain(here).filter_map(values).collect();
        let others = near.iter().filter(|(name, _)| {
            let is_below = *name == VALUES || name.starts_with(Format::CHARTS);
            !is_below && Format::is_values(name)
        });
        let others = others.map(|(name, text)| (name.as_str(), text.as_str()));
        Self {
            near,
            charts,
            below,
            others: others.collect(),
            above: OnceCell::new(),
            keys: RefCell::default(),
        }
    }

    /// Whether any of the others has a key: a chart may have very many, of which hardly any has it.
    fn may_say(&self, key: &str) -> bool {
        let mut keys = self.keys.borrow_mut();
        let has = || self.others.iter().any(|(_, text)| text.contains(key));
        *keys.entry(key.to_owned()).or_insert_with(has)
    }

    fn above(&self) -> &[(String, Tree<'a>)] {
        self.above.get_or_init(|| {
            let parsed = self.others.iter().filter_map(|(file, text)| {
                let tree = read_yaml(text).0.into_iter().next()?;
                Some((key_above(self.near, file), tree))
            });
            parsed.collect()
        })
    }
}

/// The key that a chart has in the one that a file belongs to: `redis` where the file's name begins with `../../`.
fn key_above(near: &Near, file: &str) -> String {
    let mut keys: Vec<String> = Vec::new();
    let mut chart = String::new();
    while file
        .strip_prefix(&chart)
        .is_some_and(|rest| rest.starts_with(ABOVE))
    {
        let read = |name: String| near.get(&name).map(|text| read_yaml(text).0);
        let own = read(format!("{chart}{CHART}")).unwrap_or_default();
        let name = own.first().and_then(|tree| At::root(tree).text_of("name"));
        chart.push_str(ABOVE);
        let outer = read(format!("{chart}{CHART}")).unwrap_or_default();
        let list = outer
            .first()
            .and_then(|tree| At::root(tree).get("dependencies"));
        let mut list = list.into_iter().flat_map(At::items);
        let alias = list
            .find(|one| one.text_of("name") == name)
            .and_then(|one| one.text_of("alias"));
        keys.insert(0, alias.or(name).unwrap_or_default().to_owned());
    }
    keys.join(".")
}
