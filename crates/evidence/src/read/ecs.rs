//! ECS: stopped tasks, services with their events, task definitions, as the `aws` CLI prints them.
//!
//! `stoppedReason` may be cut before the cause: then it is a symptom, and the container's own reason is preferred.

use forebay_logs::{member, parse_json, word_after};
use serde_json::Value;

use crate::event::{Event, Format, Lines, Owner, OwnerKind, Place, Since, What};
use crate::gathered::{Setting, SettingKind};
use crate::{Context, Evidence, Moment};

/// The most containers of a task, and events of a service, that are read.
const MAX_PARTS: usize = 200;

/// What ECS says of a service when all of its tasks run and are healthy.
const STEADY: &str = "has reached a steady state";

/// What a reason of ECS means, by a part of it. The first that fits holds.
const REASONS: [(&str, What); 14] = [
    ("CannotPull", What::PullFailed),
    ("pull image manifest has been retried", What::PullFailed),
    ("inspect image has been retried", What::PullFailed),
    ("ref pull has been retried", What::PullFailed),
    ("CannotStartContainer", What::StartFailed),
    ("CannotCreateContainer", What::StartFailed),
    ("OutOfMemory", What::Died(Some(137))),
    ("ResourceInitializationError", What::StartFailed),
    ("health check", What::HealthFailed),
    ("is unhealthy", What::HealthFailed),
    ("deployment failed", What::GaveUp),
    ("rolling back", What::GaveUp),
    ("is unable to consistently start tasks", What::Waits),
    ("unable to place a task", What::Waits),
];

/// A task of `describe-tasks`.
pub(crate) fn read_task(
    task: &Value,
    lines: Lines,
    context: &Context,
    out: &mut Evidence,
) -> Vec<Event> {
    let place = place_of_task(task);
    if let Some(kind) = launch_type(task) {
        out.set(Setting {
            place: Place {
                owner: place.owner.clone(),
                cluster: place.cluster.clone(),
                ..Place::default()
            },
            image: None,
            kind,
            lines,
        });
    }
    let moment = |key: &str| task.get(key).and_then(|value| parse_json(value, context));
    let stopped = moment("stoppedAt")
        .or_else(|| moment("stoppingAt"))
        .or_else(|| moment("createdAt"));
    let mut events = Vec::new();
    let containers = || {
        let containers = task.get("containers").and_then(Value::as_array);
        containers.into_iter().flatten().take(MAX_PARTS)
    };
    for container in containers() {
        if let Some((what, message)) = end_of(container) {
            let place = Place {
                container: member(container, "name").map(str::to_owned),
                ..place.clone()
            };
            events.push(
                Event::new(what, Format::Ecs)
                    .at(stopped)
                    .of(member(container, "image"))
                    .within(place)
                    .saying(message),
            );
        }
    }
    let image = containers().find_map(|container| member(container, "image"));
    let event = |what, at| {
        Event::new(what, Format::Ecs)
            .at(at)
            .of(image)
            .within(place.clone())
    };
    let reason = member(task, "stoppedReason").unwrap_or("");
    let meaning = meaning(reason).filter(|what| !events.iter().any(|event| event.what == *what));
    events.extend(meaning.map(|what| event(what, stopped).saying(reason)));
    if !events.iter().any(|event| event.what == What::PullFailed) {
        let ended = moment("pullStoppedAt").map(|at| (What::PullSucceeded, at));
        let pull = ended.or_else(|| Some((What::PullAttempted, moment("pullStartedAt")?)));
        events.extend(pull.map(|(what, at)| event(what, Some(at))));
    }
    events
}

/// A service of `describe-services`.
pub(crate) fn read_service(
    service: &Value,
    lines: Lines,
    context: &Context,
    out: &mut Evidence,
) -> Vec<Event> {
    let name = member(service, "serviceName").unwrap_or("");
    let place = Place {
        owner: Some(Owner::new(OwnerKind::EcsService, name)),
        cluster: member(service, "clusterArn").map(|arn| last_part(arn).to_owned()),
        ..Place::default()
    };
    let mut set = |kind| {
        out.set(Setting {
            place: place.clone(),
            image: None,
            kind,
            lines,
        });
    };
    let number = |key: &str| service.get(key).and_then(Value::as_u64);
    if let Some(desired) = number("desiredCount") {
        let running = number("runningCount");
        set(SettingKind::Replicas { desired, running });
    }
    if let Some(kind) = launch_type(service) {
        set(kind);
    }
    if service.get("deploymentConfiguration").is_some() {
        let breaker = service.pointer("/deploymentConfiguration/deploymentCircuitBreaker/enable");
        set(SettingKind::CircuitBreaker(
            breaker.and_then(Value::as_bool).unwrap_or(false),
        ));
    }
    rollouts(service, &place, context)
}

/// What a service's rollouts and its own events say.
fn rollouts(service: &Value, place: &Place, context: &Context) -> Vec<Event> {
    let parts = |key: &str| {
        let parts = service.get(key).and_then(Value::as_array);
        parts.into_iter().flatten().take(MAX_PARTS)
    };
    let moment = |part: &Value, key: &str| parse_json(part.get(key)?, context);
    let of_rollout = |deployment: &Value| {
        let what = match member(deployment, "rolloutState")? {
            "FAILED" => What::GaveUp,
            "IN_PROGRESS" => What::Waits,
            _ => return None,
        };
        let reason = member(deployment, "rolloutStateReason").unwrap_or("");
        Some(
            Event::new(what, Format::EcsEvents)
                .at(moment(deployment, "updatedAt"))
                .within(place.clone())
                .saying(reason),
        )
    };
    let of_message =
        |told: &Value| read_message(member(told, "message")?, moment(told, "createdAt"));
    let mut events: Vec<Event> = parts("deployments").filter_map(of_rollout).collect();
    events.extend(parts("events").filter_map(of_message));
    let is_steady =
        |told: &&Value| member(told, "message").is_some_and(|said| said.contains(STEADY));
    let steady = parts("events").filter(is_steady);
    let steady = steady.filter_map(|told| moment(told, "createdAt")).max();
    for event in &mut events {
        event.place.cluster.clone_from(&place.cluster);
        if event
            .last
            .zip(steady)
            .is_some_and(|(last, steady)| last < steady)
        {
            event.since = Since::Over;
        }
    }
    events
}

/// `(service web) has started 2 tasks: (task abc) (task def).`
pub(crate) fn read_message(message: &str, at: Option<Moment>) -> Option<Event> {
    let name = message
        .trim_start()
        .strip_prefix("(service ")?
        .split_once(')')?
        .0
        .trim_end_matches(',');
    let started = word_after(message, "has started ").and_then(|count| count.parse().ok());
    // Each task that starts pulls its images: what became of it, ECS tells elsewhere.
    let what = if started.is_some() {
        What::PullAttempted
    } else {
        meaning(message)?
    };
    let place = Place {
        owner: Some(Owner::new(OwnerKind::EcsService, name)),
        ..Place::default()
    };
    Some(
        Event::new(what, Format::EcsEvents)
            .at(at)
            .within(place)
            .saying(message)
            .times(started.unwrap_or(1)),
    )
}

/// An event that tells a reason of ECS beside any task is of ECS, not of the log that it stands in.
pub(crate) fn note_reason(event: Event) -> Event {
    if !is_reason(&event.message) {
        return event;
    }
    Event {
        place: Place::default(),
        image: None,
        format: Format::EcsEvents,
        ..event
    }
}

/// Whether a text names an error as only ECS does, wherever it was wrapped: `CannotPullContainerError`,
/// `CannotPullImageManifestError`, `ResourceInitializationError`.
fn is_reason(text: &str) -> bool {
    if !text.contains("Cannot") && !text.contains("Resource") {
        return false;
    }
    let tight: String = text.split_whitespace().collect();
    let is_letter = |c: char| c.is_ascii_alphabetic();
    let mut pulls = tight.split("CannotPull").skip(1);
    tight.contains("ResourceInitializationError")
        || pulls.any(|rest| {
            let end = rest.find(|c| !is_letter(c)).unwrap_or(rest.len());
            rest[..end].ends_with("Error")
        })
}

/// A task definition: whether its images are pulled with credentials.
pub(crate) fn read_definition(definition: &Value, lines: Lines, out: &mut Evidence) -> bool {
    let Some(containers) = definition
        .get("containerDefinitions")
        .and_then(Value::as_array)
    else {
        return false;
    };
    let family = member(definition, "family").unwrap_or("");
    for container in containers.iter().take(MAX_PARTS) {
        let credentials = container.get("repositoryCredentials").is_some();
        let log_group = container
            .pointer("/logConfiguration/options/awslogs-group")
            .and_then(Value::as_str)
            .map(|group| SettingKind::LogGroup(group.to_owned()));
        let place = Place {
            owner: Some(Owner::new(OwnerKind::EcsTaskFamily, family)),
            container: member(container, "name").map(str::to_owned),
            ..Place::default()
        };
        let kinds = [SettingKind::Credentials(credentials)];
        for kind in kinds.into_iter().chain(log_group) {
            out.set(Setting {
                place: place.clone(),
                image: member(container, "image").map(str::to_owned),
                kind,
                lines,
            });
        }
    }
    true
}

/// A pull-through cache rule of `aws ecr describe-pull-through-cache-rules`; whether it is one.
pub(crate) fn read_cache_rule(rule: &Value, lines: Lines, out: &mut Evidence) -> bool {
    let Some(prefix) = member(rule, "ecrRepositoryPrefix") else {
        return false;
    };
    out.set(Setting {
        place: Place::default(),
        image: None,
        kind: SettingKind::PullThrough(prefix.to_owned()),
        lines,
    });
    true
}

fn launch_type(item: &Value) -> Option<SettingKind> {
    member(item, "launchType").map(|kind| SettingKind::LaunchType(kind.to_owned()))
}

fn end_of(container: &Value) -> Option<(What, &str)> {
    let reason = member(container, "reason").unwrap_or("");
    if let Some(what) = meaning(reason) {
        return Some((what, reason));
    }
    let code = container
        .get("exitCode")
        .and_then(Value::as_i64)
        .filter(|code| *code != 0)?;
    Some((What::Died(Some(code)), reason))
}

fn meaning(reason: &str) -> Option<What> {
    REASONS
        .iter()
        .find(|(part, _)| reason.contains(part))
        .map(|(_, what)| *what)
}

fn place_of_task(task: &Value) -> Place {
    let last = |key: &str| member(task, key).map(|arn| last_part(arn).to_owned());
    let group = member(task, "group").unwrap_or("");
    let owner = match group.split_once(':') {
        Some(("service", name)) => Some(Owner::new(OwnerKind::EcsService, name)),
        Some((_, name)) => Some(Owner::new(OwnerKind::EcsTaskFamily, name)),
        None => last("taskDefinitionArn").map(|family| {
            Owner::new(
                OwnerKind::EcsTaskFamily,
                family.split(':').next().unwrap_or(&family),
            )
        }),
    };
    Place {
        owner,
        task: last("taskArn"),
        node: last("containerInstanceArn"),
        cluster: last("clusterArn"),
        ..Place::default()
    }
}

/// The name at the end of an ARN.
pub(crate) fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}
