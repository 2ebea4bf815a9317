//! One thing that is not as it should be.

use std::fmt;

/// A finding: where, what, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    /// The file, from the root of the repository.
    pub(crate) path: String,
    /// The line in it, from 1; 0 is the file as a whole.
    pub(crate) line: usize,
    /// What is wrong.
    pub(crate) what: String,
    /// What to do about it.
    pub(crate) advice: String,
    /// Whether it ends the run with an error; else it is a flag to think about.
    pub(crate) is_failure: bool,
}

impl Finding {
    /// Something that must be mended.
    pub(crate) fn failure(
        path: impl Into<String>,
        line: usize,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            line,
            what: what.into(),
            advice: advice.into(),
            is_failure: true,
        }
    }

    /// Something to think about.
    pub(crate) fn flag(
        path: impl Into<String>,
        line: usize,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            is_failure: false,
            ..Self::failure(path, line, what, advice)
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path)?;
        if self.line > 0 {
            write!(f, "{}:", self.line)?;
        }
        let mark = if self.is_failure { "" } else { "(flag) " };
        write!(f, " {mark}{} — {}", self.what, self.advice)
    }
}
