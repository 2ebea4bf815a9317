//! Which lines of a text are one message.
//!
//! A window of a few lines around one that has a mark: back to where the message begins, on while it goes on.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;

use crate::anothers::is_anothers;
use crate::known_lines::is_like;
use crate::prefix::{Joining, begins_record, goes_on, is_frame, is_open, is_open_at_end, split};
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

/// What the lines of one form have in common beside what they tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Whether it is neither a program's nor another service's, so that frames of a stack may stand below it.
    is_own: bool,
    /// Whether its sentence waits for another line.
    is_open: bool,
}

impl Manner {
    pub(crate) fn of(text: &[u8], line: &Range<usize>) -> Self {
        Self {
            is_own: is_own(text, line),
            is_open: is_open_at_end(&text[line.clone()]),
        }
    }
}

/// Where the message of a line that [`may_be_alone`] ends, if it has no other words than the line's: the frames of a stack below
/// it are of the message, and none of its words. They are nobody's if the line is not its own.
pub(crate) fn end_alone(text: &[u8], line: &Range<usize>, manner: Manner) -> Option<usize> {
    let before = line.start.checked_sub(1).map(|end| line_at(text, end));
    if before.is_some_and(|before| is_open_at_end(&text[before])) {
        return None;
    }
    let mut last = line.clone();
    let mut lines = 1;
    while lines < MAX_LINES && last.end < text.len() && text[last.end] == b'\n' {
        let next = line_at(text, last.end + 1);
        let says = &text[next.clone()];
        let is_room = next.end - line.start <= MAX_BYTES;
        let is_record = !manner.is_open && last == *line && is_next_record(says);
        if !is_room || !manner.is_own || is_record {
            break;
        }
        if !is_bare_frame(says) {
            if !go_together(text, [&last, &next], Joining::Strict) || !is_own(text, &next) {
                break;
            }
            if !is_frame(split(&decode(says)).1) {
                return None;
            }
        }
        last = next;
        lines += 1;
    }
    Some(last.end)
}

/// Whether a line is nothing but a frame of a stack: such a one is no row, no program's and nobody else's.
fn is_bare_frame(line: &[u8]) -> bool {
    let says = line.trim_ascii_start();
    says.starts_with(b"at ")
        && memchr::memchr3(b'"', b'\'', b'`', says).is_none()
        && memchr::memmem::find(says, b"://").is_none()
        && is_frame(&decode(says))
}

/// Whether the line `next` goes on with the line `before`.
fn belong(text: &[u8], lines: [&Range<usize>; 2], joining: Joining) -> bool {
    go_together(text, lines, joining) && lines.iter().all(|line| is_own(text, line))
}

/// Whether lines may belong together, if neither is another's.
fn go_together(text: &[u8], lines: [&Range<usize>; 2], joining: Joining) -> bool {
    let [before, next] = lines.map(|line| &text[line.clone()]);
    if joining == Joining::Strict && is_next_record(next) && !is_open_at_end(before) {
        return false;
    }
    are_one(&decode(before), &decode(next), joining)
}

/// Whether a line is neither a program's nor another service's.
pub(crate) fn is_own(text: &[u8], line: &Range<usize>) -> bool {
    !is_quoted(text, line) && !is_anothers(&decode(&text[line.clone()]))
}

/// Whether a log's line may go on with words of the next one: the frames of a stack have none.
pub fn may_go_on(line: &str, next: &[u8]) -> bool {
    if is_next_record(next) && !is_open_at_end(line.as_bytes()) {
        return false;
    }
    if is_bare_frame(next) {
        return false;
    }
    let next = decode(next);
    are_one(line, &next, Joining::Strict) && !is_frame(split(&next).1)
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
/// They are a time, as the prefixes have it, a number that is none, as an address is, or the beginning of an object. Behind a
/// time a frame of a stack may stand.
fn is_next_record(line: &[u8]) -> bool {
    static FRAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("at "));
    match line.first() {
        Some(b'{') => true,
        Some(b'0'..=b'9') if !is_like(line, DATE) => is_number(line),
        _ => is_stamped(line) && FRAME.find(line).is_none(),
    }
}

const DATE: &[u8] = b"0000-00-00";

/// Whether a line begins with a time, as the prefixes have it.
fn is_stamped(line: &[u8]) -> bool {
    let is_time = |text: &[u8]| {
        is_like(text, b"0000-00-00T00:00:00") || is_like(text, b"0000-00-00 00:00:00")
    };
    match line {
        [b'[', rest @ ..] => is_time(rest),
        [b't', b'i', b'm', b'e', b'=', b'"', rest @ ..] => {
            is_like(rest, b"0000-00-00T00:00:00") && is_time_in_quotes(rest)
        }
        [a, b, c, b' ', day, rest @ ..] if a.is_ascii_uppercase() => {
            let is_name = b.is_ascii_lowercase() && c.is_ascii_lowercase();
            is_name && (*day == b' ' || day.is_ascii_digit()) && is_like(rest, b"0 00:00:00")
        }
        _ => is_time(line),
    }
}

/// Whether a time ends with a quote, so far behind its beginning that it is a prefix.
fn is_time_in_quotes(text: &[u8]) -> bool {
    const MAX_TIME_BYTES: usize = 40;
    let is_of_time = |byte: &u8| {
        byte.is_ascii_digit() || matches!(byte, b'T' | b':' | b'.' | b',' | b'Z' | b'+' | b'-')
    };
    let length = text.iter().take_while(|byte| is_of_time(byte)).count();
    length <= MAX_TIME_BYTES && text.get(length) == Some(&b'"')
}

/// Whether a line begins with a number that is neither a prefix, nor part of one, nor a status: `10.244.3.17`.
fn is_number(line: &[u8]) -> bool {
    // Longer than what stands before the name of a service.
    const NUMBER_BYTES: usize = 9;
    let is_of_number = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'_' | b'.' | b'-');
    line.get(..NUMBER_BYTES)
        .is_some_and(|number| number.iter().all(is_of_number))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_by_its_first_bytes_goes_on_with_no_line_that_is_not_open() {
        let befores = [
            "Nov  3 08:12:44 node-7 dockerd[911]: a message that is as long as terminals are wide and goes on",
            "plain",
        ];
        for next in [
            "10.244.3.17 - - [03/Nov/2025:08:12:44 +0000] \"GET / HTTP/1.1\" 200",
            "429429429 too many requests",
            "time=\"2025-11-03T08:12:44.120394812Z\" level=debug msg=x",
            "time=\"2025-11-03T08:12:44Z\" toomanyrequests: x",
            "[2025-11-03 08:12:44.120] [worker-7] DEBUG queue is empty",
            "[2025-11-03T08:12:44Z] toomanyrequests: x",
            "2025-11-03T08:12:44Z toomanyrequests: x",
            "Nov  3 08:12:44 node-7 sshd[9]: error: code = x",
            "{\"a\":1}",
        ] {
            assert!(is_next_record(next.as_bytes()), "{next}");
            for before in befores {
                let line = split(next);
                assert!(!is_wrapped(before, line), "{next}");
                assert!(!goes_on(before, line, Joining::Strict), "{next}");
            }
        }
        for next in [
            "429 Too Many Requests",
            "time=\"2025-11-03T08:12:44Z level=debug",
            "time=\"2025-11-03T08:12:44.12039481212039481212039481212039481212039481212039481212039481Z\" x",
            "[2025-11-03 08:12:44.120] \tat com.acme.Shop.order(Shop.java:42)",
            "2025-11-03T08:12:44Z \tat com.acme.Shop.order(Shop.java:42)",
            "12-web-1  | 429 Too Many Requests",
            "08:12:44 x",
            "words",
        ] {
            assert!(!is_next_record(next.as_bytes()), "{next}");
        }
    }
}
