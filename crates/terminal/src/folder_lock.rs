//! Lets one run at a time write below a folder: two that read one record and write it would lose what one of them did.
//!
//! It is the folder itself that is locked, so that no file is left behind; a run that is killed holds nothing.

use std::fs::{File, TryLockError};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::OFlags;

use crate::Failure;

/// Held for as long as it lives.
pub struct FolderLock(Option<File>);

impl FolderLock {
    /// Takes it. There is none of a folder that is not there, and none of some network file systems: writing below it goes
    /// on, or fails by itself.
    ///
    /// # Errors
    /// Another run has it.
    pub fn take(folder: &Path) -> Result<Self, Failure> {
        // What is no folder is not opened: a pipe would have us wait.
        let flags = OFlags::DIRECTORY.bits().cast_signed();
        let opened = File::options().read(true).custom_flags(flags).open(folder);
        let Ok(file) = opened else {
            return Ok(Self(None));
        };
        match file.try_lock() {
            Ok(()) => Ok(Self(Some(file))),
            Err(TryLockError::WouldBlock) => {
                let what = format!("another forebay writes below {}", folder.display());
                Err(Failure::plain(what).with_hint("try again when it has ended"))
            }
            Err(TryLockError::Error(_)) => Ok(Self(None)),
        }
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        // Closing it would do; this says so.
        if let Some(file) = &self.0 {
            let _ = file.unlock();
        }
    }
}
