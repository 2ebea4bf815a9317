//! The layers that a value can come from: flags over environment over file.
//!
//! Layers are looked into by key and never merged, so that each value keeps its place.

use std::collections::BTreeMap;

use super::node::{Entry, Node, Raw};
use super::origin::Origin;

/// A key's whole path.
pub(super) type KeyPath = Vec<String>;

/// Everything that was written, wherever.
pub(super) struct Layers {
    /// The file's top level; empty without a file.
    pub(super) file: Vec<Entry>,
    /// What variables and flags say. A flag replaces the variable.
    pub(super) overrides: BTreeMap<KeyPath, Node>,
}

impl Layers {
    /// What was written of a key, in the layer that wins.
    pub(super) fn find(&self, path: &[&str]) -> Option<&Node> {
        let key: KeyPath = path.iter().map(|part| (*part).to_owned()).collect();
        let overriding = self.overrides.get(&key);
        overriding.or_else(|| Some(&self.find_in_file(path)?.node))
    }

    /// Where a key or section stands in the file; `Default` if it does not.
    pub(super) fn place(&self, path: &[&str]) -> Origin {
        self.find_in_file(path)
            .map_or(Origin::Default, |entry| entry.origin.clone())
    }

    fn find_in_file(&self, path: &[&str]) -> Option<&Entry> {
        let (last, sections) = path.split_last()?;
        let mut entries = &self.file;
        for section in sections {
            let entry = entries.iter().find(|entry| entry.key == *section)?;
            let Raw::Table(inner) = &entry.node.raw else {
                return None;
            };
            entries = inner;
        }
        entries.iter().find(|entry| entry.key == *last)
    }

    /// The upstreams that the file names, in its order, with where.
    pub(super) fn upstream_entries(&self) -> impl Iterator<Item = &Entry> {
        let upstreams = self.file.iter().find(|entry| entry.key == "upstreams");
        let tables = upstreams.and_then(|entry| match &entry.node.raw {
            Raw::Table(entries) => Some(entries),
            _ => None,
        });
        tables.into_iter().flatten()
    }
}

/// A value from a variable or flag, to be read as its key has it.
pub(super) fn untyped(text: &str, origin: Origin) -> Node {
    Node {
        origin,
        raw: Raw::Untyped(text.to_owned()),
    }
}
