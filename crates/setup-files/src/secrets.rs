//! Takes the secrets out of a client's file as it is shown: beside what is ours stand others' accounts and passwords.
//!
//! Line by line, for each form in which clients are set up (TOML, YAML, JSON, shell): the value of what a name tells to be a
//! secret, and tokens that are known by themselves. Rather too much is hidden than too little; what is written hides nothing.

use std::borrow::Cow;

use forebay_limits::{is_setting_secret, redact_tokens};

/// Stands in the place of a secret.
const MARK: &str = "***";

/// What is no secret whatever it is called: a permission, who logs in at any ECR, and nothing.
const HARMLESS: [&str; 9] = [
    "read", "write", "none", "true", "false", "null", "AWS", "~", "",
];

/// How the names of files of programs end, in which only what is quoted is a value.
const SOURCE_CODE: [&str; 4] = [".py", ".ts", ".js", ".mjs"];

/// What is in the paths of files that resolve variables: pipelines', scripts', Compose's and the environment's.
const RESOLVING: [&str; 7] = [
    ".github/",
    ".gitlab-ci",
    "workflow",
    ".sh",
    ".env",
    "compose",
    "environment",
];

/// How a key in PEM begins, and how the line does that ends it.
const PRIVATE_KEY: (&str, &str, &str) = ("-----BEGIN ", "PRIVATE KEY-----", "-----END ");

/// The file's text with a mark in the place of each secret.
pub fn without_secrets<'a>(path: &str, text: &'a str) -> Cow<'a, str> {
    let mut hider = Hider {
        is_code: SOURCE_CODE.iter().any(|ending| path.ends_with(ending)),
        resolves: RESOLVING.iter().any(|part| path.contains(part)),
        ..Hider::default()
    };
    let mut shown = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let body = line.trim_end_matches(['\r', '\n']);
        shown.push_str(&hider.line(body));
        shown.push_str(&line[body.len()..]);
    }
    if shown == text {
        return Cow::Borrowed(text);
    }
    Cow::Owned(shown)
}

/// Reads a file's lines, and knows what the next one may belong to.
#[derive(Default)]
struct Hider {
    is_code: bool,
    /// Whether `$NAME` is a variable here, and no text.
    resolves: bool,
    /// Whether this is a table of a request's headers: any of them may be a key.
    is_header: bool,
    inside: Option<Inside>,
}

/// Where a secret is that has not come to its end.
#[derive(Clone, Copy)]
enum Inside {
    /// In all lines that begin behind this column.
    Deeper(usize),
    /// In the next line, if that begins behind this column and is no mapping of its own.
    Next(usize),
    /// In the items of a list at this column, and in what is deeper.
    Items(usize),
    /// In all lines to the one with this.
    Until(&'static str),
}

impl Hider {
    fn line(&mut self, line: &str) -> String {
        if self.belongs(line) {
            return hidden(line);
        }
        let (begin, key, end) = PRIVATE_KEY;
        if line.contains(begin) && line.contains(key) && !line.contains(end) {
            self.inside = Some(Inside::Until(end));
            return hidden(line);
        }
        let trimmed = line.trim();
        if trimmed.starts_with('[') && trimmed.ends_with(']') {
            self.is_header = trimmed.ends_with(".header]");
        }
        let named = self.without_named(line);
        redact_tokens(&named).into_owned()
    }

    /// Whether the line is the inside of a secret that began before.
    fn belongs(&mut self, line: &str) -> bool {
        let column = line.len() - line.trim_start().len();
        let is_blank = line.trim().is_empty();
        match self.inside {
            Some(Inside::Until(end)) => {
                if line.contains(end) {
                    self.inside = None;
                }
                true
            }
            Some(Inside::Deeper(key)) if is_blank || column > key => true,
            Some(Inside::Items(first))
                if is_blank || column > first || column == first && is_item(line) =>
            {
                true
            }
            Some(Inside::Next(_)) if is_blank => false,
            Some(Inside::Next(key)) if column >= key && is_item(line) && !is_mapping(line) => {
                self.inside = Some(Inside::Items(column));
                true
            }
            Some(Inside::Next(key)) if column > key && !is_mapping(line) => {
                self.inside = Some(Inside::Deeper(key));
                true
            }
            _ => {
                self.inside = None;
                false
            }
        }
    }

    /// The line with a mark for each value whose name tells that it is a secret.
    fn without_named(&mut self, line: &str) -> String {
        let mut shown = String::with_capacity(line.len());
        let mut at = 0;
        let flow = line.find('{').unwrap_or(line.len());
        while let Some(sign) = line[at..].find([':', '=']).map(|found| at + found) {
            let Some(key) = self.find_key(line, sign) else {
                shown.push_str(&line[at..=sign]);
                at = sign + 1;
                continue;
            };
            let rest = &line[sign + 1..];
            let start = line.len() - rest.trim_start_matches([' ', '\t', '=']).len();
            let length = self.value(&line[start..], key, flow < sign);
            shown.push_str(&line[at..start]);
            at = start + length;
            let value = &line[start..at];
            shown.push_str(&mark(value, self.resolves));
        }
        shown.push_str(&line[at..]);
        shown
    }

    /// The column of the name before a sign, if that tells a secret.
    fn find_key(&self, line: &str, sign: usize) -> Option<usize> {
        let is_assigned = line.as_bytes()[sign] == b'=';
        let before = line[..sign].trim_end_matches([' ', '\t', ':']);
        let name = before.trim_end_matches(['"', '\'', '\\']);
        let is_quoted = name.len() < before.len();
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let column = name
            .char_indices()
            .rev()
            .take_while(|(_, c)| is_of_name(*c))
            .last()
            .map(|(at, _)| at)?;
        // A colon within a word is one of an address, or of an ARN.
        let next = line[sign + 1..].chars().next();
        let is_sign =
            is_assigned || is_quoted || next.is_none_or(|c| matches!(c, ' ' | '\t' | '"' | '\''));
        let is_first = || {
            line[..column]
                .trim_matches([' ', '\t', '"', '\''])
                .is_empty()
        };
        let is_header = || self.is_header && is_assigned && is_first();
        // Who logs in, beside the password. In a program such a name is a part of images' names as well.
        let is_account = || !self.is_code && name[column..].eq_ignore_ascii_case("username");
        let is_secret = is_setting_secret(&name[column..]) || is_account() || is_header();
        (is_sign && is_secret).then_some(column)
    }

    /// How long the value is that the line goes on with; notes where it goes on behind the line's end.
    fn value(&mut self, text: &str, key: usize, is_flow: bool) -> usize {
        let first = text.chars().next();
        let quoted = ["\"\"\"", "'''"]
            .into_iter()
            .find(|quote| text.starts_with(quote));
        if let Some(quote) = quoted {
            let end = text[quote.len()..].find(quote);
            self.inside = end.is_none().then_some(Inside::Until(quote));
            return end.map_or(text.len(), |end| end + 2 * quote.len());
        }
        match first {
            Some(quote @ ('"' | '\'')) => match string_end(text, quote) {
                Some(end) => end,
                None => self.rest_of_line(text, key),
            },
            // A string within a string.
            Some('\\') => match inner_string_end(text) {
                Some(end) => end,
                None => self.rest_of_line(text, key),
            },
            // What has names of its own.
            Some('{') => 0,
            // What stands behind a list in its line goes with it.
            Some('[') => {
                let is_whole = text.trim_end_matches([' ', ',', '}']).ends_with(']');
                self.inside = (!is_whole).then_some(Inside::Until("]"));
                text.len()
            }
            _ if self.is_code => 0,
            Some('|' | '>') => {
                self.inside = Some(Inside::Deeper(key));
                0
            }
            None | Some('#') => {
                self.inside = Some(Inside::Next(key));
                0
            }
            Some(_) if is_flow => text.find([',', '}', ']']).unwrap_or(text.len()),
            Some(_) => self.rest_of_line(text, key),
        }
    }

    fn rest_of_line(&mut self, text: &str, key: usize) -> usize {
        if !is_open(text, self.resolves) {
            self.inside = Some(Inside::Deeper(key));
        }
        text.len()
    }
}

/// What is shown of a value: its quotes.
fn mark(value: &str, resolves: bool) -> Cow<'_, str> {
    if is_open(value, resolves) {
        return Cow::Borrowed(value);
    }
    let quote = ['"', '\'']
        .into_iter()
        .find(|quote| value.len() > 1 && value.starts_with(*quote) && value.ends_with(*quote));
    quote.map_or(Cow::Borrowed(MARK), |quote| {
        Cow::Owned(format!("{quote}{MARK}{quote}"))
    })
}

fn hidden(line: &str) -> String {
    let body = line.trim_start();
    let mark = if body.is_empty() { "" } else { MARK };
    format!("{}{mark}", &line[..line.len() - body.len()])
}

/// Whether a line has names of its own.
fn is_mapping(line: &str) -> bool {
    let line = line.trim();
    line.starts_with(['{', '[']) || line.ends_with(':') || line.contains(": ")
}

/// Whether a line is an item of a list.
fn is_item(line: &str) -> bool {
    line.trim_start().starts_with("- ")
}

/// Where a string ends behind its closing quote.
fn string_end(text: &str, quote: char) -> Option<usize> {
    let mut is_escaped = false;
    let mut inside = text.char_indices().skip(1).peekable();
    while let Some((at, c)) = inside.next() {
        if is_escaped {
            is_escaped = false;
        } else if c == '\\' && quote == '"' {
            is_escaped = true;
        } else if c == quote
            && quote == '\''
            && inside.next_if(|(_, next)| *next == quote).is_some()
        {
            // YAML's quote within a string: both were passed over.
        } else if c == quote {
            return Some(at + quote.len_utf8());
        }
    }
    None
}

/// Where a string ends whose quotes are escaped, as in a string of JSON: behind the same quote again.
fn inner_string_end(text: &str) -> Option<usize> {
    let quote = ["\\\"", "\\'"]
        .into_iter()
        .find(|quote| text.starts_with(quote))?;
    let end = text[quote.len()..].find(quote)?;
    Some(end + 2 * quote.len())
}

/// Whether a value may be shown: a permission, or what only names where the secret is, in files that resolve names.
fn is_open(value: &str, resolves: bool) -> bool {
    let value = value.trim_matches(['"', '\'', ' ', ',']);
    let is_variable = value.strip_prefix('$').is_some_and(|name| {
        let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(is_of_name)
    });
    let is_filled_in = ["${", "$(", "{{"]
        .iter()
        .any(|open| value.starts_with(open) && value.ends_with(['}', ')']));
    let is_placeholder = value.starts_with('<') && value.ends_with('>');
    // A workflow's expression, whatever its file is called.
    let is_expression = value.starts_with("${{") && value.ends_with("}}");
    let is_named = is_expression || resolves && (is_variable || is_filled_in);
    HARMLESS.contains(&value) || is_placeholder || is_named
}

#[cfg(test)]
mod tests;
