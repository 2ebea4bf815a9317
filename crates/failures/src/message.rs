//! Which lines of a text are one message.
//!
//! A window of a few lines around one that has a mark: back to where the message begins, on while it goes on.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::anothers::is_anothers;
use crate::known_lines::is_like;
use crate::prefix::{Joining, begins_record, goes_on, is_frame, is_open, split};
use crate::quoted::is_quoted;
use crate::row::is_row;

/// The most lines of one message: an event that was folded to 80 columns has about ten, to 20 about thirty.
pub(crate) const MAX_LINES: usize = 48;

/// The most bytes of one message, and of the piece that is looked at of a longer line.
pub(crate) const MAX_BYTES: usize = 16 * 1024;

/// The line around `at` without its end; of one that is longer than a message, the piece around `at`.
pub(crate) fn line_at(text: &[u8], at: usize) -> Range<usize> {
    let floor = at.saturating_sub(MAX_BYTES / 4);
    let ceiling = text.len().min(at + MAX_BYTES * 3 / 4);
    let start = memchr::memrchr(b'\n', &text[floor..at]);
    let end = memchr::memchr(b'\n', &text[at..ceiling]);
    start.map_or(floor, |start| floor + start + 1)..end.map_or(ceiling, |end| at + end)
}

/// Joins the line with those around it, not before `floor`.
pub(crate) fn around(
    text: &[u8],
    line: Range<usize>,
    floor: usize,
    joining: Joining,
) -> Range<usize> {
    let mut message = line.clone();
    let mut first = line.clone();
    let mut lines = 1;
    while lines < MAX_LINES && first.start > floor {
        let before = line_at(text, first.start - 1);
        let is_room = before.start >= floor && message.end - before.start <= MAX_BYTES;
        if !is_room || !belong(text, [&before, &first], joining) {
            break;
        }
        message.start = before.start;
        first = before;
        lines += 1;
    }
    let mut last = line;
    while lines < MAX_LINES && last.end < text.len() && text[last.end] == b'\n' {
        let next = line_at(text, last.end + 1);
        let is_room = next.end - message.start <= MAX_BYTES;
        if !is_room || !belong(text, [&last, &next], joining) {
            break;
        }
        message.end = next.end;
        last = next;
        lines += 1;
    }
    message
}

/// Whether a line tells the same wherever it stands, unless it belongs to a line beside it.
///
/// Comments and events of many lines are known by their other lines. An object of JSON goes on with no line.
pub(crate) fn may_be_alone(line: &[u8]) -> bool {
    let line = decode(line);
    let says = line.trim_start();
    let is_of_many = ["*", "#", "\"message\":", "message:"];
    line.starts_with("{\"")
        || !is_of_many.iter().any(|sign| says.starts_with(sign)) && begins_record(split(&line))
}

/// Where the message of a line that [`may_be_alone`] ends, if it has no other words than the line's: the frames of a stack below
/// it are of the message, and none of its words.
pub(crate) fn end_alone(text: &[u8], line: &Range<usize>) -> Option<usize> {
    let before = line.start.checked_sub(1).map(|end| line_at(text, end));
    if before.is_some_and(|before| is_open(&decode(&text[before]))) {
        return None;
    }
    let mut last = line.clone();
    let mut lines = 1;
    while lines < MAX_LINES && last.end < text.len() && text[last.end] == b'\n' {
        let next = line_at(text, last.end + 1);
        let is_room = next.end - line.start <= MAX_BYTES;
        if !is_room || !belong(text, [&last, &next], Joining::Strict) {
            break;
        }
        if !is_frame(split(&decode(&text[next.clone()])).1) {
            return None;
        }
        last = next;
        lines += 1;
    }
    Some(last.end)
}

/// Whether the line `next` goes on with the line `before`.
fn belong(text: &[u8], lines: [&Range<usize>; 2], joining: Joining) -> bool {
    let [before, next] = lines.map(|line| &text[line.clone()]);
    if joining == Joining::Strict && is_next_record(next) && !is_open(&decode(before)) {
        return false;
    }
    let [before, next] = [before, next].map(decode);
    are_one(&before, &next, joining)
        && !lines.iter().any(|line| is_quoted(text, line))
        && ![before, next].iter().any(|line| is_anothers(line))
}

/// Whether a log's line may go on with words of the next one: the frames of a stack have none.
pub fn may_go_on(line: &str, next: &str) -> bool {
    are_one(line, next, Joining::Strict) && !is_frame(split(next).1)
}

fn are_one(before: &str, next: &str, joining: Joining) -> bool {
    if before.trim().is_empty()
        || is_next_record(next.as_bytes()) && joining == Joining::Strict && !is_open(before)
    {
        return false;
    }
    let line = split(next);
    (is_wrapped(before, line) || goes_on(before, line, joining))
        && !is_row(next)
        && !is_member(before)
        && !is_member(next)
}

/// Whether a line's first bytes show that it goes on with no line but one that is open: nearly all of a log is told so.
///
/// They are a time, as the prefixes have it, or the beginning of an object. Behind a time a frame of a stack may stand.
fn is_next_record(line: &[u8]) -> bool {
    static FRAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("at "));
    let is_stamped = || match line {
        [a, b, c, b' ', day, rest @ ..] if a.is_ascii_uppercase() => {
            let is_name = b.is_ascii_lowercase() && c.is_ascii_lowercase();
            is_name && (*day == b' ' || day.is_ascii_digit()) && is_like(rest, b"0 00:00:00")
        }
        _ => is_like(line, b"0000-00-00T00:00:00") || is_like(line, b"0000-00-00 00:00:00"),
    };
    line.starts_with(b"{") || is_stamped() && FRAME.find(line).is_none()
}

/// Whether the line is the whole message of an event in JSON: what stands beside it is no word of it.
fn is_member(line: &str) -> bool {
    let line = line.trim().trim_end_matches(',');
    line.strip_prefix(r#""message": ""#)
        .is_some_and(|message| message.ends_with('"') && !message.ends_with(r#"\""#))
}

/// Whether a terminal has wrapped the line: it is as long as terminals are wide, and the next goes on in mid-sentence.
fn is_wrapped(before: &str, (prefix, says): (&str, &str)) -> bool {
    const WIDTHS: Range<usize> = 70..400;
    if !prefix.is_empty() || !says.starts_with(|c: char| c.is_lowercase() || c == ' ') {
        return false;
    }
    let width = before.chars().count();
    WIDTHS.contains(&width) && says.chars().count() <= width
}

/// The words of a message: its lines without their prefixes, but for the first line's, and without the frames of a stack, which say
/// where a program was and nothing of what went wrong.
pub(crate) fn words(message: &[u8]) -> Cow<'_, str> {
    let text = decode(message);
    if !message.contains(&b'\n') {
        return text;
    }
    let mut lines = text.lines();
    let mut words: Vec<&str> = lines.next().into_iter().collect();
    words.extend(
        lines
            .map(|line| split(line).1)
            .filter(|says| !is_frame(says)),
    );
    Cow::Owned(words.join("\n"))
}

/// The bytes as text. Nearly all are ASCII, which is told sixteen bytes at once.
pub fn decode(bytes: &[u8]) -> Cow<'_, str> {
    std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Cow::Borrowed)
}
