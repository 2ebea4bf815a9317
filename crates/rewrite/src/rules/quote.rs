//! Names of files as they stand in a diff, and in lines beside it: what a terminal would obey is written out.

use std::borrow::Cow;
use std::fmt::Write as _;

use forebay_limits::is_unseen;

/// A file's name as git writes it: as it is, or in quotes with C's escapes, `\ooo` for a byte that has none.
pub fn quoted_name(name: &[u8]) -> Cow<'_, str> {
    let is_odd = |c: char| is_unseen(c) || matches!(c, '"' | '\\');
    match std::str::from_utf8(name) {
        Ok(text) if !text.contains(is_odd) => return Cow::Borrowed(text),
        _ => {}
    }
    let mut quoted = "\"".to_owned();
    for chunk in name.utf8_chunks() {
        for c in chunk.valid().chars() {
            match escape_of(c) {
                Some(escape) => quoted.extend(['\\', escape]),
                None if is_unseen(c) => {
                    push_octal(&mut quoted, c.encode_utf8(&mut [0; 4]).as_bytes());
                }
                None => quoted.push(c),
            }
        }
        push_octal(&mut quoted, chunk.invalid());
    }
    quoted.push('"');
    Cow::Owned(quoted)
}

/// The letter after the backslash, by C.
fn escape_of(c: char) -> Option<char> {
    Some(match c {
        '"' | '\\' => c,
        '\u{7}' => 'a',
        '\u{8}' => 'b',
        '\t' => 't',
        '\n' => 'n',
        '\u{b}' => 'v',
        '\u{c}' => 'f',
        '\r' => 'r',
        _ => return None,
    })
}

fn push_octal(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(text, "\\{byte:03o}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_as_git_quotes_it() {
        for (name, quoted) in [
            (&b"a/b c.yaml"[..], "a/b c.yaml"),
            ("a/é.yaml".as_bytes(), "a/é.yaml"),
            (b"a\tb", r#""a\tb""#),
            (b"a\nb\"c\\", r#""a\nb\"c\\""#),
            (b"\x1b[31m\x7f", r#""\033[31m\177""#),
            (b"\xff.yaml", r#""\377.yaml""#),
            ("a\u{202e}b\u{85}".as_bytes(), r#""a\342\200\256b\302\205""#),
        ] {
            assert_eq!(quoted_name(name), quoted);
        }
    }
}
