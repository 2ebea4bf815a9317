//! The formats that are YAML or JSON: reads the syntax, then asks each document's shape what it is.

mod bake;
mod cloudformation;
mod compose;
mod cortex;
mod ecs;
mod github;
mod gitlab;
mod intrinsics;
mod kubernetes;
mod kustomize;
mod terraform_json;
mod values;

use forebay_syntax::{At, Tree, read_json, read_yaml};

use crate::sink::Sink;
use crate::{Format, Found, Note, Settings};

pub(crate) use bake::SCHEME as BAKE_SCHEME;
pub use compose::{beside as beside_compose, overrides as compose_overrides};
pub use github::beside as beside_workflow;
pub use gitlab::is_pipeline;
pub(crate) use kubernetes::{ON_SELECTED, pull_policy};
pub(crate) use values::find as find_values;

/// Finds images in YAML of any kind.
pub(crate) fn find_yaml(path: &str, text: &str, settings: &Settings) -> Found {
    let (trees, notes) = read_yaml(text);
    let mut found = find_trees(path, text, settings, &trees);
    found.notes.extend(notes);
    found
}

/// Finds images in JSON of any kind.
pub(crate) fn find_json(path: &str, text: &str, settings: &Settings) -> Found {
    match read_json(text) {
        Ok(tree) => find_trees(path, text, settings, &[tree]),
        Err(note) => Found::only(note),
    }
}

fn find_trees(path: &str, text: &str, settings: &Settings, trees: &[Tree<'_>]) -> Found {
    let mut sink = Sink::new(text, path, settings);
    for tree in trees {
        let root = At::root(tree);
        match kind_of(root, path, settings) {
            Kind::Kustomization => kustomize::find(root, &mut sink),
            Kind::Kubernetes => kubernetes::find(root, &mut sink),
            Kind::JsonPatch => kubernetes::find_json_patch(root, &mut sink),
            Kind::Workflow => github::find_workflow(root, &mut sink),
            Kind::Action => github::find_action(root, &mut sink),
            Kind::GitLab => gitlab::find(root, &mut sink),
            Kind::Compose => compose::find(root, &mut sink),
            Kind::CloudFormation => cloudformation::find(root, &mut sink),
            Kind::Bake => bake::find(root, &mut sink),
            Kind::TerraformJson => terraform_json::find(root, &mut sink),
            Kind::Ecs => ecs::find(root, &mut sink),
            Kind::Cortex => cortex::find(root, &mut sink),
            Kind::Values => values::find(root, &mut sink),
            Kind::Other => {}
        }
        if tree.is_exhausted() {
            sink.found.notes.push(Note::whole(
                "aliases beyond any use: not all of them were followed",
            ));
        }
    }
    sink.found
}

/// Whether one of a file's documents is of a kind that is known, or there is none; of other syntaxes each file is.
pub(crate) fn is_any_known(
    (format, path): (Format, &str),
    text: &str,
    settings: &Settings,
) -> bool {
    let trees = match format {
        Format::Yaml => {
            let (trees, notes) = read_yaml(text);
            // What could not be read is told when it is looked through.
            if !notes.is_empty() {
                return true;
            }
            trees
        }
        Format::Json => read_json(text).into_iter().collect(),
        _ => return true,
    };
    let mut roots = trees.iter().map(At::root).filter(|root| !root.is_null());
    let Some(first) = roots.next() else {
        return true;
    };
    let is_known = |root| kind_of(root, path, settings) != Kind::Other;
    is_made_of_others(path) || is_known(first) || roots.any(is_known)
}

/// Whether a file of this name is known for what it takes from others, where it says nothing else.
fn is_made_of_others(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit(['/', '\\']).next().unwrap_or_default();
    name == "chart.yaml" || name.starts_with("compose") || name.starts_with("docker-compose")
}

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Kustomization,
    Kubernetes,
    JsonPatch,
    Workflow,
    Action,
    GitLab,
    Compose,
    CloudFormation,
    Bake,
    TerraformJson,
    Ecs,
    Cortex,
    Values,
    Other,
}

fn kind_of(root: At<'_>, path: &str, settings: &Settings) -> Kind {
    let has = |key| root.get(key).is_some();
    let lower = path.to_ascii_lowercase().replace('\\', "/");
    let name = lower.rsplit('/').next().unwrap_or_default();
    if name == "kustomization"
        || name.starts_with("kustomization.")
        || root
            .text_of("apiVersion")
            .is_some_and(|version| version.starts_with("kustomize.config.k8s.io/"))
    {
        return Kind::Kustomization;
    }
    if has("apiVersion") && has("kind") {
        return Kind::Kubernetes;
    }
    if bake::is_bake(root, name) {
        return Kind::Bake;
    }
    if terraform_json::is_named(name) {
        return Kind::TerraformJson;
    }
    if kubernetes::is_json_patch(root) {
        return Kind::JsonPatch;
    }
    if name.contains("gitlab-ci") || lower.contains(".gitlab/") || lower.contains("gitlab-ci/") {
        return Kind::GitLab;
    }
    if has("jobs") && (has("on") || has("true") || lower.contains(".github/workflows/")) {
        return Kind::Workflow;
    }
    if root.path(&["runs", "using"]).is_some() {
        return Kind::Action;
    }
    if root.get("Resources").is_some_and(At::is_map)
        && (has("AWSTemplateFormatVersion")
            || root.get("Resources").is_some_and(|resources| {
                resources
                    .entries()
                    .any(|(_, at)| at.text_of("Type").is_some())
            }))
    {
        return Kind::CloudFormation;
    }
    if ecs::is_task_definition(root) {
        return Kind::Ecs;
    }
    if root.get("services").is_some_and(compose::is_services) {
        return Kind::Compose;
    }
    let is_values = name.contains("values") || settings.near.contains_key("Chart.yaml");
    // Travis writes scripts alike, and services that are no images.
    if !is_values && !name.contains("travis") && is_pipeline(root) {
        return Kind::GitLab;
    }
    if cortex::is_cortex(root) {
        return Kind::Cortex;
    }
    if is_values {
        return Kind::Values;
    }
    Kind::Other
}
