//! Puts a file in its place at once: whoever reads sees the old or the new.

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{Gid, Uid, fchown};

use crate::folder::Folder;

/// Who may do what with a file that is made.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// Exactly this.
    Exactly(u32),
    /// What is usual for new files, less what the process leaves out.
    Usual,
}

/// The mode that new files have usually.
const USUAL_MODE: u32 = 0o644;

/// The mode of a file that has not all that it is to have.
const STAGED_MODE: u32 = 0o600;

/// Puts `content` at `target` by way of `staged`, a file beside it that nobody else makes; with the owner of `like`.
///
/// # Errors
/// It cannot be written: what was there is there, and nothing is left of the other.
pub fn put(
    (staged, target): (&Path, &Path),
    content: &[u8],
    mode: Mode,
    like: Option<&fs::Metadata>,
) -> io::Result<()> {
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = Folder::open(folder.unwrap_or(Path::new(".")))?;
    let (Some(staged), Some(target)) = (staged.file_name(), target.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    put_in(&folder, (staged, target), (content, mode), like)
}

/// The same in an open folder.
///
/// # Errors
/// As [`put`].
pub fn put_in(
    folder: &Folder,
    (staged, target): (&OsStr, &OsStr),
    (content, mode): (&[u8], Mode),
    like: Option<&fs::Metadata>,
) -> io::Result<()> {
    let first = match mode {
        Mode::Exactly(_) => STAGED_MODE,
        Mode::Usual => USUAL_MODE,
    };
    let file = folder.create(staged, first)?;
    // Held until it has its place: see `remove_left`. Some network file systems have no locks.
    let _ = file.try_lock();
    let filled = fill(&file, content, mode, like);
    let written = filled.and_then(|()| folder.rename(staged, target));
    if written.is_err() {
        // The first error is the one that matters.
        let _ = folder.remove(staged);
    }
    written?;
    folder.sync()
}

/// Takes away what a run that was killed has left of its own; what another one is writing stays.
pub fn remove_left(folder: &Folder, staged: &OsStr) {
    // It is in nobody's way, so that one which stays is no failure.
    if let Ok(file) = folder.open_file(staged)
        && file.try_lock().is_ok()
    {
        let _ = folder.remove(staged);
    }
}

fn fill(
    mut file: &File,
    content: &[u8],
    mode: Mode,
    like: Option<&fs::Metadata>,
) -> io::Result<()> {
    file.write_all(content)?;
    if let Some(like) = like {
        keep_owner(file, like)?;
    }
    // After the owner, whose change takes some bits away.
    if let Mode::Exactly(mode) = mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    file.sync_all()
}

fn keep_owner(file: &File, like: &fs::Metadata) -> io::Result<()> {
    let mine = file.metadata()?;
    if (mine.uid(), mine.gid()) == (like.uid(), like.gid()) {
        return Ok(());
    }
    let (owner, group) = (Uid::from_raw(like.uid()), Gid::from_raw(like.gid()));
    fchown(file, Some(owner), Some(group)).map_err(|error| {
        let error = io::Error::from(error);
        io::Error::new(error.kind(), format!("its owner cannot be kept: {error}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_is_writing_is_not_taken_for_what_was_left() {
        let top = tempfile::tempdir().unwrap();
        let folder = Folder::open(top.path()).unwrap();
        let name = OsStr::new("a");
        let file = folder.create(name, STAGED_MODE).unwrap();
        file.lock().unwrap();
        remove_left(&folder, name);
        assert!(top.path().join("a").exists());
        drop(file);
        remove_left(&folder, name);
        assert!(!top.path().join("a").exists());
    }
}
