//! Each failure has its status, its code and its words.

use std::time::Duration;

use forebay_content::{ClientKind, Missing, SourceError, Unsatisfiable};
use forebay_limits::{Identity, Limited, Limiter};
use forebay_oci::{ErrorCode, RouteError, RouteTable, Target};
use http::header::RETRY_AFTER;

use super::OciError;

fn image() -> Target {
    Target {
        upstream: "docker.io".into(),
        repository: "library/ngnix".parse().unwrap(),
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "the table is the test")]
fn every_failure_has_its_own_status_and_code() {
    let paced = || SourceError::Paced {
        retry_after: Duration::from_secs(30),
    };
    let limited = || SourceError::Limited {
        limited: Limited::by(Limiter::PullLimit),
        retry_after: Duration::from_millis(1500),
    };
    let unavailable = SourceError::Unavailable {
        why: "down".into(),
        retry_after: None,
    };
    for (failure, client, status, code) in [
        (
            SourceError::NotFound(Missing::Manifest),
            ClientKind::Docker,
            404,
            ErrorCode::ManifestUnknown,
        ),
        (
            SourceError::NotFound(Missing::Blob),
            ClientKind::Docker,
            404,
            ErrorCode::BlobUnknown,
        ),
        (
            SourceError::NotFound(Missing::Repository),
            ClientKind::Docker,
            404,
            ErrorCode::NameUnknown,
        ),
        (
            SourceError::Unauthorized,
            ClientKind::Docker,
            401,
            ErrorCode::Unauthorized,
        ),
        (
            SourceError::Denied,
            ClientKind::Docker,
            403,
            ErrorCode::Denied,
        ),
        (
            SourceError::NotAllowed { nearest: None },
            ClientKind::Docker,
            403,
            ErrorCode::Denied,
        ),
        (
            limited(),
            ClientKind::Docker,
            429,
            ErrorCode::TooManyRequests,
        ),
        (
            limited(),
            ClientKind::ContainersImage,
            429,
            ErrorCode::TooManyRequests,
        ),
        (
            limited(),
            ClientKind::Containerd,
            503,
            ErrorCode::TooManyRequests,
        ),
        (unavailable, ClientKind::Docker, 502, ErrorCode::Unavailable),
        (
            SourceError::TimedOut { why: "x".into() },
            ClientKind::Docker,
            504,
            ErrorCode::Unavailable,
        ),
        (
            SourceError::Busy,
            ClientKind::Docker,
            503,
            ErrorCode::TooManyRequests,
        ),
        (paced(), ClientKind::Docker, 429, ErrorCode::TooManyRequests),
        (
            paced(),
            ClientKind::Containerd,
            503,
            ErrorCode::TooManyRequests,
        ),
        (
            SourceError::Invalid { why: "x".into() },
            ClientKind::Docker,
            502,
            ErrorCode::Unknown,
        ),
        (
            SourceError::Range(Unsatisfiable { size: 9 }),
            ClientKind::Docker,
            416,
            ErrorCode::Unsupported,
        ),
        (
            SourceError::internal(std::io::Error::other("disk /x")),
            ClientKind::Docker,
            500,
            ErrorCode::Unknown,
        ),
    ] {
        let error = OciError::from_source(&failure, client, &image());
        assert_eq!(
            (error.status.as_u16(), error.code),
            (status, code),
            "{failure}"
        );
        assert!(
            !error.message.contains("/x"),
            "internal text leaves: {}",
            error.message
        );
    }
    let response =
        OciError::from_source(&limited(), ClientKind::Containerd, &image()).into_response(false);
    assert_eq!(response.headers()[RETRY_AFTER], "2");
}

#[test]
fn an_unknown_upstream_is_told_with_the_nearest() {
    let mut routes = RouteTable::default();
    routes.names.insert("ghcr.io".into(), "ghcr.io".into());
    for (name, told) in [
        (
            "ghrc.io",
            "no upstream is called ghrc.io; the nearest is ghcr.io",
        ),
        (
            "quay.io",
            "no upstream is called quay.io: the operator lists it under [upstreams]",
        ),
        ("", "?ns= is empty: it names an upstream, such as docker.io"),
    ] {
        let error = RouteError::UnknownUpstream(name.to_owned());
        assert_eq!(OciError::unrouted(&error, &routes).message, told);
    }
}

#[test]
fn a_limit_is_told_with_whose_it_is_and_until_when() {
    let told = |limiter, identity, seconds| {
        let failure = SourceError::Limited {
            limited: Limited {
                identity,
                ..Limited::by(limiter)
            },
            retry_after: Duration::from_secs(seconds),
        };
        OciError::from_source(&failure, ClientKind::Docker, &image()).message
    };
    let address = || Some(Identity::Address("192.0.2.1".parse().ok()));
    for (limiter, identity, seconds, expected) in [
        (
            Limiter::PullLimit,
            address(),
            119,
            "docker.io: the pull limit of address 192.0.2.1 is used up; ask again in 2 min",
        ),
        (
            Limiter::PullLimit,
            Some(Identity::Account(None)),
            12_000,
            "docker.io: the pull limit of an account is used up; ask again in 3 h 20 min",
        ),
        (
            Limiter::PullLimit,
            None,
            45,
            "docker.io: the pull limit is used up; ask again in 45 s",
        ),
        (
            Limiter::AbuseLimit,
            address(),
            60,
            "docker.io: the abuse limit of address 192.0.2.1 stops us; ask again in 1 min",
        ),
    ] {
        assert_eq!(told(limiter, identity, seconds), expected);
    }
}

#[test]
fn a_login_that_is_not_shown_yet_is_told_why_and_when_it_is() {
    let failure = SourceError::LoginsFailed {
        retry_after: Duration::from_mins(3),
    };
    let words = "docker.io is not shown this login yet, for too many others have failed there of late, and it would lock accounts; try again in 3 min: whoever has logged in goes on";
    for (client, status) in [(ClientKind::Docker, 429), (ClientKind::Containerd, 503)] {
        for told in [
            OciError::from_source(&failure, client, &image()),
            OciError::of_upstream(&failure, client, "docker.io"),
        ] {
            assert_eq!(told.message, words);
            assert_eq!(told.status.as_u16(), status);
            assert_eq!(told.retry_after, Some(Duration::from_mins(3)));
        }
    }
}

#[test]
fn a_refusal_names_the_nearest_allowed_image() {
    let failure = SourceError::NotAllowed {
        nearest: Some("library/nginx".into()),
    };
    assert_eq!(
        OciError::from_source(&failure, ClientKind::Docker, &image()).message,
        "docker.io/library/ngnix is not on the allow-list, so nothing was asked; the nearest allowed image is library/nginx: pull that if it is what was meant, else have the operator add this one to `allow`"
    );
}
