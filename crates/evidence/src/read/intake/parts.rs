//! What goes over several lines: tables, descriptions, and messages that were wrapped in them.
//!
//! Finds out where one begins and ends; what its lines say, its own reader knows.

use super::super::docker_lists::List;
use super::super::kube_describe::Description;
use super::super::kube_table::{self, Wide};
use super::super::pasted::By;
use super::Intake;
use super::told::located;
use crate::event::{Event, MAX_MESSAGE_BYTES, OwnerKind};
use crate::{Context, Evidence};

/// The most lines that a wrapped message goes on for.
const MAX_WRAPPED_LINES: u32 = 8;

/// The table whose rows are being read.
pub(super) enum Table {
    Events(Wide),
    Pods,
    Workloads(OwnerKind),
    List(List),
}

impl Intake {
    /// Whether the line begins a table or a description.
    pub(super) fn begin_part(&mut self, line: &str) -> bool {
        if Description::begins(line) {
            self.flush();
            self.source.table = None;
            self.source.description = Some(Description::of(line));
            return true;
        }
        if !line.starts_with(|c: char| c.is_ascii_uppercase()) {
            return false;
        }
        let has = |words: &[&str]| words.iter().all(|word| line.contains(word));
        let table = if has(&["REASON", "OBJECT"]) {
            Some(Table::Events(Wide(line.contains("FIRST SEEN"))))
        } else if has(&["NAME", "READY", "STATUS"]) {
            Some(Table::Pods)
        } else if let Some(kind) = kube_table::begins_workloads(line) {
            Some(Table::Workloads(kind))
        } else {
            List::begins(line).map(Table::List)
        };
        let Some(table) = table else {
            return false;
        };
        self.flush();
        self.source.description = None;
        self.source.table = Some(table);
        true
    }

    /// Whether the line belongs to a table or a description, or goes on with what one said.
    pub(super) fn read_part(&mut self, line: &str) -> bool {
        if line.trim().is_empty() {
            self.flush();
            self.source.table = None;
            self.source.description = None;
            return true;
        }
        let lines = self.lines();
        let context = self.context;
        if let Some(description) = &mut self.source.description {
            let events = description.read(line, lines, &context, &mut self.evidence);
            let may_go_on = description.is_in_events();
            if !events.is_empty() {
                self.flush();
                for event in events {
                    if may_go_on {
                        self.source.pending = Some((located(event, lines), 0));
                    } else {
                        self.keep(event, lines, By::Structure);
                    }
                }
                return true;
            }
            // Its other lines are indented, or begin with a key.
            if self.source.pending.is_none() {
                return line.starts_with(' ') || line.contains(':') || line.is_empty();
            }
        }
        let row = match &self.source.table {
            Some(Table::Pods) => kube_table::read_pod(line, &context, &mut self.evidence),
            Some(Table::Workloads(kind)) => {
                kube_table::read_workload(line, *kind, lines).map(|setting| {
                    self.evidence.set(setting);
                    Vec::new()
                })
            }
            Some(Table::List(list)) => Some(
                list.read(line, lines, &context, &mut self.evidence)
                    .into_iter()
                    .collect(),
            ),
            Some(Table::Events(wide)) => {
                kube_table::read_event(line, *wide, &context).map(|event| vec![event])
            }
            None => read_bare(line, &context, &mut self.evidence),
        };
        if let Some(events) = row {
            self.flush();
            for event in events {
                self.flush();
                self.source.pending = Some((located(event, lines), 0));
            }
            return true;
        }
        let is_of_events = self.source.description.is_some()
            || matches!(self.source.table, Some(Table::Events(_)));
        if is_of_events && kube_table::is_row(line) {
            // A row that tells of nothing.
            self.flush();
            return true;
        }
        self.go_on(line)
    }

    /// Whether the line is the rest of a message that was wrapped.
    fn go_on(&mut self, line: &str) -> bool {
        let number = self.source.line;
        let Some((event, wrapped)) = &mut self.source.pending else {
            return false;
        };
        if *wrapped >= MAX_WRAPPED_LINES {
            self.flush();
            return false;
        }
        *wrapped += 1;
        event.lines.last = number;
        if event.message.len() + line.len() < MAX_MESSAGE_BYTES {
            event.message.push(' ');
            event.message.push_str(line.trim());
        }
        true
    }
}

/// A row that was pasted without the heading of its table.
fn read_bare(line: &str, context: &Context, out: &mut Evidence) -> Option<Vec<Event>> {
    let of_kube = kube_table::read_event(line, Wide::default(), context);
    let events = of_kube.map(|event| vec![event]);
    events.or_else(|| List::read_bare(line, context, out))
}
