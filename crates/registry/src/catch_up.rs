//! Writes down in the journals what a process that was killed has left in the rows alone.
//!
//! The row comes first, and then the journal's line. Killed between the two, a push was not acknowledged and is there all the same:
//! who finds it does not push it again, and builds on it. Rows that are made again from the journals must have it, too. So it is with
//! a blob that a manifest lacked.

use std::collections::BTreeSet;
use std::pin::pin;

use forebay_content::{
    Change, HostedEntry, JournalEntry, MAX_ABSENT, MAX_APPENDED, PAGE, Timestamp,
};
use forebay_oci::{Digest, RepositoryName};
use futures::TryStreamExt as _;
use tracing::{info, warn};

use crate::PushError;
use crate::local_registry::LocalRegistry;
use crate::rebuild::replay::Replay;

/// As much of a repository's journal as shows what the rows may be ahead of; of most manifests it is no more than a time.
struct Written {
    /// The newest time; none if there is no entry.
    last: Option<Timestamp>,
    /// The manifests that lack blobs.
    sparse: Replay,
}

/// What the rows of a repository tell of and its journal does not.
#[derive(Default)]
struct Ahead {
    unwritten: Vec<JournalEntry>,
    /// More pushes than a kill leaves: something else has been there.
    is_more: bool,
}

impl LocalRegistry {
    /// Looks in each repository for a push that only the rows tell of, and for blobs that manifests lacked, and writes them down; tells
    /// how many there were. To be done once after a start, while everything goes on.
    ///
    /// A push is known by its time, so that one under a clock that was set back is left to a check; as is what only journals tell.
    ///
    /// Where it fails in one repository, that is logged, and the others have their turn.
    ///
    /// # Errors
    /// Which repositories there are cannot be read.
    pub async fn catch_up(&self) -> Result<u64, PushError> {
        let mut written = 0;
        let mut pages = pin!(self.repository_pages(None));
        while let Some(page) = pages.try_next().await? {
            for repository in page {
                match self.catch_up_in(&repository.name).await {
                    Ok(caught_up) => written += caught_up,
                    Err(error) => {
                        warn!(repository = %repository.name, %error, "cannot compare a journal with its rows: what only rows tell of would be lost with them; the next start tries again");
                    }
                }
            }
        }
        Ok(written)
    }

    async fn catch_up_in(&self, repository: &RepositoryName) -> Result<u64, PushError> {
        // What is just being pushed is ahead for a moment: it is looked at again while nothing changes.
        let Ahead { unwritten, is_more } = self.ahead(repository).await?;
        if unwritten.is_empty() && !is_more {
            return Ok(0);
        }
        let turn = self.turn(repository).await?;
        let Ahead { unwritten, is_more } = self.ahead(repository).await?;
        for entries in unwritten.chunks(MAX_APPENDED) {
            self.stores.journal.append(repository, entries).await?;
        }
        drop(turn);
        if is_more {
            warn!(%repository, "the journal lacks more than a stop can explain: forebay fsck tells what");
        }
        if !unwritten.is_empty() {
            info!(%repository, "wrote down in the journal what only the rows told of");
        }
        Ok(unwritten.len() as u64)
    }

    async fn ahead(&self, repository: &RepositoryName) -> Result<Ahead, PushError> {
        let Written { last, sparse } = self.written(repository).await?;
        let mut ahead = Ahead::default();
        let mut pages = pin!(self.entry_pages(repository, None));
        while let Some(page) = pages.try_next().await? {
            let is_newer = |entry: &HostedEntry| Some(entry.pushed_at) > last;
            for entry in page.into_iter().filter(is_newer) {
                // A kill leaves one at most, as no change is made before the one before it was written down.
                if !ahead.unwritten.is_empty() {
                    return Ok(Ahead {
                        unwritten: Vec::new(),
                        is_more: true,
                    });
                }
                ahead.unwritten = self.pushed(repository, &entry).await?;
            }
        }
        let given = self.given(repository, &sparse).await?;
        ahead.unwritten.extend(given);
        Ok(ahead)
    }

    async fn written(&self, repository: &RepositoryName) -> Result<Written, PushError> {
        let (mut last, mut sparse) = (None, Replay::default());
        if let Some(mut reader) = self.stores.journal.open(repository).await? {
            loop {
                let entries = reader.next(PAGE as usize).await?;
                if entries.is_empty() {
                    break;
                }
                for entry in entries {
                    // What was given later may have been written down before.
                    if matches!(entry.change, Change::Pushed { .. }) {
                        last = last.max(Some(entry.at));
                    }
                    if is_of_sparse(&sparse, &entry.change) {
                        sparse.apply(entry);
                    }
                }
            }
        }
        let sparse = sparse.finish();
        Ok(Written { last, sparse })
    }

    /// What a push that the rows tell of is in the journal.
    async fn pushed(
        &self,
        repository: &RepositoryName,
        entry: &HostedEntry,
    ) -> Result<Vec<JournalEntry>, PushError> {
        let manifest = (&entry.manifest.digest, &entry.manifest.media_type);
        let absent = self.absent_blobs(repository, manifest.0).await?;
        let changes = Change::pushed(manifest, &entry.tags, &absent).into_iter();
        let at = entry.pushed_at;
        Ok(changes.map(|change| JournalEntry { at, change }).collect())
    }

    /// Of the blobs that the journal says are lacking, those that the rows have.
    async fn given(
        &self,
        repository: &RepositoryName,
        replay: &Replay,
    ) -> Result<Vec<JournalEntry>, PushError> {
        let lacking: BTreeSet<&Digest> = replay
            .alive()
            .flat_map(|(_, alive)| &alive.absent)
            .collect();
        let mut given = Vec::new();
        for digest in lacking {
            let found = self
                .stores
                .rows
                .find_hosted_blob(repository, digest)
                .await?;
            given.extend(found.map(|_| JournalEntry {
                at: self.moment_of_push(),
                change: Change::Given {
                    digest: digest.clone(),
                },
            }));
        }
        Ok(given)
    }

    /// The blobs that a manifest names and its repository does not hold, as many as a journal tells.
    pub(crate) async fn absent_blobs(
        &self,
        repository: &RepositoryName,
        manifest: &Digest,
    ) -> Result<Vec<Digest>, PushError> {
        let most = u32::try_from(MAX_ABSENT).unwrap_or(u32::MAX);
        let rows = &self.stores.rows;
        Ok(rows.absent_blobs(repository, manifest, most).await?)
    }
}

/// Whether a change is of manifests that lack blobs, or of one that did.
fn is_of_sparse(sparse: &Replay, change: &Change) -> bool {
    match change {
        Change::Pushed { digest, absent, .. } => {
            !absent.is_empty() || sparse.find(digest).is_some()
        }
        Change::Dropped { digest } => sparse.find(digest).is_some(),
        Change::Given { .. } | Change::Cleared => true,
        Change::Untagged { .. } | Change::Pinned { .. } | Change::Settled { .. } => false,
    }
}
