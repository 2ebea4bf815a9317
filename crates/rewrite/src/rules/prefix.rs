//! Variables that stand in front of an image, and may hold a registry whenever somebody sets them.

use std::collections::BTreeSet;

use crate::{Edit, Piece, Place, Setter, Writing};

/// Why a place keeps its variables: an argument may say another, or nothing can be put in front of the first, for it is empty here,
/// it is a default that may be another, or another file sets it, which is to change for those that are that variable and no more
/// (`elsewhere`).
pub(super) fn find_open_prefix(
    (text, elsewhere): (&str, &BTreeSet<String>),
    place: &Place,
    edits: &[Edit],
) -> Option<String> {
    let (Writing::Whole { pieces, .. } | Writing::Joined { pieces, .. }) = &place.writing else {
        return None;
    };
    let said = |piece: &Piece| piece.open == Some(Setter::Caller) && !stays(piece, edits);
    if let Some(said) = pieces.iter().find(|piece| said(piece)) {
        let written = text.get(said.span.clone())?;
        return Some(format!("who calls the script may say another `{written}`"));
    }
    let [first, _, ..] = pieces.as_slice() else {
        return None;
    };
    let written = text.get(first.span.clone()).filter(|_| first.variable)?;
    let stays = stays(first, edits);
    if first.text.is_empty() || stays && first.open.is_some() {
        return Some(format!(
            "`{written}` may be set to what has a registry of its own"
        ));
    }
    let is_elsewhere =
        stays && (elsewhere.contains(&first.text) || is_set_elsewhere(text, written));
    is_elsewhere
        .then(|| format!("`{written}` is an image by itself too: change it where it is set"))
}

/// Whether no edit takes a piece's place.
fn stays(piece: &Piece, edits: &[Edit]) -> bool {
    let (start, end) = (piece.span.start, piece.span.end);
    edits
        .iter()
        .all(|edit| edit.end <= start || end <= edit.start)
}

/// Whether a variable of Terraform's that is called an image is set in another file, which changes by its own turn.
fn is_set_elsewhere(text: &str, written: &str) -> bool {
    let path = written
        .trim_start_matches("${")
        .trim_end_matches('}')
        .trim();
    let name = path.strip_prefix("var.").or(path.strip_prefix("local."));
    let name = name.filter(|name| name.to_ascii_lowercase().contains("image"));
    name.is_some_and(|name| {
        let is_set = |line: &str| {
            let value = line.trim_start().strip_prefix(name);
            value.is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        !text.lines().any(is_set) && !text.contains(&format!("variable \"{name}\""))
    })
}
