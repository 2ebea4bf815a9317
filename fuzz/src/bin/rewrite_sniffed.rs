//! Bytes under a name: the door itself, with what tells a format.
#![no_main]

use forebay_fuzz::check_found;
use forebay_rewrite::{Settings, find};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (String, Vec<u8>)| {
    let (path, bytes) = input;
    let found = find(&path, &bytes, &Settings::default());
    if let Ok(text) = std::str::from_utf8(&bytes) {
        check_found(text, &found);
    }
});
