//! Frames and files, made byte by byte.

use std::net::Ipv4Addr;

pub(crate) const CLIENT: [u8; 4] = [10, 0, 0, 5];
pub(crate) const HUB: [u8; 4] = [192, 0, 2, 7];
pub(crate) const RESOLVER: [u8; 4] = [10, 0, 0, 2];

pub(crate) const SYN: u8 = 0x02;
pub(crate) const PUSH_ACK: u8 = 0x18;

/// Ethernet, IPv4 and TCP around a payload.
pub(crate) fn tcp(from: ([u8; 4], u16), to: ([u8; 4], u16), flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut segment = Vec::new();
    segment.extend(from.1.to_be_bytes());
    segment.extend(to.1.to_be_bytes());
    segment.extend([0; 8]);
    segment.extend([0x50, flags, 0, 0, 0, 0, 0, 0]);
    segment.extend(payload);
    ethernet(&ipv4(6, from.0, to.0, &segment))
}

pub(crate) fn udp(from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) -> Vec<u8> {
    let mut datagram = Vec::new();
    datagram.extend(from.1.to_be_bytes());
    datagram.extend(to.1.to_be_bytes());
    datagram.extend([0; 4]);
    datagram.extend(payload);
    ethernet(&ipv4(17, from.0, to.0, &datagram))
}

fn ipv4(protocol: u8, from: [u8; 4], to: [u8; 4], payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(20 + payload.len()).expect("a short packet");
    let mut packet = vec![0x45, 0];
    packet.extend(length.to_be_bytes());
    packet.extend([0, 0, 0, 0, 64, protocol, 0, 0]);
    packet.extend(from);
    packet.extend(to);
    packet.extend(payload);
    packet
}

fn ethernet(packet: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 12];
    // A VLAN's tag before the kind.
    frame.extend([0x81, 0, 0, 7, 0x08, 0]);
    frame.extend(packet);
    frame
}

/// The answer of a resolver: an alias, then an address.
pub(crate) fn dns_answer(name: &str, address: [u8; 4]) -> Vec<u8> {
    let mut message = vec![0, 1, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).expect("a label"));
        message.extend(label.bytes());
    }
    message.extend([0, 0, 1, 0, 1]);
    // CNAME to "lb", and its address.
    message.extend([0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 60, 0, 4, 2, b'l', b'b', 0]);
    message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    message.extend(address);
    message
}

/// A `ClientHello` that names a server.
pub(crate) fn client_hello(name: &str) -> Vec<u8> {
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).expect("short").to_be_bytes();
    let mut entry = vec![0];
    entry.extend(length(name.as_bytes()));
    entry.extend(name.bytes());
    let mut list = length(&entry).to_vec();
    list.extend(entry);
    let mut extensions = vec![0, 43, 0, 0, 0, 0];
    extensions.extend(length(&list));
    extensions.extend(list);
    let mut body = vec![3, 3];
    body.extend([0; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    body.extend(length(&extensions));
    body.extend(extensions);
    let mut handshake = vec![1, 0];
    handshake.extend(length(&body));
    handshake.extend(body);
    let mut record = vec![22, 3, 1];
    record.extend(length(&handshake));
    record.extend(handshake);
    record
}

/// A classic pcap of Ethernet frames, each with its time in seconds.
pub(crate) fn pcap(frames: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut file = 0xa1b2_c3d4_u32.to_le_bytes().to_vec();
    file.extend([2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0]);
    for (seconds, frame) in frames {
        let length = u32::try_from(frame.len()).expect("short").to_le_bytes();
        file.extend(seconds.to_le_bytes());
        file.extend([0; 4]);
        file.extend(length);
        file.extend(length);
        file.extend(frame);
    }
    file
}

/// The same as pcapng, big endian, with stamps in nanoseconds.
pub(crate) fn pcapng(frames: &[(u32, Vec<u8>)]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut block = |kind: u32, body: &[u8]| {
        let padded = body.len().next_multiple_of(4);
        let length = u32::try_from(padded + 12).expect("short").to_be_bytes();
        file.extend(kind.to_be_bytes());
        file.extend(length);
        file.extend(body);
        file.resize(file.len() + padded - body.len(), 0);
        file.extend(length);
    };
    let section = [
        0x1a, 0x2b, 0x3c, 0x4d, 0, 1, 0, 0, 255, 255, 255, 255, 255, 255, 255, 255,
    ];
    block(0x0a0d_0d0a, &section);
    block(
        1,
        &[0, 1, 0, 0, 0, 4, 0, 0, 0, 9, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0],
    );
    for (seconds, frame) in frames {
        let stamp = u64::from(*seconds) * 1_000_000_000;
        let length = u32::try_from(frame.len()).expect("short").to_be_bytes();
        let mut body = vec![0; 4];
        body.extend(stamp.to_be_bytes());
        body.extend(length);
        body.extend(length);
        body.extend(frame);
        block(6, &body);
    }
    file
}

pub(crate) fn address(bytes: [u8; 4]) -> std::net::IpAddr {
    Ipv4Addr::from(bytes).into()
}
