use std::sync::Arc;

use bytes::Bytes;
use forebay_http_kit::{RedirectRefusal, Stage, TlsCause};

use super::*;

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap()
}

#[test]
fn each_status_means_one_thing() {
    let name_unknown = br#"{"errors":[{"code":"NAME_UNKNOWN","message":"no"}]}"#;
    let manifest_unknown = br#"{"errors":[{"code":"X"},{"code":"MANIFEST_UNKNOWN"}]}"#;
    let table: [(u16, &[u8], &str); 10] = [
        (404, b"", "blob not found"),
        (404, name_unknown, "repository not found"),
        (404, manifest_unknown, "blob not found"),
        (404, b"<html>", "blob not found"),
        (410, b"", "blob not found"),
        (
            401,
            b"",
            "the upstream answers that authentication is required",
        ),
        (403, b"", "the upstream denies access"),
        (451, b"", "the upstream denies access"),
        (
            400,
            br#"{"errors":[{"code":"NAME_INVALID","message":"bad"}]}"#,
            "the upstream's answer is invalid: it answered 400 Bad Request: NAME_INVALID: bad",
        ),
        (
            304,
            b"",
            "the upstream's answer is invalid: it answered 304 Not Modified",
        ),
    ];
    for (code, body, expected) in table {
        let error = of_refusal(status(code), body, Missing::Blob);
        assert_eq!(error.to_string(), expected, "{code}");
    }
}

#[test]
fn server_errors_are_trouble_and_only_passing_ones_are_tried_again() {
    for (code, retry_after, may_retry) in [
        (500, None, false),
        (501, None, false),
        (502, None, true),
        (503, None, true),
        (504, None, true),
        (503, Some(Duration::from_secs(7)), false),
    ] {
        let failure = Failure::of_server_error(status(code), b"<html>oops</html>", retry_after);
        assert!(failure.is_trouble);
        assert_eq!(failure.may_retry, may_retry, "{code} {retry_after:?}");
        assert!(!failure.error.to_string().contains("html"));
        assert!(matches!(
            failure.error,
            SourceError::Unavailable { retry_after: after, .. } if after == retry_after
        ));
    }
}

#[test]
fn an_upstreams_words_are_short_and_hold_no_secret() {
    let jti = "as 'alice': dckr_jti_abcdefghijklmnopqrstuvwxyz0=";
    let body = format!(
        r#"{{"errors":[{{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit {jti}. {}"}}]}}"#,
        "x".repeat(500)
    );
    let said = said(body.as_bytes());
    assert!(
        said.starts_with("TOOMANYREQUESTS: You have reached"),
        "{said}"
    );
    assert!(said.len() <= MAX_SAID_BYTES);
    assert!(
        !said.contains("alice") && !said.contains("dckr_jti_abc"),
        "{said}"
    );
    assert!(!answered(status(400), b"a\nlevel=error \x1b[31mb").contains(['\n', '\x1b']));
}

#[test]
fn failures_to_reach_it_say_what_failed() {
    let host = || "registry.example".to_owned();
    let io = || Arc::new(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
    let tls = |cause| SendError::Tls {
        host: host(),
        cause,
    };
    let refused = SendError::Refused {
        host: host(),
        port: 443,
        address: [10, 0, 0, 1].into(),
    };
    let redirect = SendError::Redirect {
        from: host(),
        to: "evil.example".to_owned(),
        why: RedirectRefusal::ToPlainHttp,
    };
    let timed_out = SendError::TimedOut {
        host: host(),
        stage: Stage::Header,
    };
    let malformed = |head: &'static str| SendError::Malformed {
        host: host(),
        head: Bytes::from_static(head.as_bytes()),
    };
    let expired = TlsCause::Expired { until_unix_s: None };
    let to_come = TlsCause::NotYetValid { from_unix_s: None };
    let foreign = TlsCause::WrongName { names: Vec::new() };
    for (error, words, is_trouble, may_retry) in [
        (tls(expired), "expired", true, false),
        (tls(to_come), "not valid yet", true, false),
        (tls(foreign), "another name", true, false),
        (
            tls(TlsCause::UnknownIssuer),
            "nobody that we trust",
            true,
            false,
        ),
        (refused, "blob_hosts", false, false),
        (redirect, "evil.example", false, false),
        (timed_out, "did not answer in time", true, false),
        (malformed("SSH-2.0-x\r\n"), "not HTTP", true, false),
        (
            malformed("HTTP/1.1 200\r\nNo colon\r\n\r\n"),
            "not HTTP",
            true,
            false,
        ),
        (malformed("HTTP/1.1 200\r\nConte"), "not HTTP", true, true),
        (SendError::Closed { host: host() }, "closed", true, true),
        (
            SendError::Connect {
                host: host(),
                port: 443,
                source: io(),
            },
            "cannot connect to registry.example",
            true,
            true,
        ),
        (
            SendError::Resolve {
                host: host(),
                source: io(),
            },
            "registry.example cannot be resolved",
            true,
            false,
        ),
    ] {
        let failure = Failure::of_send(error);
        let text = failure.error.to_string();
        assert!(text.contains(words), "{text}");
        assert_eq!(failure.is_trouble, is_trouble, "{text}");
        assert_eq!(failure.may_retry, may_retry, "{text}");
    }
}

#[test]
fn a_body_that_fails_is_trouble_or_a_time_out_but_never_the_end() {
    for (error, expected) in [
        (
            BodyError::Cut { received: 7 },
            "the upstream is unavailable: h: the body was cut after 7 bytes",
        ),
        (
            BodyError::Idle { received: 7 },
            "the upstream did not answer in time: h: the body stalled after 7 bytes",
        ),
        (
            BodyError::TooLarge { limit: 7 },
            "the upstream's answer is invalid: h: the body is longer than 7 bytes",
        ),
    ] {
        assert_eq!(of_body(&error, "h").to_string(), expected);
    }
}
