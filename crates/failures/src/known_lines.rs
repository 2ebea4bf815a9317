//! Remembers lines for those that differ from them in nothing but times and the ids of traces.
//!
//! A storm is a few lines, over and over: what was found out of one holds for its repetitions, but for when they were written.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;

use crate::memo::id_length;

/// The most lines that are remembered; then all are forgotten and it begins anew.
const MAX_LINES: usize = 2_048;

/// The most times and ids of one line; lines with more are not remembered.
const MAX_CUTS: usize = 8;

/// By so many bytes a part of a time or an id is known again.
const PART_BYTES: usize = 8;

/// Stands in a form where something was cut out: no byte of UTF-8 text.
const CUT: u8 = u8::MAX;

/// Lines that were looked at lately, by hashes that nobody outside can foresee, with what was found out of them.
#[derive(Debug)]
pub struct KnownLines<T> {
    known: HashMap<u64, T>,
    seed: RandomState,
    /// The form of the line that is looked at, its times and its ids.
    form: Vec<u8>,
    times: Vec<Range<usize>>,
    ids: Vec<Range<usize>>,
}

/// A line without its times and ids: what all its repetitions have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form(u64);

impl<T> Default for KnownLines<T> {
    fn default() -> Self {
        Self {
            known: HashMap::new(),
            seed: RandomState::new(),
            form: Vec::new(),
            times: Vec::new(),
            ids: Vec::new(),
        }
    }
}

impl<T> KnownLines<T> {
    /// The form of a line; `None` of one that has too many times and ids.
    pub fn form(&mut self, line: &[u8]) -> Option<Form> {
        self.times.clear();
        self.ids.clear();
        self.form.clear();
        let mut at = 0;
        while let Some((cut, is_time)) = find_cut(line, at) {
            if self.times.len() + self.ids.len() == MAX_CUTS {
                return None;
            }
            self.form.extend_from_slice(&line[at..cut.start]);
            self.form.push(CUT);
            at = cut.end;
            let cuts = if is_time {
                &mut self.times
            } else {
                &mut self.ids
            };
            cuts.push(cut);
        }
        self.form.extend_from_slice(&line[at..]);
        Some(Form(self.seed.hash_one(self.form.as_slice())))
    }

    /// Where the times stand in the line whose form was asked for last: with a date and a zone before and behind it, or
    /// of the day alone.
    pub fn times(&self) -> &[Range<usize>] {
        &self.times
    }

    /// Whether anything of the times and ids of the line whose form was asked for last stands in a text: a date, a time of the
    /// day, or the beginning of an id, as readers shorten them.
    pub fn stand_in(&self, line: &[u8], text: &str) -> bool {
        let is_between = |byte: &u8| matches!(byte, b'T' | b'.' | b',');
        let cuts = self.times.iter().chain(&self.ids);
        let parts = cuts.flat_map(|cut| line[cut.clone()].split(is_between));
        parts
            .filter_map(|part| part.get(..PART_BYTES))
            .any(|part| memchr::memmem::find(text.as_bytes(), part).is_some())
    }

    /// What was found out of a line of this form, beside the times of the line whose form was asked for last.
    pub fn find(&mut self, form: Form) -> Option<(&mut T, &[Range<usize>])> {
        let found_out = self.known.get_mut(&form.0)?;
        Some((found_out, &self.times))
    }

    /// Whether a line of this form is known.
    pub fn has(&self, form: Form) -> bool {
        self.known.contains_key(&form.0)
    }

    /// Remembers what was found out.
    pub fn keep(&mut self, form: Form, found_out: T) {
        if self.known.len() >= MAX_LINES {
            self.known.clear();
        }
        self.known.insert(form.0, found_out);
    }

    /// Forgets all lines.
    pub fn forget(&mut self) {
        self.known.clear();
    }
}

/// The first time or id from `from` on, and whether it is a time.
fn find_cut(line: &[u8], from: usize) -> Option<(Range<usize>, bool)> {
    memchr::memchr2_iter(b':', b'=', &line[from..]).find_map(|at| {
        let at = from + at;
        if line[at] == b'=' {
            let length = id_length(line, at)?;
            return Some((at + 1..at + 1 + length, false));
        }
        find_time(line, at)
            .filter(|time| time.start >= from)
            .map(|time| (time, true))
    })
}

/// The time whose first colon stands at `colon`: `08:12:44.120`, `2025-11-03T08:12:44Z`.
fn find_time(line: &[u8], colon: usize) -> Option<Range<usize>> {
    const CLOCK: &[u8] = b"00:00:00";
    const DATE: &[u8] = b"0000-00-00T";
    let clock = colon.checked_sub(2)?;
    let mut end = clock + CLOCK.len();
    if !is_like(&line[clock..], CLOCK) {
        return None;
    }
    let date = clock.checked_sub(DATE.len());
    let date = date.filter(|date| is_like(&line[*date..clock], DATE));
    let start = date.unwrap_or(clock);
    if let Some(b'.' | b',') = line.get(end) {
        let digits = count_digits(&line[end + 1..]);
        end += if digits > 0 { digits + 1 } else { 0 };
    }
    end += zone_length(&line[end..]);
    let is_of_more = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'-' | b'+');
    let is_apart = |byte: Option<&u8>| byte.is_none_or(|byte| !is_of_more(byte));
    let before = start.checked_sub(1).and_then(|at| line.get(at));
    (is_apart(before) && is_apart(line.get(end))).then_some(start..end)
}

/// How long a zone is: `Z`, `+01:00`, `-0500`.
fn zone_length(text: &[u8]) -> usize {
    let is_offset = |shape| matches!(text, [b'+' | b'-', zone @ ..] if is_like(zone, shape));
    match text.first() {
        Some(b'Z') => 1,
        _ if is_offset(b"00:00") => 6,
        _ if is_offset(b"0000") => 5,
        _ => 0,
    }
}

/// Whether a text begins with digits where a shape has zeros, and else with the same bytes.
pub(crate) fn is_like(text: &[u8], shape: &[u8]) -> bool {
    let text = text.get(..shape.len());
    let is_of = |(byte, of_shape): (&u8, &u8)| match of_shape {
        b'0' => byte.is_ascii_digit(),
        _ => byte == of_shape,
    };
    text.is_some_and(|text| text.iter().zip(shape).all(is_of))
}

fn count_digits(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(lines: &mut KnownLines<()>, line: &str) -> (Option<Form>, Vec<String>) {
        let form = lines.form(line.as_bytes());
        let times = lines.times().iter();
        (
            form,
            times.map(|time| line[time.clone()].to_owned()).collect(),
        )
    }

    #[test]
    fn repetitions_are_of_one_form_and_have_their_times() {
        let lines = &mut KnownLines::default();
        for (one, other, times) in [
            (
                "Nov  3 08:12:44 node-7 dockerd[9]: time=\"2025-11-03T08:12:44.120394812Z\" level=error",
                "Nov  3 09:00:00 node-7 dockerd[9]: time=\"2025-12-31T23:59:59Z\" level=error",
                &["08:12:44", "2025-11-03T08:12:44.120394812Z"][..],
            ),
            (
                "E1103 08:12:44.442190 x spanID=9e3779b97f4a7c15 y",
                "E1103 08:12:45.1 x spanID=00000000000000ab y",
                &["08:12:44.442190"],
            ),
            (
                "2025-11-03 08:12:44,120 +0000 ü",
                "2025-11-03 08:12:45,121 +0000 ü",
                &["08:12:44,120"],
            ),
            (
                "2025-11-03T08:12:44+01:00 x",
                "2025-11-03T08:12:44.5-0500 x",
                &["2025-11-03T08:12:44+01:00"],
            ),
        ] {
            let (form, found) = look(lines, one);
            assert!(form.is_some());
            assert_eq!(form, look(lines, other).0, "{one} / {other}");
            assert_eq!(found, times, "{one}");
        }
    }

    #[test]
    fn what_may_say_something_is_of_the_form() {
        let lines = &mut KnownLines::default();
        for (one, other) in [
            ("answered 429", "answered 500"),
            ("node-7 08:12:44", "node-8 08:12:44"),
            ("Nov  3 08:12:44 x", "Nov  4 08:12:44 x"),
            ("image=9e3779b97f4a7c15", "image=00000000000000ab"),
            ("2001:10:20:30::1 x", "2001:10:20:31::1 x"),
            ("02:42:ac:11:22:33", "02:42:ac:11:22:34"),
            ("a:1.2-08:12:44", "a:1.2-08:12:45"),
            ("spanID=12 x", "spanID=13 x"),
        ] {
            assert_ne!(look(lines, one).0, look(lines, other).0, "{one} / {other}");
        }
        assert_eq!(look(lines, &"08:12:44 ".repeat(MAX_CUTS + 1)).0, None);
    }

    #[test]
    fn no_more_lines_are_remembered_than_there_is_room_for() {
        let mut lines = KnownLines::default();
        for number in 0..=MAX_LINES {
            let form = lines.form(number.to_string().as_bytes()).unwrap();
            lines.keep(form, number);
            assert_eq!(lines.find(form).map(|(known, _)| *known), Some(number));
        }
        let first = lines.form(b"0").unwrap();
        assert!(lines.find(first).is_none());
    }
}
