//! A folder that is held open, and its files by their names alone: what takes the folder's place meanwhile is not followed.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, Dir, Mode, OFlags, fsync, open, openat, renameat, unlinkat};
use rustix::io::Errno;

use crate::plain_file;

/// The most names that are listed of one folder.
const MAX_NAMES: usize = 1_000_000;

/// An open folder.
#[derive(Debug)]
pub struct Folder(OwnedFd);

impl Folder {
    /// Opens a folder, links followed.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(open(path, Self::flags(), Mode::empty())?))
    }

    /// Opens a folder by its full path, part by part, of which none is a link.
    ///
    /// # Errors
    /// It cannot be read, or a part of the path is a link or no folder.
    pub fn open_straight(path: &Path) -> io::Result<Self> {
        let step = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut at = open("/", step, Mode::empty())?;
        for part in path.components() {
            let name = match part {
                Component::RootDir => continue,
                Component::Normal(name) => name,
                _ => return Err(io::ErrorKind::InvalidInput.into()),
            };
            at = openat(&at, name, step, Mode::empty()).map_err(|error| match error {
                Errno::NOTDIR | Errno::LOOP => {
                    io::Error::other("a folder above it is a link or no folder now")
                }
                error => error.into(),
            })?;
        }
        // What only stands for a place can be neither listed nor synced.
        Ok(Self(openat(&at, ".", Self::flags(), Mode::empty())?))
    }

    /// Opens the folder of a full path in which there is no link, and says the path's last name.
    ///
    /// # Errors
    /// As [`Folder::open_straight`].
    pub fn of_straight(path: &Path) -> io::Result<(Self, &OsStr)> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        Ok((Self::open_straight(folder)?, name))
    }

    /// Opens a file of it to read.
    ///
    /// # Errors
    /// It cannot be opened, is a link, or no file.
    pub fn open_file(&self, name: &OsStr) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(&self.0, name, flags, Mode::empty()).map_err(|error| match error {
            Errno::LOOP => io::Error::other("it is a link now"),
            error => error.into(),
        })?;
        plain_file::refuse_others(File::from(file))
    }

    /// The names in it.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn names(&self) -> io::Result<Vec<OsString>> {
        let entries = Dir::read_from(&self.0)?.take(MAX_NAMES);
        entries
            .map(|entry| Ok(OsStr::from_bytes(entry?.file_name().to_bytes()).to_owned()))
            .collect()
    }

    /// Takes a file away.
    ///
    /// # Errors
    /// It is not there, or cannot be taken away.
    pub fn remove(&self, name: &OsStr) -> io::Result<()> {
        Ok(unlinkat(&self.0, name, AtFlags::empty())?)
    }

    /// Makes a file that was not there.
    pub(crate) fn create(&self, name: &OsStr, mode: u32) -> io::Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let file = openat(&self.0, name, flags, Mode::from_bits_truncate(mode))?;
        Ok(File::from(file))
    }

    /// Gives one of its files another one's place.
    pub(crate) fn rename(&self, from: &OsStr, to: &OsStr) -> io::Result<()> {
        Ok(renameat(&self.0, from, &self.0, to)?)
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        Ok(fsync(&self.0)?)
    }

    fn flags() -> OFlags {
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn no_link_is_followed_and_what_took_the_folders_place_is_not_touched() {
        let top = tempfile::tempdir().unwrap();
        let top = fs::canonicalize(top.path()).unwrap();
        fs::create_dir_all(top.join("a/b")).unwrap();
        fs::create_dir(top.join("other")).unwrap();
        for file in ["a/b/f", "other/f"] {
            fs::write(top.join(file), file).unwrap();
        }
        let (folder, name) = Folder::of_straight(&top.join("a/b/f"))
            .map(|(folder, name)| (folder, name.to_owned()))
            .unwrap();
        fs::rename(top.join("a/b"), top.join("a/c")).unwrap();
        symlink("../other", top.join("a/b")).unwrap();
        let told = Folder::of_straight(&top.join("a/b/f"))
            .unwrap_err()
            .to_string();
        assert_eq!(told, "a folder above it is a link or no folder now");
        folder.remove(&name).unwrap();
        assert!(!top.join("a/c/f").exists() && top.join("other/f").exists());
        assert!(Folder::open(&top.join("a/b")).is_ok());
        symlink("../../other/f", top.join("a/c/f")).unwrap();
        assert_eq!(
            folder.open_file(&name).unwrap_err().to_string(),
            "it is a link now"
        );
        assert_eq!(
            folder
                .names()
                .unwrap()
                .iter()
                .filter(|one| *one == "f")
                .count(),
            1
        );
    }
}
