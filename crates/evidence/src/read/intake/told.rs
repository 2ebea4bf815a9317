//! What lines and items have told, on its way to the evidence.
//!
//! The classifier says what a message means, and what cannot be is taken away.

use forebay_logs::{Found, Item};
use serde_json::Value;

use super::super::aws;
use super::super::json_item::{self, Told};
use super::super::pasted::By;
use super::super::yaml_item;
use super::Intake;
use crate::event::{Event, Format, Lines, What};

impl Intake {
    /// Takes what a line of JSON holds.
    pub(super) fn take(&mut self, found: Found, line: &str) {
        self.note_problems(found.problems);
        for item in found.items {
            let lines = self.lines_of(&item);
            let Ok(value) = serde_json::from_str(&item.text) else {
                self.evidence.note_lost(lines, "an item is no JSON");
                continue;
            };
            let asides = self.evidence.asides;
            match self.read_item(&item, &value) {
                Told::Record(events) if item.text == line => {
                    let told = self.keep_known(events, (lines, line), By::Structure, asides);
                    if told == 0 && self.evidence.asides == asides {
                        self.source.known.keep_nothing(line);
                    }
                }
                Told::Record(events) | Told::Answer(events) => {
                    for event in events {
                        self.keep(event, lines, By::Structure);
                    }
                }
            }
        }
    }

    /// Takes what a line of YAML ends.
    pub(super) fn take_yaml(&mut self, found: Found) {
        self.note_problems(found.problems);
        for item in found.items {
            let lines = self.lines_of(&item);
            let Some(value) = yaml_item::parse(&item.text) else {
                self.evidence.note_lost(lines, "an item is no YAML");
                continue;
            };
            let (Told::Record(events) | Told::Answer(events)) = self.read_item(&item, &value);
            for event in events {
                self.keep(event, lines, By::Structure);
            }
        }
    }

    fn note_problems(&mut self, problems: Vec<&'static str>) {
        let here = self.lines();
        for problem in problems {
            self.evidence.note_lost(here, problem);
        }
    }

    fn lines_of(&self, item: &Item) -> Lines {
        Lines {
            first: item.first_line,
            last: item.last_line,
            ..self.lines()
        }
    }

    fn read_item(&mut self, item: &Item, value: &Value) -> Told {
        aws::note_places(&item.text, &mut self.evidence);
        json_item::read(
            value,
            self.lines_of(item),
            &self.context,
            &mut self.source.ci,
            &mut self.evidence,
        )
    }

    /// Keeps what a line has told, and says how many events it was. One alone, beside nothing that would have been counted since
    /// so many asides, is remembered: whoever tells it again is known.
    pub(super) fn keep_known(
        &mut self,
        events: impl IntoIterator<Item = Event>,
        (lines, line): (Lines, &str),
        by: By,
        asides: u64,
    ) -> usize {
        let judged = events.into_iter().filter_map(|event| {
            let at = event.first;
            self.judged(event, lines, by).map(|event| (event, at))
        });
        let judged: Vec<_> = judged.collect();
        if let [(event, at)] = &judged[..]
            && self.evidence.asides == asides
            && event.first == *at
        {
            let told = (event, by, self.evidence.keys(event));
            self.source.known.keep(line, told, &self.context);
        }
        let told = judged.len();
        for (event, _) in judged {
            self.add_told(event);
        }
        told
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Context, Moment};

    #[test]
    fn a_record_is_read_once_whether_it_tells_of_one_thing_or_of_nothing() {
        for (record, again) in [
            (
                r#"{"ts":1768478400.5,"msg":"payment provider answered 429 Too Many Requests","n":4711}"#,
                r#"{"ts":1768478460.5,"msg":"payment provider answered 429 Too Many Requests","n":4712}"#,
            ),
            (
                r#"{"ts":1768478400.5,"msg":"job failed","error":"manifest for acme/web:1 not found: manifest unknown"}"#,
                r#"{"ts":1768478460.5,"msg":"job failed","error":"manifest for acme/web:1 not found: manifest unknown"}"#,
            ),
        ] {
            let mut intake = Intake::new(Context {
                now: Moment::from_unix_ms(1_768_478_500_000),
                utc_offset_seconds: 0,
            });
            intake.begin("log");
            // No text that somebody has pasted is so long.
            intake.push("GET /static/app.js 200\n".repeat(1_000).as_bytes());
            intake.push(format!("{record}\n").as_bytes());
            let ci = intake.source.ci.clone();
            let known = &mut intake.source.known;
            assert!(known.is_known(again.as_bytes(), None, &ci), "{record}");
        }
    }
}
