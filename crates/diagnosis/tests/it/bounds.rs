//! Whatever was read, the diagnosis ends, and tells what was left out.

use forebay_diagnosis::{Egress, MAX_SUSPECTS, diagnose};
use forebay_evidence::{Class, Context, Intake, MAX_COARSE_EVENTS, Moment};
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

fn pod_failed(pod: usize, registry: &str, why: &str) -> String {
    format!(
        "{{\"kind\":\"Event\",\"metadata\":{{\"name\":\"e{pod}\",\"namespace\":\"n{pod}\"}},\"type\":\"Warning\",\"reason\":\"Failed\",\
         \"message\":\"Failed to pull image \\\"{registry}/x{pod}:1\\\": {why}\",\"count\":4,\
         \"firstTimestamp\":\"2026-01-15T11:00:00Z\",\"lastTimestamp\":\"2026-01-15T11:00:00Z\",\
         \"involvedObject\":{{\"kind\":\"Pod\",\"namespace\":\"n{pod}\",\"name\":\"p{pod}\"}}}}\n"
    )
}

#[test]
fn of_many_names_few_are_told_and_all_are_counted() {
    const PODS: usize = 3_000;
    let mut intake = Intake::new(context());
    intake.begin("many");
    for pod in 0..PODS {
        let why = "toomanyrequests: You have reached your pull rate limit.";
        intake.push(pod_failed(pod, "docker.io/library", why).as_bytes());
        let other = format!("r{pod}.example");
        intake.push(pod_failed(pod, &other, "manifest unknown").as_bytes());
    }
    let found = diagnose(&intake.finish(), &context(), Egress::Unknown);
    let count = &found.classes[&Class::PullLimit];
    assert_eq!((count.workloads, count.failures), (PODS, 4 * PODS as u64));
    let named = found.culprits.len() + found.victims.len();
    assert!(named <= 2 * MAX_SUSPECTS, "{named}");
    assert_eq!(named + found.more_culprits + found.more_victims, PODS);
    assert!(found.also.len() <= 20, "{}", found.also.len());
    let together = found.together.unwrap();
    assert_eq!(together.attempts, 8 * PODS as u64);
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
