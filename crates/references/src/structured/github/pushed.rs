//! What a workflow's actions push: the names that are among their inputs.

use forebay_syntax::At;

use super::{Bindings, Job, MAX_HOPS, filled_in, names_in};
use crate::sink::{Scope, Sink, Site};
use crate::variables::{Binding, Dialect, MAX_TEXT_BYTES};
use crate::{Encoding, Owner, PullPolicy};

/// Actions that push, and which of their inputs says under which names: one in a line, or several with commas.
///
/// Source: the READMEs of `docker/build-push-action` and `docker/metadata-action`.
const PUSHED: [(&str, &str); 2] = [
    ("docker/build-push-action", "tags"),
    ("docker/metadata-action", "images"),
];

/// The names under which a step pushes what it builds.
pub(super) fn find(step: At<'_>, job: &Job<'_>, sink: &mut Sink<'_>) {
    let action = action_of(step);
    let input = PUSHED.iter().find(|(name, _)| *name == action);
    let Some(names) = input.and_then(|(_, key)| step.path(&["with", key])) else {
        return;
    };
    let Some((start, raw)) = raw_text(names, sink) else {
        return;
    };
    let mut at = start;
    for item in raw.split_inclusive(['\n', ',']) {
        let name = item.trim_matches(|c: char| c.is_whitespace() || c == ',');
        let begin = at + item.find(name).unwrap_or_default();
        at += item.len();
        // What another step puts together goes with what that one is told.
        let is_other = name.contains('=') || name.starts_with("${{ steps.");
        if !name.is_empty() && name.len() <= MAX_TEXT_BYTES && !is_other {
            put((name, begin), step, job, sink);
        }
    }
}

/// The action that a step is, without its version.
pub(super) fn action_of(step: At<'_>) -> &str {
    let uses = step.text_of("uses").unwrap_or_default();
    uses.split('@').next().unwrap_or_default()
}

/// An input as it is written, and where it begins.
pub(super) fn raw_text<'a>(at: At<'_>, sink: &Sink<'a>) -> Option<(usize, &'a str)> {
    sink.block(at).or_else(|| {
        let site = sink.site(at).filter(|site| site.verbatim)?;
        Some((site.span.start, sink.text.get(site.span)?))
    })
}

/// What the expressions in a text are.
pub(super) fn values_in(
    text: &str,
    step: At<'_>,
    job: &Job<'_>,
    sink: &Sink<'_>,
) -> Vec<(String, Binding)> {
    let bindings = Bindings::of(job, Some(step));
    let values = names_in(text).filter_map(|name| {
        let binding = bindings.find(name, sink, MAX_HOPS)?.binding()?;
        Some((name.to_owned(), binding))
    });
    values.collect()
}

/// A name under which an image is pushed. One without a path stays on the machine.
fn put((name, begin): (&str, usize), step: At<'_>, job: &Job<'_>, sink: &mut Sink<'_>) {
    let values = values_in(name, step, job, sink);
    let find = |name: &str| values.iter().find(|(known, _)| known == name);
    let text = filled_in(name, |name| Some(find(name)?.1.text.as_str()));
    sink.found.built.extend(text.clone());
    // It stays on the machine.
    if text.is_some_and(|text| !text.contains('/')) {
        return;
    }
    let owner = Owner {
        pull_policy: Some(PullPolicy::Never),
        container: step.text_of("name").map(str::to_owned),
        ..job.owner("GitHub step")
    };
    put_resolved((name, begin), &values, sink, owner);
}

pub(super) fn put_resolved(
    (name, begin): (&str, usize),
    values: &[(String, Binding)],
    sink: &mut Sink<'_>,
    owner: Owner,
) {
    let find = |name: &str| values.iter().find(|(known, _)| known == name);
    let scope = Scope {
        dialect: Dialect::GitHub,
        lookup: &|name| Some(find(name)?.1.clone()),
    };
    let site = Site {
        span: begin..begin + name.len(),
        encoding: Encoding::AsIs,
        verbatim: true,
    };
    sink.resolved(name, site, scope, owner);
}
