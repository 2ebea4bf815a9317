//! A request as a caller wants it sent.
//!
//! Credentials are apart from the headers, so that nothing can send them to another origin by accident.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, Method};
use url::Url;

use super::origin::Credentials;

/// A request to send.
#[derive(Clone)]
pub struct Outgoing {
    /// The method. Redirects are followed for GET and HEAD only.
    pub method: Method,
    /// An absolute http or https URL without user name or password.
    pub url: Url,
    /// The headers, without Authorization, Cookie, Proxy-Authorization, Host and the body's framing: those are ours.
    pub headers: HeaderMap,
    /// The body, whole: what we send upstream is small.
    pub body: Bytes,
    /// Who we are, for one origin only.
    pub credentials: Option<Credentials>,
    /// What to do about a redirect.
    pub redirects: Redirects,
}

/// What to do about a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Redirects {
    /// A redirect is an error.
    Refuse,
    /// Follow up to `max` hops, each by the rules: no https to http, every address checked, no credentials elsewhere.
    Follow {
        /// The most hops.
        max: u8,
    },
}

impl Redirects {
    /// What all our requests allow: ten hops, as Go's and curl's callers are used to.
    pub const UP_TO_TEN: Self = Self::Follow { max: 10 };
}

impl Outgoing {
    /// A request without headers, body or credentials that follows up to ten redirects.
    pub fn new(method: Method, url: Url) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            credentials: None,
            redirects: Redirects::UP_TO_TEN,
        }
    }
}

impl fmt::Debug for Outgoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers and the query may hold secrets.
        f.debug_struct("Outgoing")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .finish_non_exhaustive()
    }
}
