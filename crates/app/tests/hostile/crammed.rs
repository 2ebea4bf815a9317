//! A disk that is full for the cache when it has so many bytes, while local repositories beside it find room.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forebay_blobs_fs::{Disk, FileState, Patience, ReadDisk, Room};
use rustix::io::Errno;

#[derive(Debug)]
pub(crate) struct Crammed {
    inner: Arc<dyn Disk>,
    blobs: PathBuf,
    staging: PathBuf,
    room_bytes: u64,
}

impl Crammed {
    /// Over a disk, for the cache in the data directory `data`.
    pub(crate) fn new(inner: Arc<dyn Disk>, data: &Path, room_bytes: u64) -> Self {
        let data = data.canonicalize().unwrap();
        Self {
            inner,
            blobs: data.join("blobs"),
            staging: data.join("staging"),
            room_bytes,
        }
    }

    fn is_of_cache(&self, file: &File) -> bool {
        let path = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd()));
        path.is_ok_and(|path| path.starts_with(&self.staging))
    }
}

/// The bytes of all files below; what goes meanwhile counts for nothing.
fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(found) if found.is_dir() => bytes_below(&entry.path()),
            Ok(found) => found.len(),
            Err(_) => 0,
        })
        .sum()
}

#[deny(clippy::missing_trait_methods)]
impl ReadDisk for Crammed {
    fn open(&self, path: &Path) -> io::Result<File> {
        self.inner.open(path)
    }

    fn state(&self, file: &File) -> io::Result<FileState> {
        self.inner.state(file)
    }

    fn read_at(
        &self,
        file: &File,
        buf: &mut [u8],
        offset: u64,
        wait: Patience,
    ) -> io::Result<usize> {
        self.inner.read_at(file, buf, offset, wait)
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        self.inner.names(dir)
    }

    fn room(&self, path: &Path) -> io::Result<Room> {
        self.inner.room(path)
    }
}

#[deny(clippy::missing_trait_methods)]
impl Disk for Crammed {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.inner.create(path)
    }

    fn open_to_write(&self, path: &Path) -> io::Result<File> {
        self.inner.open_to_write(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let used = || bytes_below(&self.blobs) + bytes_below(&self.staging) + bytes.len() as u64;
        if self.is_of_cache(file) && used() > self.room_bytes {
            return Err(Errno::NOSPC.into());
        }
        self.inner.write_at(file, bytes, offset)
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.inner.truncate(file, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.inner.sync(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.create_dir(path)
    }
}
