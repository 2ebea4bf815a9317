//! What the access log is told, once a request.
//!
//! The listener only reports; how a line looks and where it goes is the log's affair.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::Duration;

use http::{Extensions, HeaderValue, Method, StatusCode, Version};

use super::request::{Peer, RequestId};

/// Takes one entry a request. Called on the connection's task: it must not block.
pub trait AccessLog: Send + Sync + 'static {
    /// Called when the response's body has ended or was dropped.
    fn record(&self, entry: &AccessEntry<'_>);
}

/// A log of nothing.
#[derive(Clone, Copy, Debug)]
pub struct NoAccessLog;

impl AccessLog for NoAccessLog {
    fn record(&self, _: &AccessEntry<'_>) {}
}

/// One request and what became of it. The texts are the client's own: sanitise them before they are written anywhere.
#[derive(Clone, Copy, Debug)]
pub struct AccessEntry<'a> {
    /// Who asked.
    pub peer: Peer,
    /// The method.
    pub method: &'a Method,
    /// Path and query as they came.
    pub path_and_query: &'a str,
    /// The protocol's version.
    pub version: Version,
    /// The response's status.
    pub status: StatusCode,
    /// Bytes of the body that were handed to the socket.
    pub bytes_sent: u64,
    /// From the request's head to the end of the response.
    pub duration: Duration,
    /// The User-Agent header.
    pub user_agent: Option<&'a HeaderValue>,
    /// The request's id.
    pub request_id: RequestId,
    /// False where the client went away or the body failed before its end.
    pub completed: bool,
    /// What the handler had to add.
    pub labels: &'a AccessLabels,
    /// All of the response's extensions: what else the handler leaves for whoever listens.
    pub extensions: &'a Extensions,
}

/// The client itself, where that is another than the connection's peer, a proxy: put it into the response's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

impl AccessEntry<'_> {
    /// Whose request it is: what the handler found, else the connection's peer; none over a Unix socket.
    pub fn client(&self) -> Option<IpAddr> {
        let found = self.extensions.get().map(|&ClientAddress(client)| client);
        found.or_else(|| self.peer.address.map(|address| address.ip()))
    }
}

/// What a handler adds to its request's entry: put it into the response's extensions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessLabels(pub Vec<(&'static str, Cow<'static, str>)>);

impl AccessLabels {
    /// Adds one.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// The value of `name`.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value.as_ref())
    }
}
