//! The record of what is asked of a disk.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt::{self, Debug, Display};
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use forebay_blobs_fs::{Disk, FileState, Patience, ReadDisk, RealDisk, Room};

/// A change of a disk, with paths below its root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// A file came to be.
    Create(PathBuf),
    /// Bytes were written to a file, from this offset on.
    Write(PathBuf, u64, Vec<u8>),
    /// A file was cut off, or grew, to so many bytes.
    Truncate(PathBuf, u64),
    /// A file's bytes, or the names in a directory, were made durable.
    Sync(PathBuf),
    /// A file took the second name in place of the first.
    Rename(PathBuf, PathBuf),
    /// A file lost its name.
    Remove(PathBuf),
    /// A directory came to be.
    CreateDir(PathBuf),
}

/// A disk whose changes below one directory are told, each before it is acknowledged. What happens elsewhere is not.
///
/// What others made without it, as a database does that has files of its own, counts as made when it is first synced or renamed.
pub struct Recorder {
    root: PathBuf,
    inner: Arc<dyn Disk>,
    tell: Box<dyn Fn(Change) + Send + Sync>,
    /// The files that are known to whoever is told.
    known: Mutex<BTreeSet<PathBuf>>,
    kept: Arc<Mutex<Vec<Change>>>,
}

// === impl Recorder ===

impl Recorder {
    /// Over the machine's disk, keeping what happens below the directory `root` until it is [taken](Self::take).
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn of(root: &Path) -> io::Result<Self> {
        let kept: Arc<Mutex<Vec<Change>>> = Arc::default();
        let keep = Arc::clone(&kept);
        let tell = move |change| lock(&keep).push(change);
        let recorder = Self::telling(root, Arc::new(RealDisk), tell)?;
        Ok(Self { kept, ..recorder })
    }

    /// Over another disk, telling what happens below the directory `root`: a write before it is made, a name that comes or goes
    /// after that.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn telling(
        root: &Path,
        inner: Arc<dyn Disk>,
        tell: impl Fn(Change) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let root = root.canonicalize()?;
        let mut known = BTreeSet::new();
        note_files(&root, &root, &mut known)?;
        Ok(Self {
            root,
            inner,
            tell: Box::new(tell),
            known: Mutex::new(known),
            kept: Arc::default(),
        })
    }

    /// The directory whose changes are told, absolute.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// How many changes there were since they were last taken.
    pub fn count(&self) -> usize {
        lock(&self.kept).len()
    }

    /// The changes since the last time.
    pub fn take(&self) -> Vec<Change> {
        std::mem::take(&mut *lock(&self.kept))
    }

    fn below(&self, path: &Path) -> Option<PathBuf> {
        let path = std::path::absolute(path).ok()?;
        path.strip_prefix(&self.root).ok().map(Path::to_owned)
    }

    fn path_of(&self, file: &File) -> Option<PathBuf> {
        let link = format!("/proc/self/fd/{}", file.as_raw_fd());
        self.below(&fs::read_link(link).ok()?)
    }

    /// Tells of a file that came to be without this disk.
    fn adopt(&self, path: &Path) -> io::Result<()> {
        let full = self.root.join(path);
        if full.is_dir() || !lock(&self.known).insert(path.to_owned()) {
            return Ok(());
        }
        let bytes = fs::read(full)?;
        (self.tell)(Change::Create(path.to_owned()));
        (self.tell)(Change::Write(path.to_owned(), 0, bytes));
        Ok(())
    }
}

/// The files below `dir`, as paths below `root`.
fn note_files(root: &Path, dir: &Path, found: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            note_files(root, &path, found)?;
        } else if let Ok(below) = path.strip_prefix(root) {
            found.insert(below.to_owned());
        }
    }
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Recorder");
        shown.field("root", &self.root).field("inner", &self.inner);
        shown.finish_non_exhaustive()
    }
}

// === impl Change ===

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

#[deny(clippy::missing_trait_methods)]
impl ReadDisk for Recorder {
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
impl Disk for Recorder {
    fn create(&self, path: &Path) -> io::Result<File> {
        let file = self.inner.create(path)?;
        if let Some(path) = self.below(path) {
            lock(&self.known).insert(path.clone());
            (self.tell)(Change::Create(path));
        }
        Ok(file)
    }

    fn open_to_write(&self, path: &Path) -> io::Result<File> {
        self.inner.open_to_write(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Some(path) = self.path_of(file) {
            self.adopt(&path)?;
            (self.tell)(Change::Write(path, offset, bytes.to_vec()));
        }
        self.inner.write_at(file, bytes, offset)
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        if let Some(path) = self.path_of(file) {
            self.adopt(&path)?;
            (self.tell)(Change::Truncate(path, bytes));
        }
        self.inner.truncate(file, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let path = self.path_of(file);
        if let Some(path) = &path {
            self.adopt(path)?;
        }
        self.inner.sync(file)?;
        if let Some(path) = path {
            (self.tell)(Change::Sync(path));
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        if let Some(from) = self.below(from) {
            self.adopt(&from)?;
        }
        self.inner.rename(from, to)?;
        if let (Some(from), Some(to)) = (self.below(from), self.below(to)) {
            let mut known = lock(&self.known);
            known.remove(&from);
            known.insert(to.clone());
            drop(known);
            (self.tell)(Change::Rename(from, to));
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.inner.remove(path)?;
        if let Some(path) = self.below(path)
            && lock(&self.known).remove(&path)
        {
            (self.tell)(Change::Remove(path));
        }
        Ok(())
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.inner.create_dir(path)?;
        if let Some(path) = self.below(path) {
            (self.tell)(Change::CreateDir(path));
        }
        Ok(())
    }
}
