//! From where a client asks: all that it cannot make up.
//!
//! User, agent and workload are its own to choose, anew with each request. What is bounded for each client is bounded by this.

use std::net::{IpAddr, Ipv6Addr};

use forebay_content::Client;

/// An address; of IPv6 the /64 that it is in, of which each client has all to choose from (RFC 6177).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Origin(IpAddr);

impl Origin {
    /// The client's; `None` for our own work.
    pub(crate) fn of(client: &Client) -> Option<Self> {
        client.network().map(Self)
    }

    /// Its address, or the first of them.
    pub(crate) const fn address(self) -> IpAddr {
        self.0
    }

    /// All who ask from there, without what they call themselves.
    pub(crate) fn nameless(self) -> Client {
        Client {
            address: Some(self.0),
            ..Client::default()
        }
    }
}

/// An address as it is told; the first of a /64 stands for all of it.
pub(crate) fn told(address: IpAddr) -> String {
    let is_network = |v6: Ipv6Addr| v6.segments()[4..].iter().all(|segment| *segment == 0);
    match address {
        IpAddr::V6(v6) if is_network(v6) => format!("{v6}/64"),
        _ => address.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_of_ipv6_is_its_network_of_64_bits_and_told_so() {
        for (address, expected) in [
            ("10.0.0.1", "10.0.0.1"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("2001:db8::1", "2001:db8::/64"),
            ("2001:db8:0:0:ffff:1:2:3", "2001:db8::/64"),
            ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ] {
            let client = Client {
                address: Some(address.parse().unwrap()),
                ..Client::default()
            };
            let origin = Origin::of(&client).unwrap();
            assert_eq!(told(origin.address()), expected, "{address}");
        }
        assert_eq!(told("2001:db8::1".parse().unwrap()), "2001:db8::1");
        assert_eq!(Origin::of(&Client::default()), None);
    }
}
