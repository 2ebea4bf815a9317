//! Puts a file in its place at once: whoever reads sees the old or the new.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::{Gid, Uid, fchown};

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
    let written = stage(staged, content, mode, like).and_then(|()| fs::rename(staged, target));
    if written.is_err() {
        // It may never have been made; the first error is the one that matters.
        let _ = fs::remove_file(staged);
    }
    written?;
    let folder = target
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn stage(staged: &Path, content: &[u8], mode: Mode, like: Option<&fs::Metadata>) -> io::Result<()> {
    let first = match mode {
        Mode::Exactly(_) => STAGED_MODE,
        Mode::Usual => USUAL_MODE,
    };
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(first)
        .open(staged)?;
    file.write_all(content)?;
    if let Some(like) = like {
        keep_owner(&file, like)?;
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
