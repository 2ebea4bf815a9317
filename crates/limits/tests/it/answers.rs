//! Headers and bodies of any content: nothing panics, everything is bounded, a 429 is always a refusal.

use forebay_limits::{
    Answer, HostKind, MAX_COUNT, MAX_WINDOW, Method, Reading, classify, classify_malformed_head,
    read_headers,
};
use proptest::prelude::*;

const NAMES: [&str; 10] = [
    "ratelimit-limit",
    "RateLimit-Remaining",
    "ratelimit-reset",
    "x-ratelimit-limit",
    "X-RateLimit-Remaining",
    "x-ratelimit-reset",
    "docker-ratelimit-source",
    "x-ratelimit-ip",
    "Retry-After",
    "date",
];

fn headers() -> impl Strategy<Value = Vec<(&'static str, Vec<u8>)>> {
    let value = prop_oneof![
        any::<Vec<u8>>(),
        "-?[0-9]{0,25}(; ?w ?= ?-?[0-9]{0,25})?".prop_map(String::into_bytes),
    ];
    prop::collection::vec((prop::sample::select(&NAMES[..]), value), 0..12)
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let pieces = prop::sample::select(vec![
        "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"",
        "\"}]}",
        "You have reached your unauthenticated pull rate limit",
        "pull rate limit as ",
        "'alice'",
        "\\\"",
        "Too Many Requests (HAP429).\n",
        "failed login attempts",
        "retry-after: ",
        "99999999999999999999µs",
        "HTTP/1.1 429 ",
        "é",
        "\n",
    ]);
    prop_oneof![
        any::<Vec<u8>>(),
        prop::collection::vec(pieces, 0..8).prop_map(|pieces| pieces.concat().into_bytes()),
    ]
}

fn read(headers: &[(&'static str, Vec<u8>)]) -> Reading {
    read_headers(
        headers
            .iter()
            .map(|(name, value)| (*name, value.as_slice())),
    )
}

proptest! {
    #[test]
    fn a_reading_is_bounded_whatever_was_sent(headers in headers()) {
        let reading = read(&headers);
        if let Some(allowance) = reading.allowance {
            prop_assert!(allowance.limit.is_some() || allowance.remaining.is_some());
            prop_assert!(allowance.limit.unwrap_or(0) <= MAX_COUNT);
            prop_assert!(allowance.remaining.unwrap_or(0) <= MAX_COUNT);
            if let Some(window) = allowance.window {
                prop_assert!(!window.is_zero() && window <= MAX_WINDOW);
            }
        }
        if let Some(source) = reading.source {
            let text = source.to_string();
            prop_assert!(text.len() <= 64 && !text.chars().any(char::is_control), "{}", text);
        }
    }

    #[test]
    fn a_count_reads_back_as_sent(limit in 0..=MAX_COUNT, window_seconds in 1..=MAX_WINDOW.as_secs()) {
        let value = format!("{limit};w={window_seconds}");
        let allowance = read(&[("ratelimit-limit", value.into_bytes())]).allowance;
        let allowance = allowance.expect("a count was sent");
        prop_assert_eq!(allowance.limit, Some(limit));
        prop_assert_eq!(allowance.window.map(|window| window.as_secs()), Some(window_seconds));
    }

    #[test]
    fn a_429_is_always_a_refusal_and_a_200_never(
        headers in headers(), body in body(), is_docker_hub in any::<bool>(), place in 0..9_usize,
    ) {
        let reading = read(&headers);
        let answer = Answer {
            status: 429,
            content_type: None,
            body_prefix: &body,
            reading: &reading,
            host_kind: [HostKind::Registry, HostKind::Token, HostKind::Blob][place / 3],
            method: [Method::Get, Method::Head, Method::Other][place % 3],
            is_docker_hub,
        };
        let limited = classify(&answer);
        prop_assert!(limited.is_some());
        let printed = format!("{limited:?}");
        prop_assert!(!printed.contains("alice"));
        prop_assert_eq!(classify(&Answer { status: 200, ..answer }), None);
    }

    #[test]
    fn a_malformed_head_never_panics(head in body()) {
        if let Some(limited) = classify_malformed_head(&head) {
            let printed = format!("{limited} {limited:?}");
            prop_assert!(!printed.contains("alice"));
        }
    }
}
