//! Remembers lines for those that differ from them in nothing but times, the ids of traces, and what journald counts.
//!
//! A storm is a few lines, over and over: what was found out of one holds for its repetitions, but for when they were written.

mod cuts;

use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hasher, RandomState};
use std::ops::Range;
use std::sync::LazyLock;

pub(crate) use cuts::is_like;
use cuts::{Cut, find_cut};

/// The most lines that are remembered; then all are forgotten and it begins anew.
const MAX_LINES: usize = 2_048;

/// The most bytes that the remembered lines have together; then all are forgotten, too: what is found out of a long line is as long.
const MAX_LINES_BYTES: usize = 1 << 20;

/// The most times and ids of one line; lines with more are not remembered. A record of journald's has five of its own.
const MAX_CUTS: usize = 12;

/// By so many bytes a part of a time or an id is known again.
const PART_BYTES: usize = 8;

/// Stands in a form where something was cut out: no byte of UTF-8 text.
const CUT: u8 = u8::MAX;

/// The same of a number, behind which its length stands.
const NUMBER: u8 = u8::MAX - 1;

/// By it all readers of a text hash alike, and nobody outside can foresee it.
static SEED: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// Lines that were looked at lately, by the hashes of their forms, with what was found out of them.
#[derive(Debug)]
pub struct KnownLines<T> {
    known: HashMap<u64, T, BuildHasherDefault<AsItIs>>,
    /// How long their lines are together.
    bytes: usize,
}

/// A line without its times and ids: what all its repetitions have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form(u64);

/// Finds the forms of lines, one after the other.
#[derive(Debug, Default)]
pub struct Forms {
    /// The form of the line that was looked at last, its times and its ids.
    form: Vec<u8>,
    times: Vec<Range<usize>>,
    ids: Vec<Range<usize>>,
}

impl Forms {
    /// The form of a line, whatever its end is; `None` of one that has too many times and ids.
    pub fn form(&mut self, line: &[u8]) -> Option<Form> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.times.clear();
        self.ids.clear();
        self.form.clear();
        let mut at = 0;
        while let Some((range, cut)) = find_cut(line, at) {
            if self.times.len() + self.ids.len() == MAX_CUTS {
                return None;
            }
            self.form.extend_from_slice(&line[at..range.start]);
            match cut {
                Cut::Time | Cut::Id => self.form.push(CUT),
                // The words around a number may ask how long it is.
                Cut::Number => self.form.extend([NUMBER, length(&range)]),
            }
            at = range.end;
            match cut {
                Cut::Id => self.ids.push(range),
                Cut::Time | Cut::Number => self.times.push(range),
            }
        }
        self.form.extend_from_slice(&line[at..]);
        Some(Form(SEED.hash_one(self.form.as_slice())))
    }

    /// Where the times stand in the line whose form was asked for last: with a date and a zone before and behind it, of the day
    /// alone, or a number of JSON that may be one.
    pub fn times(&self) -> &[Range<usize>] {
        &self.times
    }

    /// Whether anything of the times and ids of the line whose form was asked for last stands in a text: a date, a time of the
    /// day, a number, or the beginning of an id, as readers shorten them.
    pub fn stand_in(&self, line: &[u8], text: &str) -> bool {
        let is_between = |byte: &u8| matches!(byte, b'T' | b'.' | b',');
        let cuts = self.times.iter().chain(&self.ids);
        let mut parts = cuts.flat_map(|cut| {
            let cut = &line[cut.clone()];
            let is_number = !cut.contains(&b':');
            cut.split(is_between)
                .filter_map(move |part| match part.get(..PART_BYTES) {
                    None if is_number => Some(part),
                    known => known,
                })
        });
        parts.any(|part| memchr::memmem::find(text.as_bytes(), part).is_some())
    }
}

impl<T> Default for KnownLines<T> {
    fn default() -> Self {
        Self {
            known: HashMap::default(),
            bytes: 0,
        }
    }
}

impl<T> KnownLines<T> {
    /// What was found out of a line of this form.
    pub fn find(&mut self, form: Form) -> Option<&mut T> {
        self.known.get_mut(&form.0)
    }

    /// Whether a line of this form is known.
    pub fn has(&self, form: Form) -> bool {
        self.known.contains_key(&form.0)
    }

    /// Remembers what was found out of a line that has so many bytes.
    pub fn keep(&mut self, form: Form, bytes: usize, found_out: T) {
        if self.known.len() >= MAX_LINES || self.bytes + bytes > MAX_LINES_BYTES {
            self.forget();
        }
        self.bytes += bytes;
        self.known.insert(form.0, found_out);
    }

    /// Forgets all lines.
    pub fn forget(&mut self) {
        self.known.clear();
        self.bytes = 0;
    }
}

/// A hash that is keyed is hashed no more.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes
            .iter()
            .fold(self.0, |sum, byte| sum << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

fn length(range: &Range<usize>) -> u8 {
    u8::try_from(range.len()).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(forms: &mut Forms, line: &str) -> (Option<Form>, Vec<String>) {
        let form = forms.form(line.as_bytes());
        let times = forms.times().iter();
        (
            form,
            times.map(|time| line[time.clone()].to_owned()).collect(),
        )
    }

    #[test]
    fn repetitions_are_of_one_form_and_have_their_times() {
        let forms = &mut Forms::default();
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
            let (form, found) = look(forms, one);
            assert!(form.is_some());
            assert_eq!(form, look(forms, other).0, "{one} / {other}");
            assert_eq!(found, times, "{one}");
        }
    }

    #[test]
    fn what_may_say_something_is_of_the_form() {
        let forms = &mut Forms::default();
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
            assert_ne!(look(forms, one).0, look(forms, other).0, "{one} / {other}");
        }
        assert_eq!(look(forms, &"08:12:44 ".repeat(MAX_CUTS + 1)).0, None);
    }

    #[test]
    fn no_more_lines_are_remembered_than_there_is_room_for() {
        let mut forms = Forms::default();
        let mut lines = KnownLines::default();
        for number in 0..=MAX_LINES {
            let form = forms.form(number.to_string().as_bytes()).unwrap();
            lines.keep(form, 1, number);
            assert_eq!(lines.find(form).copied(), Some(number));
        }
        let first = forms.form(b"0").unwrap();
        assert!(lines.find(first).is_none());
    }

    #[test]
    fn long_lines_are_remembered_as_far_as_their_bytes_have_room() {
        let mut forms = Forms::default();
        let mut lines = KnownLines::default();
        let form_of = |forms: &mut Forms, number: usize| forms.form(number.to_string().as_bytes());
        for number in 0..4 {
            let form = form_of(&mut forms, number).unwrap();
            lines.keep(form, MAX_LINES_BYTES / 3, number);
        }
        for (number, is_known) in [(0, false), (2, false), (3, true)] {
            let form = form_of(&mut forms, number).unwrap();
            assert_eq!(lines.has(form), is_known, "{number}");
        }
        // What is forgotten takes no room.
        lines.forget();
        for number in 0..3 {
            let form = form_of(&mut forms, number).unwrap();
            lines.keep(form, MAX_LINES_BYTES / 3, number);
        }
        assert!(form_of(&mut forms, 0).is_some_and(|form| lines.has(form)));
    }
}
