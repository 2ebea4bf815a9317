//! Writes down in the journals what a process that was killed has left in the rows alone.
//!
//! The row comes first, and then the journal's line. Killed between the two, a push was not acknowledged and is there all the same:
//! who finds it does not push it again, and builds on it. Rows that are made again from the journals must have it, too.

use std::pin::pin;

use forebay_content::{Change, HostedEntry, JournalEntry, PAGE, Timestamp};
use forebay_oci::RepositoryName;
use futures::TryStreamExt as _;
use tracing::{info, warn};

use crate::PushError;
use crate::local_registry::LocalRegistry;

/// What the rows of a repository tell of that is newer than all that its journal does.
enum Ahead {
    Nothing,
    /// A kill leaves one at most, as no change is made before the one before it was written down.
    Push(JournalEntry),
    /// Something else than a kill has been there.
    More,
}

impl LocalRegistry {
    /// Looks in each repository for a push that only the rows tell of, and writes it down; tells how many there were. To be done
    /// once after a start, while everything goes on.
    ///
    /// A push is known by its time, so that one under a clock that was set back is left to a check; as is what only journals tell.
    ///
    /// # Errors
    /// The rows or the journals cannot be read, or the disk takes nothing.
    pub async fn catch_up(&self) -> Result<u64, PushError> {
        let mut written = 0;
        let mut pages = pin!(self.repository_pages(None));
        while let Some(page) = pages.try_next().await? {
            for repository in page {
                written += u64::from(self.catch_up_in(&repository.name).await?);
            }
        }
        Ok(written)
    }

    async fn catch_up_in(&self, repository: &RepositoryName) -> Result<bool, PushError> {
        // What is just being pushed is ahead for a moment: it is looked at again while nothing changes.
        if matches!(self.ahead(repository).await?, Ahead::Nothing) {
            return Ok(false);
        }
        let turn = self.turn(repository).await?;
        match self.ahead(repository).await? {
            Ahead::Nothing => Ok(false),
            Ahead::Push(JournalEntry { at, change }) => {
                self.journal(turn, repository, (change, at)).await?;
                info!(%repository, "wrote down in the journal a push that only the rows told of");
                Ok(true)
            }
            Ahead::More => {
                warn!(%repository, "the journal lacks more than a stop can explain: forebay fsck tells what");
                Ok(false)
            }
        }
    }

    async fn ahead(&self, repository: &RepositoryName) -> Result<Ahead, PushError> {
        let last = self.last_written(repository).await?;
        let mut ahead = Ahead::Nothing;
        let mut pages = pin!(self.entry_pages(repository, None));
        while let Some(page) = pages.try_next().await? {
            for entry in page
                .into_iter()
                .filter(|entry| Some(entry.pushed_at) > last)
            {
                ahead = match ahead {
                    Ahead::Nothing => Ahead::Push(pushed(entry)),
                    Ahead::Push(_) | Ahead::More => return Ok(Ahead::More),
                };
            }
        }
        Ok(ahead)
    }

    /// The newest time of the repository's journal; none if it has no entry.
    async fn last_written(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<Timestamp>, PushError> {
        let mut last = None;
        let Some(mut reader) = self.stores.journal.open(repository).await? else {
            return Ok(last);
        };
        loop {
            let entries = reader.next(PAGE as usize).await?;
            if entries.is_empty() {
                return Ok(last);
            }
            last = last.max(entries.iter().map(|entry| entry.at).max());
        }
    }
}

fn pushed(entry: HostedEntry) -> JournalEntry {
    JournalEntry {
        at: entry.pushed_at,
        change: Change::Pushed {
            digest: entry.manifest.digest,
            media_type: entry.manifest.media_type,
            tags: entry.tags,
        },
    }
}
