//! Key-value pairs and quoted texts as Go's loggers write them.
//!
//! `key=value key="a \"quoted\" value"`: dockerd's and containerd's logfmt, and the tail of klog's lines.

use std::borrow::Cow;

/// The most pairs of one line.
const MAX_PAIRS: usize = 64;

/// The pairs of a line, in order.
#[derive(Debug, Default)]
pub struct Fields<'a>(Vec<(&'a str, Cow<'a, str>)>);

impl<'a> Fields<'a> {
    /// Reads pairs as far as there are any; other words between them are passed over.
    pub fn parse(text: &'a str) -> Self {
        let mut pairs = Vec::new();
        let mut rest = text.trim_start();
        while !rest.is_empty() && pairs.len() < MAX_PAIRS {
            let key_end = rest.find(|c: char| !is_of_key(c)).unwrap_or(rest.len());
            let Some(after) = rest[key_end..].strip_prefix('=').filter(|_| key_end > 0) else {
                let next = rest.find(' ').map_or(rest.len(), |at| at + 1);
                rest = rest[next..].trim_start();
                continue;
            };
            let (value, tail) = take_value(after);
            pairs.push((&rest[..key_end], value));
            rest = tail.trim_start();
        }
        Self(pairs)
    }

    /// The value of a key.
    pub fn find(&self, key: &str) -> Option<&str> {
        let pair = self.0.iter().find(|(name, _)| *name == key)?;
        Some(&pair.1)
    }
}

/// A text in quotes at the front, unescaped, and what follows it.
pub fn take_quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let inner = text.strip_prefix('"')?;
    let mut end = 0;
    loop {
        end += memchr::memchr2(b'"', b'\\', inner.as_bytes().get(end..)?)?;
        if inner.as_bytes()[end] == b'"' {
            break;
        }
        // And the character behind the backslash.
        end += 1 + inner[end + 1..].chars().next()?.len_utf8();
    }
    let value = &inner[..end];
    let value = if value.contains('\\') {
        Cow::Owned(unescape(value))
    } else {
        Cow::Borrowed(value)
    };
    Some((value, &inner[end + 1..]))
}

/// The text between the first pair of quotes after `before`.
pub fn quoted_after<'a>(text: &'a str, before: &str) -> Option<Cow<'a, str>> {
    let at = end_of(text, before)?;
    let start = at + text[at..].find('"')?;
    take_quoted(&text[start..]).map(|(value, _)| value)
}

/// The word after `before`, up to white space or a bracket.
pub fn word_after<'a>(text: &'a str, before: &str) -> Option<&'a str> {
    let rest = &text[end_of(text, before)?..];
    let end = rest
        .find(|c: char| c.is_whitespace() || matches!(c, ')' | ',' | '"' | '\'' | '\\'))
        .unwrap_or(rest.len());
    (end > 0).then(|| &rest[..end])
}

/// Where a phrase ends in a text that mostly has none.
fn end_of(text: &str, phrase: &str) -> Option<usize> {
    memchr::memmem::find(text.as_bytes(), phrase.as_bytes()).map(|at| at + phrase.len())
}

fn take_value(text: &str) -> (Cow<'_, str>, &str) {
    if let Some(taken) = take_quoted(text) {
        return taken;
    }
    // A quote that never closes: the line was cut there.
    if let Some(open) = text.strip_prefix('"') {
        return (Cow::Owned(unescape(open)), "");
    }
    let end = text.find(' ').unwrap_or(text.len());
    (Cow::Borrowed(&text[..end]), &text[end..])
}

fn unescape(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '\\' => match chars.next() {
                Some('n' | 'r' | 't') => ' ',
                Some(other) => other,
                None => break,
            },
            other => other,
        };
        clean.push(c);
    }
    clean
}

fn is_of_key(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_read_with_quotes_inside_of_quotes() {
        let fields = Fields::parse(
            r#"time="2026" level=error msg="PullImage \"nginx\" failed" noise service.id=abc err="cut"#,
        );
        assert_eq!(fields.find("msg"), Some(r#"PullImage "nginx" failed"#));
        assert_eq!(fields.find("service.id"), Some("abc"));
        assert_eq!(fields.find("err"), Some("cut"));
        assert_eq!(fields.find("missing"), None);
    }

    #[test]
    fn the_text_in_quotes_after_a_phrase_is_found() {
        let text = r#"Failed to pull image "nginx:1": rpc error"#;
        assert_eq!(
            quoted_after(text, "Failed to pull image ").as_deref(),
            Some("nginx:1")
        );
        assert_eq!(word_after("(task abc) x", "(task "), Some("abc"));
        assert_eq!(quoted_after(text, "absent"), None);
    }
}
