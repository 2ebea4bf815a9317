//! Skips the lines of a log that tell of nothing, many at once.
//!
//! A sieve finds the few lines that have a word of a hint or of a mark of the classifier, as the bytes lie there: most of a
//! log is noise, and is neither cut into lines nor decoded.

use std::sync::LazyLock;

use forebay_failures::{Sieve, automaton_with, sieve_with};
use regex::bytes::Regex;

/// Words of which every line has one that a reader or the classifier may understand, and as few others as can be.
const HINTS: &[&str] = &[
    // Beginnings of tables and descriptions; those of JSON are told by `begins_json`.
    // Members by which an object is known (`json_item`), whatever else it says.
    r#""(?:metadata|taskarns?|servicearn|resourcestatus|stackstatus|containerdefinitions|ecrrepositoryprefix)""#,
    r#""(?:actor|tasktemplate|hostconfig|currentstate|names|repository)""#,
    "last seen",
    "ready +status",
    "ready +up-to-date",
    "current state",
    "container id",
    "replicas",
    "^name: ",
    "(?:warning|normal)  ",
    // What agents, daemons and kubelets say of tasks and containers.
    "fatal task error",
    "underweighting",
    "next endpoint",
    "next host",
    "start returned",
    "start(?:ing)? ?container",
    "createcontainer",
    "podsandbox",
    "taskoom",
    "taskexit",
    "exit event",
    "syncing pod",
    "event occurred",
    "probe failed",
    "pleg",
    "container (?:die|oom|start|restart|health)",
    r"\(service ",
    "with-registry-auth",
    // Whose log it is.
    r"##\[",
    "gitlab-runner",
    "section_start",
    r"^\[pipeline\]",
    "started by ",
    "job name:",
    "runner name",
    "^running on ",
    "^  on ",
    "build-agent",
    "load metadata",
    "status: ",
    // What readers of events, lists and reasons know beside the marks of the classifier.
    "pull",
    "image",
    "=> naming to ",
    "crashloop",
    "back-?off",
    "oom-?kill",
    "failedmount",
    "non-zero exit",
    "exited with",
    "exit code",
    "essential container",
    "health ?check",
    "unhealthy",
    "consistently start",
    "roll(?:ed )?back",
    "circuit breaker",
    "waiter",
    "stabilize",
    "place a task",
    "timed out waiting",
    "progress ?deadline",
    "minimumreplicas",
    "unready status",
    "init:error",
];

static AUTOMATON: LazyLock<Regex> = LazyLock::new(|| automaton_with(HINTS));

static SIEVE: LazyLock<Sieve> = LazyLock::new(|| sieve_with(HINTS));

/// Adds the places of a text where a word of a hint stands, or one that the classifier may know, in order.
///
/// For a reader of evidence and a scanner of failures alike, so that a text is looked through once.
pub fn find_places(text: &[u8], places: &mut Vec<usize>) {
    SIEVE.find_all(text, places);
}

/// Lines that tell of nothing.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Noise {
    /// Where they end.
    pub(crate) end: usize,
    pub(crate) lines: u64,
    /// Whether they end because the line behind them is known.
    pub(crate) is_before_known: bool,
}

/// The lines from `from` on, which begins one, that tell of nothing.
///
/// A last line that does not end yet is not among them. The places are those of the whole text, and those that are behind
/// are let go. Of a line that is known nothing has to be found out.
pub(crate) fn noise(
    text: &[u8],
    from: usize,
    places: &mut &[usize],
    mut is_known: impl FnMut(&[u8]) -> bool,
) -> Noise {
    let mut is_before_known = false;
    let tells = |line: &[u8]| {
        is_before_known = is_known(line);
        is_before_known || may_tell(line)
    };
    let told = find_line(text, from, places, tells).unwrap_or(text.len());
    let end = memchr::memrchr(b'\n', &text[from..told]).map_or(from, |at| from + at + 1);
    let json = find_json(&text[from..end]).map(|json| from + json);
    let end = json.unwrap_or(end);
    Noise {
        end,
        lines: memchr::memchr_iter(b'\n', &text[from..end]).count() as u64,
        is_before_known: is_before_known && json.is_none(),
    }
}

/// Where the next line with a place begins that tells of something.
fn find_line(
    text: &[u8],
    from: usize,
    places: &mut &[usize],
    mut tells: impl FnMut(&[u8]) -> bool,
) -> Option<usize> {
    let mut begin = from;
    while let Some((&place, others)) = places.split_first() {
        // The byte at a place may be the end of the line before.
        let inside = place + 1;
        if inside >= begin {
            let start = memchr::memrchr(b'\n', &text[begin..inside]);
            let start = start.map_or(begin, |at| begin + at + 1);
            let end = memchr::memchr(b'\n', &text[inside..]).map_or(text.len(), |at| inside + at);
            if tells(&text[start..end]) {
                return Some(start);
            }
            begin = end;
        }
        *places = others;
    }
    None
}

/// Whether a reader or the classifier may understand a line.
fn may_tell(line: &[u8]) -> bool {
    AUTOMATON.is_match(line)
}

/// Where the first line begins that begins JSON and does not end it.
fn find_json(lines: &[u8]) -> Option<usize> {
    let mut starts = std::iter::once(0).chain(memchr::memchr_iter(b'\n', lines).map(|at| at + 1));
    starts.find(|start| begins_json(&lines[*start..]))
}

/// Whether the first line of a text begins JSON that goes on behind it, or a list, whose items are looked at one by one.
///
/// An object that is whole in its line, as applications log them, tells what it tells by its words.
fn begins_json(text: &[u8]) -> bool {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    let text = &text[blanks.count()..];
    if !matches!(text.first(), Some(b'{' | b'[')) {
        return false;
    }
    let end = memchr::memchr(b'\n', text);
    let line = text[..end.unwrap_or(text.len())].trim_ascii_end();
    if let Some(rest) = line.strip_prefix(b"[") {
        // Many a log has its lines begin with a time or a name in brackets.
        let next = rest.trim_ascii_start().first();
        return matches!(next, None | Some(b'{' | b'[' | b']' | b'"'));
    }
    let count = |brace| memchr::memchr_iter(brace, line).count();
    !line.ends_with(b"}") || count(b'{') != count(b'}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise_of(text: &str) -> (usize, u64) {
        let mut places = Vec::new();
        find_places(text.as_bytes(), &mut places);
        let noise = noise(text.as_bytes(), 0, &mut places.as_slice(), |_| false);
        (noise.end, noise.lines)
    }

    #[test]
    fn an_object_that_a_reader_knows_is_no_noise() {
        for object in [
            r#"{"taskArns": []}"#,
            r#"{"kind":"Pod","metadata":{}}"#,
            r#"{"Type":"container","Action":"die","Actor":{}}"#,
            r#"{"ResourceStatus":"CREATE_IN_PROGRESS"}"#,
            r#"{"Names":"web","Status":"Restarting (1)"}"#,
        ] {
            assert_eq!(noise_of(&format!("{object}\nb\n")).0, 0, "{object}");
        }
    }

    /// What the classifier is tested with: whatever it understands has to come to it.
    const CORPUS: [&str; 17] = [
        include_str!("../../../failures/tests/it/corpus/reported.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/abuse-limit.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/auth.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/dns.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/hub-api-limit.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/kubelet-throttle.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/login-lockout.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/network.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/no-space.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/not-found.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/other.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/other-registry-limit.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/pull-limit.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/start-failure.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/symptom-only.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/timeout.jsonl"),
        include_str!("../../../failures/tests/it/corpus/written/tls.jsonl"),
    ];

    #[test]
    fn nothing_that_the_classifier_knows_is_noise() {
        for line in CORPUS.iter().flat_map(|file| file.lines()) {
            let entry: serde_json::Value = serde_json::from_str(line).unwrap();
            let text = entry["text"].as_str().unwrap();
            assert!(may_tell(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn lines_of_noise_are_skipped_up_to_the_first_that_may_tell_something() {
        let table: [(&str, usize, u64); 12] = [
            ("a\nb\nPulling image\n", 4, 2),
            ("a\n{\"x\": 1}\n", 11, 2),
            ("{\"x\": 1}\nb\n", 11, 2),
            ("{\"x\": \"pull\"}\nb\n", 0, 0),
            ("a\n{\n\"x\": 1}\n", 2, 1),
            ("a\n  {\"x\": {}\n}\n", 2, 1),
            ("a\n[{\"x\": 1}]\n", 2, 1),
            ("a\n[\n", 2, 1),
            ("[2025-11-03 08:12:44] [7] up\na\n", 31, 2),
            ("a\nb\nnot yet the end", 4, 2),
            ("took 429 ms\n", 12, 1),
            ("", 0, 0),
        ];
        for (text, bytes, lines) in table {
            assert_eq!(noise_of(text), (bytes, lines), "{text}");
        }
    }
}
