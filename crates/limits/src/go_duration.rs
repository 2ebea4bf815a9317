//! Go's way to write a duration: `985.86µs`, `1m30s`, `1.16676ms`.
//!
//! GHCR puts one into the body of its 429. Go's grammar is followed, less the sign: a negative wait means nothing.

use std::time::Duration;

/// The longest text that is looked at, in bytes: Go itself prints at most 25.
const MAX_TEXT_BYTES: usize = 64;

/// Reads a Go duration; `None` if it is not one, is negative, or has no unit.
///
/// A value too large for a [`Duration`] reads as [`Duration::MAX`].
pub fn parse_go_duration(text: &str) -> Option<Duration> {
    if text.is_empty() || text.len() > MAX_TEXT_BYTES {
        return None;
    }
    let mut rest = text;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let (part, after) = parse_part(rest)?;
        total = total.saturating_add(part);
        rest = after;
    }
    Some(total)
}

/// Reads one number with its unit from the front; answers what is left.
fn parse_part(text: &str) -> Option<(Duration, &str)> {
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, rest) = text.split_at(number_end);
    let unit_end = rest
        .find(|c: char| c.is_ascii_digit() || c == '.')
        .unwrap_or(rest.len());
    let (unit, rest) = rest.split_at(unit_end);
    Some((scale(number, nanoseconds_in(unit)?)?, rest))
}

/// Nanoseconds in a unit; the micro sign and the Greek letter mu are both in use.
fn nanoseconds_in(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60 * 1_000_000_000,
        "h" => 3_600 * 1_000_000_000,
        _ => return None,
    })
}

/// Multiplies a decimal number by a unit exactly; what lies below a nanosecond is cut off, as Go does.
pub(crate) fn scale(number: &str, unit_nanoseconds: u128) -> Option<Duration> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole = digits(whole)?.saturating_mul(unit_nanoseconds);
    // Twelve decimals are a tenth of a nanosecond in an hour's fraction; more cannot change the result, and
    // fewer digits keep the product far from overflow.
    let kept = &fraction[..digits_kept(fraction)];
    let divisor = 10_u128.pow(u32::try_from(kept.len()).ok()?);
    digits(fraction)?;
    let fraction = digits(kept)?.saturating_mul(unit_nanoseconds) / divisor;
    Some(from_nanoseconds(whole.saturating_add(fraction)))
}

fn digits_kept(fraction: &str) -> usize {
    const MAX_DECIMALS: usize = 18;
    fraction
        .bytes()
        .take(MAX_DECIMALS)
        .take_while(u8::is_ascii_digit)
        .count()
}

/// Reads decimal digits; an empty text is zero, too many saturate, anything else is no number.
fn digits(text: &str) -> Option<u128> {
    text.bytes().try_fold(0_u128, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u128::from(byte - b'0'))?;
        Some(sum.saturating_mul(10).saturating_add(digit))
    })
}

fn from_nanoseconds(nanoseconds: u128) -> Duration {
    const PER_SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanoseconds / PER_SECOND);
    let rest = u32::try_from(nanoseconds % PER_SECOND);
    match (seconds, rest) {
        (Ok(seconds), Ok(rest)) => Duration::new(seconds, rest),
        _ => Duration::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_as_go_prints_them_are_read_to_the_nanosecond() {
        let table = [
            ("985.86µs", Duration::from_nanos(985_860)),
            ("985.86μs", Duration::from_nanos(985_860)),
            ("681.996us", Duration::from_nanos(681_996)),
            ("1.16676ms", Duration::from_nanos(1_166_760)),
            ("333.939671ms", Duration::from_nanos(333_939_671)),
            ("1h2m3.5s", Duration::from_millis(3_723_500)),
            ("1m30s", Duration::from_secs(90)),
            ("0s", Duration::ZERO),
            (".5s", Duration::from_millis(500)),
            ("5.s", Duration::from_secs(5)),
            ("1.9999999999999999999ns", Duration::from_nanos(1)),
            ("99999999999999999999999999999999999999999h", Duration::MAX),
        ];
        for (text, expected) in table {
            assert_eq!(parse_go_duration(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_none() {
        let table = [
            "", "5", "-5s", "+5s", "s", ".s", "1.2.3s", "5x", "5 s", "5d", "1h 2m", "1e9s", "NaN",
            "∞s", "5S",
        ];
        for text in table {
            assert_eq!(parse_go_duration(text), None, "{text}");
        }
        assert_eq!(parse_go_duration(&"1s".repeat(100)), None);
    }
}
