//! What a log puts before a line, and whether a line begins a message.
//!
//! A prefix is what a collector, a service or a runner wrote: times, hosts, units, levels. A message that was wrapped
//! goes on in lines that have none, or the same again.

use std::sync::LazyLock;

use regex::Regex;

use crate::message::decode;
use crate::registry::pattern;
use crate::transcript::is_command;

/// The most prefixes before one line.
const MAX_PREFIXES: usize = 4;

/// The prefixes, as many as there are: journald around a daemon's own, a runner around Compose.
static PREFIXES: LazyLock<Regex> =
    LazyLock::new(|| pattern(&format!("^(?:{PREFIX}){{0,{MAX_PREFIXES}}}")));

/// One of them.
const PREFIX: &str = concat!(
    r"(?:",
    // 2025-11-03T08:12:44.1Z, [2025/11/03 08:12:44]
    r"\[?[0-9]{4}[-/][0-9][0-9][-/][0-9][0-9][T ][0-9][0-9]:[0-9][0-9]:[0-9][0-9](?:[.,][0-9]{1,9})?(?: ?(?:Z|UTC|[+-][0-9][0-9]:?[0-9][0-9]))?\]?",
    // Nov 03 08:12:44 node-1 dockerd[911]:
    r"|[A-Z][a-z]{2} [ 0-9][0-9] [0-9][0-9]:[0-9][0-9]:[0-9][0-9] [!-~]{1,80} [0-9A-Za-z_./@-]{1,60}(?:\[[0-9]{1,9}\])?:",
    // 08:12:44, [08:12:44.120]
    r"|\[?[0-9][0-9]:[0-9][0-9]:[0-9][0-9](?:[.,][0-9]{1,9})?\]?",
    // I1103 08:12:44.1 911 kubelet.go:2000]
    r"|[IWEF][0-9]{4} [0-9][0-9]:[0-9][0-9]:[0-9][0-9]\.[0-9]{1,9} +[0-9]{1,9} [0-9A-Za-z_./-]{1,80}:[0-9]{1,6}\]",
    // #12 3.45
    r"|#[0-9]{1,5}(?: [0-9]{1,6}\.[0-9]{1,4})?(?: |$)",
    // web-1  |, but no number, which is a cell of a table.
    r"|[0-9_.-]{0,8}[A-Za-z][0-9A-Za-z_.-]{0,64} {1,40}\|(?: |$)",
    r#"|time="[0-9T:.,Z+-]{10,40}""#,
    r"|std(?:out|err) [FP](?: |$)",
    r"|##\[[a-z]{1,20}\]",
    r"|>>(?: |$)",
    // [build-image : push]
    r"|\[[0-9a-z][0-9a-z.-]{0,62} : [0-9a-z][0-9a-z.-]{0,62}\](?: |$)",
    r"|[│|] ",
    r"|(?:out|err) *\| ",
    r")[ \t]*",
);

/// A prefix with a time of the day.
static TIMED: LazyLock<Regex> = LazyLock::new(|| pattern("[0-9][0-9]:[0-9][0-9]:[0-9][0-9]"));

/// How a message of its own begins, behind its prefix.
static BEGINNING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r#"^(?:(?i:error|err|warning|warn|fatal|fata|info|debug|notice|panic)(?-u:\b)[^ ]{0,3}(?: |\[|$)|time=|level=|msg=|\{"|\[[A-Z][A-Za-z]{1,20}\] "#,
        r#"|"(?:message|reason|error|stoppedReason|text|log|msg|status|type|event)": |\+ [a-z./]|Normal |Warning |docker: |Unable to find "#,
        r"|Failed to |Pulling |Status: |Digest: |Step [0-9]|[=]> |CannotPull|Resource(?:Initialization|handler)|Task |\(service |Back-off |Traceback|Caused by",
        r"|[!-~]{1,253} +[0-9]+/[0-9]+ +[A-Z]|(?:curl|GET|HEAD|POST|PUT) |AWS::|fatal: |[0-9]{1,2}\. +[A-Z*]|default |kube-system )",
    ))
});

/// How a line goes on with what the one before began, whatever its prefix is.
static CONTINUATION: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)^(?:toomanyrequests:|you have reached your|you may increase|https?://www\.docker|429 too many|error: code = |too many requests|desc = |https?://\S+/v2/|unexpected status|httpread|rate limit|pull rate|limit\.|[45][0-9][0-9] [a-z])",
    )
});

/// Splits a line into its prefix and what it says.
pub(crate) fn split(line: &str) -> (&str, &str) {
    let end = PREFIXES.find(line).map_or(0, |prefixes| prefixes.end());
    line.split_at(end)
}

/// How sure it must be that two lines are one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joining {
    /// In a log: only where the one line is open, or the other says that it goes on.
    Strict,
    /// In a pasted text of a few lines: unless the other begins a message of its own.
    Free,
}

/// Whether a line, as it was split, goes on with the message that ends with the line `before` so far.
pub(crate) fn goes_on(before: &str, (prefix, says): (&str, &str), joining: Joining) -> bool {
    let says = says.trim_start();
    if says.is_empty() {
        return false;
    }
    // A record with a time of its own is the next one, unless the one before it waits for it.
    let may_go_on = || is_open(before) || !TIMED.is_match(prefix);
    if is_frame(says) || CONTINUATION.is_match(says) && may_go_on() {
        return true;
    }
    let begins = || BEGINNING.is_match(says) || is_command(says);
    if !prefix.trim().is_empty() {
        // A log's next record, unless all lines have one and the sentence is not at its end.
        return is_open(before) && !split(before).0.trim().is_empty() && !begins();
    }
    match joining {
        Joining::Strict => is_open(before) && !begins(),
        Joining::Free => is_open(before) || !begins(),
    }
}

/// Whether a line, as it was split, is a log's record of its own, unless the line before it is open.
pub(crate) fn begins_record((prefix, says): (&str, &str)) -> bool {
    let says = says.trim_start();
    !prefix.trim().is_empty() && !CONTINUATION.is_match(says) && !is_frame(says)
}

/// Whether a line is a frame of a stack, as Java and JavaScript print it: `at com.acme.Shop.order(Shop.java:42)`.
pub(crate) fn is_frame(says: &str) -> bool {
    let Some(place) = says.trim_start().strip_prefix("at ") else {
        return false;
    };
    let is_of_name =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$' | '<' | '>' | '/');
    let name = place.trim_start_matches(|c| is_of_name(c) || c == '.');
    place.starts_with(is_of_name)
        && place[..place.len() - name.len()].contains('.')
        && name.starts_with('(')
}

/// Whether a line stops in the middle of a sentence, of a string, or of what Python calls a status: `429 Client Error:`.
pub(crate) fn is_open(line: &str) -> bool {
    const BEFORE_ERROR: [&str; 2] = ["Client", "Server"];
    let line = line.trim_end();
    let is_of_status = BEFORE_ERROR.iter().any(|word| {
        let code = line.strip_suffix(word).unwrap_or_default().trim_end();
        code.ends_with(|c: char| c.is_ascii_digit())
    });
    let is_ruler = line.chars().all(|c| c == '-' || c == '=');
    !is_ruler
        && (is_of_status
            || line.ends_with([':', '=', ',', '(', '-', '\\', '/'])
            || memchr::memchr_iter(b'"', line.as_bytes()).count() % 2 == 1)
}

/// The same of a line that is not decoded: of nearly all lines the last byte and the quotes tell it.
pub(crate) fn is_open_at_end(line: &[u8]) -> bool {
    match line.last() {
        Some(b':' | b'=' | b',' | b'(' | b'-' | b'\\' | b'/' | b't' | b'r') => {
            is_open(&decode(line))
        }
        Some(last) if last.is_ascii_graphic() => memchr::memchr_iter(b'"', line).count() % 2 == 1,
        _ => is_open(&decode(line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_told_from_what_is_said() {
        for (line, says) in [
            ("plain words", "plain words"),
            ("2025-11-03T08:12:44.1203Z x", "x"),
            (
                "Nov 03 08:12:44 node-1 dockerd[911]: time=\"x\"",
                "time=\"x\"",
            ),
            ("2025-11-03T08:12:44Z web-1  | hello", "hello"),
            ("#12 3.456 npm ci", "npm ci"),
            (
                "E1103 08:12:44.333921    2211 log.go:32] \"PullImage\"",
                "\"PullImage\"",
            ),
            ("[15:51:23.200] time=", "time="),
            ("[build-image : push] hello", "hello"),
            ("19:28:33 toomanyrequests: x", "toomanyrequests: x"),
        ] {
            assert_eq!(split(line).1, says, "{line}");
        }
    }

    #[test]
    fn lines_go_on_where_a_sentence_does() {
        for (before, line, expected) in [
            (
                "unexpected status code https://x/v2/:",
                "429 Too Many Requests",
                true,
            ),
            ("a: 429 Too Many Requests", "toomanyrequests: x", true),
            (
                "Failed to pull image \"x\": rpc error: code = Unknown",
                "desc = failed",
                true,
            ),
            ("ERROR: one", "ERROR: two", false),
            (
                "2025-11-03T08:12:44Z one",
                "2025-11-03T08:12:45Z two",
                false,
            ),
            (
                "2025-11-03T08:12:44Z one:",
                "2025-11-03T08:12:44Z two",
                true,
            ),
            ("one", "", false),
        ] {
            for joining in [Joining::Strict, Joining::Free] {
                let told = goes_on(before, split(line), joining);
                assert_eq!(told, expected, "{before} / {line} {joining:?}");
            }
        }
    }

    #[test]
    fn an_open_line_is_known_by_its_bytes() {
        for line in [
            "",
            " ",
            "x",
            "x:",
            "x: ",
            "\"x",
            "\"x\"",
            "\"x ü",
            "429 Client",
            "429 Server ",
            "Client",
            "---",
            "==",
            "x -",
            "a\\",
            "x\u{a0}",
            "x:\u{a0}",
            "ü",
            "\"x\r",
            "a, ",
            "(",
        ] {
            assert_eq!(is_open_at_end(line.as_bytes()), is_open(line), "{line}");
        }
    }
}
