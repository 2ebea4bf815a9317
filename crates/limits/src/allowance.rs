//! What a registry allows: so much, so much of it left, in such a window.
//!
//! Read from `100;w=21600` and its kin. A part that is missing or makes no sense is unknown, never zero.

use std::time::Duration;

use crate::RetryAfter;

/// The largest count that is believed; above it, this is taken. Far above any limit ever published.
pub const MAX_COUNT: u64 = 1_000_000_000;

/// The longest window that is believed; above it, this is taken. ECR Public counts by the month.
pub const MAX_WINDOW: Duration = Duration::from_hours(31 * 24);

/// What a registry says of a budget: each part as far as it was sent.
///
/// `remaining` may exceed `limit`: registries are not always of one mind, and we pass on what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Allowance {
    /// What the whole window allows.
    pub limit: Option<u64>,
    /// What is left of it.
    pub remaining: Option<u64>,
    /// The window's length; rolling at Docker Hub.
    pub window: Option<Duration>,
    /// When the window begins anew, where a registry says so.
    pub reset: Option<RetryAfter>,
    /// Which family of headers it was read from.
    pub dialect: Dialect,
}

/// The family of headers that an allowance was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// `ratelimit-*`: pulls, at Docker Hub's registry.
    RateLimit,
    /// `x-ratelimit-*`: API calls, at hub.docker.com and others.
    XRateLimit,
}

impl Allowance {
    /// Whether the registry says that nothing is left; an unknown remainder is not nothing.
    pub fn is_exhausted(&self) -> bool {
        self.remaining == Some(0)
    }
}

/// A count with the window that it came with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) count: u64,
    pub(crate) window: Option<Duration>,
}

impl Count {
    /// Reads `<int>`, `<int>;w=<seconds>`, or the first of a list of these.
    pub(crate) fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split([';', ',']).map(str::trim);
        let count = parse_bounded(parts.next()?, MAX_COUNT)?;
        let window = parts
            .find_map(|part| part.strip_prefix("w=").or_else(|| part.strip_prefix("W=")))
            .and_then(|seconds| {
                parse_bounded(seconds.trim_matches([' ', '"']), MAX_WINDOW.as_secs())
            })
            .filter(|&seconds| seconds > 0)
            .map(Duration::from_secs);
        Some(Self { count, window })
    }
}

/// Reads decimal digits and nothing else; a number above `max`, however long, is `max`.
fn parse_bounded(text: &str, max: u64) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    // Only digits: the parse can fail by overflow alone.
    Some(text.parse().unwrap_or(u64::MAX).min(max))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(count: u64, window_seconds: Option<u64>) -> Count {
        Count {
            count,
            window: window_seconds.map(Duration::from_secs),
        }
    }

    #[test]
    fn a_count_is_read_with_or_without_its_window() {
        let table = [
            ("100;w=21600", count(100, Some(21_600))),
            (" 100 ; w=21600 ", count(100, Some(21_600))),
            ("100;W=3600", count(100, Some(3_600))),
            ("100", count(100, None)),
            ("0;w=21600", count(0, Some(21_600))),
            ("100, 100;w=60, 1000;w=3600", count(100, Some(60))),
            ("100;comment=x;w=60", count(100, Some(60))),
            ("100;w=", count(100, None)),
            ("100;w=-1", count(100, None)),
            ("100;w=0", count(100, None)),
            ("100;w=soon", count(100, None)),
            ("1000000000000000000", count(MAX_COUNT, None)),
            (
                "99999999999999999999999999999999999",
                count(MAX_COUNT, None),
            ),
            (
                "5;w=1000000000000000000",
                count(5, Some(MAX_WINDOW.as_secs())),
            ),
        ];
        for (value, expected) in table {
            assert_eq!(Count::parse(value), Some(expected), "{value}");
        }
    }

    #[test]
    fn what_is_no_count_is_unknown_and_not_zero() {
        for value in [
            "",
            ";",
            "w=60",
            "-1",
            "-1;w=60",
            "+1",
            "1.5",
            "NaN",
            "unlimited",
            "<html>",
            "٣",
            "1 0",
        ] {
            assert_eq!(Count::parse(value), None, "{value}");
        }
    }
}
