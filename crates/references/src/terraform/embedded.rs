//! JSON in a text of Terraform's, with `${…}` in it.
//!
//! Interpolations are masked by digits of the same length, which JSON takes inside and outside of quotes; so that every
//! offset stays. Each image is then read as the template that it is.

use std::ops::Range;

use hcl_edit::Span;
use hcl_edit::expr::Expression;

use forebay_syntax::{At, read_json};

use super::Reading;
use crate::{Owner, Why};

/// Finds the images of container definitions in a text.
pub(super) fn find(value: &Expression, reading: &mut Reading<'_>, owner: &Owner) {
    // In quotes, JSON's own are escaped, and no offset is what it seems.
    let Some((start, source)) = heredoc(value, reading) else {
        reading.ambiguous(value, Why::Computed, owner);
        return;
    };
    let masked = masked(source);
    let Ok(tree) = read_json(&masked) else {
        reading.ambiguous(value, Why::Template, owner);
        return;
    };
    let root = At::root(&tree);
    let containers: Vec<At<'_>> = if root.is_list() {
        root.items().collect()
    } else {
        vec![root]
    };
    for container in containers {
        let Some(image) = container.get("image") else {
            continue;
        };
        let name = container.get("name").map(At::span);
        let name = name.and_then(|span| source.get(span));
        let owner = Owner {
            container: name.map(|name| name.trim_matches('"').to_owned()),
            ..owner.clone()
        };
        put(source, start, image.span(), reading, &owner);
    }
}

/// The text of a here-document, and where it begins.
pub(super) fn heredoc<'t>(value: &Expression, reading: &Reading<'t>) -> Option<(usize, &'t str)> {
    let Expression::HeredocTemplate(heredoc) = value else {
        return None;
    };
    let span = heredoc.template.span()?;
    let start = reading.base + span.start;
    let text = reading.sink.text.get(start..reading.base + span.end)?;
    Some((start, text))
}

/// An image in quotes at `span` of a text that begins at `start`.
fn put(source: &str, start: usize, span: Range<usize>, reading: &mut Reading<'_>, owner: &Owner) {
    let Some(quoted) = source.get(span.clone()) else {
        return;
    };
    let place = start + span.start..start + span.end;
    let Ok(expression) = hcl_edit::parser::parse_expr(quoted) else {
        reading.sink.ambiguous(place, Why::Template, owner.clone());
        return;
    };
    let elsewhere = reading.evaluator.image_elsewhere(&expression, place.start);
    reading.sink.found.elsewhere.extend(elsewhere);
    match reading.evaluator.evaluate(&expression, Some(place.start)) {
        Ok(evaluated) => {
            if let Some(site) = evaluated.site {
                reading
                    .sink
                    .put(site.span, site.encoding, evaluated.resolved, owner.clone());
            }
        }
        Err(why) => reading.sink.ambiguous(place, why, owner.clone()),
    }
}

/// The text with each `${…}` and `%{…}` made digits.
pub(super) fn masked(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(at) = [rest.find("${"), rest.find("%{")]
        .into_iter()
        .flatten()
        .min()
    {
        let end = closing(&rest[at + 2..]).map_or(rest.len(), |end| at + 2 + end + 1);
        out.push_str(&rest[..at]);
        out.extend(std::iter::repeat_n('1', end - at));
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

/// Bytes before the brace that closes an interpolation, quotes seen through.
fn closing(inner: &str) -> Option<usize> {
    let (mut depth, mut quoted) = (0_u32, false);
    for (at, byte) in inner.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'{' if !quoted => depth += 1,
            b'}' if !quoted && depth == 0 => return Some(at),
            b'}' if !quoted => depth -= 1,
            b'\n' => return None,
            _ => {}
        }
    }
    None
}
