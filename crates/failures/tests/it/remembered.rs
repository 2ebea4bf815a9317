//! What is remembered of a message: it says what the message itself would say.

use forebay_failures::{Classifier, Excerpt, Failure, classify};

use crate::lines::{heldout, none, reported, unseen, written};
use crate::scanned::scan;

/// The text with other digits where five and more stand in a row, with 777 for 300 to 399, and in other times of the day.
fn with_other_numbers(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut other = text.to_owned().into_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let run = bytes[at..].iter().take_while(|byte| byte.is_ascii_digit());
        let end = at + run.count();
        if end - at >= 5 {
            for byte in &mut other[at..end] {
                *byte = b'0' + (*byte - b'0' + 3) % 10;
            }
        }
        let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
        let is_word = !is_part(at.checked_sub(1).map(|at| &bytes[at])) && !is_part(bytes.get(end));
        if end - at == 3 && bytes[at] == b'3' && is_word {
            other[at..end].fill(b'7');
        }
        at = end + 1;
    }
    String::from_utf8_lossy(&other).replace("12:44", "09:31")
}

#[test]
fn what_differs_in_long_numbers_and_times_is_told_as_if_nothing_was_remembered() {
    let corpora = [heldout(), none(), reported(), unseen(), written()];
    let mut differ = 0;
    for line in corpora.iter().flatten() {
        let other = with_other_numbers(&line.text);
        differ += usize::from(other != line.text);
        let mut classifier = Classifier::default();
        classifier.classify(&line.text);
        assert_eq!(
            classifier.classify(&other).map(|verdict| verdict.class),
            classify(&other).map(|verdict| verdict.class),
            "{}\n{other}",
            line.text
        );
    }
    assert!(differ > 100, "{differ} texts have such numbers");
}

#[test]
fn a_message_with_another_image_is_another_message() {
    let mut classifier = Classifier::default();
    let message = |tag: u32| {
        format!(
            "Failed to pull image \"acme/web:{tag}\": rpc error: code = NotFound desc = docker.io/acme/web:{tag}: not found"
        )
    };
    for tag in [10_001, 10_002] {
        let verdict = classifier.classify(&message(tag)).unwrap();
        assert_eq!(verdict.image, Some(format!("acme/web:{tag}")));
    }
}

/// What a log tells of its line after noise, and of those that stand below it.
fn last_told(lines: &[String]) -> Vec<Failure> {
    let noise = "2025-11-03T08:12:44Z INFO served request 429 in 4 ms\n".repeat(200);
    let blocks: Vec<String> = lines
        .iter()
        .map(|line| format!("{noise}{line}\n"))
        .collect();
    let first = noise.lines().count() * lines.len() + lines.len();
    let all = scan(&format!("{}{noise}", blocks.concat()));
    let is_last = |failure: &Failure| *failure.lines.start() >= first as u64;
    let mut last: Vec<_> = all.into_iter().filter(is_last).collect();
    for failure in &mut last {
        // It has the words of the first one like it.
        failure.excerpt = Excerpt::default();
        let start = *failure.lines.start() - first as u64;
        failure.lines = start..=*failure.lines.end() - first as u64;
    }
    last
}

/// The line as a daemon's log has it, written in this second, and as journald keeps it: with another cursor each time.
fn stamped(second: u32, line: &str) -> [String; 2] {
    let of_log = format!(
        "Nov 03 08:12:{second} node-1 dockerd[911]: time=\"2025-11-03T08:12:{second}.1Z\" {line}"
    );
    let of_journal = serde_json::json!({
        "__CURSOR": format!("s=9f2c;i={second}429;b=4bf9;m={second}a0;t=6427{second};x=5c1d"),
        "__REALTIME_TIMESTAMP": format!("17621575{second}123456"),
        "__MONOTONIC_TIMESTAMP": format!("42910{second}"),
        "__SEQNUM": format!("88{second}"),
        "_COMM": "dockerd",
        "MESSAGE": line,
        "n": 4_700 + second,
    });
    [of_log, of_journal.to_string()]
}

#[test]
fn a_line_that_is_known_tells_what_it_would_tell_alone() {
    let corpora = [heldout(), none(), reported(), unseen(), written()];
    let mut known = 0;
    for line in corpora.iter().flatten().step_by(23) {
        let line = line.text.replace('\n', " ");
        for below in [
            "",
            "\ntoomanyrequests: You have reached your pull rate limit.",
            "\n  more of it",
            "\n\tat com.acme.Shop.order(Shop.java:42)\n\tat com.acme.Shop.main(Shop.java:7)",
            "\n\tat com.acme.Shop.order(Shop.java:42)\ntoomanyrequests: You have reached your pull rate limit.",
            "\n",
        ] {
            for (before, again) in stamped(44, &line).into_iter().zip(stamped(45, &line)) {
                let again = again + below;
                let alone = last_told(std::slice::from_ref(&again));
                known += usize::from(!alone.is_empty());
                assert_eq!(last_told(&[before, again]), alone, "{line}{below}");
            }
        }
    }
    assert!(known > 50, "{known}");
}
