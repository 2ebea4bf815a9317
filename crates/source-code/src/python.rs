//! Reads Python: its bindings, and where images are wanted.
//!
//! Node names are those of tree-sitter's Python grammar. What a file's syntax errors hide is not seen.

use std::collections::BTreeSet;

use tree_sitter::Node;

use super::contexts::{BUILD, find_call, find_maker, is_image_key, is_runner};
use super::facts::{Argument, Bound, Call, Expr, Facts, Pair};
use super::python_text::expression;
use super::shell::is_tool;
use super::tree::{
    Names, Opens, Scope, children, field, is_command, is_member, parse, text_of, walk,
};

/// What a Python file says; `None` if it cannot be parsed at all.
pub(super) fn read(text: &str) -> Option<Facts> {
    let tree = parse(&tree_sitter_python::LANGUAGE.into(), text)?;
    let mut reader = Reader {
        text,
        functions: Vec::new(),
        declared: BTreeSet::new(),
        facts: Facts::default(),
    };
    let opens = |node: Node<'_>| match node.kind() {
        "class_definition" => {
            Opens::Class(field(node, "name", text).unwrap_or_default().to_owned())
        }
        "function_definition" | "lambda" => Opens::Scope,
        _ => Opens::Nothing,
    };
    // What is looked at needs all that is bound, and one walk is cheaper than two.
    let mut later = Vec::new();
    walk(tree.root_node(), opens, |node, scopes| {
        reader.bind(node, scopes);
        let is_name = match node.kind() {
            "identifier" => !reader.declared.contains(&node.start_byte()),
            "attribute" => is_member(node),
            _ => false,
        };
        if is_name {
            reader.facts.names.push(node.byte_range());
        }
        if matches!(node.kind(), "call" | "pair" | "list" | "tuple") {
            later.push(node);
        }
    });
    for node in later {
        reader.look(node);
    }
    Some(reader.facts)
}

struct Reader<'a> {
    text: &'a str,
    /// Functions of this file.
    functions: Vec<String>,
    /// Where their parameters are named.
    declared: BTreeSet<usize>,
    facts: Facts,
}

impl Reader<'_> {
    fn bind(&mut self, node: Node<'_>, scopes: &[Scope]) {
        match node.kind() {
            "assignment" | "named_expression" => self.assign(node, scopes),
            "augmented_assignment" | "with_item" => {
                let target = node.child_by_field_name("left");
                self.bind_all(target, &Bound::Unknown, scopes);
            }
            "for_statement" | "for_in_clause" => {
                let each = node.child_by_field_name("right");
                let each = each.map_or(Bound::Unknown, |list| Bound::Each(self.expression(list)));
                self.bind_all(node.child_by_field_name("left"), &each, scopes);
            }
            "global_statement" | "nonlocal_statement" => {
                for name in children(node) {
                    self.add(text_of(name, self.text), Bound::Unknown, scopes);
                }
            }
            "function_definition" => self.parameters(node, scopes),
            "call" => self.argparse(node, scopes),
            _ => {}
        }
    }

    fn assign(&mut self, node: Node<'_>, scopes: &[Scope]) {
        let left = node.child_by_field_name("left");
        let Some(left) = left.or_else(|| node.child_by_field_name("name")) else {
            return;
        };
        let right = node.child_by_field_name("right");
        let Some(right) = right.or_else(|| node.child_by_field_name("value")) else {
            return;
        };
        // In `a = b = "x"` the right side of the first is the second.
        let mut value = right;
        while value.kind() == "assignment" {
            match value.child_by_field_name("right") {
                Some(inner) => value = inner,
                None => return,
            }
        }
        let value = Bound::To(self.expression(value));
        self.bind_all(Some(left), &value, scopes);
    }

    /// Binds a name or an attribute of `self`; of a pattern each name, to what we do not follow.
    fn bind_all(&mut self, target: Option<Node<'_>>, value: &Bound, scopes: &[Scope]) {
        let Some(target) = target else { return };
        match target.kind() {
            "identifier" => {
                let name = text_of(target, self.text);
                self.add(name, value.clone(), scopes);
                if let Some(class) = scopes.last().and_then(|scope| scope.class.as_deref()) {
                    self.add_member("self", name, value, scopes);
                    self.add_member("cls", name, value, scopes);
                    let outer = &scopes[..scopes.len() - 1];
                    self.add(&format!("{class}.{name}"), value.clone(), outer);
                }
            }
            "attribute" if field(target, "object", self.text) == Some("self") => {
                let name = field(target, "attribute", self.text).unwrap_or_default();
                self.add_member("self", name, value, scopes);
            }
            // What is put under a key later makes all of the object's values uncertain.
            "subscript" => {
                let object = field(target, "value", self.text).unwrap_or_default();
                self.add(object, Bound::Unknown, scopes);
            }
            "pattern_list" | "tuple_pattern" | "list_pattern" => {
                for part in children(target) {
                    self.bind_all(Some(part), &Bound::Unknown, scopes);
                }
            }
            _ => {}
        }
    }

    /// A member is known in the whole of its class.
    fn add_member(&mut self, object: &str, name: &str, value: &Bound, scopes: &[Scope]) {
        let class = scopes.iter().rposition(|scope| scope.class.is_some());
        let within = &scopes[..=class.unwrap_or(0)];
        self.add(&format!("{object}.{name}"), value.clone(), within);
    }

    fn add(&mut self, name: &str, value: Bound, scopes: &[Scope]) {
        let Some(scope) = scopes.last() else { return };
        self.facts.bind(name, scope.span.clone(), value);
    }

    fn parameters(&mut self, node: Node<'_>, scopes: &[Scope]) {
        let function = field(node, "name", self.text)
            .unwrap_or_default()
            .to_owned();
        let parameters = node.child_by_field_name("parameters");
        let parameters = parameters.map(children).unwrap_or_default();
        let mut inside = scopes.to_vec();
        inside.push(Scope {
            span: node.byte_range(),
            class: None,
        });
        let mut position = 0;
        for parameter in parameters {
            let name = match parameter.kind() {
                "identifier" => Some(parameter),
                "typed_parameter" => parameter.named_child(0),
                "default_parameter" | "typed_default_parameter" => {
                    parameter.child_by_field_name("name")
                }
                _ => None,
            };
            let Some(node) = name else { continue };
            self.declared.insert(node.start_byte());
            let name = text_of(node, self.text);
            if matches!(name, "self" | "cls") && position == 0 {
                continue;
            }
            let default = parameter.child_by_field_name("value");
            let value = Bound::Parameter {
                function: function.clone(),
                position,
                default: default.map(|default| self.expression(default)),
            };
            self.add(name, value, &inside);
            position += 1;
        }
        self.functions.push(function);
    }

    /// `parser.add_argument("--image", default="nginx")` gives `args.image` a default.
    fn argparse(&mut self, node: Node<'_>, scopes: &[Scope]) {
        let function = field(node, "function", self.text).unwrap_or_default();
        if !function.ends_with("add_argument") {
            return;
        }
        let Some(call) = self.call(node) else { return };
        let mut named = call.arguments.iter().filter_map(|one| match &one.value {
            Expr::Literal(literal) if one.name.is_none() => literal.text.strip_prefix("--"),
            _ => None,
        });
        let Some(option) = named.next_back().map(|option| option.replace('-', "_")) else {
            return;
        };
        let default = call.find_named("default").cloned();
        let value = default.map_or(Bound::Unknown, Bound::To);
        self.add(&format!("parse_args().{option}"), value, &scopes[..1]);
    }

    fn look(&mut self, node: Node<'_>) {
        match node.kind() {
            "call" => self.look_at_call(node),
            "pair" => {
                let key = node.child_by_field_name("key");
                let key = key.map(|key| self.expression(key));
                if let Some(Expr::Literal(key)) = key
                    && is_image_key(&key.text)
                {
                    self.pair(node, None, false);
                }
            }
            "list" | "tuple" if is_command(node, self.text) => {
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
        let Some(function) = node.child_by_field_name("function") else {
            return;
        };
        let path = path(function, self.text);
        let is_own = path
            .last()
            .is_some_and(|name| self.functions.contains(name));
        if is_own || is_runner(&path) || find_call(&path).or_else(|| find_maker(&path)).is_some() {
            self.facts.calls.extend(self.call(node));
        }
        let arguments = node.child_by_field_name("arguments");
        let arguments = arguments.map(children).unwrap_or_default();
        let name = |argument: &Node<'_>| field(*argument, "name", self.text);
        let is_built = arguments.iter().any(|one| name(one) == Some(BUILD));
        for argument in arguments {
            if argument.kind() == "keyword_argument"
                && field(argument, "name", self.text).is_some_and(is_image_key)
                && find_call(&path).is_none()
            {
                self.pair(argument, path.last().cloned(), is_built);
            }
        }
    }

    fn pair(&mut self, node: Node<'_>, callee: Option<String>, is_built: bool) {
        if let Some(value) = node.child_by_field_name("value") {
            let value = self.expression(value);
            self.facts.pairs.push(Pair {
                value,
                callee,
                is_built,
            });
        }
    }

    fn call(&self, node: Node<'_>) -> Option<Call> {
        let function = node.child_by_field_name("function")?;
        let arguments = children(node.child_by_field_name("arguments")?);
        let arguments = arguments.into_iter().map(|argument| match argument.kind() {
            "keyword_argument" => Argument {
                name: field(argument, "name", self.text).map(str::to_owned),
                value: argument
                    .child_by_field_name("value")
                    .map_or(Expr::Other(argument.byte_range()), |value| {
                        self.expression(value)
                    }),
            },
            _ => Argument {
                name: None,
                value: self.expression(argument),
            },
        });
        Some(Call {
            path: path(function, self.text),
            arguments: arguments.collect(),
        })
    }

    fn expression(&self, node: Node<'_>) -> Expr {
        expression(node, self.text, 0)
    }
}

/// How Python's grammar calls the parts of `a.b.c`.
const NAMES: Names = Names {
    member: ("attribute", "attribute"),
    call: "call",
    plain: &["identifier"],
    around: &[],
};

/// The names of `a.b.c`, with `()` after one that is called.
pub(super) fn path(node: Node<'_>, text: &str) -> Vec<String> {
    NAMES.of(node, text)
}
