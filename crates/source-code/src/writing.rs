//! How an expression of source code takes a new reference.

use super::facts::{Expr, Quotes};
use super::resolve::Text;
use forebay_references::{Encoding, Joint, Writing};

/// How a text with variables is rewritten.
pub(super) fn writing(expr: &Expr, text: Text) -> Writing {
    let pieces = text.pieces;
    let (quotes, joint) = match expr {
        Expr::Template(template) => (template.quotes.clone(), None),
        Expr::Format(template) => (template.quotes.clone(), Some(Joint::Arguments)),
        Expr::Joined {
            operands, joint, ..
        } => {
            let quotes = operands.iter().find_map(|one| quotes_of(&one.value));
            let joint = Joint::Operator(joint);
            (quotes.unwrap_or_else(Quotes::double), Some(joint))
        }
        _ => (quotes_of(expr).unwrap_or_else(Quotes::double), None),
    };
    let Quotes { open, close } = quotes;
    let encoding = Encoding::Literal { open, close };
    match joint {
        Some(joint) => Writing::Joined {
            encoding,
            joint,
            pieces,
        },
        None => Writing::Whole { encoding, pieces },
    }
}

fn quotes_of(expr: &Expr) -> Option<Quotes> {
    match expr {
        Expr::Literal(literal) => Some(literal.quotes.clone()),
        Expr::Template(template) => Some(template.quotes.clone()),
        _ => None,
    }
}
