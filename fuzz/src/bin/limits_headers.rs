//! Any bytes as a block of headers: counts and windows are bounded, sources printable.
#![no_main]

use forebay_limits::{MAX_COUNT, MAX_WINDOW, read_headers};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|block: &[u8]| {
    let lines = block.split(|&byte| byte == b'\n');
    let reading = read_headers(lines.filter_map(|line| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        Some((str::from_utf8(&line[..colon]).ok()?, &line[colon + 1..]))
    }));
    if let Some(allowance) = reading.allowance {
        assert!(allowance.limit.unwrap_or(0) <= MAX_COUNT);
        assert!(allowance.remaining.unwrap_or(0) <= MAX_COUNT);
        assert!(allowance.window.unwrap_or(MAX_WINDOW) <= MAX_WINDOW);
    }
    if let Some(source) = reading.source {
        assert!(!source.to_string().contains(char::is_control));
    }
});
