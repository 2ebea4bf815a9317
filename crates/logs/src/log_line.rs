//! What stands before a log's text: syslog's and journald's prefix, a stamp of its own, a CI job's name.
//!
//! Taken off from the left, each once; what remains is the program's own text.

use crate::origin::{MAX_NAME_BYTES, Origin, is_platform};
use crate::times::{parse_iso, parse_syslog, parse_unix};
use crate::{Context, Moment};

/// The most stamps before one line: a collector's, syslog's, the program's.
const MAX_STAMPS: usize = 3;

/// The days as journald's long form has them.
const DAYS: [&str; 7] = ["Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "];

/// A line without what stood before it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct LogLine<'a> {
    /// When it was said.
    pub at: Option<Moment>,
    /// The machine.
    pub host: Option<&'a str>,
    /// The program, as the stamp calls it.
    pub program: Option<&'a str>,
    /// A container said it, whatever it calls itself.
    pub is_of_container: bool,
    /// The CI job, as `gh run view --log` names it.
    pub job: Option<&'a str>,
    /// The step of it, which is named there as well.
    pub step: Option<&'a str>,
    /// What was said.
    pub text: &'a str,
}

/// A stamp that was taken off a line.
#[derive(Debug, Clone, Copy)]
struct Stamp {
    /// When; journald also counts from the start of the machine.
    at: Option<Moment>,
    /// Behind it stands what RFC 5424 has there.
    is_structured: bool,
}

impl<'a> LogLine<'a> {
    /// Takes off what stands before the text.
    pub fn parse(line: &'a str, context: &Context) -> Self {
        let mut parsed = Self {
            text: line.trim_end(),
            ..Self::default()
        };
        if let Some((job, step, text)) = split_job(parsed.text) {
            (parsed.job, parsed.step, parsed.text) = (Some(job), Some(step), text);
        }
        let mut last = None;
        for _ in 0..MAX_STAMPS {
            let Some((stamp, rest)) = take_stamp(parsed.text, context) else {
                break;
            };
            parsed.at = parsed.at.or(stamp.at);
            parsed.text = rest;
            last = Some(stamp);
        }
        let split = last.and_then(|stamp| {
            parsed.text = skip_mark(parsed.text);
            if stamp.is_structured {
                Origin::split_structured(parsed.text)
            } else {
                Origin::split(parsed.text)
            }
        });
        let (origin, text) =
            split.unwrap_or_else(|| (Origin::before(parsed.text, last.is_some()), parsed.text));
        (parsed.host, parsed.program) = (origin.host, origin.program);
        (parsed.is_of_container, parsed.text) = (origin.is_of_container, text);
        parsed
    }

    /// Whether what it says of workloads can be taken for true: nobody else is named who has said it.
    pub fn is_of_platform(&self) -> bool {
        // A job of CI is no log of a machine: what looks like a program there is the beginning of a sentence.
        let is_free = self.job.is_some() || self.program.is_none_or(is_platform);
        is_free && !self.is_of_container
    }
}

/// When a line of syslog's, or one that begins with RFC 3339's time, was written; of a line, its beginning is enough.
pub fn find_stamp(line: &str, context: &Context) -> Option<Moment> {
    take_stamp(line, context)?.0.at
}

/// `build (18)\tRun tests\t2026-01-15T10:00:00.0000000Z text`.
fn split_job(line: &str) -> Option<(&str, &str, &str)> {
    let mut parts = line.splitn(3, '\t');
    let (job, step, text) = (parts.next()?, parts.next()?, parts.next()?);
    let is_stamped = text
        .trim_start_matches('\u{feff}')
        .as_bytes()
        .first()
        .is_some_and(u8::is_ascii_digit);
    (is_stamped && !job.is_empty() && job.len() <= MAX_NAME_BYTES)
        .then(|| (job, step, text.trim_start_matches('\u{feff}')))
}

fn take_stamp<'a>(line: &'a str, context: &Context) -> Option<(Stamp, &'a str)> {
    let (line, is_structured) = match skip_priority(line) {
        // RFC 5424 has its version after the priority.
        Some(rest) => match rest.strip_prefix("1 ") {
            Some(rest) => (rest, true),
            None => (rest, false),
        },
        None => (line, false),
    };
    let (at, rest) = take_time(line, context)?;
    Some((Stamp { at, is_structured }, rest))
}

/// What stands behind syslog's priority, `<30>`.
fn skip_priority(line: &str) -> Option<&str> {
    let (priority, rest) = line.strip_prefix('<')?.split_once('>')?;
    let is_priority =
        (1..=3).contains(&priority.len()) && priority.bytes().all(|byte| byte.is_ascii_digit());
    is_priority.then_some(rest)
}

/// The time that a line begins with, as far as it names a moment, and what stands behind it.
fn take_time<'a>(line: &'a str, context: &Context) -> Option<(Option<Moment>, &'a str)> {
    match line.as_bytes().first()? {
        b'0'..=b'9' => {
            let (stamp, rest) = line.split_once(' ')?;
            let at = parse_iso(stamp, context).or_else(|| parse_unix(stamp))?;
            Some((Some(at), rest))
        }
        // Seconds since the machine started: `[  123.456789] `.
        b'[' => {
            let (seconds, rest) = line[1..].split_once("] ")?;
            let (whole, fraction) = seconds.trim_start().split_once('.')?;
            let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            (is_number(whole) && is_number(fraction)).then_some((None, rest))
        }
        _ if DAYS.iter().any(|day| line.starts_with(day)) => {
            let (date, rest) = line[4..].split_once(' ')?;
            let (time, rest) = rest.split_once(' ')?;
            let (zone, rest) = rest.split_once(' ')?;
            let zone = if zone == "UTC" { "Z" } else { "" };
            let at = parse_iso(&format!("{date}T{time}{zone}"), context)?;
            Some((Some(at), rest))
        }
        _ => {
            // The day is padded with a space.
            let (month, rest) = line.split_at_checked(3)?;
            let rest = rest.strip_prefix(' ')?.trim_start();
            let (day, rest) = rest.split_once(' ')?;
            let (time, rest) = rest.split_once(' ')?;
            Some((Some(parse_syslog(month, day, time, context)?), rest))
        }
    }
}

/// What GitLab puts between its stamp and a line: the number and the kind of the stream, and whether the line goes on.
fn skip_mark(text: &str) -> &str {
    match text.as_bytes() {
        [a, b, b'O' | b'E', rest @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
            match rest {
                [b' ' | b'+', ..] => &text[4..],
                _ => text,
            }
        }
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context {
            now: Moment::from_unix_ms(1_770_000_000_000),
            utc_offset_seconds: 0,
        }
    }

    #[test]
    fn a_line_of_nothing_but_priorities_is_read_as_it_stands() {
        for line in ["<>".repeat(20_000), "<30>".repeat(20_000)] {
            assert_eq!(find_stamp(&line, &context()), None);
        }
    }

    #[test]
    fn each_prefix_is_taken_off_once() {
        let context = context();
        let table = [
            (
                "Jan 15 10:09:58 app03 dockerd[2445]: time=x",
                Some("app03"),
                "time=x",
            ),
            (
                "Jan  5 10:09:58.123456 app03 kernel: oom",
                Some("app03"),
                "oom",
            ),
            (
                "2026-01-15T10:09:58+0100 app03 dockerd[1]: a: b",
                Some("app03"),
                "a: b",
            ),
            (
                "2026-01-15T10:09:58.1Z container die abc (x=1)",
                None,
                "container die abc (x=1)",
            ),
            ("plain text", None, "plain text"),
            (
                "<30>Jan 15 10:09:58 app03 dockerd[1]: a",
                Some("app03"),
                "a",
            ),
            (
                "<30>1 2026-01-15T10:09:58Z app03 dockerd 2445 - - a b",
                Some("app03"),
                "a b",
            ),
            (
                "<30>1 2026-01-15T10:09:58Z app03 dockerd - - [x y=\"z\"] a",
                Some("app03"),
                "a",
            ),
            (
                "Thu 2026-01-15 10:09:58 UTC app03 dockerd[1]: a",
                Some("app03"),
                "a",
            ),
            ("[  123.456789] app03 dockerd[1]: a", Some("app03"), "a"),
            ("1768468198.123456 app03 dockerd[1]: a", Some("app03"), "a"),
            (
                "2026-01-15T10:09:58.1Z Jan 15 10:09:58 app03 dockerd[1]: a",
                Some("app03"),
                "a",
            ),
            (
                "2026-01-15T10:09:58.1Z 00O Running on x",
                None,
                "Running on x",
            ),
            ("2026-01-15T10:09:58.1Z 01E+more", None, "more"),
            ("2026-01-15T10:09:58.1Z 00OK then", None, "00OK then"),
        ];
        for (line, host, text) in table {
            let parsed = LogLine::parse(line, &context);
            assert_eq!((parsed.host, parsed.text), (host, text), "{line}");
        }
        let parsed = LogLine::parse("build (18)\tRun x\t2026-01-15T10:09:58.1Z text", &context);
        assert_eq!((parsed.job, parsed.text), (Some("build (18)"), "text"));
        assert!(parsed.at.is_some());
    }
}
