//! How many tasks a template's ECS services run of each task definition, and between which bounds they are scaled.
//!
//! Sources: AWS resource and property types reference, `AWS::ECS::Service` and
//! `AWS::ApplicationAutoScaling::ScalableTarget`, whose `ResourceId` is `service/CLUSTER/SERVICE`.

use std::collections::HashMap;

use forebay_syntax::At;

use crate::Note;
use crate::scaled::{Running, Scaled};
use crate::sink::Sink;
use crate::structured::intrinsics::Template;

/// Functions within functions, and lists in them, that are searched for the name of a service.
const MAX_DEPTH: u32 = 8;

/// What the template's services run of a task definition.
#[derive(Clone, Copy, Default)]
pub(super) struct Runs {
    running: Option<Running>,
    /// One of them runs as many as the template alone does not tell.
    pub(super) is_unknown: bool,
    pub(super) per_node: bool,
}

/// What services run, by the definition's logical id.
pub(super) fn services<'a>(
    template: &Template<'a>,
    resources: At<'a>,
    sink: &mut Sink<'_>,
) -> HashMap<&'a str, Runs> {
    let scalers = scalers(template, resources, sink);
    let mut runs: HashMap<&str, Runs> = HashMap::new();
    for (name, properties) in of_type(resources, "AWS::ECS::Service") {
        let Some(id) = properties.get("TaskDefinition").and_then(referred) else {
            continue;
        };
        let count = match properties.get("DesiredCount") {
            Some(at) => number(template, at, sink),
            // A service without a count runs one.
            None => Some(1),
        };
        let scaled = scalers.get(name).copied();
        let entry = runs.entry(id).or_default();
        entry.per_node |= properties.text_of("SchedulingStrategy") == Some("DAEMON");
        entry.is_unknown |= count.is_none() && scaled.is_none();
        entry.running.get_or_insert_default().add(count, scaled);
    }
    runs
}

impl Runs {
    /// `None` if no service runs it, or the template alone does not tell how often.
    pub(super) fn known(&self) -> Option<Running> {
        self.running.filter(|_| !self.is_unknown)
    }
}

/// Between which bounds services are scaled, by their logical ids.
fn scalers<'a>(
    template: &Template<'a>,
    resources: At<'a>,
    sink: &mut Sink<'_>,
) -> HashMap<&'a str, Scaled> {
    let mut scalers = HashMap::new();
    for (_, target) in of_type(resources, "AWS::ApplicationAutoScaling::ScalableTarget") {
        let (Some(of), true) = (target.get("ResourceId"), is_of_ecs(target)) else {
            continue;
        };
        let bound = |key| target.get(key).and_then(|at| number(template, at, sink));
        let scaled = Scaled::between(bound("MinCapacity"), bound("MaxCapacity"));
        if let Some(service) = service_of(template, resources, (of, sink)) {
            scalers.insert(service, scaled);
        } else {
            let told = "scales a service that is not told here: its tasks are not counted";
            let note = Note::advice(of.span().start, told);
            sink.found.notes.push(note);
        }
    }
    scalers
}

fn is_of_ecs(target: At<'_>) -> bool {
    let of = |key| target.text_of(key);
    of("ServiceNamespace") == Some("ecs")
        || of("ScalableDimension") == Some("ecs:service:DesiredCount")
}

/// The logical id of the service that a resource's id names: by a reference to it, or by its own name at the end.
fn service_of<'a>(
    template: &Template<'a>,
    resources: At<'a>,
    (id, sink): (At<'a>, &Sink<'_>),
) -> Option<&'a str> {
    let services = || of_type(resources, "AWS::ECS::Service");
    let referred = services().find(|(name, _)| names(id, name, MAX_DEPTH));
    let named = || {
        let id = ending(template, id, sink)?;
        services().find(|(_, properties)| {
            let name = properties.get("ServiceName");
            let name = name.and_then(|name| template.evaluate(name, sink).ok());
            name.is_some_and(|name| id.rsplit('/').next() == Some(name.resolved.text.as_str()))
        })
    };
    referred.or_else(named).map(|(name, _)| name)
}

/// What an expression ends with, as far as the template tells: of a `Join` its last item.
fn ending<'a>(template: &Template<'a>, at: At<'a>, sink: &Sink<'_>) -> Option<String> {
    let whole = |at: At<'a>| Some(template.evaluate(at, sink).ok()?.resolved.text);
    whole(at).or_else(|| {
        let join = at
            .get("Fn::Join")
            .or(Some(at).filter(|at| at.tag() == Some("Join")))?;
        whole(join.items().nth(1)?.items().last()?)
    })
}

/// Whether an expression refers to a resource, in either spelling or within a `Sub`.
fn names(at: At<'_>, id: &str, depth: u32) -> bool {
    let Some(depth) = depth.checked_sub(1) else {
        return false;
    };
    let is_in_pattern = || {
        let text = at.text().unwrap_or_default();
        let mut parts = text.split("${").skip(1);
        parts.any(|part| part.split(['}', '.']).next() == Some(id))
    };
    referred(at) == Some(id)
        || is_in_pattern()
        || at.items().any(|item| names(item, id, depth))
        || at.entries().any(|(_, value)| names(value, id, depth))
}

/// The resources of a type with their logical ids and properties.
fn of_type<'a>(resources: At<'a>, kind: &str) -> impl Iterator<Item = (&'a str, At<'a>)> {
    let of_kind = resources
        .entries()
        .filter(move |(_, resource)| resource.text_of("Type") == Some(kind));
    of_kind.filter_map(|(id, resource)| Some((id, resource.get("Properties")?)))
}

fn number<'a>(template: &Template<'a>, at: At<'a>, sink: &Sink<'_>) -> Option<u32> {
    let evaluated = template.evaluate(at, sink).ok()?;
    evaluated.resolved.text.parse().ok()
}

/// The logical id that a `Ref` or a `GetAtt` names, in either spelling.
fn referred<'a>(at: At<'a>) -> Option<&'a str> {
    let id = |text: &'a str| text.split('.').next();
    match at.tag() {
        Some("Ref" | "GetAtt") => at.text().or_else(|| at.items().next()?.text()).and_then(id),
        _ => at
            .text_of("Ref")
            .or_else(|| at.get("Fn::GetAtt")?.items().next()?.text()),
    }
}
