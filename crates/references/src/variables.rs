//! Texts with variables in them: `${TAG:-1.27}`, `$IMAGE`, `${{ env.IMAGE }}`, `${AWS::Region}`.
//!
//! Cuts a text into segments by the rules of its format, and puts them together again with what the variables are.

use std::ops::Range;

use crate::{Encoding, Piece, Setter, Why};

/// How deeply defaults of defaults are followed.
const MAX_DEPTH: u32 = 8;
/// More variables than this are no image reference.
const MAX_SEGMENTS: usize = 64;
/// Longer than any reference: variables of variables grow by powers.
pub(crate) const MAX_TEXT_BYTES: usize = 4096;

/// Whose rules a text is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// No variables.
    None,
    /// Compose and `.env`: `$A`, `${A}`, `${A:-b}`, `${A-b}`, `${A:?e}`, `${A:+b}`, `$$`.
    Compose,
    /// A Dockerfile: the same without `$$`; `\$` is a dollar.
    Dockerfile,
    /// GitLab's pipelines: `$A`, `${A}`, `$$`.
    GitLab,
    /// GitHub's workflows: `${{ env.A }}`.
    GitHub,
    /// `CloudFormation`'s `!Sub`: `${A}`, `${!literal}`.
    Sub,
}

/// What a variable comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binding {
    /// Its value.
    pub(crate) text: String,
    /// Where in the file it is written, if it is written there as a literal.
    pub(crate) home: Option<Home>,
}

/// Where a variable's value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// In this file.
    Here {
        span: Range<usize>,
        encoding: Encoding,
    },
    /// In the file of this name, near.
    Near(String),
}

/// A text, resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resolved {
    pub(crate) text: String,
    /// In the file; empty if there is no variable in it.
    pub(crate) pieces: Vec<Piece>,
    /// If the text is one variable and no more: where its value stands.
    pub(crate) home: Option<Home>,
}

impl Binding {
    /// A value that a file near this one sets.
    pub(crate) fn from_file(text: &str, file: &str) -> Self {
        Self {
            text: text.to_owned(),
            home: Some(Home::Near(file.to_owned())),
        }
    }

    /// A value from outside of the file.
    pub(crate) fn from_outside(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            home: None,
        }
    }
}

/// What stands between two variables, or a variable.
struct Segment<'t> {
    span: Range<usize>,
    kind: Kind<'t>,
}

enum Kind<'t> {
    Literal(&'t str),
    /// A name, and what follows it (`:-`), with the operand's place.
    Variable(&'t str, Option<(&'t str, &'t str, usize)>),
    Computed,
}

/// Puts a text together.
///
/// `offset` is where it begins in its file; `lookup` is asked for each variable.
pub(crate) fn resolve(
    text: &str,
    offset: usize,
    dialect: Dialect,
    lookup: &dyn Fn(&str) -> Option<Binding>,
) -> Result<Resolved, Why> {
    resolve_within(text, offset, dialect, lookup, MAX_DEPTH)
}

fn resolve_within(
    text: &str,
    offset: usize,
    dialect: Dialect,
    lookup: &dyn Fn(&str) -> Option<Binding>,
    depth: u32,
) -> Result<Resolved, Why> {
    let depth = depth.checked_sub(1).ok_or(Why::Computed)?;
    let segments = cut(text, dialect)?;
    let (mut out, mut pieces, mut home) = (String::new(), Vec::new(), None);
    let alone = segments.len() == 1;
    for segment in segments {
        let (value, variable, open) = match segment.kind {
            Kind::Literal(literal) => (literal.to_owned(), false, None),
            Kind::Computed => return Err(Why::Computed),
            Kind::Variable(name, operand) => {
                let is_open = operand
                    .is_some_and(|(operator, ..)| is_default(operator, lookup(name).as_ref()));
                let binding = variable(name, operand, offset, dialect, lookup, depth)?;
                if alone {
                    home = binding.home;
                }
                let open = is_open.then_some(Setter::Surroundings);
                (binding.text, true, open)
            }
        };
        out.push_str(&value);
        if out.len() > MAX_TEXT_BYTES {
            return Err(Why::NoReference);
        }
        pieces.push(Piece {
            span: crate::found::moved(&segment.span, offset),
            text: value,
            variable,
            open,
        });
    }
    if !pieces.iter().any(|piece| piece.variable) {
        pieces.clear();
    }
    Ok(Resolved {
        text: out,
        pieces,
        home,
    })
}

#[expect(
    clippy::too_many_arguments,
    reason = "one step of a recursion, called from one place"
)]
fn variable(
    name: &str,
    operand: Option<(&str, &str, usize)>,
    offset: usize,
    dialect: Dialect,
    lookup: &dyn Fn(&str) -> Option<Binding>,
    depth: u32,
) -> Result<Binding, Why> {
    let unset = || Why::Unset(name.to_owned());
    let value = lookup(name);
    let Some((operator, default, at)) = operand else {
        return value.ok_or_else(unset);
    };
    let default = || {
        let at = offset + at;
        resolve_within(default, at, dialect, lookup, depth).map(|resolved| Binding {
            home: if resolved.pieces.is_empty() && !resolved.text.is_empty() {
                Some(Home::Here {
                    span: at..at + default.len(),
                    encoding: Encoding::AsIs,
                })
            } else {
                resolved.home
            },
            text: resolved.text,
        })
    };
    match operator {
        ":-" | "-" => match value {
            Some(value) if !is_default(operator, Some(&value)) => Ok(value),
            _ => default(),
        },
        ":?" | "?" => value.ok_or_else(unset),
        // What is put where the variable is set: without it, nothing.
        ":+" | "+" => match value {
            Some(_) => default(),
            None => Err(unset()),
        },
        _ => Err(Why::Computed),
    }
}

/// Whether a variable of this value comes to its default.
fn is_default(operator: &str, value: Option<&Binding>) -> bool {
    match operator {
        ":-" => value.is_none_or(|value| value.text.is_empty()),
        "-" => value.is_none(),
        _ => false,
    }
}

/// The names that a text might ask for: each word behind a dollar.
pub(crate) fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split('$')
        .skip(1)
        .map(|rest| rest.trim_start_matches('{'))
        .map(|rest| {
            let end = rest
                .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
                .unwrap_or(rest.len());
            &rest[..end]
        })
}

/// Cuts a text into its segments.
fn cut(text: &str, dialect: Dialect) -> Result<Vec<Segment<'_>>, Why> {
    let mut segments = Vec::new();
    let mut done = 0;
    let mut from = 0;
    let dollars = match dialect {
        Dialect::None => return Ok(vec![literal(text, 0..text.len())]),
        _ => '$',
    };
    while let Some(found) = text[from..].find(dollars) {
        let at = from + found;
        if segments.len() > MAX_SEGMENTS {
            return Err(Why::Computed);
        }
        match at_dollar(text, at, dialect) {
            Step::Skip(next) => from = next,
            Step::Escape(literal_end, next) => {
                segments.push(literal(text, done..literal_end));
                (done, from) = (next, next.max(at + 1));
            }
            Step::Segment(segment) => {
                if done < at {
                    segments.push(literal(text, done..at));
                }
                (done, from) = (segment.span.end, segment.span.end);
                segments.push(segment);
            }
        }
    }
    if done < text.len() || segments.is_empty() {
        segments.push(literal(text, done..text.len()));
    }
    Ok(segments)
}

fn literal(text: &str, span: Range<usize>) -> Segment<'_> {
    Segment {
        kind: Kind::Literal(&text[span.clone()]),
        span,
    }
}

/// What a dollar begins.
enum Step<'t> {
    /// Nothing: go on there.
    Skip(usize),
    /// A dollar that is meant: the literal ends before the first, and goes on at the second.
    Escape(usize, usize),
    Segment(Segment<'t>),
}

fn at_dollar(text: &str, at: usize, dialect: Dialect) -> Step<'_> {
    let rest = &text[at + 1..];
    if dialect == Dialect::GitHub {
        return match rest
            .strip_prefix("{{")
            .and_then(|inner| inner.split_once("}}"))
        {
            Some((name, _)) => Step::Segment(Segment {
                span: at..at + 3 + name.len() + 2,
                kind: Kind::Variable(name.trim(), None),
            }),
            None => Step::Skip(at + 1),
        };
    }
    if dialect == Dialect::Dockerfile && text[..at].ends_with('\\') {
        return Step::Escape(at - 1, at);
    }
    if rest.starts_with('$') && matches!(dialect, Dialect::Compose | Dialect::GitLab) {
        return Step::Escape(at + 1, at + 2);
    }
    if let Some(inner) = rest.strip_prefix('{') {
        if dialect == Dialect::Sub && inner.starts_with('!') {
            return Step::Escape(at + 2, at + 3);
        }
        return braced(inner, at, dialect);
    }
    let name_end = rest
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(rest.len());
    if dialect == Dialect::Sub || name_end == 0 || rest.starts_with(|c: char| c.is_ascii_digit()) {
        return Step::Skip(at + 1);
    }
    Step::Segment(Segment {
        span: at..at + 1 + name_end,
        kind: Kind::Variable(&rest[..name_end], None),
    })
}

/// `{` has been read; `inner` is what follows.
fn braced(inner: &str, at: usize, dialect: Dialect) -> Step<'_> {
    let Some(length) = closing(inner) else {
        return Step::Skip(at + 1);
    };
    let body = &inner[..length];
    let span = at..at + 2 + length + 1;
    if dialect == Dialect::Sub {
        return Step::Segment(Segment {
            span,
            kind: Kind::Variable(body.trim(), None),
        });
    }
    let name_end = body
        .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .unwrap_or(body.len());
    let (name, rest) = body.split_at(name_end);
    let kind = if name.is_empty() {
        Kind::Computed
    } else if rest.is_empty() {
        Kind::Variable(name, None)
    } else {
        let operator = [":-", ":?", ":+", "-", "?", "+"]
            .into_iter()
            .find(|operator| rest.starts_with(operator));
        operator.map_or(Kind::Computed, |operator| {
            let operand_at = at + 2 + name_end + operator.len();
            Kind::Variable(name, Some((operator, &rest[operator.len()..], operand_at)))
        })
    };
    Step::Segment(Segment { span, kind })
}

/// How many bytes there are before the brace that closes.
fn closing(inner: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests;
