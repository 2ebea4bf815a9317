//! Why a run could not be made.

use std::error::Error as StdError;
use std::io;

/// What ends a run without results. All of it is for whoever runs it to mend.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The command line says what nobody knows.
    #[error(
        "{0} means nothing: fleet, storm, registry, life, rewrite, doctor, --quick, --only=NAME, --rounds=N, --minutes=N and --seed=N do"
    )]
    Usage(String),
    /// A program that is measured, or measures, did not start or did not do its work.
    #[error("{program}: {what}")]
    Program {
        /// Its name.
        program: String,
        /// What it did.
        what: String,
    },
    /// A server answered otherwise than it should: a figure for that would mean nothing.
    #[error("{url}: {what}")]
    Answer {
        /// What was asked for.
        url: String,
        /// What came.
        what: String,
    },
    /// The data directory could not be made.
    #[error("cannot make a data directory")]
    Seed(#[source] Box<dyn StdError + Send + Sync>),
    /// A file, a socket or a process could not be used.
    #[error("{what}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl Error {
    /// For `map_err`: what was tried when the system said no.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// A program that failed.
    pub(crate) fn program(program: impl Into<String>, what: impl Into<String>) -> Self {
        Self::Program {
            program: program.into(),
            what: what.into(),
        }
    }
}

/// Prints an error with its causes.
pub(crate) fn print(error: &Error) {
    eprintln!("error: {error}");
    let mut cause = error.source();
    while let Some(next) = cause {
        eprintln!("  caused by: {next}");
        cause = next.source();
    }
}
