//! Any text as an htpasswd file and as a key set: read or refused, no line shown, and nothing panics.
#![no_main]

use forebay_access::Htpasswd;
use forebay_content::{KeySet, MAX_KEYS};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Htpasswd::parse(text) {
        Ok(file) => assert!(file.len() <= text.lines().count()),
        Err(error) => assert!(error.to_string().len() < 300),
    }
    if let Ok(keys) = KeySet::parse(text.as_bytes()) {
        assert!(keys.keys.len() <= MAX_KEYS);
    }
});
