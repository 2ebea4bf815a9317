#![doc = include_str!("../README.md")]

mod back_up;
mod bytes;
mod emptied;
mod error;
mod place;
mod report;

pub use back_up::{Source, back_up};
pub use emptied::{LOST_AND_FOUND, Unknown, has_journals, is_emptied};
pub use error::{BackupError, BackupFailed, Left};
pub use place::settle;
pub use report::{BackupReport, BadObject, Progress};

/// What the directory of local repositories' blobs and journals is called in a data directory.
pub const REGISTRY_DIRECTORY: &str = "registry";

/// What the file of the key of tokens is called in a data directory.
pub const TOKEN_KEY: &str = "token.key";

/// What the audit log is called in a data directory; older files have `.1` and so on behind it.
pub const AUDIT_LOG: &str = "audit.jsonl";

/// How many older files an audit log has at most.
pub const OLDER_AUDIT_FILES: u32 = 9;
