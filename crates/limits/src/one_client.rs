//! Which addresses are one client's.
//!
//! Whatever is limited or shared out by client goes by this: who asks may choose among its addresses anew with each request.

use std::net::{IpAddr, Ipv6Addr};

/// The address that all addresses of one client count as. Of IPv6 each client has a whole /64 to choose from (RFC 6177); an
/// IPv4 address that is written as one of IPv6 is itself.
pub fn one_client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_ipv6_all_of_a_64_are_one_and_an_ipv4_address_is_itself_however_it_is_written() {
        for (address, expected) in [
            ("10.0.0.1", "10.0.0.1"),
            ("::ffff:10.0.0.1", "10.0.0.1"),
            ("2001:db8::1", "2001:db8::"),
            ("2001:db8::ffff:1:2:3", "2001:db8::"),
            ("2001:db8:0:1::1", "2001:db8:0:1::"),
        ] {
            let found = one_client(address.parse().unwrap());
            assert_eq!(found.to_string(), expected, "{address}");
        }
    }
}
