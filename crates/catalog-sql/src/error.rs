//! What went wrong inside, and what that means to the catalog's callers.
//!
//! Callers see only `CatalogError`; what is here becomes its source.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use forebay_content::CatalogError;

use crate::dialect::{self, CodeMeaning};

/// A failure of ours, before it is told.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SqlError {
    /// The database's own word.
    #[error("the database refuses")]
    Sql(#[source] Said),
    /// A stored value is none that we wrote.
    #[error("{0} is damaged")]
    Damaged(&'static str),
    /// A check of the whole found a fault.
    #[error("the check of the whole finds: {0}")]
    Fault(String),
    /// A newer version wrote it.
    #[error("it has format {found}, and this version reads up to {supported}")]
    Format {
        /// What it says.
        found: i64,
        /// What we read.
        supported: i64,
    },
    /// An older version wrote it, or nobody, and it cannot be written to.
    #[error("it is read-only, and would have to be brought to format {0} first")]
    Outdated(i64),
    /// A number beyond what is stored.
    #[error("{0} is too large to be recorded")]
    TooLarge(&'static str),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Slow(Duration),
    /// A look-up had no turn, or no end, in time.
    #[error("nothing was read within {0:?}")]
    NotRead(Duration),
    /// A write had no turn in time, and was not begun.
    #[error("nothing was written within {0:?}, for others' writes went before")]
    NotBegun(Duration),
    /// Asked after it was closed.
    #[error("it is closed")]
    Closed,
    /// A file of it cannot be reached or moved.
    #[error("{0} fails")]
    File(&'static str, #[source] io::Error),
}

/// What the database said, once: its own error is told by the one around it and as the cause of that.
#[derive(Debug)]
pub(crate) struct Said(sqlx::Error);

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            sqlx::Error::Database(error) => error.fmt(f),
            error => error.fmt(f),
        }
    }
}

impl Error for Said {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.0 {
            sqlx::Error::Database(_) => None,
            error => error.source(),
        }
    }
}

impl From<sqlx::Error> for SqlError {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(Said(error))
    }
}

impl SqlError {
    /// True if the disk is what fails.
    pub(crate) fn is_of_disk(&self) -> bool {
        matches!(
            self.meaning(),
            CodeMeaning::NoSpace | CodeMeaning::NotWritable
        )
    }

    /// True if another act would fail just so at this moment.
    pub(crate) fn is_of_all(&self) -> bool {
        self.is_of_disk() || self.meaning() == CodeMeaning::Busy
    }

    /// Nothing, if it only says that another process is writing just now.
    pub(crate) fn unless_busy(self) -> Result<(), Self> {
        match self.meaning() {
            CodeMeaning::Busy => Ok(()),
            _ => Err(self),
        }
    }

    fn meaning(&self) -> CodeMeaning {
        match self {
            Self::Sql(Said(error)) => meaning_of(error),
            Self::Damaged(_) | Self::Fault(_) => CodeMeaning::Corrupt,
            Self::Outdated(_) => CodeMeaning::NotWritable,
            Self::File(_, error) => meaning_of_file(error),
            _ => CodeMeaning::Other,
        }
    }
}

impl From<SqlError> for CatalogError {
    fn from(error: SqlError) -> Self {
        if let SqlError::Format { found, supported } = error {
            return Self::Format { found, supported };
        }
        if let SqlError::NotRead(_) | SqlError::NotBegun(_) = error {
            return Self::Busy(Arc::new(error));
        }
        match error.meaning() {
            CodeMeaning::NoSpace => Self::NoSpace(Arc::new(error)),
            CodeMeaning::NotWritable => Self::NotWritable(Arc::new(error)),
            CodeMeaning::Corrupt => Self::Corrupt(Arc::new(error)),
            CodeMeaning::Busy | CodeMeaning::Other => Self::Failed(Arc::new(error)),
        }
    }
}

fn meaning_of(error: &sqlx::Error) -> CodeMeaning {
    match error {
        sqlx::Error::Database(error) => error
            .code()
            .map_or(CodeMeaning::Other, |code| dialect::meaning_of(&code)),
        // Our statements are fixed: a row of another shape can only be a damaged one.
        sqlx::Error::Decode(_)
        | sqlx::Error::ColumnDecode { .. }
        | sqlx::Error::ColumnIndexOutOfBounds { .. }
        | sqlx::Error::RowNotFound
        | sqlx::Error::AnyDriverError(_) => CodeMeaning::Corrupt,
        _ => CodeMeaning::Other,
    }
}

fn meaning_of_file(error: &io::Error) -> CodeMeaning {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => CodeMeaning::NoSpace,
        ErrorKind::ReadOnlyFilesystem | ErrorKind::PermissionDenied => CodeMeaning::NotWritable,
        _ => CodeMeaning::Other,
    }
}
