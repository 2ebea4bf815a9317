//! `docker events`, as text and as JSON.
//!
//! The daemon tells of a pull only when it succeeded, and names Swarm's service and Compose's in the container's labels.

use forebay_logs::{LogLine, member};
use serde_json::Value;

use crate::Moment;
use crate::event::{Event, Format, Owner, OwnerKind, Place, What};

/// One event's parts, whatever form it came in.
struct Raw<'a> {
    kind: &'a str,
    action: &'a str,
    id: &'a str,
    at: Option<Moment>,
    attributes: &'a dyn Fn(&str) -> Option<&'a str>,
}

/// A line of `docker events`.
pub(crate) fn read_text(line: &LogLine<'_>) -> Option<Event> {
    let (head, attributes) = line.text.split_once(" (")?;
    let attributes = attributes.strip_suffix(')')?;
    let mut words = head.split(' ');
    let kind = words
        .next()
        .filter(|kind| matches!(*kind, "container" | "image"))?;
    let (id, action) = head
        .strip_prefix(kind)?
        .trim_start()
        .rsplit_once(' ')
        .map(|(action, id)| (id, action))?;
    let find = |key: &str| {
        attributes
            .split(", ")
            .find_map(|pair| pair.split_once('=').filter(|(name, _)| *name == key))
            .map(|(_, value)| value)
    };
    Raw {
        kind,
        action,
        id,
        at: line.at,
        attributes: &find,
    }
    .read()
}

/// An object of `docker events --format '{{json .}}'`.
pub(crate) fn read_json(item: &Value) -> Option<Event> {
    let seconds = item.get("time").and_then(Value::as_i64);
    let actor = item.get("Actor")?;
    let find = |key: &str| actor.get("Attributes").and_then(|all| member(all, key));
    let raw = Raw {
        kind: member(item, "Type")?,
        action: member(item, "Action").or_else(|| member(item, "status"))?,
        id: member(actor, "ID").unwrap_or(""),
        at: seconds.map(|seconds| Moment::from_unix_ms(seconds.saturating_mul(1_000))),
        attributes: &find,
    };
    raw.read()
}

impl Raw<'_> {
    fn read(&self) -> Option<Event> {
        let find = self.attributes;
        let what = match (self.kind, self.action) {
            ("image", "pull") => What::PullSucceeded,
            ("container", "start") => What::Started,
            ("container", "restart") => What::Restarted,
            ("container", "oom") => What::Died(Some(137)),
            ("container", "die") => match find("exitCode").and_then(|code| code.parse().ok()) {
                Some(0) => return None,
                code => What::Died(code),
            },
            ("container", action)
                if action.starts_with("health_status") && action.contains("unhealthy") =>
            {
                What::HealthFailed
            }
            _ => return None,
        };
        let image = if self.kind == "image" {
            Some(self.id)
        } else {
            find("image")
        };
        let message = format!("{} {}", self.kind, self.action);
        Some(
            Event::new(what, Format::DockerEvents)
                .at(self.at)
                .of(image)
                .within(self.place())
                .saying(&message),
        )
    }

    fn place(&self) -> Place {
        if self.kind == "image" {
            return Place::default();
        }
        let find = |key: &str| (self.attributes)(key);
        let name = find("name").unwrap_or(self.id);
        let node = find("com.docker.swarm.node.id");
        Place {
            owner: Some(owner_of_container(name, find)),
            task: find("com.docker.swarm.task.id").map(str::to_owned),
            container: Some(name.to_owned()),
            node: node.map(str::to_owned),
            cluster: find("com.docker.stack.namespace")
                .or_else(|| find("com.docker.compose.project"))
                .map(str::to_owned),
            ..Place::default()
        }
    }
}

/// Who made a container, by its labels.
pub(crate) fn owner_of_container<'a>(name: &str, label: impl Fn(&str) -> Option<&'a str>) -> Owner {
    if let Some(service) = label("com.docker.swarm.service.name") {
        return Owner::new(OwnerKind::SwarmService, service);
    }
    let service = label("com.docker.compose.service").unwrap_or(name);
    Owner::new(OwnerKind::Container, service.trim_start_matches('/'))
}
