//! What the files beside a program say of its settings: CDK's context, and the configuration of Pulumi's stacks.
//!
//! Such a value goes before the default that the program has, so that an image there is the one that runs; it is changed there.

use forebay_references::{Format, Settings};
use forebay_syntax::{At, read_json, read_yaml};

use crate::facts::Expr;

/// Where CDK's context is: beside the program, or above the folder that it is in.
const CONTEXTS: [&str; 3] = ["cdk.json", "../cdk.json", "../../cdk.json"];

/// Where Pulumi's files are, from the program's folder.
pub const PULUMI_FOLDERS: [&str; 2] = ["", "../"];

/// A setting that a file beside the program says.
pub(super) struct Said {
    pub(super) file: String,
    pub(super) value: String,
}

/// The files beside a program that say its settings: by their names, and whether there may be files of Pulumi's.
pub fn beside_source(format: Format, text: &str) -> (&'static [&'static str], bool) {
    let is_program = matches!(format, Format::Python | Format::TypeScript);
    let asks = ["tContext(", "t_context("]
        .iter()
        .any(|name| text.contains(name));
    let contexts = if is_program && asks {
        &CONTEXTS[..]
    } else {
        &[]
    };
    (contexts, is_program && text.contains("pulumi"))
}

/// Whether a file is of Pulumi's configuration by its name: `Pulumi.yaml`, `Pulumi.prod.yaml`.
pub fn is_pulumi_config(name: &str) -> bool {
    let ending = name.strip_prefix("Pulumi.");
    ending.is_some_and(|rest| rest.ends_with("yaml") || rest.ends_with("yml"))
}

/// What the files beside a program say where it asks for a setting; what is set on the command line goes before.
pub(super) fn said(asked: &Expr, text: &str, settings: &Settings) -> Vec<Said> {
    let Expr::Lookup { span, key, .. } = asked else {
        return Vec::new();
    };
    if settings.near.is_empty() || settings.set.contains_key(key) {
        return Vec::new();
    }
    let written = text.get(span.clone()).unwrap_or_default();
    let is_context = written.contains("ontext(");
    let is_config = written.contains("get(") || written.contains("require(");
    let project = project(settings);
    let said = settings.near.iter().filter_map(|(file, text)| {
        let name = file.rsplit('/').next().unwrap_or(file);
        let value = if name == "cdk.json" {
            in_context(text, key).filter(|_| is_context)
        } else {
            in_config(text, key, project.as_deref()).filter(|_| is_config && is_pulumi_config(name))
        }?;
        let file = file.clone();
        Some(Said { file, value })
    });
    said.collect()
}

fn in_context(text: &str, key: &str) -> Option<String> {
    let tree = read_json(text).ok()?;
    let value = At::root(&tree).path(&["context", key])?;
    value.text().map(str::to_owned)
}

/// What Pulumi calls the project.
fn project(settings: &Settings) -> Option<String> {
    let is_project = |file: &&String| file.rsplit('/').next().is_some_and(is_project_file);
    let file = settings.near.keys().find(is_project)?;
    let (trees, _) = read_yaml(&settings.near[file]);
    At::root(trees.first()?).text_of("name").map(str::to_owned)
}

fn is_project_file(name: &str) -> bool {
    matches!(name, "Pulumi.yaml" | "Pulumi.yml")
}

/// `project:key`, whose value may be a map with its description. Of several keys of that name it is the project's own.
fn in_config(text: &str, key: &str, project: Option<&str>) -> Option<String> {
    let (trees, _) = read_yaml(text);
    let config = At::root(trees.first()?).get("config")?;
    let last = |name: &str| name.rsplit(':').next().map(str::to_owned);
    let named = config.entries().filter(|(name, _)| last(name) == last(key));
    let named: Vec<(&str, At<'_>)> = named.collect();
    let is_own = |name: &str| {
        name == key || project.is_some_and(|project| name == format!("{project}:{key}"))
    };
    let own = named.iter().find(|(name, _)| is_own(name));
    let (_, value) = match named.as_slice() {
        [one] => one,
        _ => own?,
    };
    let value = value
        .get("value")
        .or_else(|| value.get("default"))
        .unwrap_or(*value);
    value.text().map(str::to_owned)
}
