//! An issuer: its name, which is where it is asked, and whom to take for it.

use std::path::PathBuf;

use forebay_http_kit::AddressPolicy;
use url::{Host, Url};

use super::error::IssuerError;

/// Where an issuer's configuration is, below its name (`OpenID` Connect Discovery 1.0, section 4).
const CONFIGURATION_PATH: &str = "/.well-known/openid-configuration";

/// An issuer of tokens, and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuer {
    name: String,
    url: Url,
    /// Certificate authorities trusted for it besides the system's, as PEM.
    pub extra_roots_pem: Option<Vec<u8>>,
    /// Whether its name and those of `key_hosts` may resolve to private or loopback addresses; an address that is written
    /// itself may.
    pub private: bool,
    /// Hosts (`host` or `host:port`), besides its own, at which it may have its keys.
    pub key_hosts: Vec<String>,
    /// A file with the token that is shown to it and to `key_hosts`: a cluster's API server lets nobody read its keys without one.
    /// Read at each fetch, as a cluster replaces it every hour.
    pub token_file: Option<PathBuf>,
}

impl Issuer {
    /// The issuer of this name, which tokens have as `iss`.
    ///
    /// # Errors
    /// The name is no URL at which it could be asked.
    pub fn new(issuer: &str) -> Result<Self, IssuerError> {
        let wrong = || IssuerError::Address {
            issuer: issuer.to_owned(),
        };
        let url: Url = issuer.parse().map_err(|_| wrong())?;
        let is_http = matches!(url.scheme(), "http" | "https") && url.has_host();
        let has_user = !url.username().is_empty() || url.password().is_some();
        if !is_http || has_user || url.query().is_some() || url.fragment().is_some() {
            return Err(wrong());
        }
        Ok(Self {
            name: issuer.to_owned(),
            url,
            extra_roots_pem: None,
            private: false,
            key_hosts: Vec::new(),
            token_file: None,
        })
    }

    /// Its name.
    pub fn issuer(&self) -> &str {
        &self.name
    }

    /// Where its configuration is.
    pub(super) fn configuration_url(&self) -> Url {
        let mut url = self.url.clone();
        let path = format!("{}{CONFIGURATION_PATH}", url.path().trim_end_matches('/'));
        url.set_path(&path);
        url
    }

    /// Whether it may have its keys there: at its own host and port, or at a host that is listed; as secretly as itself.
    pub(super) fn may_have_keys_at(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else {
            return false;
        };
        let is_open = !url.username().is_empty() || url.password().is_some();
        if url.scheme() != self.url.scheme() || is_open {
            return false;
        }
        let port = url.port_or_known_default();
        let is_own = self.url.host_str() == Some(host) && self.url.port_or_known_default() == port;
        // As in a URL, the port that the scheme has anyway need not be written.
        let with_port = port.map(|port| format!("{host}:{port}"));
        let is_default = url.port().is_none();
        is_own
            || self
                .key_hosts
                .iter()
                .any(|listed| (is_default && listed == host) || Some(listed) == with_port.as_ref())
    }

    /// Public addresses, those written as such, and those of names if the operator said so. Link-local and other special ones
    /// never: cloud metadata services live there.
    pub(super) fn addresses(&self) -> AddressPolicy {
        let listed = self.key_hosts.iter();
        let listed = listed.filter_map(|host| format!("https://{host}").parse().ok());
        let urls = listed.chain([self.url.clone()]);
        urls.fold(AddressPolicy::public_only(), |policy, url: Url| {
            let is_name = matches!(url.host(), Some(Host::Domain(_)));
            match url.host_str() {
                Some(host) if self.private || !is_name => policy.allow_private_name(host),
                _ => policy,
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_asked_below_its_name() {
        for (issuer, asked) in [
            (
                "https://gitlab.example",
                "https://gitlab.example/.well-known/openid-configuration",
            ),
            (
                "https://gitlab.example/",
                "https://gitlab.example/.well-known/openid-configuration",
            ),
            (
                "https://oidc.eks.example/id/AB",
                "https://oidc.eks.example/id/AB/.well-known/openid-configuration",
            ),
        ] {
            let issuer = Issuer::new(issuer).unwrap();
            assert_eq!(issuer.configuration_url().as_str(), asked);
        }
        for issuer in [
            "",
            "gitlab.example",
            "ftp://gitlab.example",
            "https://a@gitlab.example",
            "https://gitlab.example/?a",
            "https://gitlab.example/#a",
        ] {
            assert!(Issuer::new(issuer).is_err(), "{issuer}");
        }
    }

    #[test]
    fn keys_are_at_its_own_host_or_at_one_that_is_listed() {
        let mut issuer = Issuer::new("https://issuer.example/id").unwrap();
        issuer.key_hosts = vec!["10.0.0.1:6443".to_owned(), "keys.example".to_owned()];
        for (url, may) in [
            ("https://issuer.example/keys", true),
            ("https://issuer.example:443/keys", true),
            ("https://10.0.0.1:6443/openid/v1/jwks", true),
            ("https://keys.example/", true),
            ("https://keys.example:443/", true),
            ("http://issuer.example/keys", false),
            ("https://issuer.example:8443/keys", false),
            ("https://keys.example:8443/", false),
            ("https://10.0.0.1/openid/v1/jwks", false),
            ("https://a@issuer.example/keys", false),
            ("https://169.254.169.254/keys", false),
            ("https://issuer.example.evil.example/keys", false),
            ("file:///etc/passwd", false),
        ] {
            let url = url.parse().unwrap();
            assert_eq!(issuer.may_have_keys_at(&url), may, "{url}");
        }
    }

    #[test]
    fn private_addresses_are_for_those_that_the_operator_named() {
        let private = "10.0.0.1".parse().unwrap();
        let metadata = "169.254.169.254".parse().unwrap();
        let mut issuer = Issuer::new("https://kubernetes.default.svc").unwrap();
        issuer.key_hosts = vec!["10.0.0.1:6443".to_owned(), "keys.internal".to_owned()];
        let strict = issuer.addresses();
        assert!(!strict.allows("kubernetes.default.svc", 443, private));
        assert!(strict.allows("10.0.0.1", 6443, private));
        issuer.private = true;
        let wide = issuer.addresses();
        for host in ["kubernetes.default.svc", "keys.internal"] {
            assert!(wide.allows(host, 443, private), "{host}");
            assert!(!wide.allows(host, 443, metadata), "{host}");
        }
        assert!(!wide.allows("elsewhere.internal", 443, private));
    }
}
