//! Reads a log as it comes and finds the messages of failed pulls in it.
//!
//! Holds a bounded window of bytes. A text of a few lines is looked at whole: somebody has pasted one message, and a
//! terminal may have wrapped it.

use std::collections::VecDeque;
use std::ops::{Range, RangeInclusive};

use crate::Verdict;
use crate::excerpt::Excerpt;
use crate::known_lines::{Form, Forms, KnownLines};
use crate::marks::{find_mark, sift};
use crate::memo::Memo;
use crate::message::{
    MAX_BYTES, MAX_LINES, Manner, around, decode, end_alone, line_at, may_be_alone, words,
};
use crate::prefix::Joining;
use crate::quoted::{is_quoted, unquoted};
use crate::repeats::{find_count, has_time_of_event};
use crate::row::find_row;
use crate::said::Said;
use crate::sieve::{REACH_BYTES, line_end};
use crate::sifted::{Place, Sifted};
use crate::transcript::conversations;

/// The bytes that are looked at together.
const WINDOW_BYTES: usize = 256 * 1024;

/// What is kept of them for messages that go on: as much as the longest message, before and after.
const OVERLAP_BYTES: usize = 2 * MAX_BYTES;

/// A text up to this long, in bytes, may be one pasted message.
const MAX_PASTED_BYTES: usize = 8 * 1024;

/// A line up to this long, in bytes, is no piece of one, wherever in it is looked.
const SHORT_BYTES: usize = MAX_BYTES / 8;

/// The most that one message counts for: what a log claims is added up.
const MAX_COUNT: u64 = u32::MAX as u64;

/// One message that tells of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What it says.
    pub verdict: Verdict,
    /// Its first and last line, counted from 1.
    pub lines: RangeInclusive<u64>,
    /// How often it happened, as its event or its row says: once, if neither does.
    pub count: u64,
    /// The pod or the task that it is about, where a table's row says so.
    pub subject: Option<String>,
    /// Its words, or those of the first one like it.
    pub excerpt: Excerpt,
}

/// Takes bytes as they come and tells of failures as they are found.
#[derive(Debug, Default)]
pub struct Scanner {
    window: Vec<u8>,
    /// Where in the window marks may stand, from what is done on.
    spots: VecDeque<Spot>,
    /// How many lines ended in what was pushed.
    lines_pushed: u64,
    counted: Counted,
    /// Up to where the window has been told of.
    done: usize,
    /// Whether anything has left the window.
    is_long: bool,
    memo: Memo<Said>,
    /// What lines tell that belong to no other.
    lines: KnownLines<KnownLine>,
    forms: Forms,
    /// The line that was not known, with its form.
    unknown: Option<(Range<usize>, Option<Form>)>,
}

/// What a line tells that belongs to no other.
#[derive(Clone, Debug)]
struct KnownLine {
    failure: Failure,
    manner: Manner,
}

/// A place of the window where a mark may stand.
#[derive(Clone, Debug)]
struct Spot {
    at: usize,
    line: Option<SpotLine>,
}

/// What is known of the line of a place.
#[derive(Clone, Debug)]
struct SpotLine {
    range: Range<usize>,
    /// How many lines of the text end before it.
    lines_before: u64,
    form: Form,
}

impl Scanner {
    /// One that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the text.
    pub fn push(&mut self, bytes: &[u8], found: &mut dyn FnMut(Failure)) {
        let mut sifted = Sifted::default();
        sift(bytes, &mut sifted);
        self.push_sifted(bytes, &sifted, found);
    }

    /// Takes the next bytes, with what a sieve of the marks has found in them.
    pub fn push_sifted(&mut self, bytes: &[u8], sifted: &Sifted, found: &mut dyn FnMut(Failure)) {
        let mut places = sifted.places().iter().peekable();
        let mut start = 0;
        for piece in bytes.chunks(WINDOW_BYTES) {
            let at = self.window.len();
            // A mark may stand across the seam, in sight of no sieve.
            self.spots.push_back(Spot { at, line: None });
            while let Some(place) = places.next_if(|place| place.at < start + piece.len()) {
                let in_window = |of_bytes: usize| (at + of_bytes).checked_sub(start);
                let line = self.spot_line(place, sifted, in_window);
                self.spots.push_back(Spot {
                    at: at + place.at - start,
                    line,
                });
            }
            start += piece.len();
            self.window.extend_from_slice(piece);
            if self.window.len() >= WINDOW_BYTES {
                let until = self.window.len() - OVERLAP_BYTES;
                self.scan(until, found);
                let ends = sifted.ends().partition_point(|end| *end < start);
                self.forget(self.lines_pushed + ends as u64);
            }
        }
        self.lines_pushed += sifted.ends().len() as u64;
    }

    /// What is known of a place's line, if all of it is in the window, or will be.
    fn spot_line(
        &self,
        place: &Place,
        sifted: &Sifted,
        in_window: impl Fn(usize) -> Option<usize>,
    ) -> Option<SpotLine> {
        let (form, _) = sifted.form(place)?;
        Some(SpotLine {
            range: in_window(place.line.start)?..in_window(place.line.end)?,
            lines_before: self.lines_pushed + place.lines_before as u64,
            form,
        })
    }

    /// Ends the text.
    pub fn finish(mut self, found: &mut dyn FnMut(Failure)) {
        let until = self.window.len();
        if !self.is_long && until <= MAX_PASTED_BYTES {
            self.scan_pasted(found);
        } else {
            self.scan(until, found);
        }
    }

    /// Finds what begins before `until`.
    fn scan(&mut self, until: usize, found: &mut dyn FnMut(Failure)) {
        let mut counted = std::mem::take(&mut self.counted);
        while let Some(Spot { at: place, line }) = self.spots.front().cloned() {
            if place >= until + REACH_BYTES {
                break;
            }
            let is_all_new =
                |line: &SpotLine| line.range.start >= self.done && line.range.end < until;
            let known = line.filter(is_all_new);
            let line = known.as_ref().map(|known| known.range.clone());
            // What is known needs no mark: one like it has one.
            if let Some(line) = line.or_else(|| self.short_line(place, until))
                && let Some((end, failure)) = self.find_known(&line, known.as_ref(), &mut counted)
            {
                self.done = end;
                found(failure);
                continue;
            }
            let Some(mark) = self.find_mark(place) else {
                self.spots.pop_front();
                continue;
            };
            if mark >= until {
                break;
            }
            let line = line_at(&self.window, mark);
            let (message, failure) = self.read(line, &mut counted);
            self.done = message.end.max(mark + 1);
            if let Some(failure) = failure {
                found(failure);
            }
        }
        self.done = self.done.max(until);
        self.counted = counted;
    }

    /// The line of a place, if it is short, not done, and ends before `until`: all places in it have the same.
    fn short_line(&self, place: usize, until: usize) -> Option<Range<usize>> {
        // The byte at a place may be the end of the line before.
        let inside = place + usize::from(self.window[place] == b'\n');
        let behind = self.window.get(inside..until.min(inside + SHORT_BYTES))?;
        let end = inside + memchr::memchr(b'\n', behind)?;
        let floor = self
            .done
            .max(inside.saturating_sub(SHORT_BYTES))
            .saturating_sub(1);
        let before = self.window.get(floor..inside)?;
        match memchr::memrchr(b'\n', before) {
            Some(at) => Some(floor + at + 1..end),
            None => (floor == 0).then_some(0..end),
        }
    }

    /// What a line tells that belongs to no other, known from one like it, and where its message ends.
    fn find_known(
        &mut self,
        line: &Range<usize>,
        spot: Option<&SpotLine>,
        counted: &mut Counted,
    ) -> Option<(usize, Failure)> {
        if self
            .unknown
            .as_ref()
            .is_some_and(|(unknown, _)| unknown == line)
        {
            return None;
        }
        let form = spot
            .map(|spot| spot.form)
            .or_else(|| self.forms.form(&self.window[line.clone()]));
        let known = form.and_then(|form| self.lines.find(form));
        let end = known
            .as_ref()
            .and_then(|known| end_alone(&self.window, line, known.manner));
        // An event's count may stand in any line of its message.
        let end = end.filter(|end| !has_time_of_event(&self.window[line.end..*end]));
        let (Some(known), Some(end)) = (known, end) else {
            self.unknown = Some((line.clone(), form));
            return None;
        };
        if let Some(spot) = spot {
            counted.go_on(spot.lines_before, line.start);
        }
        let first = counted.lines_to(&self.window, line.start) + 1;
        let more = lines_in(&self.window[line.end..end]);
        let mut failure = known.failure.clone();
        failure.lines = first..=first + more;
        Some((end, failure))
    }

    /// What the line tells, known from one like it or found out, and how far its message reaches.
    fn read(
        &mut self,
        line: Range<usize>,
        counted: &mut Counted,
    ) -> (Range<usize>, Option<Failure>) {
        if let Some((end, known)) = self.find_known(&line, None, counted) {
            return (line.start..end, Some(known));
        }
        let form = self.unknown.take().and_then(|(_, form)| form);
        let (message, said) = self.judge(line.clone(), Joining::Strict);
        let failure = said.map(|said| self.failure(&message, said, counted));
        if let Some(failure) = &failure
            && message == line
            && may_be_alone(&self.window[line.clone()])
            && let Some(form) = form
        {
            let known = KnownLine {
                failure: failure.clone(),
                manner: Manner::of(&self.window, &line),
            };
            self.lines.keep(form, line.len(), known);
        }
        (message, failure)
    }

    /// The first mark that is not done of those that a place stands for.
    fn find_mark(&self, place: usize) -> Option<usize> {
        let end = line_end(&self.window, place);
        let line = &self.window[..self.window.len().min(end + REACH_BYTES)];
        let begin = self.done.max(place.saturating_sub(REACH_BYTES));
        (begin < end).then(|| find_mark(line, begin)).flatten()
    }

    /// Looks at each line of a short text, and if none tells of anything, at each command with its answer.
    fn scan_pasted(&mut self, found: &mut dyn FnMut(Failure)) {
        let mut counted = Counted::default();
        let mut is_found = false;
        while self.done < self.window.len() {
            let line = line_at(&self.window, self.done);
            let (message, said) = self.judge(line, Joining::Free);
            self.done = message.end + 1;
            if let Some(said) = said {
                is_found = true;
                found(self.failure(&message, said, &mut counted));
            }
        }
        let whole = 0..self.window.trim_ascii_end().len();
        if is_found {
            return;
        }
        let mut counted = Counted::default();
        for part in conversations(&self.window[whole]) {
            if let Some(said) = self.said_unquoted(&part) {
                found(self.failure(&part, said, &mut counted));
            }
        }
    }

    /// What the line says, alone or with those around it, and how far the message reaches.
    fn judge(&mut self, line: Range<usize>, joining: Joining) -> (Range<usize>, Option<Said>) {
        let alone = self.said(&line);
        if alone.is_some() && is_quoted(&self.window, &line) {
            return (line, None);
        }
        // A line that was told of belongs to no other message.
        let floor = self.done.min(line.start);
        let message = around(&self.window, line.clone(), floor, joining);
        if message == line {
            return (line, alone);
        }
        let joined = self.said(&message);
        // What one sentence says as a whole counts, where it is one for sure.
        let is_one = || {
            joining == Joining::Strict
                || around(&self.window, line.clone(), floor, Joining::Strict) == message
        };
        match (alone, joined) {
            (Some(alone), Some(joined)) if adds(&joined.verdict, &alone.verdict) || is_one() => {
                (message, Some(joined))
            }
            (None, Some(joined)) => (message, Some(joined)),
            (alone, _) => (line, alone),
        }
    }

    fn said(&mut self, message: &Range<usize>) -> Option<Said> {
        let words = words(&self.window[message.clone()]);
        self.memo.said(&words, Said::of).cloned()
    }

    /// The same of a text of which some lines may be a program's, or another service's.
    fn said_unquoted(&mut self, text: &Range<usize>) -> Option<Said> {
        let words = words(&self.window[text.clone()]);
        self.memo.said(&unquoted(&words), Said::of).cloned()
    }

    fn failure(&self, message: &Range<usize>, said: Said, counted: &mut Counted) -> Failure {
        let first = counted.lines_to(&self.window, message.start) + 1;
        let more = lines_in(&self.window[message.clone()]);
        let line = decode(&self.window[line_at(&self.window, message.start)]);
        let row = find_row(&line).unwrap_or_default();
        let count = row.count.or_else(|| find_count(&self.window, message));
        Failure {
            verdict: said.verdict,
            lines: first..=first + more,
            count: count.unwrap_or(1).clamp(1, MAX_COUNT),
            subject: row.subject.map(str::to_owned),
            excerpt: said.excerpt,
        }
    }

    /// Lets go of what no message can reach any more, of a window until whose end so many lines end.
    fn forget(&mut self, lines: u64) {
        let mut keep = self.done.saturating_sub(MAX_BYTES);
        let begins = self.window[keep..].iter().position(|&byte| byte == b'\n');
        keep += begins.map_or(0, |end| end + 1).min(self.done - keep);
        let behind = lines_in(&self.window[keep..]);
        self.counted.go_on(lines - behind, keep);
        self.counted.until -= keep.min(self.counted.until);
        self.window.drain(..keep);
        for spot in &mut self.spots {
            spot.at = spot.at.saturating_sub(keep);
            spot.line = spot.line.take().and_then(|line| line.moved_by(keep));
        }
        self.done -= keep;
        self.unknown = None;
        self.is_long = true;
    }
}

/// Whether the lines around one add to what it says.
fn adds(joined: &Verdict, alone: &Verdict) -> bool {
    // Of two guesses the one that knows more words; and of a limit a registry's refusal may be told first.
    let is_guess = !alone.is_certain && worth(joined) == worth(alone);
    let is_limit = joined.is_certain && joined.class.is_limit() && !alone.class.is_limit();
    joined.class == alone.class || is_guess || is_limit || worth(joined) > worth(alone)
}

/// How much a verdict tells: a cause that is certain, a cause, anything.
fn worth(verdict: &Verdict) -> u8 {
    u8::from(verdict.class.is_cause()) * 2 + u8::from(verdict.is_certain)
}

impl SpotLine {
    /// The same in a window that has lost its first bytes; `None` if some of it is lost.
    fn moved_by(mut self, lost: usize) -> Option<Self> {
        let range = self.range;
        self.range = range.start.checked_sub(lost)?..range.end.checked_sub(lost)?;
        Some(self)
    }
}

/// Counts lines once, from one message to the next.
#[derive(Debug, Default)]
struct Counted {
    lines: u64,
    until: usize,
}

impl Counted {
    /// Goes on at a place before which so many lines end.
    const fn go_on(&mut self, lines: u64, at: usize) {
        if at >= self.until {
            self.lines = lines;
            self.until = at;
        }
    }

    /// How many lines end before `at`.
    fn lines_to(&mut self, text: &[u8], at: usize) -> u64 {
        if let Some(between) = text.get(self.until..at) {
            self.lines += lines_in(between);
            self.until = at;
        }
        self.lines
    }
}

fn lines_in(text: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', text).count() as u64
}

const _: () = assert!(MAX_LINES > 1 && OVERLAP_BYTES < WINDOW_BYTES);
