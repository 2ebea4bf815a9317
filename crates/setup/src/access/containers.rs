//! `container:` and `services:` of a job in a workflow of GitHub Actions: their images are pulled before any step, with
//! credentials of their own.
//!
//! By <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idcontainercredentials>.

use forebay_setup_files::{
    Edits, Kind, Node, SetupError, Yaml, matrix_values,
    workflow::{Job, at_end, indented},
};

use super::images::{EXPRESSION, filled};
use super::registry::is_held;
use super::{Access, Registry};
use crate::plan::{Plan, Snippet};

/// What a step that logs in does not cover.
const EARLY: &str = "images of `container:` and `services:` are pulled before any step, so that no step with a login covers them: \
                     they take `credentials:` of their own";

/// What nothing in the workflow covers.
const ACTIONS: &str = "`uses: docker://IMAGE` is pulled before any step, too, and takes no `credentials:`: run such an image with \
                       docker run in a step after the login, or as the job's `container:`";

/// Only the workflow's own token is there in pull requests from forks.
const FORKS: &str = "a job with `credentials:` does not start where they are empty: pull requests from forks are given no secrets";

/// What is to be known, and to be written, of images that are pulled before any step.
pub(super) fn early(registry: Registry, plan: Plan) -> Plan {
    let plan = plan.note(EARLY).note(ACTIONS);
    // The password of ECR is another one every twelve hours.
    if registry == Registry::Ecr {
        return plan;
    }
    plan.snippet(Snippet {
        title: "the job's `container:`, and each of its `services:`",
        text: credentials(registry),
    })
}

fn credentials(registry: Registry) -> String {
    let names = registry.names();
    format!(
        "credentials:\n  username: {}\n  password: {}\n",
        names.github_user, names.github_password
    )
}

/// Tells of the steps of a job that are images of the registry; whether there is any.
pub(super) fn tell_actions(
    access: &Access,
    job: &Job<'_>,
    notes: &mut Vec<String>,
) -> Result<bool, SetupError> {
    let host = access.host()?;
    let images = job.steps.iter().filter_map(|step| {
        let uses = step.find("uses")?.text()?;
        uses.strip_prefix("docker://")
    });
    let images: Vec<&str> = images
        .filter(|image| is_held(host, image) == Some(true))
        .collect();
    for image in &images {
        let note = format!(
            "{}: docker://{image} is pulled before any step, so that no step with a login covers it, and it takes no \
             `credentials:`: run it with docker run in a step after the login, or as the job's `container:`",
            job.name
        );
        tell_once(&note, notes);
    }
    Ok(!images.is_empty())
}

/// Gives credentials to the images of a job that lie at the registry; whether any is there. One that is left to a person is
/// told.
pub(super) fn let_in(
    access: &Access,
    yaml: &Yaml<'_>,
    job: &Job<'_>,
    (edits, notes): (&mut Edits, &mut Vec<String>),
) -> Result<bool, SetupError> {
    let host = access.host()?;
    let container = job.node.find_entry("container");
    let services = job.node.find("services").map(Node::entries);
    let mut is_any = false;
    for (key, node) in container.into_iter().chain(services.unwrap_or_default()) {
        let image = if node.text().is_some() {
            Some(node)
        } else {
            node.find("image")
        };
        let Some(text) = image
            .and_then(Node::text)
            .filter(|_| node.find("credentials").is_none())
        else {
            continue;
        };
        let what = format!("{} of {}", key.text().unwrap_or_default(), job.name);
        match is_there(host, job, text) {
            Some(false) => {}
            Some(true) if access.registry == Registry::Ecr => {
                is_any = true;
                notes.push(format!(
                    "{what} takes its image from ECR before any step: give it credentials with the password that a job before \
                     it gets from aws ecr get-login-password"
                ));
            }
            Some(true) => {
                is_any = true;
                if put(access, yaml, (key, node), edits) {
                    tell_once(EARLY, notes);
                    if access.registry != Registry::Ghcr {
                        tell_once(FORKS, notes);
                    }
                } else {
                    notes.push(format!(
                        "{what} is written in braces or by an alias: add its credentials by hand"
                    ));
                }
            }
            None => notes.push(format!(
                "{what}: left as it is, for its registry does not show: {text}"
            )),
        }
    }
    Ok(is_any)
}

fn tell_once(note: &str, notes: &mut Vec<String>) {
    if !notes.iter().any(|told| told == note) {
        notes.push(note.to_owned());
    }
}

/// Whether an image lies at the host; of a matrix, whether all do.
fn is_there(host: &str, job: &Job<'_>, text: &str) -> Option<bool> {
    let values = matrix_values(job.node, text);
    if values.is_empty() {
        return is_held(host, &filled(text.trim(), EXPRESSION));
    }
    // An empty image is GitHub's way to say: no container.
    let mut held = values
        .iter()
        .filter_map(|value| value.text())
        .filter(|text| !text.is_empty());
    held.try_fold(None, |all: Option<bool>, text| {
        let is_held = is_held(host, text)?;
        (all.is_none_or(|all| all == is_held)).then_some(Some(is_held))
    })?
}

/// Writes the credentials; false where they have no place.
fn put(access: &Access, yaml: &Yaml<'_>, (key, node): (&Node, &Node), edits: &mut Edits) -> bool {
    let lines = credentials(access.registry);
    match &node.kind {
        Kind::Map { is_flow: false, .. } if !node.is_shared() => {
            let (at, lines) = at_end(yaml, node, &lines);
            edits.insert(at, lines);
        }
        Kind::Scalar(_) if is_in_line(yaml, key, node) && !node.is_shared() => {
            let indent = " ".repeat(yaml.column(key.span.start) + 2);
            let image = format!("\n{indent}image: {}", &yaml.text[node.span.clone()]);
            // The blanks between go as well, and a remark stays behind the image.
            edits.replace(
                yaml.text[..node.span.start].trim_end().len(),
                node.span.end,
                image,
            );
            let lines = indented(&lines, indent.len());
            let (at, lines) = yaml.lines_after(node.span.end, &lines);
            edits.insert(at, lines);
        }
        _ => return false,
    }
    true
}

/// Whether a text stands beside its key, in a block.
fn is_in_line(yaml: &Yaml<'_>, key: &Node, node: &Node) -> bool {
    let line = yaml.line_start(key.span.start);
    let is_first = yaml.text[line..key.span.start].trim().is_empty();
    let is_one_line = !yaml.text[key.span.start..node.span.end].contains('\n');
    is_first && is_one_line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_behind_the_registry_does_not_hide_it() {
        for (image, is_there) in [
            ("postgres:${{ matrix.pg }}", Some(true)),
            ("acme/${{ matrix.a }}:${{ matrix.b }}", Some(true)),
            ("ghcr.io/${{ github.repository }}:1", Some(false)),
            ("${{ env.REGISTRY }}/app:1", None),
            (
                "${{ env.ID }}.dkr.ecr.eu-west-1.amazonaws.com/app:1",
                Some(false),
            ),
            ("${{ env.NAME }}.io/app:1", None),
            ("${{ matrix.image }}", None),
        ] {
            assert_eq!(
                is_held("docker.io", &filled(image, EXPRESSION)),
                is_there,
                "{image}"
            );
        }
    }
}
