//! Takes from a text what tools, editors and transports put around the words.
//!
//! Terminal sequences go, JSON and HTML escapes become what they stand for, typographic quotes and dashes plain ones.
//! Line breaks stay: where lines belong together is `message`'s question.

use std::borrow::Cow;

/// How often a text may have been put into JSON, shell quotes or a log's field: a message of a daemon, in a log line, in
/// a JSON log, in an event.
const MAX_ESCAPE_ROUNDS: usize = 4;

/// HTML's names of what appears in messages that were copied from a page.
const ENTITIES: [(&str, &str); 6] = [
    ("&quot;", "\""),
    ("&#34;", "\""),
    ("&#39;", "'"),
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&amp;", "&"),
];

/// The text in plain characters. A text that has nothing to take away comes back borrowed.
pub fn clean(text: &str) -> Cow<'_, str> {
    let mut clean = Cow::Borrowed(text);
    if text.bytes().any(|byte| byte == 0x1b || byte >= 0x80) {
        clean = Cow::Owned(plain(text));
    }
    for _ in 0..MAX_ESCAPE_ROUNDS {
        if !clean.contains('\\') {
            break;
        }
        clean = Cow::Owned(unescape(&clean));
    }
    if clean.contains('&') {
        for (entity, character) in ENTITIES {
            if clean.contains(entity) {
                clean = Cow::Owned(clean.replace(entity, character));
            }
        }
    }
    clean
}

/// Without terminal sequences and invisible characters, with ASCII quotes, dashes and spaces.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_sequence(&mut chars),
            '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{2032}' | '\u{b4}' => plain.push('\''),
            '\u{201c}' | '\u{201d}' | '\u{201e}' | '\u{ab}' | '\u{bb}' | '\u{2033}' => {
                plain.push('"');
            }
            '\u{2010}'..='\u{2015}' | '\u{2212}' => plain.push('-'),
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{3000}' => plain.push(' '),
            '\u{2026}' => plain.push_str("..."),
            // Full-width forms, as East Asian editors make them of a colon or a bracket.
            '\u{ff01}'..='\u{ff5e}' => plain.extend(narrow(c)),
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' => {}
            _ => plain.push(c),
        }
    }
    plain
}

fn narrow(wide: char) -> Option<char> {
    char::from_u32(u32::from(wide) - 0xff01 + 0x21)
}

/// Skips what follows an ESC: a control sequence to its final byte, or an operating system command to its end.
fn skip_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next_if(|c| matches!(c, '[' | ']' | '(' | ')' | '='..='>')) {
        Some('[') => {
            while chars
                .next_if(|c| matches!(c, '\u{20}'..='\u{3f}'))
                .is_some()
            {}
        }
        Some(']') => while chars.next_if(|c| !matches!(c, '\u{7}' | '\n')).is_some() {},
        Some('(' | ')') => {}
        _ => return,
    }
    // The final byte.
    chars.next_if(|&c| c != '\n');
}

/// Takes one layer of backslashes away.
pub(crate) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let mut chars = rest.chars();
        match chars.next() {
            Some('n') => plain.push('\n'),
            Some('r' | 't') => plain.push(' '),
            Some('u') => {
                let hex = rest.get(1..5).filter(|hex| is_hex(hex));
                match hex.and_then(|hex| u32::from_str_radix(hex, 16).ok()) {
                    Some(code) => {
                        push_code(&mut plain, code);
                        rest = &rest[5..];
                        continue;
                    }
                    None => plain.push('u'),
                }
            }
            Some(c) => plain.push(c),
            None => break,
        }
        rest = chars.as_str();
    }
    plain.push_str(rest);
    plain
}

fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A character by its number; terminal sequences in JSON begin with an escaped ESC, whose parameters do no harm.
fn push_code(plain: &mut String, code: u32) {
    match char::from_u32(code) {
        Some('\u{2018}' | '\u{2019}') => plain.push('\''),
        Some('\u{201c}' | '\u{201d}') => plain.push('"'),
        Some(c) if !c.is_control() => plain.push(c),
        _ => plain.push(' '),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_around_the_words_goes() {
        for (text, expected) in [
            ("plain", "plain"),
            ("\u{1b}[31;1mERROR\u{1b}[0m x", "ERROR x"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("‘T’ – “x”\u{a0}…", "'T' - \"x\" ..."),
            (r#"msg=\"a \\\"b\\\"\""#, "msg=\"a \"b\"\""),
            (r"a\nb\tc", "a\nb c"),
            (
                r"https:\/\/x\u0026y \u003ctitle\u003e",
                "https://x&y <title>",
            ),
            ("&quot;x&#39;&lt;&gt;&amp;", "\"x'<>&"),
            (r"tail\", "tail"),
            (r"\u12", "u12"),
            ("toomanyrequests：x", "toomanyrequests:x"),
        ] {
            assert_eq!(clean(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_text_with_nothing_to_take_away_is_borrowed() {
        assert!(matches!(clean("plain: text\n"), Cow::Borrowed(_)));
    }
}
