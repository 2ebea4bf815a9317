//! Any bytes, cut anywhere: what is read does not depend on where.
#![no_main]

use forebay_evidence::{Context, Intake, Moment};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (size, bytes) = input;
    let read = |size: usize| {
        let mut intake = Intake::new(Context {
            now: Moment::from_unix_ms(1_768_478_400_000),
            utc_offset_seconds: 0,
        });
        intake.begin("any");
        for piece in bytes.chunks(size.max(1)) {
            intake.push(piece);
        }
        intake.finish().events
    };
    assert_eq!(read(usize::from(size)), read(usize::MAX));
});
