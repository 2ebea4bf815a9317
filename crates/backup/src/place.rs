//! The directory of a backup: what may lie in it, and how it goes from the earlier backup to the new one at once.
//!
//! The new one's files are made in `next/` while the earlier ones stay. Once all are durable, a file says so: from then on the new
//! backup counts, and whoever opens the directory next, a server too, carries the switch to its end by [`settle`]. Each step of that
//! may be repeated. Bytes need no switch: they lie under their digest, come before and go after.

use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forebay_blobs_fs::{DataLock, Disk, Patience, ensure_dir, sync_dir};
use forebay_catalog_sql::REGISTRY_FILE_NAME;
use forebay_oci::{Algorithm, Hasher};
use rustix::process::geteuid;
use serde::{Deserialize, Serialize};

use crate::{
    AUDIT_LOG, BackupError, BackupFailed, LOST_AND_FOUND, Left, REGISTRY_DIRECTORY, TOKEN_KEY,
};

/// By what a backup is known, and what it was like when it was done.
const MARK: &str = "backup.json";

/// Where the next backup is made.
const NEXT: &str = "next";

/// In it and in the registry's directory: the journals.
const JOURNAL: &str = "journal";

/// In `next/`: it is whole, and what it has not goes from the earlier one.
const WHOLE: &str = "whole";

/// In `next/`: what it has not is gone, and what it has takes its place.
const CLEARED: &str = "cleared";

/// The format of the mark.
const FORMAT: u32 = 1;

/// The longest mark, in bytes.
const MAX_MARK_BYTES: usize = 4096;

/// How much of a file is copied or hashed in one go, in bytes.
const PIECE_BYTES: usize = 1024 * 1024;

/// What it is called until it is whole.
const NEW_MARK: &str = "backup.json.new";

/// What may lie in a directory that is to become a backup: our lock, what a crash left of our first step, and what `mkfs` puts on a
/// fresh volume.
const EMPTY_BUT_FOR: [&str; 3] = ["lock", NEW_MARK, LOST_AND_FOUND];

/// The bits of a mode by which others than its owner may write.
const OTHERS_MAY_WRITE: u32 = 0o022;

/// How many entries of a directory are looked at before it is used; ours have a dozen.
const MAX_LOOKED_AT: usize = 10_000;

/// The directory of a backup, ours as long as this lives.
pub(crate) struct Place {
    pub(crate) dir: PathBuf,
    pub(crate) disk: Arc<dyn Disk>,
    _lock: DataLock,
}

/// What the mark says.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    backup: u32,
    /// The SHA-256 of the rows; none before the first backup is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rows: Option<String>,
}

// === impl Place ===

impl Place {
    /// Takes the directory, which is made if it is not there, for a backup of the data directory `data`.
    pub(crate) fn take(dir: &Path, data: &Path, disk: Arc<dyn Disk>) -> Result<Self, BackupFailed> {
        let before = |why| Left::Before.after(why);
        let (place, is_new) = Self::lock(dir, data, disk).map_err(before)?;
        place.settle(Left::Before)?;
        let known = if is_new {
            let marked = place.mark(&place.dir, None);
            marked.map_err(|error| place.failed("mark", error))
        } else {
            place.check_unchanged()
        };
        known.map_err(before)?;
        Ok(place)
    }

    /// The directory, locked, and whether nothing is in it yet.
    fn lock(dir: &Path, data: &Path, disk: Arc<dyn Disk>) -> Result<(Self, bool), BackupError> {
        let dir = made(dir, data, disk.as_ref())?;
        check_own(&dir)?;
        let is_new = is_new(&dir, disk.as_ref())?;
        let locked = DataLock::acquire(&dir);
        let lock = locked.map_err(|source| BackupError::Locked {
            dir: dir.clone(),
            source,
        })?;
        let place = Self {
            dir,
            disk,
            _lock: lock,
        };
        Ok((place, is_new))
    }

    /// Carries a switch to its end, if one was begun; `left` is what is there where none is under way.
    fn settle(&self, left: Left) -> Result<(), BackupFailed> {
        settle(&self.dir, self.disk.as_ref()).map_err(|error| self.unfinished(left, error))
    }

    /// A switch that failed: as long as a file says that the new backup is whole, that is what counts; else `left`.
    fn unfinished(&self, left: Left, error: io::Error) -> BackupFailed {
        let next = self.dir.join(NEXT);
        let mut steps = [WHOLE, CLEARED].iter();
        let is_under_way = steps.any(|name| next.join(name).exists());
        let left = if is_under_way { Left::Switching } else { left };
        left.after(self.failed("finish", error))
    }

    /// Where the next backup's files are made: an empty directory with an empty one for journals.
    pub(crate) fn begin(&self) -> Result<PathBuf, BackupError> {
        let next = self.dir.join(NEXT);
        let begin = || {
            let registry = self.dir.join(REGISTRY_DIRECTORY);
            for dir in [
                &next,
                &next.join(JOURNAL),
                &registry,
                &registry.join(JOURNAL),
            ] {
                ensure_dir(self.disk.as_ref(), dir)?;
            }
            self.clear()
        };
        begin().map_err(|error| self.failed("make", error))?;
        Ok(next)
    }

    /// Takes away what was made of a next backup.
    pub(crate) fn clear(&self) -> io::Result<()> {
        let next = self.dir.join(NEXT);
        for dir in [next.join(JOURNAL), next] {
            for name in files_in(self.disk.as_ref(), &dir)? {
                self.disk.remove(&dir.join(name))?;
            }
        }
        Ok(())
    }

    /// Where journals of the next backup are copied to.
    pub(crate) fn next_journals(&self) -> PathBuf {
        self.dir.join(NEXT).join(JOURNAL)
    }

    /// Copies the file of this name beside the registry, as long as it is now; one that is not there is none.
    pub(crate) fn copy_beside(&self, data: &Path, name: &str) -> Result<(), BackupError> {
        let copy = || {
            let from = match self.disk.open(&data.join(name)) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
                opened => opened?,
            };
            let to = self.disk.create(&self.dir.join(NEXT).join(name))?;
            let mut buffer = vec![0; PIECE_BYTES];
            let (mut at, end) = (0, self.disk.state(&from)?.bytes);
            while at < end {
                let piece = buffer
                    .len()
                    .min(usize::try_from(end - at).unwrap_or(PIECE_BYTES));
                let count = self
                    .disk
                    .read_at(&from, &mut buffer[..piece], at, Patience::Full)?;
                if count == 0 {
                    break;
                }
                self.disk.write_at(&to, &buffer[..count], at)?;
                at += count as u64;
            }
            self.disk.sync(&to)
        };
        copy().map_err(|error| self.failed("copy a file into", error))
    }

    /// Makes what lies in `next/` the backup: all of it, or, where this fails, nothing yet.
    pub(crate) fn switch(&self) -> Result<(), BackupFailed> {
        let disk = self.disk.as_ref();
        let next = self.dir.join(NEXT);
        let begin = || {
            let rows = next.join(REGISTRY_FILE_NAME);
            disk.sync(&disk.open_to_write(&rows)?)?;
            self.mark(&next, Some(hash_of(disk, &rows)?))?;
            sync_dir(disk, &next.join(JOURNAL))?;
            sync_dir(disk, &next)?;
            let whole = disk.create(&next.join(WHOLE))?;
            disk.sync(&whole)?;
            sync_dir(disk, &next)
        };
        begin().map_err(|error| self.unfinished(Left::Before, error))?;
        self.settle(Left::New)
    }

    /// Writes the mark into `dir`.
    fn mark(&self, dir: &Path, rows: Option<String>) -> io::Result<()> {
        let mark = Mark {
            backup: FORMAT,
            rows,
        };
        let bytes = serde_json::to_vec(&mark).map_err(io::Error::other)?;
        let new = dir.join(NEW_MARK);
        match self.disk.remove(&new) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let file = self.disk.create(&new)?;
        self.disk.write_at(&file, &bytes, 0)?;
        self.disk.sync(&file)?;
        self.disk.rename(&new, &dir.join(MARK))?;
        sync_dir(self.disk.as_ref(), dir)
    }

    /// Refuses a directory whose rows are not those of the backup that was made here: there is something in it that is nowhere else.
    fn check_unchanged(&self) -> Result<(), BackupError> {
        let disk = self.disk.as_ref();
        let looked = || {
            let mark = read_mark(disk, &self.dir.join(MARK))?;
            let rows = self.dir.join(REGISTRY_FILE_NAME);
            let found = match hash_of(disk, &rows) {
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                found => Some(found?),
            };
            let log = self.dir.join(format!("{REGISTRY_FILE_NAME}-wal"));
            let log = disk.open(&log).and_then(|log| disk.state(&log));
            let has_log = log.is_ok_and(|state| state.bytes > 0);
            Ok(mark.map(|mark| mark.rows == found && !has_log))
        };
        match looked().map_err(|error| self.failed("look at", error))? {
            Some(true) => Ok(()),
            Some(false) => Err(BackupError::Changed(self.dir.clone())),
            None => Err(BackupError::Foreign(self.dir.clone())),
        }
    }

    pub(crate) fn failed(&self, what: &'static str, error: io::Error) -> BackupError {
        failed(what, &self.dir, error)
    }
}

/// Carries a switch from one backup to the next to its end, if one was begun in `dir`. Whoever opens a data directory does this
/// first, for it may be a backup. Waits for the disk.
///
/// # Errors
/// What the disk said; to be tried again.
pub fn settle(dir: &Path, disk: &dyn Disk) -> io::Result<()> {
    let next = dir.join(NEXT);
    let (new_journals, journals) = (
        next.join(JOURNAL),
        dir.join(REGISTRY_DIRECTORY).join(JOURNAL),
    );
    if is_there(disk, &next.join(WHOLE))? {
        remove_but(disk, &journals, &files_in(disk, &new_journals)?, |_| true)?;
        remove_but(disk, dir, &files_in(disk, &next)?, is_of_backup)?;
        disk.rename(&next.join(WHOLE), &next.join(CLEARED))?;
        sync_dir(disk, &next)?;
    }
    if is_there(disk, &next.join(CLEARED))? {
        for name in files_in(disk, &new_journals)? {
            disk.rename(&new_journals.join(&name), &journals.join(&name))?;
        }
        for name in files_in(disk, &next)? {
            if name != CLEARED {
                disk.rename(&next.join(&name), &dir.join(&name))?;
            }
        }
        for changed in [&journals, &new_journals, &dir.to_owned()] {
            sync_dir(disk, changed)?;
        }
        disk.remove(&next.join(CLEARED))?;
        sync_dir(disk, &next)?;
    }
    Ok(())
}

/// Whether a file in the directory of a backup is the backup's: rows and their log, the key of tokens, the audit log.
fn is_of_backup(name: &str) -> bool {
    name.starts_with(REGISTRY_FILE_NAME) || name.starts_with(AUDIT_LOG) || name == TOKEN_KEY
}

/// Removes the files of `dir` that are meant, and not among `kept`.
fn remove_but(
    disk: &dyn Disk,
    dir: &Path,
    kept: &[OsString],
    is_meant: impl Fn(&str) -> bool,
) -> io::Result<()> {
    for name in files_in(disk, dir)? {
        if !kept.contains(&name) && name.to_str().is_some_and(&is_meant) {
            disk.remove(&dir.join(name))?;
        }
    }
    sync_dir(disk, dir)
}

/// The path of the directory, absolute; made if it was not there.
fn made(dir: &Path, data: &Path, disk: &dyn Disk) -> Result<PathBuf, BackupError> {
    let made = || {
        if !dir.is_dir() {
            if let Some(parent) = dir.parent().filter(|parent| *parent != Path::new("")) {
                std::fs::create_dir_all(parent)?;
            }
            ensure_dir(disk, dir)?;
        }
        Ok((dir.canonicalize()?, data.canonicalize()?))
    };
    // In the data directory nothing is made.
    if let (Ok(data), Ok(above)) = (data.canonicalize(), nearest(dir).canonicalize())
        && above.starts_with(&data)
    {
        return Err(BackupError::Inside(dir.to_owned()));
    }
    let (found, data) = made().map_err(|error| failed("make", dir, error))?;
    if found.starts_with(&data) || data.starts_with(&found) {
        return Err(BackupError::Inside(dir.to_owned()));
    }
    Ok(found)
}

/// Refuses a directory that others may write to, and one with something else in it than files and directories: what is in the way
/// is written over and cleared away, and a link would lead that anywhere.
fn check_own(dir: &Path) -> Result<(), BackupError> {
    let looked = || {
        let found = std::fs::symlink_metadata(dir)?;
        let is_own = found.uid() == geteuid().as_raw() && found.mode() & OTHERS_MAY_WRITE == 0;
        let mut is_plain = true;
        for below in [dir.to_owned(), dir.join(NEXT), dir.join(REGISTRY_DIRECTORY)] {
            let entries = match std::fs::read_dir(&below) {
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries.take(MAX_LOOKED_AT) {
                let kind = entry?.file_type()?;
                is_plain &= kind.is_file() || kind.is_dir();
            }
        }
        Ok((is_own, is_plain))
    };
    match looked().map_err(|error| failed("look at", dir, error))? {
        (false, _) => Err(BackupError::NotOwn(dir.to_owned())),
        (true, false) => Err(BackupError::Foreign(dir.to_owned())),
        (true, true) => Ok(()),
    }
}

/// The directory, or the nearest above it that is there.
fn nearest(dir: &Path) -> &Path {
    let mut above = dir.ancestors();
    let found = above.find(|above| above.is_dir());
    found.unwrap_or(Path::new("."))
}

/// Whether nothing is in it yet; what is neither that nor a backup is refused.
fn is_new(dir: &Path, disk: &dyn Disk) -> Result<bool, BackupError> {
    let looked = || {
        let names = disk.names(dir)?;
        let is_empty = names
            .iter()
            .all(|name| EMPTY_BUT_FOR.iter().any(|known| name == known));
        Ok((is_empty, read_mark(disk, &dir.join(MARK))?.is_some()))
    };
    match looked().map_err(|error| failed("look at", dir, error))? {
        (true, _) => Ok(true),
        (false, true) => Ok(false),
        (false, false) => Err(BackupError::Foreign(dir.to_owned())),
    }
}

/// The mark, if there is one of ours.
fn read_mark(disk: &dyn Disk, path: &Path) -> io::Result<Option<Mark>> {
    let file = match disk.open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = vec![0; MAX_MARK_BYTES];
    let count = disk.read_at(&file, &mut bytes, 0, Patience::Full)?;
    let mark: Option<Mark> = serde_json::from_slice(&bytes[..count]).ok();
    Ok(mark.filter(|mark| mark.backup == FORMAT))
}

/// The SHA-256 of a file.
fn hash_of(disk: &dyn Disk, path: &Path) -> io::Result<String> {
    let file = disk.open(path)?;
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut buffer = vec![0; PIECE_BYTES];
    let mut at = 0;
    loop {
        match disk.read_at(&file, &mut buffer, at, Patience::Full)? {
            0 => return Ok(hasher.finish().to_string()),
            count => {
                hasher.update(&buffer[..count]);
                at += count as u64;
            }
        }
    }
}

/// The names of what is no directory in `dir`; none if that is not there.
fn files_in(disk: &dyn Disk, dir: &Path) -> io::Result<Vec<OsString>> {
    let names = match disk.names(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        names => names?,
    };
    Ok(names
        .into_iter()
        .filter(|name| !dir.join(name).is_dir())
        .collect())
}

fn is_there(disk: &dyn Disk, path: &Path) -> io::Result<bool> {
    match disk.open(path) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(error),
    }
}

pub(crate) fn failed(what: &'static str, path: &Path, source: io::Error) -> BackupError {
    let path = path.to_owned();
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => BackupError::NoSpace(path),
        _ => BackupError::Disk { what, path, source },
    }
}
