//! Journals as files: one a repository in `journal/`, a line an entry, synced before an append returns.
//!
//! A file is called by the SHA-256 of its repository's name, as names are longer and freer than file names may be. It comes into
//! being by a rename and so has its first line whole; then it grows at its end, where a crash can leave a torn line. That one is
//! cut off before the next is written. No file is kept open: beside a sync, opening costs nothing.

mod copy;
mod line;
mod lines;
mod reader;
mod writer;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use forebay_content::{
    BlobError, Journal, JournalEntry, JournalPage, JournalPlace, JournalReader, lock,
};
use forebay_oci::{Digest, RepositoryName};

use crate::access::{change_failed, off_worker};
use crate::disk::{Disk, ensure_dir, sync_dir};
use crate::journal::reader::FsJournalReader;
use crate::journal::writer::found;
use crate::layout::Layout;

pub use copy::JournalLengths;

/// How many appends of different repositories can be under way at once, and by how much one may wait for another's by chance.
const SHARDS: usize = 256;

/// What the name of a file ends in that has yet to get its own.
const NEW_SUFFIX: &str = ".new";

/// Keeps journals as files. Clones are the same journals.
#[derive(Clone, Debug)]
pub struct FsJournal {
    files: Arc<Files>,
}

/// What journals and their readers share.
#[derive(Debug)]
pub(crate) struct Files {
    dir: PathBuf,
    disk: Arc<dyn Disk>,
    shards: Vec<Mutex<Shard>>,
    next_new: AtomicU64,
}

/// What is known of the journals of a shard. Held while one of them is read or changed.
#[derive(Debug, Default)]
pub(crate) struct Shard {
    /// How often one of them was replaced.
    replaced: u64,
    /// Whether a file got its name, and the directory could not be synced since: whatever is written to the file can be lost.
    is_name_unsure: bool,
}

// === impl FsJournal ===

impl FsJournal {
    /// Opens the journals in the data directory `root`, which must be there and locked by the caller. Waits for the disk.
    ///
    /// Clears what a crash left of a file that has no name yet. On a read-only file system existing journals open for reading.
    ///
    /// # Errors
    /// [`BlobError::ReadOnly`] if there are none yet and none can be made, else what the disk said.
    pub fn open(root: &Path, disk: Arc<dyn Disk>) -> Result<Self, BlobError> {
        let dir = Layout::new(root).journals();
        prepare(&dir, &*disk).map_err(change_failed)?;
        let files = Files {
            dir,
            disk,
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            next_new: AtomicU64::new(0),
        };
        Ok(Self {
            files: Arc::new(files),
        })
    }

    /// Does something with a repository's journal off the async worker.
    async fn run<T: Send + 'static>(
        &self,
        repository: &RepositoryName,
        work: impl FnOnce(&Arc<Files>, &RepositoryName) -> io::Result<T> + Send + 'static,
    ) -> Result<T, BlobError> {
        let (files, repository) = (Arc::clone(&self.files), repository.clone());
        off_worker(move || work(&files, &repository).map_err(change_failed)).await
    }
}

#[async_trait]
impl Journal for FsJournal {
    async fn append(
        &self,
        repository: &RepositoryName,
        entries: &[JournalEntry],
    ) -> Result<(), BlobError> {
        let lines = writer::lines_of(repository, entries).map_err(change_failed)?;
        if entries.is_empty() {
            return Ok(());
        }
        self.run(repository, move |files, repository| {
            files.append(repository, &lines)
        })
        .await
    }

    async fn journals(
        &self,
        after: Option<&RepositoryName>,
        limit: usize,
    ) -> Result<JournalPage, BlobError> {
        let (files, after) = (Arc::clone(&self.files), after.cloned());
        off_worker(move || Ok(reader::list(&files, after.as_ref(), limit)?)).await
    }

    async fn open(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<Box<dyn JournalReader>>, BlobError> {
        let opened = self.run(repository, FsJournalReader::open).await?;
        Ok(opened.map(|reader| Box::new(reader) as Box<dyn JournalReader>))
    }

    async fn replace(
        &self,
        repository: &RepositoryName,
        until: JournalPlace,
        entries: Vec<JournalEntry>,
    ) -> Result<bool, BlobError> {
        self.run(repository, move |files, repository| {
            files.replace(repository, until, &entries)
        })
        .await
    }

    async fn size(&self, repository: &RepositoryName) -> Result<u64, BlobError> {
        self.run(repository, |files, repository| {
            let file = found(files.disk.open(&files.path(repository)))?;
            file.map_or(Ok(0), |file| Ok(files.disk.state(&file)?.bytes))
        })
        .await
    }
}

// === impl Files ===

impl Files {
    fn path(&self, repository: &RepositoryName) -> PathBuf {
        self.dir.join(file_name(repository))
    }

    fn lock(&self, repository: &RepositoryName) -> MutexGuard<'_, Shard> {
        let digest = Digest::sha256(repository.as_str().as_bytes());
        lock(&self.shards[usize::from(digest.hash()[0]) % SHARDS])
    }
}

/// What the file of a repository's journal is called.
fn file_name(repository: &RepositoryName) -> String {
    Digest::sha256(repository.as_str().as_bytes()).hex()
}

/// Creates the directory if it is not there, and takes away what has no name of its own yet.
fn prepare(dir: &Path, disk: &dyn Disk) -> io::Result<()> {
    ensure_dir(disk, dir)?;
    match clear(dir, disk) {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => Ok(()),
        outcome => outcome,
    }
}

fn clear(dir: &Path, disk: &dyn Disk) -> io::Result<()> {
    for name in disk.names(dir)? {
        let is_new = name.to_str().is_some_and(|name| name.ends_with(NEW_SUFFIX));
        if is_new {
            disk.remove(&dir.join(name))?;
        }
    }
    // A crash may have come between a rename and the sync of the name, on which later appends rely.
    sync_dir(disk, dir)
}
