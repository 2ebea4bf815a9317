//! Texts with variables in them, cut: `${TAG:-1.27}`, `$IMAGE`, `${{ env.IMAGE }}`, `${AWS::Region}`.
//!
//! What the variables are is for who asks.

use std::ops::Range;

/// More variables than this are no image reference.
const MAX_SEGMENTS: usize = 64;

/// Whose rules a text is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
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

/// What stands between two variables, or a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment<'t> {
    /// Its bytes in the text.
    pub span: Range<usize>,
    /// Which of the two it is.
    pub kind: Kind<'t>,
}

/// What a segment is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind<'t> {
    /// Text as it is meant.
    Literal(&'t str),
    /// A name, and what follows it (`:-`), with the operand's place.
    Variable(&'t str, Option<(&'t str, &'t str, usize)>),
    /// What is evaluated by whoever runs it, and not here.
    Computed,
}

/// The names that a text might ask for: each word behind a dollar.
pub fn names(text: &str) -> impl Iterator<Item = &str> {
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

/// Cuts a text into its segments; `None` for one of more than any image reference has.
pub fn cut(text: &str, dialect: Dialect) -> Option<Vec<Segment<'_>>> {
    let mut segments = Vec::new();
    let mut done = 0;
    let mut from = 0;
    let dollars = match dialect {
        Dialect::None => return Some(vec![literal(text, 0..text.len())]),
        _ => '$',
    };
    while let Some(found) = text[from..].find(dollars) {
        let at = from + found;
        if segments.len() > MAX_SEGMENTS {
            return None;
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
    Some(segments)
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
