//! What a manifest is asked for by: a tag or a digest.

use std::fmt;
use std::str::FromStr;

use crate::{Digest, InvalidTag, Tag};

/// A tag or a digest (distribution-spec: `<reference>`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A name that may move.
    Tag(Tag),
    /// The content itself.
    Digest(Digest),
}

impl FromStr for Reference {
    type Err = InvalidTag;

    /// A tag has no colon and a digest has one, so that no text can be both.
    fn from_str(text: &str) -> Result<Self, InvalidTag> {
        if text.contains(':') {
            text.parse().map(Self::Digest).map_err(|_| InvalidTag)
        } else {
            text.parse().map(Self::Tag)
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tag(tag) => tag.fmt(f),
            Self::Digest(digest) => digest.fmt(f),
        }
    }
}

impl From<Tag> for Reference {
    fn from(tag: Tag) -> Self {
        Self::Tag(tag)
    }
}

impl From<Digest> for Reference {
    fn from(digest: Digest) -> Self {
        Self::Digest(digest)
    }
}
