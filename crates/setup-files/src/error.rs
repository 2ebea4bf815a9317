//! Why a client cannot be set up. Nothing was written when one of these is told.

use std::error::Error;
use std::io;

/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

/// Why a client cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A file of the client is not in the form that the client reads: mend it first.
    #[error("{path} cannot be read as {format}")]
    Broken {
        /// Which file.
        path: String,
        /// Which form it should have.
        format: &'static str,
        /// What is wrong.
        source: BoxError,
    },
    /// A file holds what would work against the set-up, or what cannot be changed without risk: change it by hand.
    #[error("{path}: {what}")]
    Unmergeable {
        /// Which file.
        path: String,
        /// What stands there.
        what: String,
        /// What can be done.
        hint: String,
        /// What is to be put in by hand: whole lines; empty where that is not known.
        lines: String,
        /// What came of trying, where it was tried.
        source: Option<BoxError>,
    },
    /// What was asked for does not exist for this client: ask for something else.
    #[error("{what}")]
    Impossible {
        /// What does not exist.
        what: String,
        /// What does.
        hint: String,
    },
    /// A file could not be read.
    #[error("cannot read {path}")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        source: BoxError,
    },
}

impl SetupError {
    /// A file that is not in the form that its client reads.
    pub fn broken(path: &str, format: &'static str, source: impl Into<BoxError>) -> Self {
        Self::Broken {
            path: path.to_owned(),
            format,
            source: source.into(),
        }
    }

    /// A file to be changed by hand: what stands there, and what can be done.
    pub fn unmergeable(path: &str, what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Unmergeable {
            path: path.to_owned(),
            what: what.into(),
            hint: hint.into(),
            lines: String::new(),
            source: None,
        }
    }

    /// With what came of trying.
    #[must_use]
    pub fn because(mut self, cause: impl Into<BoxError>) -> Self {
        if let Self::Unmergeable { source, .. } = &mut self {
            *source = Some(cause.into());
        }
        self
    }

    /// With the lines that are to be put in by hand.
    #[must_use]
    pub fn by_hand(mut self, by_hand: &str) -> Self {
        if let Self::Unmergeable { lines, .. } = &mut self {
            by_hand.clone_into(lines);
        }
        self
    }

    /// What does not exist for a client, and what does.
    pub fn impossible(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Impossible {
            what: what.into(),
            hint: hint.into(),
        }
    }

    /// The file, and the lines that are to be put into it by hand, where they are known.
    pub fn find_lines(&self) -> Option<(&str, &str)> {
        match self {
            Self::Unmergeable { path, lines, .. } if !lines.is_empty() => Some((path, lines)),
            _ => None,
        }
    }

    /// What can be done about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Unmergeable { hint, .. } | Self::Impossible { hint, .. } => Some(hint),
            Self::Broken { .. } => Some("mend the file first; nothing was changed"),
            Self::Unreadable { source, .. } => {
                let error = source.downcast_ref::<io::Error>()?;
                (error.kind() == io::ErrorKind::PermissionDenied).then_some(
                    "it is another user's: run the same command as that one, or with sudo",
                )
            }
        }
    }
}
