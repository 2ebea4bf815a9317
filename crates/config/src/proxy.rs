//! Proxies between Forebay and an upstream.
//!
//! A proxy's URL may carry a password, so it prints itself without one.

use std::fmt;

use url::Url;

use super::secret::REDACTED;

/// Which proxy stands before an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProxyChoice {
    /// The one that the environment names, if it names one: see [`ProxyEnvironment`].
    Environment,
    /// None, whatever the environment says.
    Direct,
    /// This one.
    Through(ProxyUrl),
}

/// What `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` (or their lower-case forms, which win) say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyEnvironment {
    /// For `https` upstreams.
    pub https: Option<ProxyUrl>,
    /// For `http` upstreams.
    pub http: Option<ProxyUrl>,
    /// For both where the one above is not set.
    pub all: Option<ProxyUrl>,
    /// The hosts reached without one, in the comma-separated form that curl reads.
    pub no_proxy: Option<String>,
}

/// A proxy's address: `http` or `https`, perhaps with a user and password in it.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl(Url);

impl ProxyUrl {
    /// Reads an address such as `http://proxy.internal:3128`; one without a scheme is `http`, as curl has it.
    ///
    /// # Errors
    /// The reason in words, without the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let url = if text.contains("://") {
            Url::parse(text)
        } else {
            Url::parse(&format!("http://{text}"))
        };
        let url = url.map_err(|_| "is not a URL")?;
        match url.scheme() {
            "http" | "https" if url.has_host() => Ok(Self(url)),
            "http" | "https" => Err("names no host"),
            _ => Err("is neither http nor https"),
        }
    }

    /// The address with its user and password, for the connector.
    pub fn expose(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = if self.0.username().is_empty() && self.0.password().is_none() {
            String::new()
        } else {
            format!("{REDACTED}@")
        };
        let host = self.0.host_str().unwrap_or_default();
        write!(f, "{}://{user}{host}", self.0.scheme())?;
        match self.0.port() {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
