//! How a journal's file grows, and how a shorter one takes its place.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use forebay_content::{JournalEntry, JournalPlace, MAX_APPENDED};
use forebay_oci::RepositoryName;

use crate::disk::{Disk, read_full, sync_dir};
use crate::journal::line::{MAX_LINE_BYTES, encode_entry, encode_header};
use crate::journal::lines::whole_bytes;
use crate::journal::{Files, NEW_SUFFIX, Shard, file_name};

/// How much is written or copied in one go when a file is made, in bytes: a bound, too, for what is in memory of it.
const PIECE_BYTES: usize = 1024 * 1024;

/// A file that has yet to get its name.
struct NewFile<'a> {
    disk: &'a dyn Disk,
    file: File,
    /// What it is called until then.
    path: Option<PathBuf>,
    bytes: u64,
}

/// The lines of the entries.
///
/// # Errors
/// There are more than an append takes, or one is too long.
pub(crate) fn lines_of(
    repository: &RepositoryName,
    entries: &[JournalEntry],
) -> io::Result<Vec<u8>> {
    if entries.len() > MAX_APPENDED {
        let what = format!("{} entries at once, at most {MAX_APPENDED}", entries.len());
        return Err(io::Error::new(ErrorKind::InvalidInput, what));
    }
    let mut lines = Vec::new();
    for entry in entries {
        push_line(repository, entry, &mut lines)?;
    }
    Ok(lines)
}

fn push_line(
    repository: &RepositoryName,
    entry: &JournalEntry,
    to: &mut Vec<u8>,
) -> io::Result<()> {
    if encode_entry(repository, entry, to) {
        return Ok(());
    }
    let what = format!("an entry of {repository} makes a line beyond {MAX_LINE_BYTES} bytes");
    Err(io::Error::new(ErrorKind::InvalidInput, what))
}

impl Files {
    /// Appends whole lines to a repository's journal, durably. Waits for the disk.
    pub(crate) fn append(&self, repository: &RepositoryName, lines: &[u8]) -> io::Result<()> {
        let mut shard = self.lock(repository);
        if shard.is_name_unsure {
            self.sync_names(&mut shard)?;
        }
        let Some(file) = found(self.disk.open_to_write(&self.path(repository)))? else {
            return self.make(repository, &mut shard, lines);
        };
        let bytes = self.disk.state(&file)?.bytes;
        let whole = whole_bytes(&*self.disk, &file, bytes)?;
        if whole == 0 {
            // Not even its first line: nothing was ever acknowledged there.
            return self.make(repository, &mut shard, lines);
        }
        if whole < bytes {
            tracing::info!(%repository, bytes = bytes - whole, "cut off what a crash left of a journal's entry");
            self.disk.truncate(&file, whole)?;
        }
        let grown = self.grow(&file, whole, lines);
        if grown.is_err() {
            // What is left there of it is torn, or whole and not known to be durable: both are allowed, none is better.
            let _ = self.disk.truncate(&file, whole);
        }
        grown
    }

    /// Writes lines at the end of a file, which is at `whole`.
    fn grow(&self, file: &File, whole: u64, lines: &[u8]) -> io::Result<()> {
        // The newline before them as well. After a sync that failed, pages that hold what was written before count as clean and
        // need not reach the device; this one must, or these lines would be a part of whatever is found there instead.
        let lines = [b"\n", lines].concat();
        self.disk.write_at(file, &lines, whole - 1)?;
        self.disk.sync(file)
    }

    /// Makes a journal of these lines.
    fn make(&self, repository: &RepositoryName, shard: &mut Shard, lines: &[u8]) -> io::Result<()> {
        let mut new = self.begin(repository)?;
        new.write(lines)?;
        self.disk.sync(&new.file)?;
        self.publish(repository, shard, new)
    }

    /// Makes a journal of these entries and what was appended behind `until`. Waits for the disk.
    ///
    /// The lock is held for what was appended meanwhile alone.
    pub(crate) fn replace(
        &self,
        repository: &RepositoryName,
        until: JournalPlace,
        entries: &[JournalEntry],
    ) -> io::Result<bool> {
        let mut new = self.begin(repository)?;
        new.write_entries(repository, entries)?;
        self.disk.sync(&new.file)?;
        let mut shard = self.lock(repository);
        if shard.replaced != until.replaced {
            return Ok(false);
        }
        let moved = self.move_rest(repository, until.offset, &mut new)?;
        if entries.is_empty() && moved == 0 {
            self.take_away(repository, &mut shard)?;
        } else {
            self.publish(repository, &mut shard, new)?;
        }
        Ok(true)
    }

    /// Copies the whole lines of a repository's journal from `offset` on to the end of a new file: how many bytes.
    fn move_rest(
        &self,
        repository: &RepositoryName,
        offset: u64,
        new: &mut NewFile<'_>,
    ) -> io::Result<u64> {
        let disk = &*self.disk;
        let Some(file) = found(disk.open(&self.path(repository)))? else {
            return Ok(0);
        };
        let end = whole_bytes(disk, &file, disk.state(&file)?.bytes)?;
        let mut buffer = vec![0; PIECE_BYTES];
        let mut at = offset;
        while at < end {
            let piece = usize::try_from(end - at).map_or(PIECE_BYTES, |rest| rest.min(PIECE_BYTES));
            if read_full(disk, &file, &mut buffer[..piece], at)? < piece {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            new.write(&buffer[..piece])?;
            at += piece as u64;
        }
        if at > offset {
            disk.sync(&new.file)?;
        }
        Ok(at.saturating_sub(offset))
    }

    /// Begins a file for a repository's journal, which has its first line.
    fn begin(&self, repository: &RepositoryName) -> io::Result<NewFile<'_>> {
        let number = self.next_new.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}.{number:x}{NEW_SUFFIX}", file_name(repository));
        let path = self.dir.join(name);
        let mut new = NewFile {
            disk: &*self.disk,
            file: self.disk.create(&path)?,
            path: Some(path),
            bytes: 0,
        };
        let mut header = Vec::new();
        encode_header(repository, &mut header);
        new.write(&header)?;
        Ok(new)
    }

    /// Gives a durable file the name of a repository's journal.
    fn publish(
        &self,
        repository: &RepositoryName,
        shard: &mut Shard,
        mut new: NewFile<'_>,
    ) -> io::Result<()> {
        if let Some(path) = &new.path {
            self.disk.rename(path, &self.path(repository))?;
        }
        new.path = None;
        shard.replaced += 1;
        self.sync_names(shard)
    }

    fn take_away(&self, repository: &RepositoryName, shard: &mut Shard) -> io::Result<()> {
        if found(self.disk.remove(&self.path(repository)))?.is_some() {
            shard.replaced += 1;
            self.sync_names(shard)?;
        }
        Ok(())
    }

    /// Makes the names of journals durable; until that succeeds, nothing is appended in the shard.
    fn sync_names(&self, shard: &mut Shard) -> io::Result<()> {
        shard.is_name_unsure = true;
        sync_dir(&*self.disk, &self.dir)?;
        shard.is_name_unsure = false;
        Ok(())
    }
}

impl NewFile<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.write_at(&self.file, bytes, self.bytes)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn write_entries(
        &mut self,
        repository: &RepositoryName,
        entries: &[JournalEntry],
    ) -> io::Result<()> {
        let mut lines = Vec::new();
        for entry in entries {
            push_line(repository, entry, &mut lines)?;
            if lines.len() >= PIECE_BYTES {
                self.write(&lines)?;
                lines.clear();
            }
        }
        if lines.is_empty() {
            return Ok(());
        }
        self.write(&lines)
    }
}

/// What did not become a journal is taken away; what cannot be is left to the next start.
impl Drop for NewFile<'_> {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && let Err(error) = self.disk.remove(path)
        {
            tracing::warn!(path = %path.display(), %error, "cannot remove a journal's file that was not finished");
        }
    }
}

/// What the disk gave, if it was there.
pub(crate) fn found<T>(outcome: io::Result<T>) -> io::Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
