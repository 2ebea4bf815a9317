//! Texts with variables in them: `${TAG:-1.27}`, `$IMAGE`, `${{ env.IMAGE }}`, `${AWS::Region}`.
//!
//! Puts the segments of a text together again, with what the variables are.

use std::ops::Range;

pub(crate) use forebay_syntax::segments::{Dialect, names};
use forebay_syntax::segments::{Kind, cut};

use crate::{Encoding, Joint, Piece, Setter, Why, Writing};

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
    /// Whether what it begins with is a default, for which somebody may say another value.
    pub(crate) open: bool,
}

/// Where a variable's value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    /// In this file.
    Here {
        span: Range<usize>,
        encoding: Encoding,
    },
    /// In this file, made of literals and variables.
    Made {
        span: Range<usize>,
        writing: Writing,
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
            open: false,
        }
    }

    /// A value from outside of the file.
    pub(crate) fn from_outside(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            home: None,
            open: false,
        }
    }
}

impl Home {
    /// An expression that is put together by a function, in which nothing can take the place of a part.
    pub(crate) fn of_function(span: Range<usize>) -> Self {
        Self::joined(span, Joint::Function, Vec::new())
    }

    /// An expression whose pieces are held together so; a literal takes its place where none of its variables stays.
    pub(crate) fn joined(span: Range<usize>, joint: Joint, pieces: Vec<Piece>) -> Self {
        let quote = || "\"".to_owned();
        let encoding = Encoding::Literal {
            open: quote(),
            close: quote(),
        };
        let writing = Writing::Joined {
            encoding,
            joint,
            pieces,
        };
        Self::Made { span, writing }
    }
}

/// One of the texts that a function joins, and where it stands.
pub(crate) enum Item {
    /// As a literal, without its quotes.
    Literal(Range<usize>),
    /// As an expression.
    Made(Range<usize>),
}

/// What a list of texts comes to with a separator between them, and how the expression around it is written.
///
/// Of the list only the first text can be another: what is behind it stays, with all its separators.
pub(crate) fn joined(
    texts: &[(String, Item)],
    separator: &str,
    span: Range<usize>,
) -> (String, Home) {
    let all: Vec<&str> = texts.iter().map(|(text, _)| text.as_str()).collect();
    let all = all.join(separator);
    let Some(((text, Item::Literal(first)), rest)) = texts.split_first() else {
        return (all, Home::of_function(span));
    };
    let mut end = first.start;
    let mut piece = |text: String, to: usize, variable: bool| {
        let span = end..to;
        end = to;
        let is_in_order = span.start <= span.end;
        is_in_order.then_some(Piece {
            span,
            text,
            variable,
            open: None,
        })
    };
    let mut pieces = vec![piece(text.clone(), first.end, false)];
    pieces.extend(rest.iter().map(|(text, item)| {
        let (Item::Literal(span) | Item::Made(span)) = item;
        piece(format!("{separator}{text}"), span.end, true)
    }));
    let pieces: Option<Vec<Piece>> = pieces.into_iter().collect();
    let home = pieces.map_or_else(
        || Home::of_function(span.clone()),
        |pieces| Home::joined(span.clone(), Joint::Arguments, pieces),
    );
    (all, home)
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
                let said = lookup(name);
                let is_open = said.as_ref().is_some_and(|said| said.open)
                    || operand.is_some_and(|(operator, ..)| is_default(operator, said.as_ref()));
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
            open: false,
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
