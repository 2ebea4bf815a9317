//! Patterns with `*` for any run of characters, of names and of claims.

use std::fmt;
use std::str::FromStr;

/// The longest pattern, in bytes.
const MAX_WILDCARD_BYTES: usize = 512;

/// A text in which each `*` stands for any run of characters, none included; all others stand for themselves.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Wildcard(Box<str>);

/// A pattern that is empty or too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pattern has 1 to {MAX_WILDCARD_BYTES} bytes")]
pub struct InvalidWildcard;

impl Wildcard {
    /// True if it stands for the whole of `text`.
    pub fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else {
            return *self.0 == *text;
        };
        let Some(mut text) = text.strip_prefix(first) else {
            return false;
        };
        // Each middle part at its first place: a later one would leave less for those after it. The last is at the end.
        let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
        for part in middle.split('*') {
            let Some(place) = text.find(part) else {
                return false;
            };
            text = &text[place + part.len()..];
        }
        text.ends_with(last)
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Wildcard {
    type Err = InvalidWildcard;

    fn from_str(text: &str) -> Result<Self, InvalidWildcard> {
        if text.is_empty() || text.len() > MAX_WILDCARD_BYTES {
            return Err(InvalidWildcard);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Wildcard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_run_of_characters_and_nothing_else_is() {
        for (pattern, text, is_match) in [
            ("ci-*", "ci-build", true),
            ("ci-*", "ci-", true),
            ("ci-*", "cd-build", false),
            ("*", "", true),
            ("*", "anything", true),
            ("a*b", "ab", true),
            ("a*b", "a", false),
            ("a*a", "a", false),
            ("*a*b*", "xaxbx", true),
            ("*a*b*", "xbxax", false),
            ("a**b", "ab", true),
            ("*ab", "aab", true),
            ("ab", "ab", true),
            ("ab", "abc", false),
            ("a?b", "axb", false),
            ("a.b", "axb", false),
            (
                "repo:org/*:ref:refs/heads/main",
                "repo:org/app:ref:refs/heads/main",
                true,
            ),
            (
                "repo:org/*:ref:refs/heads/main",
                "repo:org/app:ref:refs/heads/main2",
                false,
            ),
            ("repo:org/*", "repo:org2/app", false),
            ("é*", "éa", true),
            ("*é", "aé", true),
        ] {
            let pattern: Wildcard = pattern.parse().unwrap();
            assert_eq!(pattern.matches(text), is_match, "{pattern} {text}");
        }
        assert!("".parse::<Wildcard>().is_err());
        assert!("a".repeat(513).parse::<Wildcard>().is_err());
    }
}
