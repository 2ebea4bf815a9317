//! Which tool an object of JSON comes from, and what it says.
//!
//! By the members that only that tool writes.

use serde_json::Value;

use super::kube_json::text as member;
use super::{
    cloud_formation, docker_events, docker_lists, ecs, image_sizes, kube_json, record, text,
};
use crate::event::{Event, Lines};
use crate::read::ci::Ci;
use crate::{Context, Evidence};

/// What an object says.
pub(crate) fn read(
    item: &Value,
    lines: Lines,
    context: &Context,
    ci: &mut Ci,
    out: &mut Evidence,
) -> Vec<Event> {
    if let Some(kind) = member(item, "kind").filter(|_| item.get("metadata").is_some()) {
        return read_kube((kind, item), lines, context, out);
    }
    if item.get("taskArn").is_some() {
        let events = ecs::read_task(item, lines, context, out);
        return out.only_new(member(item, "taskArn"), events);
    }
    let is_service = |key: &str| item.get(key).is_some();
    if item.get("serviceName").is_some() && (is_service("serviceArn") || is_service("desiredCount"))
    {
        return ecs::read_service(item, lines, context, out);
    }
    if item.get("taskArns").is_some() {
        out.note(
            lines,
            "only the names of tasks: what happened to them, `aws ecs describe-tasks` tells",
        );
        return Vec::new();
    }
    if item.get("ResourceStatus").is_some() || item.get("StackStatus").is_some() {
        return cloud_formation::read(item, context).into_iter().collect();
    }
    if ecs::read_definition(item.get("taskDefinition").unwrap_or(item), lines, out) {
        return Vec::new();
    }
    if ecs::read_cache_rule(item, lines, out) {
        return Vec::new();
    }
    if item.get("Actor").is_some() {
        return docker_events::read_json(item).into_iter().collect();
    }
    if image_sizes::read_json(item, lines, out) {
        return Vec::new();
    }
    if let Some(events) = docker_lists::read_json(item, lines, context, out) {
        return events;
    }
    let told = record::lines(item, context);
    told.iter()
        .filter_map(|line| text::read(line, lines, context, ci, out))
        .collect()
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
