//! Texts of another format that a file's values hold: the scripts of pipelines, the manifests of a `ConfigMap`.
//!
//! The finder of a file says where they are and does not read them, for it may not know their format;
//! [`Embedded::outward`] brings back what was found in them.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::sink::Sink;
use crate::tree::{At, Style};
use crate::{Ambiguous, Encoding, Format, Found, Owner, Place, Why};

/// What opens and closes an expression of a pipeline's own, which no script knows.
const EXPRESSIONS: [(&str, &str); 2] = [("${{", "}}"), ("$[[", "]]")];

/// A text of another format within a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// Its format.
    pub format: Format,
    /// The name that it goes by there; empty where it has none.
    pub path: String,
    /// The text, without the indentation of what is around it, and with a variable that nobody sets for each expression.
    pub text: String,
    /// What its variables are, as far as the file around it says.
    pub set: BTreeMap<String, String>,
    /// Whose it is: a job's, a step's.
    pub name: Option<String>,
    /// Where each of its lines begins: in the text, and in the file.
    lines: Vec<(usize, usize)>,
    /// The quotes that it stands in.
    quote: Option<u8>,
}

/// What is said of an embedded text by who finds it.
pub(crate) struct About<'a> {
    pub(crate) format: Format,
    pub(crate) path: &'a str,
    pub(crate) set: BTreeMap<String, String>,
    pub(crate) name: Option<&'a str>,
}

impl Embedded {
    /// The text of a scalar; `None` if its bytes are not the text: escapes, a plain scalar of several lines.
    pub(crate) fn of(at: At<'_>, sink: &Sink<'_>, about: About<'_>) -> Option<Self> {
        let (raw, start, is_folded) = if let Some((start, raw)) = sink.block(at) {
            (raw, start, is_folded(&sink.text[..start]))
        } else {
            let site = sink.site(at).filter(|site| site.verbatim)?;
            (sink.text.get(site.span.clone())?, site.span.start, false)
        };
        let quote = (at.style() == Some(Style::Quoted))
            .then(|| sink.text.as_bytes().get(at.span().start).copied())
            .flatten();
        let (mut text, lines) = without_indentation(raw, start, is_folded);
        mask(&mut text);
        Some(Self {
            format: about.format,
            path: about.path.to_owned(),
            text,
            set: about.set,
            name: about.name.map(str::to_owned),
            lines,
            quote,
        })
    }

    /// Where it begins in the file.
    pub(crate) fn start(&self) -> usize {
        self.lines.first().map_or(0, |(_, start)| *start)
    }

    /// What was found in the text, as it stands in the file.
    #[must_use]
    pub fn outward(&self, file: &str, found: Found) -> Found {
        let mut out = Found::default();
        for mut ambiguous in found.ambiguous {
            if is_mask(&ambiguous.why) {
                ambiguous.why = Why::Template;
            }
            let owner = self.owned(ambiguous.owner);
            let span = self.span(&ambiguous.span);
            out.ambiguous
                .push(Ambiguous::at(file, span, ambiguous.why, owner));
        }
        for mut place in found.places {
            place.owner = self.owned(place.owner);
            let inner = self.text.get(place.span.clone());
            let can_be_written = self.holds(&place);
            let place = place.moved_by(&|span| self.span(span));
            if can_be_written && file.get(place.span.clone()) == inner {
                out.places.push(place);
            } else {
                let why = Why::Computed;
                out.ambiguous
                    .push(Ambiguous::at(file, place.span, why, place.owner));
            }
        }
        for mut note in found.notes {
            note.at = note.at.map(|at| self.at(at));
            out.notes.push(note);
        }
        out
    }

    /// Whether what a place would be written with can stand in the quotes around.
    fn holds(&self, place: &Place) -> bool {
        let (crate::Writing::Whole { encoding, .. } | crate::Writing::Joined { encoding, .. }) =
            &place.writing
        else {
            return true;
        };
        match (encoding, self.quote) {
            (Encoding::Literal { open, close }, Some(quote)) => {
                let quote = char::from(quote);
                !open.contains(quote) && !close.contains(quote)
            }
            (Encoding::YamlPlain, Some(_)) => false,
            _ => true,
        }
    }

    fn owned(&self, owner: Owner) -> Owner {
        Owner {
            name: owner.name.or_else(|| self.name.clone()),
            ..owner
        }
    }

    fn span(&self, span: &Range<usize>) -> Range<usize> {
        let start = self.at(span.start);
        if span.is_empty() {
            return start..start;
        }
        start..self.at(span.end - 1) + 1
    }

    /// A byte of the text, in the file.
    fn at(&self, at: usize) -> usize {
        let line = self.lines.partition_point(|(start, _)| *start <= at);
        let (inner, outer) = self.lines[line.saturating_sub(1)];
        at - inner + outer
    }
}

/// Whether the header of the block scalar that follows is a `>`.
fn is_folded(before: &str) -> bool {
    let header = before.trim_end().lines().next_back().unwrap_or_default();
    let header = header.split(" #").next().unwrap_or_default();
    let sign = header.split_whitespace().next_back().unwrap_or_default();
    sign.starts_with('>')
}

/// The text without the blanks that its first line begins with, and where each line begins.
///
/// What YAML folds into one line is one, byte for byte as long.
fn without_indentation(raw: &str, start: usize, is_folded: bool) -> (String, Vec<(usize, usize)>) {
    let blanks = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let first = raw.lines().find(|line| !line.trim().is_empty());
    let indent = first.map_or(0, blanks);
    let (mut text, mut lines) = (String::with_capacity(raw.len()), Vec::new());
    let (mut at, mut is_open) = (start, false);
    for line in raw.split_inclusive('\n') {
        let cut = blanks(line).min(indent);
        let own = &line[cut..];
        let is_prose = !own.trim().is_empty() && !own.starts_with([' ', '\t']);
        if is_folded && is_open && is_prose {
            text.pop();
            text.push(' ');
        }
        lines.push((text.len(), at + cut));
        text.push_str(own);
        is_open = is_prose && own.ends_with('\n');
        at += line.len();
    }
    if lines.is_empty() {
        lines.push((0, start));
    }
    (text, lines)
}

/// Puts `${___}` in the place of each expression, as long as it was.
fn mask(text: &mut String) {
    for (open, close) in EXPRESSIONS {
        let mut from = 0;
        while let Some(start) = text[from..].find(open).map(|at| from + at) {
            let inner = start + open.len();
            let Some(end) = text[inner..].find(close).map(|at| inner + at + close.len()) else {
                break;
            };
            let name = "_".repeat(end - start - "${}".len());
            text.replace_range(start..end, &format!("${{{name}}}"));
            from = end;
        }
    }
}

/// Whether a variable is one that stands for an expression.
fn is_mask(why: &Why) -> bool {
    matches!(why, Why::Unset(name) if name.len() > 1 && name.bytes().all(|byte| byte == b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indentation_goes_and_every_byte_knows_where_it_was() {
        let raw = "    a\n      b\n\n    c";
        let (text, lines) = without_indentation(raw, 10, false);
        assert_eq!(text, "a\n  b\n\nc");
        assert_eq!(lines, [(0, 14), (2, 20), (6, 24), (7, 29)]);
    }

    #[test]
    fn what_yaml_folds_is_one_line() {
        let (text, _) = without_indentation("  a\n  b\n\n  c\n    d\n  e\n", 0, true);
        assert_eq!(text, "a b\n\nc\n  d\ne\n");
        for (before, folded) in [
            ("run: >-\n\n", true),
            ("- > # x\n", true),
            ("run: |\n", false),
        ] {
            assert_eq!(is_folded(before), folded, "{before}");
        }
    }

    #[test]
    fn expressions_are_masked_at_their_length() {
        let mut text = "a ${{ b }} $[[ c ]] ${{ d".to_owned();
        mask(&mut text);
        assert_eq!(text, "a ${_____} ${_____} ${{ d");
    }
}
