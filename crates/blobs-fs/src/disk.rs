//! The disk as a seam: every file system call of this crate that touches blobs or the format goes through here.
//!
//! Small enough to be wrapped whole, so that a test can count the changes and make any one of them fail or be the last.

use std::ffi::OsString;
use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FileType, OFlags};
use rustix::io::{Errno, ReadWriteFlags};

/// Whether a read may wait for the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// Give what is in memory, else [`io::ErrorKind::WouldBlock`]: safe on an async worker.
    None,
    /// Wait for the device.
    Full,
}

/// What is left on a file system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes that an unprivileged process may still write.
    pub bytes: u64,
    /// Bytes that it holds when it is full.
    pub total_bytes: u64,
    /// Files that may still be created; `None` where the file system does not count them.
    pub files: Option<u64>,
}

/// What a file's metadata tell of its content: any write changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileState {
    /// Which file it is: the numbers of its device and its inode.
    pub file: (u64, u64),
    /// Whether it is one, and no directory, pipe or device.
    pub is_file: bool,
    /// Its length in bytes.
    pub bytes: u64,
    /// When its content was written to: seconds and nanoseconds since the epoch.
    pub modified: (i64, i64),
    /// When it or its metadata were, which nobody can set back: the same.
    pub changed: (i64, i64),
}

/// What looks at the disk and leaves it as it is.
pub trait ReadDisk: Debug + Send + Sync {
    /// Opens a file or a directory for reading; never waits for what else may lie there.
    fn open(&self, path: &Path) -> io::Result<File>;

    /// How long an open file is, and when it changed.
    fn state(&self, file: &File) -> io::Result<FileState>;

    /// Reads into `buf` from `offset` on: how many bytes, 0 at the end of the file; may be fewer than `buf` holds.
    fn read_at(
        &self,
        file: &File,
        buf: &mut [u8],
        offset: u64,
        wait: Patience,
    ) -> io::Result<usize>;

    /// The names in a directory, in no order.
    fn names(&self, dir: &Path) -> io::Result<Vec<OsString>>;

    /// What is left on the file system that holds `path`.
    fn room(&self, path: &Path) -> io::Result<Room>;
}

/// What changes the disk. Each call but the opening is one change: a crash falls before it, after it, or inside a write.
pub trait Disk: ReadDisk {
    /// Creates a file that was not there, readable and writable by its owner.
    fn create(&self, path: &Path) -> io::Result<File>;

    /// Opens a file that is there for reading and writing; by itself this changes nothing.
    fn open_to_write(&self, path: &Path) -> io::Result<File>;

    /// Writes all of `bytes` at `offset`.
    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Cuts off what a file has beyond its first `bytes`.
    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()>;

    /// Makes what was written to a file, or the names in an open directory, survive a power loss.
    fn sync(&self, file: &File) -> io::Result<()>;

    /// Gives a file another name, atomically replacing what had it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Creates a directory for its owner alone; its parent must be there.
    fn create_dir(&self, path: &Path) -> io::Result<()>;
}

/// The machine's disk.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

/// Makes the names in the directory `path` survive a power loss.
///
/// # Errors
/// What the disk said.
pub fn sync_dir(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    let dir = disk.open(path)?;
    disk.sync(&dir)
}

/// Creates the directory `path` unless it is there, and makes its name durable if it was not.
///
/// # Errors
/// What the disk said.
pub fn ensure_dir(disk: &dyn Disk, path: &Path) -> io::Result<()> {
    match disk.create_dir(path) {
        Ok(()) => match path.parent() {
            Some(parent) if parent == Path::new("") => sync_dir(disk, Path::new(".")),
            Some(parent) => sync_dir(disk, parent),
            None => Ok(()),
        },
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // A read-only file system says so even where there is nothing to create.
        Err(error) => match disk.open(path) {
            Ok(_) => Ok(()),
            Err(_) => Err(error),
        },
    }
}

/// Reads until `buf` is full or the file ends: how many bytes.
pub(crate) fn read_full(
    disk: &dyn Disk,
    file: &File,
    buf: &mut [u8],
    offset: u64,
) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        let at = offset + filled as u64;
        match disk.read_at(file, &mut buf[filled..], at, Patience::Full)? {
            0 => break,
            count => filled += count,
        }
    }
    Ok(filled)
}

// === impl RealDisk ===

impl ReadDisk for RealDisk {
    fn open(&self, path: &Path) -> io::Result<File> {
        // A pipe would be waited for until somebody writes to it. For files and directories it means nothing (open(2)).
        OpenOptions::new()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
    }

    fn state(&self, file: &File) -> io::Result<FileState> {
        let stat = rustix::fs::fstat(file)?;
        let nanos = |part| i64::try_from(part).unwrap_or_default();
        Ok(FileState {
            file: (stat.st_dev, stat.st_ino),
            is_file: FileType::from_raw_mode(stat.st_mode).is_file(),
            bytes: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: (stat.st_mtime, nanos(stat.st_mtime_nsec)),
            changed: (stat.st_ctime, nanos(stat.st_ctime_nsec)),
        })
    }

    fn read_at(
        &self,
        file: &File,
        buf: &mut [u8],
        offset: u64,
        wait: Patience,
    ) -> io::Result<usize> {
        loop {
            let outcome = match wait {
                Patience::Full => file.read_at(buf, offset),
                Patience::None => read_cached_at(file, buf, offset),
            };
            match outcome {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(dir)?
            .map(|entry| Ok(entry?.file_name()))
            .collect()
    }

    fn room(&self, path: &Path) -> io::Result<Room> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(Room {
            bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
            files: (stat.f_files > 0).then_some(stat.f_favail),
        })
    }
}

impl Disk for RealDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)
    }

    fn open_to_write(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).open(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        file.set_len(bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(path)
    }
}

/// Reads only what the page cache holds. File systems that cannot tell (`EOPNOTSUPP`) count as holding nothing.
fn read_cached_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut parts = [IoSliceMut::new(buf)];
    match rustix::io::preadv2(file, &mut parts, offset, ReadWriteFlags::NOWAIT) {
        Ok(count) => Ok(count),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => Err(io::ErrorKind::WouldBlock.into()),
        Err(error) => Err(error.into()),
    }
}
