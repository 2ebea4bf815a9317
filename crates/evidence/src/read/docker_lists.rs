//! `docker service ps`, `docker service ls`, `docker ps` and `docker inspect`, as tables and JSON.
//!
//! A Swarm task's error is often only `No such image`: the cause stands in the node's log, which the diagnosis then asks for.

use std::time::Duration;

use forebay_logs::{Columns, member, parse_ago, parse_json};
use serde_json::Value;

use super::docker_events::owner_of_container;
use super::docker_tasks::Row;
use super::dockerd::death;
use super::image_sizes;
use crate::event::{Event, Format, Lines, Owner, OwnerKind, Place, Since, What};
use crate::gathered::{Setting, SettingKind, short};
use crate::{Context, Evidence};

/// Which table is being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum List {
    Tasks(Columns),
    Services(Columns),
    Containers(Columns),
    Images(Columns),
}

impl List {
    /// The table that a header begins.
    pub(crate) fn begins(line: &str) -> Option<Self> {
        if line.starts_with("CONTAINER ID ") {
            return Some(Self::Containers(Columns::of(line)));
        }
        if image_sizes::begins(line) {
            return Some(Self::Images(Columns::of(line)));
        }
        if !line.starts_with("ID ") {
            return None;
        }
        if line.contains("CURRENT STATE") {
            return Some(Self::Tasks(Columns::of(line)));
        }
        line.contains("REPLICAS")
            .then(|| Self::Services(Columns::of(line)))
    }

    /// What a row of `docker service ps` says that was pasted without its heading; `None` if it is no row.
    pub(crate) fn read_bare(
        line: &str,
        context: &Context,
        out: &mut Evidence,
    ) -> Option<Vec<Event>> {
        let row = Row::of(line)?;
        let event = read_task(&|name| row.cell(name), context, out);
        Some(event.into_iter().collect())
    }

    /// A row; `None` if it holds nothing.
    pub(crate) fn read(
        &self,
        line: &str,
        lines: Lines,
        context: &Context,
        out: &mut Evidence,
    ) -> Option<Event> {
        match self {
            Self::Tasks(columns) => Row::of(line)
                .and_then(|row| read_task(&|name| row.cell(name), context, out))
                .or_else(|| read_task(&|name| columns.cell(line, name), context, out)),
            Self::Services(columns) => {
                read_service(&|name| columns.cell(line, name), lines, out);
                None
            }
            Self::Containers(columns) => read_container(&|name| columns.cell(line, name), context),
            Self::Images(columns) => {
                image_sizes::read_row(columns, line, lines, out);
                None
            }
        }
    }
}

/// An object of a list in JSON; whether it was one.
pub(crate) fn read_json(
    item: &Value,
    lines: Lines,
    context: &Context,
    out: &mut Evidence,
) -> Option<Vec<Event>> {
    if item.pointer("/Spec/TaskTemplate").is_some() {
        inspect_service(item, lines, out);
        return Some(Vec::new());
    }
    if item.get("HostConfig").is_some() && item.get("State").is_some() {
        return Some(inspect_container(item, lines, context, out));
    }
    let column = |name: &str| {
        let key = match name {
            "CURRENT STATE" => "CurrentState",
            "DESIRED STATE" => "DesiredState",
            "ERROR" => "Error",
            "NAME" => "Name",
            "NAMES" => "Names",
            "NODE" => "Node",
            "IMAGE" => "Image",
            "ID" => "ID",
            "REPLICAS" => "Replicas",
            "MODE" => "Mode",
            "CREATED" => "RunningFor",
            _ => "Status",
        };
        member(item, key).filter(|cell| !cell.is_empty())
    };
    if item.get("CurrentState").is_some() {
        return Some(read_task(&column, context, out).into_iter().collect());
    }
    if item.get("Replicas").is_some() {
        read_service(&column, lines, out);
        return Some(Vec::new());
    }
    (item.get("Names").is_some() && item.get("Status").is_some())
        .then(|| read_container(&column, context).into_iter().collect())
}

type Cell<'a> = dyn Fn(&str) -> Option<&'a str> + 'a;

fn read_task(cell: &Cell<'_>, context: &Context, out: &mut Evidence) -> Option<Event> {
    let marked = cell("NAME")?;
    let name = marked.trim_start_matches(['\\', '_', ' ']);
    let (state, ago) = cell("CURRENT STATE")?.split_once(' ')?;
    let error = cell("ERROR").map_or("", |error| error.trim_matches('"'));
    let id = cell("ID").map(short);
    // The same task may come in several lists.
    let is_older = out.is_older_in(name, id) || marked.len() > name.len();
    let what = match state {
        "Rejected" | "Failed" => death(error),
        "Preparing" => What::PullAttempted,
        "Running" => What::Started,
        "Pending" => What::Waits,
        // It ended well, and yet another took its place.
        "Complete" if is_older => What::Restarted,
        _ => return None,
    };
    let service = name.rsplit_once('.').map_or(name, |(service, _)| service);
    let place = Place {
        owner: Some(Owner::new(OwnerKind::SwarmService, service)),
        task: cell("ID").map(str::to_owned),
        node: cell("NODE").map(str::to_owned),
        ..Place::default()
    };
    let message = match what {
        What::Restarted => "task: complete, and started again",
        _ => error,
    };
    let event = Event::new(what, Format::DockerLists)
        .of(cell("IMAGE"))
        .within(place)
        .saying(message);
    // By its state, whose age is another in each list.
    if id.is_some_and(|id| out.new_of(id, &event) == 0) {
        return None;
    }
    let at = parse_ago(ago).map(|age| context.now.before(age));
    let is_wanted = !matches!(cell("DESIRED STATE"), Some("Shutdown" | "Remove"));
    // What no other task came after is how it is now; unless it came after on another machine.
    let since = match (is_older, is_wanted) {
        (true, _) => Since::Over,
        (false, true) => Since::StillSo,
        (false, false) => Since::Unknown,
    };
    Some(event.by_age(at).since(since))
}

fn read_service(cell: &Cell<'_>, lines: Lines, out: &mut Evidence) {
    let (Some(name), Some(replicas)) = (cell("NAME"), cell("REPLICAS")) else {
        return;
    };
    if let Some(id) = cell("ID") {
        out.name(id, name);
    }
    let counts = replicas
        .split(' ')
        .next()
        .and_then(|counts| counts.split_once('/'));
    if let Some((Ok(running), Ok(desired))) =
        counts.map(|(running, desired)| (running.parse(), desired.parse()))
    {
        let place = Place {
            owner: Some(Owner::new(OwnerKind::SwarmService, name)),
            ..Place::default()
        };
        let image = cell("IMAGE").map(str::to_owned);
        let mode = cell("MODE").unwrap_or("");
        let replicas = SettingKind::Replicas {
            desired,
            running: Some(running),
        };
        let once = (mode == "global").then_some(SettingKind::OncePerNode);
        // A job has as many as it needs, and none when it is done.
        let kinds = [replicas].into_iter().chain(once);
        for kind in kinds.filter(|_| !mode.ends_with("job")) {
            out.set(Setting {
                place: place.clone(),
                image: image.clone(),
                kind,
                lines,
            });
        }
    }
}

/// `Restarting (1) 3 seconds ago`, `Exited (137) 2 minutes ago`, `Up 3 minutes (unhealthy)`.
fn read_container(cell: &Cell<'_>, context: &Context) -> Option<Event> {
    let status = cell("STATUS")?;
    let code = || {
        status
            .split_once('(')?
            .1
            .split_once(')')?
            .0
            .parse::<i64>()
            .ok()
    };
    let what = match status.split(' ').next()? {
        "Restarting" => code().map_or(What::Restarted, |code| What::Died(Some(code))),
        "Exited" | "Dead" => What::Died(Some(code().filter(|code| *code != 0)?)),
        "Up" if status.contains("(unhealthy)") => What::HealthFailed,
        "Created" => What::StartFailed,
        _ => return None,
    };
    // What was never started has no other age.
    let ago = match what {
        What::StartFailed => cell("CREATED"),
        _ => status.split_once(") ").map(|(_, ago)| ago),
    };
    let name = cell("NAMES")?.split(',').next()?;
    // A Swarm task's container is called `service.slot.task`.
    let owner = match name.rsplit('.').collect::<Vec<_>>().as_slice() {
        [task, slot, service] if task.len() == 25 && slot.parse::<u32>().is_ok() => {
            Owner::new(OwnerKind::SwarmService, *service)
        }
        _ => Owner::new(OwnerKind::Container, name),
    };
    let place = Place {
        owner: Some(owner),
        container: Some(name.to_owned()),
        ..Place::default()
    };
    let at = ago.and_then(parse_ago).map(|age| context.now.before(age));
    Some(
        Event::new(what, Format::DockerLists)
            .by_age(at)
            .of(cell("IMAGE"))
            .within(place)
            .saying(status),
    )
}

fn inspect_service(item: &Value, lines: Lines, out: &mut Evidence) {
    let Some(name) = item.pointer("/Spec/Name").and_then(Value::as_str) else {
        return;
    };
    if let Some(id) = member(item, "ID") {
        out.name(id, name);
    }
    let stack = item
        .pointer("/Spec/Labels/com.docker.stack.namespace")
        .and_then(Value::as_str);
    let place = Place {
        owner: Some(Owner::new(OwnerKind::SwarmService, name)),
        cluster: stack.map(str::to_owned),
        ..Place::default()
    };
    let image = item
        .pointer("/Spec/TaskTemplate/ContainerSpec/Image")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let number = |key: &str| {
        item.pointer(&format!("/Spec/TaskTemplate/RestartPolicy/{key}"))
            .and_then(Value::as_u64)
    };
    let condition = item
        .pointer("/Spec/TaskTemplate/RestartPolicy/Condition")
        .and_then(Value::as_str);
    let kind = SettingKind::Restarts {
        condition: condition.unwrap_or("any").to_owned(),
        delay: number("Delay").map(Duration::from_nanos),
        max_attempts: number("MaxAttempts").filter(|attempts| *attempts > 0),
    };
    for kind in mode(item).into_iter().chain([kind]) {
        out.set(Setting {
            place: place.clone(),
            image: image.clone(),
            kind,
            lines,
        });
    }
}

/// How many of a service should run, as `docker service inspect` has it.
fn mode(item: &Value) -> Option<SettingKind> {
    if item.pointer("/Spec/Mode/Global").is_some() {
        return Some(SettingKind::OncePerNode);
    }
    let number = |path: &str| item.pointer(path).and_then(Value::as_u64);
    Some(SettingKind::Replicas {
        desired: number("/Spec/Mode/Replicated/Replicas")?,
        running: number("/ServiceStatus/RunningTasks"),
    })
}

fn inspect_container(
    item: &Value,
    lines: Lines,
    context: &Context,
    out: &mut Evidence,
) -> Vec<Event> {
    let labels = item.pointer("/Config/Labels");
    let name = member(item, "Name").unwrap_or("").trim_start_matches('/');
    let owner = owner_of_container(name, |key| labels.and_then(|labels| member(labels, key)));
    let place = Place {
        owner: Some(owner),
        container: Some(name.to_owned()),
        ..Place::default()
    };
    let image = item
        .pointer("/Config/Image")
        .and_then(Value::as_str)
        .map(str::to_owned);
    let text = |path: &str| item.pointer(path).and_then(Value::as_str);
    let number = |path: &str| item.pointer(path).and_then(Value::as_u64);
    if let Some(kind) = restart_policy(item) {
        out.set(Setting {
            place: place.clone(),
            image: image.clone(),
            kind,
            lines,
        });
    }
    let ended = item
        .pointer("/State/FinishedAt")
        .and_then(|value| parse_json(value, context));
    let since = match text("/State/Status") {
        Some("running" | "paused" | "exited" | "dead") => Since::Over,
        _ => Since::Unknown,
    };
    let event = |what| {
        Event::new(what, Format::DockerLists)
            .of(image.clone())
            .within(place.clone())
            .at(ended)
            .since(since)
    };
    let mut events = Vec::new();
    if let Some(code) = item
        .pointer("/State/ExitCode")
        .and_then(Value::as_i64)
        .filter(|code| *code != 0)
    {
        events.push(event(What::Died(Some(code))).saying(text("/State/Error").unwrap_or("")));
    }
    if let Some(count) = number("/RestartCount").filter(|count| *count > 0) {
        let mut restarted = event(What::Restarted)
            .times(count)
            .saying(&format!("RestartCount: {count}"));
        // Of many only the last is told.
        restarted.first = ended.filter(|_| count == 1);
        events.push(restarted);
    }
    events
}

/// When Docker starts a container again by itself, which it does with a wait that it doubles from 100 ms on, to a minute.
fn restart_policy(item: &Value) -> Option<SettingKind> {
    let policy = item.pointer("/HostConfig/RestartPolicy")?;
    let condition = member(policy, "Name").filter(|name| !name.is_empty() && *name != "no")?;
    let most = policy.get("MaximumRetryCount").and_then(Value::as_u64);
    Some(SettingKind::Restarts {
        condition: condition.to_owned(),
        delay: None,
        max_attempts: most.filter(|count| *count > 0),
    })
}
