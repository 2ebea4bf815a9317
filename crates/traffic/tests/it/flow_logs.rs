//! Flow logs: of version 2 without a header, and of later ones with theirs.

use forebay_traffic::{Error, FlowLog, MAX_CONVERSATIONS, Tally, Told};

use crate::frames::{HUB, address};

fn told(text: &str) -> Told {
    let mut tally = Tally::new();
    tally.know(address(HUB), "docker.io");
    let mut log = FlowLog::new();
    for part in text.as_bytes().chunks(11) {
        log.push(part, &mut tally);
    }
    let _ = log.finish(&mut tally);
    tally.told()
}

#[test]
fn a_flow_that_goes_on_is_one_connection() {
    let told = told(
        "2 123456789012 eni-1 10.0.0.5 192.0.2.7 50000 443 6 10 800 600 660 ACCEPT OK\n\
         2 123456789012 eni-1 10.0.0.5 192.0.2.7 50000 443 6 5 400 660 720 ACCEPT OK\n\
         2 123456789012 eni-1 10.0.0.5 192.0.2.7 50001 443 6 3 200 660 720 ACCEPT OK\n\
         2 123456789012 eni-1 192.0.2.7 10.0.0.5 443 50001 6 3 200 660 720 ACCEPT OK\n\
         2 123456789012 eni-1 10.0.0.5 10.0.0.2 50001 53 17 3 200 660 720 ACCEPT OK\n\
         2 123456789012 eni-1 - - - - - - - 660 720 - NODATA\n",
    );
    let counts: Vec<_> = told
        .rows
        .iter()
        .map(|row| (row.minute, row.connections, row.packets))
        .collect();
    assert_eq!(counts, [(10, 1, 10), (11, 1, 8)]);
    assert_eq!(told.rows[0].who.as_deref(), Some("eni-1"));
    assert!(told.notes.is_empty());
}

#[test]
fn the_header_says_where_fields_stand_and_flags_what_began() {
    let told = told(
        "start pkt-srcaddr srcaddr dstaddr pkt-dstaddr instance-id tcp-flags packets log-status\n\
         600 10.0.9.9 10.0.0.5 10.0.0.1 192.0.2.7 i-0abc 3 7 OK\n\
         600 10.0.9.9 10.0.0.5 10.0.0.1 192.0.2.7 i-0abc 1 2 OK\n\
         600 10.0.9.9 10.0.0.5 10.0.0.1 192.0.2.7 i-0abc 18 2 OK\n\
         nonsense\n",
    );
    let [row] = &told.rows[..] else {
        panic!("one row: {:?}", told.rows)
    };
    assert_eq!((row.connections, row.packets), (1, 11));
    assert_eq!(
        (row.source.to_string().as_str(), row.who.as_deref()),
        ("10.0.9.9", Some("i-0abc"))
    );
    assert_eq!(
        told.notes,
        ["lines of a flow log do not fit its header, and were skipped"]
    );
}

#[test]
fn flows_to_others_take_no_place_from_those_to_registries() {
    let mut tally = Tally::new();
    tally.know(address(HUB), "docker.io");
    let mut log = FlowLog::new();
    for number in 0..=MAX_CONVERSATIONS {
        let (third, fourth) = (number >> 8 & 255, number & 255);
        let line = format!(
            "2 1 eni-1 10.{}.{third}.{fourth} 198.51.100.7 50000 443 6 1 60 600 660 ACCEPT OK\n",
            number >> 16
        );
        log.push(line.as_bytes(), &mut tally);
    }
    let line = "2 1 eni-1 10.0.0.5 192.0.2.7 50000 443 6 10 800 600 660 ACCEPT OK\n";
    log.push(line.as_bytes(), &mut tally);
    assert_eq!(log.finish(&mut tally), Ok(()));
    let told = tally.told();
    assert_eq!((told.rows.len(), told.uncounted), (1, 0));
    assert_eq!(told.elsewhere, MAX_CONVERSATIONS as u64 + 1);
}

#[test]
fn a_time_that_is_none_is_no_line_of_a_log() {
    let told = told("2 1 eni-1 10.0.0.5 192.0.2.7 1 443 6 1 60 99999999999999999 660 ACCEPT OK\n");
    assert!(told.rows.is_empty());
    assert_eq!(told.notes.len(), 1);
}

#[test]
fn a_log_that_tells_nothing_is_an_error_and_one_without_flows_is_none() {
    let why = |bytes: &[u8]| {
        let mut log = FlowLog::new();
        log.push(bytes, &mut Tally::new());
        log.finish(&mut Tally::new())
    };
    let unreadable = Err(Error::Unreadable("no line of it is one of a flow log"));
    let header = "version account-id srcaddr dstaddr start log-status\n";
    assert_eq!(why(b""), Err(Error::Empty));
    assert_eq!(why(b"\n\n"), Err(Error::Empty));
    assert_eq!(why(b"no flow log\nat all\n"), unreadable);
    assert_eq!(why(format!("{header}rubbish\n").as_bytes()), unreadable);
    assert_eq!(why(&b"x".repeat(20_000)), unreadable);
    assert_eq!(
        why(b"\x1f\x8b\x08\0\0\0\0\0\0\x03\n\n"),
        Err(Error::Packed("gzip"))
    );
    assert_eq!(why(header.as_bytes()), Ok(()));
    assert_eq!(why(b"2 1 eni-1 - - - - - - - 600 660 - NODATA\n"), Ok(()));
}
