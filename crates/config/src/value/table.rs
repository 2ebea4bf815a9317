//! A table that is one item of a list: its keys are read one by one, and what is wrong is told with its place.

use super::Value;
use crate::error::Wrong;
use crate::nearest::find_nearest;
use crate::node::{Entry, Node, Raw};

/// A table with none but known keys.
pub(super) struct Table<'a> {
    /// What one is called, such as `a rule`.
    noun: &'static str,
    node: &'a Node,
    entries: &'a [Entry],
}

impl<'a> Table<'a> {
    /// The table that `node` is, called `noun`, with no other keys than `known`.
    pub(super) fn read<T: Value>(
        node: &'a Node,
        noun: &'static str,
        known: &[&'static str],
    ) -> Result<Self, Wrong> {
        let Raw::Table(entries) = &node.raw else {
            return Err(super::unwanted(node, T::WANTED));
        };
        let is_stray = |entry: &&Entry| !known.contains(&entry.key.as_str());
        if let Some(stray) = entries.iter().find(is_stray) {
            let what = format!("has {noun} with the unknown key `{}`", stray.key);
            let wrong = Wrong::new(what).at(&stray.origin);
            return Err(match find_nearest(&stray.key, known.iter().copied()) {
                Some(key) => wrong.hint(format!("the nearest key is `{key}`")),
                None => wrong.hint(format!("the keys there are {}", known.join(", "))),
            });
        }
        Ok(Self {
            noun,
            node,
            entries,
        })
    }

    /// The value of a key that may be left out.
    pub(super) fn optional<T: Value>(&self, key: &str) -> Result<Option<T>, Wrong> {
        let written = self.entries.iter().find(|entry| entry.key == key);
        let value = written.map(|entry| T::read(&entry.node));
        value.transpose().map_err(|mut wrong| {
            wrong.what = format!("has {} whose `{key}` {}", self.noun, wrong.what);
            wrong
        })
    }

    /// The value of a key that must be there.
    pub(super) fn required<T: Value>(&self, key: &str) -> Result<T, Wrong> {
        self.optional(key)?
            .ok_or_else(|| self.wrong(&format!("without `{key}`")))
    }

    /// The items of a key that must be there and must have some.
    pub(super) fn some<T>(&self, key: &str) -> Result<Vec<T>, Wrong>
    where
        Vec<T>: Value,
    {
        let items: Vec<T> = self.required(key)?;
        if items.is_empty() {
            return Err(self.wrong(&format!("whose `{key}` is empty")));
        }
        Ok(items)
    }

    /// What is wrong with it as a whole: a clause that follows what it is called.
    pub(super) fn wrong(&self, clause: &str) -> Wrong {
        Wrong::new(format!("has {} {clause}", self.noun)).at(&self.node.origin)
    }
}
