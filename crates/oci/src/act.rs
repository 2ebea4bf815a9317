//! What a request does to a repository: the word by which policies, tokens and endpoints mean the same thing.

use std::fmt;
use std::str::FromStr;

/// What a request does to a repository.
///
/// The first three are written in the scopes of tokens as the CNCF distribution registry's token specification writes them
/// ("Token Scope Documentation"): `pull`, `push`, `delete`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Act {
    /// Reads manifests, blobs, tags and referrers.
    Pull,
    /// Writes blobs, manifests and tags.
    Push,
    /// Takes blobs, manifests or tags away.
    Delete,
    /// Changes the repository itself: makes it, removes it, sets its rules.
    Admin,
}

/// A text that is no act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an action is one of pull, push, delete and admin")]
pub struct InvalidAct;

impl Act {
    /// All, from the least to the most that one may do.
    pub const ALL: [Self; 4] = [Self::Pull, Self::Push, Self::Delete, Self::Admin];

    /// Its name in policies and scopes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Push => "push",
            Self::Delete => "delete",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Act {
    type Err = InvalidAct;

    fn from_str(text: &str) -> Result<Self, InvalidAct> {
        let mut all = Self::ALL.into_iter();
        all.find(|act| act.as_str() == text).ok_or(InvalidAct)
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_act_is_read_as_it_is_written_and_nothing_else_is_one() {
        for act in Act::ALL {
            assert_eq!(act.to_string().parse(), Ok(act));
        }
        for text in ["", "*", "Pull", "PULL", " pull", "pull,push", "read"] {
            assert_eq!(text.parse::<Act>(), Err(InvalidAct), "{text:?}");
        }
    }
}
