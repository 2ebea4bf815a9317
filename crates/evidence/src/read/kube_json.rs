//! Events and pods of Kubernetes as JSON: `kubectl get … -o json`.
//!
//! Each item of a list comes alone; what is missing in it is unknown, never an error.

use std::time::Duration;

use forebay_logs::{member as text, parse_json};
use serde_json::Value;

use super::kube::{KubeEvent, owner_of, owner_of_bare_pod, restarts_within};
use crate::event::{Event, Format, Lines, Place, Since, What};
use crate::gathered::{Setting, SettingKind};
use crate::{Context, Evidence, Moment};

/// The most containers of one pod that are read.
const MAX_CONTAINERS: usize = 64;

/// Restarts that are less than this part of those that the kubelet makes at most, began later than their pod.
const FEW_PART: u64 = 4;

/// How long a container may be made, or get ready, before it is said to wait.
pub(crate) const MAX_BEGINNING: Duration = Duration::from_mins(5);

/// What who was asked to end ends with: 128 and `SIGTERM`.
const ENDED_AS_ASKED: i64 = 143;

/// Waiting reasons, as far as they tell of images and containers.
const WAITING: [(&str, What); 8] = [
    ("ErrImagePull", What::PullFailed),
    ("ImagePullBackOff", What::BackedOff),
    ("ImageInspectError", What::PullFailed),
    ("InvalidImageName", What::PullFailed),
    ("CrashLoopBackOff", What::Restarted),
    ("RunContainerError", What::StartFailed),
    ("CreateContainerError", What::StartFailed),
    ("CreateContainerConfigError", What::StartFailed),
];

/// An object of kind `Event`.
pub(crate) fn read_event(item: &Value, context: &Context) -> Option<Event> {
    let about = item
        .get("involvedObject")
        .or_else(|| item.get("regarding"))?;
    let kind = text(about, "kind")?.to_ascii_lowercase();
    let kube = KubeEvent {
        reason: text(item, "reason")?,
        message: text(item, "message")
            .or_else(|| text(item, "note"))
            .unwrap_or(""),
        kind: &kind,
        name: text(about, "name")?,
        namespace: text(about, "namespace"),
        node: item
            .pointer("/source/host")
            .or_else(|| item.get("reportingInstance"))
            .and_then(Value::as_str)
            .filter(|node| !node.is_empty()),
    };
    let mut event = kube.read()?;
    let moment = |key: &str| item.get(key).and_then(|value| parse_json(value, context));
    let made = item
        .pointer("/metadata/creationTimestamp")
        .and_then(|value| parse_json(value, context));
    let series = item
        .pointer("/series/lastObservedTime")
        .and_then(|value| parse_json(value, context));
    event.first = moment("firstTimestamp")
        .or_else(|| moment("eventTime"))
        .or(made);
    event.last = series.or_else(|| moment("lastTimestamp")).or(event.first);
    let count = item
        .get("count")
        .or_else(|| item.pointer("/series/count"))
        .and_then(Value::as_u64);
    let seen = event.first.zip(event.last);
    let most = match (event.what, seen) {
        (What::Restarted, Some((first, last))) => restarts_within(last.since(first)),
        _ => u64::MAX,
    };
    let said = count.unwrap_or(1);
    Some(event.times(said.min(most)).said(said))
}

/// An object of kind `Pod`.
pub(crate) fn read_pod(
    item: &Value,
    lines: Lines,
    context: &Context,
    out: &mut Evidence,
) -> Vec<Event> {
    let place = place_of(item);
    out.note_maker(&place);
    for container in list(item, "/spec/containers") {
        if let Some(policy) = text(container, "imagePullPolicy") {
            let image = text(container, "image").map(str::to_owned);
            let kind = SettingKind::PullPolicy(policy.to_owned());
            out.set(Setting {
                place: place.clone(),
                image,
                kind,
                lines,
            });
        }
    }
    let moment = |path| moment_at(item, path, context);
    let began = moment("/status/startTime").or_else(|| moment("/metadata/creationTimestamp"));
    let statuses =
        list(item, "/status/initContainerStatuses").chain(list(item, "/status/containerStatuses"));
    let phase = item.pointer("/status/phase").and_then(Value::as_str);
    let is_leaving = item.pointer("/metadata/deletionTimestamp").is_some();
    let is_done = is_leaving || matches!(phase, Some("Succeeded" | "Failed"));
    let mut events: Vec<Event> = statuses
        .flat_map(|told| {
            Status {
                told,
                is_leaving,
                is_done,
                began,
            }
            .read(context)
        })
        .collect();
    let mut running = list(item, "/status/containerStatuses");
    if running.any(|told| told.pointer("/state/running").is_some()) {
        out.got_over.note_up(&place, context.now);
    }
    events.extend(why_failed(item, began));
    for event in &mut events {
        let container = event.place.container.take();
        event.place = Place {
            container,
            ..place.clone()
        };
        if event.last.is_none() {
            event.last = Some(context.now);
            event.is_by_age = true;
        }
    }
    events
}

/// Why a pod has failed as a whole: it was evicted.
fn why_failed(item: &Value, began: Option<Moment>) -> Option<Event> {
    let status = item.get("status")?;
    let message = text(status, "message").filter(|_| text(status, "phase") == Some("Failed"))?;
    let told = Event::new(What::Told, Format::KubePods).saying(message);
    // When, it does not tell: after it began.
    Some(told.at(began).since(Since::Over))
}

/// The status of a container, and of its pod whether it was told to end, whether it is done with and when it began.
struct Status<'a> {
    told: &'a Value,
    is_leaving: bool,
    is_done: bool,
    began: Option<Moment>,
}

impl Status<'_> {
    fn read(&self, context: &Context) -> Vec<Event> {
        let waits = self.waiting().or_else(|| self.unready(context));
        let died = self.ends().filter_map(|ended| self.died(ended, context));
        waits
            .into_iter()
            .chain(died)
            .chain(self.restarted(context))
            .map(|event| event.since(self.since()))
            .collect()
    }

    fn event(&self, what: What, message: &str) -> Event {
        let place = Place {
            container: text(self.told, "name").map(str::to_owned),
            ..Place::default()
        };
        Event::new(what, Format::KubePods)
            .of(text(self.told, "image"))
            .within(place)
            .saying(message)
    }

    /// Whether it runs again, or has done what it was there for.
    fn since(&self) -> Since {
        let state = |path: &str| self.told.pointer(path);
        let ended_well = state("/state/terminated/exitCode").and_then(Value::as_i64) == Some(0);
        if self.is_done || ended_well || state("/state/running").is_some() {
            Since::Over
        } else {
            Since::Unknown
        }
    }

    fn waiting(&self) -> Option<Event> {
        let waiting = self.told.pointer("/state/waiting")?;
        let reason = text(waiting, "reason")?;
        let (_, what) = WAITING.iter().find(|(known, _)| *known == reason)?;
        let message = text(waiting, "message").filter(|message| !message.is_empty());
        Some(self.event(*what, message.unwrap_or(reason)))
    }

    /// That it is not ready, though it has had the time.
    fn unready(&self, context: &Context) -> Option<Event> {
        let is_ready = self.told.get("ready").and_then(Value::as_bool);
        if self.is_done || is_ready != Some(false) {
            return None;
        }
        let state = self.told.get("state")?;
        let since = if state.get("running").is_some() {
            moment_at(state, "/running/startedAt", context)
        } else {
            state.get("waiting")?;
            self.began
        };
        let is_new = since.is_some_and(|since| context.now.since(since) <= MAX_BEGINNING);
        (!is_new).then(|| self.event(What::Waits, "is not ready"))
    }

    /// How it ended, as far as nobody has told it to.
    fn ends(&self) -> impl Iterator<Item = &Value> {
        let ended = self.told.pointer("/state/terminated");
        let before = self.told.pointer("/lastState/terminated");
        let before = before.filter(|_| !self.ended_as_asked());
        ended.filter(|_| !self.is_leaving).into_iter().chain(before)
    }

    /// Whether it ended last because it was told to, and is well: what a probe has killed is not.
    fn ended_as_asked(&self) -> bool {
        let code = self.told.pointer("/lastState/terminated/exitCode");
        let is_ready = self.told.get("ready").and_then(Value::as_bool);
        code.and_then(Value::as_i64) == Some(ENDED_AS_ASKED) && is_ready == Some(true)
    }

    fn died(&self, ended: &Value, context: &Context) -> Option<Event> {
        let code = ended.get("exitCode")?.as_i64().filter(|code| *code != 0)?;
        let message = text(ended, "message").or_else(|| text(ended, "reason"));
        let at = moment_at(ended, "/finishedAt", context);
        let mut died = self.event(What::Died(Some(code)), message.unwrap_or(""));
        died.last = at;
        // Of many ends only the last is told.
        died.first = at.filter(|_| self.restarts() <= 1);
        Some(died)
    }

    fn restarted(&self, context: &Context) -> Option<Event> {
        let restarts = Some(self.restarts()).filter(|restarts| *restarts > 0)?;
        let told = format!("restartCount: {restarts}");
        let mut restarted = self.event(What::Restarted, &told).times(restarts);
        restarted.last = self.last_restart(context);
        let last = restarted.last.unwrap_or(context.now);
        restarted.first = since_start(self.began, last, restarts);
        Some(restarted)
    }

    /// When it ended last; of many only the beginning of the run after it is told.
    fn last_restart(&self, context: &Context) -> Option<Moment> {
        let moment = |path| moment_at(self.told, path, context);
        let ends = [
            "/state/terminated/finishedAt",
            "/lastState/terminated/finishedAt",
        ];
        let ended = ends.into_iter().filter_map(moment).max();
        ended.or_else(|| moment("/state/running/startedAt"))
    }

    fn restarts(&self) -> u64 {
        let count = self.told.get("restartCount");
        let restarts = count.and_then(Value::as_u64).unwrap_or(0);
        restarts.saturating_sub(u64::from(self.ended_as_asked()))
    }
}

fn moment_at(value: &Value, path: &str, context: &Context) -> Option<Moment> {
    value.pointer(path).and_then(|at| parse_json(at, context))
}

/// When restarts began of which only the number is told: with the pod, unless it has lived too long for so few.
fn since_start(began: Option<Moment>, last: Moment, restarts: u64) -> Option<Moment> {
    let most = restarts_within(last.since(began?));
    began.filter(|began| *began <= last && restarts.saturating_mul(FEW_PART) >= most)
}

fn place_of(item: &Value) -> Place {
    let name = item
        .pointer("/metadata/name")
        .and_then(Value::as_str)
        .unwrap_or("");
    let reference = list(item, "/metadata/ownerReferences").next();
    let owner = reference.and_then(|owner| {
        Some(owner_of(
            &text(owner, "kind")?.to_ascii_lowercase(),
            text(owner, "name")?,
        ))
    });
    let string = |path: &str| {
        item.pointer(path)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    Place {
        owner: Some(owner.unwrap_or_else(|| owner_of_bare_pod(name))),
        namespace: string("/metadata/namespace"),
        task: Some(name.to_owned()),
        node: string("/spec/nodeName"),
        ..Place::default()
    }
}

fn list<'a>(item: &'a Value, path: &str) -> impl Iterator<Item = &'a Value> {
    item.pointer(path)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .take(MAX_CONTAINERS)
}
