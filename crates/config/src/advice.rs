//! What can be done about an error, as whoever tells it shows it.

use std::fmt;

/// One thing that the operator can do about an error, as one clause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint(String);

impl Hint {
    /// Takes the clause in; it begins in lower case and has no full stop.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An error that knows what can be done about it.
pub trait Advice {
    /// What can be done, the likeliest first; empty if nothing is known.
    fn hints(&self) -> Vec<Hint>;
}
