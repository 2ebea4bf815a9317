//! What is found in texts, as if they had been gathered at one time.

use forebay_doctor::{
    Context, Diagnosis, Egress, Intake, Moment, Usage, WaysOut, diagnose, ways_out,
};

/// 2026-01-15 14:45 UTC.
pub(crate) const NOW: i64 = 1_768_488_300;

/// What is wrong and what to do about it, by texts of one source each.
pub(crate) fn find(sources: &[&str]) -> (Diagnosis, WaysOut) {
    let context = Context {
        now: Moment::from_unix_ms(NOW * 1_000),
        utc_offset_seconds: 0,
    };
    let mut intake = Intake::new(context);
    for text in sources {
        intake.begin("input");
        intake.push(text.as_bytes());
    }
    let evidence = intake.finish();
    let found = diagnose(&evidence, &context, Egress::Unknown);
    let ways = ways_out(&evidence, &found, &Usage::default());
    (found, ways)
}
