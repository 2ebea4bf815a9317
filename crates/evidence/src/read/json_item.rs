//! Which tool an object of JSON comes from, and what it says.
//!
//! By the members that only that tool writes.

use forebay_logs::{lines_of_record, member};
use serde_json::Value;

use super::{cloud_formation, docker_events, docker_lists, ecs, image_sizes, kube_json, text};
use crate::event::{Event, Lines};
use crate::read::ci::Ci;
use crate::{Context, Evidence};

/// What an object says, and whose it is.
pub(crate) enum Told {
    /// A tool's, which was asked.
    Answer(Vec<Event>),
    /// A log's, of a line.
    Record(Vec<Event>),
}

/// What an object says.
pub(crate) fn read(
    item: &Value,
    lines: Lines,
    context: &Context,
    ci: &mut Ci,
    out: &mut Evidence,
) -> Told {
    if let Some(events) = read_answer(item, lines, context, out) {
        return Told::Answer(events);
    }
    let told = lines_of_record(item, context);
    let events = told
        .iter()
        .filter_map(|line| text::read(line, lines, context, ci, out));
    Told::Record(events.collect())
}

/// What an object says that a tool has answered; `None` if it is no tool's.
fn read_answer(
    item: &Value,
    lines: Lines,
    context: &Context,
    out: &mut Evidence,
) -> Option<Vec<Event>> {
    if let Some(kind) = member(item, "kind").filter(|_| item.get("metadata").is_some()) {
        return Some(read_kube((kind, item), lines, context, out));
    }
    if item.get("taskArn").is_some() {
        let events = ecs::read_task(item, lines, context, out);
        return Some(out.only_new(member(item, "taskArn"), events));
    }
    let is_service = |key: &str| item.get(key).is_some();
    if item.get("serviceName").is_some() && (is_service("serviceArn") || is_service("desiredCount"))
    {
        return Some(ecs::read_service(item, lines, context, out));
    }
    if item.get("taskArns").is_some() {
        out.note(
            lines,
            "only the names of tasks: what happened to them, `aws ecs describe-tasks` tells",
        );
        return Some(Vec::new());
    }
    if item.get("ResourceStatus").is_some() || item.get("StackStatus").is_some() {
        return Some(cloud_formation::read(item, context).into_iter().collect());
    }
    if ecs::read_definition(item.get("taskDefinition").unwrap_or(item), lines, out) {
        return Some(Vec::new());
    }
    if ecs::read_cache_rule(item, lines, out) {
        return Some(Vec::new());
    }
    if item.get("Actor").is_some() {
        return Some(docker_events::read_json(item).into_iter().collect());
    }
    if image_sizes::read_json(item, lines, out) {
        return Some(Vec::new());
    }
    docker_lists::read_json(item, lines, context, out)
}

/// An object of Kubernetes, by its kind.
fn read_kube(
    (kind, item): (&str, &Value),
    lines: Lines,
    context: &Context,
    out: &mut Evidence,
) -> Vec<Event> {
    let id = item.pointer("/metadata/uid").and_then(Value::as_str);
    let events = match kind {
        "Event" => kube_json::read_event(item, context).into_iter().collect(),
        "Pod" => kube_json::read_pod(item, lines, context, out),
        "Node" => {
            image_sizes::read_node(item, lines, out);
            return Vec::new();
        }
        _ => return Vec::new(),
    };
    out.only_new(id, events)
}
