//! Whom a rule of a policy is for.

use std::fmt;
use std::str::FromStr;

use crate::principal::Principal;
use crate::wildcard::Wildcard;

/// A pattern of principals: `anonymous`, `user:alice`, `user:*`, `robot:ci-*`, `workload:deploy`, `group:team`.
///
/// `anonymous` stands for everybody: what one may do without a name, one may do with one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// Everybody.
    Anonymous,
    /// Users by their names.
    User(Wildcard),
    /// Robots by their names.
    Robot(Wildcard),
    /// Workloads by the rule that took their token.
    Workload(Wildcard),
    /// The members of a group.
    Group(String),
}

/// A text that names nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "nobody is called so: wanted anonymous, user:NAME, robot:NAME, workload:RULE (each with * for any characters) or \
     group:NAME"
)]
pub struct InvalidWho;

impl Who {
    /// True if it stands for `principal`, groups aside: whoever knows their members asks them.
    pub(crate) fn is(&self, principal: &Principal) -> bool {
        match (self, principal) {
            (Self::Anonymous, _) => true,
            (Self::User(pattern), Principal::User { name })
            | (Self::Robot(pattern), Principal::Robot { name, .. }) => {
                pattern.matches(name.as_str())
            }
            (Self::Workload(pattern), Principal::Workload { rule, .. }) => {
                pattern.matches(rule.as_str())
            }
            _ => false,
        }
    }
}

impl FromStr for Who {
    type Err = InvalidWho;

    fn from_str(text: &str) -> Result<Self, InvalidWho> {
        if text == "anonymous" {
            return Ok(Self::Anonymous);
        }
        let (kind, name) = text.split_once(':').ok_or(InvalidWho)?;
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+@*".contains(&byte);
        if !name.bytes().all(is_name_byte) {
            return Err(InvalidWho);
        }
        let pattern = name.parse().map_err(|_| InvalidWho)?;
        match kind {
            "user" => Ok(Self::User(pattern)),
            "robot" => Ok(Self::Robot(pattern)),
            "workload" => Ok(Self::Workload(pattern)),
            "group" if !name.contains('*') => Ok(Self::Group(name.to_owned())),
            _ => Err(InvalidWho),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User(pattern) => write!(f, "user:{pattern}"),
            Self::Robot(pattern) => write!(f, "robot:{pattern}"),
            Self::Workload(pattern) => write!(f, "workload:{pattern}"),
            Self::Group(name) => write!(f, "group:{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_read_as_it_is_written_and_nothing_else_is_anybody() {
        for text in [
            "anonymous",
            "user:alice",
            "user:*",
            "robot:ci-*",
            "workload:deploy",
            "group:team",
        ] {
            assert_eq!(text.parse::<Who>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "*",
            "alice",
            "user",
            "user:",
            "users:a",
            "group:*",
            "user:a b",
            "anonymous:x",
            "user:a:b",
            "USER:a",
            "user:ä",
        ] {
            assert_eq!(text.parse::<Who>(), Err(InvalidWho), "{text:?}");
        }
    }
}
