//! Cortex's images at Quay: which a cluster's configuration and its APIs want, by version.
//!
//! Source: Cortex's guide "Docker Hub rate limiting": from 0.23.0 on nothing has to change; older clusters name each image
//! in the cluster's configuration, two more up to 0.20.0; APIs name their predictor's; before 0.16.0 none were moved.

use forebay_references::{At, read_yaml};

use super::image::Image;
use super::plan::Planner;
use super::version::{Version, VersionRange};
use crate::{Edit, Found, Place};

/// Where Cortex's images are.
const THERE: &str = "quay.io/cortexlabs";

/// The keys of a cluster's configuration, and their images, in the guide's order.
const CLUSTER: [(&str, &str); 13] = [
    ("image_manager", "manager"),
    ("image_operator", "operator"),
    ("image_downloader", "downloader"),
    ("image_request_monitor", "request-monitor"),
    ("image_cluster_autoscaler", "cluster-autoscaler"),
    ("image_metrics_server", "metrics-server"),
    ("image_nvidia", "nvidia"),
    ("image_inferentia", "inferentia"),
    ("image_neuron_rtd", "neuron-rtd"),
    ("image_fluentd", "fluentd"),
    ("image_statsd", "statsd"),
    ("image_istio_proxy", "istio-proxy"),
    ("image_istio_pilot", "istio-pilot"),
];

/// Those that clusters up to 0.20.0 have as well.
const CLUSTER_BEFORE_0_21: [(&str, &str); 2] = [
    ("image_istio_galley", "istio-galley"),
    ("image_istio_citadel", "istio-citadel"),
];

/// Predictors' images.
const PREDICTORS: [&str; 15] = [
    "python-predictor-cpu",
    "python-predictor-gpu",
    "python-predictor-inf",
    "tensorflow-serving-cpu",
    "tensorflow-serving-gpu",
    "tensorflow-serving-inf",
    "tensorflow-predictor",
    "onnx-predictor-cpu",
    "onnx-predictor-gpu",
    "python-predictor-cpu-slim",
    "python-predictor-gpu-slim",
    "python-predictor-inf-slim",
    "tensorflow-predictor-slim",
    "onnx-predictor-cpu-slim",
    "onnx-predictor-gpu-slim",
];

/// The one that there is for each CUDA only.
const BY_CUDA: &str = "python-predictor-gpu-slim";

/// The CUDAs that there are.
const CUDA: [&str; 4] = ["-cuda10.0", "-cuda10.1", "-cuda10.2", "-cuda11.0"];

/// Keys of which a document with two is a cluster's configuration.
const CLUSTER_KEYS: [&str; 12] = [
    "cluster_name",
    "provider",
    "region",
    "instance_type",
    "min_instances",
    "max_instances",
    "availability_zones",
    "subnet_visibility",
    "nat_gateway",
    "bucket",
    "spot",
    "instance_volume_size",
];

/// What a version of Cortex wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Era {
    /// Before 0.16.0: nothing was moved.
    TooOld,
    /// Up to 0.20.0.
    WithGalley,
    /// From 0.21.0.
    Named,
    /// From 0.23.0: it knows by itself.
    Moved,
    /// Between 0.20.0 and 0.21.0, where the guide says nothing.
    Untold,
}

/// Plans a file of Cortex's; leaves all others alone.
pub(super) fn plan(planner: &mut Planner<'_>, found: &Found, version: Option<&Version>) {
    let (trees, _) = read_yaml(planner.text);
    for tree in &trees {
        let root = At::root(tree);
        if is_cluster(root) {
            cluster(planner, root, found, version);
        } else if root.items().any(|api| api.get("predictor").is_some()) {
            apis(planner, root, found, version);
        }
    }
}

fn is_cluster(root: At<'_>) -> bool {
    let known = CLUSTER_KEYS.iter().filter(|key| root.get(key).is_some());
    let has_image = CLUSTER.iter().any(|(key, _)| root.get(key).is_some());
    root.is_map() && root.get("apiVersion").is_none() && (has_image || known.count() >= 2)
}

fn cluster(planner: &mut Planner<'_>, root: At<'_>, found: &Found, version: Option<&Version>) {
    let span = root.span();
    let within = found
        .places
        .iter()
        .filter(|place| span.contains(&place.span.start));
    let places: Vec<&Place> = within.collect();
    let Some(version) = decide(planner, (&places, found), root, version) else {
        return;
    };
    let era = Era::of(&version);
    let mut keys = CLUSTER.to_vec();
    match era {
        Era::WithGalley => keys.extend(CLUSTER_BEFORE_0_21),
        Era::Named => {}
        _ => return advise(planner, &span, era, &version),
    }
    for place in places {
        moved(planner, place, &version);
    }
    let missing = keys.into_iter().filter(|(key, _)| root.get(key).is_none());
    let lines: Vec<(String, String)> = missing
        .map(|(key, image)| (key.to_owned(), format!("{THERE}/{image}:{version}")))
        .collect();
    insert(planner, root, &lines);
}

fn apis(planner: &mut Planner<'_>, root: At<'_>, found: &Found, version: Option<&Version>) {
    for api in root.items() {
        let Some(predictor) = api.get("predictor") else {
            continue;
        };
        let span = predictor.span();
        let within = found
            .places
            .iter()
            .filter(|place| span.contains(&place.span.start));
        let places: Vec<&Place> = within.collect();
        let Some(version) = decide(planner, (&places, found), predictor, version) else {
            continue;
        };
        let era = Era::of(&version);
        if !matches!(era, Era::WithGalley | Era::Named) {
            advise(planner, &span, era, &version);
            continue;
        }
        for place in places {
            moved(planner, place, &version);
        }
        let lines: Vec<(String, String)> = defaults(api, predictor)
            .into_iter()
            .filter(|(key, _)| predictor.get(key).is_none())
            .map(|(key, image)| (key.to_owned(), format!("{THERE}/{image}:{version}")))
            .collect();
        insert(planner, predictor, &lines);
    }
}

/// The images that Cortex takes where an API names none: by the predictor's type, and what it computes with.
fn defaults(api: At<'_>, predictor: At<'_>) -> Vec<(&'static str, String)> {
    let has = |what| api.path(&["compute", what]).is_some();
    let on = if has("inf") {
        "inf"
    } else if has("gpu") {
        "gpu"
    } else {
        "cpu"
    };
    match predictor.text_of("type") {
        Some("python") => vec![("image", format!("python-predictor-{on}"))],
        Some("tensorflow") => vec![
            ("image", "tensorflow-predictor".to_owned()),
            (
                "tensorflow_serving_image",
                format!("tensorflow-serving-{on}"),
            ),
        ],
        Some("onnx") if on != "inf" => vec![("image", format!("onnx-predictor-{on}"))],
        _ => Vec::new(),
    }
}

/// The version that was said, or the one that all of Cortex's images have: those of this part, or else those of the file.
fn decide(
    planner: &mut Planner<'_>,
    (places, found): (&[&Place], &Found),
    at: At<'_>,
    said: Option<&Version>,
) -> Option<Version> {
    if let Some(said) = said {
        return Some(said.clone());
    }
    let mut versions = versions(places.iter().copied());
    if versions.is_empty() {
        versions = self::versions(found.places.iter());
    }
    match versions.as_slice() {
        [one] => Some(one.clone()),
        several => {
            let why = if several.is_empty() {
                "no image tells the version of Cortex: say it, --to cortex:0.20.0"
            } else {
                "its images tell several versions of Cortex: say which, --to cortex:0.20.0"
            };
            let span = at.span();
            let text = planner.text.get(span.clone()).unwrap_or_default();
            let first = text.lines().next().unwrap_or_default().to_owned();
            planner.unsure(&span, first, why.to_owned());
            None
        }
    }
}

/// The versions of Cortex's images, wherever those are, each once.
fn versions<'a>(places: impl Iterator<Item = &'a Place>) -> Vec<Version> {
    let mut versions = Vec::new();
    for place in places {
        let image = place.image.parse().ok();
        let own = image.filter(is_cortex);
        let version = own.and_then(|image| Version::of_tag(image.tag.as_deref()?));
        versions.extend(version.filter(|version| !versions.contains(version)));
    }
    versions
}

/// Whether an image is one of Cortex's, wherever it is.
fn is_cortex(image: &Image) -> bool {
    image.namespace == "cortexlabs" || is_known(image)
}

/// Whether an image has the name of one of Cortex's, wherever it is.
fn is_known(image: &Image) -> bool {
    let all = CLUSTER.iter().chain(&CLUSTER_BEFORE_0_21);
    let mut names = all.map(|(_, image)| *image).chain(PREDICTORS);
    names.any(|name| name == image.name)
}

fn advise(planner: &mut Planner<'_>, span: &std::ops::Range<usize>, era: Era, version: &Version) {
    let advice = match era {
        Era::TooOld => format!(
            "Cortex {version} has no images at quay.io: upgrade to the latest version; from 0.23.0 on nothing has to be named"
        ),
        Era::Untold => format!(
            "no Cortex {version} is known: say 0.20.0 or before, or 0.21.0 or later, with --to cortex:VERSION"
        ),
        Era::Moved => {
            let text = format!(
                "Cortex {version} takes its images from quay.io by itself, as all from 0.23.0 on do: name none of them here"
            );
            return planner.note(span.start, &text);
        }
        Era::WithGalley | Era::Named => return,
    };
    let text = planner.text.get(span.clone()).unwrap_or_default();
    let first = text.lines().next().unwrap_or_default().to_owned();
    planner.unsure(span, first, advice);
}

/// Sends one of Cortex's images from Docker Hub to Quay, and says if it is of another version. Others are somebody's own choice.
fn moved(planner: &mut Planner<'_>, place: &Place, version: &Version) {
    let Ok(image) = place.image.parse::<Image>() else {
        return;
    };
    let own = image.tag.as_deref().and_then(Version::of_tag);
    if let Some(own) = own.filter(|own| own != version && is_cortex(&image)) {
        let text = format!(
            "{} stays of {own} beside images of {version}: Cortex wants all of one version",
            image.name
        );
        planner.note(place.span.start, &text);
    }
    if image.registry != "docker.io" || image.namespace != "cortexlabs" || !is_known(&image) {
        return;
    }
    let tag = image.tag.as_deref().unwrap_or_default();
    if image.name == BY_CUDA && !CUDA.iter().any(|suffix| tag.ends_with(suffix)) {
        let why = format!(
            "{BY_CUDA} is there for a CUDA only: end its tag in one of {}",
            CUDA.join(", ")
        );
        return planner.unsure(&place.span, place.image.clone(), why);
    }
    let rest = place.image.rsplit_once('/').map_or("", |(_, rest)| rest);
    planner.change(place, &format!("{THERE}/{rest}"));
}

/// Adds lines at the end of a map.
fn insert(planner: &mut Planner<'_>, map: At<'_>, lines: &[(String, String)]) {
    let text = planner.text;
    let span = map.span();
    let Some(first) = map.entries().next().and_then(|(key, _)| map.key_node(key)) else {
        return;
    };
    if lines.is_empty() {
        return;
    }
    if text[span.start..].starts_with('{') {
        let why = "its keys stand in braces: add what is missing by hand".to_owned();
        let keys: Vec<&str> = lines.iter().map(|(key, _)| key.as_str()).collect();
        return planner.unsure(&span, keys.join(", "), why);
    }
    let start = first.span().start;
    let indent = start - text[..start].rfind('\n').map_or(0, |end| end + 1);
    let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let before = text[..span.end]
        .trim_end_matches(['\r', '\n'])
        .len()
        .max(span.start);
    let (at, opens) = match text[before..].find('\n') {
        Some(end) => (before + end + 1, ""),
        None => (text.len(), line_end),
    };
    let mut new = opens.to_owned();
    for (index, (key, image)) in lines.iter().enumerate() {
        new.push_str(&" ".repeat(indent));
        new.extend([key, ": ", image]);
        if opens.is_empty() || index + 1 < lines.len() {
            new.push_str(line_end);
        }
    }
    let edit = Edit {
        start: at,
        end: at,
        new,
    };
    planner.add(edit, lines);
}

impl Era {
    fn of(version: &Version) -> Self {
        let eras = [
            (Self::TooOld, "<0.16.0"),
            (Self::Moved, ">=0.23.0"),
            (Self::Named, ">=0.21.0"),
            (Self::WithGalley, ">=0.16.0 <=0.20.0"),
        ];
        let text = version.to_string();
        let holds = |range: &str| {
            let range: Result<VersionRange, _> = range.parse();
            range.is_ok_and(|range| range.matches(&text))
        };
        let found = eras.iter().find(|(_, range)| holds(range));
        found.map_or(Self::Untold, |(era, _)| *era)
    }
}

#[cfg(test)]
mod tests;
