//! Times as tools print them: RFC 3339, syslog's, klog's, epochs, ages.
//!
//! What has no year is put into the last twelve months; what has no zone into the reader's.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::tz::Offset;
use serde_json::Value;

use crate::CLOCK_SKEW;
use crate::{Context, Moment};

/// An age longer than this is no age.
const MAX_AGE: Duration = Duration::from_hours(24 * 366 * 20);

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// RFC 3339 and its looser kin: a space for the `T`, no zone, Go's ` +0000 UTC`.
pub fn parse_iso(text: &str, context: &Context) -> Option<Moment> {
    let text = text.trim();
    if !text.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.into());
    }
    let bare = text.split(" +").next().unwrap_or(text);
    if bare.len() < text.len() {
        let zone = text[bare.len() + 2..].get(..4)?;
        return format!("{bare}+{zone}")
            .parse::<Timestamp>()
            .ok()
            .map(Moment::from);
    }
    at_offset(text.parse::<DateTime>().ok()?, context)
}

/// `Jan 15 10:09:58`, as syslog has it.
pub(crate) fn parse_syslog(
    month: &str,
    day: &str,
    time: &str,
    context: &Context,
) -> Option<Moment> {
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    in_last_year(i8::try_from(month).ok()?, day.parse().ok()?, time, context)
}

/// `0903` and `10:30:03.291420`, as klog has it.
pub fn parse_klog(month_day: &str, time: &str, context: &Context) -> Option<Moment> {
    let month = month_day.get(..2)?.parse().ok()?;
    in_last_year(month, month_day.get(2..)?.parse().ok()?, time, context)
}

/// `1768468198.123456`: seconds since 1970 with their fraction, as `journalctl -o short-unix` has them.
pub(crate) fn parse_unix(text: &str) -> Option<Moment> {
    let (seconds, fraction) = text.split_once('.')?;
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let milliseconds: i64 = format!("{fraction:0<3.3}").parse().ok()?;
    // Ten digits: of this century, and no other number.
    let is_time = seconds.len() == 10 && is_number(seconds) && is_number(fraction);
    let seconds: i64 = seconds.parse().ok().filter(|_| is_time)?;
    Some(Moment::from_unix_ms(seconds * 1_000 + milliseconds))
}

/// A number of parts of a millisecond since 1970, as journald and Loki write it.
pub fn parse_unix_in(text: &str, parts_per_millisecond: i64) -> Option<Moment> {
    let parts: i64 = text.parse().ok()?;
    Some(Moment::from_unix_ms(parts / parts_per_millisecond))
}

/// A time in JSON: a text, or seconds since 1970, as the first AWS CLI prints them.
pub fn parse_json(value: &Value, context: &Context) -> Option<Moment> {
    match value {
        Value::String(text) => parse_iso(text, context),
        Value::Number(number) => {
            let milliseconds = number.as_f64()? * 1_000.0;
            #[expect(clippy::cast_possible_truncation, reason = "bounded just before")]
            (milliseconds.abs() < 1e15).then(|| Moment::from_unix_ms(milliseconds as i64))
        }
        _ => None,
    }
}

/// `Sat, 21 Nov 2026 08:59:00 +0000`, as mail and `kubectl describe` have it.
pub fn parse_mail(text: &str) -> Option<Moment> {
    let parsed = DateTimeParser::new().parse_timestamp(text);
    parsed.ok().map(Moment::from)
}

/// `3m12s`, `4d3h`, `76s`: what `kubectl` calls an age.
pub fn parse_age(text: &str) -> Option<Duration> {
    let mut total: u64 = 0;
    let mut number = None;
    for c in text.trim().chars() {
        if let Some(digit) = c.to_digit(10) {
            number = Some(
                number
                    .unwrap_or(0_u64)
                    .checked_mul(10)?
                    .checked_add(u64::from(digit))?,
            );
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'y' => 31_536_000,
            _ => return None,
        };
        total = total.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    let age = Duration::from_secs(total);
    (number.is_none() && !text.trim().is_empty() && age <= MAX_AGE).then_some(age)
}

/// `3 seconds ago`, `about an hour ago`, `Less than a second ago`: what Docker calls one.
pub fn parse_ago(text: &str) -> Option<Duration> {
    let words: Vec<&str> = text.trim().strip_suffix(" ago")?.split(' ').collect();
    let [.., amount, unit] = words.as_slice() else {
        return None;
    };
    let amount: u64 = match *amount {
        "a" | "an" => 1,
        digits => digits.parse().ok()?,
    };
    let seconds = match unit.trim_end_matches('s') {
        "second" => 1,
        "minute" => 60,
        "hour" => 3_600,
        "day" => 86_400,
        "week" => 604_800,
        "month" => 2_592_000,
        "year" => 31_536_000,
        _ => return None,
    };
    let age = Duration::from_secs(amount.checked_mul(seconds)?);
    (age <= MAX_AGE).then_some(age)
}

/// How often and when something was seen, as `16s (x2 over 90s)` says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// How long ago it was last seen.
    pub last: Duration,
    /// How long ago it was first seen.
    pub first: Duration,
    /// How often it was seen.
    pub count: u64,
}

/// Parses `76s` and `16s (x2 over 90s)`.
pub fn parse_seen(text: &str) -> Option<Seen> {
    let (last, rest) = match text.split_once(" (x") {
        Some((last, rest)) => (last, Some(rest)),
        None => (text, None),
    };
    let last = parse_age(last)?;
    let Some(rest) = rest else {
        return Some(Seen {
            last,
            first: last,
            count: 1,
        });
    };
    let (count, over) = rest.strip_suffix(')')?.split_once(" over ")?;
    Some(Seen {
        last,
        first: parse_age(over)?.max(last),
        count: count.parse().ok()?,
    })
}

fn in_last_year(month: i8, day: i8, time: &str, context: &Context) -> Option<Moment> {
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = clock.split(':').map(str::parse::<i8>);
    let mut next = || parts.next()?.ok();
    let (hour, minute, second) = (next()?, next()?, next()?);
    let millisecond: i32 = format!("{fraction:0<3.3}").parse().ok()?;
    let now = Timestamp::from_millisecond(context.now.unix_ms()).ok()?;
    let this_year = offset(context).to_datetime(now).year();
    let of_year = |year| {
        let nanosecond = millisecond * 1_000_000;
        at_offset(
            DateTime::new(year, month, day, hour, minute, second, nanosecond).ok()?,
            context,
        )
    };
    let is_past = |moment: &Moment| *moment <= context.now.after(CLOCK_SKEW);
    of_year(this_year)
        .filter(is_past)
        .or_else(|| of_year(this_year - 1))
}

fn at_offset(datetime: DateTime, context: &Context) -> Option<Moment> {
    offset(context)
        .to_timestamp(datetime)
        .ok()
        .map(Moment::from)
}

fn offset(context: &Context) -> Offset {
    Offset::from_seconds(context.utc_offset_seconds).unwrap_or(Offset::UTC)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        let now: Timestamp = "2026-02-01T12:00:00Z".parse().unwrap();
        Context {
            now: now.into(),
            utc_offset_seconds: 3_600,
        }
    }

    #[test]
    fn times_of_all_shapes_are_the_moments_they_mean() {
        let context = context();
        let iso = |text| parse_iso(text, &context).map(|moment| moment.to_string());
        let table = [
            ("2026-01-15T10:02:03.5Z", "2026-01-15T10:02:03Z"),
            ("2026-01-15T10:02:03.123000-05:00", "2026-01-15T15:02:03Z"),
            ("2026-01-15 10:02:03", "2026-01-15T09:02:03Z"),
            ("2026-01-15T10:02:03+0100", "2026-01-15T09:02:03Z"),
            ("2026-01-15 10:02:03.1 +0000 UTC", "2026-01-15T10:02:03Z"),
        ];
        for (text, expected) in table {
            assert_eq!(iso(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(iso("12"), None);
        let syslog = parse_syslog("Jan", "15", "10:09:58", &context).unwrap();
        assert_eq!(syslog.to_string(), "2026-01-15T09:09:58Z");
        let last_year = parse_klog("0903", "10:30:03.291420", &context).unwrap();
        assert_eq!(last_year.to_string(), "2025-09-03T09:30:03Z");
    }

    #[test]
    fn ages_and_counts_are_read_and_nonsense_is_not() {
        assert_eq!(parse_age("3m12s"), Some(Duration::from_secs(192)));
        assert_eq!(parse_age("4d3h"), Some(Duration::from_hours(99)));
        for nonsense in ["", "12", "m", "3x", "<unknown>", "99999999999999999999s"] {
            assert_eq!(parse_age(nonsense), None, "{nonsense}");
        }
        assert_eq!(
            parse_ago("about an hour ago"),
            Some(Duration::from_hours(1))
        );
        assert_eq!(
            parse_ago("Less than a second ago"),
            Some(Duration::from_secs(1))
        );
        assert_eq!(parse_ago("3 seconds"), None);
        let seen = parse_seen("16s (x2 over 90s)").unwrap();
        assert_eq!((seen.count, seen.first), (2, Duration::from_secs(90)));
    }
}
