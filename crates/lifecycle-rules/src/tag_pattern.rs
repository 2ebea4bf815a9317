//! Patterns of tags: `*` for any characters, `?`, `[ab]` and `{a,b}` as in a shell.

use std::fmt;
use std::str::FromStr;

use forebay_oci::Tag;
use globset::{Glob, GlobMatcher};

/// The longest pattern, in bytes: as long as the longest tag.
const MAX_PATTERN_BYTES: usize = 128;

/// A pattern of tags, such as `v*`. Matched in a time that is linear in the tag, whatever it is.
#[derive(Clone, Debug)]
pub struct TagPattern(GlobMatcher);

/// Why a text is no pattern of tags: a clause that goes on after it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTagPattern {
    /// It is empty, or longer than a tag can be.
    #[error("is empty or too long: a pattern has 1 to {MAX_PATTERN_BYTES} characters")]
    Length,
    /// It has a character that no tag has.
    #[error("can match no tag: tags have letters, digits, '_', '.' and '-'")]
    NoTag,
    /// It has a comma where none means anything.
    #[error(
        "has a comma outside of braces, which no tag has: write each pattern by itself, or {{v*,w*}}"
    )]
    Comma,
    /// Its brackets or braces are not closed.
    #[error("is no pattern: {0}")]
    Glob(String),
}

impl TagPattern {
    /// True if it stands for this tag.
    pub fn matches(&self, tag: &Tag) -> bool {
        self.0.is_match(tag.as_str())
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        self.0.glob().glob()
    }
}

impl FromStr for TagPattern {
    type Err = InvalidTagPattern;

    fn from_str(text: &str) -> Result<Self, InvalidTagPattern> {
        if text.is_empty() || text.len() > MAX_PATTERN_BYTES {
            return Err(InvalidTagPattern::Length);
        }
        let is_pattern_byte =
            |byte: u8| byte.is_ascii_alphanumeric() || b"._-*?[]{},!^".contains(&byte);
        if !text.bytes().all(is_pattern_byte) {
            return Err(InvalidTagPattern::NoTag);
        }
        let mut open = 0_u32;
        for byte in text.bytes() {
            match byte {
                b'{' => open += 1,
                b'}' => open = open.saturating_sub(1),
                b',' if open == 0 => return Err(InvalidTagPattern::Comma),
                _ => {}
            }
        }
        let glob = Glob::new(text);
        let glob = glob.map_err(|error| InvalidTagPattern::Glob(error.kind().to_string()))?;
        Ok(Self(glob.compile_matcher()))
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl PartialEq for TagPattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for TagPattern {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_stand_for_tags_and_what_can_stand_for_none_is_refused() {
        for (pattern, tag, matches) in [
            ("v*", "v1.27", true),
            ("v*", "1.27", false),
            ("*", "latest", true),
            ("*-rc?", "1.0-rc1", true),
            ("{main,dev}-*", "dev-1", true),
            ("v[0-9]*", "vanilla", false),
        ] {
            let found: TagPattern = pattern.parse().unwrap();
            assert_eq!(found.matches(&tag.parse().unwrap()), matches, "{pattern}");
        }
        for (text, why) in [
            ("", InvalidTagPattern::Length),
            ("a/b", InvalidTagPattern::NoTag),
            ("a:b", InvalidTagPattern::NoTag),
            ("v*\n", InvalidTagPattern::NoTag),
            ("v*,w*", InvalidTagPattern::Comma),
            ("{a,b},c", InvalidTagPattern::Comma),
        ] {
            assert_eq!(text.parse::<TagPattern>(), Err(why), "{text:?}");
        }
        assert_eq!(
            "a".repeat(129).parse::<TagPattern>(),
            Err(InvalidTagPattern::Length)
        );
        assert!(matches!(
            "v[".parse::<TagPattern>(),
            Err(InvalidTagPattern::Glob(_))
        ));
    }
}
