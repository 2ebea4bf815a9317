//! Reads Python's expressions of text: literals of all prefixes, f-strings, `+`, `%`, `.format`, look-ups with defaults.

use std::ops::Range;

use tree_sitter::Node;

use super::facts::{Expr, Literal, MAX_DEPTH, Operand, Part, Quotes, Template};
use super::format_text::{braces, percents};
use super::python::path;
use super::quotes::decode;
use super::tree::{children, field, text_of};

/// The expression at a node.
pub(super) fn expression(node: Node<'_>, text: &str, depth: usize) -> Expr {
    if depth > MAX_DEPTH {
        return Expr::Other(node.byte_range());
    }
    let below = |node: Node<'_>| expression(node, text, depth + 1);
    let operand = |node: Node<'_>| Operand {
        span: node.byte_range(),
        value: below(node),
    };
    match node.kind() {
        "string" => string(node, text, depth),
        "concatenated_string" => Expr::Joined {
            span: node.byte_range(),
            operands: children(node).into_iter().map(operand).collect(),
            joint: " ",
        },
        "integer" | "float" => number(node, text),
        "identifier" => Expr::Name {
            span: node.byte_range(),
            name: text_of(node, text).to_owned(),
        },
        "parenthesized_expression" => match children(node).as_slice() {
            [inner] => wrapped(below(*inner), node.byte_range()),
            _ => Expr::Other(node.byte_range()),
        },
        "binary_operator" => operator(node, text, depth),
        "boolean_operator" if field(node, "operator", text) == Some("or") => Expr::FirstOf(
            ["left", "right"]
                .iter()
                .filter_map(|side| node.child_by_field_name(side).map(below))
                .collect(),
        ),
        "conditional_expression" => match children(node).as_slice() {
            [then, _, otherwise] => Expr::OneOf(vec![below(*then), below(*otherwise)]),
            _ => Expr::Other(node.byte_range()),
        },
        "attribute" => member(node, ("object", field(node, "attribute", text)), &below),
        "subscript" => subscript(node, text, &below),
        "list" | "tuple" | "set" => Expr::List(children(node).into_iter().map(below).collect()),
        "dictionary" => Expr::Map(entries(node, &below)),
        "call" => call(node, text, depth),
        _ => Expr::Other(node.byte_range()),
    }
}

/// An expression with its parentheses, which go with it if it is replaced as a whole.
fn wrapped(inner: Expr, span: Range<usize>) -> Expr {
    match inner {
        Expr::Joined {
            operands, joint, ..
        } => Expr::Joined {
            span,
            operands,
            joint,
        },
        other => other,
    }
}

fn number(node: Node<'_>, text: &str) -> Expr {
    Expr::Literal(Literal {
        span: node.byte_range(),
        content: node.byte_range(),
        text: text_of(node, text).to_owned(),
        quotes: Quotes::double(),
        is_plain: false,
    })
}

fn string(node: Node<'_>, text: &str, depth: usize) -> Expr {
    let parts = children(node);
    let (Some(start), Some(end)) = (parts.first(), parts.last()) else {
        return Expr::Other(node.byte_range());
    };
    if start.kind() != "string_start" || end.kind() != "string_end" {
        return Expr::Other(node.byte_range());
    }
    let open = text_of(*start, text);
    let quote_at = open.find(['"', '\'']).unwrap_or(open.len());
    let (prefix, quote) = open.split_at(quote_at);
    let prefix = prefix.to_ascii_lowercase();
    // Bytes are no text, and a template string (PEP 750) is none yet.
    if prefix.contains(['b', 't']) {
        return Expr::Other(node.byte_range());
    }
    let quotes = Quotes {
        open: quote.to_owned(),
        close: quote.to_owned(),
    };
    let content = start.end_byte()..end.start_byte();
    if !prefix.contains('f') {
        let raw = &text[content.clone()];
        let decoded = if prefix.contains('r') {
            Some(raw.to_owned())
        } else {
            decode(raw)
        };
        let Some(decoded) = decoded else {
            return Expr::Other(node.byte_range());
        };
        return Expr::Literal(Literal {
            span: node.byte_range(),
            is_plain: raw == decoded,
            content,
            text: decoded,
            quotes,
        });
    }
    Expr::Template(Template {
        span: node.byte_range(),
        parts: f_string(&parts[1..parts.len() - 1], text, depth),
        quotes,
    })
}

fn f_string(nodes: &[Node<'_>], text: &str, depth: usize) -> Vec<Part> {
    let parts = nodes.iter().map(|node| {
        let span = node.byte_range();
        if node.kind() != "interpolation" {
            let text = decode(text_of(*node, text)).unwrap_or_else(|| "\\".to_owned());
            return Part::Fixed { span, text };
        }
        // A conversion or a format makes another text of the value.
        let is_plain = ["format_specifier", "type_conversion"]
            .iter()
            .all(|field| node.child_by_field_name(field).is_none());
        let value = node.child_by_field_name("expression").filter(|_| is_plain);
        Part::Hole {
            span,
            value: value.map(|value| Box::new(expression(value, text, depth + 1))),
        }
    });
    parts.collect()
}

/// `a + b + c`, flat; `"…" % values`.
fn operator(node: Node<'_>, text: &str, depth: usize) -> Expr {
    let below = |node: Node<'_>| expression(node, text, depth + 1);
    let span = node.byte_range();
    let sides = (
        node.child_by_field_name("left"),
        node.child_by_field_name("right"),
    );
    let (Some(left), Some(right)) = sides else {
        return Expr::Other(span);
    };
    match field(node, "operator", text) {
        Some("%") => match below(left) {
            Expr::Literal(literal) => percents(&literal, below(right), span),
            _ => Expr::Other(node.byte_range()),
        },
        Some("+") => {
            let operand = |node: Node<'_>| Operand {
                span: node.byte_range(),
                value: below(node),
            };
            let mut operands = vec![operand(right)];
            let mut rest = left;
            while rest.kind() == "binary_operator"
                && field(rest, "operator", text) == Some("+")
                && operands.len() < MAX_DEPTH
            {
                operands.extend(rest.child_by_field_name("right").map(operand));
                match rest.child_by_field_name("left") {
                    Some(left) => rest = left,
                    None => break,
                }
            }
            operands.push(operand(rest));
            operands.reverse();
            Expr::Joined {
                span,
                operands,
                joint: " + ",
            }
        }
        _ => Expr::Other(span),
    }
}

fn member(
    node: Node<'_>,
    (object, key): (&str, Option<&str>),
    below: &dyn Fn(Node<'_>) -> Expr,
) -> Expr {
    let span = node.byte_range();
    match (node.child_by_field_name(object), key) {
        (Some(object), Some(key)) => Expr::Member {
            span,
            object: Box::new(below(object)),
            key: key.to_owned(),
        },
        _ => Expr::Other(span),
    }
}

/// `a["b"]`; `os.environ["X"]` is a look-up.
fn subscript(node: Node<'_>, text: &str, below: &dyn Fn(Node<'_>) -> Expr) -> Expr {
    let key = node.child_by_field_name("subscript").map(below);
    let Some(Expr::Literal(key)) = key else {
        return Expr::Other(node.byte_range());
    };
    if field(node, "value", text).is_some_and(|object| object.ends_with("environ")) {
        return Expr::Lookup {
            span: node.byte_range(),
            object: None,
            key: key.text,
            default: None,
        };
    }
    member(node, ("value", Some(&key.text)), below)
}

fn entries(node: Node<'_>, below: &dyn Fn(Node<'_>) -> Expr) -> Vec<(String, Expr)> {
    let pairs = children(node).into_iter().filter_map(|pair| {
        let key = pair.child_by_field_name("key")?;
        let value = pair.child_by_field_name("value")?;
        match below(key) {
            Expr::Literal(key) => Some((key.text, below(value))),
            _ => None,
        }
    });
    pairs.collect()
}

/// `"…".format(…)`, and look-ups by name: `os.getenv`, `.get`, `try_get_context`, `require`.
fn call(node: Node<'_>, text: &str, depth: usize) -> Expr {
    let below = |node: Node<'_>| expression(node, text, depth + 1);
    let span = node.byte_range();
    let (Some(function), Some(arguments)) = (
        node.child_by_field_name("function"),
        node.child_by_field_name("arguments"),
    ) else {
        return Expr::Other(span);
    };
    let arguments = children(arguments);
    let object = function.child_by_field_name("object");
    let name = field(function, "attribute", text).unwrap_or_else(|| text_of(function, text));
    match (name, object) {
        ("format", Some(object)) => match below(object) {
            Expr::Literal(literal) => {
                let values = arguments.into_iter().map(|argument| match argument.kind() {
                    "keyword_argument" => (
                        field(argument, "name", text).map(str::to_owned),
                        argument
                            .child_by_field_name("value")
                            .map_or(Expr::Other(argument.byte_range()), below),
                    ),
                    _ => (None, below(argument)),
                });
                braces(&literal, &values.collect::<Vec<_>>(), span)
            }
            _ => Expr::Other(span),
        },
        ("getenv" | "get" | "try_get_context" | "get_context" | "require" | "get_secret", _) => {
            let key = arguments.first().map(|key| below(*key));
            let Some(Expr::Literal(key)) = key else {
                return Expr::Other(span);
            };
            let default = arguments.get(1).map(|default| match default.kind() {
                "keyword_argument" => default.child_by_field_name("value").unwrap_or(*default),
                _ => *default,
            });
            let object = object
                .filter(|object| name == "get" && !text_of(*object, text).ends_with("environ"));
            Expr::Lookup {
                span,
                object: object.map(|object| Box::new(below(object))),
                key: key.text,
                default: default.map(|default| Box::new(below(default))),
            }
        }
        ("str", None) if arguments.len() == 1 => below(arguments[0]),
        _ => Expr::Call {
            path: path(function, text),
            span,
        },
    }
}
