//! What is broken, cut off or made up never panics, and what stood before it is counted.

use forebay_traffic::{Capture, FlowLog, Tally, read_cgroup, read_socket, read_tracked};
use proptest::prelude::*;

use crate::captures::read;
use crate::frames::{
    CLIENT, HUB, PUSH_ACK, RESOLVER, SYN, client_hello, dns_answer, pcap, pcapng, tcp, udp,
};

fn files() -> [Vec<u8>; 2] {
    let frames = [
        (
            60,
            udp(
                (RESOLVER, 53),
                (CLIENT, 40_000),
                &dns_answer("ghcr.io", HUB),
            ),
        ),
        (60, tcp((CLIENT, 50_000), (HUB, 443), SYN, b"")),
        (
            61,
            tcp(
                (CLIENT, 50_000),
                (HUB, 443),
                PUSH_ACK,
                &client_hello("ghcr.io"),
            ),
        ),
    ];
    [pcap(&frames), pcapng(&frames)]
}

proptest! {
    #[test]
    fn a_capture_with_bytes_changed_is_read_or_given_up(
        which in 0..2_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
    ) {
        let mut file = files()[which].clone();
        for (at, byte) in changes {
            let at = at.index(file.len());
            file[at] = byte;
        }
        file.truncate(end.index(file.len()) + 1);
        let mut tally = Tally::new();
        read(&file, 64, &mut tally);
        let mut capture = Capture::new();
        capture.push(&file, &mut tally);
        capture.finish(&mut tally);
        prop_assert!(tally.told().rows.len() < 10);
    }

    #[test]
    fn any_text_is_read(bytes in prop::collection::vec(any::<u8>(), 0..400), text in "[0-9A-F: \n]{0,200}") {
        let mut tally = Tally::new();
        let mut log = FlowLog::new();
        log.push(&bytes, &mut tally);
        log.push(text.as_bytes(), &mut tally);
        log.finish(&mut tally);
        read(&bytes, 16, &mut tally);
        read_socket(&text);
        read_tracked(&text);
        read_cgroup(&text);
    }
}

#[test]
fn what_stands_before_the_break_is_counted() {
    for file in files() {
        let mut tally = Tally::new();
        read(&file[..file.len() - 1], 64, &mut tally);
        let told = tally.told();
        assert_eq!(told.rows.iter().map(|row| row.connections).sum::<u64>(), 1);
        assert_eq!(told.notes, ["a capture ends in the middle of a record"]);
    }
    let mut tally = Tally::new();
    read(b"no capture at all", 64, &mut tally);
    assert_eq!(tally.told().notes, ["a capture is neither pcap nor pcapng"]);
}
