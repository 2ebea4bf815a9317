//! Any bytes as the body of a 429 and as a malformed head: a 429 is always a refusal, and nothing panics.
#![no_main]

use forebay_limits::{Answer, HostKind, Method, Reading, classify, classify_malformed_head};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let reading = Reading::default();
    for is_docker_hub in [false, true] {
        let limited = classify(&Answer {
            status: 429,
            content_type: None,
            body_prefix: body,
            reading: &reading,
            host_kind: HostKind::Registry,
            method: Method::Get,
            is_docker_hub,
        });
        assert!(limited.is_some());
    }
    let _ = classify_malformed_head(body);
});
