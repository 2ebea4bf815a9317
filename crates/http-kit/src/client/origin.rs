//! Scheme, host and port: what credentials are bound to.
//!
//! Two URLs have the same origin where all three are equal; nothing weaker ever gets an Authorization header.

use std::fmt;

use http::HeaderValue;
use url::Url;

/// Where a URL leads: scheme, host and port (the scheme's default filled in).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origin {
    secure: bool,
    host: String,
    port: u16,
}

impl Origin {
    /// The origin of an `http` or `https` URL; none of any other.
    pub fn of(url: &Url) -> Option<Self> {
        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        Some(Self {
            secure,
            host: url.host_str()?.to_owned(),
            port: url.port_or_known_default()?,
        })
    }

    /// True for https.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host as a URL spells it: lower case, IPv6 in brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}:{}", self.host, self.port)
    }
}

/// An Authorization header and the only origin that ever sees it.
#[derive(Clone)]
pub struct Credentials {
    value: HeaderValue,
    origin: Origin,
}

impl Credentials {
    /// Binds `value`, the whole Authorization header, to `origin`.
    ///
    /// It goes over plain http only where `origin` itself is http.
    pub fn new(mut value: HeaderValue, origin: Origin) -> Self {
        value.set_sensitive(true);
        Self { value, origin }
    }

    /// The header for a request to `origin`, if it is the one they are bound to.
    pub fn find_for(&self, origin: &Origin) -> Option<&HeaderValue> {
        (self.origin == *origin).then_some(&self.value)
    }

    /// The origin that they are bound to.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials(*** for {})", self.origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(url: &str) -> Origin {
        Origin::of(&Url::parse(url).unwrap()).unwrap()
    }

    #[test]
    fn credentials_are_for_their_own_scheme_host_and_port_only() {
        let bound = origin("https://registry.example/v2/");
        let credentials = Credentials::new(HeaderValue::from_static("Basic c2VjcmV0"), bound);
        let same = [
            "https://registry.example:443/x",
            "https://REGISTRY.example/?y",
        ];
        assert!(
            same.iter()
                .all(|url| credentials.find_for(&origin(url)).is_some())
        );
        let others = [
            "http://registry.example/",
            "http://registry.example:443/",
            "https://registry.example:8443/",
            "https://registry.example./",
            "https://sub.registry.example/",
            "https://registry.example.evil/",
        ];
        for url in others {
            assert!(credentials.find_for(&origin(url)).is_none(), "{url}");
        }
        assert!(!format!("{credentials:?}").contains("c2Vj"));
    }
}
