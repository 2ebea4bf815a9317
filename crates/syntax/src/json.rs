//! Reads JSON into a tree.
//!
//! `serde_json` reads; a raw value is a part of the text, so that its address tells its place.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::Note;
use crate::tree::{Id, Node, Style, Tree, Value};

/// Each level is read again by the one above it: this bounds the work, and the stack.
const MAX_DEPTH: usize = 100;

/// The document of a text. A byte order mark is skipped.
pub fn read(text: &str) -> Result<Tree<'_>, Note> {
    let body = text.strip_prefix('\u{feff}').unwrap_or(text);
    let raw: &RawValue = serde_json::from_str(body).map_err(|error| not_json(text, &error))?;
    let mut reading = Reading {
        text,
        nodes: Vec::new(),
    };
    let root = reading.add(raw, 0)?;
    Ok(Tree::new(reading.nodes, root))
}

fn not_json(text: &str, error: &serde_json::Error) -> Note {
    let before: usize = text
        .split_inclusive('\n')
        .take(error.line().saturating_sub(1))
        .map(str::len)
        .sum();
    let at = text.floor_char_boundary(before + error.column().saturating_sub(1));
    Note::at(at, format!("not JSON: {error}"))
}

struct Reading<'t> {
    text: &'t str,
    nodes: Vec<Node<'t>>,
}

impl<'t> Reading<'t> {
    fn add(&mut self, raw: &'t RawValue, depth: usize) -> Result<Id, Note> {
        let source = raw.get();
        let start = source.as_ptr() as usize - self.text.as_ptr() as usize;
        if depth == MAX_DEPTH {
            return Err(Note::at(start, "nested too deeply for a manifest"));
        }
        let id = self.nodes.len();
        self.nodes.push(Node {
            span: start..start + source.len(),
            tag: None,
            value: Value::List(Vec::new()),
        });
        let value = self.value(source, depth)?;
        self.nodes[id].value = value;
        Ok(id)
    }

    fn value(&mut self, source: &'t str, depth: usize) -> Result<Value<'t>, Note> {
        let failed = |error: serde_json::Error| Note::whole(format!("not JSON: {error}"));
        Ok(match source.as_bytes().first() {
            Some(b'{') => {
                let entries: Entries<'t> = serde_json::from_str(source).map_err(failed)?;
                let mut map = Vec::with_capacity(entries.0.len());
                for (key, value) in entries.0 {
                    let key = self.key(key);
                    map.push((key, self.add(value, depth + 1)?));
                }
                Value::Map(map)
            }
            Some(b'[') => {
                let items: Vec<&'t RawValue> = serde_json::from_str(source).map_err(failed)?;
                let ids: Result<_, _> = items
                    .into_iter()
                    .map(|item| self.add(item, depth + 1))
                    .collect();
                Value::List(ids?)
            }
            Some(b'"') => {
                let Text(text) = serde_json::from_str(source).map_err(failed)?;
                Value::Scalar(text, Style::Quoted)
            }
            _ => Value::Scalar(Cow::Borrowed(source), Style::Plain),
        })
    }

    /// A key has no place: nothing is written there.
    fn key(&mut self, text: Cow<'t, str>) -> Id {
        self.nodes.push(Node {
            span: 0..0,
            tag: None,
            value: Value::Scalar(text, Style::Quoted),
        });
        self.nodes.len() - 1
    }
}

/// A text that is borrowed where it has no escapes.
#[derive(serde::Deserialize)]
struct Text<'t>(#[serde(borrow)] Cow<'t, str>);

/// An object's entries in their order, doubles too.
struct Entries<'t>(Vec<(Cow<'t, str>, &'t RawValue)>);

impl<'de> Deserialize<'de> for Entries<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some((Text(key), value)) = access.next_entry::<Text<'de>, &'de RawValue>()? {
            entries.push((key, value));
        }
        Ok(Entries(entries))
    }
}
