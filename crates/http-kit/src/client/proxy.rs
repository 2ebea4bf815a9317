//! Which requests go through which proxy, and the tunnel through it.
//!
//! curl's rules for the variables and for `NO_PROXY`, from hyper-util; a proxy URL that it would pass over is an error here.

use std::io;
use std::sync::Arc;

use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::dial::Target;
use super::link::Wire;
use super::policy::ProxyRule;
use crate::error::{ClientError, SendError};

/// The longest answer to CONNECT that is read.
const CONNECT_ANSWER_BYTES: usize = 8 * 1024;

/// All proxies of a client.
pub(super) struct Proxies {
    matcher: Option<Matcher>,
}

/// The proxy for one target.
pub(super) struct Proxy {
    pub(super) target: Target,
    /// Its Proxy-Authorization header.
    pub(super) authorization: Option<HeaderValue>,
}

impl Proxies {
    pub(super) fn new(rule: &ProxyRule) -> Result<Self, ClientError> {
        let builder = Matcher::builder();
        let matcher = match rule {
            ProxyRule::None => None,
            ProxyRule::Url { url, no_proxy } => {
                check(url, "all targets")?;
                Some(builder.all(url.as_str()).no(no_proxy.as_str()).build())
            }
            ProxyRule::Environment(set) => {
                check(&set.http, "http")?;
                check(&set.https, "https")?;
                check(&set.all, "all targets")?;
                let builder = builder.http(set.http.as_str()).https(set.https.as_str());
                Some(builder.all(set.all.as_str()).no(set.no.as_str()).build())
            }
        };
        Ok(Self { matcher })
    }

    /// The proxy for a request to `uri`, if any.
    pub(super) fn find(&self, uri: &Uri) -> Option<Proxy> {
        let intercept = self.matcher.as_ref()?.intercept(uri)?;
        Some(Proxy {
            target: find_target(&intercept)?,
            authorization: intercept.basic_auth().cloned(),
        })
    }
}

fn find_target(intercept: &Intercept) -> Option<Target> {
    Target::of(intercept.uri()).ok()
}

/// Fails where `url` is set and no proxy of ours: the matcher would silently go straight.
fn check(url: &str, scheme: &'static str) -> Result<(), ClientError> {
    if url.is_empty() {
        return Ok(());
    }
    let probe = Uri::from_static("http://probe.invalid/");
    let intercept = Matcher::builder().all(url).build().intercept(&probe);
    let target = intercept.as_ref().and_then(find_target);
    target.map(|_| ()).ok_or(ClientError::Proxy { scheme })
}

impl Proxy {
    /// Asks the proxy to connect `wire` to `target` (RFC 9110 §9.3.6).
    pub(super) async fn open_tunnel(
        &self,
        wire: &mut Box<dyn Wire>,
        target: &Target,
    ) -> Result<(), SendError> {
        let status = self
            .ask(wire, target)
            .await
            .map_err(|source| SendError::Connect {
                host: self.target.host.clone(),
                port: self.target.port,
                source: Arc::new(source),
            })?;
        if (200..300).contains(&status) {
            return Ok(());
        }
        let host = target.host.clone();
        Err(SendError::ProxyRefused { host, status })
    }

    /// The status of the proxy's answer to CONNECT; 0 where it was not HTTP.
    async fn ask(&self, wire: &mut Box<dyn Wire>, target: &Target) -> io::Result<u16> {
        let authority = format!("{}:{}", target.host, target.port);
        let mut request =
            format!("CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n").into_bytes();
        if let Some(authorization) = &self.authorization {
            request.extend_from_slice(b"Proxy-Authorization: ");
            request.extend_from_slice(authorization.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        wire.write_all(&request).await?;
        wire.flush().await?;
        let head = read_head(wire).await?;
        Ok(parse_status(&head).unwrap_or(0))
    }
}

/// Reads up to the empty line. The target speaks TLS and waits for our hello, so nothing of it can follow yet.
async fn read_head(wire: &mut Box<dyn Wire>) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut piece = [0; 512];
    while !head.ends_with(b"\r\n\r\n") && head.len() < CONNECT_ANSWER_BYTES {
        match wire.read(&mut piece).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => head.extend_from_slice(&piece[..count]),
        }
        // A refusal may have a body behind its head; its status is all that we want.
        if parse_status(&head).is_some_and(|status| status >= 300) {
            break;
        }
    }
    Ok(head)
}

fn parse_status(head: &[u8]) -> Option<u16> {
    let line = head.split(|byte| *byte == b'\n').next()?;
    let mut words = std::str::from_utf8(line).ok()?.split_ascii_whitespace();
    let version = words.next()?;
    let status = words.next().filter(|word| word.len() == 3)?;
    version
        .starts_with("HTTP/1.")
        .then(|| status.parse().ok())?
}
