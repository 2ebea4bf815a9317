//! Rows of tables, as they are pasted: each is a message of its own, and stands for as many as it says.

use forebay_failures::{Class, Finding};

use crate::scanned::findings;

const HEADER: &str = "NAMESPACE   LAST SEEN   TYPE   REASON   OBJECT   MESSAGE";
const LIMITED: &str = "shop   3m   Warning   Failed    pod/cart-6c8f9d7b5-q4w5z   Failed to pull image \"nginx:1.27\": toomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit";
const REFUSED: &str = "shop   3m   Warning   Failed    pod/pay-6c8f9d7b5-q4w5z    Failed to pull image \"acme/pay:1\": failed to pull and unpack image \"docker.io/acme/pay:1\": failed to resolve reference \"docker.io/acme/pay:1\": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed";
const CRASHED: &str = "shop   8s (x319 over 70m)   Warning   BackOff   pod/job-6c8f9d7b5-q4w5z   Back-off restarting failed container job in pod job-6c8f9d7b5-q4w5z_shop(1)";
const SYMPTOM: &str =
    "shop   3m   Warning   Failed    pod/cart-6c8f9d7b5-q4w5z   Error: ErrImagePull";
const OTHERS_SYMPTOM: &str =
    "shop   3m   Warning   Failed    pod/mail-6c8f9d7b5-q4w5z   Error: ErrImagePull";

/// A finding's class, image, count and lines.
type Told = (Class, Option<String>, u64, (u64, u64));

/// What is found, in the order of the lines.
fn told(text: &str) -> Vec<Told> {
    let mut found: Vec<_> = findings(text)
        .into_iter()
        .map(|finding| {
            let Finding {
                class,
                image,
                count,
                lines,
                ..
            } = finding;
            (class, image, count, lines)
        })
        .collect();
    found.sort_by_key(|(.., lines)| *lines);
    found
}

fn without_namespace(row: &str) -> String {
    row.strip_prefix("shop   ")
        .or_else(|| row.strip_prefix("NAMESPACE   "))
        .unwrap_or(row)
        .to_owned()
}

#[test]
fn each_row_of_events_is_a_finding_of_its_own() {
    let rows = [HEADER, LIMITED, REFUSED, CRASHED];
    let expected = [
        (Class::PullLimit, Some("nginx:1.27".to_owned()), 1, (2, 2)),
        (
            Class::Auth,
            Some("docker.io/acme/pay:1".to_owned()),
            1,
            (3, 3),
        ),
        (Class::StartFailure, None, 319, (4, 4)),
    ];
    assert_eq!(told(&rows.join("\n")), expected);
    assert_eq!(told(&rows.map(without_namespace).join("\n")), expected);
    let noise = "2025-11-03T08:12:44Z INFO served request 429 in 4 ms\n".repeat(400);
    let in_log = told(&format!("{noise}{}\n{noise}", rows.join("\n")));
    let classes: Vec<_> = in_log
        .iter()
        .map(|(class, _, count, _)| (*class, *count))
        .collect();
    assert_eq!(
        classes,
        [
            (Class::PullLimit, 1),
            (Class::Auth, 1),
            (Class::StartFailure, 319)
        ]
    );
}

#[test]
fn a_symptom_is_its_own_pods_only() {
    let own = told(&[HEADER, LIMITED, SYMPTOM].join("\n"));
    assert_eq!(own.len(), 1, "{own:?}");
    let others = told(&[HEADER, LIMITED, OTHERS_SYMPTOM].join("\n"));
    let classes: Vec<_> = others.iter().map(|(class, ..)| *class).collect();
    assert_eq!(classes, [Class::PullLimit, Class::SymptomOnly]);
}

#[test]
fn a_row_that_was_wrapped_is_still_one() {
    let at = LIMITED.find("pull rate limit").unwrap();
    let wrapped = format!("{}\n{}", &LIMITED[..at], &LIMITED[at..]);
    let found = told(&[HEADER, &wrapped, REFUSED].join("\n"));
    let classes: Vec<_> = found
        .iter()
        .map(|(class, _, _, lines)| (*class, *lines))
        .collect();
    assert_eq!(classes, [(Class::PullLimit, (2, 3)), (Class::Auth, (4, 4))]);
}

#[test]
fn rows_of_a_swarm_of_pods_and_of_a_description_are_kept_apart() {
    let swarm = "ID             NAME         IMAGE        NODE     DESIRED STATE   CURRENT STATE            ERROR                         PORTS\n\
        i9k4hkg2bj4m   web.1        acme/web:1   node-1   Ready           Rejected 2 seconds ago   \"No such image: acme/web:1\"\n\
        b5v6n7m8q1w2   \\_ dyn.1     acme/dyn:1   node-1   Shutdown        Rejected 5 seconds ago   \"invalid mount config for type \"bind\": bind source path does not exist: /data\"";
    let pods = "NAME       READY   STATUS             RESTARTS   AGE\n\
        web-7c9d   0/1     ImagePullBackOff   0          5m\n\
        job-7c9d   0/1     CrashLoopBackOff   5          5m";
    let described = "Events:\n  Type     Reason     Age                From               Message\n  ----     ------     ----               ----               -------\n  Warning  Failed     13m (x4 over 15m)  kubelet            Failed to pull image \"acme/web:1\": toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit\n  Warning  BackOff    5m (x40 over 15m)  kubelet            Back-off restarting failed container web";
    for (text, expected) in [
        (swarm, [(Class::SymptomOnly, 1), (Class::StartFailure, 1)]),
        (pods, [(Class::SymptomOnly, 1), (Class::StartFailure, 1)]),
        (
            described,
            [(Class::PullLimit, 4), (Class::StartFailure, 40)],
        ),
    ] {
        let found: Vec<_> = told(text)
            .into_iter()
            .map(|(class, _, count, _)| (class, count))
            .collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn an_event_in_json_counts_for_as_many_as_it_says() {
    let event = |count: u64| {
        serde_json::json!({
            "reason": "Failed", "message": "Back-off restarting failed container web", "count": count,
            "firstTimestamp": "2026-11-21T12:00:05Z", "type": "Warning",
        })
    };
    let list = serde_json::json!({ "items": [event(319), event(2)] });
    let found = told(&serde_json::to_string_pretty(&list).unwrap());
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].2, 321);
    let found = told(&event(319).to_string());
    assert_eq!(found[0].2, 319);
}

#[test]
fn a_throttled_kubelet_names_no_registry_and_no_image() {
    let verdict = forebay_failures::classify("ErrImagePull: \"pull QPS exceeded\"").unwrap();
    assert_eq!(verdict.class, Class::KubeletThrottle);
    assert_eq!((verdict.registry, verdict.image), (None, None));
}

#[test]
fn a_limit_that_is_told_below_a_refusal_is_what_a_wrapped_message_says() {
    let log = "Failed to pull image \"acme/web:1\": pull access denied for acme/web, repository does not exist or may require 'docker login':\ntoomanyrequests: You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit\n";
    let classes: Vec<_> = findings(log).iter().map(|finding| finding.class).collect();
    assert_eq!(classes, [Class::PullLimit]);
}
