//! Cuts a shell script into commands, words and here-documents, with the bytes of each.
//!
//! POSIX `sh` with Bash's arrays, `<<<` and `$'…'`, as far as words and their ends go. It never fails: what is not closed
//! ends with the text. Structure (`if`, `for`, functions) is not built; commands are found wherever they stand.

use std::ops::Range;

/// The deepest nesting of substitutions and defaults.
const MAX_DEPTH: usize = 24;

/// A simple command, or what stands where one would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) words: Vec<Word>,
}

/// A word: stretches of one kind of quoting each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) span: Range<usize>,
    pub(super) segments: Vec<Segment>,
    /// The items of an array that is assigned.
    pub(super) items: Vec<Word>,
}

/// A stretch of a word within the same quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// With its quotes.
    pub(super) span: Range<usize>,
    pub(super) is_quoted: bool,
    pub(super) parts: Vec<Part>,
}

/// What a segment is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text {
        span: Range<usize>,
        text: String,
    },
    /// `$NAME`, `${NAME}`, `${NAME:-default}`.
    Variable {
        span: Range<usize>,
        name: String,
        default: Option<Vec<Segment>>,
    },
    /// Anything else that is computed.
    Computed {
        span: Range<usize>,
    },
}

/// A here-document's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HereDocument {
    pub(super) body: Range<usize>,
}

/// What a script is made of.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) commands: Vec<Command>,
    pub(super) documents: Vec<HereDocument>,
}

/// Cuts up a script.
pub(super) fn lex(text: &str) -> Script {
    let mut lexer = Lexer {
        text,
        bytes: text.as_bytes(),
        at: 0,
        pending: Vec::new(),
        script: Script::default(),
    };
    while lexer.at < text.len() {
        let before = lexer.at;
        lexer.commands(None, 0);
        // A `)` that closes nothing.
        if lexer.at == before {
            lexer.at += 1;
        }
    }
    lexer.script
}

struct Lexer<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Here-documents that begin after this line: their ends, and whether tabs before the end are allowed.
    pending: Vec<(String, bool)>,
    script: Script,
}

impl Lexer<'_> {
    fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn starts_with(&self, prefix: &str) -> bool {
        self.bytes[self.at.min(self.bytes.len())..].starts_with(prefix.as_bytes())
    }

    /// Reads commands up to `close`, or a `)` that is not ours, or the end.
    fn commands(&mut self, close: Option<u8>, depth: usize) {
        let mut command = Command::default();
        while self.at < self.bytes.len() {
            match self.byte(0) {
                byte if Some(byte) == close => break,
                b')' => break,
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'\\' if self.byte(1) == b'\n' => self.at += 2,
                b'\\' if self.starts_with("\\\r\n") => self.at += 3,
                b'#' => self.skip_line(),
                b'\n' => {
                    self.end(&mut command);
                    self.at += 1;
                    self.here_documents();
                }
                b'&' if self.byte(1) == b'>' => self.redirection(&mut command, depth),
                b';' | b'|' | b'&' => {
                    self.end(&mut command);
                    self.at += 1;
                }
                b'(' => {
                    self.end(&mut command);
                    self.at += 1;
                    self.nested(depth);
                }
                b'<' | b'>' => self.redirection(&mut command, depth),
                _ => {
                    let word = self.word(depth);
                    command.words.push(word);
                }
            }
        }
        self.end(&mut command);
    }

    fn end(&mut self, command: &mut Command) {
        let command = std::mem::take(command);
        if !command.words.is_empty() {
            self.script.commands.push(command);
        }
    }

    /// Commands up to the `)` of an opening that was just read.
    fn nested(&mut self, depth: usize) {
        if depth >= MAX_DEPTH {
            self.at = self.bytes.len();
            return;
        }
        self.commands(Some(b')'), depth + 1);
        if self.byte(0) == b')' {
            self.at += 1;
        }
    }

    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|byte| *byte == b'\n');
        self.at += end.unwrap_or(rest.len());
    }

    /// An operator of redirection and its word, which is no argument.
    fn redirection(&mut self, command: &mut Command, depth: usize) {
        // `2>` begins with a word that is none.
        let at = self.at;
        let is_number = |word: &Word| {
            word.span.end == at
                && self.text[word.span.clone()]
                    .bytes()
                    .all(|b| b.is_ascii_digit())
        };
        if command.words.last().is_some_and(is_number) {
            command.words.pop();
        }
        let is_document = self.starts_with("<<") && !self.starts_with("<<<");
        let has_tabs = self.starts_with("<<-");
        if self.starts_with("<(") || self.starts_with(">(") {
            self.at += 2;
            return self.nested(depth);
        }
        while matches!(self.byte(0), b'<' | b'>' | b'&' | b'|') {
            self.at += 1;
        }
        if has_tabs && self.byte(0) == b'-' {
            self.at += 1;
        }
        while matches!(self.byte(0), b' ' | b'\t') {
            self.at += 1;
        }
        if self.at >= self.bytes.len() || matches!(self.byte(0), b'\n' | b';' | b')') {
            return;
        }
        let word = self.word(depth);
        if is_document {
            self.pending.push((word.literal(), has_tabs));
        }
    }

    /// The bodies of the here-documents that the line before began.
    fn here_documents(&mut self) {
        for (end, has_tabs) in std::mem::take(&mut self.pending) {
            let start = self.at;
            loop {
                let line_start = self.at;
                self.skip_line();
                let line = self.text[line_start..self.at].trim_end_matches('\r');
                let line = if has_tabs {
                    line.trim_start_matches('\t')
                } else {
                    line
                };
                let is_last = self.at >= self.bytes.len();
                self.at = (self.at + 1).min(self.bytes.len());
                if line == end || is_last {
                    let stop = if line == end { line_start } else { self.at };
                    self.script
                        .documents
                        .push(HereDocument { body: start..stop });
                    break;
                }
            }
        }
    }

    fn word(&mut self, depth: usize) -> Word {
        let start = self.at;
        let segments = self.segments(None, depth);
        let mut word = Word {
            span: start..self.at,
            segments,
            items: Vec::new(),
        };
        if self.byte(0) == b'(' && self.text[word.span.clone()].ends_with('=') {
            self.at += 1;
            word.items = self.array(depth);
            word.span.end = self.at;
        }
        // Whatever it was, go on.
        if self.at == start {
            self.at += 1;
        }
        word
    }

    fn array(&mut self, depth: usize) -> Vec<Word> {
        let mut items = Vec::new();
        while self.at < self.bytes.len() {
            match self.byte(0) {
                b')' => {
                    self.at += 1;
                    break;
                }
                b' ' | b'\t' | b'\r' | b'\n' => self.at += 1,
                b'\\' if self.byte(1) == b'\n' => self.at += 2,
                b'#' => self.skip_line(),
                _ if depth < MAX_DEPTH => items.push(self.word(depth + 1)),
                _ => self.at += 1,
            }
        }
        items
    }

    /// The segments of a word; or, with `close`, of what stands before it, spaces and all.
    fn segments(&mut self, close: Option<u8>, depth: usize) -> Vec<Segment> {
        let mut segments = Vec::new();
        while self.at < self.bytes.len() {
            let byte = self.byte(0);
            let ends = match close {
                Some(close) => byte == close,
                None => b" \t\r\n;&|<>()".contains(&byte),
            };
            if ends {
                break;
            }
            let start = self.at;
            let (is_quoted, parts) = match byte {
                b'\'' => (true, self.single()),
                b'"' => {
                    self.at += 1;
                    let parts = self.parts(true, close, depth);
                    self.at = (self.at + 1).min(self.bytes.len());
                    (true, parts)
                }
                _ => (false, self.parts(false, close, depth)),
            };
            if self.at == start {
                self.at += 1;
            }
            segments.push(Segment {
                span: start..self.at,
                is_quoted,
                parts,
            });
        }
        segments
    }

    /// `'…'`.
    fn single(&mut self) -> Vec<Part> {
        let start = self.at + 1;
        let rest = &self.bytes[start..];
        let length = rest.iter().position(|byte| *byte == b'\'');
        let end = start + length.unwrap_or(rest.len());
        self.at = (end + 1).min(self.bytes.len());
        let text = self.text[start..end].to_owned();
        let span = start..end;
        if text.is_empty() {
            Vec::new()
        } else {
            vec![Part::Text { span, text }]
        }
    }

    /// Text and expansions, up to the end of the quotes or of what is unquoted.
    fn parts(&mut self, quoted: bool, close: Option<u8>, depth: usize) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut text_start = self.at;
        while self.at < self.bytes.len() {
            let byte = self.byte(0);
            let ends = match (quoted, close) {
                (true, _) => byte == b'"',
                (false, Some(close)) => byte == close || byte == b'"' || byte == b'\'',
                (false, None) => b" \t\r\n;&|<>()\"'".contains(&byte),
            };
            if ends {
                break;
            }
            if !matches!(byte, b'$' | b'`' | b'\\') {
                self.at += 1;
                continue;
            }
            self.flush(&mut parts, text_start);
            parts.extend(match byte {
                b'$' => Some(self.dollar(depth)),
                b'`' => Some(self.backticks(depth)),
                _ => self.escape(quoted),
            });
            text_start = self.at;
        }
        self.flush(&mut parts, text_start);
        parts
    }

    fn flush(&self, parts: &mut Vec<Part>, start: usize) {
        if start < self.at {
            parts.push(Part::Text {
                span: start..self.at,
                text: self.text[start..self.at].to_owned(),
            });
        }
    }

    /// A backslash and what it protects; nothing for a line that goes on.
    fn escape(&mut self, quoted: bool) -> Option<Part> {
        let start = self.at;
        let next = self.text[start + 1..].chars().next();
        self.at += 1 + next.map_or(0, char::len_utf8);
        let text = match next {
            Some('\n') => return None,
            Some(next) if quoted && !matches!(next, '"' | '\\' | '$' | '`') => format!("\\{next}"),
            Some(next) => next.to_string(),
            None => "\\".to_owned(),
        };
        Some(Part::Text {
            span: start..self.at,
            text,
        })
    }

    fn backticks(&mut self, depth: usize) -> Part {
        let start = self.at;
        self.at += 1;
        if depth < MAX_DEPTH {
            self.commands(Some(b'`'), depth + 1);
        }
        while self.at < self.bytes.len() && self.byte(0) != b'`' {
            self.at += 1;
        }
        self.at = (self.at + 1).min(self.bytes.len());
        Part::Computed {
            span: start..self.at,
        }
    }

    fn dollar(&mut self, depth: usize) -> Part {
        let start = self.at;
        self.at += 1;
        match self.byte(0) {
            b'(' => {
                self.at += 1;
                self.nested(depth);
                Part::Computed {
                    span: start..self.at,
                }
            }
            b'{' => {
                self.at += 1;
                self.braces(start, depth)
            }
            first if first.is_ascii_alphabetic() || first == b'_' => {
                let name = self.name();
                Part::Variable {
                    span: start..self.at,
                    name,
                    default: None,
                }
            }
            b'\'' => {
                self.single();
                Part::Computed {
                    span: start..self.at,
                }
            }
            first if first.is_ascii_digit() || b"@*#?$!-".contains(&first) => {
                self.at += 1;
                Part::Computed {
                    span: start..self.at,
                }
            }
            _ => Part::Text {
                span: start..self.at,
                text: "$".to_owned(),
            },
        }
    }

    fn name(&mut self) -> String {
        let start = self.at;
        while self.byte(0).is_ascii_alphanumeric() || self.byte(0) == b'_' {
            self.at += 1;
        }
        self.text[start..self.at].to_owned()
    }

    /// After `${`.
    fn braces(&mut self, start: usize, depth: usize) -> Part {
        let name = self.name();
        for all in ["[@]", "[*]"] {
            if self.starts_with(all) {
                self.at += all.len();
            }
        }
        let operator = ["}", ":-", ":=", "-", "="]
            .into_iter()
            .find(|operator| self.starts_with(operator));
        let default = match operator {
            Some("}") => None,
            Some(operator) if depth < MAX_DEPTH => {
                self.at += operator.len();
                Some(self.segments(Some(b'}'), depth + 1))
            }
            _ => {
                // `${#x}`, `${x%y}` and their like.
                if depth < MAX_DEPTH {
                    self.segments(Some(b'}'), depth + 1);
                }
                self.at = (self.at + 1).min(self.bytes.len());
                return Part::Computed {
                    span: start..self.at,
                };
            }
        };
        self.at = (self.at + 1).min(self.bytes.len());
        Part::Variable {
            span: start..self.at,
            name,
            default,
        }
    }
}

impl Word {
    /// Its literal text, as far as it has one.
    pub(super) fn literal(&self) -> String {
        let parts = self.segments.iter().flat_map(|segment| &segment.parts);
        parts
            .filter_map(|part| match part {
                Part::Text { text, .. } => Some(text.as_str()),
                _ => None,
            })
            .collect()
    }
}

impl Part {
    pub(super) fn span(&self) -> Range<usize> {
        match self {
            Self::Text { span, .. } | Self::Variable { span, .. } | Self::Computed { span } => {
                span.clone()
            }
        }
    }
}
