//! Any text as one message: nothing panics, and what is told of accounts stays within its bounds.
#![no_main]

use forebay_failures::{Identity, MAX_ACCOUNT_BYTES, classify, clean};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let _ = clean(text);
    let Some(verdict) = classify(text) else {
        return;
    };
    if let Some(Identity::Account(Some(account))) = verdict.identity {
        assert!(account.expose().len() <= MAX_ACCOUNT_BYTES);
    }
});
