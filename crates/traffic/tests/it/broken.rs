//! What is broken, cut off or made up never panics, and what stood before it is counted.

use forebay_traffic::{Capture, Error, FlowLog, Tally, read_cgroup, read_socket, read_tracked};
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
        let _ = read(&file, 64, &mut tally);
        let mut capture = Capture::new();
        capture.push(&file, &mut tally);
        let _ = capture.finish(&mut tally);
        prop_assert!(tally.told().rows.len() < 10);
    }

    #[test]
    fn any_text_is_read(bytes in prop::collection::vec(any::<u8>(), 0..400), text in "[0-9A-F: \n]{0,200}") {
        let mut tally = Tally::new();
        let mut log = FlowLog::new();
        log.push(&bytes, &mut tally);
        log.push(text.as_bytes(), &mut tally);
        let _ = log.finish(&mut tally);
        let _ = read(&bytes, 16, &mut tally);
        read_socket(&text);
        read_tracked(&text);
        read_cgroup(&text);
    }
}

#[test]
fn what_stands_before_the_break_is_counted() {
    for file in files() {
        let mut tally = Tally::new();
        assert_eq!(read(&file[..file.len() - 1], 64, &mut tally), Ok(()));
        let told = tally.told();
        assert_eq!(told.rows.iter().map(|row| row.connections).sum::<u64>(), 1);
        assert_eq!(told.notes, ["a capture ends in the middle of a record"]);
    }
}

#[test]
fn a_capture_that_tells_nothing_is_an_error_and_one_in_which_nobody_spoke_is_none() {
    let [classic, blocks] = files();
    let mut too_long = classic[..24].to_vec();
    too_long.extend([0xff; 16]);
    let mut without_length = blocks[..28].to_vec();
    without_length.extend([0xff; 16]);
    let why = |file: &[u8]| read(file, 7, &mut Tally::new());
    let unreadable = |why| Err(Error::Unreadable(why));
    let cut = "a capture ends in the middle of a record";
    assert_eq!(why(b""), Err(Error::Empty));
    assert_eq!(
        why(b"no capture at all"),
        unreadable("a capture is neither pcap nor pcapng")
    );
    assert_eq!(why(&classic[..10]), unreadable(cut));
    assert_eq!(why(&classic[..30]), unreadable(cut));
    assert_eq!(
        why(&too_long),
        unreadable("a capture is broken: a record is too long")
    );
    assert_eq!(
        why(&without_length),
        unreadable("a capture is broken: a block has no right length")
    );
    assert_eq!(
        why(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]),
        Err(Error::Packed("gzip"))
    );
    assert_eq!(why(&classic[..24]), Ok(()));
}
