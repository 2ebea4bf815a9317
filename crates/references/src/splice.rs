//! Puts new references into a text. Every other byte stays as it is.
//!
//! Offsets are of the text that was searched; edits are sorted, checked against each other and applied in one pass.

use std::ops::Range;

use forebay_syntax::plain;

use crate::Refusal;
use crate::found::moved;
use crate::place::{Edit, Encoding, Part, Piece, Place, Role, Writing};

/// The text with each place's new reference in it.
///
/// # Errors
///
/// A [`Refusal`] for a reference that its place cannot hold, or for two places that want the same bytes changed
/// differently; nothing is changed then.
pub fn splice(text: &str, changes: &[(&Place, &str)]) -> Result<String, Refusal> {
    let mut edits = Vec::with_capacity(changes.len());
    for (place, new) in changes {
        edits.extend(place.edits(new)?);
    }
    apply(text, edits)
}

/// The text with these edits.
///
/// # Errors
///
/// [`Refusal::Conflict`] where edits overlap and are not the same, [`Refusal::Elsewhere`] where one lies outside.
pub fn apply(text: &str, mut edits: Vec<Edit>) -> Result<String, Refusal> {
    edits.sort();
    edits.dedup();
    let mut out = String::with_capacity(text.len() + edits.len() * 16);
    let mut done = 0;
    for edit in &edits {
        if edit.start < done {
            return Err(Refusal::Conflict(edit.start));
        }
        let (Some(between), Some(_)) = (text.get(done..edit.start), text.get(edit.start..edit.end))
        else {
            return Err(Refusal::Elsewhere(edit.start, edit.end));
        };
        out.push_str(between);
        out.push_str(&edit.new);
        done = edit.end;
    }
    out.push_str(&text[done..]);
    Ok(out)
}

impl Place {
    /// What has to change so that `new` is named here; nothing if it is already.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if this place cannot hold it.
    pub fn edits(&self, new: &str) -> Result<Vec<Edit>, Refusal> {
        if new == self.image {
            return Ok(Vec::new());
        }
        if !is_writable(new) {
            return Err(Refusal::NoReference(new.to_owned()));
        }
        match &self.writing {
            Writing::Whole { encoding, pieces } => {
                let edit =
                    kept_variables(pieces, new).unwrap_or_else(|| encoding.edit(&self.span, new));
                Ok(vec![edit])
            }
            Writing::Joined {
                encoding,
                joint,
                pieces,
            } => joined::edits(self, (encoding, joint), pieces, new),
            Writing::Split(parts) => split_edits(parts, &self.image, new),
            Writing::Elsewhere(file) => Err(Refusal::SetIn(file.clone())),
            Writing::ByHand(what) => Err(Refusal::ByHand(what)),
        }
    }

    /// The same place in a text that this one is a part of.
    #[must_use]
    pub fn moved(self, offset: usize) -> Self {
        self.moved_by(&|span| moved(span, offset))
    }

    /// The same place where each span is another.
    pub(crate) fn moved_by(mut self, to: &dyn Fn(&Range<usize>) -> Range<usize>) -> Self {
        self.span = to(&self.span);
        match &mut self.writing {
            Writing::Whole { pieces, .. } | Writing::Joined { pieces, .. } => {
                for piece in pieces {
                    piece.span = to(&piece.span);
                }
            }
            Writing::Split(parts) => {
                for part in parts {
                    part.span = to(&part.span);
                }
            }
            Writing::Elsewhere(_) | Writing::ByHand(_) => {}
        }
        self
    }
}

impl Encoding {
    fn edit(&self, span: &Range<usize>, new: &str) -> Edit {
        let new = match self {
            Self::YamlPlain if !plain::is_string(new) => format!("\"{new}\""),
            Self::AsIs | Self::YamlPlain | Self::Elsewhere(_) => new.to_owned(),
            Self::Literal { open, close } => format!("{open}{new}{close}"),
        };
        Edit {
            start: span.start,
            end: span.end,
            new,
        }
    }
}

/// The edit that leaves the variables at the end of a text, where the new reference ends like the old one.
///
/// `nginx:${TAG}` moves to another registry and keeps its `${TAG}`. Only from the end: a digest that is added after a
/// variable tag would win over it, and the variable would be a lie.
fn kept_variables(pieces: &[Piece], new: &str) -> Option<Edit> {
    let (kept, rest) = kept_pieces(pieces, new)?;
    let first = pieces.first()?.span.start;
    Some(Edit {
        start: first,
        end: pieces.get(kept).map_or(first, |piece| piece.span.start),
        new: rest.to_owned(),
    })
}

/// From which piece on nothing changes, and what takes the place of those before; `None` if no variable stays.
fn kept_pieces<'a>(pieces: &[Piece], new: &'a str) -> Option<(usize, &'a str)> {
    let mut rest = new;
    let mut kept = pieces.len();
    while let Some(before) = kept
        .checked_sub(1)
        .and_then(|last| rest.strip_suffix(pieces[last].text.as_str()))
    {
        rest = before;
        kept -= 1;
    }
    let stays = pieces[kept..].iter().any(|piece| piece.variable);
    (stays && at_boundary(rest, &pieces[kept..])).then_some((kept, rest))
}

/// A variable may stay if it is a whole component: `my${X}` must not come out of `your-my` by accident.
fn at_boundary(rest: &str, kept: &[Piece]) -> bool {
    rest.is_empty()
        || rest.ends_with(['/', ':', '@'])
        || kept
            .first()
            .is_some_and(|piece| piece.text.starts_with(['/', ':', '@']))
}

fn split_edits(parts: &[Part], old: &str, new: &str) -> Result<Vec<Edit>, Refusal> {
    let (old, new_parts) = (Components::of(old), Components::of(new));
    let has = |role| parts.iter().any(|part| part.role == role);
    if new_parts.digest.is_some() && !has(Role::Digest) && !has(Role::Tag) {
        return Err(Refusal::NoPart("digest", new.to_owned()));
    }
    if new_parts.tag.is_some() && !has(Role::Tag)
        || old.tag.is_some() && new_parts.tag.is_none() && new_parts.digest.is_none()
    {
        return Err(Refusal::NoPart("tag", new.to_owned()));
    }
    if new_parts.registry.is_some() && !has(Role::Registry) && !has(Role::Name) {
        return Err(Refusal::NoPart("registry", new.to_owned()));
    }
    // A tag's value takes the digest along where there is no value for one: charts write `repository:tag`.
    let joined = !has(Role::Digest);
    let mut edits = Vec::new();
    for part in parts {
        let value = new_parts.value(part.role, joined);
        if old.value(part.role, joined) == value {
            continue;
        }
        match &part.encoding {
            // One registry serves many images: whether it becomes this one is seen once all files are planned.
            Encoding::Elsewhere(_) if part.role == Role::Registry => {}
            Encoding::Elsewhere(file) => return Err(Refusal::SetIn(file.clone())),
            encoding => edits.push(encoding.edit(&part.span, &value)),
        }
    }
    Ok(edits)
}

/// A reference cut at its separators, nothing added.
struct Components<'a> {
    registry: Option<&'a str>,
    repository: &'a str,
    tag: Option<&'a str>,
    digest: Option<&'a str>,
}

impl<'a> Components<'a> {
    fn of(text: &'a str) -> Self {
        let (text, digest) = match text.split_once('@') {
            Some((name, digest)) => (name, Some(digest)),
            None => (text, None),
        };
        let (name, tag) = match text.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
            _ => (text, None),
        };
        let (registry, repository) = match name.split_once('/') {
            Some((host, rest)) if host.contains(['.', ':']) || host == "localhost" => {
                (Some(host), rest)
            }
            _ => (None, name),
        };
        Self {
            registry,
            repository,
            tag,
            digest,
        }
    }

    fn value(&self, role: Role, joined: bool) -> String {
        match (role, self.digest) {
            (Role::Registry, _) => self.registry.unwrap_or("docker.io").to_owned(),
            (Role::Repository, _) => self.repository.to_owned(),
            (Role::Name, _) => self.registry.map_or_else(
                || self.repository.to_owned(),
                |host| format!("{host}/{}", self.repository),
            ),
            (Role::Tag, Some(digest)) if joined => {
                format!("{}@{digest}", self.tag.unwrap_or_default())
            }
            (Role::Tag, _) => self.tag.unwrap_or_default().to_owned(),
            (Role::Digest, digest) => digest.unwrap_or_default().to_owned(),
        }
    }
}

/// Whether a text is of the alphabet of references only (see [`Encoding`]).
fn is_writable(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"._-/:@+".contains(&byte))
}

mod joined;
#[cfg(test)]
mod tests;
