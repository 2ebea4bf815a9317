//! How amounts are shown to people: bytes, spans and moments of time.
//!
//! Pure. Rounded to what fits into a column; who wants them exactly takes the JSON.

/// Bytes in the largest unit of which there is one: `17 B`, `1.5 KiB`, `48 GiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = 0;
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths = (tenths + 512) / 1_024;
        unit += 1;
    }
    let (whole, tenth, unit) = (tenths / 10, tenths % 10, UNITS[unit]);
    if whole >= 10 || tenth == 0 {
        format!("{whole} {unit}")
    } else {
        format!("{whole}.{tenth} {unit}")
    }
}

/// A span of time in at most two units: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`.
pub fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |large: String, small: u64, unit: &str| match small {
        0 => large,
        small => format!("{large} {small} {unit}"),
    };
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{minutes} min"),
        3_600..86_400 => two(format!("{hours} h"), minutes % 60, "min"),
        _ => two(format!("{days} d"), hours % 24, "h"),
    }
}

/// A moment as RFC 3339 in UTC, to the second.
pub fn moment(unix_ms: i64) -> String {
    let at = jiff::Timestamp::from_second(unix_ms.div_euclid(1_000));
    at.unwrap_or_default().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_short() {
        for (amount, expected) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1 KiB"),
            (1_536, "1.5 KiB"),
            (48 << 30, "48 GiB"),
            (u64::MAX, "16384 PiB"),
        ] {
            assert_eq!(bytes(amount), expected, "{amount}");
        }
    }

    #[test]
    fn spans_have_at_most_two_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (3_600, "1 h"),
            (12_000, "3 h 20 min"),
            (187_200, "2 d 4 h"),
            (172_800, "2 d"),
        ] {
            assert_eq!(span(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn moments_are_of_utc() {
        assert_eq!(moment(1_795_239_699_999), "2026-11-21T05:41:39Z");
        assert_eq!(moment(i64::MAX), "1970-01-01T00:00:00Z");
    }
}
