//! A repository name: path components of lower-case letters and digits.
//!
//! Grammar: OCI distribution-spec, "Pulling manifests":
//! `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*`, at most 255 characters with the host.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The longest name that we take, in bytes (distribution-spec: many clients limit host and name to 255).
const MAX_NAME_BYTES: usize = 255;

/// A repository's name without a registry's host, such as `library/nginx`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(Arc<str>);

/// Why a text is not a repository name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// It is empty.
    #[error("a repository name is not empty")]
    Empty,
    /// It is longer than 255 bytes.
    #[error("a repository name has at most {MAX_NAME_BYTES} characters")]
    TooLong,
    /// A path component breaks the grammar.
    #[error(
        "a repository name is made of lower-case letters and digits, joined by '.', '_', '__' or '-', in parts \
         separated by '/'"
    )]
    Component,
}

impl RepositoryName {
    /// The whole name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its path components, at least one.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// True if the name has one component only, as Docker's official images have for people.
    pub fn is_single(&self) -> bool {
        !self.0.contains('/')
    }

    /// This name below another path: `library` and `nginx` make `library/nginx`.
    pub fn below(&self, parent: &str) -> Result<Self, InvalidName> {
        format!("{parent}/{}", self.0).parse()
    }
}

impl FromStr for RepositoryName {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.is_empty() {
            return Err(InvalidName::Empty);
        }
        if text.len() > MAX_NAME_BYTES {
            return Err(InvalidName::TooLong);
        }
        if text.split('/').all(is_component) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidName::Component)
        }
    }
}

/// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
fn is_component(text: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    if !bytes.first().copied().is_some_and(is_alphanumeric)
        || !bytes.last().copied().is_some_and(is_alphanumeric)
    {
        return false;
    }
    bytes.split(|byte| is_alphanumeric(*byte)).all(|separator| {
        matches!(separator, b"" | b"." | b"_" | b"__") || separator.iter().all(|byte| *byte == b'-')
    })
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_grammar_parse() {
        for name in [
            "a",
            "0",
            "library/nginx",
            "a/b/c/d/e/f/g/h/i",
            "a.b",
            "a_b",
            "a__b",
            "a-b",
            "a---b",
            "my-org/my_app.v2",
        ] {
            assert_eq!(name.parse::<RepositoryName>().unwrap().as_str(), name);
        }
        assert!("a".repeat(255).parse::<RepositoryName>().is_ok());
    }

    #[test]
    fn anything_else_is_refused() {
        for name in [
            "/", "a/", "/a", "a//b", "A", "a/B", ".", "..", "a/../b", "a..b", "a___b", "a._b",
            "a-", "-a", "_a", "a.", "a b", "a%2fb", "a\\b", "a\0", "ä", "a:b", "a@b", "a+b",
        ] {
            assert_eq!(
                name.parse::<RepositoryName>(),
                Err(InvalidName::Component),
                "{name:?}"
            );
        }
        assert_eq!("".parse::<RepositoryName>(), Err(InvalidName::Empty));
        assert_eq!(
            "a".repeat(256).parse::<RepositoryName>(),
            Err(InvalidName::TooLong)
        );
    }
}
