//! Which addresses a client may dial: public ones, and those that the operator listed.
//!
//! Pure. The connector asks on every connect, with the very address it is about to dial.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::address;

/// The operator's exceptions to "public addresses only".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    origins: BTreeSet<(String, u16)>,
    private_names: BTreeSet<String>,
}

impl AddressPolicy {
    /// Public addresses only.
    pub fn public_only() -> Self {
        Self::default()
    }

    /// Allows `host` on `port` whatever its address is. The host is a name or a literal address, as in a URL
    /// (an IPv6 literal with or without its brackets).
    #[must_use]
    pub fn allow_origin(mut self, host: &str, port: u16) -> Self {
        self.origins.insert((normal_host(host), port));
        self
    }

    /// Allows the name `host` to have a private or loopback address, on any port: a VPC endpoint.
    ///
    /// Link-local and other special addresses stay refused: cloud metadata services live there.
    #[must_use]
    pub fn allow_private_name(mut self, host: &str) -> Self {
        self.private_names.insert(normal_host(host));
        self
    }

    /// True where `address` may be dialled for the URL host `host` and `port`.
    pub fn allows(&self, host: &str, port: u16, address: IpAddr) -> bool {
        if address::is_public(address) {
            return true;
        }
        let host = normal_host(host);
        self.origins.contains(&(host.clone(), port))
            || (self.private_names.contains(&host) && address::is_private_network(address))
    }
}

/// One spelling a host: lower case, no brackets, no final dot, literal addresses in their canonical form.
fn normal_host(host: &str) -> String {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(literal) => address::canonical(literal).to_string(),
        Err(_) => bare.trim_end_matches('.').to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use url::Url;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_what_the_operator_listed_is_an_exception() {
        let policy = AddressPolicy::public_only()
            .allow_origin("127.0.0.1", 7000)
            .allow_origin("[::1]", 7001)
            .allow_origin("Registry.Internal.", 443)
            .allow_private_name("vpce.example");
        let table = [
            ("127.0.0.1", 7000, "127.0.0.1", true),
            ("127.0.0.1", 7001, "127.0.0.1", false),
            ("127.0.0.2", 7000, "127.0.0.2", false),
            ("[::ffff:127.0.0.1]", 7000, "::ffff:127.0.0.1", true),
            ("[::1]", 7001, "::1", true),
            ("registry.internal", 443, "169.254.1.1", true),
            ("registry.internal", 80, "10.0.0.1", false),
            ("sub.registry.internal", 443, "10.0.0.1", false),
            ("vpce.example", 8443, "10.0.0.1", true),
            ("vpce.example", 443, "169.254.169.254", false),
            ("vpce.example", 443, "fd00:ec2::254", false),
            ("other.example", 443, "10.0.0.1", false),
            // A name that was not listed has the listed address.
            ("evil.example", 7000, "127.0.0.1", false),
            ("other.example", 443, "8.8.8.8", true),
        ];
        for (host, port, address, expected) in table {
            assert_eq!(
                policy.allows(host, port, ip(address)),
                expected,
                "{host}:{port} at {address}"
            );
        }
    }

    #[test]
    fn a_url_has_one_spelling_of_an_address_however_it_was_written() {
        let loopback = "127.0.0.1";
        let table = [
            ("http://2130706433/", loopback),
            ("http://0177.0.0.1/", loopback),
            ("http://0x7f.1/", loopback),
            ("http://0x7f000001/", loopback),
            ("http://127.1/", loopback),
            ("http://127.0.0.1./", loopback),
            ("http://%31%32%37.0.0.1/", loopback),
            ("http://１２７.0.0.1/", loopback),
            ("http://0/", "0.0.0.0"),
            ("http://[::ffff:127.0.0.1]/", "[::ffff:7f00:1]"),
            ("http://[0:0:0:0:0:0:0:1]/", "[::1]"),
        ];
        for (url, host) in table {
            assert_eq!(Url::parse(url).unwrap().host_str(), Some(host), "{url}");
        }
    }
}
