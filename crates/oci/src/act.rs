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

/// A set of acts, written as a list with commas such as `pull,push`, or `*` for all; never of any when it was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Acts(u8);

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

// === impl Acts ===

impl Acts {
    /// No act.
    pub const NONE: Self = Self(0);

    /// Every act.
    pub const ALL: Self = Self(0b1111);

    /// The set with `act` in it.
    #[must_use]
    pub const fn with(self, act: Act) -> Self {
        Self(self.0 | Self::bit(act))
    }

    /// What is in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// True if `act` is in it.
    pub const fn has(self, act: Act) -> bool {
        self.0 & Self::bit(act) != 0
    }

    /// True if no act is in it.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its acts, in the order of [`Act::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Act> {
        Act::ALL.into_iter().filter(move |act| self.has(*act))
    }

    const fn bit(act: Act) -> u8 {
        match act {
            Act::Pull => 1,
            Act::Push => 2,
            Act::Delete => 4,
            Act::Admin => 8,
        }
    }
}

impl From<Act> for Acts {
    fn from(act: Act) -> Self {
        Self::NONE.with(act)
    }
}

impl FromIterator<Act> for Acts {
    fn from_iter<I: IntoIterator<Item = Act>>(acts: I) -> Self {
        acts.into_iter().fold(Self::NONE, Self::with)
    }
}

impl FromStr for Acts {
    type Err = InvalidAct;

    fn from_str(text: &str) -> Result<Self, InvalidAct> {
        if text == "*" {
            return Ok(Self::ALL);
        }
        text.split(',').map(str::parse).collect()
    }
}

impl fmt::Display for Acts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, act) in self.iter().enumerate() {
            let comma = if place == 0 { "" } else { "," };
            write!(f, "{comma}{act}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_of_acts_is_read_as_it_is_written() {
        for text in ["pull", "pull,push", "pull,push,delete,admin", "delete"] {
            assert_eq!(text.parse::<Acts>().unwrap().to_string(), text);
        }
        assert_eq!("*".parse(), Ok(Acts::ALL));
        assert_eq!(
            "push,pull,push".parse::<Acts>().unwrap().to_string(),
            "pull,push"
        );
        for text in ["", ",", "pull,", "pull, push", "*,pull", "read"] {
            assert_eq!(text.parse::<Acts>(), Err(InvalidAct), "{text:?}");
        }
    }

    #[test]
    fn sets_are_joined_and_narrowed() {
        let some = Acts::NONE.with(Act::Pull).with(Act::Push);
        assert!(some.has(Act::Push) && !some.has(Act::Delete));
        assert_eq!(some.and(Act::Push.into()), Act::Push.into());
        assert!(some.and(Act::Admin.into()).is_empty());
        assert_eq!(some.or(Act::Admin.into()).to_string(), "pull,push,admin");
        assert_eq!(Act::ALL.into_iter().collect::<Acts>(), Acts::ALL);
    }

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
