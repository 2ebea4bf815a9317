//! A short source as a whole: somebody has pasted a message, and it lies in several lines.
//!
//! Lines are read as they come, for a source may turn out long. What they said is taken back where they are one message.

use std::ops::RangeInclusive;

use forebay_failures::{Failure, Scanner};

use super::ci::Ci;
use super::ecs;
use super::log_line::LogLine;
use super::repeats::Repeats;
use crate::event::{Event, Lines, MAX_MESSAGE_BYTES, What};
use crate::failure::{explain, tell};
use crate::{Context, Evidence};

/// A source up to this long may be one message that somebody pasted, wrapped anywhere.
const MAX_BYTES: usize = 8 << 10;

/// The lines of a source and what they said, as long as it is short.
#[derive(Debug, Default)]
pub(crate) struct Pasted {
    text: String,
    /// Whether each line was read alone, as one of a log.
    are_alone: Vec<bool>,
    said: Vec<(Event, By)>,
    /// How many events there were before it, and how often something was told again.
    before: (usize, u64),
    is_over: bool,
    has_cause: bool,
}

/// Who knew what an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// A reader of tables, descriptions or JSON, or nobody who read a line.
    Structure,
    /// The reader of some program's lines.
    Program,
    /// Only the classifier.
    Words,
}

/// What is needed to put messages together.
pub(crate) struct Around<'a> {
    pub(crate) source: usize,
    pub(crate) context: &'a Context,
    pub(crate) ci: &'a Ci,
}

impl Pasted {
    /// None of a source that begins after all this.
    pub(crate) fn after(evidence: &Evidence) -> Self {
        Self {
            before: (evidence.events.len(), evidence.told_again),
            ..Self::default()
        }
    }

    /// Whether the source may still be short.
    pub(crate) const fn goes_on(&self) -> bool {
        !self.is_over
    }

    /// Takes the next line.
    pub(crate) fn line(&mut self, line: &str) {
        if self.is_over {
            return;
        }
        self.text.push_str(line);
        self.text.push('\n');
        self.are_alone.push(false);
        if self.text.len() > MAX_BYTES {
            *self = Self {
                is_over: true,
                ..Self::default()
            };
        }
    }

    /// Notes that the last line was read alone.
    pub(crate) fn is_alone(&mut self) {
        if let Some(is_alone) = self.are_alone.last_mut() {
            *is_alone = true;
        }
    }

    /// Notes what the evidence has got from it.
    pub(crate) fn said(&mut self, event: &Event, by: By) {
        if self.is_over {
            return;
        }
        self.has_cause |= is_cause(event);
        self.said.push((event.clone(), by));
    }

    /// Looks at it as a whole: puts together what is one message, and adds causes that no line told alone.
    pub(crate) fn settle(&mut self, around: &Around<'_>, evidence: &mut Evidence) {
        let mut pasted = std::mem::take(self);
        self.is_over = true;
        if pasted.is_over || pasted.text.is_empty() {
            return;
        }
        let mut left = Vec::new();
        let mut is_joined = false;
        for failure in pasted.failures() {
            if *failure.lines.start() < *failure.lines.end() && pasted.join(&failure, around) {
                is_joined = true;
            } else {
                left.push(failure);
            }
        }
        if is_joined {
            evidence.take_back(pasted.before.0);
            let mut repeats = Repeats::default();
            for (event, by) in pasted.said {
                if by != By::Words || !repeats.is_repetition(&event) {
                    evidence.add(event);
                }
            }
        }
        // What was told before has its cause there.
        if pasted.has_cause || evidence.told_again > pasted.before.1 {
            return;
        }
        let causes = left.iter().filter(|left| left.verdict.class.is_cause());
        for failure in causes {
            let event = around.event(&failure.excerpt, &failure.lines);
            evidence.add(tell(event, failure.verdict.clone()));
        }
    }

    fn failures(&self) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut scanner = Scanner::new();
        scanner.push(self.text.as_bytes(), &mut |failure| failures.push(failure));
        scanner.finish(&mut |failure| failures.push(failure));
        failures
    }

    /// Makes one event of what the lines of a message said; whether it did.
    fn join(&mut self, failure: &Failure, around: &Around<'_>) -> bool {
        let Some(words) = self.words(&failure.lines, around.context) else {
            return false;
        };
        let lines = &failure.lines;
        let is_part = |(event, _): &(Event, By)| {
            event.failure.is_some()
                && lines.contains(&event.lines.first)
                && lines.contains(&event.lines.last)
        };
        let parts: Vec<_> = self.said.iter().filter(|part| is_part(part)).collect();
        let is_told =
            |told: &Event| matches!(parts.as_slice(), [(part, _)] if says_as_much(part, told));
        let mut known = parts.iter().filter(|(_, by)| *by != By::Words);
        let event = match (known.next(), known.next()) {
            // Two records of a program are two happenings.
            (Some(_), Some(_)) => return false,
            (Some((known, _)), None) => {
                let event = Event {
                    lines: around.lines(lines),
                    ..known.clone().saying(&words)
                };
                explain(event, failure.verdict.clone())
            }
            (None, _) => {
                let mut event = around.event(&words, lines);
                let at = parts.iter().find_map(|(part, _)| part.first);
                (event.first, event.last) = (at, at);
                tell(event, failure.verdict.clone())
            }
        };
        if is_told(&event) {
            return false;
        }
        let place = self.said.iter().position(is_part);
        let place = place.unwrap_or(self.said.len());
        self.said.retain(|part| !is_part(part));
        self.has_cause |= is_cause(&event);
        self.said.insert(place, (event, By::Words));
        true
    }

    /// The words of some lines, if each was read alone.
    fn words(&self, lines: &RangeInclusive<u64>, context: &Context) -> Option<String> {
        let skipped = usize::try_from(*lines.start()).ok()?.checked_sub(1)?;
        let count = usize::try_from(lines.end() - lines.start()).ok()? + 1;
        let mut words = String::new();
        let texts = self.text.lines().zip(&self.are_alone).skip(skipped);
        for (line, is_alone) in texts.take(count) {
            let text = LogLine::parse(line, context).text.trim();
            if text.is_empty() {
                continue;
            }
            if !is_alone {
                return None;
            }
            if words.len() + text.len() < MAX_MESSAGE_BYTES {
                words.push_str(if words.is_empty() { "" } else { " " });
                words.push_str(text);
            }
        }
        Some(words)
    }
}

impl Around<'_> {
    /// An event of some lines, before anybody has told what happened.
    fn event(&self, words: &str, lines: &RangeInclusive<u64>) -> Event {
        let line = LogLine {
            text: words,
            ..LogLine::default()
        };
        let event = ecs::note_reason(self.ci.failed(What::Unread, &line));
        Event {
            lines: self.lines(lines),
            ..event
        }
    }

    fn lines(&self, lines: &RangeInclusive<u64>) -> Lines {
        Lines {
            source: self.source,
            first: *lines.start(),
            last: *lines.end(),
        }
    }
}

/// Whether one line says all that it says with those around it.
fn says_as_much(line: &Event, joined: &Event) -> bool {
    let what = |event: &Event| (event.what, event.tries, event.format);
    what(line) == what(joined) && line.failure == joined.failure && line.image == joined.image
}

/// Whether an event tells why pulls fail, or what starts them again and again.
fn is_cause(event: &Event) -> bool {
    let tells = |failure: &crate::Failure| failure.class.is_cause();
    event.what.is_death() || event.failure.as_ref().is_some_and(tells)
}
