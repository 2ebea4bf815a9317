//! Texts with variables in them: `${TAG:-1.27}`, `$IMAGE`, `${{ env.IMAGE }}`, `${AWS::Region}`.
//!
//! Puts the segments of a text together again, with what the variables are.

use std::ops::Range;

pub(crate) use forebay_syntax::segments::{Dialect, names};
use forebay_syntax::segments::{Kind, cut};

use crate::{Encoding, Piece, Setter, Why};

/// How deeply defaults of defaults are followed.
const MAX_DEPTH: u32 = 8;
/// Longer than any reference: variables of variables grow by powers.
pub(crate) const MAX_TEXT_BYTES: usize = 4096;

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
    let segments = cut(text, dialect).ok_or(Why::Computed)?;
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

#[cfg(test)]
mod tests;
