//! What a workflow's actions build from: the images among the arguments of a build.

use forebay_syntax::{At, read_yaml};

use super::Job;
use super::pushed::{action_of, put_resolved, raw_text, values_in};
use crate::Owner;
use crate::dockerfile::Arguments;
use crate::sink::Sink;
use crate::structured::compose::{Argument, MAX_DOCKERFILES, argument, part_of, plain_path};
use crate::variables::MAX_TEXT_BYTES;

/// The action that builds.
///
/// Source: the README of `docker/build-push-action`: `file` is a path from the repository's root, and without it the
/// Dockerfile lies in `context`, which is that root if it is not given.
const ACTION: &str = "docker/build-push-action";

/// Its input with the build's arguments: `NAME=value`, one in a line, `#` begins a comment.
const ARGUMENTS: &str = "build-args";

/// Where workflows lie in a repository, and the way from there to its root.
const FOLDERS: [&str; 3] = [
    ".github/workflows",
    ".gitea/workflows",
    ".forgejo/workflows",
];
const TO_ROOT: &str = "../../";

/// The Dockerfiles that a workflow's builds give arguments to, by their paths from its folder.
pub fn beside(path: &str, text: &str) -> Vec<String> {
    let path = path.replace('\\', "/");
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let is_workflow = FOLDERS.iter().any(|known| folder.ends_with(known));
    if !is_workflow || !text.contains(ARGUMENTS) {
        return Vec::new();
    }
    let (trees, _) = read_yaml(text);
    let jobs = trees.first().and_then(|tree| At::root(tree).get("jobs"));
    let jobs = jobs.into_iter().flat_map(At::entries);
    let steps = jobs.filter_map(|(_, job)| job.get("steps"));
    let builds = steps
        .flat_map(At::items)
        .filter(|step| action_of(*step) == ACTION && step.path(&["with", ARGUMENTS]).is_some());
    let mut files: Vec<String> = builds
        .filter_map(dockerfile_of)
        .take(MAX_DOCKERFILES)
        .collect();
    files.sort();
    files.dedup();
    files
}

/// Where a build's Dockerfile lies, from the workflow's folder; `None` where it is not in the repository, or only a run tells.
fn dockerfile_of(step: At<'_>) -> Option<String> {
    let with = step.get("with")?;
    let context = with.text_of("context").unwrap_or(".");
    let path = match with.text_of("file") {
        Some(file) => plain_path(file)?,
        None => plain_path(&format!("{context}/Dockerfile"))?,
    };
    let is_inside = !path.split('/').any(|part| part == "..");
    is_inside.then(|| format!("{TO_ROOT}{path}"))
}

/// The images that a step's build begins with, where arguments name them.
pub(super) fn find(step: At<'_>, job: &Job<'_>, sink: &mut Sink<'_>) {
    if action_of(step) != ACTION {
        return;
    }
    let arguments = step.path(&["with", ARGUMENTS]);
    let Some((start, raw)) = arguments.and_then(|at| raw_text(at, sink)) else {
        return;
    };
    let file = dockerfile_of(step).unwrap_or_default();
    let dockerfile = sink.settings.near.get(&file);
    let dockerfile = dockerfile.map_or_else(Arguments::default, |text| Arguments::of(text));
    let mut begin = start;
    for line in raw.split_inclusive('\n') {
        let (at, given) = (begin, line.trim());
        begin += line.len();
        let Some((name, value)) = given.split_once('=') else {
            continue;
        };
        let value = value.split(" #").next().unwrap_or_default().trim_end();
        let value = value.trim_matches(['"', '\'']);
        if given.len() > MAX_TEXT_BYTES || value.is_empty() {
            continue;
        }
        let at = at + line.find('=').unwrap_or_default();
        let at = at + sink.text[at..].find(value).unwrap_or_default();
        match argument(&dockerfile, name, value) {
            Argument::Nothing => {}
            Argument::Part => sink.found.notes.push(part_of(name, at)),
            Argument::Image => {
                let owner = Owner {
                    container: step.text_of("name").map(str::to_owned),
                    ..job.owner("GitHub build argument")
                };
                let values = values_in(value, step, job, sink);
                put_resolved((value, at), &values, sink, owner);
            }
        }
    }
}
