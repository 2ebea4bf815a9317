//! What a client may do: whom it trusts, what it may dial, how long it waits.
//!
//! One policy an upstream; the binary builds it from the config.

use std::fmt;
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use super::reach::AddressPolicy;
use super::resolve::Resolver;

/// Everything that a [`Client`](crate::Client) is made of.
#[derive(Clone, Debug)]
pub struct ClientPolicy {
    /// Whose certificates are believed.
    pub trust: Trust,
    /// Through which proxy, if any.
    pub proxy: ProxyRule,
    /// Which addresses may be dialled.
    pub addresses: AddressPolicy,
    /// How long to wait for what.
    pub timeouts: Timeouts,
    /// Who finds a name's addresses. Clients that share one share its cache.
    pub resolver: Resolver,
    /// The User-Agent header of every request.
    pub user_agent: HeaderValue,
    /// What every request carries as [`INSTANCE`], if anything.
    pub instance: Option<HeaderValue>,
}

/// The header by which a server that is also a client knows its own requests when they come back to it.
pub const INSTANCE: HeaderName = HeaderName::from_static("forebay-instance");

impl ClientPolicy {
    /// The system's roots, no proxy, public addresses only, the default time-outs, the system's resolver.
    pub fn new(user_agent: HeaderValue) -> Self {
        Self {
            trust: Trust::default(),
            proxy: ProxyRule::None,
            addresses: AddressPolicy::public_only(),
            timeouts: Timeouts::default(),
            resolver: Resolver::system(),
            user_agent,
            instance: None,
        }
    }
}

/// Whose certificates are believed: the system's roots (the web's, where the system has none) and these.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    /// More roots, as PEM.
    pub extra_roots_pem: Option<Vec<u8>>,
    /// True to believe any certificate: the operator said so for this upstream alone.
    pub insecure: bool,
}

/// Through which proxy requests go.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum ProxyRule {
    /// Straight.
    #[default]
    None,
    /// As the environment variables say; the binary has read them.
    Environment(ProxyEnvironment),
    /// Through this one, except to what `no_proxy` lists (in `NO_PROXY`'s form; empty for nothing).
    Url {
        /// `http://` or `https://`, with `user:password@` where it wants them.
        url: String,
        /// Hosts that are dialled straight.
        no_proxy: String,
    },
}

/// The values of the proxy environment variables; empty where unset.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ProxyEnvironment {
    /// `HTTP_PROXY` or `http_proxy`.
    pub http: String,
    /// `HTTPS_PROXY` or `https_proxy`.
    pub https: String,
    /// `ALL_PROXY` or `all_proxy`.
    pub all: String,
    /// `NO_PROXY` or `no_proxy`.
    pub no: String,
}

impl fmt::Debug for ProxyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy's URL may hold a password.
        f.write_str(match self {
            Self::None => "None",
            Self::Environment(_) => "Environment(***)",
            Self::Url { .. } => "Url(***)",
        })
    }
}

impl fmt::Debug for ProxyEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyEnvironment(***)")
    }
}

/// How long to wait for what. There is no limit on the whole: a large layer takes as long as it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection: all addresses of the host together, the proxy's CONNECT, and TLS.
    pub connect: Duration,
    /// From the request to the whole head of the answer, each hop of a redirect anew.
    pub header: Duration,
    /// Without a byte of the body.
    pub idle: Duration,
    /// The slowest body that is borne.
    pub min_rate: MinRate,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            header: Duration::from_secs(30),
            idle: Duration::from_secs(30),
            min_rate: MinRate::default(),
        }
    }
}

/// The slowest body that is borne. Only time spent waiting for the peer counts, not the time that the reader takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MinRate {
    /// Bytes that have to come in each window.
    pub bytes: u64,
    /// The window.
    pub window: Duration,
}

impl Default for MinRate {
    fn default() -> Self {
        Self {
            bytes: 30 * 1024,
            window: Duration::from_secs(30),
        }
    }
}
