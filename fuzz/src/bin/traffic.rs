//! Any bytes, in pieces of a size that the first of them says.

#![no_main]

use forebay_traffic::{Capture, FlowLog, Tally, read_cgroup, read_socket, read_tracked};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Some((piece, bytes)) = bytes.split_first() else {
        return;
    };
    let mut tally = Tally::new();
    let (mut capture, mut log) = (Capture::new(), FlowLog::new());
    for part in bytes.chunks(usize::from(*piece).max(1)) {
        capture.push(part, &mut tally);
        log.push(part, &mut tally);
    }
    let _ = (capture.finish(&mut tally), log.finish(&mut tally));
    assert!(tally.told().rows.len() <= bytes.len());
    let text = String::from_utf8_lossy(bytes);
    read_socket(&text);
    read_tracked(&text);
    read_cgroup(&text);
});
