//! `Retry-After` in the four shapes that registries send it in.
//!
//! Seconds, an HTTP date, a UNIX time (hub.docker.com's API since 2025) and a Go duration (GHCR's bodies). Anything else is
//! no advice at all: the caller falls back to the limiter's own cool-down.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;
use jiff::fmt::rfc2822::{DateTimeParser, DateTimePrinter};
use jiff::fmt::strtime::BrokenDownTime;

use crate::go_duration::{parse_go_duration, scale};

/// The longest wait that any registry can impose on us: the longest window that Docker Hub's pull limit has today.
///
/// A limit that truly lasts longer costs one refused request every six hours.
pub const MAX_WAIT: Duration = Duration::from_hours(6);

/// Numbers above this are a UNIX time, not a delay: nobody asks for 32 years.
const MAX_DELAY_SECONDS: u64 = 1_000_000_000;

/// Moments are cut to the start of the year 3000, which every date printer can still print.
const LATEST_UNIX_SECONDS: u64 = 32_503_680_000;

/// The longest value that is looked at, in bytes: an HTTP date has 29.
const MAX_VALUE_BYTES: usize = 64;

/// When a registry would like to see us again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetryAfter {
    /// After this time from the moment that the answer came.
    In(Duration),
    /// At this moment, in seconds since 1970 by the registry's clock.
    At {
        /// Seconds since 1970-01-01T00:00:00Z.
        unix_seconds: u64,
    },
}

impl RetryAfter {
    /// Reads a value in any of the four shapes; `None` for anything else, negative numbers among it.
    pub fn parse(value: &str) -> Option<Self> {
        let value = value.trim();
        if value.is_empty() || value.len() > MAX_VALUE_BYTES {
            return None;
        }
        parse_number(value)
            .or_else(|| parse_go_duration(value).map(Self::delay))
            .or_else(|| parse_http_date(value))
    }

    /// How long to wait from `now`: never negative, never above [`MAX_WAIT`].
    ///
    /// [`RetryAfter::In`] counts from the answer: call this when the answer comes and keep the moment, not the value.
    pub fn wait(self, now: SystemTime) -> Duration {
        let wait = match self {
            Self::In(delay) => delay,
            Self::At { unix_seconds } => UNIX_EPOCH
                .checked_add(Duration::from_secs(unix_seconds))
                .and_then(|moment| moment.duration_since(now).ok())
                .unwrap_or(Duration::ZERO),
        };
        wait.min(MAX_WAIT)
    }

    fn delay(delay: Duration) -> Self {
        Self::In(delay.min(Duration::from_secs(MAX_DELAY_SECONDS)))
    }

    fn moment(unix_seconds: u64) -> Self {
        Self::At {
            unix_seconds: unix_seconds.min(LATEST_UNIX_SECONDS),
        }
    }
}

/// A number of seconds, or an HTTP date: what was read reads back as the same.
impl fmt::Display for RetryAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::In(delay) if delay.subsec_nanos() == 0 => write!(f, "{}", delay.as_secs()),
            Self::In(delay) => write!(f, "{}.{:09}", delay.as_secs(), delay.subsec_nanos()),
            Self::At { unix_seconds } => match http_date(unix_seconds) {
                Some(date) => f.write_str(&date),
                None => write!(f, "{unix_seconds}"),
            },
        }
    }
}

fn parse_number(value: &str) -> Option<RetryAfter> {
    const NANOSECONDS_PER_SECOND: u128 = 1_000_000_000;
    if !value.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let number = scale(value, NANOSECONDS_PER_SECOND)?;
    if number.as_secs() > MAX_DELAY_SECONDS {
        Some(RetryAfter::moment(number.as_secs()))
    } else {
        Some(RetryAfter::delay(number))
    }
}

/// Reads the three forms of an HTTP date (RFC 9110, 5.6.7); the weekday is not checked, it adds nothing.
fn parse_http_date(value: &str) -> Option<RetryAfter> {
    const PARSER: DateTimeParser = DateTimeParser::new().relaxed_weekday(true);
    let timestamp = PARSER
        .parse_timestamp(value)
        .ok()
        .or_else(|| parse_obsolete_date(value))?;
    // A date before 1970 is as past as one in 1970.
    let unix_seconds = u64::try_from(timestamp.as_second()).unwrap_or(0);
    Some(RetryAfter::moment(unix_seconds))
}

/// Reads RFC 850's and asctime's form, which recipients of HTTP must accept.
fn parse_obsolete_date(value: &str) -> Option<Timestamp> {
    ["%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"]
        .iter()
        .find_map(|form| BrokenDownTime::parse(form, value).ok())?
        .to_datetime()
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|zoned| zoned.timestamp())
}

fn http_date(unix_seconds: u64) -> Option<String> {
    let seconds = i64::try_from(unix_seconds).ok()?;
    let timestamp = Timestamp::from_second(seconds).ok()?;
    DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&timestamp)
        .ok()
}

#[cfg(test)]
mod tests;
