//! What one message says: the class, and whose registry, budget and image it speaks of.
//!
//! Names of accounts are kept from logs: a text may hold somebody else's.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::Class;

/// The longest account name that is taken from a text, in bytes: a mail address has at most 254.
pub const MAX_ACCOUNT_BYTES: usize = 254;

/// What one message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What went wrong.
    pub class: Class,
    /// Whether the text says so itself; `false` if it was cut before it did, or leaves room for another class.
    pub is_certain: bool,
    /// The registry: `docker.io` for all of Docker Hub's hosts, else `host[:port]`; or a family, such as `pkg.dev`, where
    /// only the wording tells.
    pub registry: Option<String>,
    /// Whom a limit counts, or whom the registry refused.
    pub identity: Option<Identity>,
    /// The image as the text writes it, without a digest that was cut.
    pub image: Option<String>,
}

/// Whom a registry means.
///
/// Its `Display` and its JSON are `address`, `address 192.0.2.1` or `account`: never an account's name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    /// An address, where the text has it.
    Address(Option<IpAddr>),
    /// An account, where the text names it. Behind a shared address it may be somebody else's.
    Account(Option<Account>),
}

/// An account's name: its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Account(String);

impl Account {
    pub(crate) fn new(name: String) -> Option<Self> {
        (!name.is_empty() && name.len() <= MAX_ACCOUNT_BYTES).then_some(Self(name))
    }

    /// The name itself, for comparing with our own; never for a log or a message.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Account(***)")
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(None) => f.write_str("address"),
            Self::Address(Some(address)) => write!(f, "address {address}"),
            Self::Account(_) => f.write_str("account"),
        }
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
