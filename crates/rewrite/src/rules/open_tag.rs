//! Images of which only the tag is not known: `nginx:${VER}`, `f"nginx:{version}"`, `"nginx:" + version`.
//!
//! Their name stands there as it is, so that a rule which asks for no tag can be followed; what is behind the name stays byte
//! for byte.

use std::ops::Range;

use super::image::Image;

/// A name, and behind it a tag or a digest that is filled in elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OpenTag {
    /// The name, which has neither tag nor digest.
    pub(super) name: Image,
    /// Its bytes in the text.
    pub(super) span: Range<usize>,
    /// What is behind it, with its sign, as it is shown.
    pub(super) tag: String,
}

/// What stands for a tag that is put to a name by an operator, as it is shown.
const JOINED: &str = ":…";

/// The name in an expression or a text whose tag is filled in.
pub(super) fn find_open_tag(text: &str) -> Option<OpenTag> {
    let (start, quote) = opening(text);
    let body = &text[start..];
    let run = body
        .find(|c: char| !is_of_reference(c))
        .unwrap_or(body.len());
    let path = body[..run].rfind('/').map_or(0, |slash| slash + 1);
    let sign = path + body[path..run].find([':', '@'])?;
    let (name, rest) = body.split_at(sign);
    // A host alone is followed by a port, and a path that is filled in.
    if !name.contains('/') && (name.contains('.') || name == "localhost") {
        return None;
    }
    let tag = match quote {
        Some(quote) => match rest.split_once(quote) {
            Some((tag, "")) => is_filled_in(tag).then(|| tag.to_owned()),
            Some((tag, after)) => {
                let is_open = is_filled_in(tag) || is_plain_tag(tag);
                (is_open && is_operand(after)).then(|| JOINED.to_owned())
            }
            None => None,
        },
        None => is_filled_in(rest).then(|| rest.to_owned()),
    }?;
    let name_image: Image = name.parse().ok()?;
    (name_image.tag.is_none() && name_image.digest.is_none()).then_some(OpenTag {
        name: name_image,
        span: start..start + name.len(),
        tag,
    })
}

/// Where a literal's text begins, behind its prefix and its quote; a text without quotes begins at once.
fn opening(text: &str) -> (usize, Option<char>) {
    let prefix = text
        .find(|c: char| !matches!(c, 'f' | 'F' | 'r' | 'R' | 'u' | 'U'))
        .unwrap_or(0);
    match text[prefix..].chars().next() {
        Some(quote @ ('"' | '\'' | '`')) => (prefix + 1, Some(quote)),
        _ => (0, None),
    }
}

fn is_of_reference(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | ':' | '@' | '+')
}

fn is_plain_tag(text: &str) -> bool {
    text.chars().all(|c| is_of_reference(c) && c != '/')
}

/// Whether this is of a tag's letters and of holes, one at least, with no path outside of them.
fn is_filled_in(text: &str) -> bool {
    let mut rest = text;
    let mut has_hole = false;
    while let Some(c) = rest.chars().next() {
        if is_of_reference(c) && c != '/' || c == '"' {
            rest = &rest[1..];
            continue;
        }
        let Some(length) = hole(rest) else {
            return false;
        };
        rest = &rest[length..];
        has_hole = true;
    }
    has_hole
}

/// How long the hole is that a text begins with: `$A`, `${A}`, `$(a)`, `${{ a }}`, `{a}`, `{{ a }}`, `%s`.
fn hole(text: &str) -> Option<usize> {
    let dollar = usize::from(text.starts_with('$'));
    let rest = &text[dollar..];
    match rest.chars().next()? {
        '{' => closed(rest, ('{', '}')).map(|length| dollar + length),
        '(' if dollar == 1 => closed(rest, ('(', ')')).map(|length| 1 + length),
        c if dollar == 1 && (c.is_ascii_alphabetic() || c == '_') => {
            let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
            Some(1 + end.unwrap_or(rest.len()))
        }
        '%' if dollar == 0 => {
            matches!(rest.as_bytes().get(1), Some(b's' | b'd' | b'v')).then_some(2)
        }
        _ => None,
    }
}

/// The length of what is in brackets, these with it, on one line.
fn closed(text: &str, (open, close): (char, char)) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        if c.is_control() {
            return None;
        }
        if c == open {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return Some(at + 1);
            }
        }
    }
    None
}

/// Whether this puts one value to a literal: ` + version`, ` % version`, `.format(version)`; and chooses between none.
fn is_operand(text: &str) -> bool {
    let value = text.trim_start();
    let value = ["+", "%", ".format("]
        .iter()
        .find_map(|sign| value.strip_prefix(sign));
    value.is_some_and(|value| {
        let is_of_value = |c: char| {
            c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | ' ' | '(' | ')' | '[' | ']')
        };
        let is_choice = |word: &str| matches!(word, "if" | "else" | "or" | "and");
        value.chars().all(is_of_value) && !value.split(' ').any(is_choice)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_before_a_tag_that_is_filled_in_is_known() {
        for (text, name, tag) in [
            ("nginx:$VER", "nginx", ":$VER"),
            ("nginx:\"$VER\"", "nginx", ":\"$VER\""),
            ("\"redis:${var.t}\"", "redis", ":${var.t}"),
            (
                "postgres:${{ matrix.v }}-alpine",
                "postgres",
                ":${{ matrix.v }}-alpine",
            ),
            ("f\"nginx:{version}\"", "nginx", ":{version}"),
            ("`quay.io/a/b:1-${v}`", "quay.io/a/b", ":1-${v}"),
            ("h.example:5000/a/b:$V", "h.example:5000/a/b", ":$V"),
            ("nginx:1@${DIGEST}", "nginx", ":1@${DIGEST}"),
            ("nginx@${DIGEST}", "nginx", "@${DIGEST}"),
            ("\"redis:$(cat v)\"", "redis", ":$(cat v)"),
            ("nginx:{{ .Values.tag }}", "nginx", ":{{ .Values.tag }}"),
            ("\"nginx:\" + version", "nginx", ":…"),
            ("'nginx:%s' % version", "nginx", ":…"),
            ("\"nginx:{}\".format(a.b)", "nginx", ":…"),
        ] {
            let open = find_open_tag(text).expect(text);
            assert_eq!((&text[open.span], open.tag.as_str()), (name, tag), "{text}");
        }
    }

    #[test]
    fn what_may_be_more_than_a_tag_is_left() {
        for text in [
            "nginx:1",
            "nginx:1 2",
            "${HOST}/nginx:1",
            "nginx${SUFFIX}",
            "${IMAGE}:${TAG}",
            "localhost:${PORT}",
            "localhost:${PORT}/nginx",
            "registry.example:${PORT_AND_PATH}",
            "a/b:${X}/c",
            "\"nginx:\" + v if v else \"redis:1\"",
            "\"nginx:\" + v if v else w",
            "\"nginx:\" + v + \"/x\"",
            "choose(\"nginx:\" + v)",
            "nginx:${A",
            "nginx:${A\n}",
            "NGINX:$V",
            "f",
            "",
        ] {
            assert_eq!(find_open_tag(text), None, "{text}");
        }
    }
}
