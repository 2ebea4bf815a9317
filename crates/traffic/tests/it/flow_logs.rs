//! Flow logs: of version 2 without a header, and of later ones with theirs.

use forebay_traffic::{FlowLog, Tally, Told};

use crate::frames::{HUB, address};

fn told(text: &str) -> Told {
    let mut tally = Tally::new();
    tally.know(address(HUB), "docker.io");
    let mut log = FlowLog::new();
    for part in text.as_bytes().chunks(11) {
        log.push(part, &mut tally);
    }
    log.finish(&mut tally);
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
