//! Finds images in the fences of Markdown, by the language that each names.
//!
//! A fence without a language is prose as far as we know. In transcripts of a console only the lines after a prompt are
//! commands; a fence of a shell is one if its commands have prompts.

use crate::find::find_within;
use crate::shell;
use forebay_references::{Format, Found, Settings};

/// The longest prompt, in bytes.
const MAX_PROMPT_BYTES: usize = 80;

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
    // What nobody closes ends with the text.
    if let Some(begun) = open {
        let part = begun.read(&text[begun.start..], settings, depth + 1);
        found.absorb(part, begun.start);
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
        .trim_start_matches(['{', '.'])
        .split([' ', ',', '{', '}'])
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
        let is_shell = format == Some(Format::Shell);
        if is_shell && body.lines().any(|line| line.trim_start().starts_with("$ ")) {
            return console(body, settings, depth);
        }
        let read = |format| find_within((format, ""), body, settings, depth);
        format.map(read).unwrap_or_default()
    }
}

/// The commands of a transcript, as one script: what is none of them is blank.
fn console(body: &str, settings: &Settings, depth: usize) -> Found {
    let mut script = String::with_capacity(body.len());
    let mut goes_on = false;
    for line in body.split_inclusive('\n') {
        let prompt = match prompt(line) {
            _ if goes_on => line.len() - after(line, "> ").unwrap_or(line).len(),
            Some(length) => length,
            None => line.trim_end_matches(['\n', '\r']).len(),
        };
        script.extend(std::iter::repeat_n(' ', prompt));
        script.push_str(&line[prompt..]);
        let is_command = goes_on || prompt < line.trim_end().len();
        goes_on = is_command && line.trim_end_matches(['\n', '\r']).ends_with('\\');
    }
    shell::find(&script, settings, depth)
}

/// How many bytes of a line come before its command, if it has a prompt: `$ `, `user@host:~$ `.
fn prompt(line: &str) -> Option<usize> {
    let signs = ["$ ", "# ", "> "].into_iter();
    let plain = signs.clone().find_map(|sign| after(line, sign));
    let named = || {
        let rest = signs.filter_map(|sign| line.split_once(sign));
        let rest = rest.min_by_key(|(name, _)| name.len());
        rest.filter(|(name, _)| is_host(name)).map(|(_, rest)| rest)
    };
    Some(line.len() - plain.or_else(named)?.len())
}

/// What stands behind a sign that a line begins with.
fn after<'l>(line: &'l str, sign: &str) -> Option<&'l str> {
    line.trim_start().strip_prefix(sign)
}

/// Whether what stands before a sign is a user at a host, with a folder.
fn is_host(name: &str) -> bool {
    let is_of_prompt = |c: char| c.is_ascii_alphanumeric() || " @:~/._-[]".contains(c);
    name.contains('@') && name.len() <= MAX_PROMPT_BYTES && name.trim().chars().all(is_of_prompt)
}
