//! A host as the operator writes it: `host` or `host:port`.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// A host, and perhaps a port; without one it means the scheme's own port.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HostPort {
    host: Host,
    port: Option<u16>,
}

/// The text is not `host` or `host:port`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a host or host:port")]
pub struct InvalidHostPort;

impl HostPort {
    /// The host and port that `url` leads to; none of a URL without a host.
    pub fn of(url: &Url) -> Option<Self> {
        Some(Self {
            host: url.host()?.to_owned(),
            port: url.port_or_known_default(),
        })
    }

    /// The host as a URL spells it: lower case, IPv6 in brackets.
    pub fn host(&self) -> String {
        self.host.to_string()
    }

    /// The ports that it means: its own, or those of https and http.
    pub fn ports(&self) -> impl Iterator<Item = u16> + use<> {
        const HTTPS: u16 = 443;
        const HTTP: u16 = 80;
        match self.port {
            Some(port) => [Some(port), None],
            None => [Some(HTTPS), Some(HTTP)],
        }
        .into_iter()
        .flatten()
    }

    /// True if the host is an address, or the name that every machine has for itself.
    pub fn is_literal(&self) -> bool {
        match &self.host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(_) | Host::Ipv6(_) => true,
        }
    }

    /// True if `url` leads to this host and port.
    pub fn leads(&self, url: &Url) -> bool {
        let Some(there) = Self::of(url) else {
            return false;
        };
        let expected = self.port.or_else(|| default_port(url));
        self.host == there.host && there.port.is_some() && there.port == expected
    }
}

/// The port of the URL's scheme, whatever port the URL itself names.
fn default_port(url: &Url) -> Option<u16> {
    match url.scheme() {
        "https" => Some(443),
        "http" => Some(80),
        _ => None,
    }
}

impl FromStr for HostPort {
    type Err = InvalidHostPort;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => {
                let port = port.parse().map_err(|_| InvalidHostPort)?;
                (host, Some(port))
            }
            _ => (text, None),
        };
        let host = Host::parse(host).map_err(|_| InvalidHostPort)?;
        Ok(Self { host, port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => write!(f, "{}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_leads_only_where_host_and_port_are_the_same() {
        for (listed, url, expected) in [
            ("auth.example", "https://auth.example/token", true),
            ("auth.example", "http://auth.example/token", true),
            ("auth.example", "https://auth.example:8443/token", false),
            ("auth.example:8443", "https://auth.example:8443/token", true),
            ("auth.example:8443", "https://auth.example/token", false),
            ("AUTH.example", "https://auth.EXAMPLE/token", true),
            ("auth.example", "https://auth.example.evil/token", false),
            ("127.0.0.1:80", "http://2130706433/", true),
            ("[::1]:5000", "http://[0:0:0:0:0:0:0:1]:5000/", true),
            ("[::1]", "http://[::1]/", true),
            ("auth.example", "data:text/plain,x", false),
        ] {
            let listed: HostPort = listed.parse().unwrap();
            assert_eq!(listed.leads(&Url::parse(url).unwrap()), expected, "{url}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            ":80",
            "a b",
            "host:port",
            "host:99999",
            "https://host",
            "::1:80",
        ] {
            assert!(text.parse::<HostPort>().is_err(), "{text}");
        }
    }
}
