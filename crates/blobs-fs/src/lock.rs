//! The lock on a data directory: one process at a time, and it dies with its holder.
//!
//! An advisory lock of the kernel on `<dir>/lock`; the process id in the file is for people only. Not through the disk
//! seam: it changes nothing that a crash could tear.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::error::DataError;

/// How often a successor looks whether its predecessor has gone.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A process id has at most ten digits.
const MAX_PID_BYTES: u64 = 16;

/// The right to use a data directory. Dropping it gives it back.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataLock {
    /// Takes the lock on `dir`, which must be there, without waiting.
    ///
    /// # Errors
    /// [`DataError::Locked`] if another process has it, or this one by an earlier call.
    pub fn acquire(dir: &Path) -> Result<Self, DataError> {
        let path = dir.join("lock");
        let failed = |action, source| DataError::Io {
            action,
            path: path.clone(),
            source,
        };
        let file = open(&path).map_err(|source| failed("open", source))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(DataError::Locked {
                    dir: dir.to_owned(),
                    holder_pid: find_pid(&file),
                });
            }
            Err(error) => return Err(failed("lock", error.into())),
        }
        // A read-only or full disk keeps the old number: then nobody can tell who holds the lock, but it is held.
        let _ = file
            .set_len(0)
            .and_then(|()| file.write_all_at(std::process::id().to_string().as_bytes(), 0));
        Ok(Self { _file: file })
    }

    /// Takes the lock on `dir` as soon as its holder lets go, waiting at most `limit`: for a successor of a process that
    /// drains.
    ///
    /// # Errors
    /// [`DataError::Locked`] if the holder still has it after `limit`.
    pub async fn wait(dir: &Path, limit: Duration) -> Result<Self, DataError> {
        let taken = tokio::time::timeout(limit, async {
            loop {
                match Self::acquire(dir) {
                    Err(DataError::Locked { .. }) => tokio::time::sleep(LOOK_EVERY).await,
                    outcome => return outcome,
                }
            }
        });
        match taken.await {
            Ok(outcome) => outcome,
            Err(_) => Self::acquire(dir),
        }
    }
}

/// Opens the lock file, for reading alone where nothing can be written: a warm store on a read-only disk still serves.
fn open(path: &Path) -> io::Result<File> {
    let writable = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path);
    match writable {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => File::open(path),
        outcome => outcome,
    }
}

fn find_pid(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(MAX_PID_BYTES).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
