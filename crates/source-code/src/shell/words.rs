//! Cuts a word of a shell script into stretches of one kind of quoting, with the expansions in them.

use super::lexer::{Lexer, MAX_DEPTH, Part, Segment, Word};

impl Lexer<'_> {
    pub(super) fn word(&mut self, depth: usize) -> Word {
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
                    assigns: false,
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
            assigns: operator.is_some_and(|operator| operator.ends_with('=')),
        }
    }
}
