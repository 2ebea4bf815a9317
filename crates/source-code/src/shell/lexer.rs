//! Cuts a shell script into commands, words and here-documents, with the bytes of each.
//!
//! POSIX `sh` with Bash's arrays, `<<<` and `$'…'`, as far as words and their ends go. It never fails: what is not closed
//! ends with the text. Structure (`if`, `for`, functions) is not built; commands are found wherever they stand.

use std::ops::Range;

/// The deepest nesting of substitutions and defaults.
pub(super) const MAX_DEPTH: usize = 24;

/// A simple command, or what stands where one would.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) words: Vec<Word>,
    /// The next command reads what it writes.
    pub(super) is_piped: bool,
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
        /// The default is assigned to it (`${NAME:=default}`).
        assigns: bool,
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
    /// Where the command begins that it is given to, if anything stands before it.
    command: Option<usize>,
}

/// What a script is made of.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) commands: Vec<Command>,
    pub(super) documents: Vec<HereDocument>,
}

/// A here-document whose body is still to come.
struct Pending {
    end: String,
    /// Tabs before the end are allowed.
    has_tabs: bool,
    command: Option<usize>,
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

pub(super) struct Lexer<'a> {
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// Here-documents that begin after this line.
    pending: Vec<Pending>,
    script: Script,
}

impl Lexer<'_> {
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    pub(super) fn starts_with(&self, prefix: &str) -> bool {
        self.bytes[self.at.min(self.bytes.len())..].starts_with(prefix.as_bytes())
    }

    /// Reads commands up to `close`, or a `)` that is not ours, or the end.
    pub(super) fn commands(&mut self, close: Option<u8>, depth: usize) {
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
                    let is_or = self.starts_with("||");
                    command.is_piped = self.byte(0) == b'|' && !is_or;
                    self.end(&mut command);
                    self.at += 1 + usize::from(is_or);
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
    pub(super) fn nested(&mut self, depth: usize) {
        if depth >= MAX_DEPTH {
            self.at = self.bytes.len();
            return;
        }
        self.commands(Some(b')'), depth + 1);
        if self.byte(0) == b')' {
            self.at += 1;
        }
    }

    pub(super) fn skip_line(&mut self) {
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
            self.pending.push(Pending {
                end: word.literal(),
                has_tabs,
                command: command.words.first().map(|word| word.span.start),
            });
        }
    }

    /// The bodies of the here-documents that the line before began.
    fn here_documents(&mut self) {
        for pending in std::mem::take(&mut self.pending) {
            let Pending {
                end,
                has_tabs,
                command,
            } = pending;
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
                    let body = start..stop;
                    self.script.documents.push(HereDocument { body, command });
                    break;
                }
            }
        }
    }
}

impl Script {
    /// Who reads a here-document in the end: `cat <<X | ssh host` gives it on.
    pub(super) fn find_reader(&self, document: &HereDocument) -> Option<&Command> {
        let given = document.command?;
        let begins = |command: &Command| {
            command
                .words
                .first()
                .is_some_and(|word| word.span.start == given)
        };
        let first = self.commands.iter().position(begins)?;
        self.commands[first..]
            .iter()
            .find(|command| !command.is_piped)
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
