//! How long ago something was, in words.

use std::fmt;
use std::time::Duration;

/// An age in whole days, or in hours below two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age(pub Duration);

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() / 3600 {
            1 => f.write_str("1 hour"),
            hours @ 0..48 => write!(f, "{hours} hours"),
            hours => write!(f, "{} days", hours / 24),
        }
    }
}
