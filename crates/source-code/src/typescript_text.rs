//! Reads TypeScript's expressions of text: literals, template literals, `+`, `??`, `||`, look-ups in the environment.

use tree_sitter::Node;

use super::facts::{Expr, Literal, MAX_DEPTH, Operand, Part, Quotes, Template};
use super::quotes::decode;
use super::tree::{children, field, text_of};
use super::typescript::path;

/// The text, and the quotes that it prefers.
pub(super) struct Writer<'a> {
    pub(super) text: &'a str,
    quote: &'static str,
}

impl<'a> Writer<'a> {
    /// The quotes of a file are those that it has most of: what becomes a plain literal is to look like the others.
    pub(super) fn of(text: &'a str) -> Self {
        let count = |quote: u8| text.bytes().filter(|byte| *byte == quote).count();
        let quote = if count(b'"') > count(b'\'') {
            "\""
        } else {
            "'"
        };
        Self { text, quote }
    }

    fn quotes(&self) -> Quotes {
        Quotes {
            open: self.quote.to_owned(),
            close: self.quote.to_owned(),
        }
    }
}

/// The expression at a node.
pub(super) fn expression(node: Node<'_>, writer: &Writer<'_>, depth: usize) -> Expr {
    let text = writer.text;
    let span = node.byte_range();
    if depth > MAX_DEPTH {
        return Expr::Other(span);
    }
    let below = |node: Node<'_>| expression(node, writer, depth + 1);
    match node.kind() {
        "string" => string(node, text),
        "template_string" => template(node, node, writer, depth),
        "number" => Expr::Literal(Literal {
            content: span.clone(),
            text: text_of(node, text).to_owned(),
            quotes: writer.quotes(),
            is_plain: false,
            span,
        }),
        "identifier" | "this" | "shorthand_property_identifier" => Expr::Name {
            name: text_of(node, text).to_owned(),
            span,
        },
        "parenthesized_expression"
        | "as_expression"
        | "satisfies_expression"
        | "non_null_expression"
        | "await_expression" => node.named_child(0).map_or(Expr::Other(span), below),
        "binary_expression" => operator(node, writer, depth),
        "ternary_expression" => Expr::OneOf(
            ["consequence", "alternative"]
                .iter()
                .filter_map(|side| node.child_by_field_name(side).map(below))
                .collect(),
        ),
        "member_expression" => {
            let key = field(node, "property", text).unwrap_or_default().to_owned();
            member(node, key, writer, depth)
        }
        "subscript_expression" => match node.child_by_field_name("index").map(below) {
            Some(Expr::Literal(key)) => member(node, key.text, writer, depth),
            _ => Expr::Other(span),
        },
        "array" => Expr::List(children(node).into_iter().map(below).collect()),
        "object" => Expr::Map(entries(node, writer, depth)),
        "call_expression" => call(node, writer, depth),
        _ => Expr::Other(span),
    }
}

fn string(node: Node<'_>, text: &str) -> Expr {
    let span = node.byte_range();
    let raw = text_of(node, text);
    let quote = raw.chars().next().unwrap_or('"').to_string();
    if raw.len() < 2 || !raw.ends_with(&quote) {
        return Expr::Other(span);
    }
    let content = span.start + 1..span.end - 1;
    let raw = &text[content.clone()];
    let Some(decoded) = decode(raw) else {
        return Expr::Other(span);
    };
    Expr::Literal(Literal {
        span,
        is_plain: raw == decoded,
        content,
        text: decoded,
        quotes: Quotes {
            open: quote.clone(),
            close: quote,
        },
    })
}

/// A template literal. `whole` is what is replaced where no variable is left: with its tag, if it has one.
fn template(node: Node<'_>, whole: Node<'_>, writer: &Writer<'_>, depth: usize) -> Expr {
    let text = writer.text;
    let mut parts = Vec::new();
    let mut at = node.start_byte() + 1;
    let end = node.end_byte().saturating_sub(1);
    // What stands between the substitutions has no node of its own in all versions of the grammar.
    let fixed = |parts: &mut Vec<Part>, from: usize, to: usize| {
        if let Some(raw) = text.get(from..to).filter(|raw| !raw.is_empty()) {
            let text = decode(raw).unwrap_or_else(|| "\\".to_owned());
            parts.push(Part::Fixed {
                span: from..to,
                text,
            });
        }
    };
    for child in children(node) {
        if child.kind() != "template_substitution" {
            continue;
        }
        fixed(&mut parts, at, child.start_byte());
        let value = child.named_child(0);
        parts.push(Part::Hole {
            span: child.byte_range(),
            value: value.map(|value| Box::new(expression(value, writer, depth + 1))),
        });
        at = child.end_byte();
    }
    fixed(&mut parts, at, end);
    match (parts.as_slice(), whole == node) {
        ([Part::Fixed { span, text: fixed }], true) => Expr::Literal(Literal {
            span: node.byte_range(),
            content: span.clone(),
            is_plain: text[span.clone()] == **fixed,
            text: fixed.clone(),
            quotes: writer.quotes(),
        }),
        _ => Expr::Template(Template {
            span: whole.byte_range(),
            parts,
            quotes: writer.quotes(),
        }),
    }
}

/// `a + b + c`, flat; `a ?? b` and `a || b`.
fn operator(node: Node<'_>, writer: &Writer<'_>, depth: usize) -> Expr {
    let below = |node: Node<'_>| expression(node, writer, depth + 1);
    let span = node.byte_range();
    let is = |node: Node<'_>, sign: &str| {
        node.kind() == "binary_expression" && field(node, "operator", writer.text) == Some(sign)
    };
    let side = |node: Node<'_>, name: &str| node.child_by_field_name(name).map(below);
    if is(node, "??") || is(node, "||") {
        let sides = ["left", "right"].iter();
        return Expr::FirstOf(sides.filter_map(|name| side(node, name)).collect());
    }
    if !is(node, "+") {
        return Expr::Other(span);
    }
    let operand = |node: Node<'_>| Operand {
        span: node.byte_range(),
        value: below(node),
    };
    let mut operands = Vec::new();
    let mut rest = node;
    loop {
        operands.extend(rest.child_by_field_name("right").map(operand));
        match rest.child_by_field_name("left") {
            Some(left) if is(left, "+") && operands.len() < MAX_DEPTH => rest = left,
            Some(left) => {
                operands.push(operand(left));
                break;
            }
            None => break,
        }
    }
    operands.reverse();
    Expr::Joined {
        span,
        operands,
        joint: " + ",
    }
}

/// `a.b` and `a["b"]`; of `process.env` it is a look-up.
fn member(node: Node<'_>, key: String, writer: &Writer<'_>, depth: usize) -> Expr {
    let span = node.byte_range();
    if field(node, "object", writer.text) == Some("process.env") {
        return Expr::Lookup {
            span,
            object: None,
            key,
            default: None,
        };
    }
    match node.child_by_field_name("object") {
        Some(object) => Expr::Member {
            span,
            object: Box::new(expression(object, writer, depth + 1)),
            key,
        },
        None => Expr::Other(span),
    }
}

fn entries(node: Node<'_>, writer: &Writer<'_>, depth: usize) -> Vec<(String, Expr)> {
    let pairs = children(node).into_iter().filter_map(|pair| {
        if pair.kind() == "shorthand_property_identifier" {
            let name = text_of(pair, writer.text).to_owned();
            return Some((name, expression(pair, writer, depth + 1)));
        }
        let key = field(pair, "key", writer.text)?;
        let value = pair.child_by_field_name("value")?;
        let key = key.trim_matches(['"', '\'']).to_owned();
        Some((key, expression(value, writer, depth + 1)))
    });
    pairs.collect()
}

/// A tagged template; look-ups by name: `tryGetContext`, `config.get`, `config.require`; `String(x)`.
fn call(node: Node<'_>, writer: &Writer<'_>, depth: usize) -> Expr {
    let span = node.byte_range();
    let (Some(function), Some(arguments)) = (
        node.child_by_field_name("function"),
        node.child_by_field_name("arguments"),
    ) else {
        return Expr::Other(span);
    };
    let path = path(function, writer.text);
    let name = path.last().map_or("", String::as_str);
    if arguments.kind() == "template_string" {
        return match name {
            "interpolate" => template(arguments, node, writer, depth),
            _ => Expr::Other(span),
        };
    }
    let arguments = children(arguments);
    let first = arguments
        .first()
        .map(|first| expression(*first, writer, depth + 1));
    match (name, first) {
        (
            "tryGetContext" | "getContext" | "get" | "require" | "getenv",
            Some(Expr::Literal(key)),
        ) => {
            let default = arguments.get(1);
            let default = default.map(|value| Box::new(expression(*value, writer, depth + 1)));
            Expr::Lookup {
                span,
                object: None,
                key: key.text,
                default,
            }
        }
        ("String", Some(value)) => value,
        _ => Expr::Call { span, path },
    }
}
