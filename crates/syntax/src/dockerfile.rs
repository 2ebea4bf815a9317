//! Cuts a Dockerfile into instructions and words, each with its bytes.
//!
//! Knows what a builder knows before it looks at an instruction: parser directives, comments between continued lines, the
//! escape character, quotes, heredocs.

use std::ops::Range;

/// Words of one instruction; a shell script of more names no further image.
const MAX_WORDS: usize = 4096;

/// An instruction with its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instruction<'t> {
    /// Its first word: `FROM`, in any case.
    pub keyword: &'t str,
    /// The words behind it, flags too.
    pub words: Vec<Word<'t>>,
}

/// A word as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'t> {
    /// With its quotes and escapes.
    pub text: &'t str,
    /// Where it begins, in bytes of the file.
    pub start: usize,
}

impl Word<'_> {
    /// Its bytes in the file.
    pub fn span(self) -> Range<usize> {
        self.start..self.start + self.text.len()
    }

    /// The word behind its first bytes.
    #[must_use]
    pub fn behind(self, bytes: usize) -> Self {
        Self {
            text: &self.text[bytes..],
            start: self.start + bytes,
        }
    }

    /// The first bytes of the word.
    #[must_use]
    pub fn cut(self, bytes: usize) -> Self {
        Self {
            text: &self.text[..bytes],
            ..self
        }
    }

    /// The word without quotes around all of it.
    #[must_use]
    pub fn unquoted(self) -> Self {
        for quote in ['"', '\''] {
            if let Some(inner) = self
                .text
                .strip_prefix(quote)
                .and_then(|text| text.strip_suffix(quote))
                && !inner.contains(quote)
            {
                return Self {
                    text: inner,
                    start: self.start + 1,
                };
            }
        }
        self
    }
}

/// The instructions of a text, and the bytes of the image in its syntax line.
pub fn read(text: &str) -> (Vec<Instruction<'_>>, Option<Range<usize>>) {
    let directives = Directives::read(text);
    let mut lexer = Lexer {
        text,
        at: if text.starts_with('\u{feff}') { 3 } else { 0 },
        escape: directives.escape,
    };
    let mut instructions = Vec::new();
    while lexer.at < text.len() {
        if let Some(instruction) = lexer.instruction() {
            instructions.push(instruction);
        }
    }
    (instructions, directives.syntax)
}

/// The parser directives at the top of a file.
struct Directives {
    escape: u8,
    syntax: Option<Range<usize>>,
}

impl Directives {
    fn read(text: &str) -> Self {
        let mut directives = Self {
            escape: b'\\',
            syntax: None,
        };
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let start = at;
            at += line.len();
            let body = line.trim_start_matches('\u{feff}');
            if body.starts_with("#!") && start == 0 {
                continue;
            }
            let Some((name, value)) = body
                .trim()
                .strip_prefix('#')
                .and_then(|body| body.split_once('='))
            else {
                break;
            };
            let value = value.trim();
            match name.trim().to_ascii_lowercase().as_str() {
                "escape" if value == "`" => directives.escape = b'`',
                "escape" | "check" => {}
                "syntax" => {
                    // The first word: a builder hands the rest to the frontend.
                    let word = value.split_whitespace().next().unwrap_or_default();
                    let offset = line.find(word).unwrap_or_default();
                    directives.syntax = Some(start + offset..start + offset + word.len());
                }
                _ => break,
            }
        }
        directives
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    escape: u8,
}

impl<'t> Lexer<'t> {
    /// The instruction that begins in this line, if one does. Always goes on.
    fn instruction(&mut self) -> Option<Instruction<'t>> {
        let mut words = Vec::new();
        loop {
            self.skip_blanks();
            if self.is_comment() {
                self.skip_line();
                if words.is_empty() {
                    return None;
                }
                continue;
            }
            // Words up to the end of the line; a continued one leads to the next.
            if !self.words(&mut words) {
                break;
            }
        }
        let heredocs: Vec<Heredoc> = words.iter().filter_map(Heredoc::opened_by).collect();
        let mut words = words.into_iter();
        let keyword = words.next()?.text;
        if ["RUN", "COPY", "ADD"]
            .iter()
            .any(|with| keyword.eq_ignore_ascii_case(with))
        {
            for heredoc in heredocs {
                self.skip_heredoc(&heredoc);
            }
        }
        Some(Instruction {
            keyword,
            words: words.collect(),
        })
    }

    /// Reads a line's words. Whether the instruction goes on in the next line.
    fn words(&mut self, words: &mut Vec<Word<'t>>) -> bool {
        let began_empty = self.is_at_line_end();
        while !self.is_at_line_end() {
            if self.is_continuation() {
                self.skip_line();
                return self.at < self.text.len();
            }
            let word = self.word();
            if words.len() < MAX_WORDS {
                words.push(word);
            }
            self.skip_blanks();
        }
        self.skip_line();
        // An empty line within a continued instruction is none.
        began_empty && !words.is_empty() && self.at < self.text.len()
    }

    fn word(&mut self) -> Word<'t> {
        let start = self.at;
        let mut quote = None;
        while let Some(byte) = self.peek() {
            match (byte, quote) {
                (b'\n', _) | (b' ' | b'\t' | b'\r', None) => break,
                (byte, None) if byte == self.escape && self.is_continuation() => break,
                (byte, _) if byte == self.escape && quote != Some(b'\'') => {
                    if self.is_continuation() {
                        break;
                    }
                    self.at += 1;
                    if self.peek().is_some_and(|next| next != b'\n') {
                        self.at += 1;
                    }
                }
                (b'"' | b'\'', None) => {
                    quote = Some(byte);
                    self.at += 1;
                }
                (byte, Some(open)) if byte == open => {
                    quote = None;
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
        // An escape may have led into the middle of a character.
        self.at = self.text.ceil_char_boundary(self.at);
        Word {
            text: &self.text[start..self.at],
            start,
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\r')) {
            self.at += 1;
        }
    }

    fn is_comment(&self) -> bool {
        self.peek() == Some(b'#')
    }

    fn is_at_line_end(&self) -> bool {
        matches!(self.peek(), None | Some(b'\n'))
    }

    /// The escape character, and nothing but blanks behind it.
    fn is_continuation(&self) -> bool {
        self.peek() == Some(self.escape)
            && self.text.as_bytes()[self.at + 1..]
                .iter()
                .find(|byte| !matches!(byte, b' ' | b'\t' | b'\r'))
                .is_none_or(|byte| *byte == b'\n')
    }

    fn skip_line(&mut self) {
        self.at = self.text[self.at..]
            .find('\n')
            .map_or(self.text.len(), |found| self.at + found + 1);
    }

    fn skip_heredoc(&mut self, heredoc: &Heredoc) {
        while self.at < self.text.len() {
            let start = self.at;
            self.skip_line();
            let line = self.text[start..self.at].trim_end_matches(['\n', '\r']);
            let line = if heredoc.strips_tabs {
                line.trim_start_matches('\t')
            } else {
                line
            };
            if line == heredoc.end {
                return;
            }
        }
    }
}

/// `<<EOF`, `<<-EOF`, `<<"EOF"`, `3<<EOF`.
struct Heredoc {
    end: String,
    strips_tabs: bool,
}

impl Heredoc {
    fn opened_by(word: &Word<'_>) -> Option<Self> {
        let text = word.text.trim_start_matches(|c: char| c.is_ascii_digit());
        let text = text.strip_prefix("<<")?;
        let (text, strips_tabs) = match text.strip_prefix('-') {
            Some(text) => (text, true),
            None => (text, false),
        };
        let name = text.trim_matches(['"', '\'']);
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        is_name.then(|| Self {
            end: name.to_owned(),
            strips_tabs,
        })
    }
}
