//! Makes text fit to be shown: what a terminal would obey, or what hides and reorders the text around it, is written as `\uXXXX`.
//!
//! Escaped rather than left out: in JSON it stands for the same character, and in a file's name it can be told from others.

use std::borrow::Cow;
use std::fmt::Write as _;

use forebay_limits::is_unseen;

/// Text of any number of lines: line breaks and tabs are kept.
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_unseen(c) && !matches!(c, '\n' | '\t'))
}

/// Text that is to stay in one line: a line break is escaped, too.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, |c| is_unseen(c) && c != '\t')
}

/// What other programs are to read, as far as it is shown: the line ends of other systems are kept, too.
pub(crate) fn content(text: &str) -> Cow<'_, str> {
    if !text.contains('\r') {
        return lines(text);
    }
    let parts: Vec<Cow<'_, str>> = text.split("\r\n").map(lines).collect();
    Cow::Owned(parts.join("\r\n"))
}

fn escaped(text: &str, is_unfit: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_unfit) {
        return Cow::Borrowed(text);
    }
    let mut fit = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            '\n' if is_unfit(c) => fit.push_str("\\n"),
            c if is_unfit(c) => escape(c, &mut fit),
            c => fit.push(c),
        }
    }
    Cow::Owned(fit)
}

/// As JSON escapes it: by its units of UTF-16 (RFC 8259, section 7).
fn escape(c: char, to: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        // A string takes all that is written to it.
        let _ = write!(to, "\\u{unit:04x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_or_what_hides_text_is_escaped_and_the_rest_is_left() {
        let table = [
            ("plain, ünïcode 漢 😀", "plain, ünïcode 漢 😀"),
            ("a\u{1b}[2Jb", "a\\u001b[2Jb"),
            ("a\u{9b}31mb\u{7f}", "a\\u009b31mb\\u007f"),
            ("exe\u{202e}gpj", "exe\\u202egpj"),
            ("a\u{2028}b\u{feff}", "a\\u2028b\\ufeff"),
            ("a\u{e0041}", "a\\udb40\\udc41"),
            ("a\rb", "a\\u000db"),
        ];
        for (text, expected) in table {
            assert_eq!(lines(text), expected, "{text:?}");
            assert_eq!(one_line(text), expected, "{text:?}");
        }
        assert_eq!(lines("a\n\tb"), "a\n\tb");
        assert_eq!(one_line("a\n\tb"), "a\\n\tb");
        assert_eq!(content("a\r\nb\r"), "a\r\nb\\u000d");
    }
}
