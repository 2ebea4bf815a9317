//! What the people of the four stories had on their screens, pasted in the form in which the stories give it.

use forebay_evidence::{Class, Event, Evidence, Format, Lines, What};

use crate::formats::read_all;

const ECS: &str = "\
CannotPullContainerError: pull image manifest has been retried 7 time(s):
httpReadSeeker: failed open: unexpected status code
https://registry-1.docker.io/v2/iseepatterns/court-case-backend/manifests/sha256:d1faca3f650b469373dcd774fba31726af5252f4dd2435e6aee308dff5e8d3f1:
429 Too Many Requests - Server message: toomanyrequests:
You have reached your unauthenticated pull rate limit.
https://www.docker.com/increase-rate-limit
";

const SWARM: &str = "\u{201c}Error response from daemon: error parsing HTTP 429 response body: invalid character \u{2018}T\u{2019} looking for beginning of value: \u{201c}Too Many Requests (HAP429).\u{201d}\n";

const CLUSTER: &str = "\
NAMESPACE   NAME                   READY   STATUS             RESTARTS   AGE
default     api-6d9c5b7f9d-8xk2p   0/1     ErrImagePull       0          3m
default     batch-job-x7zqp        0/1     ImagePullBackOff   0          9m
";

const TASKS_OF_JOBS: &str = "\u{201c}Too Many Requests \u{2013} Server message: toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading:\u{201c}\n";

/// In one line, and broken as terminals of some widths break it: anywhere, and between words.
fn forms(text: &str) -> Vec<String> {
    let one = text.lines().collect::<Vec<_>>().join(" ");
    let mut forms = vec![text.to_owned(), format!("{one}\n")];
    for width in [80, 100, 132] {
        let chars: Vec<char> = one.chars().collect();
        let broken: Vec<String> = chars
            .chunks(width)
            .map(|line| line.iter().collect())
            .collect();
        forms.push(broken.join("\n") + "\n");
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in one.split(' ') {
            if !line.is_empty() && line.chars().count() + word.chars().count() >= width {
                lines.push(std::mem::take(&mut line));
            }
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
        lines.push(line);
        forms.push(lines.join("\n") + "\n");
    }
    forms
}

fn class(event: &Event) -> Option<Class> {
    event.failure.as_ref().map(|failure| failure.class)
}

/// What happened, why, and how often.
fn told(evidence: &Evidence) -> Vec<(What, Option<Class>, u64)> {
    let events = evidence.events.iter();
    let told = events.map(|event| (event.what, class(event), event.count));
    told.collect()
}

#[test]
fn the_six_lines_of_ecs_are_one_failure_of_eight_tries() {
    for text in forms(ECS) {
        let evidence = read_all(&[("input", &text)]);
        let [event] = evidence.events.as_slice() else {
            panic!("{text}{:#?}", evidence.events);
        };
        assert_eq!(
            (event.what, class(event), event.count, event.tries),
            (What::PullFailed, Some(Class::PullLimit), 1, 8),
            "{text}"
        );
        assert_eq!(
            event.image.as_deref(),
            Some("iseepatterns/court-case-backend"),
            "{text}"
        );
        assert_eq!(event.format, Format::EcsEvents);
        let whole = u64::try_from(text.lines().count()).unwrap();
        assert_eq!((event.lines.first, event.lines.last), (1, whole));
    }
}

#[test]
fn two_such_messages_are_two_failures_and_what_stands_between_is_none() {
    let text = format!("$ aws ecs describe-tasks\n{ECS}\nand again:\n\n{ECS}");
    let evidence = read_all(&[("input", &text)]);
    let [event] = evidence.events.as_slice() else {
        panic!("{:#?}", evidence.events);
    };
    assert_eq!((event.count, event.tries), (2, 16));
}

#[test]
fn the_one_line_of_the_swarm_is_one_failure() {
    for text in forms(SWARM) {
        let evidence = read_all(&[("input", &text)]);
        assert_eq!(
            told(&evidence),
            [(What::PullFailed, Some(Class::AbuseLimit), 1)],
            "{text}"
        );
    }
}

#[test]
fn the_pods_of_the_cluster_are_two_failures_without_a_cause() {
    let evidence = read_all(&[("input", CLUSTER)]);
    assert_eq!(
        told(&evidence),
        [
            (What::PullFailed, Some(Class::SymptomOnly), 1),
            (What::BackedOff, Some(Class::SymptomOnly), 1),
        ]
    );
}

#[test]
fn the_one_line_of_the_jobs_is_one_failure() {
    for text in forms(TASKS_OF_JOBS) {
        let evidence = read_all(&[("input", &text)]);
        assert_eq!(
            told(&evidence),
            [(What::PullFailed, Some(Class::PullLimit), 1)],
            "{text}"
        );
    }
}

#[test]
fn a_reason_of_ecs_in_the_log_of_a_job_is_of_ecs() {
    let log = "##[group]Run cdk deploy\nPulling docker image node:20 ...\nCannotPullContainerError: inspect image has been retried 1 time(s): failed to resolve ref \"docker.io/acme/web:1\": unexpected status code: 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit.\nResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve ecr registry auth: dial tcp 10.0.0.1:443: i/o timeout\n";
    let evidence = read_all(&[("job.log", log)]);
    let failed: Vec<_> = evidence
        .events
        .iter()
        .filter(|event| event.failure.is_some())
        .map(|event| {
            (
                event.format,
                event.place.owner.as_ref(),
                event.image.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        failed,
        [
            (Format::EcsEvents, None, Some("docker.io/acme/web:1")),
            (Format::EcsEvents, None, None),
        ]
    );
}

#[test]
fn yaml_of_kubectl_tells_what_its_json_tells() {
    let yaml = include_str!("fixtures/kubectl-answer/list.yaml");
    let json = include_str!("fixtures/kubectl-answer/list.json");
    let read = |text: &str| {
        let evidence = read_all(&[("answer", text)]);
        let told = |event: &Event| Event {
            lines: Lines::default(),
            ..event.clone()
        };
        let events: Vec<Event> = evidence.events.iter().map(told).collect();
        (events, evidence.settings.len(), evidence.notes.len())
    };
    let (events, settings, notes) = read(yaml);
    assert_eq!(
        (
            events[0].count,
            events[0].failure.as_ref().map(|failure| failure.class)
        ),
        (14, Some(Class::PullLimit))
    );
    assert_eq!((settings, notes), (1, 0));
    assert_eq!((events, settings, notes), read(json));
    let lines: Vec<_> = read_all(&[("answer", yaml)])
        .events
        .iter()
        .map(|event| (event.lines.first, event.lines.last))
        .collect();
    assert_eq!(
        (lines.first(), lines.last()),
        (Some(&(3, 26)), Some(&(27, 61)))
    );
}

#[test]
fn what_is_said_behind_yaml_is_read_and_an_item_that_is_broken_is_told() {
    let failed =
        "Error response from daemon: toomanyrequests: You have reached your pull rate limit.";
    let text =
        format!("apiVersion: v1\nitems:\n- kind: [\n- kind: Pod\n  metadata: {{}}\n{failed}\n");
    let evidence = read_all(&[("answer", &text)]);
    let notes: Vec<&str> = evidence.notes.iter().map(|note| &*note.text).collect();
    assert_eq!(notes, ["an item is no YAML"]);
    assert_eq!(evidence.events.len(), 1, "{:?}", evidence.events);
    assert_eq!(evidence.events[0].lines.first, 6);
}
