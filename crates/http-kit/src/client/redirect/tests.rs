//! The matrix of redirects.

use http::HeaderValue;

use super::*;

/// A GET's first redirect.
const FIRST: Asked = Asked {
    method: Method::GET,
    redirects: Redirects::UP_TO_TEN,
    hops: 0,
};

struct Asked {
    method: Method,
    redirects: Redirects,
    hops: u8,
}

fn decide(
    asked: &Asked,
    status: u16,
    from: &str,
    location: Option<&str>,
) -> Result<Option<String>, RedirectRefusal> {
    let mut headers = HeaderMap::new();
    if let Some(location) = location {
        headers.insert(LOCATION, HeaderValue::from_str(location).unwrap());
    }
    let url = Url::parse(from).unwrap();
    let answer = Answer {
        method: &asked.method,
        url: &url,
        status: StatusCode::from_u16(status).unwrap(),
        headers: &headers,
    };
    match next_url(&answer, asked.redirects, asked.hops) {
        Ok(next) => Ok(next.map(String::from)),
        Err(SendError::Redirect { why, .. }) => Err(why),
        Err(other) => panic!("{other}"),
    }
}

fn follow(from: &str, location: &str) -> Result<Option<String>, RedirectRefusal> {
    decide(&FIRST, 307, from, Some(location))
}

#[test]
fn five_statuses_redirect_and_no_other_does() {
    for status in [301, 302, 303, 307, 308] {
        for method in [Method::GET, Method::HEAD] {
            let asked = Asked { method, ..FIRST };
            let next = decide(&asked, status, "https://a/x", Some("https://b/y"));
            assert_eq!(next, Ok(Some("https://b/y".to_owned())), "{status}");
        }
    }
    for status in [200, 201, 206, 300, 304, 305, 404, 500] {
        let next = decide(&FIRST, status, "https://a/x", Some("https://b/y"));
        assert_eq!(next, Ok(None), "{status}");
    }
}

#[test]
fn a_location_is_resolved_against_the_url_that_answered() {
    let table = [
        ("/y?z", "https://a:8443/y?z"),
        ("y", "https://a:8443/v2/y"),
        ("//b/y", "https://b/y"),
        ("HTTPS://B:443/y", "https://b/y"),
        ("https://2130706433/", "https://127.0.0.1/"),
    ];
    for (location, expected) in table {
        assert_eq!(
            follow("https://a:8443/v2/x", location),
            Ok(Some(expected.to_owned())),
            "{location}"
        );
    }
}

#[test]
fn a_redirect_that_breaks_a_rule_is_refused_with_the_rule() {
    let from = "https://a/x";
    let table = [
        ("http://a/x", RedirectRefusal::ToPlainHttp),
        ("http://b/x", RedirectRefusal::ToPlainHttp),
        ("https://user@b/", RedirectRefusal::Userinfo),
        ("https://:password@b/", RedirectRefusal::Userinfo),
        ("ftp://b/", RedirectRefusal::BadLocation),
        ("file:///etc/passwd", RedirectRefusal::BadLocation),
        ("gopher://b/", RedirectRefusal::BadLocation),
        ("https://", RedirectRefusal::BadLocation),
        ("https://[::1/", RedirectRefusal::BadLocation),
    ];
    for (location, why) in table {
        assert_eq!(follow(from, location), Err(why), "{location}");
    }
    let missing = decide(&FIRST, 302, from, None);
    assert_eq!(missing, Err(RedirectRefusal::BadLocation));
    assert_eq!(
        follow("http://a/x", "http://b/").unwrap().unwrap(),
        "http://b/"
    );
}

#[test]
fn hops_are_counted_and_only_reads_follow() {
    let hop = |hops, redirects| {
        let asked = Asked {
            redirects,
            hops,
            ..FIRST
        };
        decide(&asked, 301, "https://a/", Some("/b"))
    };
    assert!(hop(9, Redirects::UP_TO_TEN).is_ok());
    assert_eq!(hop(10, Redirects::UP_TO_TEN), Err(RedirectRefusal::TooMany));
    assert_eq!(hop(0, Redirects::Refuse), Err(RedirectRefusal::NotFollowed));
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let asked = Asked { method, ..FIRST };
        let next = decide(&asked, 307, "https://a/", Some("/b"));
        assert_eq!(next, Err(RedirectRefusal::NotFollowed), "{}", asked.method);
    }
}

#[test]
fn another_origin_sees_only_what_cannot_be_a_secret() {
    let mut headers = HeaderMap::new();
    for name in [
        "accept",
        "range",
        "if-range",
        "x-amz-security-token",
        "x-api-key",
        "docker-token",
        "cookie2",
    ] {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static("v"));
        headers.append(HeaderName::from_static(name), HeaderValue::from_static("w"));
    }
    let kept = headers_for_stranger(&headers);
    assert_eq!(kept.keys_len(), 3);
    assert_eq!(kept.get_all("accept").iter().count(), 2);
}

#[test]
fn an_error_names_hosts_and_nothing_else_of_a_url() {
    let mut headers = HeaderMap::new();
    headers.insert(
        LOCATION,
        HeaderValue::from_static("http://b/path?signature=secret"),
    );
    let url = Url::parse("https://a/private?token=secret").unwrap();
    let answer = Answer {
        method: &Method::GET,
        url: &url,
        status: StatusCode::FOUND,
        headers: &headers,
    };
    let error = next_url(&answer, Redirects::UP_TO_TEN, 0).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a redirect from a to b is not followed: it leads from https to http"
    );
    assert!(!format!("{error:?}").contains("secret"));
}
