//! Whatever was read, the diagnosis ends, and tells what was left out.

use forebay_diagnosis::{Egress, diagnose};
use forebay_evidence::{Context, Intake, MAX_COARSE_EVENTS, Moment};
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

#[test]
fn a_name_that_a_shell_would_obey_stands_in_no_command() {
    let event = r#"{"kind":"Event","metadata":{"name":"e","namespace":"d;touch ns"},"type":"Warning","reason":"BackOff",
        "message":"Back-off pulling image \"nginx:1\"","lastTimestamp":"2026-01-15T11:00:00Z",
        "involvedObject":{"kind":"Pod","namespace":"d;touch ns","name":"web-1$(touch pod)"}}"#;
    let table = "ID  NAME      IMAGE    NODE                DESIRED STATE  CURRENT STATE           ERROR\n\
                 abc web;id.1  nginx:1  -oProxyCommand=id   Ready          Rejected 5 seconds ago  \"No such image: nginx:1\"\n";
    for text in [event, table] {
        let mut intake = Intake::new(context());
        intake.begin("hostile");
        intake.push(text.as_bytes());
        let found = diagnose(&intake.finish(), &context(), Egress::Unknown);
        assert!(!found.missing.is_empty(), "{text}");
        for missing in &found.missing {
            let command = &missing.command;
            let is_obeyed = ["touch", ";id", "-oProxy"]
                .iter()
                .any(|evil| command.contains(evil));
            assert!(!is_obeyed, "{command}");
        }
    }
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
