//! Why a command failed.
//!
//! The variants are what the shell is told: a wrong configuration, or something that could not be done.

use std::error::Error;

use crate::exit::ExitStatus;
use forebay_config::ConfigErrors;
use forebay_config::{Advice, Hint};

/// Any error, from any crate.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The configuration is wrong: every problem that was found.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The command line is wrong, which shows only where all of it is looked at; nothing was done.
    #[error("{0}")]
    Usage(String),
    /// It could not be done.
    #[error("{what}")]
    Failed {
        /// What could not be done: one clause that names the thing.
        what: String,
        /// Why.
        source: Option<BoxError>,
        /// What can be done.
        hints: Vec<Hint>,
    },
}

impl Failure {
    /// Something could not be done, and there is no more to say of why.
    pub fn plain(what: impl Into<String>) -> Self {
        Self::Failed {
            what: what.into(),
            source: None,
            hints: Vec::new(),
        }
    }

    /// Something could not be done, because of `source`.
    pub fn failed(what: impl Into<String>, source: impl Into<BoxError>) -> Self {
        Self::Failed {
            what: what.into(),
            source: Some(source.into()),
            hints: Vec::new(),
        }
    }

    /// Adds what can be done about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        match &mut self {
            Self::Config(_) | Self::Usage(_) => {}
            Self::Failed { hints, .. } => hints.push(Hint::new(hint)),
        }
        self
    }

    /// What the shell is told.
    pub fn status(&self) -> ExitStatus {
        match self {
            // Another user may find nothing wrong with it.
            Self::Config(errors) if errors.is_barred() => ExitStatus::Failed,
            Self::Config(_) | Self::Usage(_) => ExitStatus::Usage,
            Self::Failed { .. } => ExitStatus::Failed,
        }
    }
}

impl Advice for Failure {
    fn hints(&self) -> Vec<Hint> {
        match self {
            Self::Config(errors) => errors.problems().iter().flat_map(Advice::hints).collect(),
            Self::Usage(_) => Vec::new(),
            Self::Failed { hints, .. } => hints.clone(),
        }
    }
}
