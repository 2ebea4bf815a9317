//! Keys and values in the lines of a template.
//!
//! A template is no YAML before it is filled in, so this is a lexer of lines: a key, a value of literal text and actions,
//! perhaps a comment.

use std::ops::Range;

/// A value in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Value<'t> {
    /// Without its quotes and the comment behind it.
    pub text: &'t str,
    /// Where that begins, in bytes of the file.
    pub start: usize,
    /// Whether it is in quotes.
    pub quoted: bool,
}

/// The keys of a line and their values: one, and those of maps in braces. The line begins at `at` of its file.
pub fn pairs(line: &str, at: usize) -> Vec<(&str, Value<'_>)> {
    let trimmed = line.trim_start();
    let trimmed = trimmed.strip_prefix("- ").map_or(trimmed, str::trim_start);
    let is_flow = |text: &str| text.starts_with(['{', '[']) && !text.starts_with("{{");
    let first = key_and_value(line, at);
    let start = match &first {
        Some((_, value)) if is_flow(value.text) && !value.quoted => value.start - at,
        None if is_flow(trimmed) => line.len() - trimmed.len(),
        _ => return first.into_iter().collect(),
    };
    let inner = &line[start..];
    let items = flow_items(inner).into_iter();
    items
        .filter_map(|item| key_and_value(&inner[item.clone()], at + start + item.start))
        .collect()
}

/// What stands between the braces, brackets and commas of a text, outside of quotes and actions.
fn flow_items(text: &str) -> Vec<Range<usize>> {
    let (mut items, mut start, mut at) = (Vec::new(), 0, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        let rest = &text[at..];
        let quoted = match bytes[at] {
            b'{' if rest.starts_with("{{") => rest.find("}}").map(|end| end + 2),
            // A quote within a word is none.
            quote @ (b'"' | b'\'') if text[..at].ends_with([' ', ':', ',', '{', '[']) => {
                closing_quote(&rest[1..], char::from(quote)).map(|end| end + 2)
            }
            b'{' | b'}' | b'[' | b']' | b',' => {
                items.push(start..at);
                start = at + 1;
                None
            }
            _ => None,
        };
        at += quoted.unwrap_or_else(|| rest.chars().next().map_or(1, char::len_utf8));
    }
    items.push(start..text.len());
    items
}

/// The key of a line and its value, without quotes and comment.
pub(super) fn key_and_value(line: &str, at: usize) -> Option<(&str, Value<'_>)> {
    let trimmed = line.trim_start();
    let trimmed = trimmed.strip_prefix("- ").map_or(trimmed, str::trim_start);
    if trimmed.starts_with(['#', '{']) {
        return None;
    }
    let (key, rest) = trimmed.split_once(':')?;
    let key = key.trim_matches(['"', '\'']);
    let is_key = !key.is_empty()
        && key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if !is_key || !(rest.is_empty() || rest.starts_with([' ', '\t'])) {
        return None;
    }
    let value = rest.trim_start();
    let offset = at + (line.len() - value.len());
    for quote in ['"', '\''] {
        if let Some(inner) = value.strip_prefix(quote) {
            let end = closing_quote(inner, quote)?;
            return Some((
                key,
                Value {
                    text: &inner[..end],
                    start: offset + 1,
                    quoted: true,
                },
            ));
        }
    }
    Some((
        key,
        Value {
            text: without_comment(value),
            start: offset,
            quoted: false,
        },
    ))
}

/// Where a quote closes: not within an action.
fn closing_quote(text: &str, quote: char) -> Option<usize> {
    let mut from = 0;
    loop {
        let close = from + text[from..].find(quote)?;
        match text[from..close].find("{{") {
            Some(open) => from = from + open + text[from + open..].find("}}")? + 2,
            None => return Some(close),
        }
    }
}

/// A plain value up to its comment: a `#` behind a blank, and in no action.
fn without_comment(value: &str) -> &str {
    let mut from = 0;
    loop {
        let comment = value[from..].find(" #").map(|found| from + found);
        let action = value[from..].find("{{").map(|found| from + found);
        match (comment, action) {
            (Some(comment), Some(action)) if action < comment => match value[action..].find("}}") {
                Some(end) => from = action + end + 2,
                None => return value.trim_end(),
            },
            (Some(comment), _) => return value[..comment].trim_end(),
            (None, _) => return value.trim_end(),
        }
    }
}
