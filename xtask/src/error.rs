//! Why a check could not be made at all.

use std::io;

/// What keeps the commands from reading what they judge.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A program could not be started.
    #[error("cannot run {program}")]
    Run {
        /// The program's name.
        program: &'static str,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A program ended with an error.
    #[error("{program} failed: {message}")]
    Failed {
        /// The program's name.
        program: &'static str,
        /// What it printed.
        message: String,
    },
    /// Cargo's metadata does not have the form that we know.
    #[error("cannot read cargo's metadata")]
    Metadata(#[from] serde_json::Error),
    /// A file of the tree could not be read.
    #[error("cannot read {path}")]
    Read {
        /// The file's path.
        path: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}
