//! GitLab's pipelines: `image` and `services` of jobs, of `default`, and of the file.

use std::collections::BTreeMap;

use crate::embedded::About;
use crate::sink::{Scope, Sink};
use crate::structured::kubernetes;
use crate::tree::At;
use crate::variables::{Binding, Dialect};
use crate::{Format, Owner, PullPolicy};

/// Keys of the file that are no jobs. Source: GitLab CI/CD YAML syntax reference.
const KEYWORDS: [&str; 9] = [
    "variables",
    "stages",
    "include",
    "workflow",
    "cache",
    "before_script",
    "after_script",
    "image",
    "services",
];

/// A job's scripts.
const SCRIPTS: [&str; 3] = ["before_script", "script", "after_script"];

/// Lists of lines within lists, which GitLab flattens; it takes ten.
const MAX_LISTS: u32 = 10;

/// Finds the images of a pipeline.
pub(crate) fn find(root: At<'_>, sink: &mut Sink<'_>) {
    images(root, (root, root), sink, "the pipeline");
    for (name, job) in root.entries() {
        if !KEYWORDS.contains(&name) && job.is_map() {
            images(job, (root, job), sink, name);
        }
    }
}

fn images(at: At<'_>, scopes: (At<'_>, At<'_>), sink: &mut Sink<'_>, name: &str) {
    let parallelism = at
        .get("parallel")
        .and_then(|parallel| parallel.text()?.parse().ok());
    let owner = |kind: &str| Owner {
        parallelism,
        ..Owner::named(kind, name)
    };
    if let Some(image) = at.get("image") {
        put(image, scopes, sink, owner("GitLab job"));
    }
    for service in at.get("services").into_iter().flat_map(At::items) {
        let owner = Owner {
            container: service.text_of("alias").map(str::to_owned),
            ..owner("GitLab service")
        };
        put(service, scopes, sink, owner);
    }
    for script in SCRIPTS.iter().filter_map(|key| at.get(key)) {
        lines(script, scopes, sink, (name, MAX_LISTS));
    }
}

/// A script: a text, or a list of them.
fn lines(at: At<'_>, scopes: (At<'_>, At<'_>), sink: &mut Sink<'_>, (name, lists): (&str, u32)) {
    if at.is_list() {
        let Some(lists) = lists.checked_sub(1) else {
            return;
        };
        at.items()
            .for_each(|item| lines(item, scopes, sink, (name, lists)));
        return;
    }
    let (root, job) = scopes;
    let mut set = BTreeMap::new();
    for at in [root, job] {
        for (key, value) in at.get("variables").into_iter().flat_map(At::entries) {
            let text = value.get("value").unwrap_or(value).text();
            let text = text.filter(|text| !text.contains('$'));
            set.extend(text.map(|text| (key.to_owned(), text.to_owned())));
        }
    }
    let about = About {
        format: Format::Shell,
        path: "",
        set,
        name: Some(name),
    };
    sink.embed(at, about);
}

fn put(at: At<'_>, (root, job): (At<'_>, At<'_>), sink: &mut Sink<'_>, mut owner: Owner) {
    // What another job says: it is found there.
    if at.tag() == Some("reference") {
        return;
    }
    owner.pull_policy = at.get("pull_policy").and_then(pull_policy);
    let image = at.get("name").unwrap_or(at);
    let text = image.text().unwrap_or_default();
    let values: Vec<(&str, Binding)> = crate::variables::names(text)
        .filter_map(|name| {
            // A job's own go before the file's.
            let at = variable(job, name).or_else(|| variable(root, name))?;
            let binding = sink.binding(at)?;
            (!binding.text.contains('$')).then_some((name, binding))
        })
        .collect();
    let settings = sink.settings;
    let lookup = |name: &str| {
        settings.set_value(name).or_else(|| {
            let own = values.iter().find(|(known, _)| *known == name);
            own.map(|(_, binding)| binding.clone())
        })
    };
    let scope = Scope {
        dialect: Dialect::GitLab,
        lookup: &lookup,
    };
    sink.scalar(image, scope, owner);
}

/// A variable of a file or a job, plain or with a description.
fn variable<'a>(at: At<'a>, name: &str) -> Option<At<'a>> {
    let value = at.path(&["variables", name])?;
    Some(value.get("value").unwrap_or(value))
}

/// GitLab writes the runner's words, in one or in a list of which the first is tried first.
fn pull_policy(at: At<'_>) -> Option<PullPolicy> {
    let word = at.text().or_else(|| at.items().next()?.text())?;
    match word {
        "always" => Some(PullPolicy::Always),
        "if-not-present" => Some(PullPolicy::IfAbsent),
        "never" => Some(PullPolicy::Never),
        _ => kubernetes::pull_policy(word),
    }
}
