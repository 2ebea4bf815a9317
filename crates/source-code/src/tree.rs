//! Walks a syntax tree without recursion, knowing in which scope each node stands.

use std::ops::Range;

use super::facts::MAX_DEPTH;
use super::shell::is_tool_name;
use tree_sitter::{Language, Node, Parser, Tree};

/// How many entries of an object are looked at for a key.
const MAX_KEYS: usize = 64;

/// The deepest nesting of scopes that is told apart.
const MAX_SCOPES: usize = 256;

/// A function, a class, a block: where a name that is bound in it is known.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) span: Range<usize>,
    /// The class, if it is one's body.
    pub(super) class: Option<String>,
}

/// What a kind of node opens.
pub(super) enum Opens {
    Nothing,
    Scope,
    Class(String),
}

/// What a grammar calls the parts of `a.b.c`.
pub(super) struct Names {
    /// A member of something, and the field that has its name.
    pub(super) member: (&'static str, &'static str),
    pub(super) call: &'static str,
    pub(super) plain: &'static [&'static str],
    /// What stands around something without a name of its own.
    pub(super) around: &'static [&'static str],
}

impl Names {
    /// The names of an expression, with `()` after one that is called.
    pub(super) fn of(&self, node: Node<'_>, text: &str) -> Vec<String> {
        let mut names = Vec::new();
        let mut node = Some(node);
        let mut called = "";
        while let Some(here) = node.filter(|_| names.len() < MAX_DEPTH) {
            let kind = here.kind();
            if kind == self.call {
                called = "()";
                node = here.child_by_field_name("function");
                continue;
            }
            if self.around.contains(&kind) {
                node = here.named_child(0);
                continue;
            }
            let (name, next) = match self.member {
                (member, name) if kind == member => {
                    (field(here, name, text), here.child_by_field_name("object"))
                }
                _ if self.plain.contains(&kind) => (Some(text_of(here, text)), None),
                _ => (None, None),
            };
            names.extend(name.map(|name| format!("{name}{called}")));
            called = "";
            node = next;
        }
        names.reverse();
        names
    }
}

/// The syntax tree of a text. Trees have no failures: what could not be read is an error node in them.
pub(super) fn parse(language: &Language, text: &str) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(language).ok()?;
    parser.parse(text, None)
}

/// Visits each node, parents first, with the scopes that are open there, the innermost last.
pub(super) fn walk<'t>(
    root: Node<'t>,
    opens: impl Fn(Node<'t>) -> Opens,
    mut visit: impl FnMut(Node<'t>, &[Scope]),
) {
    let mut scopes = vec![Scope {
        span: root.byte_range(),
        class: None,
    }];
    let mut cursor = root.walk();
    loop {
        let node = cursor.node();
        while scopes.len() > 1
            && scopes
                .last()
                .is_some_and(|top| top.span.end <= node.start_byte())
        {
            scopes.pop();
        }
        if node.is_named() {
            visit(node, &scopes);
            let class = match opens(node) {
                Opens::Nothing => None,
                Opens::Scope => Some(None),
                Opens::Class(name) => Some(Some(name)),
            };
            if let Some(class) = class.filter(|_| scopes.len() < MAX_SCOPES) {
                let span = node.byte_range();
                scopes.push(Scope { span, class });
            }
        }
        if cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return;
            }
        }
    }
}

/// The named children of a node, without comments.
pub(super) fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    node.named_children(&mut cursor)
        .filter(|child| !child.is_extra())
        .collect()
}

/// True if a list's first item is a literal that names a tool: nothing else of it is read to see that.
pub(super) fn is_command(list: Node<'_>, text: &str) -> bool {
    let first = list.named_child(0).map(|first| text_of(first, text));
    first.is_some_and(|first| is_tool_name(first.trim_matches(['"', '\''])))
}

/// True if a node is a field of something that has a plain name: `self.a`, `this.a`, `A.a`.
pub(super) fn is_member(node: Node<'_>) -> bool {
    let object = node.child_by_field_name("object");
    object.is_some_and(|object| matches!(object.kind(), "identifier" | "this"))
}

/// True if an object has this key.
pub(super) fn has_key(object: Node<'_>, key: &str, text: &str) -> bool {
    let mut cursor = object.walk();
    let mut entries = object.named_children(&mut cursor).take(MAX_KEYS);
    entries.any(|entry| {
        let name = field(entry, "key", text).unwrap_or_else(|| text_of(entry, text));
        name.trim_matches(['"', '\'']) == key
    })
}

/// The text of a node.
pub(super) fn text_of<'a>(node: Node<'_>, text: &'a str) -> &'a str {
    text.get(node.byte_range()).unwrap_or_default()
}

/// The text of a node's field.
pub(super) fn field<'a>(node: Node<'_>, name: &str, text: &'a str) -> Option<&'a str> {
    node.child_by_field_name(name)
        .map(|child| text_of(child, text))
}
