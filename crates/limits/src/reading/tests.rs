//! Whole header blocks, and what is read from them.

use std::time::Duration;

use super::*;

fn read(headers: &[(&str, &str)]) -> Reading {
    read_headers(
        headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes())),
    )
}

#[test]
fn docker_hubs_headers_are_read_in_any_case() {
    for headers in [
        [
            ("ratelimit-limit", "100;w=21600"),
            ("ratelimit-remaining", "45;w=21600"),
            ("docker-ratelimit-source", "192.0.2.1"),
        ],
        [
            ("RateLimit-Limit", "100;w=21600"),
            ("RATELIMIT-REMAINING", "45"),
            ("Docker-RateLimit-Source", " 192.0.2.1"),
        ],
    ] {
        let reading = read(&headers);
        let allowance = Allowance {
            limit: Some(100),
            remaining: Some(45),
            window: Some(Duration::from_hours(6)),
            reset: None,
            dialect: Dialect::RateLimit,
        };
        assert_eq!(reading.allowance, Some(allowance));
        assert_eq!(reading.source, Some(Source::Address([192, 0, 2, 1].into())));
        assert_eq!(reading.retry_after, None);
    }
}

#[test]
fn no_headers_mean_unmetered() {
    let reading = read(&[("content-type", "application/json"), ("date", "now")]);
    assert!(reading.is_empty());
}

#[test]
fn a_source_on_a_401_makes_no_allowance() {
    let reading = read(&[("docker-ratelimit-source", "192.0.2.1")]);
    assert_eq!(reading.allowance, None);
    assert!(reading.source.is_some());
}

#[test]
fn the_api_of_hub_docker_com_is_read_as_its_own_dialect() {
    let reading = read(&[
        ("x-ratelimit-limit", "180"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1746136938"),
        ("x-ratelimit-ip", "192.0.2.9"),
        ("x-retry-after", "1746136938"),
        ("retry-after", "1746136938"),
    ]);
    let at = RetryAfter::At {
        unix_seconds: 1_746_136_938,
    };
    let allowance = reading.allowance.unwrap();
    assert_eq!(allowance.dialect, Dialect::XRateLimit);
    assert!(allowance.is_exhausted());
    assert_eq!(allowance.reset, Some(at));
    assert_eq!(reading.retry_after, Some(at));
}

#[test]
fn an_unknown_remainder_is_not_exhausted() {
    for remaining in ["-1", "junk", ""] {
        let reading = read(&[
            ("ratelimit-limit", "100"),
            ("ratelimit-remaining", remaining),
        ]);
        let allowance = reading.allowance.unwrap();
        assert_eq!(allowance.remaining, None);
        assert!(!allowance.is_exhausted());
    }
}

#[test]
fn of_a_repeated_header_the_first_that_makes_sense_counts() {
    let reading = read(&[
        ("retry-after", "<html>"),
        ("retry-after", "60"),
        ("retry-after", "3600"),
    ]);
    let wait = RetryAfter::In(Duration::from_mins(1));
    assert_eq!(reading.retry_after, Some(wait));
}

#[test]
fn plain_headers_go_before_extended_ones_whatever_their_order() {
    let reading = read(&[("x-ratelimit-remaining", "7"), ("ratelimit-remaining", "5")]);
    assert_eq!(reading.allowance.unwrap().remaining, Some(5));
}

#[test]
fn bytes_that_are_no_text_are_skipped() {
    let reading = read_headers([("ratelimit-limit", &[0xff, 0xfe, 0x31][..])]);
    let expected = Reading {
        speaks_of_pulls: true,
        ..Reading::default()
    };
    assert_eq!(reading, expected);
}

#[test]
fn only_one_family_of_headers_speaks_of_pulls() {
    for (name, expected) in [
        ("ratelimit-remaining", Some(7)),
        ("x-ratelimit-remaining", None),
    ] {
        let limit = name.replace("remaining", "limit");
        let reading = read(&[(name, "7"), (&limit, "100")]);
        assert_eq!(reading.pulls_left(), expected, "{name}");
    }
}

#[test]
fn a_limit_of_pulls_is_spoken_of_in_whatever_words() {
    for (header, expected) in [
        (("RateLimit-Limit", "100;w=21600"), true),
        (("ratelimit-remaining", "<html>"), true),
        (("ratelimit-policy", "\"pulls\";q=100;w=21600"), true),
        (("docker-ratelimit-source", "192.0.2.1"), true),
        (("x-ratelimit-remaining", "5"), false),
        (("retry-after", "60"), false),
        (("rate", "5"), false),
        (("\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}\u{e9}", "5"), false),
    ] {
        assert_eq!(read(&[header]).speaks_of_pulls, expected, "{header:?}");
    }
}
