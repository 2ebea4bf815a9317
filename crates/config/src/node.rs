//! What was written, before anything is known of keys: TOML with the line of everything.
//!
//! No `Debug`: a node may hold a secret.

use std::path::Path;
use std::sync::Arc;

use toml::de::{DeTable, DeValue, Error};

use super::error::{ConfigProblem, Problems, Wrong};
use super::origin::Origin;

/// A value and where it stands.
#[derive(Clone)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) raw: Raw,
}

/// A value as it was written.
#[derive(Clone)]
pub(super) enum Raw {
    /// From the environment, a flag or a default: its key says how to read it.
    Untyped(String),
    Text(String),
    /// The digits of a decimal number.
    Integer(String),
    Boolean(bool),
    List(Vec<Node>),
    Table(Vec<Entry>),
    /// A date or a fraction, which no key takes; its name.
    Other(&'static str),
}

/// A key of a table.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    /// Where the key stands.
    pub(super) origin: Origin,
    pub(super) node: Node,
}

impl Raw {
    /// What it is, with its article.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Untyped(_) | Self::Text(_) => "a string",
            Self::Integer(_) => "a number",
            Self::Boolean(true) => "true",
            Self::Boolean(false) => "false",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
            Self::Other(kind) => kind,
        }
    }
}

/// Reads a file's text. What is wrong with its grammar is told; what could be read is returned all the same.
pub(super) fn read_document(text: &str, path: &Path, problems: &mut Problems) -> Vec<Entry> {
    let place = Place {
        text,
        path: Some(path.into()),
        otherwise: Origin::Default,
    };
    let (table, errors) = DeTable::parse_recoverable(text);
    let entries = place.entries(table.into_inner());
    if !errors.is_empty() {
        problems.doubt(&[]);
    }
    for error in &errors {
        problems.push(syntax_problem(error, &place, &entries));
    }
    entries
}

/// Reads a list or table that stands in one environment variable.
pub(super) fn read_inline(text: &str, origin: &Origin) -> Result<Node, Wrong> {
    let place = Place {
        text,
        path: None,
        otherwise: origin.clone(),
    };
    match DeValue::parse(text) {
        Ok(value) => Ok(place.node(value.into_inner(), 0)),
        Err(error) => Err(Wrong::new(format!("is not TOML: {}", one_clause(&error)))),
    }
}

fn syntax_problem(error: &Error, place: &Place<'_>, entries: &[Entry]) -> ConfigProblem {
    let span = error.span().unwrap_or_default();
    let origin = place.origin(span.start);
    let column = place.column(span.start);
    let what = format!("at column {column}: {}", one_clause(error));
    let problem = ConfigProblem::new(&origin, what);
    if !error.message().starts_with("duplicate key") {
        return problem;
    }
    let key = place.text.get(span).unwrap_or_default();
    let first = find_last_before(entries, key.trim_matches(['"', '\'']), &origin);
    match first {
        Some(first) => problem.hint(format!(
            "it is written at {first} already: leave one of them out"
        )),
        None => problem.hint("each key and each [section] is written once"),
    }
}

/// Where `key` was last written on a line above `at`, in whatever table: the one that comes again lies no further up.
fn find_last_before<'a>(entries: &'a [Entry], key: &str, at: &Origin) -> Option<&'a Origin> {
    let own = entries
        .iter()
        .filter(|entry| entry.key == key && entry.origin.line() < at.line())
        .map(|entry| &entry.origin);
    let inner = entries.iter().filter_map(|entry| match &entry.node.raw {
        Raw::Table(inner) => find_last_before(inner, key, at),
        _ => None,
    });
    own.chain(inner).max_by_key(|origin| origin.line())
}

/// The parser's message without the line of source that its `Display` adds: the line may hold a secret.
fn one_clause(error: &Error) -> String {
    error.message().trim().replace('\n', ", ")
}

/// Turns offsets into places.
struct Place<'a> {
    text: &'a str,
    path: Option<Arc<Path>>,
    otherwise: Origin,
}

impl Place<'_> {
    fn origin(&self, offset: usize) -> Origin {
        let Some(path) = &self.path else {
            return self.otherwise.clone();
        };
        let before = self.text.as_bytes().iter().take(offset);
        Origin::File {
            path: Arc::clone(path),
            line: before.filter(|byte| **byte == b'\n').count() + 1,
        }
    }

    /// How many characters a line has before this offset, and one.
    fn column(&self, offset: usize) -> usize {
        let before = self.text.get(..offset).unwrap_or_default();
        before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1
    }

    fn entries(&self, table: DeTable<'_>) -> Vec<Entry> {
        table
            .into_iter()
            .map(|(key, value)| Entry {
                origin: self.origin(key.span().start),
                node: self.node_at(value),
                key: key.into_inner().into_owned(),
            })
            .collect()
    }

    fn node_at(&self, value: toml::Spanned<DeValue<'_>>) -> Node {
        let start = value.span().start;
        self.node(value.into_inner(), start)
    }

    fn node(&self, value: DeValue<'_>, offset: usize) -> Node {
        let raw = match value {
            DeValue::String(text) => Raw::Text(text.into_owned()),
            DeValue::Integer(number) if number.radix() == 10 => {
                Raw::Integer(number.as_str().replace('_', ""))
            }
            DeValue::Integer(_) => Raw::Other("a number that is not decimal"),
            DeValue::Float(_) => Raw::Other("a fraction"),
            DeValue::Boolean(value) => Raw::Boolean(value),
            DeValue::Datetime(_) => Raw::Other("a date"),
            DeValue::Array(items) => {
                Raw::List(items.into_iter().map(|item| self.node_at(item)).collect())
            }
            DeValue::Table(table) => Raw::Table(self.entries(table)),
        };
        Node {
            origin: self.origin(offset),
            raw,
        }
    }
}
