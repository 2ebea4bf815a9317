//! Captures: what they count, and how names are learnt in them.

use forebay_traffic::{Capture, Error, Row, Tally, Told};

use crate::frames::{
    CLIENT, HUB, PUSH_ACK, RESOLVER, SYN, address, client_hello, dns_answer, pcap, pcapng, tcp, udp,
};

/// Read in pieces of a size.
pub(crate) fn read(file: &[u8], piece: usize, tally: &mut Tally) -> Result<(), Error> {
    let mut capture = Capture::new();
    for part in file.chunks(piece) {
        capture.push(part, tally);
    }
    capture.finish(tally)
}

fn story() -> Vec<(u32, Vec<u8>)> {
    let connect = |port: u16, to| tcp((CLIENT, port), (to, 443), SYN, b"");
    vec![
        (
            60,
            udp(
                (RESOLVER, 53),
                (CLIENT, 40_000),
                &dns_answer("registry-1.docker.io", HUB),
            ),
        ),
        (60, connect(50_000, HUB)),
        (61, tcp((CLIENT, 50_000), (HUB, 443), PUSH_ACK, b"x")),
        (119, connect(50_001, HUB)),
        (120, connect(50_002, HUB)),
        (121, connect(50_003, [192, 0, 2, 99])),
        (122, tcp((HUB, 443), (CLIENT, 50_002), 0x12, b"")),
    ]
}

fn row(minute: u64, connections: u64, packets: u64) -> Row {
    Row {
        minute,
        source: address(CLIENT),
        who: None,
        registry: "docker.io".into(),
        connections,
        packets,
    }
}

fn told(file: &[u8], piece: usize) -> Told {
    let mut tally = Tally::new();
    assert_eq!(read(file, piece, &mut tally), Ok(()));
    tally.told()
}

#[test]
fn connections_and_packets_are_counted_by_minute_and_source() {
    for file in [pcap(&story()), pcapng(&story())] {
        for piece in [1, 7, file.len()] {
            let told = told(&file, piece);
            assert_eq!(
                told.rows,
                [row(1, 2, 3), row(2, 1, 1)],
                "in pieces of {piece}"
            );
            assert_eq!((told.elsewhere, told.notes), (1, vec![]));
        }
    }
}

#[test]
fn a_server_named_in_the_clear_is_known_without_dns() {
    let hello = client_hello("production.cloudflare.docker.com");
    let frames = [
        (60, tcp((CLIENT, 50_000), (HUB, 443), SYN, b"")),
        (60, tcp((CLIENT, 50_000), (HUB, 443), PUSH_ACK, &hello)),
    ];
    assert_eq!(told(&pcap(&frames), 100).rows, [row(1, 1, 2)]);
}

#[test]
fn an_address_that_is_named_is_a_registrys() {
    let frames = [(60, tcp((CLIENT, 50_000), (HUB, 443), SYN, b""))];
    let mut tally = Tally::new();
    tally.know(address(HUB), "registry.internal:5000");
    assert_eq!(read(&pcap(&frames), 100, &mut tally), Ok(()));
    let told = tally.told();
    assert_eq!(&*told.rows[0].registry, "registry.internal:5000");
    assert!(told.hidden.iter().any(|text| text.contains("TLS hides")));
}
