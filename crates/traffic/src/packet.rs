//! A frame's addresses, ports and payload, whatever link it was captured on.
//!
//! Link types by <https://www.tcpdump.org/linktypes.html>. A fragment that is not the first has no ports and counts for nothing.

use std::net::IpAddr;

use crate::bytes::{ipv4_at, ipv6_at, u8_at, u16_at};

/// The most VLAN tags, and IPv6 extension headers, that are followed.
const MAX_HEADERS: usize = 8;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const VLANS: [u16; 3] = [0x8100, 0x88a8, 0x9100];

/// TCP's flags that begin a connection.
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// What matters of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) source: (IpAddr, u16),
    pub(crate) destination: (IpAddr, u16),
    pub(crate) transport: Transport,
    pub(crate) payload: &'a [u8],
}

/// What carries the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp {
        /// It asks for a connection.
        begins: bool,
    },
    Udp,
}

/// The packet in a frame of a link type.
pub(crate) fn read(link: u32, frame: &[u8]) -> Option<Packet<'_>> {
    match link {
        1 => read_ethernet(frame),
        // BSD's loopback: the family comes first, in the capturing machine's order.
        0 | 108 => read_ip(frame.get(4..)?),
        12 | 14 | 101 | 228 | 229 => read_ip(frame),
        113 => read_kind(u16_at(frame, 14)?, frame.get(16..)?),
        276 => read_kind(u16_at(frame, 0)?, frame.get(20..)?),
        _ => None,
    }
}

/// Whether packets of this link type are understood.
pub(crate) const fn is_known(link: u32) -> bool {
    matches!(link, 0 | 1 | 12 | 14 | 101 | 108 | 113 | 228 | 229 | 276)
}

fn read_ethernet(frame: &[u8]) -> Option<Packet<'_>> {
    read_kind(u16_at(frame, 12)?, frame.get(14..)?)
}

fn read_kind(mut kind: u16, mut rest: &[u8]) -> Option<Packet<'_>> {
    for _ in 0..MAX_HEADERS {
        if !VLANS.contains(&kind) {
            break;
        }
        kind = u16_at(rest, 2)?;
        rest = rest.get(4..)?;
    }
    match kind {
        IPV4 | IPV6 => read_ip(rest),
        _ => None,
    }
}

fn read_ip(bytes: &[u8]) -> Option<Packet<'_>> {
    match u8_at(bytes, 0)? >> 4 {
        4 => read_ipv4(bytes),
        6 => read_ipv6(bytes),
        _ => None,
    }
}

fn read_ipv4(bytes: &[u8]) -> Option<Packet<'_>> {
    let header = usize::from(u8_at(bytes, 0)? & 0x0f) * 4;
    if header < 20 || u16_at(bytes, 6)? & 0x1fff != 0 {
        return None;
    }
    // Ethernet pads short packets. A length of 0 is one that the card was to fill in.
    let total = usize::from(u16_at(bytes, 2)?);
    let end = if total < header {
        bytes.len()
    } else {
        total.min(bytes.len())
    };
    let addresses = (ipv4_at(bytes, 12)?, ipv4_at(bytes, 16)?);
    read_transport(u8_at(bytes, 9)?, addresses, bytes.get(header..end)?)
}

fn read_ipv6(bytes: &[u8]) -> Option<Packet<'_>> {
    let addresses = (ipv6_at(bytes, 8)?, ipv6_at(bytes, 24)?);
    let mut next = u8_at(bytes, 6)?;
    let length = usize::from(u16_at(bytes, 4)?);
    let end = if length == 0 {
        bytes.len()
    } else {
        (40 + length).min(bytes.len())
    };
    let mut rest = bytes.get(40..end)?;
    for _ in 0..MAX_HEADERS {
        let header = match next {
            // Hop by hop, routing, destination options.
            0 | 43 | 60 => (usize::from(u8_at(rest, 1)?) + 1) * 8,
            44 if u16_at(rest, 2)? & 0xfff8 == 0 => 8,
            _ => break,
        };
        next = u8_at(rest, 0)?;
        rest = rest.get(header..)?;
    }
    read_transport(next, addresses, rest)
}

fn read_transport(protocol: u8, (from, to): (IpAddr, IpAddr), bytes: &[u8]) -> Option<Packet<'_>> {
    let (transport, header) = match protocol {
        6 => {
            let flags = u8_at(bytes, 13)?;
            let begins = flags & (SYN | ACK) == SYN;
            let header = usize::from(u8_at(bytes, 12)? >> 4) * 4;
            (Transport::Tcp { begins }, header.max(20))
        }
        17 => (Transport::Udp, 8),
        _ => return None,
    };
    Some(Packet {
        source: (from, u16_at(bytes, 0)?),
        destination: (to, u16_at(bytes, 2)?),
        transport,
        payload: bytes.get(header..).unwrap_or_default(),
    })
}
