//! Whatever was read, the diagnosis ends, and tells what was left out.

use forebay_doctor::{Context, Egress, Intake, MAX_COARSE_EVENTS, Moment, diagnose};
use proptest::prelude::{ProptestConfig, any, proptest};

fn context() -> Context {
    Context {
        now: Moment::from_unix_ms(1_768_478_400_000),
        utc_offset_seconds: 0,
    }
}

#[test]
fn what_found_no_place_among_the_happenings_is_told() {
    let mut intake = Intake::new(context());
    intake.begin("flood");
    for service in 0..MAX_COARSE_EVENTS + 5_000 {
        intake.push(
            format!("(service web-{service}) is unable to consistently start tasks\n").as_bytes(),
        );
    }
    let found = diagnose(&intake.finish(), &context(), Egress::Unknown);
    assert!(
        found.notes.iter().any(|note| note.text.contains("5000")),
        "{:?}",
        found.notes.last()
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_a_diagnosis(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut intake = Intake::new(context());
        intake.begin("any");
        intake.push(&bytes);
        diagnose(&intake.finish(), &context(), Egress::Unknown);
    }
}
