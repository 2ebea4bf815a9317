//! Who asks.

use std::fmt;
use std::sync::Arc;

use forebay_content::{AccountName, RobotId};

/// Who asks, as far as a credential says. Printed as policies and audit logs name it; never a secret. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Principal {
    /// Whoever comes without a credential.
    Anonymous,
    /// A person.
    User {
        /// Their name.
        name: AccountName,
    },
    /// A program with a token of ours.
    Robot {
        /// The token's id.
        id: RobotId,
        /// What people call it.
        name: AccountName,
    },
    /// A program that another issuer vouches for.
    Workload {
        /// The rule that took its token.
        rule: AccountName,
        /// Who vouches: the issuer's URL.
        issuer: Arc<str>,
        /// For whom, in the issuer's words, as they can be printed in one line.
        subject: Arc<str>,
    },
}

impl Principal {
    /// What the account is called, a workload by the rule that took its token; `None` for anonymous.
    pub fn name(&self) -> Option<&AccountName> {
        match self {
            Self::Anonymous => None,
            Self::User { name } | Self::Robot { name, .. } | Self::Workload { rule: name, .. } => {
                Some(name)
            }
        }
    }
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Anonymous => f.write_str("anonymous"),
            Self::User { name } => write!(f, "user:{name}"),
            Self::Robot { id, name } => write!(f, "robot:{name} ({id})"),
            Self::Workload {
                rule,
                issuer,
                subject,
            } => write!(f, "workload:{rule} ({subject} of {issuer})"),
        }
    }
}
