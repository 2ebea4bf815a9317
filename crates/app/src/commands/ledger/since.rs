//! A moment as people write it on a command line: so long ago, a date, or a time.

use std::str::FromStr;
use std::time::Duration;

use jiff::civil::Date;
use jiff::tz::TimeZone;

use forebay_config::time_span;

/// A moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    /// So long before now.
    Ago(Duration),
    /// At this time, in milliseconds since the UNIX epoch.
    At(i64),
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(span) = time_span(text) {
            return Ok(Self::Ago(span));
        }
        let time = text.parse::<jiff::Timestamp>().ok();
        let at = time.or_else(|| {
            // A date's parser takes a time behind it, and drops it.
            let date = text
                .parse::<Date>()
                .ok()
                .filter(|date| date.to_string() == text)?;
            let midnight = date.to_zoned(TimeZone::UTC).ok()?;
            Some(midnight.timestamp())
        });
        at.map(|at| Self::At(at.as_millisecond())).ok_or_else(|| {
            "wanted a span such as 24h, a date such as 2026-11-21, or a time such as 2026-11-21T08:00:00Z"
                .to_owned()
        })
    }
}

impl Moment {
    /// In milliseconds since the UNIX epoch, if it is `now`.
    pub(super) fn before(self, now_unix_ms: i64) -> i64 {
        match self {
            Self::Ago(span) => {
                now_unix_ms.saturating_sub(i64::try_from(span.as_millis()).unwrap_or(i64::MAX))
            }
            Self::At(at) => at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_span_a_date_or_a_time() {
        let now = 1_795_239_699_000;
        for (text, expected) in [
            ("24h", now - 86_400_000),
            ("1h30m", now - 5_400_000),
            ("2026-11-21", 1_795_219_200_000),
            ("2026-11-21T05:41:39Z", now),
            ("2026-11-21T06:41:39+01:00", now),
        ] {
            let moment: Moment = text.parse().unwrap();
            assert_eq!(moment.before(now), expected, "{text}");
        }
        for text in ["", "24", "yesterday", "2026-13-01", "2026-11-21 05:41"] {
            assert!(text.parse::<Moment>().is_err(), "{text:?}");
        }
    }
}
