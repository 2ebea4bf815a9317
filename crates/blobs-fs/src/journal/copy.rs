//! Copies of journals as they were at one moment, byte for byte: damaged lines too, for they are evidence.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use forebay_content::BlobError;

use crate::access::off_worker;
use crate::disk::{Disk, read_full, sync_dir};
use crate::journal::reader::is_journal;
use crate::journal::writer::found;
use crate::journal::{Files, FsJournal};

/// How much is copied in one go, in bytes.
const PIECE_BYTES: usize = 1024 * 1024;

/// How long each journal was at one moment.
#[derive(Clone, Debug, Default)]
pub struct JournalLengths {
    journals: Vec<Length>,
}

#[derive(Clone, Debug)]
struct Length {
    name: String,
    /// Which file it was: one that takes its place is another journal.
    file: (u64, u64),
    bytes: u64,
}

impl JournalLengths {
    /// How many journals there are.
    pub fn count(&self) -> usize {
        self.journals.len()
    }
}

impl FsJournal {
    /// How long each journal is. Those of one moment, if the caller lets nobody append meanwhile.
    ///
    /// # Errors
    /// What the disk said.
    pub async fn lengths(&self) -> Result<JournalLengths, BlobError> {
        let files = Arc::clone(&self.files);
        off_worker(move || Ok(lengths(&files)?)).await
    }

    /// Copies each journal, as long as it was, into the directory `to` of `disk`, which is there and empty: durably, but for the
    /// directory's own name. What is appended meanwhile is not copied.
    ///
    /// # Errors
    /// [`BlobError::Io`] if a journal was made anew since, else what the disks said.
    pub async fn copy(
        &self,
        lengths: &JournalLengths,
        (to, disk): (&Path, &Arc<dyn Disk>),
    ) -> Result<(), BlobError> {
        for length in &lengths.journals {
            let (files, length) = (Arc::clone(&self.files), length.clone());
            let (to, disk) = (to.to_owned(), Arc::clone(disk));
            off_worker(move || Ok(copy_one(&files, &length, (&to, &*disk))?)).await?;
        }
        let (to, disk) = (to.to_owned(), Arc::clone(disk));
        off_worker(move || Ok(sync_dir(&*disk, &to)?)).await
    }
}

fn lengths(files: &Files) -> io::Result<JournalLengths> {
    let mut journals = Vec::new();
    for name in files.disk.names(&files.dir)? {
        let Some(name) = name.to_str().filter(|name| is_journal(name)) else {
            continue;
        };
        let Some(file) = found(files.disk.open(&files.dir.join(name)))? else {
            continue;
        };
        let state = files.disk.state(&file)?;
        journals.push(Length {
            name: name.to_owned(),
            file: state.file,
            bytes: state.bytes,
        });
    }
    Ok(JournalLengths { journals })
}

fn copy_one(files: &Files, length: &Length, (to, disk): (&Path, &dyn Disk)) -> io::Result<()> {
    let from: PathBuf = files.dir.join(&length.name);
    let file = files.disk.open(&from)?;
    if files.disk.state(&file)?.file != length.file {
        let what = format!("{} was made anew meanwhile: try again", from.display());
        return Err(io::Error::other(what));
    }
    let copy = disk.create(&to.join(&length.name))?;
    copy_bytes((&*files.disk, &file), (disk, &copy), length.bytes)?;
    disk.sync(&copy)
}

fn copy_bytes(
    (from_disk, from): (&dyn Disk, &File),
    (disk, to): (&dyn Disk, &File),
    bytes: u64,
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE_BYTES];
    let mut at = 0;
    while at < bytes {
        let piece = usize::try_from(bytes - at).map_or(PIECE_BYTES, |rest| rest.min(PIECE_BYTES));
        if read_full(from_disk, from, &mut buffer[..piece], at)? < piece {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        disk.write_at(to, &buffer[..piece], at)?;
        at += piece as u64;
    }
    Ok(())
}
