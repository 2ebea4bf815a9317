//! Makes a stranger's text fit for one line of a log or a message.
//!
//! Escape sequences and invisible characters go, line breaks become spaces, marks do not pile up, the length is bounded: nobody
//! forges a line, or paints over another.

use crate::is_unseen;

/// Marks where a text was cut.
const ELLIPSIS: char = '…';

/// The most marks on one character: words of any language need no more (Vietnamese and pointed Hebrew two, Thai two), and a
/// pile of them covers the lines above.
const MAX_MARKS: usize = 3;

/// Strips what a terminal or a log reader would obey, and cuts to `max_bytes` bytes, the mark of the cut included.
///
/// Any run of white space becomes one space, none is left at the ends.
pub fn printable(text: &str, max_bytes: usize) -> String {
    let mut line = String::new();
    let mut is_gap = false;
    let mut marks = 0;
    for c in visible(text) {
        if c.is_whitespace() {
            is_gap = true;
            continue;
        }
        if is_gap && !line.is_empty() {
            line.push(' ');
        }
        is_gap = false;
        marks = if is_mark(c) { marks + 1 } else { 0 };
        if marks > MAX_MARKS {
            continue;
        }
        line.push(c);
        if line.len() > max_bytes {
            return cut(line, max_bytes);
        }
    }
    line
}

/// Cuts a line that is too long at a character's boundary and marks it, if the mark fits.
fn cut(mut line: String, max_bytes: usize) -> String {
    let room = max_bytes.saturating_sub(ELLIPSIS.len_utf8());
    let end = line.floor_char_boundary(room);
    line.truncate(end);
    line.truncate(line.trim_end().len());
    if max_bytes >= ELLIPSIS.len_utf8() {
        line.push(ELLIPSIS);
    }
    line
}

/// The characters of a text that are seen, its white space as it is.
pub(crate) fn visible(text: &str) -> impl Iterator<Item = char> + '_ {
    Visible(text.chars())
}

/// Yields the characters that may be shown, white space for line breaks.
struct Visible<'a>(std::str::Chars<'a>);

impl Iterator for Visible<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        loop {
            match self.0.next()? {
                '\u{1b}' => self.skip_escape(),
                '\u{9b}' => self.skip_control_sequence(),
                c if c.is_whitespace() => return Some(c),
                c if is_hidden(c) => {}
                c => return Some(c),
            }
        }
    }
}

impl Visible<'_> {
    /// Skips what follows an ESC: a control sequence, an operating system command, or one character.
    fn skip_escape(&mut self) {
        let mut ahead = self.0.clone();
        match ahead.next() {
            Some('[') => {
                self.0 = ahead;
                self.skip_control_sequence();
            }
            Some(']' | 'P' | 'X' | '^' | '_') => {
                self.0 = ahead;
                self.skip_string();
            }
            Some(c) if c.is_ascii_graphic() => self.0 = ahead,
            _ => {}
        }
    }

    /// Skips parameters up to and with the final byte of a CSI sequence; an unfinished one ends where it stops making sense.
    fn skip_control_sequence(&mut self) {
        let mut ahead = self.0.clone();
        while let Some(c) = ahead.next() {
            match c {
                '\u{20}'..='\u{3f}' => self.0 = ahead.clone(),
                '\u{40}'..='\u{7e}' => {
                    self.0 = ahead;
                    return;
                }
                _ => return,
            }
        }
    }

    /// Skips a string sequence's text up to BEL, ST, or the end of its line.
    fn skip_string(&mut self) {
        let mut ahead = self.0.clone();
        while let Some(c) = ahead.next() {
            match c {
                '\u{7}' | '\u{9c}' => {
                    self.0 = ahead;
                    return;
                }
                // The ESC of an ST is left for the caller, who skips it with the character after it.
                '\u{1b}' | '\n' | '\r' => return,
                _ => self.0 = ahead.clone(),
            }
        }
    }
}

/// What nobody sees, and fillers: letters, blanks and selectors that nobody sees either.
fn is_hidden(c: char) -> bool {
    is_unseen(c)
        || matches!(c,
            '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{2800}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}')
}

/// What stands on the character before it: the blocks of combining marks (Unicode 16), and those of the scripts that have
/// several on one letter.
fn is_mark(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5bd}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}'
        | '\u{6d6}'..='\u{6ed}' | '\u{e31}' | '\u{e34}'..='\u{e3a}' | '\u{e47}'..='\u{e4e}' | '\u{eb1}' | '\u{eb4}'..='\u{ebc}'
        | '\u{ec8}'..='\u{ece}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_nobody_sees_are_gone_and_marks_do_not_pile_up() {
        let table = [
            ("a\u{3164}b\u{115f}c\u{1160}d\u{ffa0}e\u{2800}", "abcde"),
            ("\u{3164}\u{3164}", ""),
            ("ci\u{fe0f}\u{e0100}", "ci"),
            ("e\u{302}\u{301}", "e\u{302}\u{301}"),
            ("ก\u{e34}\u{e48}", "ก\u{e34}\u{e48}"),
        ];
        for (text, expected) in table {
            assert_eq!(printable(text, 100), expected, "{text:?}");
        }
        let pile = "\u{301}".repeat(40);
        assert_eq!(
            printable(&format!("a{pile}b{pile}"), 100),
            "a\u{301}\u{301}\u{301}b\u{301}\u{301}\u{301}"
        );
    }

    #[test]
    fn escapes_controls_and_line_breaks_are_gone() {
        let table = [
            ("plain text", "plain text"),
            ("a\nlevel=error b", "a level=error b"),
            ("a\r\n\t b", "a b"),
            ("\u{1b}[31;1mred\u{1b}[0m", "red"),
            ("\u{9b}31mred", "red"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]0;title\u{1b}\\x", "x"),
            ("\u{1b}]8;;http://e\nx", "x"),
            ("\u{1b}cx", "x"),
            ("x\u{1b}", "x"),
            ("x\u{1b}[", "x"),
            ("x\u{1b}[12", "x"),
            ("a\u{0}b\u{7f}c\u{85}d", "abc d"),
            ("a\u{202e}b\u{2066}c\u{feff}", "abc"),
            ("a\u{2028}b", "a b"),
            ("  spaced  ", "spaced"),
            ("ünïcode 漢", "ünïcode 漢"),
        ];
        for (text, expected) in table {
            assert_eq!(printable(text, 100), expected, "{text:?}");
        }
    }

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        let table = [
            ("abcdef", 6, "abcdef"),
            ("abcdefg", 6, "abc…"),
            ("ab      cdefgh", 6, "ab…"),
            ("漢漢漢", 8, "漢…"),
            ("漢漢漢", 9, "漢漢漢"),
            ("abc", 2, ""),
            ("abc", 0, ""),
        ];
        for (text, max_bytes, expected) in table {
            assert_eq!(printable(text, max_bytes), expected, "{text} {max_bytes}");
        }
    }
}
