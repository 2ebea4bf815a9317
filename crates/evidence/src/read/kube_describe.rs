//! `kubectl describe pod`: whose it is, where, which images, and its events.
//!
//! Indented key and value pairs; a name at the margin begins another object.

use super::kube::owner_of;
use super::kube_table::{Described, read_described};
use crate::event::{Event, Format, Lines, Owner, Place, What};
use crate::gathered::{Setting, SettingKind};
use crate::{Context, Evidence};

/// A described object that is being read.
#[derive(Debug, Default)]
pub(crate) struct Description {
    about: Described,
    owner: Option<Owner>,
    image: Option<String>,
    /// Why the container ended that is being described.
    ended: Option<String>,
    is_ended: bool,
    in_events: bool,
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

    /// Reads on; an event where the line holds one.
    pub(crate) fn read(
        &mut self,
        line: &str,
        lines: Lines,
        context: &Context,
        out: &mut Evidence,
    ) -> Option<Event> {
        if line.starts_with("Events:") {
            self.in_events = true;
            return None;
        }
        if self.in_events {
            let event = read_described(line, &self.about, context)?;
            return Some(self.owned(event));
        }
        let (key, _) = line.trim_start().split_once(':')?;
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
            "Controlled By" => {
                self.owner = owner(value);
                out.note_maker(&self.place());
            }
            "Image" => self.image = Some(value.to_owned()),
            "Pod Template" | "Selector" if !line.starts_with(' ') => {
                "workload".clone_into(&mut self.about.kind);
            }
            "State" | "Last State" => {
                self.is_ended = value == "Terminated";
                self.ended = None;
            }
            "Reason" if self.is_ended => self.ended = Some(value.to_owned()),
            "Exit Code" if self.is_ended => return self.died(value, context),
            "Restart Count" => return self.restarts(value, context),
            "Image Pull Policy" => self.set(SettingKind::PullPolicy(value.to_owned()), lines, out),
            _ => {}
        }
        None
    }

    fn died(&self, value: &str, context: &Context) -> Option<Event> {
        let code: i64 = value.parse().ok().filter(|code| *code != 0)?;
        let reason = self.ended.as_deref().unwrap_or("");
        Some(self.told(What::Died(Some(code)), context).saying(reason))
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
        event.last = Some(context.now);
        event.is_by_age = true;
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
