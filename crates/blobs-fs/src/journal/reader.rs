//! How journals are read: entry by entry, and whose they are.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use forebay_content::{BlobError, JournalEntry, JournalPage, JournalPlace, JournalReader};
use forebay_oci::RepositoryName;

use crate::access::off_worker;
use crate::disk::Disk;
use crate::journal::line::{Header, decode_entry, decode_header};
use crate::journal::lines::Lines;
use crate::journal::writer::found;
use crate::journal::{Files, file_name};

/// An open journal.
#[derive(Debug)]
pub(crate) struct FsJournalReader {
    files: Arc<Files>,
    file: Arc<File>,
    repository: RepositoryName,
    progress: Progress,
}

/// How far a reader has come. Copied for each read and put back after it: a read whose caller went away was none.
#[derive(Clone, Copy, Debug)]
struct Progress {
    place: JournalPlace,
    unreadable: u64,
}

// === impl FsJournalReader ===

impl FsJournalReader {
    /// Opens a repository's journal, if it has one. Waits for the disk.
    pub(crate) fn open(
        files: &Arc<Files>,
        repository: &RepositoryName,
    ) -> io::Result<Option<Self>> {
        // Which file this is and how often it was replaced are one fact.
        let shard = files.lock(repository);
        let Some(file) = found(files.disk.open(&files.path(repository)))? else {
            return Ok(None);
        };
        let replaced = shard.replaced;
        drop(shard);
        let mut lines = Lines::from(&*files.disk, &file, 0);
        let unreadable = match lines.next()?.map(decode_header) {
            Some(Header::Newer(format)) => return Err(newer(repository, format)),
            // Damaged, or another's name: the entries have their own checksums, which cover the name.
            Some(Header::Unreadable) => 1,
            Some(Header::Of(_)) | None => 0,
        };
        let place = JournalPlace {
            replaced,
            offset: lines.offset(),
        };
        Ok(Some(Self {
            progress: Progress { place, unreadable },
            files: Arc::clone(files),
            file: Arc::new(file),
            repository: repository.clone(),
        }))
    }
}

#[async_trait]
impl JournalReader for FsJournalReader {
    async fn next(&mut self, limit: usize) -> Result<Vec<JournalEntry>, BlobError> {
        let (files, file) = (Arc::clone(&self.files), Arc::clone(&self.file));
        let (repository, mut progress) = (self.repository.clone(), self.progress);
        let (progress, entries) = off_worker(move || {
            // What is being appended is not there before it is durable.
            let _appends = files.lock(&repository);
            let entries = progress.read(&*files.disk, &file, &repository, limit)?;
            Ok((progress, entries))
        })
        .await?;
        self.progress = progress;
        Ok(entries)
    }

    fn unreadable(&self) -> u64 {
        self.progress.unreadable
    }

    fn place(&self) -> JournalPlace {
        self.progress.place
    }
}

impl Progress {
    fn read(
        &mut self,
        disk: &dyn Disk,
        file: &File,
        repository: &RepositoryName,
        limit: usize,
    ) -> io::Result<Vec<JournalEntry>> {
        let mut lines = Lines::from(disk, file, self.place.offset);
        let mut entries = Vec::new();
        while entries.len() < limit
            && let Some(line) = lines.next()?
        {
            match decode_entry(repository, line) {
                Some(entry) => entries.push(entry),
                None => self.unreadable += 1,
            }
        }
        self.place.offset = lines.offset();
        Ok(entries)
    }
}

/// The repositories that have a journal, in the order of their files' names. Waits for the disk.
pub(crate) fn list(
    files: &Files,
    after: Option<&RepositoryName>,
    limit: usize,
) -> io::Result<JournalPage> {
    let after = after.map(file_name);
    let mut names: Vec<String> = files
        .disk
        .names(&files.dir)?
        .into_iter()
        .filter_map(|name| name.into_string().ok())
        .filter(|name| is_journal(name) && after.as_ref().is_none_or(|after| name > after))
        .collect();
    names.sort_unstable();
    let mut page = JournalPage::default();
    for name in names {
        if page.repositories.len() >= limit {
            break;
        }
        let Some(header) = find_header(&*files.disk, &files.dir.join(&name))? else {
            continue;
        };
        match header {
            Header::Of(repository) if file_name(&repository) == name => {
                page.repositories.push(repository);
            }
            Header::Of(_) | Header::Newer(_) | Header::Unreadable => page.unreadable += 1,
        }
    }
    Ok(page)
}

/// True of what the file of a journal can be called.
pub(crate) fn is_journal(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A journal's first line; `None` if the journal was taken away meanwhile.
fn find_header(disk: &dyn Disk, path: &Path) -> io::Result<Option<Header>> {
    let Some(file) = found(disk.open(path))? else {
        return Ok(None);
    };
    let mut lines = Lines::from(disk, &file, 0);
    let header = lines.next()?.map(decode_header);
    Ok(Some(header.unwrap_or(Header::Unreadable)))
}

fn newer(repository: &RepositoryName, format: u32) -> io::Error {
    io::Error::other(format!(
        "the journal of {repository} has format {format}: use a newer Forebay"
    ))
}
