//! Variables that stand in front of an image, and may hold a registry whenever somebody sets them.

use std::collections::BTreeSet;

use crate::{Edit, Found, Piece, Place, Setter, Writing};

/// What other files set, which change by their own turn.
pub(super) struct Elsewhere<'a> {
    /// Images that are a variable here, and no more.
    images: BTreeSet<&'a str>,
    /// Where variables begin that are an image by themselves there.
    starts: BTreeSet<usize>,
}

impl<'a> Elsewhere<'a> {
    pub(super) fn of(found: &'a Found) -> Self {
        let is_elsewhere = |place: &&Place| matches!(place.writing, Writing::Elsewhere(_));
        let places = found.places.iter().filter(is_elsewhere);
        Self {
            images: places.map(|place| place.image.as_str()).collect(),
            starts: found.elsewhere.iter().map(|span| span.start).collect(),
        }
    }

    fn has(&self, piece: &Piece) -> bool {
        self.images.contains(piece.text.as_str()) || self.starts.contains(&piece.span.start)
    }
}

/// Why a place keeps its variables: an argument may say another, or the first is empty here, is a default that may be another, so
/// that nothing can be put in front of it and nothing in its place, or another file sets it to an image, which is to change there.
pub(super) fn find_open_prefix(
    (text, elsewhere): (&str, &Elsewhere<'_>),
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
    let first = pieces.first()?;
    let written = text.get(first.span.clone()).filter(|_| first.variable)?;
    let stays = stays(first, edits);
    if first.text.is_empty() || first.open.is_some() {
        return Some(format!(
            "`{written}` may be set to what has a registry of its own"
        ));
    }
    (stays && elsewhere.has(first))
        .then(|| format!("`{written}` is an image by itself too: change it where it is set"))
}

/// Whether no edit takes a piece's place.
fn stays(piece: &Piece, edits: &[Edit]) -> bool {
    let (start, end) = (piece.span.start, piece.span.end);
    edits
        .iter()
        .all(|edit| edit.end <= start || end <= edit.start)
}
