//! Broken, cut-off and huge input: what could be read is there, what could not is told, nothing grows without bound.

use forebay_evidence::{Context, Intake, MAX_COARSE_EVENTS, MAX_LINE_BYTES, MAX_NOTES, Moment};
use proptest::prelude::{ProptestConfig, any, proptest};

use crate::formats::read_all;

const TASKS: &str = include_str!("fixtures/ecs-deployment-429/describe-tasks.json");
const MESSAGES: &str = include_str!("fixtures/swarm-hap429/messages.log");

fn context() -> Context {
    Context {
        now: Moment::from_unix_ms(1_768_478_400_000),
        utc_offset_seconds: 0,
    }
}

#[test]
fn json_that_is_cut_off_gives_what_came_before_and_a_note() {
    let whole = read_all(&[("tasks", TASKS)]);
    let cut = read_all(&[
        ("tasks", &TASKS[..TASKS.len() / 2]),
        (
            "next",
            "(service web) is unable to consistently start tasks\n",
        ),
    ]);
    assert!(cut.events.len() > 1 && cut.events.len() < whole.events.len() + 1);
    assert!(
        cut.notes.iter().any(|note| note.text.contains("cut off")),
        "{:?}",
        cut.notes
    );
    assert!(
        cut.events.iter().any(|event| event.lines.source == 1),
        "the next source is read all the same"
    );
}

#[test]
fn compact_json_of_any_length_is_read_through_a_window() {
    let compact =
        serde_json::to_string(&serde_json::from_str::<serde_json::Value>(TASKS).unwrap()).unwrap();
    let item = &compact["{\"failures\":[],\"tasks\":[".len()..compact.len() - 2];
    let copies: Vec<String> = (0..40)
        .map(|copy| item.replace(":task/", &format!(":task/{copy}/")))
        .collect();
    let many = format!("{{\"tasks\":[{}],\"failures\":[]}}", copies.join(","));
    assert!(many.len() > 4 * MAX_LINE_BYTES);
    let evidence = read_all(&[("tasks", &many)]);
    let pulls: u64 = evidence.events.iter().map(|event| event.count).sum();
    let once: u64 = read_all(&[("tasks", TASKS)])
        .events
        .iter()
        .map(|event| event.count)
        .sum();
    assert_eq!(pulls, once * 40);
    assert!(evidence.notes.is_empty(), "{:?}", evidence.notes);
}

#[test]
fn a_line_that_is_too_long_is_cut_and_told_and_the_next_is_read() {
    let text = format!(
        "toomanyrequests {}\n(service web) is unable to consistently start tasks\n",
        "x".repeat(3 * MAX_LINE_BYTES)
    );
    let evidence = read_all(&[("log", &text)]);
    assert_eq!(evidence.events.len(), 1);
    assert_eq!(evidence.events[0].lines.first, 2);
    assert_eq!(evidence.notes.len(), 1);
}

#[test]
fn a_bracket_that_never_closes_does_not_swallow_the_log_for_ever() {
    let noise =
        "level=info something happened here that nobody needs to know about\n".repeat(40_000);
    let text = format!("{{\n{noise}(service web) is unable to consistently start tasks\n");
    let evidence = read_all(&[("log", &text)]);
    assert_eq!(evidence.events.len(), 1, "{:?}", evidence.notes);
    assert!(!evidence.notes.is_empty());
}

#[test]
fn a_flood_of_different_happenings_is_bounded_and_counted() {
    let mut intake = Intake::new(context());
    intake.begin("flood");
    for service in 0..MAX_COARSE_EVENTS + 5_000 {
        intake.push(
            format!("(service web-{service}) is unable to consistently start tasks\n").as_bytes(),
        );
    }
    for _ in 0..MAX_NOTES + 10 {
        intake.push(b"{\"taskArns\": []}\n");
    }
    let evidence = intake.finish();
    assert_eq!(evidence.events.len(), MAX_COARSE_EVENTS);
    assert_eq!(evidence.uncounted, 5_000);
    assert_eq!(evidence.notes.len(), MAX_NOTES);
}

#[test]
fn a_line_that_is_known_is_counted_at_its_own_time() {
    let noise = "10.244.3.17 - - \"GET /static/app.js HTTP/1.1\" 200 48213\n".repeat(300);
    let line = |time: &str| {
        format!(
            "Jan 15 {time} node-7 dockerd[9]: time=\"2026-01-15T{time}.5Z\" level=error msg=\"pulling image failed\" error=\"toomanyrequests: You have reached your pull rate limit.\" service.id=abc\n"
        )
    };
    let times = [
        "10:00:01", "10:00:02", "10:00:59", "10:01:00", "10:07:30", "10:07:29",
    ];
    let text: String = times
        .iter()
        .map(|time| noise.clone() + &line(time))
        .collect();
    let evidence = read_all(&[("log", &text)]);
    let told: Vec<_> = evidence
        .events
        .iter()
        .map(|event| {
            let minute = |moment: Option<Moment>| moment.unwrap().unix_ms() % 3_600_000;
            let lines = (event.lines.first, event.lines.last);
            (event.count, minute(event.first), minute(event.last), lines)
        })
        .collect();
    let expected = [
        (3, 1_500, 59_500, (301, 903)),
        (1, 60_500, 60_500, (1_204, 1_204)),
        (2, 449_500, 450_500, (1_505, 1_806)),
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_line_that_is_known_has_a_message_of_its_own_where_its_time_is_told_again() {
    let noise = "10.244.3.17 - - \"GET /static/app.js HTTP/1.1\" 200 48213\n".repeat(300);
    let times = ["10:00:01", "10:01:00", "10:07:30"];
    let line = |time: &&str| {
        format!(
            "{noise}2026-01-15T{time}Z docker pull: gave up at {time}: toomanyrequests: You have reached your pull rate limit.\n"
        )
    };
    let text: String = times.iter().map(line).collect();
    let evidence = read_all(&[("log", &text)]);
    let messages = evidence.events.iter().map(|event| &event.message);
    let is_its = |(message, time): (&String, &str)| message.contains(&format!("up at {time}:"));
    assert_eq!(messages.len(), times.len());
    assert!(messages.zip(times).all(is_its), "{:?}", evidence.events);
}

#[test]
fn it_does_not_matter_where_the_bytes_are_cut() {
    let whole = read_all(&[("log", MESSAGES)]);
    for size in [1, 7, 4_096] {
        let mut intake = Intake::new(context());
        intake.begin("log");
        for piece in MESSAGES.as_bytes().chunks(size) {
            intake.push(piece);
        }
        assert_eq!(intake.finish().events, whole.events, "{size}");
    }
}

#[test]
fn windows_line_ends_and_bytes_that_are_no_text_do_no_harm() {
    let text = b"\xff\xfe(\x00\r\n(service web) is unable to consistently start tasks\r\n";
    let mut intake = Intake::new(context());
    intake.begin("log");
    intake.push(text);
    assert_eq!(intake.finish().events.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_break_a_reader(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        let mut intake = Intake::new(context());
        intake.begin("any");
        intake.push(&bytes);
        let evidence = intake.finish();
        assert!(evidence.events.iter().all(|event| event.count > 0));
    }

    #[test]
    fn no_damage_to_evidence_breaks_a_reader(at in 0_usize..11_000, with in "[\\PC\n\"{}\\[\\]\\\\()]{0,12}", cut in 0_usize..11_000) {
        for text in [TASKS, &MESSAGES[..11_900]] {
            let at = text.floor_char_boundary(at.min(text.len()));
            let end = text.floor_char_boundary((at + cut).min(text.len()));
            let damaged = format!("{}{with}{}", &text[..at], &text[at..end]);
            let mut intake = Intake::new(context());
            intake.begin("damaged");
            intake.push(damaged.as_bytes());
            let evidence = intake.finish();
            assert!(evidence.events.iter().all(|event| event.count > 0));
        }
    }
}
