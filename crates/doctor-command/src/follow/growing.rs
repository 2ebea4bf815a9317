//! A file that grows, and is rotated: renamed and made anew, or cut off and filled again.
//!
//! What was renamed is read to its end before what has its name now. One that is cut off and has grown beyond where it was
//! within a second, looks as if it had only grown.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::MAX_PARTS;
use crate::gathering::Gathering;
use crate::read::READ_BYTES;

/// A file, and up to where it was read.
pub(super) struct Growing {
    path: PathBuf,
    file: File,
    read: u64,
}

impl Growing {
    /// Begins to read a file.
    pub(super) fn open(path: &Path, gathering: &mut Gathering) -> io::Result<Self> {
        let file = File::open(path)?;
        gathering.begin(&path.display().to_string());
        Ok(Self {
            path: path.to_owned(),
            file,
            read: 0,
        })
    }

    /// Reads what was added, and in what has its name now, if that is another.
    pub(super) fn read_on(&mut self, gathering: &mut Gathering) -> io::Result<()> {
        if self.file.metadata()?.len() < self.read {
            self.begin_anew(gathering)?;
        }
        let is_at_end = self.read_more(gathering)?;
        if is_at_end && self.is_another()? {
            match File::open(&self.path) {
                Ok(file) => self.file = file,
                // It was taken away again: the next look sees what is there then.
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
                Err(error) => return Err(error),
            }
            self.begin_anew(gathering)?;
            self.read_more(gathering)?;
        }
        Ok(())
    }

    fn begin_anew(&mut self, gathering: &mut Gathering) -> io::Result<()> {
        self.read = 0;
        self.file.seek(SeekFrom::Start(0))?;
        gathering.begin(&self.path.display().to_string());
        Ok(())
    }

    /// Whether the name is another file's now; one that is not there at the moment is being rotated.
    fn is_another(&self) -> io::Result<bool> {
        let named = match fs::metadata(&self.path) {
            Ok(named) => named,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let open = self.file.metadata()?;
        Ok((named.dev(), named.ino()) != (open.dev(), open.ino()))
    }

    /// Reads on, and whether that was all.
    fn read_more(&mut self, gathering: &mut Gathering) -> io::Result<bool> {
        let mut bytes = vec![0; READ_BYTES];
        for _ in 0..MAX_PARTS {
            let length = self.file.read(&mut bytes)?;
            if length == 0 {
                return Ok(true);
            }
            gathering.push(&bytes[..length]);
            self.read += length as u64;
        }
        Ok(false)
    }
}
