//! Amounts with their units: spans of time and sizes in bytes. A bare number is neither.
//!
//! Both print in one canonical way, which reads back as the same amount.

use std::fmt;
use std::time::Duration;

use super::TextValue;
use crate::error::Wrong;

/// A span of time: `500ms`, `30s`, `5m`, `6h`, `1h30m`, `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TimeSpan(pub(crate) Duration);

/// A size in bytes: `512MiB`, `50GiB`, `10GB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ByteSize(pub(crate) u64);

/// A part of a whole: `10%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Percent(pub(crate) u8);

/// Units of time in milliseconds, the longest first: the order in which a span is written.
const TIME_UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Units of size in bytes, the largest first.
const SIZE_UNITS: [(&str, u64); 8] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("KB", 1_000),
];

// === impl TimeSpan ===

impl TextValue for TimeSpan {
    const FORM: &'static str = "a span of time such as \"90s\", \"5m\" or \"1h30m\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        read_span(text).ok_or_else(|| {
            let wrong = Wrong::new(format!("is {text:?}, wanted {}", Self::FORM));
            match text.parse::<u64>() {
                Ok(number) => wrong.hint(format!("add its unit: \"{number}s\" or \"{number}m\"")),
                Err(_) => wrong.hint("units are d, h, m, s and ms, each once, the longest first"),
            }
        })
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

/// The span of time that a command line says, or what is wrong with it.
pub fn time_span(text: &str) -> Result<Duration, String> {
    let wanted = TimeSpan::FORM;
    read_span(text)
        .map(|span| span.0)
        .ok_or_else(|| format!("wanted {wanted}"))
}

/// The size in bytes that a command line says, or what is wrong with it.
pub fn byte_size(text: &str) -> Result<u64, String> {
    let wanted = ByteSize::FORM;
    read_size(text)
        .map(|size| size.0)
        .ok_or_else(|| format!("wanted {wanted}"))
}

/// Reads numbers each followed by a unit, each unit shorter than the one before.
fn read_span(text: &str) -> Option<TimeSpan> {
    let mut rest = text;
    let mut units = TIME_UNITS.iter();
    let mut total_ms = 0_u64;
    while !rest.is_empty() {
        let (number, after) = split_number(rest)?;
        let unit_length = after.find(|c: char| !c.is_ascii_alphabetic());
        let (unit, after) = after.split_at(unit_length.unwrap_or(after.len()));
        let (_, unit_ms) = units.find(|(name, _)| *name == unit)?;
        total_ms = total_ms.checked_add(number.checked_mul(*unit_ms)?)?;
        rest = after;
    }
    (!text.is_empty()).then(|| TimeSpan(Duration::from_millis(total_ms)))
}

impl fmt::Display for TimeSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_zero() {
            return f.write_str("0s");
        }
        let mut left_ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        for (unit, unit_ms) in TIME_UNITS {
            let number = left_ms / unit_ms;
            left_ms %= unit_ms;
            if number > 0 {
                write!(f, "{number}{unit}")?;
            }
        }
        Ok(())
    }
}

// === impl Percent ===

impl TextValue for Percent {
    const FORM: &'static str = "a part such as \"10%\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        let number = text
            .strip_suffix('%')
            .and_then(|number| number.parse().ok());
        let percent = number.filter(|percent| *percent <= 100);
        percent.map(Self).ok_or_else(|| {
            Wrong::new(format!("is {text:?}, wanted {}", Self::FORM))
                .hint("write a whole number from 0 to 100 and %")
        })
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

// === impl ByteSize ===

impl TextValue for ByteSize {
    const FORM: &'static str = "a size such as \"512MiB\", \"50GiB\" or \"10GB\"";

    fn from_text(text: &str) -> Result<Self, Wrong> {
        read_size(text).ok_or_else(|| {
            let wrong = Wrong::new(format!("is {text:?}, wanted {}", Self::FORM));
            match size_hint(text) {
                Some(hint) => wrong.hint(hint),
                None => wrong.hint("units are KiB, MiB, GiB, TiB and KB, MB, GB, TB"),
            }
        })
    }

    fn text(&self) -> String {
        self.to_string()
    }
}

fn read_size(text: &str) -> Option<ByteSize> {
    let (number, unit) = split_number(text)?;
    let (_, unit_bytes) = SIZE_UNITS.iter().find(|(name, _)| *name == unit)?;
    number.checked_mul(*unit_bytes).map(ByteSize)
}

/// What was probably meant by `50G`, `50gib` or a bare number.
fn size_hint(text: &str) -> Option<String> {
    let (number, unit) = split_number(text)?;
    let unit = unit.trim();
    if unit.is_empty() {
        let mebibytes = number >> 20;
        return Some(if mebibytes == 0 {
            format!("add its unit: \"{number}MiB\" or \"{number}GiB\"; bytes alone are not taken")
        } else {
            let rounded = ByteSize(mebibytes << 20);
            format!("bytes alone are not taken: write \"{rounded}\"")
        });
    }
    let known = SIZE_UNITS.map(|(name, _)| name);
    if let Some(exact) = known.iter().find(|name| name.eq_ignore_ascii_case(unit)) {
        return Some(format!("write it \"{number}{exact}\""));
    }
    let letter = unit.to_ascii_uppercase();
    ["K", "M", "G", "T"]
        .contains(&letter.as_str())
        .then(|| format!("write \"{number}{letter}iB\" or \"{number}{letter}B\""))
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = SIZE_UNITS
            .iter()
            .find(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        match unit {
            Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
            None if self.0 == 0 => f.write_str("0KiB"),
            // Not reachable from text, which has no unit below 1 KB; true all the same.
            None => write!(f, "{}B", self.0),
        }
    }
}

/// The decimal digits at the beginning, and what follows them.
fn split_number(text: &str) -> Option<(u64, &str)> {
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(digits);
    Some((number.parse().ok()?, rest))
}
