//! Which string of a line of JSON tells of the failure.
//!
//! Beside it stand settings and variables of whoever failed, with secrets that have no name of one: nothing of those is repeated.

use crate::Class;
use crate::classify::classify_views;
use crate::clean::{clean, unescape};
use crate::marks::has_mark;
use crate::message::MAX_BYTES;
use crate::views::Views;

/// How deep JSON is looked for in strings of JSON.
const MAX_DEPTH: usize = 4;

/// The most strings that are asked what they say.
const MAX_ASKED: usize = 32;

/// From this length on, in bytes, a text may be a piece of a longer line, which begins amid JSON.
const MIN_PIECE_BYTES: usize = MAX_BYTES / 8;

/// Names under which programs say what went wrong, where no string alone does.
const TELLING: [&str; 8] = [
    "code", "error", "err", "log", "message", "msg", "reason", "status",
];

/// One string: its name, where it has one and that is told, and its text as it stands there.
struct Member<'a> {
    name: &'a str,
    text: &'a str,
}

/// The words of a text with JSON in it that tell of a failure of a class; `None` if it has none, or is told of before it.
pub(crate) fn words_in_json(text: &str, class: Class) -> Option<String> {
    let mut words = words_at_depth(text, class)?;
    for _ in 1..MAX_DEPTH {
        match words_at_depth(&words, class) {
            Some(deeper) => words = deeper,
            None => break,
        }
    }
    Some(words)
}

fn words_at_depth(text: &str, class: Class) -> Option<String> {
    let (head, json) = text.split_at(beginning(text)?);
    let members = members(json);
    let says = |member: &&Member<'_>| {
        let views = Views::of(&clean(member.text));
        classify_views(&views).is_some_and(|verdict| verdict.class == class)
    };
    let asked: Vec<&Member<'_>> = members
        .iter()
        .filter(|member| has_mark(member.text.as_bytes()))
        .take(MAX_ASKED)
        .collect();
    let telling = || asked.iter().copied().filter(says);
    // A sentence rather than a code.
    let told = telling()
        .find(|member| member.text.contains(' '))
        .or_else(|| telling().next());
    let words = match told {
        Some(member) => unescape(member.text),
        None => spread(&members),
    };
    Some(format!("{head}{words}"))
}

/// What the strings say together by which programs tell what went wrong.
fn spread(members: &[Member<'_>]) -> String {
    let telling = members
        .iter()
        .filter(|member| TELLING.contains(&member.name));
    let words: Vec<String> = telling
        .take(MAX_ASKED)
        .map(|member| unescape(member.text))
        .collect();
    words.join(": ")
}

/// Where JSON begins in a text; `None` if it has none, or if what stands before tells of a failure itself.
fn beginning(text: &str) -> Option<usize> {
    let opens = |at: &usize| {
        let next = text[at + 1..].trim_start().chars().next();
        match text.as_bytes()[*at] {
            b'{' => next == Some('"'),
            _ => matches!(next, Some('"' | '{')),
        }
    };
    let at = memchr::memchr2_iter(b'{', b'[', text.as_bytes()).find(opens);
    let head = &text[..at.unwrap_or(text.len())];
    if text.len() >= MIN_PIECE_BYTES && head.contains("\":") {
        return Some(0);
    }
    at.filter(|_| !has_mark(head.as_bytes()))
}

/// The strings that are values, in their order. No quote stands within one that is not escaped.
fn members(json: &str) -> Vec<Member<'_>> {
    let mut members = Vec::new();
    let mut name = "";
    let mut rest = json;
    // A piece of a line may begin within a string.
    let is_within = find_quote(json).is_some_and(|first| {
        let before = json[..first].trim_end().chars().next_back();
        before.is_some_and(|before| !matches!(before, '{' | '[' | ',' | ':'))
    });
    if !is_within {
        rest = skip_quote(rest);
    }
    while !rest.is_empty() {
        let end = find_quote(rest).unwrap_or(rest.len());
        let text = &rest[..end];
        rest = rest.get(end + 1..).unwrap_or_default();
        if rest.trim_start().starts_with(':') {
            name = text;
        } else {
            members.push(Member { name, text });
            name = "";
        }
        rest = skip_quote(rest);
    }
    members
}

/// What follows the next quote.
fn skip_quote(text: &str) -> &str {
    find_quote(text).map_or("", |at| &text[at + 1..])
}

/// The next quote that is not escaped.
fn find_quote(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    memchr::memchr_iter(b'"', bytes).find(|&at| {
        let escapes = bytes[..at].iter().rev().take_while(|byte| **byte == b'\\');
        escapes.count() % 2 == 0
    })
}

#[cfg(test)]
mod tests {
    use crate::said::Said;

    const LIMIT: &str = "toomanyrequests: You have reached your pull rate limit.";

    fn excerpt(text: &str) -> String {
        Said::of(text).expect("a failure").excerpt.text()
    }

    #[test]
    fn of_json_in_one_line_only_the_words_of_the_failure_are_repeated() {
        let env = r#"{"env":[{"name":"LICENSE","value":"SECRETLIC"}],"args":["--x","SECRETARG"]}"#;
        let nested = format!(r#"{{"env":"SECRETLIC","msg":"{LIMIT}"}}"#);
        let nested = nested.replace('"', "\\\"");
        for text in [
            format!(r#"{{"spec":{env},"message":"{LIMIT}"}}"#),
            format!(r#"[{{"message": "{LIMIT}", "spec": {env}}}]"#),
            format!(r#"{{"level":"error","license":"SECRETLIC","error":"{LIMIT}"}}"#),
            format!(r#"{{"license":"SECRETLIC","log":"{nested}","more":"SECRETLIC"}}"#),
            format!(
                r#"SECRETLIC","x":["a"],{}"message":"{LIMIT}","value":"SECRETLIC""#,
                r#""pad":"","#.repeat(300)
            ),
        ] {
            assert_eq!(excerpt(&text), LIMIT, "{text}");
        }
        let stamped = format!(r#"web-1 | {{"license":"SECRETLIC","error":"{LIMIT}"}}"#);
        assert_eq!(excerpt(&stamped), format!("web-1 | {LIMIT}"));
    }

    #[test]
    fn an_answer_that_is_quoted_within_a_sentence_stays_as_it_stands() {
        let text = r#"unexpected status 429 Too Many Requests: {"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}"#;
        assert_eq!(excerpt(text), text);
    }
}
