//! The holes of `"%s/app:%s"` and `"{}/app:{tag}"`, filled with the expressions of their values.

use std::ops::Range;

use super::facts::{Expr, Literal, Part, Quotes, Template};

/// `literal % values`.
pub(super) fn percents(literal: &Literal, values: Expr, span: Range<usize>) -> Expr {
    if !literal.is_plain {
        return Expr::Other(span);
    }
    let (mut positional, named) = match values {
        Expr::List(values) => (values.into_iter(), Vec::new()),
        Expr::Map(named) => (Vec::new().into_iter(), named),
        one => (vec![one].into_iter(), Vec::new()),
    };
    let holes = |rest: &str| {
        let rest = rest.strip_prefix('%')?;
        let (name, conversion) = match rest.strip_prefix('(') {
            Some(named) => named
                .split_once(')')
                .map(|(name, rest)| (Some(name), rest))?,
            None => (None, rest),
        };
        let value = match name {
            Some(name) => find_named(&named, name),
            None => positional.next(),
        };
        let is_plain = conversion.starts_with(['s', 'd']);
        let length = 1 + rest.len() - conversion.len() + 1;
        Some((length, value.filter(|_| is_plain)))
    };
    Expr::Format(filled(literal, '%', span, holes))
}

/// `literal.format(values)`.
pub(super) fn braces(
    literal: &Literal,
    values: &[(Option<String>, Expr)],
    span: Range<usize>,
) -> Expr {
    if !literal.is_plain {
        return Expr::Other(span);
    }
    let mut next = 0;
    let holes = |rest: &str| {
        let (name, _) = rest.strip_prefix('{')?.split_once('}')?;
        let positional = |at: usize| {
            let mut unnamed = values.iter().filter(|(name, _)| name.is_none());
            unnamed.nth(at).map(|(_, value)| value.clone())
        };
        let value = if name.is_empty() {
            next += 1;
            positional(next - 1)
        } else if let Ok(at) = name.parse() {
            positional(at)
        } else {
            let named = values.iter().find(|(key, _)| key.as_deref() == Some(name));
            named.map(|(_, value)| value.clone())
        };
        Some((name.len() + 2, value))
    };
    Expr::Format(filled(literal, '{', span, holes))
}

fn find_named(named: &[(String, Expr)], name: &str) -> Option<Expr> {
    let found = named.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.clone())
}

/// Cuts the literal at each `sign`; `hole` tells the length of the one there and its value.
fn filled(
    literal: &Literal,
    sign: char,
    span: Range<usize>,
    mut hole: impl FnMut(&str) -> Option<(usize, Option<Expr>)>,
) -> Template {
    let mut parts = Vec::new();
    let mut at = 0;
    while at < literal.text.len() {
        let rest = &literal.text[at..];
        let here = literal.content.start + at;
        let found = if rest.starts_with(sign) {
            hole(rest)
        } else {
            None
        };
        let length = if let Some((length, value)) = found {
            let length = length.min(rest.len());
            parts.push(Part::Hole {
                span: here..here + length,
                value: value.map(Box::new),
            });
            length
        } else {
            let first = rest.chars().next().map_or(1, char::len_utf8);
            let length = rest[first..]
                .find(sign)
                .map_or(rest.len(), |end| first + end);
            parts.push(Part::Fixed {
                span: here..here + length,
                text: rest[..length].to_owned(),
            });
            length
        };
        at += length;
    }
    Template {
        span,
        parts,
        quotes: literal.quotes.clone(),
    }
}

impl Quotes {
    /// `"`.
    pub(super) fn double() -> Self {
        Self {
            open: "\"".to_owned(),
            close: "\"".to_owned(),
        }
    }
}
