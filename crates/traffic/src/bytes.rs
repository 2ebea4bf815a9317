//! Reads numbers out of bytes; what is not there is `None`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub(crate) fn u8_at(bytes: &[u8], at: usize) -> Option<u8> {
    bytes.get(at).copied()
}

/// Big endian, as networks have it.
pub(crate) fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let part = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes(part.try_into().ok()?))
}

pub(crate) fn ipv4_at(bytes: &[u8], at: usize) -> Option<IpAddr> {
    let part: [u8; 4] = bytes.get(at..at.checked_add(4)?)?.try_into().ok()?;
    Some(Ipv4Addr::from(part).into())
}

pub(crate) fn ipv6_at(bytes: &[u8], at: usize) -> Option<IpAddr> {
    let part: [u8; 16] = bytes.get(at..at.checked_add(16)?)?.try_into().ok()?;
    Some(Ipv6Addr::from(part).to_canonical())
}
