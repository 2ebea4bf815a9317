//! Lines that only name an error: a program's source, its comments, a script that prints or looks for the words.
//!
//! Only signs that no log has. Prose is not told from reports: who writes down what he saw writes prose too.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::anothers::is_anothers;
use crate::message::{decode, line_at};
use crate::registry::pattern;

/// How far a comment's beginning is looked for, in lines.
const MAX_COMMENT_LINES: usize = 24;

/// A line of a program: a literal that is passed to what looks for it, prints it, throws it or compares it.
static CODE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(concat!(
        r"^(?:",
        // A test, a message, an exception in many languages.
        r#"[^"'`]{0,120}(?:\.(?:[Cc]ontains|includes|indexOf|[Ss]tarts[Ww]ith|[Hh]as[Pp]refix|match|matches|test|search|[Ee]quals)\(|"#,
        r#"\b(?:errors\.New|fmt\.[A-Z][a-z]+f?|re\.[a-z]+|console\.[a-z]+|log(?:ger)?\.[A-Za-z]+|t\.(?:Fatal|Error|Skip|Log)f?|assert[A-Za-z]*|expect|println!?|panic!|bail!|anyhow!)\()"#,
        r#"[a-zA-Z_.()]{0,40},? ?[rfbu]?["'`]"#,
        r#"|[^"'`]{0,120}\bthrow +new +[A-Za-z.]+\(|raise +[A-Za-z.]+\(|[a-z_0-9]+ = '\{|@[A-Z][A-Za-z]+\("|(?:if|elif|else if|while|case|when|&&|\|\|) .*(?:==|=~|!=|-q[a-zA-Z]*) *["']"#,
        // A script's own words, and those that a shell traces.
        r#"|(?:\++ |(?:[^ ]{0,80} ?)?[$#] )?(?:echo|printf|log_[a-z]+|grep -[a-zA-Z]+|die|fail) +(?:-[a-z]+ )?["']"#,
        r"|.*\b(?:ba|da)?sh -[a-z]*c +['\x22](?:echo|printf) ",
        r"|.*\| *(?:grep|awk|sed|jq|xargs|wc) +-?['a-zA-Z\x22.{]",
        // A test that went well, whatever stamp a CI system puts before it.
        r"|(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}Z? +)?(?:(?:ok|PASS|--- PASS:) +[A-Za-z0-9_]+/|test .* \.\.\. ok$)",
        // A constant.
        r#"|(?:(?:pub|export|private|public|static|final) )*(?:const|let|var|val|static) [^"'`=]{1,80}= *[rfb&]?["'`]"#,
        // A commit's subject, an alert's text.
        r#"|(?:Fix|Handle|Retry|Ignore|Test|Document|Explain|Detect|Avoid|Catch) (?:[a-z]+ ){0,3}["'`]"#,
        r#"|[A-Z][a-z]+ (?:[A-Za-z]+ ){0,8}to (?:avoid|prevent|survive|handle|fix) ["'`]"#,
        r#"|summary: ["']"#,
        // A literal of a list that goes on in the next line.
        r#"|"[^"]*" *\\$"#,
        r")",
    ))
});

/// A mark of what went well.
static WENT_WELL: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{8,18}Z? +)?[✓✔√] "));

/// Words of what did not, whatever mark stands before them: programs mark a step that is done, too.
static WENT_WRONG: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)fail|error|denied"));

/// How long a test took, which stands behind its name.
static TOOK: LazyLock<Regex> = LazyLock::new(|| pattern(r"\(?[0-9.]+ ?m?s\)?$"));

/// How a comment's line begins wherever it stands.
const COMMENTS: [&str; 4] = ["// ", "/*", "(* ", "<!-- "];

/// Whether the line is a program's or a script's own.
pub(crate) fn is_quoted(text: &[u8], line: &Range<usize>) -> bool {
    let words = decode(&text[line.clone()]);
    let words = words.trim();
    match words.as_bytes().first() {
        Some(b'/' | b'(' | b'<') if COMMENTS.iter().any(|sign| words.starts_with(sign)) => true,
        Some(b'*') => is_in_comment(text, line),
        Some(b'#') => is_of_hashes(text, line),
        Some(_) => CODE.is_match(words) || is_marked_well(words),
        None => false,
    }
}

/// Whether a line has the mark of what went well, and tells of nothing that did not.
fn is_marked_well(words: &str) -> bool {
    WENT_WELL.is_match(words) && (TOOK.is_match(words) || !WENT_WRONG.is_match(words))
}

/// The text without such lines, and without those of another service's trouble.
pub(crate) fn unquoted(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut kept = Vec::new();
    let mut start = 0;
    let mut is_whole = true;
    for line in text.split('\n') {
        let range = start..start + line.len();
        start = range.end + 1;
        if is_quoted(bytes, &range) || is_anothers(line) {
            is_whole = false;
        } else {
            kept.push(line);
        }
    }
    if is_whole {
        return Cow::Borrowed(text);
    }
    Cow::Owned(kept.join("\n"))
}

/// Whether a line that begins with a star is of a comment that was opened above: lists of errors have stars too.
fn is_in_comment(text: &[u8], line: &Range<usize>) -> bool {
    let above = above(text, line);
    above
        .map(|line| line.trim_start().to_owned())
        .take_while(|line| line.starts_with('*') || line.starts_with("/*"))
        .any(|line| line.starts_with("/*"))
}

/// Whether a line is one of several that begin with a hash and a space: alone it may be a title or a prompt. The results
/// of tests have such lines below `not ok`.
fn is_of_hashes(text: &[u8], line: &Range<usize>) -> bool {
    let is_hash = |line: &str| {
        let line = line.trim();
        line == "#" || line.starts_with("# ")
    };
    if !is_hash(&decode(&text[line.clone()])) {
        return false;
    }
    let mut block = 0;
    for before in above(text, line) {
        if !is_hash(&before) {
            if before.trim_start().starts_with("not ok ") {
                return false;
            }
            break;
        }
        block += 1;
    }
    let below = (line.end < text.len()).then(|| line_at(text, line.end + 1));
    block > 0 || below.is_some_and(|below| is_hash(&decode(&text[below])))
}

/// The lines above one, upwards.
fn above<'a>(text: &'a [u8], line: &Range<usize>) -> impl Iterator<Item = Cow<'a, str>> {
    let before = |line: &Range<usize>| {
        let end = line.start.checked_sub(1)?;
        Some(line_at(text, end))
    };
    std::iter::successors(before(line), move |line| before(line))
        .take(MAX_COMMENT_LINES)
        .map(|line| decode(&text[line]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_program_is_told_from_what_it_prints() {
        for (text, expected) in [
            ("a\n// toomanyrequests: x\nb", "a\nb"),
            ("/**\n * toomanyrequests: x\n */\nb", "b"),
            (
                "  if strings.Contains(err.Error(), \"pull QPS exceeded\") {",
                "",
            ),
            ("echo \"Docker Hub rate limit exceeded\"\nx", "x"),
            ("@Disabled(\"toomanyrequests: x\")", ""),
            (
                "Raise the burst of Prow nodes to avoid 'pull QPS exceeded'",
                "",
            ),
            ("  \"Too Many Requests (HAP429)\" \\", ""),
            (
                "2026-11-22T00:01:06Z   ✓ responds toomanyrequests for docker.io clients (12 ms)",
                "",
            ),
            ("test limits::says_toomanyrequests ... ok", ""),
            ("# of old\n# toomanyrequests: x\nimage: a", "image: a"),
        ] {
            assert_eq!(unquoted(text).trim_end_matches('\n'), expected, "{text}");
        }
        for text in [
            "# docker pull a\ntoomanyrequests: x",
            "* Get \"https://registry-1.docker.io/v2/\": EOF",
            "not ok 1 pull\n# one\n# toomanyrequests: x",
            "#12 ERROR: toomanyrequests: x\n#12 y",
            "docker.errors.APIError: 500 Server Error: Internal Server Error (\"toomanyrequests: x\")",
            "//registry-1.docker.io/v2/: x",
            "Error: (HTTP code 500) server error - toomanyrequests: x",
            "urllib3.exceptions.MaxRetryError: Max retries (Caused by NewConnectionError('<x>: Failed'))",
            "{\"level\":\"error\",\"msg\":\"log.Error(\\\"x\\\")\"}",
            "✔ step 3 failed: toomanyrequests: x",
            "Failed to pull image 'a': toomanyrequests: x",
            "2026-11-22T00:01:06Z √ pull: Error response from daemon: toomanyrequests: x",
        ] {
            assert_eq!(unquoted(text), text);
        }
    }
}
