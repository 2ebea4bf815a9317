//! Sends a request and follows its redirects.
//!
//! The loop is ours: each hop is a new request, with what its origin may see and nothing else.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, Method};
use url::Url;

use super::exchange::{Exchange, Hop};
use super::origin::{Credentials, Origin};
use super::outgoing::Outgoing;
use super::policy::ClientPolicy;
use super::redirect::{Answer, headers_for_stranger, next_url};
use super::reply::Reply;
use crate::error::{ClientError, SendError};

/// Sends requests within a policy. Clones are cheap and share the connections.
///
/// It speaks HTTP/1.1 only, keeps no cookies, never decompresses, and sends no credentials but to the origin that they are
/// bound to. Connections live as tasks of hyper's and end with the last clone.
#[derive(Clone)]
pub struct Client {
    exchange: Arc<Exchange>,
}

impl Client {
    /// A client that dials nobody yet.
    pub fn new(policy: ClientPolicy) -> Result<Self, ClientError> {
        Ok(Self {
            exchange: Arc::new(Exchange::new(policy)?),
        })
    }

    /// Sends `outgoing`, follows redirects as it allows, and returns as soon as the answer's head is in.
    pub async fn send(&self, outgoing: Outgoing) -> Result<Reply, SendError> {
        let Outgoing {
            method,
            mut url,
            mut headers,
            body,
            credentials,
            redirects,
        } = outgoing;
        url.set_fragment(None);
        check(&url, &headers)?;
        let mut hops = 0;
        loop {
            let origin = Origin::of(&url);
            let authorization = find_authorization(credentials.as_ref(), origin.as_ref());
            let hop = Hop {
                method: &method,
                url: &url,
                headers: &headers,
                authorization,
                body: &body,
            };
            let reply = self.exchange.run(&hop).await?;
            let answer = Answer {
                method: &method,
                url: &url,
                status: reply.status,
                headers: &reply.headers,
            };
            let Some(mut next) = next_url(&answer, redirects, hops)? else {
                return refuse_encoding(reply, &method, self.exchange.empty_body());
            };
            next.set_fragment(None);
            if Origin::of(&next) != origin {
                headers = headers_for_stranger(&headers);
            }
            url = next;
            hops += 1;
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Client")
    }
}

fn find_authorization<'a>(
    credentials: Option<&'a Credentials>,
    origin: Option<&Origin>,
) -> Option<&'a http::HeaderValue> {
    credentials?.find_for(origin?)
}

fn check(url: &Url, headers: &HeaderMap) -> Result<(), SendError> {
    use http::header::{AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION};
    let fail = |why| {
        let host = url.host_str().unwrap_or_default().to_owned();
        Err(SendError::Unsendable { host, why })
    };
    if Origin::of(url).is_none() {
        return fail("its URL is neither http nor https");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return fail("its URL carries credentials");
    }
    if [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION]
        .iter()
        .any(|name| headers.contains_key(name))
    {
        return fail("its headers carry credentials");
    }
    Ok(())
}

/// A body that was compressed without being asked for is not read: it could be a bomb, and is never the blob's bytes.
///
/// An error's body is dropped instead: its status and headers still say what the caller needs.
fn refuse_encoding(
    mut reply: Reply,
    method: &Method,
    empty: super::reply::ReplyBody,
) -> Result<Reply, SendError> {
    const NAME_SHOWN: usize = 32;
    let encodings = reply.headers.get_all(http::header::CONTENT_ENCODING);
    let odd = encodings
        .iter()
        .find(|value| !value.is_empty() && !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    let Some(odd) = odd else { return Ok(reply) };
    if *method == Method::HEAD {
        return Ok(reply);
    }
    if reply.status.is_success() {
        return Err(SendError::ContentEncoding {
            host: reply.url.host_str().unwrap_or_default().to_owned(),
            encoding: odd
                .to_str()
                .unwrap_or("?")
                .chars()
                .take(NAME_SHOWN)
                .collect(),
            status: reply.status,
        });
    }
    reply.body = empty;
    Ok(reply)
}
