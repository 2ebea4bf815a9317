//! A tag: a name that may move from manifest to manifest.
//!
//! Grammar: OCI distribution-spec, "Pulling manifests": `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest tag, in bytes.
const MAX_TAG_BYTES: usize = 128;

/// A tag, known to be well-formed. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(Arc<str>);

/// A text that is not a tag.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tag has 1 to {MAX_TAG_BYTES} letters, digits, '_', '.' or '-', and starts with none of the last two"
)]
pub struct InvalidTag;

impl Tag {
    /// The tag as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True if it reads like a version (`1.27`, `v2`, `3.12-alpine`, `2024-05-01`): such tags rarely move.
    ///
    /// A digit first, or after one `v`, is the whole rule: it holds for every official image's version tags and for
    /// none of the usual moving names (`latest`, `stable`, `main`, `bookworm`, `lts`).
    pub fn is_version_like(&self) -> bool {
        let text = self.0.strip_prefix(['v', 'V']).unwrap_or(&self.0);
        text.starts_with(|first: char| first.is_ascii_digit())
    }
}

impl FromStr for Tag {
    type Err = InvalidTag;

    fn from_str(text: &str) -> Result<Self, InvalidTag> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let (first, rest) = text.as_bytes().split_first().ok_or(InvalidTag)?;
        let well_formed = word(*first)
            && rest
                .iter()
                .all(|byte| word(*byte) || matches!(byte, b'.' | b'-'));
        if well_formed && text.len() <= MAX_TAG_BYTES {
            Ok(Self(text.into()))
        } else {
            Err(InvalidTag)
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_the_grammar_parse_and_nothing_else_does() {
        for tag in ["latest", "1.27", "_x", "A", &"a".repeat(128)] {
            assert_eq!(tag.parse::<Tag>().unwrap().as_str(), tag);
        }
        for tag in [
            "",
            ".a",
            "-a",
            "a b",
            "a/b",
            "a:b",
            "ä",
            "..",
            &"a".repeat(129),
        ] {
            assert_eq!(tag.parse::<Tag>(), Err(InvalidTag), "{tag}");
        }
    }

    #[test]
    fn version_like_tags_begin_with_a_digit_or_v_and_a_digit() {
        for (tag, version_like) in [
            ("1.27", true),
            ("v2", true),
            ("3.12-alpine", true),
            ("2024-05-01", true),
            ("latest", false),
            ("stable", false),
            ("main", false),
            ("vanilla", false),
            ("bookworm", false),
        ] {
            assert_eq!(
                tag.parse::<Tag>().unwrap().is_version_like(),
                version_like,
                "{tag}"
            );
        }
    }
}
