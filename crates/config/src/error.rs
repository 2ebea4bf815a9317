//! What is wrong with a configuration: all of it at once, each with its place and what to do.

use std::fmt;
use std::io;

use super::layers::KeyPath;
use super::origin::Origin;
use crate::advice::{Advice, Hint};

/// The most problems told at once; the rest are counted.
pub const MAX_PROBLEMS: usize = 10;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    origin: Origin,
    what: String,
    hints: Vec<Hint>,
    /// Nothing is known to be wrong: who runs this may not look.
    is_barred: bool,
}

/// Everything that is wrong, at least one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    problems: Vec<ConfigProblem>,
    left_off: usize,
}

/// What is wrong with one value, before its place and key are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    /// A more exact place than the value's own: an item of a list.
    pub(super) origin: Option<Origin>,
    /// A clause that follows the key's name: "is an integer, wanted …".
    pub(super) what: String,
    pub(super) hints: Vec<Hint>,
    /// Nothing is known to be wrong: who runs this may not look.
    pub(super) is_barred: bool,
}

/// Problems as they are found, and what is in doubt because of them.
#[derive(Debug, Default)]
pub(super) struct Problems {
    found: Vec<ConfigProblem>,
    /// Keys and sections of which not everything that was written could be read. No path is everything.
    doubts: Vec<KeyPath>,
}

// === impl ConfigProblem ===

impl ConfigProblem {
    pub(super) fn new(origin: &Origin, what: impl Into<String>) -> Self {
        Self {
            origin: origin.clone(),
            what: what.into(),
            hints: Vec::new(),
            is_barred: false,
        }
    }

    /// What could not be read of a file, which may only be kept from who runs this.
    pub(super) fn unread(origin: &Origin, what: impl Into<String>, error: &io::Error) -> Self {
        Self {
            is_barred: error.kind() == io::ErrorKind::PermissionDenied,
            ..Self::new(origin, what)
        }
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(Hint::new(hint));
        self
    }

    /// Where it is.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::Default => f.write_str(&self.what),
            // Environment and flag are told by their names alone, as a file is by its path.
            Origin::Environment(name) => write!(f, "{name}: {}", self.what),
            Origin::Flag(flag) => write!(f, "{flag}: {}", self.what),
            origin @ Origin::File { .. } => write!(f, "{origin}: {}", self.what),
        }
    }
}

impl std::error::Error for ConfigProblem {}

impl Advice for ConfigProblem {
    fn hints(&self) -> Vec<Hint> {
        self.hints.clone()
    }
}

// === impl ConfigErrors ===

impl ConfigErrors {
    /// The problems, those of the file in its order and first, at most [`MAX_PROBLEMS`].
    pub fn problems(&self) -> &[ConfigProblem] {
        &self.problems
    }

    /// True if nothing is known to be wrong, but files may not be read by who runs this.
    pub fn is_barred(&self) -> bool {
        self.left_off == 0 && self.problems.iter().all(|problem| problem.is_barred)
    }

    /// How many further ones there were.
    pub fn left_off(&self) -> usize {
        self.left_off
    }
}

impl fmt::Display for ConfigErrors {
    /// One line, for a log: the problems without their hints.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{problem}")?;
        }
        match self.left_off {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for ConfigErrors {}

impl From<ConfigProblem> for ConfigErrors {
    fn from(problem: ConfigProblem) -> Self {
        Self {
            problems: vec![problem],
            left_off: 0,
        }
    }
}

// === impl Wrong ===

impl Wrong {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            origin: None,
            what: what.into(),
            hints: Vec::new(),
            is_barred: false,
        }
    }

    /// A file cannot be read.
    pub(super) fn unread(error: &io::Error) -> Self {
        Self {
            is_barred: error.kind() == io::ErrorKind::PermissionDenied,
            ..Self::new(format!("cannot be read: {error}"))
        }
    }

    /// As what is wrong with `key` of a table in the value: `whose` leads from the value's own name to it.
    pub(super) fn within(mut self, whose: &str, key: &str) -> Self {
        self.what = format!("{whose} `{key}` {}", self.what);
        self
    }

    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(Hint::new(hint));
        self
    }

    pub(super) fn hints_from(mut self, hints: Vec<Hint>) -> Self {
        self.hints.extend(hints);
        self
    }

    pub(super) fn at(mut self, origin: &Origin) -> Self {
        self.origin.get_or_insert_with(|| origin.clone());
        self
    }

    /// Says which key it was, and where.
    pub(super) fn of(self, key: &str, origin: &Origin) -> ConfigProblem {
        ConfigProblem {
            origin: self.origin.unwrap_or_else(|| origin.clone()),
            what: format!("{key} {}", self.what),
            hints: self.hints,
            is_barred: self.is_barred,
        }
    }
}

// === impl Problems ===

impl Problems {
    pub(super) fn push(&mut self, problem: ConfigProblem) {
        self.found.push(problem);
    }

    /// Notes that what was written of this key or section could not be read, or not all of it.
    pub(super) fn doubt(&mut self, path: &[&str]) {
        let path = path.iter().map(|part| (*part).to_owned()).collect();
        self.doubts.push(path);
    }

    /// Whether a key, or anything in a section, may be meant otherwise than it was read: a rule between keys would then tell
    /// what nobody wrote.
    pub(super) fn is_doubtful(&self, path: &[&str]) -> bool {
        self.doubts
            .iter()
            .any(|doubt| doubt.iter().zip(path).all(|(one, other)| one == other))
    }

    /// `value`, if nothing was wrong so far.
    pub(super) fn or<T>(self, value: T) -> Result<T, ConfigErrors> {
        if self.found.is_empty() {
            return Ok(value);
        }
        let mut problems = self.found;
        // The file from its top, as it is read beside this; then what was written elsewhere, as it was found.
        problems.sort_by_key(|problem| problem.origin.line().unwrap_or(usize::MAX));
        let left_off = problems.len().saturating_sub(MAX_PROBLEMS);
        problems.truncate(MAX_PROBLEMS);
        Err(ConfigErrors { problems, left_off })
    }
}
