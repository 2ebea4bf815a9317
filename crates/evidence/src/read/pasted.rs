//! A short source as a whole, or a few lines of a log: a message lies in several lines, as a terminal has wrapped it.
//!
//! Lines are read as they come, for a source may turn out long. What they said is taken back where they are one message; amid a
//! log it is held until the message is over.

use std::ops::RangeInclusive;

use forebay_failures::{Failure, Scanner, Sifted};
use forebay_logs::LogLine;

use super::ci::Ci;
use super::ecs;
use super::hints::sift;
use super::repeats::Repeats;
use crate::event::{Event, Lines, MAX_MESSAGE_BYTES, What};
use crate::failure::{explain, tell};
use crate::got_over::is_of_volume;
use crate::{Context, Evidence};

/// A source up to this long may be one message that somebody pasted, wrapped anywhere.
const MAX_BYTES: usize = 8 << 10;

/// The most lines of a message amid a log: a terminal of 80 columns makes six of most.
const MAX_LINES_AMID: usize = 12;

/// Lines and what they said, as long as they may be one message.
#[derive(Debug, Default)]
pub(crate) struct Pasted {
    lines: Held,
    /// How many lines of the source stand before them.
    lines_before: u64,
    text: String,
    /// Whether each line was read alone, as one of a log.
    are_alone: Vec<bool>,
    said: Vec<(Event, By)>,
    has_cause: bool,
}

/// Which lines are held.
#[derive(Debug, Default)]
enum Held {
    /// All of a source so far; how many events there were before it, and how often something was told again.
    Source { events: usize, told_again: u64 },
    /// Some of a log; and what was told last before them.
    Amid(Repeats),
    /// None: the source is long, and its last line ended what it told.
    #[default]
    Nothing,
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
            lines: Held::Source {
                events: evidence.events.len(),
                told_again: evidence.told_again,
            },
            ..Self::default()
        }
    }

    /// Whether the next line may belong to what is held.
    pub(crate) const fn goes_on(&self) -> bool {
        !matches!(self.lines, Held::Nothing)
    }

    /// Whether what the lines say is not among the evidence before they are settled.
    pub(crate) const fn holds(&self) -> bool {
        matches!(self.lines, Held::Amid(_))
    }

    /// Begins with a line of a log, so many before it, that the next one seems to go on with.
    pub(crate) fn begin(&mut self, line: &str, lines: u64, repeats: &Repeats) {
        self.lines = Held::Amid(repeats.clone());
        self.lines_before = lines;
        self.line(line);
    }

    /// Whether the lines of a log that are held are over before this one. What goes on for longer than any message is a log without
    /// stamps: each of its lines is told alone.
    pub(crate) fn ends_before(&mut self, line: &str) -> bool {
        if !self.holds() {
            return false;
        }
        let is_long =
            self.are_alone.len() >= MAX_LINES_AMID || self.text.len() + line.len() >= MAX_BYTES;
        if is_long {
            self.text.clear();
        }
        is_long || begins_record(line.as_bytes())
    }

    /// Takes the next line.
    pub(crate) fn line(&mut self, line: &str) {
        if !self.goes_on() {
            return;
        }
        self.text.push_str(line);
        self.text.push('\n');
        self.are_alone.push(false);
        if self.text.len() > MAX_BYTES && !self.holds() {
            *self = Self::default();
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
        if !self.goes_on() {
            return;
        }
        self.has_cause |= is_cause(event);
        self.said.push((event.clone(), by));
    }

    /// Puts together what is one message; of a short source, adds causes that no line told alone.
    pub(crate) fn settle(&mut self, around: &Around<'_>, evidence: &mut Evidence) {
        let mut pasted = std::mem::take(self);
        match std::mem::take(&mut pasted.lines) {
            Held::Nothing => {}
            Held::Amid(repeats) => {
                pasted.join_all(around);
                pasted.tell(repeats, evidence);
            }
            Held::Source { events, told_again } => {
                let (left, is_joined) = pasted.join_all(around);
                if is_joined {
                    evidence.take_back(events);
                    pasted.tell(Repeats::default(), evidence);
                }
                // What was told before has its cause there.
                if pasted.has_cause || evidence.told_again > told_again {
                    return;
                }
                let causes = left.iter().filter(|left| left.verdict.class.is_cause());
                for failure in causes {
                    let event = around.event(&failure.excerpt.text(), &failure.lines);
                    evidence.add(tell(event, failure.verdict.clone()));
                }
            }
        }
    }

    /// Adds what the lines said to the evidence.
    fn tell(&mut self, mut repeats: Repeats, evidence: &mut Evidence) {
        for (event, by) in std::mem::take(&mut self.said) {
            if by != By::Words || !repeats.is_repetition(&event) {
                evidence.add(event);
            }
        }
    }

    /// Puts each message together that lies in several lines; the others, and whether there was one.
    fn join_all(&mut self, around: &Around<'_>) -> (Vec<Failure>, bool) {
        let mut left = Vec::new();
        let mut is_joined = false;
        for failure in self.failures() {
            if *failure.lines.start() < *failure.lines.end() && self.join(&failure, around) {
                is_joined = true;
            } else {
                left.push(failure);
            }
        }
        (left, is_joined)
    }

    /// The failures that the lines tell of, at their places in the source.
    fn failures(&self) -> Vec<Failure> {
        let mut failures = Vec::new();
        let mut scanner = Scanner::new();
        let mut found = |failure: Failure| {
            let (first, last) = failure.lines.into_inner();
            let lines = first + self.lines_before..=last + self.lines_before;
            failures.push(Failure { lines, ..failure });
        };
        let mut sifted = Sifted::default();
        sift(self.text.as_bytes(), &mut sifted);
        scanner.push_sifted(self.text.as_bytes(), &sifted, &mut found);
        scanner.finish(&mut found);
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
                event.is_hearsay = parts.iter().any(|(part, _)| part.is_hearsay);
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
        let skipped = lines.start().checked_sub(self.lines_before + 1)?;
        let skipped = usize::try_from(skipped).ok()?;
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

/// Whether the beginning of a line looks like that of a log's next record, and not like words that go on: stamps of all kinds,
/// pairs, JSON, an empty line.
pub(crate) fn begins_record(line: &[u8]) -> bool {
    let digits = line.iter().take_while(|byte| byte.is_ascii_digit()).count();
    match (digits, line) {
        (_, [] | [b'\n' | b'\r' | b'[' | b'{' | b'<' | b'#', ..]) => true,
        // A status is no stamp: `429 Too Many Requests`.
        (1.., _) => matches!(line.get(digits), Some(b'-' | b'/' | b':' | b'.' | b',')),
        // `Nov  3 `, `Mon 2025`, `E1103 `.
        (_, [a, b, c, b' ', ..]) if a.is_ascii_uppercase() => {
            b.is_ascii_lowercase() && c.is_ascii_lowercase() && line.get(4..).is_some_and(is_day)
        }
        (_, [b'I' | b'W' | b'E' | b'F', digit, ..]) if digit.is_ascii_digit() => true,
        _ => line.starts_with(b"time=") || line.starts_with(b"level="),
    }
}

fn is_day(rest: &[u8]) -> bool {
    let day = rest.trim_ascii_start();
    day.first().is_some_and(u8::is_ascii_digit)
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

/// Whether an event tells why pulls fail, why none has begun, or what starts them again and again.
fn is_cause(event: &Event) -> bool {
    let tells = |failure: &crate::Failure| failure.class.is_cause();
    event.what.is_death() || is_of_volume(event) || event.failure.as_ref().is_some_and(tells)
}
