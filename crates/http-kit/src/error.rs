//! What can go wrong between us and a peer, said so that the caller knows what to do.
//!
//! Hosts are named, paths and queries never: a signed URL is a secret.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;

/// A [`ClientPolicy`](crate::ClientPolicy) that no client can be made of.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The extra roots are not PEM certificates.
    #[error("the certificates to trust cannot be read: {why}")]
    Roots {
        /// What is wrong with them.
        why: String,
    },
    /// The proxy is not an `http://` or `https://` URL. Its text may hold a password and is not shown.
    #[error("the proxy for {scheme} is not an http:// or https:// URL")]
    Proxy {
        /// The targets' scheme that it was meant for.
        scheme: &'static str,
    },
}

/// A request that got no answer that can be used.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SendError {
    /// The request itself is wrong; sending it again is of no use.
    #[error("a request to {host} cannot be sent: {why}")]
    Unsendable {
        /// The target's host, or nothing where it has none.
        host: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The address policy forbids to dial it.
    #[error("{host} port {port} is not dialled: {address} is not a public address")]
    Refused {
        /// The host as the URL names it.
        host: String,
        /// The port that was asked for.
        port: u16,
        /// The address that the host is or has.
        address: IpAddr,
    },
    /// The answer was a redirect that our rules forbid to follow.
    #[error("a redirect from {from} to {to} is not followed: {why}")]
    Redirect {
        /// The host that redirected.
        from: String,
        /// The host that it redirected to; empty where the Location has none.
        to: String,
        /// The rule that it broke.
        why: RedirectRefusal,
    },
    /// The name has no address, or the resolver failed.
    #[error("the name {host} cannot be resolved")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        #[source]
        source: Arc<io::Error>,
    },
    /// No connection could be made.
    #[error("cannot connect to {host} port {port}")]
    Connect {
        /// The host, or the proxy's.
        host: String,
        /// The port.
        port: u16,
        /// What the system said about the last address tried.
        #[source]
        source: Arc<io::Error>,
    },
    /// The proxy answered CONNECT with a refusal.
    #[error("the proxy refuses to connect to {host}: status {status}")]
    ProxyRefused {
        /// The target behind the proxy.
        host: String,
        /// The proxy's status, 0 where it was not HTTP.
        status: u16,
    },
    /// The peer could not prove who it is, or TLS could not be agreed on.
    #[error("TLS with {host} failed: {cause}")]
    Tls {
        /// The host.
        host: String,
        /// Why.
        cause: TlsCause,
    },
    /// The peer took too long.
    #[error("{host} took too long: {stage}")]
    TimedOut {
        /// The host.
        host: String,
        /// What it was that took too long.
        stage: Stage,
    },
    /// What came back was not HTTP. Docker Hub's abuse limit answers so: look into `head`.
    #[error("{host} answered with something that is not HTTP")]
    Malformed {
        /// The host.
        host: String,
        /// The first bytes of the answer, at most [`MALFORMED_HEAD_BYTES`](crate::MALFORMED_HEAD_BYTES).
        head: Bytes,
    },
    /// The connection ended before the answer's head had come whole.
    #[error("{host} closed the connection without an answer")]
    Closed {
        /// The host.
        host: String,
    },
    /// The answer's body is compressed although we asked for `identity`.
    #[error("{host} sent a body in the encoding {encoding}, which was not asked for")]
    ContentEncoding {
        /// The host.
        host: String,
        /// The encoding's name, shortened.
        encoding: String,
        /// The answer's status.
        status: StatusCode,
    },
}

/// The rule that a redirect broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedirectRefusal {
    /// The request says that redirects are not followed, or its method is neither GET nor HEAD.
    #[error("this request follows none")]
    NotFollowed,
    /// More hops than the request allows.
    #[error("too many hops")]
    TooMany,
    /// From https to http.
    #[error("it leads from https to http")]
    ToPlainHttp,
    /// No Location, an unreadable one, or one of another scheme than http and https.
    #[error("its Location is not an http URL")]
    BadLocation,
    /// The Location carries a user name or password.
    #[error("its Location carries credentials")]
    Userinfo,
}

/// Why TLS failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsCause {
    /// The certificate is out of date.
    #[error("its certificate has expired")]
    Expired {
        /// When it ended, in Unix seconds.
        until_unix_s: Option<u64>,
    },
    /// The certificate is of a time to come, by our clock.
    #[error("its certificate is not valid yet")]
    NotYetValid {
        /// When it begins, in Unix seconds.
        from_unix_s: Option<u64>,
    },
    /// The certificate is for another name.
    #[error("its certificate is for another name")]
    WrongName {
        /// The first names and addresses that it is for, as the peer wrote them.
        names: Vec<String>,
    },
    /// The certificate is signed by nobody that we trust.
    #[error("its certificate is signed by nobody that we trust")]
    UnknownIssuer,
    /// What the peer sent is no TLS: plain HTTP, most often.
    #[error("it does not speak TLS")]
    NotTls,
    /// Anything else, in rustls's words.
    #[error("{0}")]
    Other(String),
}

/// What it was that took too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stage {
    /// Finding the name's address.
    #[error("no address within the time for it")]
    Resolve,
    /// Connecting, through the proxy if there is one, and agreeing on TLS.
    #[error("no connection within the time for it")]
    Connect,
    /// The answer's head.
    #[error("no answer within the time for it")]
    Header,
}

/// A reply's body that could not be read to its end.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection ended inside the body.
    #[error("the body was cut after {received} bytes")]
    Cut {
        /// Bytes of the body that had come.
        received: u64,
    },
    /// Nothing came for the idle time-out.
    #[error("the body stalled after {received} bytes")]
    Idle {
        /// Bytes of the body that had come.
        received: u64,
    },
    /// Bytes came, but slower than the minimum rate.
    #[error("the body came too slowly: {received} bytes so far")]
    TooSlow {
        /// Bytes of the body that had come.
        received: u64,
    },
    /// The body is longer than the caller's cap.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// The cap.
        limit: usize,
    },
    /// The body's framing was not HTTP.
    #[error("the body is not well-formed after {received} bytes")]
    Malformed {
        /// Bytes of the body that had come.
        received: u64,
    },
}

impl BodyError {
    /// Bytes of the body that had come when it failed, where that is known.
    pub fn received(&self) -> Option<u64> {
        match self {
            Self::Cut { received }
            | Self::Idle { received }
            | Self::TooSlow { received }
            | Self::Malformed { received } => Some(*received),
            Self::TooLarge { .. } => None,
        }
    }
}

impl SendError {
    /// The host that the error is about.
    pub fn host(&self) -> &str {
        match self {
            Self::Unsendable { host, .. }
            | Self::Refused { host, .. }
            | Self::Resolve { host, .. }
            | Self::Connect { host, .. }
            | Self::ProxyRefused { host, .. }
            | Self::Tls { host, .. }
            | Self::TimedOut { host, .. }
            | Self::Malformed { host, .. }
            | Self::Closed { host }
            | Self::ContentEncoding { host, .. } => host,
            Self::Redirect { to, .. } => to,
        }
    }
}
