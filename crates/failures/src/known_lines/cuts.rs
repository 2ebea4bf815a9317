//! What repetitions of a line differ in: times, the ids of traces, and in JSON journald's stamps and cursor and idle numbers.
//!
//! Nothing of it says what went wrong: a number that may be a status is left where it stands.

use std::ops::Range;

use crate::memo::{id_length, is_idle};

/// What is cut out of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// A date, a time of the day, or both.
    Time,
    /// What no other line shares.
    Id,
    /// A number of JSON, which may be a time.
    Number,
}

/// The first cut from `from` on.
pub(super) fn find_cut(line: &[u8], from: usize) -> Option<(Range<usize>, Cut)> {
    memchr::memchr2_iter(b':', b'=', &line[from..]).find_map(|at| {
        let at = from + at;
        let before = *line[from..at].last()?;
        match (before, line[at]) {
            (b'0'..=b'9', b':') => {
                let time = find_time(line, at).filter(|time| time.start >= from)?;
                Some((time, Cut::Time))
            }
            (b'"', b':') if line.starts_with(b"{") => {
                let (value, cut) = find_value(&line[..at - 1], &line[at + 1..])?;
                Some((at + 1 + value.start..at + 1 + value.end, cut))
            }
            (b'D', b'=') => {
                let length = id_length(line, at)?;
                Some((at + 1..at + 1 + length, Cut::Id))
            }
            _ => None,
        }
    })
}

/// The value of a member of JSON, if it is one that each record has of its own.
fn find_value(until_name: &[u8], behind: &[u8]) -> Option<(Range<usize>, Cut)> {
    let blank = usize::from(behind.first() == Some(&b' '));
    let value = &behind[blank..];
    let (value, cut) = match value.first()? {
        b'0'..=b'9' => (0..number_length(until_name, value)?, Cut::Number),
        b'"' => {
            let inner = &value[1..];
            let (length, cut) = if until_name.ends_with(b"\"__CURSOR") {
                (cursor_length(inner)?, Cut::Id)
            } else if [&b"_TIMESTAMP"[..], b"\"__SEQNUM"]
                .iter()
                .any(|name| until_name.ends_with(name))
            {
                (idle_digits(inner)?, Cut::Number)
            } else {
                return None;
            };
            (inner.get(length) == Some(&b'"')).then_some((1..1 + length, cut))?
        }
        _ => return None,
    };
    Some((blank + value.start..blank + value.end, cut))
}

/// How long a number is that is a value, with its fraction: `4711`, `1762157564.12`. Of a count the value is what is told.
fn number_length(until_name: &[u8], value: &[u8]) -> Option<usize> {
    let mut length = idle_digits(value)?;
    if value.get(length) == Some(&b'.') {
        length += 1 + count_digits(&value[length + 1..]);
    }
    let is_count = || {
        let escapes = until_name.iter().rev().take_while(|byte| **byte == b'\\');
        let name = &until_name[..until_name.len() - escapes.count()];
        name.ends_with(b"count") || name.ends_with(b"Count")
    };
    (matches!(value.get(length), Some(b',' | b'}')) && !is_count()).then_some(length)
}

fn idle_digits(text: &[u8]) -> Option<usize> {
    let digits = count_digits(text);
    is_idle(&text[..digits]).then_some(digits)
}

/// How long journald's cursor is: `s=0c9d;i=1f5;b=4bf9;m=1c2;t=6427;x=5c1d`, none of whose numbers may be taken for a status.
fn cursor_length(text: &[u8]) -> Option<usize> {
    let length = memchr::memchr(b'"', text)?;
    let mut parts = text[..length].split(|&byte| byte == b';');
    let is_cursor = parts.all(|part| match part {
        [b'a'..=b'z', b'=', b'4' | b'5', _, _] => false,
        [b'a'..=b'z', b'=', number @ ..] => number.iter().all(u8::is_ascii_hexdigit),
        _ => false,
    });
    is_cursor.then_some(length)
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
