//! What a sieve finds in one piece of a text, for all who read it: places that may tell something, their lines, and where
//! lines end.
//!
//! Found once: lines are neither counted nor known again by each reader on its own.

use std::ops::Range;

use crate::Sieve;
use crate::known_lines::{Form, Forms};

/// A line up to this long, in bytes, has a form: no repetition of a longer one is worth its pace.
const MAX_FORM_BYTES: usize = 2_048;

/// What a sieve has found in one piece of a text.
#[derive(Debug, Default)]
pub struct Sifted {
    places: Vec<Place>,
    ends: Vec<usize>,
    /// The times in the lines that have a form, one line after the other.
    times: Vec<Range<usize>>,
    found: Vec<usize>,
    forms: Forms,
}

/// Where a piece of a text may tell something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where the word stands; the byte there may be the end of the line before.
    pub(crate) at: usize,
    /// Its line without its end, as far as it is of the piece.
    pub line: Range<usize>,
    /// How many lines of the piece end before its line.
    pub lines_before: usize,
    /// The line's form, if all of it is of the piece, and which of all times are its.
    form: Option<(Form, Range<usize>)>,
}

impl Sifted {
    /// The places, in order.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    /// Where lines end: the places of their line feeds, in order.
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// The form of a place's line, without a carriage return at its end, and where in it times stand; `None` of a line that is
    /// long or is not all of it in the piece.
    pub fn form(&self, place: &Place) -> Option<(Form, &[Range<usize>])> {
        let (form, times) = place.form.as_ref()?;
        Some((*form, self.times.get(times.clone())?))
    }

    /// Takes the next piece instead of the one before.
    pub fn sift(&mut self, sieve: &Sieve, text: &[u8]) {
        self.places.clear();
        self.times.clear();
        self.found.clear();
        self.ends.clear();
        sieve.find_all(text, &mut self.found);
        self.ends.extend(memchr::memchr_iter(b'\n', text));
        let mut before = 0;
        let found = std::mem::take(&mut self.found);
        for &at in &found {
            let inside = at + 1;
            before += self.ends[before..]
                .iter()
                .take_while(|end| **end < inside)
                .count();
            let same = self.places.last();
            let same = same.filter(|last| last.lines_before == before).cloned();
            let place =
                same.map_or_else(|| self.place(text, at, before), |same| Place { at, ..same });
            self.places.push(place);
        }
        self.found = found;
    }

    fn place(&mut self, text: &[u8], at: usize, before: usize) -> Place {
        let begins = before.checked_sub(1).map(|last| self.ends[last] + 1);
        let ends = self.ends.get(before).copied();
        let line = begins.unwrap_or_default()..ends.unwrap_or(text.len());
        let is_whole = begins.is_some() && ends.is_some() && line.len() <= MAX_FORM_BYTES;
        let form = is_whole
            .then(|| self.form_of(&text[line.clone()]))
            .flatten();
        Place {
            at,
            line,
            lines_before: before,
            form,
        }
    }

    fn form_of(&mut self, line: &[u8]) -> Option<(Form, Range<usize>)> {
        let form = self.forms.form(line)?;
        let from = self.times.len();
        self.times.extend_from_slice(self.forms.times());
        Some((form, from..self.times.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sieve_with;

    #[test]
    fn a_place_knows_its_line_and_the_lines_before_it() {
        let text = "a pull\nnothing\n08:12:44 a pull\r\n\npull";
        let mut sifted = Sifted::default();
        sifted.sift(&sieve_with(&["pull"]), text.as_bytes());
        let lines: Vec<_> = sifted
            .places()
            .iter()
            .map(|place| (&text[place.line.clone()], place.lines_before))
            .collect();
        assert_eq!(
            lines,
            [("a pull", 0), ("08:12:44 a pull\r", 2), ("pull", 4)]
        );
        assert_eq!(sifted.ends(), [6, 14, 31, 32]);
        // What stands before and behind the piece is not known.
        let times: Vec<_> = sifted
            .places()
            .iter()
            .map(|place| {
                sifted
                    .form(place)
                    .and_then(|(_, times)| times.first().cloned())
            })
            .collect();
        assert_eq!(times, [None, Some(0..8), None]);
    }
}
