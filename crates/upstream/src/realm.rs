//! Whether the token service that a registry names may be asked.
//!
//! Pure. The realm is the registry's word, and our credentials follow it: only hosts that the operator or our own list of
//! registries names are asked (CVE-2026-33540), and without credentials neither, for our requests are not the registry's to
//! aim.

use url::Url;

use crate::HostPort;

/// Whom a registry may send us to for tokens.
#[derive(Clone, Debug)]
pub(crate) struct TokenHosts {
    own: Option<HostPort>,
    listed: Vec<HostPort>,
    plain_allowed: bool,
}

/// Why a token service is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RealmRefusal {
    /// It is no http URL with a host.
    #[error("the token service that it names is not an http URL")]
    NotHttp,
    /// It carries a user name or password.
    #[error("the token service that it names carries a user name or password")]
    Userinfo,
    /// It is plain http although the registry is not.
    #[error("the token service that it names, {host}, is plain http")]
    Plain {
        /// The host.
        host: String,
    },
    /// Nobody listed it.
    #[error(
        "the token service that it names, {host}, is neither its own host nor listed in token_hosts"
    )]
    Unlisted {
        /// The host, with its port.
        host: String,
    },
}

impl TokenHosts {
    /// The token hosts of the registry at `registry`.
    pub(crate) fn new(registry: &Url, listed: Vec<HostPort>, insecure: bool) -> Self {
        Self {
            own: HostPort::of(registry),
            listed,
            plain_allowed: insecure || registry.scheme() == "http",
        }
    }

    /// The token service's URL, if it may be asked.
    pub(crate) fn admit(&self, realm: &str) -> Result<Url, RealmRefusal> {
        let mut url = Url::parse(realm).map_err(|_| RealmRefusal::NotHttp)?;
        let is_http = matches!(url.scheme(), "http" | "https");
        let host = HostPort::of(&url).filter(|_| is_http);
        let host = host.ok_or(RealmRefusal::NotHttp)?.to_string();
        if !url.username().is_empty() || url.password().is_some() {
            return Err(RealmRefusal::Userinfo);
        }
        if !self
            .own
            .iter()
            .chain(&self.listed)
            .any(|known| known.leads(&url))
        {
            return Err(RealmRefusal::Unlisted { host });
        }
        if url.scheme() == "http" && !self.plain_allowed {
            return Err(RealmRefusal::Plain { host });
        }
        url.set_fragment(None);
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(registry: &str, listed: &[&str], insecure: bool) -> TokenHosts {
        let listed = listed.iter().map(|host| host.parse().unwrap()).collect();
        TokenHosts::new(&Url::parse(registry).unwrap(), listed, insecure)
    }

    #[test]
    fn only_the_registrys_own_host_and_listed_ones_are_asked() {
        let hub = hosts("https://registry-1.docker.io", &["auth.docker.io"], false);
        for realm in [
            "https://auth.docker.io/token",
            "https://auth.docker.io:443/token?a=b",
            "https://AUTH.docker.io/token",
            "https://registry-1.docker.io/token",
        ] {
            assert!(hub.admit(realm).is_ok(), "{realm}");
        }
        for realm in [
            "https://evil.example/token",
            "https://auth.docker.io:8443/token",
            "https://registry-1.docker.io:444/token",
            "https://auth.docker.io.evil.example/token",
            "https://auth.docker.io./token",
            "https://169.254.169.254/token",
            "http://169.254.169.254/token",
            "http://auth.docker.io/token",
            "http://auth.docker.io:443/token",
            "https://alice:secret@auth.docker.io/token",
            "https://auth.docker.io@evil.example/token",
            "https://alice@auth.docker.io/token",
            "ftp://auth.docker.io/token",
            "file:///etc/passwd",
            "//auth.docker.io/token",
            "/token",
            "",
        ] {
            assert!(hub.admit(realm).is_err(), "{realm}");
        }
    }

    #[test]
    fn plain_http_is_for_those_whose_registry_is_plain_or_insecure() {
        let realm = "http://127.0.0.1:7000/token";
        let registry = "http://127.0.0.1:7000";
        assert!(hosts(registry, &[], false).admit(realm).is_ok());
        let secure = "https://127.0.0.1:7000";
        assert!(hosts(secure, &[], true).admit(realm).is_ok());
        assert!(matches!(
            hosts(secure, &[], false).admit(realm),
            Err(RealmRefusal::Plain { .. })
        ));
    }

    #[test]
    fn a_refusal_names_the_host_and_the_key_but_no_credentials() {
        let refusal = hosts("https://r.example", &[], false)
            .admit("https://evil.example/t?x=y")
            .unwrap_err()
            .to_string();
        assert!(refusal.contains("evil.example:443") && refusal.contains("token_hosts"));
        let refusal = hosts("https://r.example", &[], false)
            .admit("https://alice:hunter2@r.example/t")
            .unwrap_err()
            .to_string();
        assert!(!refusal.contains("hunter2"));
    }
}
