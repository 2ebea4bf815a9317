//! Variables that stand in front of an image, and may hold a registry whenever somebody sets them.

use crate::{Edit, Piece, Place, Writing};

/// The variable that a place begins with and that is empty here, or a default that may be another: what is put in front of it
/// would be wrong as soon as it is set.
pub(super) fn find_open_prefix<'t>(
    text: &'t str,
    place: &Place,
    edits: &[Edit],
) -> Option<&'t str> {
    let (Writing::Whole { pieces, .. } | Writing::Joined { pieces, .. }) = &place.writing else {
        return None;
    };
    let [first, _, ..] = pieces.as_slice() else {
        return None;
    };
    let written = text.get(first.span.clone()).filter(|_| first.variable)?;
    let may_be_another = first.text.is_empty() || stays(first, edits) && has_default(written);
    may_be_another.then_some(written)
}

/// Whether no edit takes a piece's place.
fn stays(piece: &Piece, edits: &[Edit]) -> bool {
    let (start, end) = (piece.span.start, piece.span.end);
    edits
        .iter()
        .all(|edit| edit.end <= start || end <= edit.start)
}

/// Whether a variable is written with what stands in for it: `${A:-b}`, `${A-b}`, `{{ .A | default "b" }}`.
fn has_default(written: &str) -> bool {
    let Some((_, inner)) = written.split_once("${") else {
        return written.contains("| default ");
    };
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let behind = inner.trim_start_matches(is_of_name);
    behind.starts_with([':', '-', '=']) && behind.len() < inner.len()
}
