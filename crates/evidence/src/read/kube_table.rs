//! `kubectl get events`, `kubectl get pods`, and the events at the end of `kubectl describe`.
//!
//! A row is known by what stands in it, not by its columns: `--watch` shifts them, and people paste without the header.

use std::time::Duration;

use forebay_logs::{Seen, parse_age, parse_seen, split_cells};

use super::kube::{KubeEvent, owner_of, restarts_within};
use super::kube_json::MAX_BEGINNING;
use crate::event::{Event, Format, Lines, Owner, OwnerKind, Place, What};
use crate::gathered::{Setting, SettingKind};
use crate::{Context, Evidence};

/// The types of Kubernetes events.
const TYPES: [&str; 2] = ["Normal", "Warning"];

/// The status column of pods, as far as it tells of images and containers.
const STATUSES: [(&str, What); 12] = [
    ("ErrImagePull", What::PullFailed),
    ("Init:ErrImagePull", What::PullFailed),
    ("ImagePullBackOff", What::BackedOff),
    ("Init:ImagePullBackOff", What::BackedOff),
    ("ErrImageNeverPull", What::Told),
    ("InvalidImageName", What::PullFailed),
    ("CrashLoopBackOff", What::Restarted),
    ("Init:CrashLoopBackOff", What::Restarted),
    ("RunContainerError", What::StartFailed),
    ("CreateContainerError", What::StartFailed),
    ("CreateContainerConfigError", What::StartFailed),
    ("OOMKilled", What::Died(Some(137))),
];

/// Which cells follow a row's message, as the header says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Wide(pub(crate) bool);

/// A row of events.
pub(crate) fn read_event(line: &str, wide: Wide, context: &Context) -> Option<Event> {
    // Most lines are no rows: they are not cut into cells.
    if !TYPES.iter().any(|kind| line.contains(kind)) {
        return None;
    }
    let cells = split_cells(line);
    let at = cells.iter().take(3).position(|cell| TYPES.contains(cell))?;
    if at == 0 {
        return None;
    }
    let seen = parse_seen(cells[at - 1])?;
    let (kind, name) = cells.get(at + 2)?.split_once('/')?;
    let rest = cells.get(at + 3..)?;
    let told = Told::of(rest, wide)?;
    let kube = KubeEvent {
        reason: cells[at + 1],
        message: &told.message,
        kind: kind.split('.').next().unwrap_or(kind),
        name,
        namespace: (at >= 2).then(|| cells[0]),
        node: told.node,
    };
    let count = told.count.unwrap_or(seen.count);
    let first = told.first.unwrap_or(seen.first).max(seen.last);
    Some(dated(
        kube.read()?,
        Seen {
            first,
            count,
            ..seen
        },
        context,
    ))
}

/// A row of a described pod's events: type, reason, age, from, message.
pub(crate) fn read_described(line: &str, pod: &Described, context: &Context) -> Option<Event> {
    let cells = split_cells(line);
    let [kind, reason, age, rest @ ..] = cells.as_slice() else {
        return None;
    };
    if !TYPES.contains(kind) {
        return None;
    }
    let (from, message) = rest.split_first()?;
    let kube = KubeEvent {
        reason,
        message: &message.join(" "),
        kind: &pod.kind,
        name: &pod.name,
        namespace: pod.namespace.as_deref(),
        node: pod
            .node
            .as_deref()
            .or_else(|| from.split_once(", ").map(|(_, node)| node)),
    };
    Some(dated(kube.read()?, parse_seen(age)?, context))
}

/// What a description is about.
#[derive(Debug, Default)]
pub(crate) struct Described {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) namespace: Option<String>,
    pub(crate) node: Option<String>,
}

/// A row of pods: name, ready, status, restarts, age.
pub(crate) fn read_pod(line: &str, context: &Context, out: &mut Evidence) -> Option<Vec<Event>> {
    let cells = split_cells(line);
    let ready = cells.iter().take(3).position(|cell| is_ready(cell))?;
    let (name, status) = (cells.get(ready.checked_sub(1)?)?, cells.get(ready + 1)?);
    let restarts = cells.get(ready + 2)?;
    cells
        .get(ready + 3)
        .and_then(|age| parse_age(age.split(' ').next()?))?;
    let place = Place {
        owner: Some(owner_of("pod", name)),
        namespace: (ready >= 2).then(|| cells[0].to_owned()),
        task: Some((*name).to_owned()),
        node: cells
            .get(ready + 5)
            .filter(|node| **node != "<none>")
            .map(|node| (*node).to_owned()),
        ..Place::default()
    };
    if *status == "Running" {
        out.got_over.note_up(&place, context.now);
    }
    let event = |what, message: &str| {
        let mut event = Event::new(what, Format::KubePods)
            .within(place.clone())
            .saying(message);
        // Since when, the row does not tell: a pod's age is not its trouble's.
        event.last = Some(context.now);
        event.is_by_age = true;
        event
    };
    let mut events = Vec::new();
    if let Some((_, what)) = STATUSES.iter().find(|(known, _)| known == status) {
        events.push(event(*what, status));
    }
    let (count, age) = restarts.split_once(' ').unwrap_or((restarts, ""));
    let count: u64 = count.parse().ok()?;
    if count > 0 {
        let told = format!("{status}, {count} restarts");
        let mut restarted = event(What::Restarted, &told).times(count);
        if let Some(age) = parse_restart_age(age) {
            restarted.last = Some(context.now.before(age));
        }
        events.push(restarted);
    }
    Some(events)
}

/// Whose table a heading of `kubectl get deployments` or `kubectl get statefulsets` begins.
pub(crate) fn begins_workloads(line: &str) -> Option<OwnerKind> {
    let headings: Vec<&str> = line.split_ascii_whitespace().collect();
    let headings = headings.strip_prefix(&["NAMESPACE"]).unwrap_or(&headings);
    match headings {
        ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE", ..] => Some(OwnerKind::Deployment),
        ["NAME", "READY", "AGE", ..] => Some(OwnerKind::StatefulSet),
        _ => None,
    }
}

/// A row of workloads, `web  0/3  3  0  20m`: how many pods are ready, and how many should be. One that is being made has none yet.
pub(crate) fn read_workload(line: &str, kind: OwnerKind, lines: Lines) -> Option<Setting> {
    let cells: Vec<&str> = line.split_ascii_whitespace().collect();
    let at = cells.iter().take(3).position(|cell| is_ready(cell))?;
    let (ready, desired) = cells[at].split_once('/')?;
    let name = cells.get(at.checked_sub(1)?)?;
    let age = cells[at + 1..].iter().rev().find_map(|cell| {
        let is_age = cell.ends_with(|c: char| c.is_ascii_lowercase());
        parse_age(cell).filter(|_| is_age)
    })?;
    if age <= MAX_BEGINNING {
        return None;
    }
    let place = Place {
        // `kubectl get all` has `deployment.apps/web`.
        owner: Some(Owner::new(kind, name.rsplit('/').next().unwrap_or(name))),
        namespace: (at >= 2).then(|| cells[0].to_owned()),
        ..Place::default()
    };
    Some(Setting {
        place,
        image: None,
        kind: SettingKind::Replicas {
            desired: desired.parse().ok()?,
            running: Some(ready.parse().ok()?),
        },
        lines,
    })
}

/// `(12d ago)`: how long ago the last restart was.
fn parse_restart_age(text: &str) -> Option<Duration> {
    parse_age(text.strip_prefix('(')?.strip_suffix(" ago)")?)
}

/// Whether a line looks like an event's row, if one that tells of nothing.
pub(crate) fn is_row(line: &str) -> bool {
    split_cells(line)
        .iter()
        .take(3)
        .any(|cell| TYPES.contains(cell))
}

/// The end of an event's row.
struct Told<'a> {
    message: String,
    node: Option<&'a str>,
    first: Option<Duration>,
    count: Option<u64>,
}

impl<'a> Told<'a> {
    fn of(cells: &[&'a str], wide: Wide) -> Option<Self> {
        let narrow = || Self {
            message: cells.join(" "),
            node: None,
            first: None,
            count: None,
        };
        if !wide.0 {
            return Some(narrow());
        }
        // [subobject] source message… first-seen count name
        let [front @ .., first, count, _name] = cells else {
            return Some(narrow());
        };
        let (Some(first), Ok(count)) = (parse_age(first), count.parse()) else {
            return Some(narrow());
        };
        let has_subobject = front.len() > 2 && front[0].contains('{');
        let (source, message) = front[usize::from(has_subobject)..].split_first()?;
        Some(Self {
            message: message.join(" "),
            node: source.split_once(", ").map(|(_, node)| node),
            first: Some(first),
            count: Some(count),
        })
    }
}

fn dated(mut event: Event, seen: Seen, context: &Context) -> Event {
    event.is_by_age = true;
    event.first = Some(context.now.before(seen.first));
    event.last = Some(context.now.before(seen.last));
    let count = match event.what {
        What::Restarted => seen
            .count
            .min(restarts_within(seen.first.saturating_sub(seen.last))),
        _ => seen.count,
    };
    event.times(count).said(seen.count)
}

fn is_ready(cell: &str) -> bool {
    let is_number = |text: &str| {
        !text.is_empty() && text.len() < 4 && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    cell.split_once('/')
        .is_some_and(|(ready, all)| is_number(ready) && is_number(all))
}
