//! Which addresses belong to the public internet.
//!
//! Pure. An IPv6 address that carries an IPv4 one inside is judged by the one that packets end up at.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// IPv4 ranges that nobody reaches over the internet: IANA's special-purpose registry (RFC 6890 and later),
/// with everything from multicast up.
const SPECIAL_V4: [Ipv4Net; 14] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 3),
];

/// The one IPv6 block that global addresses are given from (RFC 4291 §2.4 as IANA runs it).
const GLOBAL_V6: Ipv6Net = v6([0x2000, 0, 0, 0, 0, 0, 0, 0], 3);

/// Ranges inside it that are not global: protocol assignments (Teredo is looked at before) and documentation.
const SPECIAL_V6: [Ipv6Net; 3] = [
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
];

const V4_MAPPED: Ipv6Net = v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96);
const SIX_TO_FOUR: Ipv6Net = v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16);
const TEREDO: Ipv6Net = v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32);
const NAT64: Ipv6Net = v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96);
/// Local-use NAT64 (RFC 8215): the IPv4 address is in the last 32 bits when its prefix is a /96, as it is in practice.
const NAT64_LOCAL: Ipv6Net = v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48);

/// True where `address` is one that the public internet routes to.
///
/// False for unspecified, loopback, private, shared (CGNAT), link-local, multicast, documentation, benchmark and
/// reserved addresses of both families. IPv4-mapped, 6to4, NAT64 and Teredo addresses are what their embedded IPv4
/// address is; the deprecated IPv4-compatible and site-local ones are never public.
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

/// The address that packets to `address` end up at: an IPv4-mapped one is dialled as IPv4.
pub(crate) fn canonical(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// True for an address of a private network or this machine: what a name in a private zone may stand for.
///
/// Not link-local and not `fd00:ec2::/32`: cloud metadata services live there, and hand out credentials.
pub(crate) fn is_private_network(address: IpAddr) -> bool {
    const AWS_SERVICES: Ipv6Net = v6([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0], 32);
    const SHARED: Ipv4Net = v4(100, 64, 0, 0, 10);
    match canonical(address) {
        // 100.100.100.200 is the metadata service of one cloud, inside the shared range.
        IpAddr::V4(v4) => {
            v4.is_private()
                || v4.is_loopback()
                || (SHARED.contains(&v4) && v4 != Ipv4Addr::new(100, 100, 100, 200))
        }
        IpAddr::V6(v6) => v6.is_loopback() || (v6.is_unique_local() && !AWS_SERVICES.contains(&v6)),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !SPECIAL_V4.iter().any(|range| range.contains(&address))
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(embedded) = embedded_v4(address) {
        return embedded.into_iter().all(is_public_v4);
    }
    GLOBAL_V6.contains(&address) && !SPECIAL_V6.iter().any(|range| range.contains(&address))
}

/// The IPv4 addresses inside an address of a transition mechanism; Teredo has two, its server's and its client's.
fn embedded_v4(address: Ipv6Addr) -> Option<Vec<Ipv4Addr>> {
    let bits = address.to_bits();
    let at =
        |shift: u32| Ipv4Addr::from_bits(u32::try_from((bits >> shift) & 0xffff_ffff).unwrap_or(0));
    if V4_MAPPED.contains(&address) || NAT64.contains(&address) {
        return Some(vec![at(0)]);
    }
    if SIX_TO_FOUR.contains(&address) {
        return Some(vec![at(80)]);
    }
    if TEREDO.contains(&address) {
        return Some(vec![at(64), Ipv4Addr::from_bits(!at(0).to_bits())]);
    }
    // Another prefix length would put the IPv4 address elsewhere; bits 64 to 95 tell them apart, and what is not
    // plainly the /96 form stays refused.
    let plain_96 = at(32).is_unspecified();
    (NAT64_LOCAL.contains(&address) && plain_96).then(|| vec![at(0)])
}

const fn v4(a: u8, b: u8, c: u8, d: u8, bits: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), bits)
}

const fn v6(p: [u16; 8], bits: u8) -> Ipv6Net {
    let address = Ipv6Addr::new(p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7]);
    Ipv6Net::new_assert(address, bits)
}

#[cfg(test)]
mod tests;
