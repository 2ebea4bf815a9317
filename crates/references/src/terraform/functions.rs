//! The functions of Terraform that images are put together with.
//!
//! What they come to, and what of them can be another without the variables that are given to them.

use std::ops::Range;

use hcl_edit::expr::{Expression, FuncCall};

use super::evaluate::{Evaluated, Evaluator, bounded, replaced, span_of};
use crate::variables::{Home, Item, joined};
use crate::{Joint, Piece, Setter, Why};

impl<'a> Evaluator<'a> {
    /// What a call comes to that stands at `span`.
    pub(super) fn called(
        &self,
        call: &'a FuncCall,
        (base, span): (Option<usize>, Option<Range<usize>>),
        depth: u32,
    ) -> Result<Evaluated, Why> {
        let value = |expression| self.evaluate_within(expression, base, depth);
        let mut arguments = call.args.iter();
        let name = call.name.name.as_str();
        if matches!(name, "coalesce" | "try") {
            return first_of(arguments.map(value), span);
        }
        let first = value(arguments.next().ok_or(Why::Computed)?)?;
        match name {
            "format" => {
                let values: Result<Vec<Evaluated>, Why> = arguments.map(value).collect();
                formatted(&first, &values?, span)
            }
            "join" => {
                let list = arguments.next().and_then(Expression::as_array);
                let mut items = Vec::new();
                for item in list.ok_or(Why::Computed)? {
                    items.push((value(item)?, item_of(item, base)));
                }
                in_line(&first.resolved.text, items, span)
            }
            "trimspace" | "tostring" | "nonsensitive" => {
                let text = first.resolved.text.trim().to_owned();
                Ok(same(first, text, span))
            }
            "lower" => {
                let text = first.resolved.text.to_lowercase();
                Ok(same(first, text, span))
            }
            _ => Err(Why::Computed),
        }
    }
}

/// The first of several values that says something. One before it of which nothing is known may be set.
fn first_of(
    values: impl Iterator<Item = Result<Evaluated, Why>>,
    span: Option<Range<usize>>,
) -> Result<Evaluated, Why> {
    let mut values = values.enumerate();
    let (index, found) = values
        .find_map(|(index, value)| {
            let value = value.ok().filter(|value| !value.resolved.text.is_empty())?;
            Some((index, value))
        })
        .ok_or(Why::Computed)?;
    let open = found.open || index > 0;
    let text = found.resolved.text.clone();
    Ok(Evaluated {
        open,
        ..same(found, text, span)
    })
}

/// What a function makes of one value: the same, which can be another where that stands, or something else.
fn same(value: Evaluated, text: String, span: Option<Range<usize>>) -> Evaluated {
    let open = value.open;
    let home = if value.resolved.text == text {
        value.home()
    } else {
        span.clone().map(Home::of_function)
    };
    Evaluated {
        open,
        ..replaced(text, home, span)
    }
}

/// `join`.
fn in_line(
    separator: &str,
    items: Vec<(Evaluated, Option<Item>)>,
    span: Option<Range<usize>>,
) -> Result<Evaluated, Why> {
    let open = items.first().is_some_and(|(first, _)| first.open);
    let here = span.clone().unwrap_or_default();
    let texts: Vec<(String, Item)> = items
        .into_iter()
        .map(|(value, item)| (value.resolved.text, item.unwrap_or(Item::Made(0..0))))
        .collect();
    let (text, home) = joined(&texts, separator, here);
    let home = span.as_ref().map(|_| home);
    Ok(Evaluated {
        open,
        ..replaced(bounded(text)?, home, span)
    })
}

fn item_of(expression: &Expression, base: Option<usize>) -> Option<Item> {
    let span = span_of(expression, base)?;
    Some(match expression {
        Expression::String(_) if span.len() >= 2 => Item::Literal(span.start + 1..span.end - 1),
        _ => Item::Made(span),
    })
}

/// `format` with `%s`, `%v` and `%d`.
fn formatted(
    pattern: &Evaluated,
    values: &[Evaluated],
    span: Option<Range<usize>>,
) -> Result<Evaluated, Why> {
    let site = pattern.site.as_ref().filter(|site| site.verbatim);
    let is_literal = pattern.resolved.pieces.is_empty() && site.is_some();
    let is_literal = is_literal && matches!(pattern.resolved.home, Some(Home::Here { .. }));
    let start = site.map_or(0, |site| site.span.start);
    let pieces = holes(&pattern.resolved.text, start, values)?;
    let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
    let open = pieces.first().is_some_and(|piece| piece.open.is_some());
    let home = span.clone().map(|span| {
        if is_literal {
            Home::joined(span, Joint::Arguments, pieces)
        } else {
            Home::of_function(span)
        }
    });
    Ok(Evaluated {
        open,
        ..replaced(bounded(text)?, home, span)
    })
}

/// The literals of a format that begins at `start`, and its holes with their values.
fn holes(pattern: &str, start: usize, values: &[Evaluated]) -> Result<Vec<Piece>, Why> {
    let mut values = values.iter();
    let (mut pieces, mut at) = (Vec::new(), start);
    let mut add = |text: &str, bytes: usize, value: Option<&Evaluated>| {
        let open = value.filter(|value| value.open);
        pieces.push(Piece {
            span: at..at + bytes,
            text: text.to_owned(),
            variable: value.is_some(),
            open: open.map(|_| Setter::Surroundings),
        });
        at += bytes;
    };
    for (index, part) in pattern.split('%').enumerate() {
        let literal = if index == 0 {
            part
        } else {
            let value = values.next().ok_or(Why::Computed)?;
            add(&value.resolved.text, "%s".len(), Some(value));
            part.strip_prefix(['s', 'v', 'd']).ok_or(Why::Computed)?
        };
        if !literal.is_empty() {
            add(literal, literal.len(), None);
        }
    }
    Ok(pieces)
}
