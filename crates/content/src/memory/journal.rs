//! Journals in memory.
//!
//! An entry is counted as one byte, so that places and sizes are numbers of entries.

use std::collections::BTreeMap;
use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use forebay_oci::RepositoryName;

use crate::blob_store::BlobError;
use crate::journal::{
    Journal, JournalEntry, JournalPage, JournalPlace, JournalReader, MAX_APPENDED,
};
use crate::lock::lock;

/// Keeps journals in memory.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    journals: BTreeMap<RepositoryName, Entries>,
    replaced: u64,
}

/// A journal's entries, shared with those who read it.
type Entries = Arc<Mutex<Vec<JournalEntry>>>;

#[derive(Debug)]
struct MemoryReader {
    entries: Entries,
    replaced: u64,
    read: usize,
}

// === impl MemoryJournal ===

impl MemoryJournal {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(
        &self,
        repository: &RepositoryName,
        entries: &[JournalEntry],
    ) -> Result<(), BlobError> {
        if entries.len() > MAX_APPENDED {
            let too_many = io::Error::new(io::ErrorKind::InvalidInput, "too many entries at once");
            return Err(BlobError::Io(Arc::new(too_many)));
        }
        if !entries.is_empty() {
            let mut state = lock(&self.state);
            let journal = state.journals.entry(repository.clone()).or_default();
            lock(journal).extend_from_slice(entries);
        }
        Ok(())
    }

    async fn journals(
        &self,
        after: Option<&RepositoryName>,
        limit: usize,
    ) -> Result<JournalPage, BlobError> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let state = lock(&self.state);
        let journals = state.journals.range((from, Bound::Unbounded)).take(limit);
        Ok(JournalPage {
            repositories: journals.map(|(name, _)| name.clone()).collect(),
            unreadable: 0,
        })
    }

    async fn open(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<Box<dyn JournalReader>>, BlobError> {
        let state = lock(&self.state);
        let Some(entries) = state.journals.get(repository) else {
            return Ok(None);
        };
        Ok(Some(Box::new(MemoryReader {
            entries: Arc::clone(entries),
            replaced: state.replaced,
            read: 0,
        })))
    }

    async fn replace(
        &self,
        repository: &RepositoryName,
        until: JournalPlace,
        mut entries: Vec<JournalEntry>,
    ) -> Result<bool, BlobError> {
        let mut state = lock(&self.state);
        if state.replaced != until.replaced {
            return Ok(false);
        }
        let found = state.journals.get(repository).cloned().unwrap_or_default();
        let behind = usize::try_from(until.offset).unwrap_or(usize::MAX);
        entries.extend(lock(&found).iter().skip(behind).cloned());
        state.replaced += 1;
        if entries.is_empty() {
            state.journals.remove(repository);
        } else {
            let entries = Arc::new(Mutex::new(entries));
            state.journals.insert(repository.clone(), entries);
        }
        Ok(true)
    }

    async fn size(&self, repository: &RepositoryName) -> Result<u64, BlobError> {
        let state = lock(&self.state);
        let journal = state.journals.get(repository);
        Ok(journal.map_or(0, |entries| lock(entries).len() as u64))
    }
}

// === impl MemoryReader ===

#[async_trait]
impl JournalReader for MemoryReader {
    async fn next(&mut self, limit: usize) -> Result<Vec<JournalEntry>, BlobError> {
        let entries = lock(&self.entries);
        let next = entries.iter().skip(self.read).take(limit);
        let next: Vec<JournalEntry> = next.cloned().collect();
        self.read += next.len();
        Ok(next)
    }

    fn unreadable(&self) -> u64 {
        0
    }

    fn place(&self) -> JournalPlace {
        JournalPlace {
            replaced: self.replaced,
            offset: self.read as u64,
        }
    }
}
