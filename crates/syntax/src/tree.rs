//! One document of YAML or JSON: nodes with their bytes, and a cursor that walks them.
//!
//! Aliases and merge keys are followed when they are asked for, never expanded, and only so many of them: a document of a
//! few lines can stand for billions of nodes.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ops::Range;
use std::rc::Rc;

/// How many aliases of one document are followed.
const MAX_ALIASES_FOLLOWED: u32 = 1_000_000;
/// An alias of a merge of an alias …
const MAX_MERGE_DEPTH: u32 = 16;

/// A map with more keys is sorted once, when it is first asked: files with a million keys must not cost its square.
const MAX_SCANNED_KEYS: usize = 32;

/// A node's number in its tree.
pub(crate) type Id = usize;

/// A parsed document.
#[derive(Debug)]
pub struct Tree<'t> {
    pub(crate) nodes: Vec<Node<'t>>,
    pub(crate) root: Id,
    /// What is left of [`MAX_ALIASES_FOLLOWED`].
    allowance: Cell<u32>,
    /// The entries of large maps in the order of their keys.
    sorted: RefCell<HashMap<Id, Rc<[usize]>>>,
}

/// A node.
#[derive(Debug)]
pub(crate) struct Node<'t> {
    /// Its bytes with quotes and braces; of a block collection, to the end of its last value.
    pub(crate) span: Range<usize>,
    /// The tag without its `!`, and where it begins.
    pub(crate) tag: Option<(String, usize)>,
    pub(crate) value: Value<'t>,
}

/// What a node is.
#[derive(Debug)]
pub(crate) enum Value<'t> {
    Scalar(Cow<'t, str>, Style),
    List(Vec<Id>),
    Map(Vec<(Id, Id)>),
    Alias(Id),
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// YAML's plain, and JSON's numbers and words.
    Plain,
    /// In quotes of one byte.
    Quoted,
    /// YAML's `|` and `>`.
    Block,
}

/// A node of a tree, where aliases are seen through.
#[derive(Clone, Copy, Debug)]
pub struct At<'a> {
    tree: &'a Tree<'a>,
    id: Id,
}

impl<'t> Tree<'t> {
    pub(crate) fn new(nodes: Vec<Node<'t>>, root: Id) -> Self {
        Self {
            nodes,
            root,
            allowance: Cell::new(MAX_ALIASES_FOLLOWED),
            sorted: RefCell::default(),
        }
    }

    /// Whether aliases were left unfollowed.
    pub fn is_exhausted(&self) -> bool {
        self.allowance.get() == 0
    }

    fn spend(&self) -> bool {
        let left = self.allowance.get();
        self.allowance.set(left.saturating_sub(1));
        left > 0
    }
}

impl<'a> At<'a> {
    /// The document itself.
    pub fn root(tree: &'a Tree<'a>) -> Self {
        Self {
            tree,
            id: tree.root,
        }
    }

    fn at(self, id: Id) -> Self {
        Self { id, ..self }
    }

    /// The node, or the one that it is an alias of.
    fn node(self) -> Option<&'a Node<'a>> {
        self.tree.nodes.get(self.seen_through()?)
    }

    /// The number of that node.
    fn seen_through(self) -> Option<Id> {
        let mut id = self.id;
        // An alias of an alias is no YAML, but a reader's mistake must not become a loop.
        for _ in 0..4 {
            match &self.tree.nodes.get(id)?.value {
                Value::Alias(target) if self.tree.spend() => id = *target,
                Value::Alias(_) => return None,
                _ => return Some(id),
            }
        }
        None
    }

    /// Whether the node is an alias: what it stands for is elsewhere.
    pub fn is_alias(self) -> bool {
        matches!(
            self.tree.nodes.get(self.id).map(|node| &node.value),
            Some(Value::Alias(_))
        )
    }

    /// The value of a key, with YAML's merge keys: a map's own goes first.
    pub fn get(self, key: &str) -> Option<Self> {
        self.get_merged(key, MAX_MERGE_DEPTH)
    }

    fn get_merged(self, key: &str, depth: u32) -> Option<Self> {
        let id = self.seen_through()?;
        let Value::Map(entries) = &self.tree.nodes.get(id)?.value else {
            return None;
        };
        let named = |name: &str| {
            let found = if entries.len() > MAX_SCANNED_KEYS {
                self.search(id, entries, name)
            } else {
                let key = |(key, _): &(Id, Id)| self.at(*key).text() == Some(name);
                entries.iter().rposition(key)
            };
            found.map(|at| self.at(entries[at].1))
        };
        if let Some(own) = named(key) {
            return Some(own);
        }
        let depth = depth.checked_sub(1)?;
        let merged = named("<<")?;
        match &merged.node()?.value {
            Value::List(items) => items
                .iter()
                .find_map(|id| self.at(*id).get_merged(key, depth)),
            _ => merged.get_merged(key, depth),
        }
    }

    /// The last entry of a large map with a key.
    fn search(self, id: Id, entries: &[(Id, Id)], name: &str) -> Option<usize> {
        let text = |at: &usize| self.at(entries[*at].0).text();
        let sorted = self.tree.sorted.borrow().get(&id).cloned();
        let sorted = sorted.unwrap_or_else(|| {
            let mut order: Vec<usize> = (0..entries.len()).collect();
            order.sort_by_key(text);
            let order: Rc<[usize]> = order.into();
            self.tree.sorted.borrow_mut().insert(id, Rc::clone(&order));
            order
        });
        let behind = sorted.partition_point(|at| text(at) <= Some(name));
        let last = *sorted.get(behind.checked_sub(1)?)?;
        (text(&last) == Some(name)).then_some(last)
    }

    /// The value at a path of keys.
    pub fn path(self, keys: &[&str]) -> Option<Self> {
        keys.iter().try_fold(self, |at, key| at.get(key))
    }

    /// A scalar's decoded text.
    pub fn text(self) -> Option<&'a str> {
        match &self.node()?.value {
            Value::Scalar(text, _) => Some(text),
            _ => None,
        }
    }

    /// The text of the scalar at a key.
    pub fn text_of(self, key: &str) -> Option<&'a str> {
        self.get(key)?.text()
    }

    /// The number at a key.
    pub fn number_of(self, key: &str) -> Option<u32> {
        self.text_of(key)?.parse().ok()
    }

    /// How a scalar is written.
    pub fn style(self) -> Option<Style> {
        match &self.node()?.value {
            Value::Scalar(_, style) => Some(*style),
            _ => None,
        }
    }

    /// The items of a list; none of anything else.
    pub fn items(self) -> impl Iterator<Item = At<'a>> {
        let items = match self.node().map(|node| &node.value) {
            Some(Value::List(items)) => items.as_slice(),
            _ => &[],
        };
        items.iter().map(move |id| self.at(*id))
    }

    /// The keys and values of a map, as they are written; none of anything else.
    pub fn entries(self) -> impl Iterator<Item = (&'a str, At<'a>)> {
        let entries = match self.node().map(|node| &node.value) {
            Some(Value::Map(entries)) => entries.as_slice(),
            _ => &[],
        };
        entries
            .iter()
            .filter_map(move |(key, value)| Some((self.at(*key).text()?, self.at(*value))))
    }

    /// A key of a map, as a node; of equal ones the last, whose value [`At::get`] gives.
    pub fn key_node(self, key: &str) -> Option<At<'a>> {
        let Value::Map(entries) = &self.node()?.value else {
            return None;
        };
        entries
            .iter()
            .map(|(id, _)| self.at(*id))
            .rfind(|at| at.text() == Some(key))
    }

    /// Whether it is a map.
    pub fn is_map(self) -> bool {
        matches!(self.node().map(|node| &node.value), Some(Value::Map(_)))
    }

    /// Whether it is a list.
    pub fn is_list(self) -> bool {
        matches!(self.node().map(|node| &node.value), Some(Value::List(_)))
    }

    /// The tag, without its `!`.
    pub fn tag(self) -> Option<&'a str> {
        self.node()?.tag.as_ref().map(|(name, _)| name.as_str())
    }

    /// The bytes of the node that stands here, an alias's target for an alias.
    pub fn span(self) -> Range<usize> {
        self.node().map_or(0..0, |node| node.span.clone())
    }

    /// The bytes that stand here themselves: of an alias its name.
    pub fn own_span(self) -> Range<usize> {
        let node = self.tree.nodes.get(self.id);
        node.map_or(0..0, |node| node.span.clone())
    }

    /// The bytes of the node that stands here, with its tag.
    pub fn span_with_tag(self) -> Range<usize> {
        self.node().map_or(0..0, |node| {
            let start = node
                .tag
                .as_ref()
                .map_or(node.span.start, |(_, start)| *start);
            start..node.span.end
        })
    }

    /// Whether it is YAML's null, which is no text.
    pub fn is_null(self) -> bool {
        self.style() == Some(Style::Plain)
            && self
                .text()
                .is_some_and(|text| matches!(text, "~" | "" | "null" | "Null" | "NULL"))
    }
}
