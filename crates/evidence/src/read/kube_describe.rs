//! `kubectl describe pod`: whose it is, where, which images, and its events.
//!
//! Indented key and value pairs; a name at the margin begins another object.

use forebay_logs::parse_mail;

use super::kube::owner_of;
use super::kube_table::{Described, read_described};
use crate::event::{Event, Format, Lines, Owner, Place, Since, What};
use crate::gathered::{Setting, SettingKind};
use crate::{Context, Evidence, Moment};

/// A described object that is being read.
#[derive(Debug, Default)]
pub(crate) struct Description {
    about: Described,
    owner: Option<Owner>,
    image: Option<String>,
    container: Container,
    /// Whether none of its containers will be started again.
    is_done: bool,
    in_events: bool,
}

/// What was read so far of the container that is being described.
#[derive(Debug, Default)]
struct Container {
    runs: bool,
    waits: bool,
    /// Whether what follows is of how it ended.
    is_ended: bool,
    /// Why it ended.
    reason: String,
    /// With which code it ended that was described last, if that was not told yet.
    code: Option<i64>,
    /// When it ended, or else began to run.
    last: Option<Moment>,
}

impl Description {
    /// Whether a line begins a description.
    pub(crate) fn begins(line: &str) -> bool {
        line.strip_prefix("Name:")
            .is_some_and(|rest| rest.starts_with("  ") && !rest.trim().is_empty())
    }

    /// A description of what a line names.
    pub(crate) fn of(line: &str) -> Self {
        let about = Described {
            kind: "pod".to_owned(),
            name: value(line).to_owned(),
            ..Described::default()
        };
        Self {
            about,
            ..Self::default()
        }
    }

    /// Whether its events are being read, whose messages may be wrapped; all else stands in one line.
    pub(crate) const fn is_in_events(&self) -> bool {
        self.in_events
    }

    /// Reads on; the events that the line completes.
    pub(crate) fn read(
        &mut self,
        line: &str,
        lines: Lines,
        context: &Context,
        out: &mut Evidence,
    ) -> Vec<Event> {
        if line.starts_with("Events:") {
            self.in_events = true;
            return Vec::new();
        }
        if self.in_events {
            let event = read_described(line, &self.about, context);
            return event.map(|event| self.owned(event)).into_iter().collect();
        }
        let Some((key, _)) = line.trim_start().split_once(':') else {
            return Vec::new();
        };
        let value = value(line);
        match key {
            "Namespace" if !line.starts_with(' ') => self.about.namespace = Some(value.to_owned()),
            "Node" if !line.starts_with(' ') => {
                let node = value
                    .split('/')
                    .next()
                    .filter(|node| !node.is_empty() && *node != "<none>");
                self.about.node = node.map(str::to_owned);
            }
            "Status" if !line.starts_with(' ') => {
                self.is_done = matches!(value, "Succeeded" | "Failed");
            }
            "Controlled By" => {
                self.owner = owner(value);
                out.note_maker(&self.place());
            }
            "State" if value == "Running" => {
                out.got_over.note_up(&self.place(), context.now);
                return self.read_state(key, value, context);
            }
            "Image" => self.image = Some(value.to_owned()),
            "Pod Template" | "Selector" if !line.starts_with(' ') => {
                "workload".clone_into(&mut self.about.kind);
            }
            "Image Pull Policy" => self.set(SettingKind::PullPolicy(value.to_owned()), lines, out),
            _ => return self.read_state(key, value, context),
        }
        Vec::new()
    }

    /// Reads on in how a container is and was.
    fn read_state(&mut self, key: &str, value: &str, context: &Context) -> Vec<Event> {
        let container = &mut self.container;
        match key {
            "State" | "Last State" => {
                let died = self.died(context);
                if key == "State" {
                    self.container = Container {
                        runs: value == "Running",
                        waits: value == "Waiting",
                        ..Container::default()
                    };
                }
                self.container.is_ended = value == "Terminated";
                self.container.reason.clear();
                return died.into_iter().collect();
            }
            "Reason" if container.is_ended => value.clone_into(&mut container.reason),
            "Exit Code" if container.is_ended => container.code = value.parse().ok(),
            "Started" if container.runs && !container.is_ended => {
                container.last = parse_mail(value);
            }
            "Finished" if container.is_ended => {
                container.last = parse_mail(value).or(container.last);
                return self.died(context).into_iter().collect();
            }
            "Restart Count" => return self.restarts(value, context).into_iter().collect(),
            _ => {}
        }
        Vec::new()
    }

    /// The end that was described last, if it is not told yet: when it was stands below it, if it stands there at all.
    pub(crate) fn died(&mut self, context: &Context) -> Option<Event> {
        let code = self.container.code.take().filter(|code| *code != 0)?;
        let event = self.told(What::Died(Some(code)), context);
        Some(event.saying(&self.container.reason))
    }

    fn restarts(&self, value: &str, context: &Context) -> Option<Event> {
        let count: u64 = value.parse().ok().filter(|count| *count > 0)?;
        let event = self.told(What::Restarted, context);
        let event = event.saying(&format!("Restart Count: {count}"));
        Some(event.times(count))
    }

    /// Since when, the description does not tell.
    fn told(&self, what: What, context: &Context) -> Event {
        let mut event = Event::new(what, Format::KubePods)
            .of(self.image.clone())
            .within(self.place());
        // What waits, goes on.
        let last = self.container.last.filter(|_| !self.container.waits);
        event.last = last.or(Some(context.now));
        event.is_by_age = last.is_none();
        if self.container.runs || self.is_done {
            event.since = Since::Over;
        }
        event
    }

    fn set(&self, kind: SettingKind, lines: Lines, out: &mut Evidence) {
        let image = self.image.clone();
        out.set(Setting {
            place: self.place(),
            image,
            kind,
            lines,
        });
    }

    fn place(&self) -> Place {
        Place {
            owner: Some(
                self.owner
                    .clone()
                    .unwrap_or_else(|| owner_of(&self.about.kind, &self.about.name)),
            ),
            namespace: self.about.namespace.clone(),
            task: Some(self.about.name.clone()),
            node: self.about.node.clone(),
            ..Place::default()
        }
    }

    fn owned(&self, mut event: Event) -> Event {
        if let Some(owner) = &self.owner {
            event.place.owner = Some(owner.clone());
        }
        event
    }
}

/// `ReplicaSet/web-7d4b9c6f8d`.
fn owner(value: &str) -> Option<Owner> {
    let (kind, name) = value.split_once('/')?;
    Some(owner_of(&kind.to_ascii_lowercase(), name))
}

fn value(line: &str) -> &str {
    line.split_once(':').map_or("", |(_, value)| value.trim())
}
