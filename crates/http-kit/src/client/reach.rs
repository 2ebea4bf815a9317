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
