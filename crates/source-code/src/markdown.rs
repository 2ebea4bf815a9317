//! Finds images in the fences of Markdown, by the language that each names.
//!
//! A fence without a language is prose as far as we know. In transcripts of a console only the lines after a prompt are
//! commands.

use crate::find::find_within;
use crate::shell;
use forebay_references::{Format, Found, Settings};

/// The images in a Markdown text's fences.
pub(crate) fn find(text: &str, settings: &Settings, depth: usize) -> Found {
    let mut found = Found::default();
    let mut open: Option<Fence<'_>> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = at;
        at += line.len();
        let fence = marker(line);
        match (open.take(), fence) {
            (None, Some((sign, length, language))) => {
                open = Some(Fence {
                    sign,
                    length,
                    language,
                    start: at,
                });
            }
            (Some(begun), Some((sign, length, rest)))
                if sign == begun.sign && length >= begun.length && rest.is_empty() =>
            {
                let part = begun.read(&text[begun.start..start], settings, depth + 1);
                found.absorb(part, begun.start);
            }
            (begun, _) => open = begun,
        }
    }
    found
}

struct Fence<'a> {
    sign: char,
    length: usize,
    language: &'a str,
    /// Where its body begins.
    start: usize,
}

/// The sign of a fence, how many there are, and the first word after them (`CommonMark` 0.31, "Fenced code blocks").
fn marker(line: &str) -> Option<(char, usize, &str)> {
    let line = line.trim();
    // A fence may be what an item of a list begins with.
    let item = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let item = ["- ", "* ", "+ ", ". ", ") "]
        .iter()
        .find_map(|sign| item.strip_prefix(sign));
    let line = item.unwrap_or(line).trim_start();
    let sign = line
        .chars()
        .next()
        .filter(|sign| matches!(sign, '`' | '~'))?;
    let rest = line.trim_start_matches(sign);
    let length = line.len() - rest.len();
    let language = rest
        .trim()
        .split([' ', ',', '{'])
        .next()
        .unwrap_or_default();
    (length >= 3 && !(sign == '`' && rest.contains('`'))).then_some((sign, length, language))
}

impl Fence<'_> {
    fn read(&self, body: &str, settings: &Settings, depth: usize) -> Found {
        if matches!(self.language, "console" | "shell-session" | "terminal") {
            return console(body, settings, depth);
        }
        // A fence of Markdown in Markdown would bring us back here.
        let format = Format::by_word(self.language).filter(|format| *format != Format::Markdown);
        let read = |format| find_within((format, ""), body, settings, depth);
        format.map(read).unwrap_or_default()
    }
}

/// The commands of a transcript.
fn console(body: &str, settings: &Settings, depth: usize) -> Found {
    let mut found = Found::default();
    let mut at = 0;
    for line in body.split_inclusive('\n') {
        let command = ["$ ", "# ", "> "]
            .iter()
            .find_map(|prompt| line.trim_start().strip_prefix(prompt));
        if let Some(command) = command {
            let offset = at + line.len() - command.len();
            found.absorb(shell::find(command, settings, depth), offset);
        }
        at += line.len();
    }
    found
}
