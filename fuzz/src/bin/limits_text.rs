//! Any text on its way to a log: a line is one line and bounded, redacted or not.
#![no_main]

use forebay_limits::{printable, without_secrets};
use libfuzzer_sys::fuzz_target;

const MAX_BYTES: usize = 200;

fuzz_target!(|text: &str| {
    let clean = without_secrets(text);
    let line = printable(&clean, MAX_BYTES);
    assert!(line.len() <= MAX_BYTES);
    assert!(!line.contains(char::is_control));
});
