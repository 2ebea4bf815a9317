//! Texts of another format that a file's values hold: the scripts of pipelines, the manifests of a `ConfigMap`.
//!
//! The finder of a file says where they are and does not read them, for it may not know their format;
//! [`Embedded::outward`] brings back what was found in them.

use std::collections::BTreeMap;
use std::ops::Range;

use forebay_syntax::expressions::{is_mask, mask, masked};
use forebay_syntax::{At, Style};

use crate::sink::{Scope, Sink};
use crate::variables::{Binding, Home, Resolved, resolve};
use crate::{Ambiguous, Encoding, Format, Found, Owner, Place, Reading, Why, Writing};

/// A text of another format within a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Embedded {
    /// Its format.
    pub format: Format,
    /// The name that it goes by there; empty where it has none.
    pub path: String,
    /// The text, without the indentation of what is around it, and with a variable for each expression.
    pub text: String,
    /// What its variables are, as far as the file around it says.
    pub set: BTreeMap<String, String>,
    /// Whose it is: a job's, a step's.
    pub name: Option<String>,
    /// The text as it stands there, where it has expressions.
    unmasked: Option<String>,
    /// The variables that the file around it sets, and those that stand for expressions.
    variables: BTreeMap<String, Setting>,
    /// Where each of its lines begins: in the text, and in the file.
    lines: Vec<(usize, usize)>,
    /// The quotes that it stands in.
    quote: Option<u8>,
}

/// What is said of an embedded text by who finds it.
pub(crate) struct About<'a> {
    pub(crate) format: Format,
    pub(crate) path: &'a str,
    pub(crate) variables: BTreeMap<String, Setting>,
    /// What an expression comes to whose name this is.
    pub(crate) expression: &'a dyn Fn(&str, &Sink<'_>) -> Option<Setting>,
    pub(crate) name: Option<&'a str>,
}

/// What a file sets a variable to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setting {
    pub(crate) value: Result<Resolved, Why>,
    /// Where that is written, if it can be changed there.
    pub(crate) site: Option<(Range<usize>, Encoding)>,
}

impl Setting {
    /// A value that is known.
    pub(crate) fn of(binding: Binding) -> Self {
        let site = match &binding.home {
            Some(Home::Here { span, encoding }) => Some((span.clone(), encoding.clone())),
            _ => None,
        };
        let (text, home) = (binding.text, binding.home);
        let pieces = Vec::new();
        Self {
            value: Ok(Resolved { text, pieces, home }),
            site,
        }
    }

    /// What a scalar comes to with the variables that are in it.
    pub(crate) fn resolved(at: At<'_>, scope: Scope<'_>, sink: &Sink<'_>) -> Option<Self> {
        let text = at.text()?;
        let site = sink.site(at).filter(|site| site.verbatim);
        let start = site.as_ref().map_or(0, |site| site.span.start);
        Some(Self {
            value: resolve(text, start, scope.dialect, scope.lookup),
            site: site.map(|site| (site.span, site.encoding)),
        })
    }

    /// Its value, with where it stands if it is one text.
    pub(crate) fn binding(self) -> Option<Binding> {
        let Resolved { text, pieces, home } = self.value.ok()?;
        Some(Binding {
            text,
            home: home.filter(|_| pieces.is_empty()),
            open: pieces.first().is_some_and(|piece| piece.open.is_some()),
        })
    }
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
        let original = text.clone();
        let mut variables = about.variables;
        if about.format == Format::Shell {
            let named = |name: String| {
                (about.expression)(&name, sink).unwrap_or(Setting {
                    value: Err(Why::Unset(name)),
                    site: None,
                })
            };
            variables.extend(masked(&mut text, &named));
        }
        mask(&mut text);
        let value = |setting: &Setting| Some(setting.value.as_ref().ok()?.text.clone());
        let set = variables.iter();
        let set = set.filter_map(|(name, setting)| Some((name.clone(), value(setting)?)));
        Some(Self {
            format: about.format,
            path: about.path.to_owned(),
            set: set.collect(),
            unmasked: (text != original).then_some(original),
            text,
            variables,
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
            let text = self.text.get(ambiguous.span.clone());
            let site = text.and_then(|text| self.unknown_site(text));
            ambiguous.why = self.why(ambiguous.why);
            let owner = self.owned(ambiguous.owner);
            let span = site.unwrap_or_else(|| self.span(&ambiguous.span));
            out.ambiguous
                .push(Ambiguous::at(file, span, ambiguous.why, owner));
        }
        for reading in found.readings {
            out.note(Reading {
                span: self.span(&reading.span),
                home: self.span(&reading.home),
                ..reading
            });
        }
        out.built = found.built;
        out.given = found.given;
        out.is_cut = found.is_cut;
        for mut place in found.places {
            place.owner = self.owned(place.owner);
            if let Some(writing) = self.written_around(&place) {
                out.read(self.span(&place.span), writing.0.clone());
                out.places.push(Place {
                    span: writing.0,
                    writing: writing.1,
                    ..place
                });
                continue;
            }
            let whole = self.unmasked.as_ref().unwrap_or(&self.text);
            let inner = whole.get(place.span.clone());
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

    /// Why a place is not certain, as it is said outside.
    fn why(&self, why: Why) -> Why {
        let Why::Unset(name) = &why else { return why };
        match self.variables.get(name) {
            Some(Setting {
                value: Err(why), ..
            }) => why.clone(),
            _ if is_mask(name) => Why::Template,
            _ => why,
        }
    }

    /// Where the file around writes what a text is that is one of its variables, and no more, of which not all is known.
    fn unknown_site(&self, text: &str) -> Option<Range<usize>> {
        let setting = self.variables.get(variable_of(text.trim_matches('"'))?)?;
        let (span, _) = setting.site.as_ref()?;
        setting.value.is_err().then(|| span.clone())
    }

    /// Where and how the file around writes a place that is one of its variables, and no more.
    fn written_around(&self, place: &Place) -> Option<(Range<usize>, Writing)> {
        let Writing::Whole { pieces, .. } = &place.writing else {
            return None;
        };
        let [piece] = pieces.as_slice() else {
            return None;
        };
        let name = variable_of(self.text.get(piece.span.clone())?)?;
        let Setting { value, site } = self.variables.get(name)?;
        let resolved = value.as_ref().ok()?;
        let (span, encoding, pieces) = match &resolved.home {
            Some(Home::Here { span, encoding }) => (span.clone(), encoding.clone(), Vec::new()),
            Some(Home::Near(_) | Home::Made { .. }) => return None,
            None => {
                let (span, encoding) = site.clone()?;
                (span, encoding, resolved.pieces.clone())
            }
        };
        (resolved.text == place.image).then_some((span, Writing::Whole { encoding, pieces }))
    }

    /// Whether what a place would be written with can stand in the quotes around.
    fn holds(&self, place: &Place) -> bool {
        let (Writing::Whole { encoding, .. } | Writing::Joined { encoding, .. }) = &place.writing
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

/// The name of the variable that a script's text is, if it is one: `$A`, `${A}`, `${A:-b}`.
fn variable_of(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('$')?;
    let (inner, is_braced) = match rest.strip_prefix('{') {
        Some(inner) => (inner.strip_suffix('}')?, true),
        None => (rest, false),
    };
    let end = inner.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let (name, behind) = inner.split_at(end.unwrap_or(inner.len()));
    let is_default = is_braced
        && [":-", "-", ":=", "="]
            .iter()
            .any(|sign| behind.starts_with(sign));
    (!name.is_empty() && (behind.is_empty() || is_default) && !behind.contains('}')).then_some(name)
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
}
