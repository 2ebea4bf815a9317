//! Where clients find Forebay: scheme, host and port, and nothing else.

use std::fmt;
use std::str::FromStr;

use url::{Host, Url};

/// Forebay's address as clients are told it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Url);

/// Why a text is no address.
#[derive(Debug, thiserror::Error)]
#[error("an address is http://host:port or https://host, without a path")]
pub struct NoAddress;

impl Address {
    /// Host and port, as image names and `registries.conf` have them. The port of plain http is always there: a name
    /// without a dot and without a port would be taken for a part of an image's name.
    pub fn authority(&self) -> String {
        let host = self.0.host_str().unwrap_or_default();
        let is_bare = !host.contains(['.', ':']);
        match self.0.port_or_known_default() {
            Some(port) if self.is_plain() || is_bare || self.0.port().is_some() => {
                format!("{host}:{port}")
            }
            _ => host.to_owned(),
        }
    }

    /// The same server by another host name, at the port that stands with it or else at the same one.
    ///
    /// # Errors
    /// It is no host name.
    pub fn at_host(&self, host: &str) -> Result<Self, NoAddress> {
        let scheme = self.0.scheme();
        let named: Self = format!("{scheme}://{host}").parse()?;
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| {
            !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
        });
        match self.0.port() {
            Some(port) if !has_port => format!("{scheme}://{host}:{port}").parse(),
            _ => Ok(named),
        }
    }

    /// Whether it is plain http.
    pub fn is_plain(&self) -> bool {
        self.0.scheme() == "http"
    }

    /// Whether only the same machine reaches it.
    pub fn is_loopback(&self) -> bool {
        match self.0.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        }
    }

    /// Whether dockerd speaks plain http to it without being told: to 127.0.0.0/8, and to names of it.
    pub(crate) fn is_plain_for_dockerd(&self) -> bool {
        match self.0.host() {
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost",
            _ => false,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

impl FromStr for Address {
    type Err = NoAddress;

    fn from_str(text: &str) -> Result<Self, NoAddress> {
        // A URL's reader leaves line ends and spaces out without a word.
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(NoAddress);
        }
        let url = Url::parse(text).map_err(|_| NoAddress)?;
        // It stands in files of several languages, and in command lines: in all of them it means itself.
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if let Some(Host::Domain(name)) = url.host()
            && !name.chars().all(is_of_name)
        {
            return Err(NoAddress);
        }
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
        if is_bare && is_http {
            Ok(Self(url))
        } else {
            Err(NoAddress)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        text.parse().expect("an address")
    }

    #[test]
    fn an_address_is_scheme_host_and_port() {
        for (text, shown, authority) in [
            (
                "http://127.0.0.1:5000",
                "http://127.0.0.1:5000",
                "127.0.0.1:5000",
            ),
            (
                "http://127.0.0.1:5000/",
                "http://127.0.0.1:5000",
                "127.0.0.1:5000",
            ),
            ("http://forebay.lan", "http://forebay.lan", "forebay.lan:80"),
            ("https://forebay.lan", "https://forebay.lan", "forebay.lan"),
            ("https://forebay", "https://forebay", "forebay:443"),
            ("http://[::1]:5000", "http://[::1]:5000", "[::1]:5000"),
        ] {
            assert_eq!(address(text).to_string(), shown);
            assert_eq!(address(text).authority(), authority);
        }
    }

    #[test]
    fn another_host_name_of_the_same_server_has_its_port_unless_it_says_one() {
        for (of, host, at) in [
            (
                "http://127.0.0.1:5000",
                "own.example",
                "http://own.example:5000",
            ),
            (
                "http://127.0.0.1:5000",
                "own.example:80",
                "http://own.example",
            ),
            ("https://forebay.lan", "own.example", "https://own.example"),
            (
                "https://forebay.lan",
                "own.example:8443",
                "https://own.example:8443",
            ),
            (
                "https://forebay.lan:8443",
                "own.example",
                "https://own.example:8443",
            ),
        ] {
            let found = address(of).at_host(host).map(|found| found.to_string());
            assert_eq!(found.ok().as_deref(), Some(at), "{of} {host}");
        }
        assert!(address("https://forebay.lan").at_host("a/b").is_err());
    }

    #[test]
    fn what_has_more_or_less_is_no_address() {
        for text in [
            "127.0.0.1:5000",
            "ftp://a",
            "http://a/b",
            "http://u:p@a",
            "http://a?x",
            "http://a\nb",
            " http://a",
            "http://a\"b",
            "http://$(id)",
            "http://a;b",
            "http://",
            "",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn loopback_is_this_machine() {
        assert!(address("http://127.1.2.3:1").is_loopback());
        assert!(address("http://[::1]:1").is_loopback());
        assert!(address("http://localhost:1").is_loopback());
        assert!(!address("http://10.0.0.1:1").is_loopback());
    }
}
