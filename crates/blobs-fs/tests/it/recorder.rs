//! The machine's disk, with a record of the changes asked of it.

use std::ffi::OsString;
use std::fmt::{self, Display};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use forebay_blobs_fs::{Disk, FileState, Patience, ReadDisk, RealDisk, Room};

/// A change, with paths below the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Create(PathBuf),
    Write(PathBuf, u64, Vec<u8>),
    Truncate(PathBuf, u64),
    Sync(PathBuf),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    CreateDir(PathBuf),
}

#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) root: PathBuf,
    changes: Mutex<Vec<Change>>,
}

impl Recorder {
    /// Records what happens below the directory `root`.
    pub(crate) fn of(root: &Path) -> Self {
        Self {
            root: root.canonicalize().unwrap(),
            changes: Mutex::default(),
        }
    }

    /// How many changes there were so far.
    pub(crate) fn count(&self) -> usize {
        self.changes.lock().unwrap().len()
    }

    /// The changes since the last time.
    pub(crate) fn take(&self) -> Vec<Change> {
        std::mem::take(&mut *self.changes.lock().unwrap())
    }

    fn note(&self, change: Change) {
        self.changes.lock().unwrap().push(change);
    }

    fn below(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap().to_owned()
    }

    fn path_of(&self, file: &File) -> PathBuf {
        let link = format!("/proc/self/fd/{}", file.as_raw_fd());
        self.below(&fs::read_link(link).unwrap())
    }
}

impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verb, path) = match self {
            Self::Create(path) => ("create", path),
            Self::Write(path, ..) => ("write", path),
            Self::Truncate(path, _) => ("truncate", path),
            Self::Sync(path) => ("sync", path),
            Self::Remove(path) => ("remove", path),
            Self::CreateDir(path) => ("create_dir", path),
            Self::Rename(from, to) => {
                return write!(f, "rename {} to {}", from.display(), to.display());
            }
        };
        write!(f, "{verb} {}", path.display())
    }
}

impl ReadDisk for Recorder {
    fn open(&self, path: &Path) -> io::Result<File> {
        RealDisk.open(path)
    }

    fn state(&self, file: &File) -> io::Result<FileState> {
        RealDisk.state(file)
    }

    fn read_at(
        &self,
        file: &File,
        buf: &mut [u8],
        offset: u64,
        wait: Patience,
    ) -> io::Result<usize> {
        RealDisk.read_at(file, buf, offset, wait)
    }

    fn names(&self, dir: &Path) -> io::Result<Vec<OsString>> {
        RealDisk.names(dir)
    }

    fn room(&self, path: &Path) -> io::Result<Room> {
        RealDisk.room(path)
    }
}

impl Disk for Recorder {
    fn create(&self, path: &Path) -> io::Result<File> {
        let file = RealDisk.create(path)?;
        self.note(Change::Create(self.below(path)));
        Ok(file)
    }

    fn open_to_write(&self, path: &Path) -> io::Result<File> {
        RealDisk.open_to_write(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.note(Change::Write(self.path_of(file), offset, bytes.to_vec()));
        RealDisk.write_at(file, bytes, offset)
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.note(Change::Truncate(self.path_of(file), bytes));
        RealDisk.truncate(file, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.note(Change::Sync(self.path_of(file)));
        RealDisk.sync(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)?;
        self.note(Change::Rename(self.below(from), self.below(to)));
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)?;
        self.note(Change::Remove(self.below(path)));
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)?;
        self.note(Change::CreateDir(self.below(path)));
        Ok(())
    }
}
