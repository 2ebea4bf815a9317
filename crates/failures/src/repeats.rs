//! How often a Kubernetes event happened, where it is printed as JSON or as YAML.
//!
//! Its count stands beside its message: among the lines of the same indentation, or in the same line.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::message::decode;
use crate::registry::pattern;

/// How many lines are looked at on either side of the message.
const MAX_LINES: usize = 48;

/// The count, and the times that tell an event from anything else that is counted.
static COUNT: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?:^|[\s{,])\\*"?count\\*"?: ?([0-9]{1,18})(?:[\s,}]|$)"#));
const TIMES: [&str; 2] = ["firstTimestamp", "lastTimestamp"];

/// The count of the event whose message stands at `message`.
pub(crate) fn find_count(text: &[u8], message: &Range<usize>) -> Option<u64> {
    let mut at = message.start;
    for line in text[message.clone()].split(|&byte| byte == b'\n') {
        let said = line.trim_ascii_start();
        if said.starts_with(b"\"message\":") || said.starts_with(b"message:") {
            return among_siblings(text, at, line.len() - said.len());
        }
        at += line.len() + 1;
    }
    in_line(&decode(&text[message.clone()]))
}

/// Whether a text has a member that tells an event from anything else.
pub(crate) fn has_time_of_event(text: &[u8]) -> bool {
    !text.is_empty()
        && TIMES
            .iter()
            .any(|time| memchr::memmem::find(text, time.as_bytes()).is_some())
}

/// The count in a line that is one event.
fn in_line(line: &str) -> Option<u64> {
    if !has_time_of_event(line.as_bytes()) {
        return None;
    }
    let mut counts = COUNT.captures_iter(line);
    let count = counts.next()?;
    // A list of events in one line has a count for each.
    if counts.next().is_some() {
        return None;
    }
    count[1].parse().ok()
}

/// The count in a line beside the one at `at`, which is indented so far.
fn among_siblings(text: &[u8], at: usize, indent: usize) -> Option<u64> {
    let before = text[..at].trim_ascii_end().rsplit(|&byte| byte == b'\n');
    let behind = text[at..].split(|&byte| byte == b'\n').skip(1);
    let is_in = |line: &&[u8]| indent_of(line) >= indent;
    let siblings = before
        .take(MAX_LINES)
        .take_while(is_in)
        .chain(behind.take(MAX_LINES).take_while(is_in))
        .filter(|line| indent_of(line) == indent);
    let siblings: Vec<_> = siblings.map(decode).collect();
    let is_event = |line: &str| TIMES.iter().any(|time| line.contains(time));
    if !siblings.iter().any(|line| is_event(line)) {
        return None;
    }
    let found = siblings.iter().find_map(|line| COUNT.captures(line))?;
    found[1].parse().ok()
}

fn indent_of(line: &[u8]) -> usize {
    line.len() - line.trim_ascii_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count_of(text: &str) -> Option<u64> {
        let at = text.find("MESSAGE").unwrap();
        let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let end = text[at..].find('\n').map_or(text.len(), |end| at + end);
        find_count(text.as_bytes(), &(start..end))
    }

    #[test]
    fn an_events_count_stands_beside_its_message() {
        for (text, expected) in [
            (
                "{\n  \"message\": \"MESSAGE\",\n  \"count\": 320,\n  \"lastTimestamp\": \"x\"\n}",
                Some(320),
            ),
            (
                "{\n  \"count\": 4,\n  \"lastTimestamp\": \"x\",\n  \"metadata\": {\n    \"count\": 7\n  },\n  \"message\": \"MESSAGE\"\n}",
                Some(4),
            ),
            (
                "- apiVersion: v1\n  count: 4\n  lastTimestamp: x\n  message: MESSAGE\n- apiVersion: v1\n  count: 9\n",
                Some(4),
            ),
            (
                r#"{"count":12,"lastTimestamp":"x","message":"MESSAGE"}"#,
                Some(12),
            ),
            (
                r#"{"count":1,"lastTimestamp":"x","message":"MESSAGE"},{"count":2,"message":"y"}"#,
                None,
            ),
            (r#"{"count":12,"level":"error","message":"MESSAGE"}"#, None),
            ("{\n  \"message\": \"MESSAGE\",\n  \"count\": 320\n}", None),
            ("MESSAGE", None),
        ] {
            assert_eq!(count_of(text), expected, "{text}");
        }
    }
}
