//! GitHub's workflows and actions: containers, services, `docker://` steps.

mod built;
mod pushed;

use std::collections::{BTreeMap, HashMap};

use forebay_syntax::{At, matrix};

use crate::embedded::{About, Setting};
use crate::sink::{Scope, Sink, is_image};
use crate::variables::{Binding, Dialect};
use crate::{Ambiguous, Format, Owner, Why};

pub use built::beside;

/// How many variables are followed from one to the next.
const MAX_HOPS: u32 = 1;

/// How a step names an image.
const SCHEME: &str = "docker://";

/// A job, or what an action runs.
struct Job<'a> {
    root: At<'a>,
    at: At<'a>,
    name: &'a str,
    /// The jobs that its matrix makes of it; `None` where it has one that is computed when it runs.
    runs: Option<Vec<matrix::Job<'a>>>,
}

impl<'a> Job<'a> {
    fn new(root: At<'a>, at: At<'a>, name: &'a str) -> Self {
        let matrix = at.path(&["strategy", "matrix"]);
        Self {
            root,
            at,
            name,
            runs: matrix.map_or(Some(Vec::new()), matrix::github_jobs),
        }
    }

    /// An owner that runs once for each job of the matrix.
    fn owner(&self, kind: &str) -> Owner {
        let count = self.runs.as_ref().map(Vec::len);
        Owner {
            replicas: count
                .filter(|count| *count > 0)
                .and_then(|count| u32::try_from(count).ok()),
            is_count_unknown: count.is_none(),
            ..Owner::named(kind, self.name)
        }
    }
}

/// Finds the images of a workflow's jobs.
pub(crate) fn find_workflow(root: At<'_>, sink: &mut Sink<'_>) {
    let Some(jobs) = root.get("jobs") else { return };
    for (name, at) in jobs.entries() {
        let job = Job::new(root, at, name);
        if let Some(container) = at.get("container") {
            let image = container.get("image").unwrap_or(container);
            put("", image, &job, sink, job.owner("GitHub job"));
        }
        for (service, at) in at.get("services").into_iter().flat_map(At::entries) {
            let owner = Owner {
                container: Some(service.to_owned()),
                ..job.owner("GitHub service")
            };
            if let Some(image) = at.get("image") {
                put("", image, &job, sink, owner);
            }
        }
        steps(&job, sink);
    }
}

/// Finds the images of an action: what it runs in, or its steps.
pub(crate) fn find_action(root: At<'_>, sink: &mut Sink<'_>) {
    let Some(runs) = root.get("runs") else { return };
    let job = Job::new(root, runs, root.text_of("name").unwrap_or_default());
    if let Some(image) = runs.get("image") {
        put(SCHEME, image, &job, sink, job.owner("GitHub action"));
    }
    steps(&job, sink);
}

fn steps(job: &Job<'_>, sink: &mut Sink<'_>) {
    shown(job.at, job, sink);
    for step in job.at.get("steps").into_iter().flat_map(At::items) {
        shown(step, job, sink);
        if let Some(uses) = step.get("uses") {
            let owner = Owner {
                container: step.text_of("name").map(str::to_owned),
                ..job.owner("GitHub step")
            };
            put(SCHEME, uses, job, sink, owner);
        }
        built::find(step, job, sink);
        pushed::find(step, job, sink);
        if let Some(script) = step.get("run") {
            run(script, step, job, sink);
        }
    }
}

/// What people are shown as a name: a matrix's values that are in it go with the images that they are.
fn shown(at: At<'_>, job: &Job<'_>, sink: &mut Sink<'_>) {
    let Some(span) = at.get("name").map(At::span) else {
        return;
    };
    let text = sink.text.get(span.clone()).unwrap_or_default();
    for (start, _) in text.match_indices("${{") {
        let Some(length) = text[start..].find("}}") else {
            return;
        };
        let end = start + length + "}}".len();
        for (value, _) in matrix_of(&text[start..end], job).into_iter().flatten() {
            let shown = span.start + start..span.start + end;
            sink.found.read(shown, value.span());
        }
    }
}

/// A step's script, in the language of its shell.
fn run(script: At<'_>, step: At<'_>, job: &Job<'_>, sink: &mut Sink<'_>) {
    let (root, name) = (job.root, job.name);
    let bindings = Bindings::of(job, Some(step));
    let job = job.at;
    let shells = [&["shell"] as &[&str], &["defaults", "run", "shell"]];
    let shell = [step, job, root]
        .iter()
        .find_map(|at| shells.iter().find_map(|path| at.path(path)?.text()));
    let format = match shell.and_then(|shell| shell.split(' ').next()) {
        None | Some("bash" | "sh") => Format::Shell,
        Some("python") => Format::Python,
        Some(_) => return,
    };
    let mut variables = BTreeMap::new();
    // A step's own go before the job's, and those before the file's.
    for at in [root, job, step] {
        for (key, value) in at.get("env").into_iter().flat_map(At::entries) {
            let setting = bindings.setting(value, sink, MAX_HOPS);
            variables.extend(setting.map(|setting| (key.to_owned(), setting)));
        }
    }
    let about = About {
        format,
        path: "",
        variables,
        expression: &|name, sink| bindings.find(name, sink, MAX_HOPS),
        name: Some(name),
    };
    sink.embed(script, about);
}

/// An image in a job: one, or one for each value of a matrix that it is taken from.
fn put(scheme: &str, at: At<'_>, job: &Job<'_>, sink: &mut Sink<'_>, owner: Owner) {
    if let Some(values) = at.text().and_then(|text| matrix_of(text, job)) {
        let scope = Scope {
            dialect: Dialect::None,
            lookup: &|_| None,
        };
        for (value, jobs) in values {
            sink.found.read(at.span(), value.span());
            let owner = Owner {
                replicas: Some(jobs),
                ..owner.clone()
            };
            sink.scalar(value, scope, owner);
        }
        return;
    }
    let text = at.text().unwrap_or_default();
    let bindings = Bindings::of(job, None);
    let values: Vec<(String, Binding)> = names_in(text)
        .filter_map(|name| {
            let found = bindings.find(name, sink, MAX_HOPS)?.binding()?;
            Some((name.to_owned(), found))
        })
        .collect();
    if text.contains("${{") && text.contains("matrix.") && scheme.is_empty() {
        // A part of the name differs from run to run: there is no one image to name.
        let one = Ambiguous::at(sink.text, at.span(), Why::Template, owner);
        let images = in_each_job(text, job, &values);
        return sink.unsure(Ambiguous { images, ..one });
    }
    let lookup = |name: &str| {
        let found = values.iter().find(|(known, _)| known == name);
        found.map(|(_, binding)| binding.clone())
    };
    let scope = Scope {
        dialect: Dialect::GitHub,
        lookup: &lookup,
    };
    sink.prefixed(scheme, at, scope, owner);
}

/// What a text comes to in the jobs of a matrix, each image with how many have it; nothing if one of them is not known.
fn in_each_job(text: &str, job: &Job<'_>, values: &[(String, Binding)]) -> Vec<(String, u32)> {
    let mut images: Vec<(String, u32)> = Vec::new();
    for own in job.runs.iter().flatten() {
        let of_matrix = |name: &str| {
            let mut keys = name.strip_prefix("matrix.")?.split('.');
            let value = matrix::value(own, keys.next()?)?;
            value.path(&keys.collect::<Vec<_>>())?.text()
        };
        let bound = |name: &str| {
            let found = values.iter().find(|(known, _)| known == name)?;
            Some(found.1.text.as_str())
        };
        let image = filled_in(text, |name| of_matrix(name).or_else(|| bound(name)));
        let Some(image) = image.filter(|image| is_image(image)) else {
            return Vec::new();
        };
        match images.iter_mut().find(|(known, _)| *known == image) {
            Some((_, jobs)) => *jobs += 1,
            None => images.push((image, 1)),
        }
    }
    images
}

/// A text with the values of its expressions.
fn filled_in<'v>(text: &str, find: impl Fn(&str) -> Option<&'v str>) -> Option<String> {
    let mut parts = text.split("${{");
    let mut filled = parts.next()?.to_owned();
    for part in parts {
        let (name, rest) = part.split_once("}}")?;
        filled.push_str(find(name.trim())?);
        filled.push_str(rest);
    }
    Some(filled)
}

/// The expressions in a text.
fn names_in(text: &str) -> impl Iterator<Item = &str> {
    text.split("${{")
        .skip(1)
        .filter_map(|rest| rest.split_once("}}"))
        .map(|(name, _)| name.trim())
}

/// Where expressions get their values.
struct Bindings<'a> {
    root: At<'a>,
    job: At<'a>,
    step: Option<At<'a>>,
}

impl<'a> Bindings<'a> {
    fn of(job: &Job<'a>, step: Option<At<'a>>) -> Self {
        Self {
            root: job.root,
            job: job.at,
            step,
        }
    }

    /// What is set; `env.X` from the step, the job or the workflow, `inputs.X` from its default.
    fn find(&self, name: &str, sink: &Sink<'_>, hops: u32) -> Option<Setting> {
        let set = |name: &str| sink.settings.set_value(name).map(Setting::of);
        if let Some(key) = name.strip_prefix("env.") {
            let mut scopes = self.step.into_iter().chain([self.job, self.root]);
            return set(name).or_else(|| set(key)).or_else(|| {
                let at = scopes.find_map(|at| at.path(&["env", key]))?;
                self.setting(at, sink, hops)
            });
        }
        set(name).or_else(|| {
            let key = name
                .strip_prefix("inputs.")
                .or_else(|| name.strip_prefix("github.event.inputs."))?;
            let at = [
                &["inputs", key, "default"] as &[&str],
                &["on", "workflow_dispatch", "inputs", key, "default"],
                &["on", "workflow_call", "inputs", key, "default"],
            ]
            .iter()
            .find_map(|path| self.root.path(path))?;
            sink.binding(at).map(Setting::of)
        })
    }

    /// What a value comes to, with the expressions that are in it.
    fn setting(&self, at: At<'_>, sink: &Sink<'_>, hops: u32) -> Option<Setting> {
        let text = at.text()?;
        if !text.contains("${{") {
            return sink.binding(at).map(Setting::of);
        }
        let lookup = |name: &str| {
            let hops = hops.checked_sub(1)?;
            self.find(name, sink, hops)?.binding()
        };
        let scope = Scope {
            dialect: Dialect::GitHub,
            lookup: &lookup,
        };
        Setting::resolved(at, scope, sink)
    }
}

/// The values of a matrix with the jobs that have them, if a text is one of its variables and no more.
fn matrix_of<'a>(text: &str, job: &Job<'a>) -> Option<Vec<(At<'a>, u32)>> {
    let name = text.trim().strip_prefix("${{")?.strip_suffix("}}")?.trim();
    let mut keys = name.strip_prefix("matrix.")?.split('.');
    let first = keys.next()?;
    let rest: Vec<&str> = keys.collect();
    let mut values: Vec<(At<'a>, u32)> = Vec::new();
    let mut index = HashMap::new();
    for job in job.runs.iter().flatten() {
        let value = matrix::value(job, first).and_then(|at| at.path(&rest));
        let is_known = |at: &At<'a>| at.text().is_some_and(|text| !text.contains("${{"));
        let Some(value) = value.filter(is_known) else {
            continue;
        };
        let number = *index.entry(value.span().start).or_insert(values.len());
        match values.get_mut(number) {
            Some((_, jobs)) => *jobs += 1,
            None => values.push((value, 1)),
        }
    }
    (!values.is_empty()).then_some(values)
}
