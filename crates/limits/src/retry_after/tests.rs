//! Tables for `Retry-After`: what each shape reads as, and how long it makes us wait.

use super::*;

const NOW_UNIX: u64 = 1_795_000_000;

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(NOW_UNIX)
}

fn secs(seconds: u64) -> RetryAfter {
    RetryAfter::In(Duration::from_secs(seconds))
}

fn at(unix_seconds: u64) -> RetryAfter {
    RetryAfter::At { unix_seconds }
}

#[test]
fn each_of_the_four_shapes_is_read() {
    let table = [
        ("60", secs(60)),
        (" 60 ", secs(60)),
        ("0", secs(0)),
        ("1.5", RetryAfter::In(Duration::from_millis(1_500))),
        ("1000000000", secs(1_000_000_000)),
        ("1746136938", at(1_746_136_938)),
        ("985.86µs", RetryAfter::In(Duration::from_nanos(985_860))),
        ("1m30s", secs(90)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", at(784_111_777)),
        ("Mon, 06 Nov 1994 08:49:37 GMT", at(784_111_777)),
        ("Sunday, 06-Nov-94 08:49:37 GMT", at(784_111_777)),
        ("Sun Nov  6 08:49:37 1994", at(784_111_777)),
        ("Thu, 01 Jan 1970 00:00:00 GMT", at(0)),
        ("Wed, 01 Jan 1969 00:00:00 GMT", at(0)),
        ("Tue, 01 Jan 2999 00:00:00 GMT", at(32_472_144_000)),
        ("1000000000000000000", at(LATEST_UNIX_SECONDS)),
        (
            "99999999999999999999999999999999999999999999",
            at(LATEST_UNIX_SECONDS),
        ),
    ];
    for (value, expected) in table {
        assert_eq!(RetryAfter::parse(value), Some(expected), "{value}");
    }
}

#[test]
fn junk_is_no_advice() {
    let table = [
        "",
        " ",
        "-1",
        "-9223372036854775808",
        "+5",
        "soon",
        "<html><body>",
        "1,5",
        "0x10",
        "1e3",
        "NaN",
        "Mon, 99 Foo 2026 99:99:99 GMT",
        "1 2",
        "\u{0}",
        "٣",
        "5 minutes",
        ".5",
        "µs",
    ];
    for value in table {
        assert_eq!(RetryAfter::parse(value), None, "{value:?}");
    }
    assert_eq!(RetryAfter::parse(&"9".repeat(65)), None);
}

#[test]
fn a_wait_is_never_negative_and_never_above_six_hours() {
    let table = [
        ("60", Duration::from_mins(1)),
        ("86400", MAX_WAIT),
        ("1795000030", Duration::from_secs(30)),
        ("1746136938", Duration::ZERO),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Duration::ZERO),
        ("Tue, 01 Jan 2999 00:00:00 GMT", MAX_WAIT),
        ("1000000000000000000", MAX_WAIT),
        ("9999h", MAX_WAIT),
    ];
    for (value, expected) in table {
        let advice = RetryAfter::parse(value).unwrap();
        assert_eq!(advice.wait(now()), expected, "{value}");
    }
}

#[test]
fn a_clock_before_1970_harms_nothing() {
    let long_ago = UNIX_EPOCH - Duration::from_hours(24);
    assert_eq!(at(0).wait(long_ago), MAX_WAIT);
    assert_eq!(at(u64::MAX).wait(long_ago), Duration::ZERO);
}
