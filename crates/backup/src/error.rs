//! Why there is no new backup. The earlier one is then as it was.

use std::io;
use std::path::PathBuf;

use forebay_blobs_fs::DataError;
use forebay_content::{BlobError, CatalogError};
use forebay_registry::PushError;

/// Why there is no new backup.
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
    /// The disk of the backup is full.
    #[error(
        "no space is left at {0}: the backup before is as it was; make room, or choose another disk"
    )]
    NoSpace(PathBuf),
    /// The disk of the backup fails.
    #[error("cannot {what} {path}: the backup before is as it was")]
    Disk {
        /// What was to be done.
        what: &'static str,
        /// To what.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
    /// The bytes cannot be written there.
    #[error("cannot keep bytes at {path}: the backup before is as it was")]
    Bytes {
        /// The directory.
        path: PathBuf,
        /// What the store said.
        source: BlobError,
    },
    /// The program ends.
    #[error("the backup was cut off: the backup before is as it was")]
    Cut(#[source] tokio::task::JoinError),
    /// The rows of the registry cannot be copied.
    #[error(
        "cannot copy the registry's rows: the backup before is as it was; forebay fsck tells what is wrong with them"
    )]
    Rows(#[source] CatalogError),
    /// The journals of the registry cannot be copied.
    #[error("cannot copy the journals of local repositories: the backup before is as it was")]
    Journals(#[source] BlobError),
    /// The registry cannot hold still.
    #[error("cannot take a moment of the registry: the backup before is as it was")]
    Moment(#[from] PushError),
}
