//! Reads HTTP/1.1 requests from a connection.
//!
//! The simulator parses for itself: what it sees is what was sent, and no library tidies it up.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, Bytes, BytesMut};
use std::io;
use std::net::IpAddr;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Longest request line and headers, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// Longest request body (a token form), in bytes.
const MAX_BODY: usize = 1024 * 1024;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query as sent.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
    pub(crate) peer: IpAddr,
}

/// What an `Authorization` header holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credentials {
    Basic { user: String, password: String },
    Bearer(String),
    Other(String),
}

impl Request {
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub(crate) fn query(&self) -> Vec<(String, String)> {
        let query = self.target.split_once('?').map_or("", |(_, query)| query);
        pairs(query.as_bytes())
    }

    /// The last value of a query parameter.
    pub(crate) fn find_query(&self, key: &str) -> Option<String> {
        find_pair(&self.query(), key)
    }

    pub(crate) fn form(&self) -> Vec<(String, String)> {
        pairs(&self.body)
    }

    pub(crate) fn find_header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn is_head(&self) -> bool {
        self.method == "HEAD"
    }

    pub(crate) fn wants_close(&self) -> bool {
        self.find_header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }

    pub(crate) fn credentials(&self) -> Option<Credentials> {
        let value = self.find_header("authorization")?;
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        Some(match scheme.to_ascii_lowercase().as_str() {
            "bearer" => Credentials::Bearer(rest.trim().to_owned()),
            "basic" => decode_basic(rest).unwrap_or_else(|| Credentials::Other(scheme.to_owned())),
            _ => Credentials::Other(scheme.to_owned()),
        })
    }
}

/// The last value under a key.
pub(crate) fn find_pair(pairs: &[(String, String)], key: &str) -> Option<String> {
    let mut all = pairs.iter().rev();
    all.find(|(name, _)| name == key)
        .map(|(_, value)| value.clone())
}

fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}

fn decode_basic(encoded: &str) -> Option<Credentials> {
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (user, password) = decoded.split_once(':')?;
    Some(Credentials::Basic {
        user: user.to_owned(),
        password: password.to_owned(),
    })
}

/// Reads the next request; `None` when the client has closed the connection between two.
pub(crate) async fn read_request<S>(
    stream: &mut S,
    buffer: &mut BytesMut,
    peer: IpAddr,
) -> io::Result<Option<Request>>
where
    S: AsyncRead + Unpin,
{
    let head_end = loop {
        if let Some(at) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if buffer.len() > MAX_HEAD {
            return Err(malformed("request head too long"));
        }
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    };
    let head = buffer.split_to(head_end);
    buffer.advance(4);
    let mut request = parse_head(&head, peer)?;
    let length = match request.find_header("content-length") {
        Some(value) => value
            .parse()
            .map_err(|_| malformed("content-length is no number"))?,
        None if request.find_header("transfer-encoding").is_some() => {
            return Err(malformed("chunked requests are not understood"));
        }
        None => 0,
    };
    if length > MAX_BODY {
        return Err(malformed("request body too long"));
    }
    while buffer.len() < length {
        if stream.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
    request.body = buffer.split_to(length).freeze();
    Ok(Some(request))
}

fn parse_head(head: &[u8], peer: IpAddr) -> io::Result<Request> {
    let text = std::str::from_utf8(head).map_err(|_| malformed("request head is not UTF-8"))?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next())
    else {
        return Err(malformed("request line lacks a part"));
    };
    if !version.starts_with("HTTP/1.") {
        return Err(malformed("not HTTP/1"));
    }
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok(Request {
        method: method.to_owned(),
        target: origin_form(target),
        headers,
        body: Bytes::new(),
        peer,
    })
}

/// The path and query of a target, also of one that names the host, as proxies are sent them (RFC 9112 §3.2.2).
fn origin_form(target: &str) -> String {
    let named = Some(target).filter(|target| !target.starts_with('/'));
    let Some((_, rest)) = named.and_then(|target| target.split_once("://")) else {
        return target.to_owned();
    };
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.to_owned()
}

fn malformed(what: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::{Credentials, parse_head};
    use std::net::{IpAddr, Ipv4Addr};

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

    #[test]
    fn a_head_is_read_with_its_query_and_credentials() {
        let head = b"GET /token?scope=repository%3Aa%2Fb%3Apull HTTP/1.1\r\nAuthorization: Basic YWxpY2U6c2U6Y3JldA==";
        let request = parse_head(head, HERE).unwrap();
        assert_eq!(request.path(), "/token");
        assert_eq!(request.find_query("scope").unwrap(), "repository:a/b:pull");
        let basic = Credentials::Basic {
            user: "alice".into(),
            password: "se:cret".into(),
        };
        assert_eq!(request.credentials(), Some(basic));
    }

    #[test]
    fn a_target_may_name_the_host() {
        for (target, path) in [
            ("http://registry.example/v2/?a=b", "/v2/"),
            ("http://registry.example:9", "/"),
        ] {
            let head = format!("GET {target} HTTP/1.1");
            assert_eq!(parse_head(head.as_bytes(), HERE).unwrap().path(), path);
        }
    }

    #[test]
    fn what_is_not_http_is_refused() {
        assert!(parse_head(b"\x16\x03\x01", HERE).is_err());
        assert!(parse_head(b"PRI * HTTP/2.0", HERE).is_err());
    }
}
