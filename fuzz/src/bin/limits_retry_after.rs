//! Any text as `Retry-After`: the wait is bounded, and what was read reads back as printed.
#![no_main]

use std::time::{Duration, UNIX_EPOCH};

use forebay_limits::{MAX_WAIT, RetryAfter};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, u32)| {
    let (value, now_seconds) = input;
    if let Some(advice) = RetryAfter::parse(value) {
        let now = UNIX_EPOCH + Duration::from_secs(now_seconds.into());
        assert!(advice.wait(now) <= MAX_WAIT);
        assert_eq!(RetryAfter::parse(&advice.to_string()), Some(advice));
    }
});
