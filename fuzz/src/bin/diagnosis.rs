//! Any bytes as evidence: reading and diagnosing end, and nothing panics.
#![no_main]

use forebay_diagnosis::{Egress, diagnose};
use forebay_evidence::{Context, Intake, Moment};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let context = Context {
        now: Moment::from_unix_ms(1_768_478_400_000),
        utc_offset_seconds: 0,
    };
    let mut intake = Intake::new(context);
    intake.begin("any");
    intake.push(bytes);
    let evidence = intake.finish();
    assert!(evidence.events.iter().all(|event| event.count > 0));
    diagnose(&evidence, &context, Egress::Unknown);
});
