//! What an expression comes to, by the same file's names, defaults, and what `--set` says.
//!
//! What is set goes before what the file says. A name with two values that differ has none.

use std::cell::Cell;
use std::ops::Range;

use super::facts::{Binding, Bound, Call, Expr, Facts, MAX_DEPTH, Operand, Part, Template};
use forebay_references::{Piece, Settings, Why};

/// A text, and what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) value: String,
    /// In the order of the text; empty for a literal.
    pub(super) pieces: Vec<Piece>,
}

/// Looks names up.
pub(super) struct Resolver<'a> {
    pub(super) facts: &'a Facts,
    pub(super) settings: &'a Settings,
    /// What is left of [`MAX_STEPS`].
    steps: Cell<u32>,
}

/// How many expressions of a file are evaluated: values of values may multiply without end.
const MAX_STEPS: u32 = 1_000_000;

/// The longest text that an expression may come to, in bytes; references are far shorter.
const MAX_TEXT_BYTES: usize = 4096;

impl<'a> Resolver<'a> {
    pub(super) fn new(facts: &'a Facts, settings: &'a Settings) -> Self {
        Self {
            facts,
            settings,
            steps: Cell::new(MAX_STEPS),
        }
    }

    /// What `--set` says for one of these names.
    pub(super) fn find_set(&self, names: &[&str]) -> Option<&'a str> {
        let mut values = names.iter().filter_map(|name| self.settings.set.get(*name));
        values.next().map(String::as_str)
    }

    /// What a name is bound to where `at` is: all bindings of the innermost scope that has one.
    pub(super) fn bindings(&self, name: &str, at: usize) -> Vec<&'a Binding> {
        let known = self.facts.bindings.get(name).map_or(&[][..], Vec::as_slice);
        let known = known.iter().filter(|one| one.scope.contains(&at));
        let mut innermost: Vec<&Binding> = Vec::new();
        for binding in known {
            let length = binding.scope.len();
            match innermost.first().map(|best| best.scope.len().cmp(&length)) {
                Some(std::cmp::Ordering::Less) => {}
                Some(std::cmp::Ordering::Equal) => innermost.push(binding),
                Some(std::cmp::Ordering::Greater) | None => innermost = vec![binding],
            }
        }
        innermost
    }

    /// The arguments with which the file itself calls a function, for one of its parameters.
    pub(super) fn arguments(&self, function: &str, position: usize, name: &str) -> Vec<&'a Expr> {
        let calls = self
            .facts
            .calls
            .iter()
            .filter(|call| call.name() == function);
        calls
            .filter_map(|call: &Call| {
                call.find_positional(position).or_else(|| {
                    let named = |one: &&super::facts::Argument| one.name.as_deref() == Some(name);
                    call.arguments.iter().find(named).map(|one| &one.value)
                })
            })
            .collect()
    }

    /// What an object's member is: an entry of a map, a class's field, an option of the command line.
    pub(super) fn members(&self, object: &Expr, key: &str, depth: usize) -> Vec<&'a Binding> {
        let Expr::Name { name, span } = object else {
            return Vec::new();
        };
        let fields = self.bindings(&format!("{name}.{key}"), span.start);
        if !fields.is_empty() || depth > MAX_DEPTH {
            return fields;
        }
        let is_options = self.bindings(name, span.start).iter().any(|binding| {
            matches!(&binding.value, Bound::To(Expr::Call { path, .. })
                if path.last().is_some_and(|name| name == "parse_args"))
        });
        if is_options {
            self.bindings(&format!("parse_args().{key}"), span.start)
        } else {
            Vec::new()
        }
    }

    /// The entry of a map that `object` comes to.
    pub(super) fn find_entry(&self, object: &Expr, key: &str, depth: usize) -> Option<Expr> {
        if depth > MAX_DEPTH {
            return None;
        }
        let entry = |entries: &[(String, Expr)]| {
            let mut found = entries.iter().filter(|(name, _)| name == key);
            found.next_back().map(|(_, value)| value.clone())
        };
        match object {
            Expr::Map(entries) => entry(entries),
            Expr::Name { name, span } => match self.bindings(name, span.start).as_slice() {
                [
                    Binding {
                        value: Bound::To(value),
                        ..
                    },
                ] => self.find_entry(value, key, depth + 1),
                _ => None,
            },
            Expr::Member {
                object, key: inner, ..
            } => {
                if let [
                    Binding {
                        value: Bound::To(value),
                        ..
                    },
                ] = self.members(object, inner, depth).as_slice()
                {
                    return self.find_entry(value, key, depth + 1);
                }
                let inner = self.find_entry(object, inner, depth + 1)?;
                self.find_entry(&inner, key, depth + 1)
            }
            _ => None,
        }
    }

    /// The text that an expression comes to.
    pub(super) fn text(&self, expr: &Expr, depth: usize) -> Result<Text, Why> {
        self.steps.set(self.steps.get().saturating_sub(1));
        if depth > MAX_DEPTH || self.steps.get() == 0 {
            return Err(Why::Computed);
        }
        match expr {
            Expr::Literal(literal) => Ok(Text::plain(&literal.text)),
            Expr::Template(template) | Expr::Format(template) => self.template(template, depth),
            Expr::Joined { operands, .. } => self.joined(operands, depth),
            Expr::Name { name, span } => self.name(name, span, depth),
            Expr::Member { object, key, .. } => self.member(object, key, depth),
            Expr::Lookup {
                object,
                key,
                default,
                ..
            } => {
                if let Some(set) = self.find_set(&[key]) {
                    return Ok(Text::plain(set));
                }
                let entry = object
                    .as_deref()
                    .and_then(|object| self.find_entry(object, key, depth));
                match (entry, default) {
                    (Some(value), _) => self.text(&value, depth + 1),
                    (None, Some(default)) => self.text(default, depth + 1),
                    (None, None) => Err(Why::Unset(key.clone())),
                }
            }
            Expr::FirstOf(options) => {
                let mut found = Err(Why::Computed);
                for option in options {
                    found = self.text(option, depth + 1);
                    if found.is_ok() {
                        break;
                    }
                }
                found
            }
            Expr::OneOf(options) => self.same(options.iter(), "it", depth),
            Expr::Map(_) | Expr::List(_) | Expr::Call { .. } | Expr::Other(_) => Err(Why::Computed),
        }
    }

    fn name(&self, name: &str, span: &Range<usize>, depth: usize) -> Result<Text, Why> {
        if let Some(set) = self.find_set(&[name]) {
            return Ok(Text::plain(set));
        }
        self.bound(&self.bindings(name, span.start), name, depth)
    }

    fn member(&self, object: &Expr, key: &str, depth: usize) -> Result<Text, Why> {
        if let Some(set) = self.find_set(&[key]) {
            return Ok(Text::plain(set));
        }
        let fields = self.members(object, key, depth);
        if !fields.is_empty() {
            return self.bound(&fields, key, depth);
        }
        match self.find_entry(object, key, depth) {
            Some(value) => self.text(&value, depth + 1),
            None => Err(Why::Unset(key.to_owned())),
        }
    }

    fn bound(&self, bindings: &[&Binding], name: &str, depth: usize) -> Result<Text, Why> {
        let unset = || Why::Unset(name.to_owned());
        let mut values = Vec::new();
        for binding in bindings {
            values.push(match &binding.value {
                Bound::To(value)
                | Bound::Parameter {
                    default: Some(value),
                    ..
                } => value,
                Bound::Parameter { .. } => return Err(unset()),
                Bound::Each(_) | Bound::Unknown if bindings.len() == 1 => return Err(unset()),
                Bound::Each(_) | Bound::Unknown => return Err(Why::Several(name.to_owned())),
            });
        }
        if values.is_empty() {
            return Err(unset());
        }
        self.same(values.into_iter(), name, depth)
            .map_err(|why| match why {
                // A call that gives `x` is better known by the name of `x`, which can be set.
                Why::Computed => unset(),
                other => other,
            })
    }

    /// The text that all of these come to.
    fn same<'b>(
        &self,
        values: impl Iterator<Item = &'b Expr>,
        name: &str,
        depth: usize,
    ) -> Result<Text, Why> {
        let mut all: Option<Text> = None;
        for value in values {
            let text = self.text(value, depth + 1)?;
            match &all {
                Some(other) if other.value != text.value => {
                    return Err(Why::Several(name.to_owned()));
                }
                _ => all = Some(text),
            }
        }
        all.ok_or(Why::Computed)
    }

    fn template(&self, template: &Template, depth: usize) -> Result<Text, Why> {
        let mut text = Text::default();
        for part in &template.parts {
            let (span, value, variable) = match part {
                Part::Fixed { span, text } => (span, text.clone(), false),
                Part::Hole { value: None, .. } => return Err(Why::Computed),
                Part::Hole {
                    span,
                    value: Some(value),
                } => (span, self.text(value, depth + 1)?.value, true),
            };
            text.push(span.clone(), &value, variable)?;
        }
        Ok(text)
    }

    fn joined(&self, operands: &[Operand], depth: usize) -> Result<Text, Why> {
        let mut text = Text::default();
        for operand in operands {
            let value = self.text(&operand.value, depth + 1)?.value;
            let variable = !matches!(operand.value, Expr::Literal(_));
            text.push(operand.span.clone(), &value, variable)?;
        }
        Ok(text)
    }
}

impl Default for Text {
    fn default() -> Self {
        Self::plain("")
    }
}

impl Text {
    fn plain(value: &str) -> Self {
        Self {
            value: value.to_owned(),
            pieces: Vec::new(),
        }
    }

    fn push(&mut self, span: Range<usize>, text: &str, variable: bool) -> Result<(), Why> {
        if self.value.len() + text.len() > MAX_TEXT_BYTES {
            return Err(Why::Computed);
        }
        self.value.push_str(text);
        self.pieces.push(Piece {
            span,
            text: text.to_owned(),
            variable,
            open: None,
        });
        Ok(())
    }
}
