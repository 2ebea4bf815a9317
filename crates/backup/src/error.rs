//! Why a run of a backup ended before its end, and what its directory has then.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::PathBuf;

use forebay_blobs_fs::DataError;
use forebay_content::{BlobError, CatalogError};
use forebay_registry::PushError;

/// A run that ended before its end: why, and what the directory of the backup has.
#[derive(Debug)]
pub struct BackupFailed {
    /// Why.
    pub why: BackupError,
    /// What is there.
    pub left: Left,
}

/// What the directory of a backup has after a run that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// What it had before: the run had only begun, or made its files beside it.
    Before,
    /// A whole new backup, whose files have not all taken their places: who opens the directory next, another run or a server,
    /// carries that to its end.
    Switching,
    /// The new backup, and bytes that only the one before needed.
    New,
}

impl Left {
    /// The failure at this point, for want of `why`.
    pub(crate) fn after(self, why: BackupError) -> BackupFailed {
        BackupFailed { why, left: self }
    }
}

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "the backup before, if there is one, is as it was",
            Self::Switching => {
                "the new backup is whole, and takes the place of the one before when the directory is opened next, by another run or a server"
            }
            Self::New => {
                "the new backup is there and whole; what only the one before needed may still lie beside it, and goes with the next run"
            }
        })
    }
}

impl fmt::Display for BackupFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.why)?;
        if self.why.is_of_choice() {
            return Ok(());
        }
        write!(f, "; {}", self.left)
    }
}

impl Error for BackupFailed {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.why.source()
    }
}

/// Why a run of a backup ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The directory has something else in it.
    #[error("{0} is neither empty nor an earlier backup: choose another directory")]
    Foreign(PathBuf),
    /// Others can put something into it.
    #[error(
        "{0} belongs to somebody else, or others may write to it: choose a directory of the server's user alone (chown, chmod 700)"
    )]
    NotOwn(PathBuf),
    /// It was a backup, and is a data directory in its own right now.
    #[error(
        "{0} was a backup, and its content was changed since, as by a server that was started on it: choose another directory"
    )]
    Changed(PathBuf),
    /// The one lies in the other.
    #[error(
        "{0} lies in the data directory, or the data directory in it: choose one elsewhere, best on another disk"
    )]
    Inside(PathBuf),
    /// Another backup into it is under way, or a server runs on it.
    #[error("{dir} cannot be used")]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// Why.
        source: DataError,
    },
    /// Nothing lies of what is to be backed up: an empty directory is what is left of a volume that is not mounted.
    #[error(
        "{0} has none of the bytes that registry.sqlite tells of: if it is a volume, mount it; if they are lost, restore the backup before"
    )]
    Emptied(PathBuf),
    /// The disk of the backup is full.
    #[error("no space is left at {0}: make room, or choose another disk")]
    NoSpace(PathBuf),
    /// The disk of the backup fails.
    #[error("cannot {what} {path}")]
    Disk {
        /// What was to be done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// The bytes cannot be written there.
    #[error("cannot keep bytes at {path}")]
    Bytes {
        /// The directory.
        path: PathBuf,
        /// What the store said.
        source: BlobError,
    },
    /// The rows of the backup itself cannot be read again.
    #[error("cannot read the rows in {path}")]
    Copied {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: CatalogError,
    },
    /// The program ends.
    #[error("the backup was cut off")]
    Cut(#[source] tokio::task::JoinError),
    /// The rows of the registry cannot be copied.
    #[error("cannot copy the registry's rows: forebay fsck tells what is wrong with them")]
    Rows(#[source] CatalogError),
    /// The journals of the registry cannot be copied.
    #[error("cannot copy the journals of local repositories")]
    Journals(#[source] BlobError),
    /// The registry cannot hold still.
    #[error("cannot take a moment of the registry")]
    Moment(#[from] PushError),
}

impl BackupError {
    /// True where another directory has to be chosen: in this one nothing was touched, and it need not be a backup.
    fn is_of_choice(&self) -> bool {
        matches!(
            self,
            Self::Foreign(_)
                | Self::NotOwn(_)
                | Self::Changed(_)
                | Self::Inside(_)
                | Self::Locked { .. }
        )
    }
}
