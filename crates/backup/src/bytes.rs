//! The bytes of a backup: what is held and not there yet is copied, hashed on its way; what nobody holds any more goes.
//!
//! What an earlier run copied is known by its name and size, unless it is to be verified.

use std::collections::VecDeque;
use std::path::Path;
use std::pin::pin;

use forebay_content::{
    BlobError, BlobStat, BlobStore, CatalogError, Hosted, PAGE, blob_pages, held_pages,
};
use forebay_oci::{Digest, Hasher};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};

use crate::report::{BadObject, MAX_TOLD};
use crate::{BackupError, BackupReport, Progress};

/// How many are copied at once: most are small, and wait for a sync each.
const COPIED_AT_ONCE: usize = 4;

/// The most repositories that are named with an object of which something is wrong.
const MAX_HOLDERS: u32 = 16;

/// From where to where bytes are copied.
pub(crate) struct Bytes<'a> {
    /// What is to be there.
    pub(crate) rows: &'a dyn Hosted,
    pub(crate) from: &'a dyn BlobStore,
    pub(crate) to: &'a dyn BlobStore,
    /// Where that is, for people.
    pub(crate) place: &'a Path,
    /// Whether what is there already is read and hashed.
    pub(crate) verify: bool,
}

/// What became of one object.
enum Copied {
    Done(u64),
    /// It cannot be read.
    Not(Digest, BlobError),
}

/// The blobs of a store in their order, for who asks for some of them in that order.
struct Ahead<'a> {
    store: &'a dyn BlobStore,
    page: VecDeque<BlobStat>,
    last: Option<Digest>,
}

impl Bytes<'_> {
    /// Copies what is held and not there yet, and counts all of it.
    pub(crate) async fn copy(
        &self,
        report: &mut BackupReport,
        tell: &(dyn Fn(&Progress) + Sync),
    ) -> Result<(), BackupError> {
        let usage = self
            .rows
            .hosted_usage()
            .await
            .map_err(|error| self.unread(error))?;
        report.repositories = usage.repositories;
        let (mut there, mut here) = (Ahead::of(self.to), Ahead::of(self.from));
        let mut held = pin!(held_pages(self.rows).map_err(|error| self.unread(error)));
        while let Some(page) = held.try_next().await? {
            let (mut missing, mut damaged) = (Vec::new(), Vec::new());
            for stat in page {
                let found = there.find(&stat.digest).await;
                if found.map_err(|error| self.failed(error))? != Some(stat.size) {
                    missing.push(stat);
                    continue;
                }
                if self.verify && self.to.verify(&stat.digest).await.is_err() {
                    damaged.push(stat);
                    continue;
                }
                report.objects += 1;
                report.bytes += stat.size;
                // What cannot be listed is told by fsck, which looks into everything.
                if let Ok(found) = here.find(&stat.digest).await
                    && found != Some(stat.size)
                {
                    let why = found.map_or("it is not there", |_| "it has another size");
                    let told = (&mut report.lost, &mut report.lost_beside);
                    self.tell_bad(told, &stat.digest, why.to_owned()).await?;
                }
            }
            let before = report.copied_objects;
            self.copy_all(damaged, report).await?;
            report.mended_objects += report.copied_objects - before;
            self.copy_all(missing, report).await?;
            tell(&Progress {
                objects: report.objects,
                of_objects: usage.objects,
                copied_bytes: report.copied_bytes,
            });
        }
        Ok(())
    }

    async fn copy_all(
        &self,
        objects: Vec<BlobStat>,
        report: &mut BackupReport,
    ) -> Result<(), BackupError> {
        let copies = objects.into_iter().map(|stat| self.copy_one(stat));
        let mut copies = stream::iter(copies).buffer_unordered(COPIED_AT_ONCE);
        while let Some(copied) = copies.next().await {
            self.count(copied?, report).await?;
        }
        Ok(())
    }

    async fn count(&self, copied: Copied, report: &mut BackupReport) -> Result<(), BackupError> {
        match copied {
            Copied::Done(bytes) => {
                report.objects += 1;
                report.bytes += bytes;
                report.copied_objects += 1;
                report.copied_bytes += bytes;
            }
            Copied::Not(digest, error) => {
                let told = (&mut report.uncopied, &mut report.uncopied_beside);
                self.tell_bad(told, &digest, in_words(&error)).await?;
            }
        }
        Ok(())
    }

    /// Tells an object with those who hold it, or counts it where enough are told.
    async fn tell_bad(
        &self,
        (told, beside): (&mut Vec<BadObject>, &mut u64),
        digest: &Digest,
        why: String,
    ) -> Result<(), BackupError> {
        if told.len() >= MAX_TOLD {
            *beside += 1;
            return Ok(());
        }
        let holders = self.rows.holders(digest, MAX_HOLDERS).await;
        let holders = holders.map_err(|error| self.unread(error))?;
        told.push(BadObject {
            digest: digest.to_string(),
            repositories: holders.iter().map(ToString::to_string).collect(),
            why,
        });
        Ok(())
    }

    /// Copies an object. That it cannot be read is no failure of the backup: all others are to be in it.
    async fn copy_one(&self, stat: BlobStat) -> Result<Copied, BackupError> {
        let unread = |error| Ok(Copied::Not(stat.digest.clone(), error));
        let reader = match self.from.open(&stat.digest).await {
            Ok(reader) => reader,
            Err(error) => return unread(error),
        };
        let staged = self.to.stage(Some(reader.size())).await;
        let mut stage = staged.map_err(|error| self.failed(error))?;
        let mut hasher = Hasher::new(stat.digest.algorithm());
        let mut at = 0;
        while at < reader.size() {
            let bytes = match reader.read(at).await {
                Ok(bytes) => bytes,
                Err(error) => return unread(error),
            };
            at += bytes.len() as u64;
            hasher.update(&bytes);
            stage
                .write(bytes)
                .await
                .map_err(|error| self.failed(error))?;
        }
        if hasher.finish() != stat.digest {
            return unread(BlobError::Corrupt("its bytes do not have its digest"));
        }
        let committed = stage.commit(&stat.digest).await;
        committed.map_err(|error| self.failed(error))?;
        Ok(Copied::Done(at))
    }

    /// Removes what nobody holds any more: how many.
    pub(crate) async fn remove_unheld(&self) -> Result<u64, BackupError> {
        let mut removed = 0;
        let mut there = pin!(blob_pages(self.to).map_err(|error| self.failed(error)));
        while let Some(page) = there.try_next().await? {
            let digests: Vec<Digest> = page.into_iter().map(|stat| stat.digest).collect();
            let held = self
                .rows
                .held(&digests)
                .await
                .map_err(|error| self.unread(error))?;
            for digest in digests.iter().filter(|digest| !held.contains(digest)) {
                let deleted = self.to.delete(digest).await;
                deleted.map_err(|error| self.failed(error))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn unread(&self, source: CatalogError) -> BackupError {
        let path = self.place.to_owned();
        BackupError::Copied { path, source }
    }

    fn failed(&self, source: BlobError) -> BackupError {
        let path = self.place.to_owned();
        match source {
            BlobError::NoSpace => BackupError::NoSpace(path),
            source => BackupError::Bytes { path, source },
        }
    }
}

impl<'a> Ahead<'a> {
    fn of(store: &'a dyn BlobStore) -> Self {
        Self {
            store,
            page: VecDeque::new(),
            last: None,
        }
    }

    /// The size of the blob, if it is there. Each is asked for after those before it in their order.
    async fn find(&mut self, digest: &Digest) -> Result<Option<u64>, BlobError> {
        loop {
            while let Some(first) = self.page.front() {
                if first.digest >= *digest {
                    return Ok((first.digest == *digest).then_some(first.size));
                }
                self.page.pop_front();
            }
            // What lies before it is passed over.
            let last = self.last.as_ref();
            let page = self.store.list(last, PAGE as usize).await?;
            let Some(end) = page.last() else {
                return Ok(None);
            };
            self.last = Some(end.digest.clone());
            self.page = page.into();
        }
    }
}

fn in_words(error: &BlobError) -> String {
    let source = std::error::Error::source(error);
    source.map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
