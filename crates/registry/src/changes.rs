//! Changes of repositories: in each one after the other, carried to their end whoever waits for it, and written down in its journal.
//!
//! A client that goes away takes its request's future with it. Between the row and the journal, or between the bytes and the row,
//! that would leave a change half made while the process lives on: so each runs as a task of its own.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use forebay_content::{BlobError, BoxError, Change, JournalEntry, MAX_APPENDED, Timestamp, lock};
use forebay_oci::RepositoryName;
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tracing::warn;

use crate::PushError;
use crate::leases::{Leases, SoleLease};
use crate::local_registry::LocalRegistry;

/// In how many repositories at once changes may wait to be written down; beyond it nothing is changed until the disk is written to
/// again.
const MAX_UNWRITTEN: usize = 10_000;

/// The turns at repositories, and what could not be written down.
#[derive(Default)]
pub(crate) struct Changes {
    /// Changes of one repository go one after the other, so that its journal has them in the order in which they were made; no
    /// other one waits for them.
    turns: Leases<RepositoryName>,
    /// Read by who changes one, written by who wants nobody to change any. Whoever has a turn waits for no other one.
    all: RwLock<()>,
    /// Made, and not written down yet: of a repository whose journal's disk failed at most one and the blobs that it was given, as no
    /// other change is made after it.
    unwritten: Mutex<HashMap<RepositoryName, Vec<JournalEntry>>>,
}

/// A turn to change a repository and its journal, which has all changes that were made before.
pub(crate) struct Turn<'r> {
    _alone: SoleLease<'r, RepositoryName>,
    _one_of_all: RwLockReadGuard<'r, ()>,
}

/// All turns at once: nobody changes anything.
pub(crate) struct AllTurns<'r> {
    _all: RwLockWriteGuard<'r, ()>,
}

impl Changes {
    /// Whether this change of the repository was made and is not written down yet.
    pub(crate) fn is_unwritten(&self, repository: &RepositoryName, change: &Change) -> bool {
        let unwritten = self.unwritten();
        let mut entries = unwritten.get(repository).into_iter().flatten();
        entries.any(|entry| entry.change == *change)
    }

    /// Notes a change that was made: whoever has the next turn at the repository, or has one now, writes it down.
    pub(crate) fn note(&self, repository: &RepositoryName, (change, at): (Change, Timestamp)) {
        let mut unwritten = self.unwritten();
        let entries = unwritten.entry(repository.clone()).or_default();
        entries.push(JournalEntry { at, change });
    }

    /// Forgets the first ones: they are written down.
    fn forget(&self, repository: &RepositoryName, written: usize) {
        let mut unwritten = self.unwritten();
        if let Some(entries) = unwritten.get_mut(repository) {
            entries.drain(..written.min(entries.len()));
            if entries.is_empty() {
                unwritten.remove(repository);
            }
        }
    }

    fn unwritten(&self) -> MutexGuard<'_, HashMap<RepositoryName, Vec<JournalEntry>>> {
        lock(&self.unwritten)
    }
}

impl LocalRegistry {
    /// Does the work as a task of its own, which goes on if nobody waits for it any more.
    ///
    /// # Errors
    /// Those of the work; or the process ends in the middle of it.
    pub async fn to_the_end<T, F>(&self, work: impl FnOnce(Arc<Self>) -> F) -> Result<T, PushError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, PushError>> + Send + 'static,
    {
        let registry = self.itself.upgrade().ok_or_else(broken_off)?;
        let done = self
            .supervisor
            .to_the_end("registry change", work(registry));
        done.await.unwrap_or_else(|| Err(broken_off()))
    }

    /// As [`to_the_end`](Self::to_the_end), of what keeps bytes that were pushed: whether the disk takes them is noted, though the
    /// client may be gone by then.
    ///
    /// # Errors
    /// Those of the work; or the process ends in the middle of it.
    pub(crate) async fn keep_to_the_end<T, F>(
        &self,
        work: impl FnOnce(Arc<Self>) -> F,
    ) -> Result<T, PushError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, PushError>> + Send + 'static,
    {
        let health = self.disk_health.clone();
        self.to_the_end(|registry| {
            let work = work(registry);
            async move {
                let kept = work.await;
                health.note_kept(&kept);
                kept
            }
        })
        .await
    }

    /// A turn to change the repository and its journal.
    ///
    /// # Errors
    /// The change before could not be written down, and cannot yet.
    pub(crate) async fn turn(&self, repository: &RepositoryName) -> Result<Turn<'_>, PushError> {
        let one_of_all = self.changes.all.read().await;
        let alone = self.changes.turns.take_alone(repository).await;
        self.append_unwritten(repository).await?;
        if self.changes.unwritten().len() >= MAX_UNWRITTEN {
            return Err(PushError::NotWritable);
        }
        Ok(Turn {
            _alone: alone,
            _one_of_all: one_of_all,
        })
    }

    /// All turns at once, when all journals have all changes that were made.
    ///
    /// # Errors
    /// A change could not be written down, and cannot yet.
    pub(crate) async fn all_turns(&self) -> Result<AllTurns<'_>, PushError> {
        let all = self.changes.all.write().await;
        let waiting: Vec<RepositoryName> = self.changes.unwritten().keys().cloned().collect();
        for repository in waiting {
            self.append_unwritten(&repository).await?;
        }
        Ok(AllTurns { _all: all })
    }

    /// Writes down a change that was made in this turn. If the disk fails, it is written down before the next one is made.
    pub(crate) async fn journal(
        &self,
        turn: Turn<'_>,
        repository: &RepositoryName,
        (change, at): (Change, Timestamp),
    ) -> Result<(), PushError> {
        self.changes.note(repository, (change, at));
        let appended = self.append_unwritten(repository).await;
        drop(turn);
        appended.map_err(PushError::Unjournaled)
    }

    /// Writes down what was made in the repository and is not yet. In a turn of it.
    async fn append_unwritten(&self, repository: &RepositoryName) -> Result<(), BlobError> {
        loop {
            let unwritten = self.changes.unwritten().get(repository).cloned();
            let mut entries = unwritten.unwrap_or_default();
            entries.truncate(MAX_APPENDED);
            if entries.is_empty() {
                return Ok(());
            }
            for entry in &mut entries {
                self.tell_absent(repository, &mut entry.change).await;
            }
            self.stores.journal.append(repository, &entries).await?;
            self.changes.forget(repository, entries.len());
        }
    }

    /// Of the blobs that a push found missing, leaves those that still are: what came meanwhile did not find the manifest, and told
    /// the journal nothing. Where the rows cannot be asked now, the next start tells it.
    async fn tell_absent(&self, repository: &RepositoryName, change: &mut Change) {
        if let Change::Pushed { digest, absent, .. } = change
            && !absent.is_empty()
            && let Ok(found) = self.absent_blobs(repository, digest).await
        {
            *absent = found;
        }
    }

    /// Tries once more to write down what could not be.
    pub(crate) async fn write_down(&self) {
        let waiting: Vec<RepositoryName> = self.changes.unwritten().keys().cloned().collect();
        for repository in waiting {
            if let Err(error) = self.turn(&repository).await.map(drop) {
                warn!(%repository, %error, "a change cannot be written down in the repository's journal: nothing more is changed there until it is");
            }
        }
    }
}

fn broken_off() -> PushError {
    let what: BoxError = Arc::new(io::Error::other(
        "the change was broken off: whether it was made is not known",
    ));
    PushError::Internal(what)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::task::unconstrained;

    use super::*;

    fn name(text: &str) -> RepositoryName {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn a_change_that_takes_long_holds_up_its_own_repository_and_who_wants_none_changed() {
        let registry = LocalRegistry::in_memory();
        let slow = registry.turn(&name("attacker/app")).await.unwrap();
        for number in 0..1_000 {
            let other = name(&format!("victim/app{number}"));
            let turn = unconstrained(registry.turn(&other)).now_or_never();
            assert!(turn.is_some_and(|turn| turn.is_ok()), "{other}");
        }
        let own = name("attacker/app");
        assert!(registry.turn(&own).now_or_never().is_none());
        assert!(registry.all_turns().now_or_never().is_none());
        drop(slow);
        let all = registry.all_turns().await.unwrap();
        assert!(registry.turn(&own).now_or_never().is_none());
        drop(all);
        drop(registry.turn(&own).await.unwrap());
    }
}
