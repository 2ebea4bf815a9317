//! Which host a request is for: named once, and by a name that can be one.
//!
//! Two names would let a proxy before us and us understand one request as two (RFC 9112 §3.2, §11.2).

use std::net::Ipv6Addr;

use http::header::HOST;
use http::{HeaderMap, Request, Uri, Version, request};

/// The host that a request is for, with its port where it has one: the URI's authority goes before the `Host` header (RFC 9112
/// §3.2.2 for HTTP/1.1's absolute form, RFC 9113 §8.3.1 for HTTP/2's `:authority`).
pub fn find_host(head: &request::Parts) -> Option<&str> {
    let header = || head.headers.get(HOST).and_then(|host| host.to_str().ok());
    head.uri
        .authority()
        .map(http::uri::Authority::as_str)
        .or_else(header)
}

/// False where the answer must be 400 (RFC 9112 §3.2).
pub(super) fn is_clear<B>(request: &Request<B>) -> bool {
    judge(request.version(), request.uri(), request.headers())
}

fn judge(version: Version, uri: &Uri, headers: &HeaderMap) -> bool {
    let mut named = headers.get_all(HOST).iter();
    let header = match (named.next(), named.next()) {
        (None, _) => version != Version::HTTP_11,
        (Some(host), None) => is_host(host.as_bytes()),
        (Some(_), Some(_)) => false,
    };
    let authority = uri.authority();
    header && authority.is_none_or(|authority| is_host(authority.as_str().as_bytes()))
}

/// A host and perhaps a port, without a user (RFC 3986 §3.2.2); empty where the target has none.
fn is_host(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return false;
    };
    if let Some(rest) = text.strip_prefix('[') {
        return rest.split_once(']').is_some_and(|(address, port)| {
            let port = port.strip_prefix(':').unwrap_or(port);
            address.parse::<Ipv6Addr>().is_ok() && is_port(port)
        });
    }
    let (name, port) = text.split_once(':').unwrap_or((text, ""));
    let is_name_byte =
        |byte: u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=".contains(&byte);
    name.bytes().all(is_name_byte) && is_port(port) && (!name.is_empty() || text.is_empty())
}

/// Digits, of which there may be none.
fn is_port(text: &str) -> bool {
    text.is_empty() || text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_request_names_one_host_that_can_be_one() {
        let one_one = Version::HTTP_11;
        for (version, target, hosts, clear) in [
            (one_one, "/", vec!["cache.example"], true),
            (one_one, "/", vec!["cache.example:5000"], true),
            (one_one, "/", vec!["[::1]:5000"], true),
            (one_one, "/", vec!["10.0.0.1"], true),
            (one_one, "/", vec![""], true),
            (one_one, "/", vec![], false),
            (one_one, "/", vec!["a", "a"], false),
            (one_one, "/", vec!["a", "b"], false),
            (one_one, "/", vec!["a b"], false),
            (one_one, "/", vec!["a/b"], false),
            (one_one, "/", vec!["user@a"], false),
            (one_one, "/", vec![":5000"], false),
            (one_one, "/", vec!["a:b"], false),
            (one_one, "/", vec!["a:99999"], false),
            (one_one, "/", vec!["a:1:2"], false),
            (one_one, "/", vec!["[::1"], false),
            (one_one, "/", vec!["[a]"], false),
            (one_one, "http://a/", vec!["b"], true),
            (one_one, "http://u:p@a/", vec!["b"], false),
            (Version::HTTP_10, "/", vec![], true),
            (Version::HTTP_10, "/", vec!["a", "a"], false),
            (Version::HTTP_2, "http://a/", vec![], true),
            (Version::HTTP_2, "http://a/", vec!["a", "a"], false),
        ] {
            let mut headers = HeaderMap::new();
            for host in &hosts {
                headers.append(HOST, HeaderValue::from_static(host));
            }
            let judged = judge(version, &target.parse().unwrap(), &headers);
            assert_eq!(judged, clear, "{version:?} {target} {hosts:?}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_bytes(b"\xff").unwrap());
        assert!(!judge(one_one, &"/".parse().unwrap(), &headers));
    }

    #[test]
    fn the_authority_goes_before_the_header() {
        for (target, host) in [("http://a:1/x", "a:1"), ("/x", "b")] {
            let request = Request::get(target).header(HOST, "b").body(()).unwrap();
            assert_eq!(find_host(&request.into_parts().0), Some(host));
        }
    }
}
