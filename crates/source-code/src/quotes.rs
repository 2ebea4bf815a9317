//! What a string literal comes to: the escapes that Python and JavaScript share.
//!
//! No escape belongs into an image name; these are decoded so that a text that has one is known for what it is.

/// The text between the quotes; `None` for an escape that we do not know.
pub(super) fn decode(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let (decoded, length) = one(escape)?;
        text.extend(decoded);
        rest = &escape[length..];
    }
    text.push_str(rest);
    Some(text)
}

/// One escape without its backslash: what it stands for, and its length in bytes.
fn one(escape: &str) -> Option<(Option<char>, usize)> {
    let first = escape.chars().next()?;
    Some(match first {
        '\n' => (None, 1),
        '\r' => (None, if escape.starts_with("\r\n") { 2 } else { 1 }),
        'n' => (Some('\n'), 1),
        't' => (Some('\t'), 1),
        'r' => (Some('\r'), 1),
        '\\' | '\'' | '"' | '`' | '/' | '$' => (Some(first), 1),
        'x' => (Some(hex(escape.get(1..3)?)?), 3),
        'u' => (Some(hex(escape.get(1..5)?)?), 5),
        _ => return None,
    })
}

fn hex(digits: &str) -> Option<char> {
    u32::from_str_radix(digits, 16)
        .ok()
        .and_then(char::from_u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_escapes_are_decoded_and_others_refused() {
        for (raw, text) in [
            ("nginx", Some("nginx")),
            (r"a\x2fb", Some("a/b")),
            (r"a\u002fb", Some("a/b")),
            ("a\\\nb", Some("ab")),
            ("a\\\r\nb", Some("ab")),
            (r"a\qb", None),
            (r"a\x2", None),
            ("a\\", None),
        ] {
            assert_eq!(decode(raw).as_deref(), text, "{raw}");
        }
    }
}
