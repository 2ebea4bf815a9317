//! The door: bytes in, evidence out.
//!
//! Cuts lines, finds out what they belong to, and joins what was wrapped. One line is held at a time, and one item of JSON.

mod parts;
mod told;

use std::borrow::Cow;

use forebay_failures::{Sifted, decode, may_go_on};
use forebay_logs::{JsonItems, LogLine, YamlItems};

use super::ci::Ci;
use super::hints::{self, Reading};
use super::known::Known;
use super::kube_describe::Description;
use super::pasted::{Around, By, Pasted};
use super::repeats::Repeats;
use super::text;
use crate::event::{Event, Lines, What};
use crate::failure::Judge;
use crate::past::Form;
use crate::plausible::{AGES_PARTED, Plausible, part_ages, part_from_old};
use crate::{Context, Evidence};
use parts::Table;

/// The most bytes of a line of text; what is longer is cut.
pub const MAX_LINE_BYTES: usize = 64 << 10;

/// Reads one source after the other.
pub struct Intake {
    context: Context,
    evidence: Evidence,
    judge: Judge,
    plausible: Plausible,
    source: Source,
    partial: Vec<u8>,
    is_cut: bool,
    is_of_now: bool,
}

/// What is known of the source that is being read.
#[derive(Default)]
struct Source {
    line: u64,
    json: JsonItems,
    yaml: YamlItems,
    table: Option<Table>,
    description: Option<Description>,
    pending: Option<(Event, u32)>,
    ci: Ci,
    pasted: Pasted,
    repeats: Repeats,
    known: Known,
}

impl Source {
    /// Whether what comes next may belong to what is being read.
    fn is_amid(&self) -> bool {
        self.json.is_inside()
            || self.yaml.is_inside()
            || self.table.is_some()
            || self.description.is_some()
            || self.pending.is_some()
            || self.pasted.goes_on()
    }
}

impl Intake {
    /// Reads in the light of a context.
    pub fn new(context: Context) -> Self {
        Self {
            context,
            evidence: Evidence::default(),
            judge: Judge::default(),
            plausible: Plausible::default(),
            source: Source::default(),
            partial: Vec::new(),
            is_cut: false,
            is_of_now: false,
        }
    }

    /// Takes what is read for answers of programs that were asked: they tell of how it is now.
    pub const fn note_asked(&mut self) {
        self.is_of_now = true;
    }

    /// Begins a source; its name is for people, and names a CI job that does not name itself.
    pub fn begin(&mut self, name: &str) {
        self.end();
        self.evidence.sources.push(name.to_owned());
        self.source = Source {
            ci: Ci::of(name),
            pasted: Pasted::after(&self.evidence),
            ..Source::default()
        };
    }

    /// Reads on. Lines may be cut anywhere between two calls.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut sifted = Sifted::default();
        hints::sift(bytes, &mut sifted);
        self.push_sifted(bytes, &sifted);
    }

    /// Reads on in bytes that [`sift`](crate::sift) has looked through.
    pub fn push_sifted(&mut self, bytes: &[u8], sifted: &Sifted) {
        let mut reading = Reading::of(bytes, sifted);
        let mut at = self.skip_noise(0, &mut reading, sifted);
        while let Some(end) = reading.line_end(at) {
            let line = &bytes[at..end];
            // What is not here yet is no more of it: what a line tells is told at once.
            let next = first_line(&bytes[end + 1..]);
            if self.partial.is_empty() && !self.is_cut && line.len() <= MAX_LINE_BYTES {
                let line = decode(line);
                if matches!(line, Cow::Owned(_)) {
                    self.source.known.pass();
                }
                self.line(&line, next);
            } else {
                self.gather(line);
                self.end_line(next);
            }
            at = self.skip_noise(end + 1, &mut reading, sifted);
        }
        // What is not here yet may make another line of it.
        self.source.known.pass();
        self.gather(&bytes[at..]);
    }

    /// Where the lines end that tell of nothing, if each may be looked at alone.
    fn skip_noise(&mut self, from: usize, reading: &mut Reading<'_>, sifted: &Sifted) -> usize {
        self.source.known.pass();
        if self.source.is_amid() || !self.partial.is_empty() || self.is_cut {
            return from;
        }
        let Source { known, ci, .. } = &mut self.source;
        let noise = reading.noise(from, |line, place| {
            known.is_known(line, sifted.form(place), ci)
        });
        if !noise.is_before_known {
            known.pass();
        }
        self.source.line += noise.lines;
        self.evidence.lines += noise.lines;
        noise.end
    }

    /// Adds what is known without reading a text, as part of the source that was begun.
    pub fn add(&mut self, event: Event) {
        self.flush();
        let lines = self.lines();
        self.keep(event, lines, By::Structure);
    }

    /// What was read so far; the last message may not be among it, as it may go on.
    pub fn so_far(&self) -> &Evidence {
        &self.evidence
    }

    /// Ends the source: its last line and message count as whole.
    pub fn settle(&mut self) {
        self.end();
    }

    /// All that was read.
    pub fn finish(mut self) -> Evidence {
        self.end();
        let are_ages_parted = part_ages(&mut self.evidence.events, &self.context);
        if are_ages_parted {
            self.evidence.note(Lines::default(), AGES_PARTED);
        }
        let parted = part_from_old(&mut self.evidence.events);
        if parted > 0 {
            let text = format!(
                "{parted} happenings lie more than two years before the last: their times are not used"
            );
            self.evidence.note(Lines::default(), text);
        }
        let form = Form {
            are_ages_parted,
            is_of_now: self.is_of_now,
        };
        self.evidence.part_past(&self.context, form);
        self.evidence
    }

    /// Ends the source.
    fn end(&mut self) {
        if !self.partial.is_empty() {
            self.end_line(&[]);
        }
        let lines = self.lines();
        if let Some(problem) = self.source.json.finish() {
            self.evidence.note_lost(lines, problem);
        }
        let found = self.source.yaml.finish();
        self.take_yaml(found);
        self.flush();
        self.settle_pasted();
        self.evidence.give_to_makers();
    }

    /// Puts together what lies in several lines.
    fn settle_pasted(&mut self) {
        let around = Around {
            source: self.lines().source,
            context: &self.context,
            ci: &self.source.ci,
        };
        self.source.pasted.settle(&around, &mut self.evidence);
    }

    fn gather(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let room = MAX_LINE_BYTES.saturating_sub(self.partial.len());
            let taken = room.min(rest.len());
            self.partial.extend_from_slice(&rest[..taken]);
            rest = &rest[taken..];
            if rest.is_empty() {
                return;
            }
            if self.pass_json_on() {
                continue;
            }
            if !std::mem::replace(&mut self.is_cut, true) {
                let lines = self.lines();
                self.evidence
                    .note(lines, "a line is too long: only its beginning was read");
            }
            return;
        }
    }

    /// Hands the part of a long line of JSON over; whether it was one.
    fn pass_json_on(&mut self) -> bool {
        // Cut after an ASCII byte, so that no character is broken.
        let Some(end) = self.partial.iter().rposition(u8::is_ascii) else {
            return false;
        };
        let tail = self.partial.split_off(end + 1);
        let part = String::from_utf8_lossy(&self.partial).into_owned();
        if !self.source.json.is_inside() && !JsonItems::begins(&part) {
            self.partial.extend_from_slice(&tail);
            return false;
        }
        self.partial = tail;
        let found = self.source.json.push(&part, self.source.line + 1);
        self.take(found, "");
        true
    }

    fn end_line(&mut self, next: &[u8]) {
        let bytes = std::mem::take(&mut self.partial);
        self.is_cut = false;
        self.line(&String::from_utf8_lossy(&bytes), next);
    }

    /// Reads a line, which may go on in the next one.
    fn line(&mut self, line: &str, next: &[u8]) {
        self.source.line += 1;
        self.evidence.lines += 1;
        let line = line.strip_suffix('\r').unwrap_or(line);
        if self.source.pasted.ends_before(line) {
            self.settle_pasted();
        }
        self.source.pasted.line(line);
        if let Some(found) = self.source.yaml.push_line(line, self.source.line) {
            let is_broken = found.is_broken;
            self.take_yaml(found);
            if !is_broken {
                return;
            }
        }
        if self.source.json.is_inside() || JsonItems::begins(line) {
            if self.tells_again(line) {
                return;
            }
            let found = self.source.json.push_line(line, self.source.line);
            let is_broken = found.is_broken;
            self.take(found, line);
            if !is_broken {
                return;
            }
        }
        let source = &mut self.source;
        if !source.is_amid() && may_go_on(line, next) {
            source.pasted.begin(line, source.line - 1, &source.repeats);
        }
        if self.tells_again(line) {
            return;
        }
        if self.begin_part(line) || self.read_part(line) {
            return;
        }
        self.flush();
        self.source.pasted.is_alone();
        self.read_alone(line);
    }

    /// Whether the line only tells once more what one like it has told, and is counted so.
    fn tells_again(&mut self, line: &str) -> bool {
        let lines = self.lines();
        let source = &mut self.source;
        if source.is_amid() {
            source.known.pass();
            return false;
        }
        let Some(told) = source.known.find(line, &source.ci, &self.context) else {
            return source.known.is_nothing();
        };
        told.event.lines = lines;
        if told.by == By::Words && source.repeats.is_repetition(&told.event)
            || self.evidence.count(&told.event, told.keys).is_ok()
        {
            return true;
        }
        if told.is_whole {
            self.evidence.add(told.event.clone());
        }
        told.is_whole
    }

    /// Reads a line that belongs to no other.
    fn read_alone(&mut self, line: &str) {
        let lines = self.lines();
        let asides = self.evidence.asides;
        let parsed = LogLine::parse(line, &self.context);
        let event = text::read(
            &parsed,
            lines,
            &self.context,
            &mut self.source.ci,
            &mut self.evidence,
        );
        let Some(event) = event else {
            return;
        };
        let by = match event.what {
            What::Unread => By::Words,
            _ => By::Program,
        };
        self.keep_known([event], (lines, line), by, asides);
    }

    fn lines(&self) -> Lines {
        Lines {
            source: self.evidence.sources.len().saturating_sub(1),
            first: self.source.line,
            last: self.source.line,
        }
    }
}

/// The first line of a text, or its beginning.
fn first_line(text: &[u8]) -> &[u8] {
    let text = &text[..text.len().min(MAX_LINE_BYTES)];
    &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())]
}
