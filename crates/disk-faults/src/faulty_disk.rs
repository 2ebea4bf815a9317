//! A disk that fails on purpose, for tests.
//!
//! Every change is counted, over all who share the disk and so over the whole process. A fault strikes at a chosen count,
//! once or from there on: the change fails, is the process's last moment, or takes its time. Faults by count make a crash
//! test whole: run it once to learn how many changes there are, then once for each of them.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};

use forebay_blobs_fs::{Disk, FileState, Patience, ReadDisk, RealDisk, Room};

/// What happens at a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The device fails (`EIO`).
    Broken,
    /// The disk is full (`ENOSPC`). Of a write, half of it is done.
    Full,
    /// The file system turned read-only (`EROFS`).
    ReadOnly,
    /// No more files can be opened (`EMFILE`).
    OutOfFiles,
    /// The process is killed (`SIGKILL`) before the change. Of a write, half of it is done.
    Kill,
    /// The change is done this much later.
    Slow(Duration),
}

/// What a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every change: create, write, truncate, sync, rename, remove, create a directory.
    Changes,
    /// Syncs alone.
    Syncs,
    /// Writes alone.
    Writes,
    /// Opening what is there, of files and directories.
    Opens,
    /// Reads of bytes alone.
    Reads,
}

/// A fault and when it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What it strikes.
    pub target: Target,
    /// At which count of its target it strikes first; the first is 1.
    pub at: u64,
    /// Whether it strikes at all that follow, too.
    pub stays: bool,
    /// What happens.
    pub effect: Effect,
}

/// A disk that fails on purpose. Clones are the same disk and count together.
#[derive(Clone, Debug)]
pub struct FaultyDisk {
    inner: Arc<dyn Disk>,
    counts: Arc<Counts>,
    fault: Arc<Mutex<Option<Fault>>>,
    quota: Option<Quota>,
}

/// Whether there is no room for so many bytes more in a file.
type IsFull = dyn Fn(&File, usize) -> bool + Send + Sync;

#[derive(Clone)]
struct Quota(Arc<IsFull>);

#[derive(Debug, Default)]
struct Counts {
    changes: AtomicU64,
    syncs: AtomicU64,
    writes: AtomicU64,
    opens: AtomicU64,
    reads: AtomicU64,
}

impl Default for FaultyDisk {
    fn default() -> Self {
        Self::new(None)
    }
}

impl FaultyDisk {
    /// The machine's disk, which kills the process at change number `kill_at`, or never.
    pub fn new(kill_at: Option<u64>) -> Self {
        let disk = Self {
            inner: Arc::new(RealDisk),
            counts: Arc::default(),
            fault: Arc::default(),
            quota: None,
        };
        if let Some(at) = kill_at {
            disk.set(Some(Fault {
                target: Target::Changes,
                at,
                stays: false,
                effect: Effect::Kill,
            }));
        }
        disk
    }

    /// The same disk, which is full (`ENOSPC`) for writes of which `is_full` says so, by their file and how many bytes there are. These
    /// are not counted, and nothing of them is done.
    #[must_use]
    pub fn full_where(
        self,
        is_full: impl Fn(&File, usize) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self {
            quota: Some(Quota(Arc::new(is_full))),
            ..self
        }
    }

    /// Replaces the fault that is to come; counting goes on.
    pub fn set(&self, fault: Option<Fault>) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = fault;
    }

    /// Makes everything from now on that `target` names fail like `effect`, until [`set`](Self::set) says otherwise.
    pub fn break_now(&self, target: Target, effect: Effect) {
        self.set(Some(Fault {
            target,
            at: self.count(target) + 1,
            stays: true,
            effect,
        }));
    }

    /// How often what `target` names has been asked for.
    pub fn count(&self, target: Target) -> u64 {
        self.counts.of(target).load(Ordering::SeqCst)
    }

    /// Counts one operation, which belongs to all of `targets`, and tells what is to happen to it.
    fn strike(&self, targets: &[Target]) -> Option<Effect> {
        let fault = *self.fault.lock().unwrap_or_else(PoisonError::into_inner);
        let mut effect = None;
        for target in targets {
            let count = self.counts.of(*target).fetch_add(1, Ordering::SeqCst) + 1;
            let struck = fault.filter(|fault| fault.target == *target);
            let struck =
                struck.filter(|fault| count == fault.at || (fault.stays && count > fault.at));
            effect = struck.map(|fault| fault.effect).or(effect);
        }
        effect
    }

    fn pass(&self, targets: &[Target]) -> io::Result<()> {
        match self.strike(targets) {
            None => Ok(()),
            Some(effect) => effect.happen(),
        }
    }
}

impl fmt::Debug for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quota").finish_non_exhaustive()
    }
}

impl Counts {
    fn of(&self, target: Target) -> &AtomicU64 {
        match target {
            Target::Changes => &self.changes,
            Target::Syncs => &self.syncs,
            Target::Writes => &self.writes,
            Target::Opens => &self.opens,
            Target::Reads => &self.reads,
        }
    }
}

impl Effect {
    /// Only a delay lets what was asked for be done.
    fn happen(self) -> io::Result<()> {
        match self {
            Self::Broken => Err(Errno::IO.into()),
            Self::Full => Err(Errno::NOSPC.into()),
            Self::ReadOnly => Err(Errno::ROFS.into()),
            Self::OutOfFiles => Err(Errno::MFILE.into()),
            Self::Kill => {
                kill_process(getpid(), Signal::KILL)?;
                Err(Errno::IO.into())
            }
            Self::Slow(wait) => {
                std::thread::sleep(wait);
                Ok(())
            }
        }
    }

    /// A write is torn where the real one would be.
    fn tears(self) -> bool {
        matches!(self, Self::Full | Self::Kill)
    }
}

#[deny(clippy::missing_trait_methods)]
impl ReadDisk for FaultyDisk {
    fn open(&self, path: &Path) -> io::Result<File> {
        self.pass(&[Target::Opens])?;
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
        match self.strike(&[Target::Reads]) {
            None => {}
            // A slow device is one that the page cache cannot answer for.
            Some(Effect::Slow(_)) if wait == Patience::None => {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Some(effect) => effect.happen()?,
        }
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
impl Disk for FaultyDisk {
    fn create(&self, path: &Path) -> io::Result<File> {
        self.pass(&[Target::Changes])?;
        self.inner.create(path)
    }

    fn open_to_write(&self, path: &Path) -> io::Result<File> {
        self.pass(&[Target::Opens])?;
        self.inner.open_to_write(path)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        if let Some(Quota(is_full)) = &self.quota
            && is_full(file, bytes.len())
        {
            return Err(Errno::NOSPC.into());
        }
        let Some(effect) = self.strike(&[Target::Changes, Target::Writes]) else {
            return self.inner.write_at(file, bytes, offset);
        };
        if effect.tears() {
            self.inner
                .write_at(file, &bytes[..bytes.len() / 2], offset)?;
        }
        effect.happen()?;
        self.inner.write_at(file, bytes, offset)
    }

    fn truncate(&self, file: &File, bytes: u64) -> io::Result<()> {
        self.pass(&[Target::Changes])?;
        self.inner.truncate(file, bytes)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        self.pass(&[Target::Changes, Target::Syncs])?;
        self.inner.sync(file)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.pass(&[Target::Changes])?;
        self.inner.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.pass(&[Target::Changes])?;
        self.inner.remove(path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        self.pass(&[Target::Changes])?;
        self.inner.create_dir(path)
    }
}
