//! What a file of source code says, whatever its language: what its names are bound to, and where images are wanted.
//!
//! The readers of the languages make this of their syntax trees; everything after them sees no tree.

use std::collections::BTreeMap;
use std::ops::Range;

/// The deepest nesting of expressions that is read.
pub(super) const MAX_DEPTH: usize = 48;

/// The most bindings of one name.
const MAX_BINDINGS: usize = 4096;

/// An expression that may come to an image.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    /// A literal text, or a number.
    Literal(Literal),
    /// An f-string or a template literal.
    Template(Template),
    /// `"%s/app" % user`, `"{}/app".format(user)`: the values stand elsewhere.
    Format(Template),
    /// `a + b`, or literals beside each other.
    Joined {
        span: Range<usize>,
        operands: Vec<Operand>,
        /// What is written between two of them.
        joint: &'static str,
    },
    Name {
        span: Range<usize>,
        name: String,
    },
    /// `a.b` or `a["b"]`.
    Member {
        span: Range<usize>,
        object: Box<Expr>,
        key: String,
    },
    /// A value from outside by its name: an environment variable, a context value, a key that may be absent.
    Lookup {
        span: Range<usize>,
        object: Option<Box<Expr>>,
        key: String,
        default: Option<Box<Expr>>,
    },
    /// The first of these that there is (`a or b`).
    FirstOf(Vec<Expr>),
    /// One of these (`a if x else b`).
    OneOf(Vec<Expr>),
    Map(Vec<(String, Expr)>),
    List(Vec<Expr>),
    Call {
        span: Range<usize>,
        path: Vec<String>,
    },
    /// Anything else: a value that is no text, or that we do not evaluate.
    Other(Range<usize>),
}

/// One of the texts that are joined.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    /// With what is written around the value: parentheses, `str(…)`.
    pub(super) span: Range<usize>,
    pub(super) value: Expr,
}

/// A literal.
#[derive(Clone, Debug)]
pub(super) struct Literal {
    /// With its quotes and prefix.
    pub(super) span: Range<usize>,
    /// Between the quotes.
    pub(super) content: Range<usize>,
    /// What it comes to.
    pub(super) text: String,
    pub(super) quotes: Quotes,
    /// No escape is in it, so that the bytes between the quotes are the text.
    pub(super) is_plain: bool,
}

/// How a plain literal is written in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quotes {
    pub(super) open: String,
    pub(super) close: String,
}

/// A text with holes.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) span: Range<usize>,
    pub(super) parts: Vec<Part>,
    pub(super) quotes: Quotes,
}

/// A part of a template.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Fixed {
        span: Range<usize>,
        text: String,
    },
    /// `None`: there is a value which we do not evaluate.
    Hole {
        span: Range<usize>,
        value: Option<Box<Expr>>,
    },
}

/// Where a name is known, and what it is bound to.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    /// Where it is known.
    pub(super) scope: Range<usize>,
    pub(super) value: Bound,
}

/// What a name is bound to.
#[derive(Clone, Debug)]
pub(super) enum Bound {
    To(Expr),
    /// A parameter, by its function and position, with its default.
    Parameter {
        function: String,
        position: usize,
        default: Option<Expr>,
    },
    /// To each of a list: a loop's variable.
    Each(Expr),
    /// To something that we do not follow.
    Unknown,
}

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// `["ecs", "ContainerImage", "from_registry"]`.
    pub(super) path: Vec<String>,
    pub(super) arguments: Vec<Argument>,
}

/// An argument of a call.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    pub(super) name: Option<String>,
    pub(super) value: Expr,
}

/// A value under a key that images are written under.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) value: Expr,
    /// What is called with it, where it is an argument.
    pub(super) callee: Option<String>,
    /// What it is built from stands beside it.
    pub(super) is_built: bool,
}

/// What a file says. Names are `x`, `self.x` or `Class.x`.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) bindings: BTreeMap<String, Vec<Binding>>,
    /// Calls that take an image, and calls of the file's own functions.
    pub(super) calls: Vec<Call>,
    pub(super) pairs: Vec<Pair>,
    /// Command lines as lists of words.
    pub(super) commands: Vec<Vec<Expr>>,
    /// Where names stand, read or bound, that are no parameters and in no text or comment.
    pub(super) names: Vec<Range<usize>>,
}

impl Facts {
    /// Binds a name. One that is bound more often than anybody would is not followed any more.
    pub(super) fn bind(&mut self, name: &str, scope: Range<usize>, value: Bound) {
        let known = self.bindings.entry(name.to_owned()).or_default();
        if known.len() < MAX_BINDINGS {
            known.push(Binding { scope, value });
        } else if let Some(last) = known.last_mut() {
            last.value = Bound::Unknown;
        }
    }
}

impl Expr {
    /// Its bytes, if it is written in one place.
    pub(super) fn span(&self) -> Range<usize> {
        match self {
            Self::Literal(literal) => literal.span.clone(),
            Self::Template(template) | Self::Format(template) => template.span.clone(),
            Self::Joined { span, .. }
            | Self::Name { span, .. }
            | Self::Member { span, .. }
            | Self::Lookup { span, .. }
            | Self::Call { span, .. }
            | Self::Other(span) => span.clone(),
            Self::FirstOf(options) | Self::OneOf(options) | Self::List(options) => {
                cover(options.iter().map(Self::span))
            }
            Self::Map(entries) => cover(entries.iter().map(|(_, value)| value.span())),
        }
    }
}

/// From the first to the last of them.
fn cover(spans: impl Iterator<Item = Range<usize>>) -> Range<usize> {
    spans
        .reduce(|all, one| all.start.min(one.start)..all.end.max(one.end))
        .unwrap_or(0..0)
}

impl Part {
    /// Its bytes.
    pub(super) fn span(&self) -> Range<usize> {
        match self {
            Self::Fixed { span, .. } | Self::Hole { span, .. } => span.clone(),
        }
    }
}

impl Call {
    /// The name that is called.
    pub(super) fn name(&self) -> &str {
        self.path.last().map_or("", String::as_str)
    }

    /// The positional argument at `position`.
    pub(super) fn find_positional(&self, position: usize) -> Option<&Expr> {
        let mut positional = self.arguments.iter().filter(|one| one.name.is_none());
        positional.nth(position).map(|one| &one.value)
    }

    /// The argument of this name; or, where arguments have no names, the value of this key of an object among them.
    pub(super) fn find_named(&self, name: &str) -> Option<&Expr> {
        let named = self
            .arguments
            .iter()
            .find(|one| one.name.as_deref() == Some(name));
        named.map(|one| &one.value).or_else(|| {
            self.arguments.iter().find_map(|one| match &one.value {
                Expr::Map(entries) => entries
                    .iter()
                    .find(|(key, _)| key == name)
                    .map(|(_, value)| value),
                _ => None,
            })
        })
    }
}
