//! Why a data directory cannot be used.

use std::io;
use std::path::PathBuf;

/// What is wrong with a data directory. What is wrong with a blob is a [`forebay_content::BlobError`].
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// Another process uses it.
    #[error("the data directory {dir} is in use{by}", dir = dir.display(), by = holder(*holder_pid))]
    Locked {
        /// The directory.
        dir: PathBuf,
        /// The process that holds it, as far as that can be told.
        holder_pid: Option<u32>,
    },
    /// A newer Forebay wrote it: use that one.
    #[error(
        "the data directory has format {found}, this Forebay knows formats up to {known}: use a newer Forebay"
    )]
    Newer {
        /// The format that it has.
        found: u32,
        /// The newest format that this program knows.
        known: u32,
    },
    /// It holds files, but none that says which format they have.
    #[error("the directory {} is not empty and not one of Forebay's", .0.display())]
    Foreign(PathBuf),
    /// The file that says which format it has does not say so.
    #[error("{} does not hold a format number", .0.display())]
    Unreadable(PathBuf),
    /// The disk failed.
    #[error("cannot {action} {path}", path = path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What the disk said.
        source: io::Error,
    },
}

fn holder(pid: Option<u32>) -> String {
    pid.map_or_else(String::new, |pid| format!(" by process {pid}"))
}
