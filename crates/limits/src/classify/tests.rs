//! Refusals as registries send them, and the limiter that each is known for.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::{RetryAfter, Source};

const OLD_TEXT: &str = "You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit";
const ANONYMOUS_TEXT: &str = "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit";
const ACCOUNT_TEXT: &str = "You have reached your pull rate limit as 'alice': dckr_jti_0123456789abcdef0123456789a=. You may increase the limit by upgrading. https://www.docker.com/increase-rate-limit";

/// A GET of a manifest at Docker Hub's registry, refused with 429.
fn refused<'a>(body: &'a str, reading: &'a Reading) -> Answer<'a> {
    Answer {
        status: 429,
        content_type: None,
        body_prefix: body.as_bytes(),
        reading,
        host_kind: HostKind::Registry,
        method: Method::Get,
        is_docker_hub: true,
    }
}

fn elsewhere<'a>(body: &'a str, reading: &'a Reading) -> Answer<'a> {
    Answer {
        is_docker_hub: false,
        ..refused(body, reading)
    }
}

fn json(text: &str) -> String {
    format!(r#"{{"errors":[{{"code":"TOOMANYREQUESTS","message":"{text}"}}]}}"#)
}

fn limiter_of(answer: &Answer<'_>) -> Option<Limiter> {
    classify(answer).map(|limited| limited.limiter)
}

fn read(headers: &[(&str, &str)]) -> Reading {
    read_headers(
        headers
            .iter()
            .map(|(name, value)| (*name, value.as_bytes())),
    )
}

#[test]
fn the_pull_limits_text_of_every_era_is_known() {
    let nothing = Reading::default();
    let texts = [
        OLD_TEXT,
        ANONYMOUS_TEXT,
        ACCOUNT_TEXT,
        "You have reached your unauthenticated pull rate limit.",
        "Too Many Requests. Please see https://docs.docker.com/docker-hub/download-rate-limit/",
    ];
    for text in texts {
        for body in [json(text), text.to_owned()] {
            let answer = refused(&body, &nothing);
            assert_eq!(limiter_of(&answer), Some(Limiter::PullLimit), "{body}");
            let relayed = Answer {
                status: 503,
                ..elsewhere(&body, &nothing)
            };
            let expected = body.starts_with('{').then_some(Limiter::PullLimit);
            assert_eq!(limiter_of(&relayed), expected, "{body}");
        }
    }
}

#[test]
fn a_body_that_was_cut_is_known_as_far_as_it_goes() {
    let nothing = Reading::default();
    let body = json(ANONYMOUS_TEXT);
    let cut = &body[..110];
    assert!(serde_json::from_str::<serde_json::Value>(cut).is_err());
    assert_eq!(
        limiter_of(&refused(cut, &nothing)),
        Some(Limiter::PullLimit)
    );
}

#[test]
fn the_text_says_whom_the_pull_limit_counts() {
    let source = read(&[("docker-ratelimit-source", "192.0.2.1")]);
    let address: IpAddr = [192, 0, 2, 1].into();

    let anonymous = classify(&refused(&json(ANONYMOUS_TEXT), &source)).unwrap();
    assert_eq!(anonymous.identity, Some(Identity::Address(Some(address))));

    let old = classify(&refused(&json(OLD_TEXT), &source)).unwrap();
    assert_eq!(old.identity, Some(Identity::Address(Some(address))));

    let account = classify(&refused(&json(ACCOUNT_TEXT), &source)).unwrap();
    let Some(Identity::Account(Some(name))) = &account.identity else {
        panic!("no account in {account:?}");
    };
    assert_eq!(name.expose(), "alice");
    assert!(!format!("{account} {account:?}").contains("alice"));
}

#[test]
fn a_source_that_is_an_account_tells_of_an_account() {
    let source = read(&[(
        "docker-ratelimit-source",
        "6f0a1b2c-0000-4abc-8def-0123456789ab",
    )]);
    let limited = classify(&refused(&json(OLD_TEXT), &source)).unwrap();
    assert_eq!(limited.identity, Some(Identity::Account(None)));
}

#[test]
fn the_abuse_limit_is_plain_text_on_any_endpoint() {
    let nothing = Reading::default();
    for body in [
        "Too Many Requests (HAP429).\n",
        "Too Many Requests (HAP429)",
    ] {
        for host_kind in [HostKind::Registry, HostKind::Token, HostKind::Blob] {
            for method in [Method::Get, Method::Head, Method::Other] {
                let answer = Answer {
                    host_kind,
                    method,
                    ..refused(body, &nothing)
                };
                assert_eq!(limiter_of(&answer), Some(Limiter::AbuseLimit), "{answer:?}");
            }
        }
    }
    let bare = refused("Too Many Requests", &nothing);
    assert_eq!(limiter_of(&bare), Some(Limiter::AbuseLimit));
}

#[test]
fn without_words_docker_hub_is_known_by_the_place() {
    let nothing = Reading::default();
    let spent = read(&[
        ("ratelimit-limit", "100;w=21600"),
        ("ratelimit-remaining", "0;w=21600"),
    ]);
    let table = [
        (
            Method::Head,
            HostKind::Registry,
            &nothing,
            Limiter::AbuseLimit,
        ),
        (
            Method::Head,
            HostKind::Registry,
            &spent,
            Limiter::AbuseLimit,
        ),
        (
            Method::Other,
            HostKind::Registry,
            &nothing,
            Limiter::AbuseLimit,
        ),
        (Method::Get, HostKind::Token, &nothing, Limiter::AbuseLimit),
        (
            Method::Other,
            HostKind::Token,
            &nothing,
            Limiter::AbuseLimit,
        ),
        (Method::Get, HostKind::Blob, &nothing, Limiter::AbuseLimit),
        (Method::Get, HostKind::Registry, &spent, Limiter::PullLimit),
        (Method::Get, HostKind::Registry, &nothing, Limiter::Other),
    ];
    for (method, host_kind, reading, expected) in table {
        let answer = Answer {
            host_kind,
            method,
            ..refused("", reading)
        };
        assert_eq!(limiter_of(&answer), Some(expected), "{answer:?}");
    }
}

#[test]
fn a_new_wording_of_the_pull_limit_is_known_by_its_code() {
    let nothing = Reading::default();
    let body = json("Slow down, please");
    let answer = refused(&body, &nothing);
    assert_eq!(limiter_of(&answer), Some(Limiter::PullLimit));
    assert_eq!(
        limiter_of(&elsewhere(&body, &nothing)),
        Some(Limiter::Other)
    );
}

#[test]
fn a_login_lockout_is_told_before_a_bare_toomanyrequests() {
    let nothing = Reading::default();
    let text = "toomanyrequests: too many failed login attempts for username or IP address";
    for status in [429, 401, 403] {
        for body in [
            json(text),
            format!(r#"{{"details":"{text}"}}"#),
            text.to_owned(),
        ] {
            let answer = Answer {
                status,
                host_kind: HostKind::Token,
                ..refused(&body, &nothing)
            };
            let limited = classify(&answer).unwrap();
            assert_eq!(limited.limiter, Limiter::LoginLockout, "{status} {body}");
            assert_eq!(limited.identity, Some(Identity::Account(None)));
        }
    }
}

#[test]
fn the_api_of_hub_docker_com_is_known_by_its_headers() {
    let reading = read(&[
        ("x-ratelimit-limit", "180"),
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", "1746136938"),
        ("x-ratelimit-ip", "192.0.2.9"),
    ]);
    let limited = classify(&refused(r#"{"detail":"Rate limited"}"#, &reading)).unwrap();
    let reset = RetryAfter::At {
        unix_seconds: 1_746_136_938,
    };
    assert_eq!(limited.limiter, Limiter::ApiLimit);
    assert_eq!(limited.retry_after, Some(reset));
    assert_eq!(
        limited.identity,
        Some(Identity::Address(
            reading.source.as_ref().and_then(Source::address)
        ))
    );
}

#[test]
fn other_registries_limits_are_not_docker_hubs() {
    let nothing = Reading::default();
    let texts = [
        "retry-after: 985.86µs, allowed: 44000/minute",
        "Rate exceeded",
        "Data limit exceeded",
        "Quota exceeded for quota metric 'Requests per project per region' and limit 'Requests per project per region per minute per region' of service 'artifactregistry.googleapis.com' for consumer 'project_number:388270116193'.",
        "Quota Exceeded.",
        "Too many requests. Please visit https://aka.ms/acr/skus#sku-feature-matrix to view limits of all service tiers.",
        "Request exceeded pull rate limit for IP 127.0.0.1",
    ];
    for text in texts {
        for body in [json(text), text.to_owned()] {
            for answer in [elsewhere(&body, &nothing), refused(&body, &nothing)] {
                assert_eq!(limiter_of(&answer), Some(Limiter::Other), "{body}");
            }
        }
    }
    for body in [
        "",
        "Too Many Requests",
        "<!DOCTYPE html><html>429</html>",
        "{}",
        "null",
        "[1]",
    ] {
        let answer = elsewhere(body, &nothing);
        assert_eq!(limiter_of(&answer), Some(Limiter::Other), "{body}");
    }
}

#[test]
fn a_time_inside_a_body_is_read_where_no_header_names_one() {
    let body = json("retry-after: 333.939671ms, allowed: 44000/minute");
    let nothing = Reading::default();
    let limited = classify(&elsewhere(&body, &nothing)).unwrap();
    let wait = Duration::from_nanos(333_939_671);
    assert_eq!(limited.retry_after, Some(RetryAfter::In(wait)));

    let header = read(&[("retry-after", "7")]);
    let limited = classify(&elsewhere(&body, &header)).unwrap();
    let wait = Duration::from_secs(7);
    assert_eq!(limited.retry_after, Some(RetryAfter::In(wait)));
}

#[test]
fn the_address_that_wave_names_is_read() {
    let nothing = Reading::default();
    let body = "Request exceeded pull rate limit for IP 192.0.2.7";
    let limited = classify(&elsewhere(body, &nothing)).unwrap();
    let address: IpAddr = [192, 0, 2, 7].into();
    assert_eq!(limited.identity, Some(Identity::Address(Some(address))));
}

#[test]
fn an_answer_that_is_no_refusal_is_none() {
    let nothing = Reading::default();
    let spent = read(&[("ratelimit-remaining", "0;w=21600")]);
    let table = [
        (200, "", &spent),
        (
            404,
            r#"{"errors":[{"code":"NAME_UNKNOWN","message":"hap429/too-many-requests"}]}"#,
            &nothing,
        ),
        (404, OLD_TEXT, &nothing),
        (401, r#"{"errors":[{"code":"UNAUTHORIZED"}]}"#, &nothing),
        (403, "Quota exceeded", &nothing),
        (400, "storage quota exceeded", &nothing),
        (500, OLD_TEXT, &nothing),
        (503, "Too Many Requests (HAP429).", &nothing),
        (503, "<html>503</html>", &nothing),
    ];
    for (status, body, reading) in table {
        let answer = Answer {
            status,
            ..refused(body, reading)
        };
        assert_eq!(classify(&answer), None, "{status} {body}");
    }
}

#[test]
fn a_refusal_that_is_no_429_is_known_by_its_own_words() {
    let nothing = Reading::default();
    let table = [
        (
            400,
            r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#,
        ),
        (
            503,
            r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"later"}]}"#,
        ),
    ];
    for (status, body) in table {
        let answer = Answer {
            status,
            ..elsewhere(body, &nothing)
        };
        assert_eq!(limiter_of(&answer), Some(Limiter::Other), "{body}");
    }
}

#[test]
fn an_abuse_limit_that_breaks_http_is_still_known() {
    let minute = Some(RetryAfter::In(Duration::from_mins(1)));
    let table = [
        (
            "HTTP/1.1 429 Too Many Requests\nRetry-After: 60\nToo Many Requests (HAP429).\n",
            minute,
        ),
        (
            "HTTP/1.0 429 Too Many Requests\r\ncache-control: no-cache\nretry-after: 60\nconnection: close\n\nToo Many Requests",
            minute,
        ),
        ("HTTP/1.1 429\n\n", None),
        ("Too Many Requests (HAP429).\n", None),
    ];
    for (head, retry_after) in table {
        let limited = classify_malformed_head(head.as_bytes()).unwrap();
        assert_eq!(limited.limiter, Limiter::AbuseLimit, "{head}");
        assert_eq!(limited.retry_after, retry_after, "{head}");
    }
}

#[test]
fn a_malformed_head_without_a_limit_is_none() {
    let table: [&[u8]; 6] = [
        b"",
        b"HTTP/1.1 200 OK\nx",
        b"HTTP/1.1 500 429",
        b"SSH-2.0-OpenSSH_9.2 429 Too Many Requests",
        b"\x16\x03\x01\x02\xff\xfe",
        b"HTTP/1.1 404 sha256:429",
    ];
    for head in table {
        assert_eq!(classify_malformed_head(head), None);
    }
}

#[test]
fn only_the_start_of_an_endless_body_is_read() {
    let nothing = Reading::default();
    let mut body = " ".repeat(MAX_BODY_BYTES);
    body.push_str(OLD_TEXT);
    assert_eq!(
        limiter_of(&elsewhere(&body, &nothing)),
        Some(Limiter::Other)
    );
}
