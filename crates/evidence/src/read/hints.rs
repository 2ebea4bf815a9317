//! Skips the lines of a log that tell of nothing, many at once.
//!
//! A sieve finds the few lines that have a word of a hint or of a mark of the classifier, as the bytes lie there: most of a
//! log is noise, and is neither cut into lines nor decoded.

use std::sync::LazyLock;

use forebay_failures::{Place, Sieve, Sifted, automaton_with, sieve_with};
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
    "^apiversion: ",
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

/// Finds the lines of a text in which a word of a hint stands, or one that the classifier may know.
///
/// For a reader of evidence and a scanner of failures alike, so that a text is looked through once.
pub fn sift(text: &[u8], sifted: &mut Sifted) {
    sifted.sift(&SIEVE, text);
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

/// How far a text that was sifted is read.
#[derive(Debug)]
pub(crate) struct Reading<'a> {
    text: &'a [u8],
    sifted: &'a Sifted,
    /// How many places, and how many ends of lines, are behind.
    places: usize,
    ends: usize,
}

impl<'a> Reading<'a> {
    pub(crate) const fn of(text: &'a [u8], sifted: &'a Sifted) -> Self {
        Self {
            text,
            sifted,
            places: 0,
            ends: 0,
        }
    }

    /// Where the line ends that `from` stands in, if it does; what is before it is behind.
    pub(crate) fn line_end(&mut self, from: usize) -> Option<usize> {
        let ends = &self.sifted.ends()[self.ends..];
        self.ends += ends.iter().take_while(|end| **end < from).count();
        self.sifted.ends().get(self.ends).copied()
    }

    /// The lines from `from` on, which begins one, that tell of nothing.
    ///
    /// A last line that does not end yet is not among them, and the places behind are let go. Of a line that is known nothing has
    /// to be found out.
    pub(crate) fn noise(
        &mut self,
        from: usize,
        mut is_known: impl FnMut(&[u8], &Place) -> bool,
    ) -> Noise {
        let mut is_before_known = false;
        let tells = |line: &[u8], place: &Place| {
            is_before_known = is_known(line, place);
            is_before_known || may_tell(line)
        };
        let told = self.find_line(from, tells).unwrap_or(self.text.len());
        self.line_end(from);
        let ends = &self.sifted.ends()[self.ends..];
        let ends = &ends[..ends.partition_point(|end| *end < told)];
        let mut start = from;
        let json = ends.iter().position(|end| {
            let line = start..*end;
            start = end + 1;
            begins_json(&self.text[line])
        });
        let lines = json.unwrap_or(ends.len());
        Noise {
            end: lines.checked_sub(1).map_or(from, |last| ends[last] + 1),
            lines: lines as u64,
            is_before_known: is_before_known && json.is_none(),
        }
    }

    /// Where the next line with a place begins that tells of something.
    fn find_line(
        &mut self,
        from: usize,
        mut tells: impl FnMut(&[u8], &Place) -> bool,
    ) -> Option<usize> {
        let mut begin = from;
        while let Some(place) = self.sifted.places().get(self.places) {
            let line = &place.line;
            if line.start >= begin {
                if tells(&self.text[line.clone()], place) {
                    return Some(line.start);
                }
                // Other places of this line tell nothing else.
                begin = line.end + 1;
            }
            self.places += 1;
        }
        None
    }
}

/// Whether a reader or the classifier may understand a line.
fn may_tell(line: &[u8]) -> bool {
    AUTOMATON.is_match(line)
}

/// Whether a line begins JSON that goes on behind it, or a list, whose items are looked at one by one.
///
/// An object that is whole in its line, as applications log them, tells what it tells by its words.
fn begins_json(line: &[u8]) -> bool {
    let blanks = line.iter().take_while(|byte| matches!(byte, b' ' | b'\t'));
    let line = &line[blanks.count()..];
    if !matches!(line.first(), Some(b'{' | b'[')) {
        return false;
    }
    let line = line.trim_ascii_end();
    if let Some(rest) = line.strip_prefix(b"[") {
        // Many a log has its lines begin with a time or a name in brackets.
        let next = rest.trim_ascii_start().first();
        return matches!(next, None | Some(b'{' | b'[' | b']' | b'"'));
    }
    let braces = memchr::memchr2_iter(b'{', b'}', line);
    let depth: i64 = braces.map(|at| if line[at] == b'{' { 1 } else { -1 }).sum();
    !line.ends_with(b"}") || depth != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise_of(text: &str) -> (usize, u64) {
        let mut sifted = Sifted::default();
        sift(text.as_bytes(), &mut sifted);
        let noise = Reading::of(text.as_bytes(), &sifted).noise(0, |_, _| false);
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
            "apiVersion: v1",
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
