//! What an expression of Terraform comes to, as far as files tell.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::ops::Range;

use hcl_edit::Span;
use hcl_edit::expr::{Expression, Traversal};
use hcl_edit::template::{Element, StringTemplate};

use super::names::{self, Names};
use crate::found::moved;
use crate::sink::Site;
use crate::variables::{Home, MAX_TEXT_BYTES, Resolved};
use crate::{Encoding, Piece, Setter, Why, Writing};

/// Names of names, functions of functions.
const MAX_DEPTH: u32 = 16;
/// Expressions of one file that are evaluated: names of names may fan out.
const MAX_STEPS: u32 = 1_000_000;

/// Evaluates the expressions of a file.
pub(super) struct Evaluator<'a> {
    /// The file itself, to tell what is written as it is.
    text: &'a str,
    pub(super) files: Vec<Names<'a>>,
    set: &'a BTreeMap<String, String>,
    /// What is left of [`MAX_STEPS`].
    steps: Cell<u32>,
}

/// What an expression comes to, and how it is written.
pub(super) struct Evaluated {
    pub(super) resolved: Resolved,
    /// Where it stands; `None` in another file.
    pub(super) site: Option<Site>,
    /// Whether what it begins with is a default, for which somebody may say another value.
    pub(super) open: bool,
}

impl Evaluated {
    /// Where another text can take its place: where it is written, be that elsewhere.
    pub(super) fn home(self) -> Option<Home> {
        let Resolved { pieces, home, .. } = self.resolved;
        let made = |site: Site| Home::Made {
            span: site.span,
            writing: Writing::Whole {
                encoding: site.encoding,
                pieces,
            },
        };
        home.or_else(|| self.site.filter(|site| site.verbatim).map(made))
    }
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(
        text: &'a str,
        files: Vec<Names<'a>>,
        set: &'a BTreeMap<String, String>,
    ) -> Self {
        Self {
            text,
            files,
            set,
            steps: Cell::new(MAX_STEPS),
        }
    }

    /// Evaluates an expression of a text that begins at `base` of the file.
    pub(super) fn evaluate(
        &self,
        expression: &'a Expression,
        base: Option<usize>,
    ) -> Result<Evaluated, Why> {
        self.evaluate_within(expression, base, MAX_DEPTH)
    }

    pub(super) fn evaluate_within(
        &self,
        expression: &'a Expression,
        base: Option<usize>,
        depth: u32,
    ) -> Result<Evaluated, Why> {
        let depth = depth.checked_sub(1).ok_or(Why::Computed)?;
        let steps = self.steps.get().checked_sub(1).ok_or(Why::Computed)?;
        self.steps.set(steps);
        let span = span_of(expression, base);
        match expression {
            Expression::String(text) => Ok(self.quoted(text.as_str(), span)),
            Expression::Number(number) => Ok(replaced(number.value().to_string(), None, span)),
            Expression::StringTemplate(template) => self.template(template, base, depth),
            Expression::Parenthesis(inner) => self.evaluate_within(inner.inner(), base, depth),
            Expression::Traversal(traversal) => {
                let (text, home, open) = self.named(traversal, depth)?;
                Ok(Evaluated {
                    open,
                    ..replaced(text, home, span)
                })
            }
            Expression::FuncCall(call) => self.called(call, (base, span), depth),
            _ => Err(Why::Computed),
        }
    }

    /// A literal in quotes.
    fn quoted(&self, text: &str, span: Option<Range<usize>>) -> Evaluated {
        let site = span.map(|span| {
            let inner = span.start + 1..span.end.saturating_sub(1).max(span.start + 1);
            Site {
                verbatim: self.text.get(inner.clone()) == Some(text),
                span: inner,
                encoding: Encoding::AsIs,
            }
        });
        let home = site
            .as_ref()
            .filter(|site| site.verbatim)
            .map(|site| Home::Here {
                span: site.span.clone(),
                encoding: Encoding::AsIs,
            });
        Evaluated {
            resolved: Resolved {
                text: text.to_owned(),
                pieces: Vec::new(),
                home,
            },
            site,
            open: false,
        }
    }

    fn template(
        &self,
        template: &'a StringTemplate,
        base: Option<usize>,
        depth: u32,
    ) -> Result<Evaluated, Why> {
        let (mut text, mut pieces, mut home) = (String::new(), Vec::new(), None);
        let mut is_open = false;
        let elements: Vec<&Element> = template.iter().collect();
        for element in &elements {
            let (value, span, variable, open) = match element {
                Element::Literal(literal) => (literal.to_string(), literal.span(), false, false),
                Element::Interpolation(interpolation) => {
                    let inner = self.evaluate_within(&interpolation.expr, base, depth)?;
                    if elements.len() == 1 {
                        home = inner.resolved.home;
                    }
                    (inner.resolved.text, interpolation.span(), true, inner.open)
                }
                Element::Directive(_) => return Err(Why::Computed),
            };
            is_open |= open && text.is_empty();
            text.push_str(&value);
            if text.len() > MAX_TEXT_BYTES {
                return Err(Why::Computed);
            }
            if let (Some(span), Some(base)) = (span, base) {
                pieces.push(Piece {
                    span: moved(&span, base),
                    text: value,
                    variable,
                    open: open.then_some(Setter::Surroundings),
                });
            }
        }
        // Literals with escapes are no bytes of the text.
        let verbatim = pieces
            .iter()
            .all(|piece| piece.variable || self.text.get(piece.span.clone()) == Some(&piece.text));
        if !verbatim {
            return Err(Why::Computed);
        }
        let site = template.span().zip(base).map(|(span, base)| Site {
            span: base + span.start + 1..base + span.end - 1,
            encoding: Encoding::AsIs,
            verbatim,
        });
        Ok(Evaluated {
            resolved: Resolved { text, pieces, home },
            site,
            open: is_open,
        })
    }

    /// What a name comes to, where that stands, and whether it is a default.
    fn named(
        &self,
        traversal: &'a Traversal,
        depth: u32,
    ) -> Result<(String, Option<Home>, bool), Why> {
        let path = names::path_of(traversal).ok_or(Why::Computed)?;
        if let Some(text) = names::set(self.set, &path) {
            return Ok((text.to_owned(), None, false));
        }
        let bound = names::find(&self.files, &path).ok_or_else(|| Why::Unset(path.join(".")))?;
        let value = self.evaluate_within(bound.expression, bound.base, depth)?;
        let open = value.open || bound.is_default;
        let text = value.resolved.text.clone();
        let home = match bound.base {
            Some(_) => value.home(),
            None => Some(Home::Near(bound.file.to_owned())),
        };
        Ok((text, home, open))
    }

    /// Whether `--set` says what a name is.
    pub(super) fn is_set(&self, path: &[String]) -> bool {
        names::set(self.set, path).is_some()
    }

    /// The variable that a text begins with, where another file or `--set` says that it is an image by itself.
    pub(super) fn image_elsewhere(
        &self,
        expression: &Expression,
        base: usize,
    ) -> Option<Range<usize>> {
        let Expression::StringTemplate(template) = expression else {
            return None;
        };
        let Some(Element::Interpolation(first)) = template.iter().next() else {
            return None;
        };
        let Expression::Traversal(traversal) = &first.expr else {
            return None;
        };
        let path = names::path_of(traversal)?;
        path.get(1).filter(|name| name.contains("image"))?;
        let text = names::set(self.set, &path).or_else(|| {
            let bound = names::find(&self.files, &path)?;
            bound.expression.as_str().filter(|_| bound.base.is_none())
        })?;
        let span = first.span().filter(|_| super::is_named_image(text))?;
        Some(moved(&span, base))
    }
}

pub(super) fn bounded(text: String) -> Result<String, Why> {
    if text.len() > MAX_TEXT_BYTES {
        return Err(Why::Computed);
    }
    Ok(text)
}

/// An expression that gives way to a literal, or whose value stands elsewhere.
pub(super) fn replaced(text: String, home: Option<Home>, span: Option<Range<usize>>) -> Evaluated {
    Evaluated {
        resolved: Resolved {
            text,
            pieces: Vec::new(),
            home,
        },
        site: span.map(|span| Site {
            span,
            encoding: Encoding::Literal {
                open: "\"".to_owned(),
                close: "\"".to_owned(),
            },
            verbatim: true,
        }),
        open: false,
    }
}

/// An expression's bytes in the file.
pub(super) fn span_of(expression: &Expression, base: Option<usize>) -> Option<Range<usize>> {
    Some(moved(&expression.span()?, base?))
}
