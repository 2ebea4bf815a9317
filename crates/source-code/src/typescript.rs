//! Reads TypeScript and JavaScript: bindings, and where images are wanted.
//!
//! Node names are those of tree-sitter's TypeScript grammar, whose TSX variant reads JavaScript as well.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;

use tree_sitter::Node;

use super::contexts::{BUILD, find_call, find_maker, is_image_key, is_runner};
use super::facts::{Argument, Bound, Call, Expr, Facts, Pair};
use super::shell::is_tool;
use super::tree::{
    Names, Opens, Scope, children, field, has_key, is_command, is_member, parse, text_of, walk,
};
use super::typescript_text::{Writer, expression};

/// What a TypeScript or JavaScript file says; `None` if it cannot be parsed at all.
pub(super) fn read(path: &str, text: &str) -> Option<Facts> {
    // `<T>x` is a cast in TypeScript and markup elsewhere.
    let ending = Path::new(path).extension().and_then(OsStr::to_str);
    let language = if matches!(ending, Some("ts" | "mts" | "cts")) {
        tree_sitter_typescript::LANGUAGE_TYPESCRIPT
    } else {
        tree_sitter_typescript::LANGUAGE_TSX
    };
    let tree = parse(&language.into(), text)?;
    let mut reader = Reader {
        writer: Writer::of(text),
        functions: Vec::new(),
        declared: BTreeSet::new(),
        facts: Facts::default(),
    };
    let opens = |node: Node<'_>| match node.kind() {
        "class_declaration" | "class" => {
            Opens::Class(field(node, "name", text).unwrap_or_default().to_owned())
        }
        "function_declaration"
        | "function_expression"
        | "arrow_function"
        | "method_definition"
        | "statement_block"
        | "for_statement"
        | "for_in_statement" => Opens::Scope,
        _ => Opens::Nothing,
    };
    // What is looked at needs all that is bound, and one walk is cheaper than two.
    let mut later = Vec::new();
    walk(tree.root_node(), opens, |node, scopes| {
        reader.bind(node, scopes);
        let is_name = match node.kind() {
            "identifier" | "shorthand_property_identifier" => {
                !reader.declared.contains(&node.start_byte())
            }
            "member_expression" => is_member(node),
            _ => false,
        };
        if is_name {
            reader.facts.names.push(node.byte_range());
        }
        if matches!(
            node.kind(),
            "call_expression"
                | "new_expression"
                | "pair"
                | "array"
                | "shorthand_property_identifier"
        ) {
            later.push(node);
        }
    });
    for node in later {
        reader.look(node);
    }
    Some(reader.facts)
}

struct Reader<'a> {
    writer: Writer<'a>,
    /// Functions of this file.
    functions: Vec<String>,
    /// Where their parameters are named.
    declared: BTreeSet<usize>,
    facts: Facts,
}

impl<'a> Reader<'a> {
    fn bind(&mut self, node: Node<'_>, scopes: &[Scope]) {
        let value = |reader: &Self, name: &str| {
            let value = node.child_by_field_name(name);
            value.map_or(Bound::Unknown, |value| Bound::To(reader.expression(value)))
        };
        match node.kind() {
            "variable_declarator" => {
                // `let x;` is bound by what follows.
                if let Some(name) = node.child_by_field_name("name")
                    && node.child_by_field_name("value").is_some()
                {
                    let value = value(self, "value");
                    self.bind_all(name, &value, scopes);
                }
            }
            "assignment_expression" => {
                if let Some(left) = node.child_by_field_name("left") {
                    let value = value(self, "right");
                    self.assign(left, &value, scopes);
                }
            }
            "augmented_assignment_expression" => {
                if let Some(left) = node.child_by_field_name("left") {
                    self.assign(left, &Bound::Unknown, scopes);
                }
            }
            "for_in_statement" => self.loop_variable(node, scopes),
            "public_field_definition" => {
                let value = value(self, "value");
                if let (Some(name), Bound::To(_)) = (field(node, "name", self.text()), &value) {
                    self.add_member(name, &value, scopes);
                }
            }
            "enum_assignment" => self.enum_value(node, &value(self, "value"), scopes),
            "object_assignment_pattern" => {
                if let Some(name) = field(node, "left", self.text()) {
                    let value = value(self, "right");
                    let name = name.to_owned();
                    self.add(&name, value, scopes);
                }
            }
            "function_declaration" | "method_definition" => self.parameters(node, node, scopes),
            "arrow_function" | "function_expression" => {
                if let Some(named) = node
                    .parent()
                    .filter(|up| up.kind() == "variable_declarator")
                {
                    self.parameters(node, named, scopes);
                }
            }
            _ => {}
        }
    }

    /// A name, or of a pattern each name, to what we do not follow.
    fn bind_all(&mut self, target: Node<'_>, value: &Bound, scopes: &[Scope]) {
        match target.kind() {
            "identifier" | "shorthand_property_identifier_pattern" => {
                self.add(text_of(target, self.text()), value.clone(), scopes);
            }
            "object_pattern" | "array_pattern" => {
                for part in children(target) {
                    self.bind_all(part, &Bound::Unknown, scopes);
                }
            }
            _ => {}
        }
    }

    /// An assignment to a name holds wherever that name was declared; we only know that it has this value too.
    fn assign(&mut self, target: Node<'_>, value: &Bound, scopes: &[Scope]) {
        let text = text_of(target, self.text());
        match target.kind() {
            "identifier" => {
                let known = self.facts.bindings.get(text);
                let known = known.and_then(|known| {
                    let mut known = known.iter().rev();
                    known.find(|one| one.scope.contains(&target.start_byte()))
                });
                let scope = known.map(|known| Scope {
                    span: known.scope.clone(),
                    class: None,
                });
                match scope {
                    Some(scope) => self.add(text, value.clone(), &[scope]),
                    None => self.add(text, value.clone(), scopes),
                }
            }
            "member_expression" if text.starts_with("this.") => {
                self.add_member(&text["this.".len()..], value, scopes);
            }
            // What is put under a key later makes all of the object's values uncertain.
            "member_expression" | "subscript_expression" => {
                let object = field(target, "object", self.text()).unwrap_or_default();
                self.add(object, Bound::Unknown, scopes);
            }
            _ => {}
        }
    }

    fn loop_variable(&mut self, node: Node<'_>, scopes: &[Scope]) {
        let (Some(left), Some(right)) = (
            node.child_by_field_name("left"),
            node.child_by_field_name("right"),
        ) else {
            return;
        };
        let each = match field(node, "operator", self.text()) {
            Some("of") => Bound::Each(self.expression(right)),
            _ => Bound::Unknown,
        };
        let mut inside = scopes.to_vec();
        inside.push(Scope {
            span: node.byte_range(),
            class: None,
        });
        self.bind_all(left, &each, &inside);
    }

    /// A field is known in the whole of its class, and a static one everywhere by the class's name.
    fn add_member(&mut self, name: &str, value: &Bound, scopes: &[Scope]) {
        let class = scopes.iter().rposition(|scope| scope.class.is_some());
        let within = class.unwrap_or(0);
        self.add(&format!("this.{name}"), value.clone(), &scopes[..=within]);
        if let Some(class) = scopes[within].class.clone() {
            let outside = &scopes[..within.max(1)];
            self.add(&format!("{class}.{name}"), value.clone(), outside);
        }
    }

    fn enum_value(&mut self, node: Node<'_>, value: &Bound, scopes: &[Scope]) {
        let owner = node.parent().and_then(|body| body.parent());
        let owner = owner.and_then(|owner| field(owner, "name", self.text()));
        if let (Some(owner), Some(name)) = (owner, field(node, "name", self.text())) {
            let name = format!("{owner}.{}", name.trim_matches(['"', '\'']));
            self.add(&name, value.clone(), scopes);
        }
    }

    fn add(&mut self, name: &str, value: Bound, scopes: &[Scope]) {
        let Some(scope) = scopes.last() else { return };
        self.facts.bind(name, scope.span.clone(), value);
    }

    /// The parameters of `function`, which `named` names.
    fn parameters(&mut self, function: Node<'_>, named: Node<'_>, scopes: &[Scope]) {
        let name = field(named, "name", self.text())
            .unwrap_or_default()
            .to_owned();
        let parameters = function.child_by_field_name("parameters");
        let mut inside = scopes.to_vec();
        inside.push(Scope {
            span: function.byte_range(),
            class: None,
        });
        let parameters = parameters.map(children).unwrap_or_default();
        for (position, parameter) in parameters.into_iter().enumerate() {
            let Some(pattern) = parameter.child_by_field_name("pattern") else {
                continue;
            };
            if pattern.kind() != "identifier" {
                continue;
            }
            self.declared.insert(pattern.start_byte());
            let default = parameter.child_by_field_name("value");
            let value = Bound::Parameter {
                function: name.clone(),
                position,
                default: default.map(|default| self.expression(default)),
            };
            self.add(text_of(pattern, self.text()), value, &inside);
        }
        self.functions.push(name);
    }

    fn look(&mut self, node: Node<'_>) {
        match node.kind() {
            "call_expression" | "new_expression" => self.look_at_call(node),
            "pair" => {
                let key = field(node, "key", self.text()).unwrap_or_default();
                if is_image_key(key.trim_matches(['"', '\'']))
                    && let Some(value) = node.child_by_field_name("value")
                {
                    self.pair(node, self.expression(value));
                }
            }
            "shorthand_property_identifier" if is_image_key(text_of(node, self.text())) => {
                self.pair(node, self.expression(node));
            }
            "array" if is_command(node, self.text()) => {
                if let Expr::List(words) = self.expression(node)
                    && is_tool(&words)
                {
                    self.facts.commands.push(words);
                }
            }
            _ => {}
        }
    }

    fn look_at_call(&mut self, node: Node<'_>) {
        let Some(path) = callee(node).map(|callee| path(callee, self.text())) else {
            return;
        };
        let is_own = path
            .last()
            .is_some_and(|name| self.functions.contains(name));
        if is_own || is_runner(&path) || find_call(&path).or_else(|| find_maker(&path)).is_some() {
            let arguments = node.child_by_field_name("arguments").map(children);
            let arguments = arguments
                .unwrap_or_default()
                .into_iter()
                .map(|argument| Argument {
                    name: None,
                    value: self.expression(argument),
                });
            let arguments = arguments.collect();
            self.facts.calls.push(Call { path, arguments });
        }
    }

    /// A value under an image's key; the call whose object it stands in is what uses it.
    fn pair(&mut self, node: Node<'_>, value: Expr) {
        let call = node
            .parent()
            .and_then(|object| object.parent())
            .filter(|up| up.kind() == "arguments")
            .and_then(|arguments| arguments.parent());
        let path = call
            .and_then(callee)
            .map(|callee| path(callee, self.text()));
        let callee = path.and_then(|path| path.last().cloned());
        let object = node.parent();
        let is_built = object.is_some_and(|object| has_key(object, BUILD, self.text()));
        self.facts.pairs.push(Pair {
            value,
            callee,
            is_built,
        });
    }

    fn text(&self) -> &'a str {
        self.writer.text
    }

    fn expression(&self, node: Node<'_>) -> Expr {
        expression(node, &self.writer, 0)
    }
}

/// What is called.
fn callee(call: Node<'_>) -> Option<Node<'_>> {
    call.child_by_field_name("function")
        .or_else(|| call.child_by_field_name("constructor"))
}

/// How TypeScript's grammar calls the parts of `a.b.c`.
const NAMES: Names = Names {
    member: ("member_expression", "property"),
    call: "call_expression",
    plain: &["identifier", "this"],
    around: &[
        "await_expression",
        "non_null_expression",
        "parenthesized_expression",
    ],
};

/// The names of `a.b.c`, with `()` after one that is called.
pub(super) fn path(node: Node<'_>, text: &str) -> Vec<String> {
    NAMES.of(node, text)
}
