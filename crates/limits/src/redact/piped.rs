//! A password that a command gives another on its standard input: `echo … | docker login --password-stdin`, `<<< …`.
//!
//! Shells that trace what they run print these.

use super::{Found, MARK, is_quote, run, strip_ignoring_case};

/// What prints a password into a pipe.
const PRINTING: [&str; 2] = ["echo ", "printf "];

/// How far a command's line is looked at, in bytes.
const MAX_LINE_BYTES: usize = 1024;

/// What is printed into a login's standard input, or comes to it as a string.
pub(super) fn find_piped(text: &str, at: usize) -> Option<Found> {
    let line = &text[at..text.floor_char_boundary(text.len().min(at + MAX_LINE_BYTES))];
    let line = &line[..run(line, |c| c != '\n')];
    let printing = PRINTING
        .iter()
        .find_map(|printing| strip_ignoring_case(line, printing));
    let (start, end) = if let Some(start) = printing {
        let end = line.find('|')?;
        if end < start || !is_login(&line[end..]) {
            return None;
        }
        (skip_format(line, start), end)
    } else {
        let start = line.strip_prefix("<<<").map(|_| "<<<".len())?;
        let from = text.ceil_char_boundary(at.saturating_sub(MAX_LINE_BYTES));
        let before = text[from..at].rsplit('\n').next().unwrap_or_default();
        if !is_login(before) {
            return None;
        }
        let start = start + run(&line[start..], |c| c == ' ');
        let quotes = run(&line[start..], is_quote);
        let is_of_word = |c: char| {
            if quotes > 0 {
                !is_quote(c)
            } else {
                !c.is_whitespace() && c != ';'
            }
        };
        (
            start,
            start + quotes + run(&line[start + quotes..], is_of_word),
        )
    };
    if start >= end {
        return None;
    }
    let value = line[start..end].trim_end_matches(|c| is_quote(c) || c == ' ');
    let quotes = run(value, is_quote);
    // A variable, a placeholder or a file's content is no secret.
    let is_none = value[quotes..].starts_with(['$', '<', '-']) || value.contains(MARK);
    (!is_none).then(|| Found::whole(at + start + quotes, at + start + value.len()))?
}

/// Behind the options and the format of `echo -n`, `printf '%s\n'`.
fn skip_format(line: &str, mut start: usize) -> usize {
    loop {
        start += run(&line[start..], |c| c == ' ');
        let word = run(&line[start..], |c| c != ' ');
        let is_format = line[start..].starts_with('-') || line[start..start + word].contains('%');
        if word == 0 || !is_format {
            return start;
        }
        start += word;
    }
}

fn is_login(command: &str) -> bool {
    command.contains(" login") || command.contains("-stdin")
}
