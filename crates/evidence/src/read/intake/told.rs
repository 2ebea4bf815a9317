//! What lines and items have told, on its way to the evidence.
//!
//! The classifier says what a message means, and what cannot be is taken away.

use forebay_logs::Found;

use super::super::aws;
use super::super::json_item::{self, Told};
use super::super::pasted::By;
use super::Intake;
use crate::event::{Event, Format, Lines, What};

impl Intake {
    /// Takes what a line of JSON holds.
    pub(super) fn take(&mut self, found: Found, line: &str) {
        let source = self.evidence.sources.len().saturating_sub(1);
        let here = self.lines();
        for problem in found.problems {
            self.evidence.note_lost(here, problem);
        }
        for item in found.items {
            let lines = Lines {
                source,
                first: item.first_line,
                last: item.last_line,
            };
            let Ok(value) = serde_json::from_str(&item.text) else {
                self.evidence.note_lost(lines, "an item is no JSON");
                continue;
            };
            let asides = self.evidence.asides;
            aws::note_places(&item.text, &mut self.evidence);
            let told = json_item::read(
                &value,
                lines,
                &self.context,
                &mut self.source.ci,
                &mut self.evidence,
            );
            match told {
                Told::Record(mut events) if events.len() == 1 && item.text == line => {
                    let event = events.remove(0);
                    self.keep_known(event, (lines, line), By::Structure, asides);
                }
                Told::Record(events) | Told::Answer(events) => {
                    for event in events {
                        self.keep(event, lines, By::Structure);
                    }
                }
            }
        }
    }

    /// Keeps an event that a line has told alone, beside nothing that would have been counted since so many asides: whoever tells
    /// it again is known.
    pub(super) fn keep_known(
        &mut self,
        event: Event,
        (lines, line): (Lines, &str),
        by: By,
        asides: u64,
    ) {
        let at = event.first;
        if let Some(event) = self.judged(event, lines, by) {
            if self.evidence.asides == asides && event.first == at {
                let told = (&event, by, self.evidence.keys(&event));
                self.source.known.keep(line, told, &self.context);
            }
            self.add_told(event);
        }
    }

    pub(super) fn flush(&mut self) {
        if let Some((event, _)) = self.source.pending.take() {
            let lines = event.lines;
            self.keep(event, lines, By::Structure);
        }
        let description = self.source.description.as_mut();
        if let Some(event) = description.and_then(|read| read.died(&self.context)) {
            let lines = self.lines();
            self.keep(event, lines, By::Structure);
        }
    }

    pub(super) fn keep(&mut self, event: Event, lines: Lines, by: By) {
        if let Some(event) = self.judged(event, lines, by) {
            self.add_told(event);
        }
    }

    /// Adds an event, if it is not held for what may go on with it.
    pub(super) fn add_told(&mut self, event: Event) {
        if !self.source.pasted.holds() {
            self.evidence.add(event);
        }
    }

    /// Gives an event what its message says, and takes from it what cannot be; `None` if it is none.
    pub(super) fn judged(&mut self, event: Event, lines: Lines, by: By) -> Option<Event> {
        let mut event = self.judge.settle(located(event, lines))?;
        self.source.repeats.settle_task(&mut event);
        for doubt in self.plausible.sift(&mut event, &self.context) {
            self.evidence.note(event.lines, doubt);
        }
        self.source.pasted.said(&event, by);
        if by == By::Words && self.source.repeats.is_repetition(&event) {
            return None;
        }
        self.note_step(&event);
        aws::note_places(&event.message, &mut self.evidence);
        if let Some(image) = &event.image {
            aws::note_places(image, &mut self.evidence);
        }
        Some(event)
    }

    /// Counts a failure within a step of a CI job: the job itself had begun.
    fn note_step(&mut self, event: &Event) {
        let is_in_step = event.format == Format::Ci
            && event.what == What::PullFailed
            && self.source.ci.is_in_step(&event.message);
        self.evidence.failed_in_steps += u64::from(is_in_step);
        self.evidence.asides += u64::from(is_in_step);
    }
}

pub(super) fn located(mut event: Event, lines: Lines) -> Event {
    event.lines = lines;
    event
}
