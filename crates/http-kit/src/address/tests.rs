//! The whole matrix of addresses that a hostile upstream may name.
//!
//! One line a range of A4 and A5 of the threat list, its edges included.

use super::*;

const NOT_PUBLIC: &[&str] = &[
    // Unspecified, this network, loopback.
    "0.0.0.0",
    "0.1.2.3",
    "127.0.0.1",
    "127.255.255.254",
    "::",
    "::1",
    // Private, shared, link-local (metadata services).
    "10.0.0.0",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "169.254.169.254",
    "169.254.170.2",
    "fe80::1",
    "febf::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff::1",
    "fec0::1",
    "feff::1",
    // Protocol assignments, documentation, benchmarks, relays, multicast, reserved, broadcast.
    "192.0.0.1",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.1",
    "203.0.113.255",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "3fff::1",
    "3fff:fff::1",
    "2001:2::1",
    "2001:20::1",
    "100::1",
    "5f00::1",
    // IPv4-mapped and the deprecated IPv4-compatible; the latter also with a public address inside.
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "::8.8.8.8",
    "::ffff:0:8.8.8.8",
    // 6to4 of 10.0.0.1, 127.0.0.1 and 169.254.169.254.
    "2002:a00:1::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    // NAT64 of the same, by the well-known and by local prefixes.
    "64:ff9b::10.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::10.0.0.1",
    "64:ff9b:1:fffe::169.254.169.254",
    // Local NAT64 with a longer form's bits set: 10.0.0.1 to a /48 translator, 8.8.8.8 at first sight.
    "64:ff9b:1:a00:0:100:808:808",
    // Teredo: a private server, or the client 127.0.0.1 or 10.0.0.1 behind the inverted bits.
    "2001:0:a00:1::f7f7:f7f7",
    "2001:0:808:808::80ff:fffe",
    "2001:0:808:808::f5ff:fffe",
];

const PUBLIC: &[&str] = &[
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::6810:84e5",
    "2a00:1450:4001::1",
    "2600:1f18::1",
    "2003::1",
    "2001:200::1",
    "2001:4860:4860::8888",
    "3ffe::1",
    "::ffff:8.8.8.8",
    "2002:808:808::1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::8.8.8.8",
    "64:ff9b:1:fffe::8.8.8.8",
    "2001:0:808:808::f7f7:f7f7",
];

#[test]
fn an_address_that_is_not_of_the_internet_is_not_public() {
    for text in NOT_PUBLIC {
        assert!(!is_public(text.parse().unwrap()), "{text}");
    }
}

#[test]
fn an_address_of_the_internet_is_public() {
    for text in PUBLIC {
        assert!(is_public(text.parse().unwrap()), "{text}");
    }
}

#[test]
fn a_private_zone_never_holds_a_metadata_service() {
    for text in [
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "127.0.0.1",
        "::1",
        "fd12::1",
        "::ffff:10.0.0.1",
    ] {
        assert!(is_private_network(text.parse().unwrap()), "{text}");
    }
    for text in [
        "169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "100.100.100.200",
        "0.0.0.0",
        "224.0.0.1",
        "2002:a00:1::1",
    ] {
        assert!(!is_private_network(text.parse().unwrap()), "{text}");
    }
}
