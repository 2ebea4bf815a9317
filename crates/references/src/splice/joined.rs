//! Puts a new reference into an expression of several texts: `user + "/app:" + tag`, `"{}:{}".format(name, tag)`.
//!
//! What the new reference ends with as the old one did stays as it is written, variables and all.

use crate::Refusal;
use crate::place::{Edit, Encoding, Joint, Piece, Place};

/// What has to change in `place`, which is written so.
pub(super) fn edits(
    place: &Place,
    (encoding, joint): (&Encoding, &Joint),
    pieces: &[Piece],
    new: &str,
) -> Result<Vec<Edit>, Refusal> {
    if *joint == Joint::Function {
        return Err(Refusal::Function(new.to_owned()));
    }
    let Some((kept, rest)) = super::kept_pieces(pieces, new) else {
        return Ok(vec![encoding.edit(&place.span, new)]);
    };
    let start = pieces
        .first()
        .map_or(place.span.start, |piece| piece.span.start);
    let end = pieces.get(kept).map_or(start, |piece| piece.span.start);
    let edit = match joint {
        Joint::Operator(sign) => {
            let mut edit = encoding.edit(&(start..end), rest);
            edit.new.push_str(sign);
            edit
        }
        // A value that goes while another stays would shift the others to wrong holes.
        Joint::Arguments if pieces[..kept].iter().any(|piece| piece.variable) => {
            return Err(Refusal::SomeValues(new.to_owned()));
        }
        Joint::Arguments | Joint::Function => Edit {
            start,
            end,
            new: rest.to_owned(),
        },
    };
    Ok(vec![edit])
}
