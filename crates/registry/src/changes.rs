//! Changes of repositories: in each one after the other, carried to their end whoever waits for it, and written down in its journal.
//!
//! A client that goes away takes its request's future with it. Between the row and the journal, or between the bytes and the row,
//! that would leave a change half made while the process lives on: so each runs as a task of its own.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forebay_content::{BoxError, Change, JournalEntry, Timestamp};
use forebay_oci::RepositoryName;
use tokio::sync::{Mutex as TurnLock, MutexGuard as TurnGuard};
use tracing::warn;

use crate::PushError;
use crate::local_registry::LocalRegistry;

/// How many repositories can be changed at once: changes of one go one after the other, so that its journal has them in the order
/// in which they were made.
const TURNS: usize = 64;

/// In how many repositories at once the last change may wait to be written down; beyond it nothing is changed until the disk is
/// written to again.
const MAX_UNWRITTEN: usize = 10_000;

/// The turns at repositories, and what could not be written down.
pub(crate) struct Changes {
    turns: Vec<TurnLock<()>>,
    /// Made, and not written down because the journal's disk failed: at most one a repository, as none is made after it.
    unwritten: Mutex<HashMap<RepositoryName, JournalEntry>>,
}

/// A turn to change a repository and its journal, which has all changes that were made before.
pub(crate) struct Turn<'r> {
    _guard: TurnGuard<'r, ()>,
}

/// All turns at once: nobody changes anything.
pub(crate) struct AllTurns<'r> {
    _guards: Vec<TurnGuard<'r, ()>>,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            turns: (0..TURNS).map(|_| TurnLock::default()).collect(),
            unwritten: Mutex::default(),
        }
    }
}

impl Changes {
    fn turn_of(&self, repository: &RepositoryName) -> &TurnLock<()> {
        let mut hasher = DefaultHasher::new();
        repository.hash(&mut hasher);
        &self.turns[usize::try_from(hasher.finish() % TURNS as u64).unwrap_or_default()]
    }

    fn unwritten(&self) -> MutexGuard<'_, HashMap<RepositoryName, JournalEntry>> {
        self.unwritten
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
        let guard = self.changes.turn_of(repository).lock().await;
        let unwritten = self.changes.unwritten().get(repository).cloned();
        if let Some(entry) = unwritten {
            self.stores.journal.append(repository, &[entry]).await?;
            self.changes.unwritten().remove(repository);
        } else if self.changes.unwritten().len() >= MAX_UNWRITTEN {
            return Err(PushError::NotWritable);
        }
        Ok(Turn { _guard: guard })
    }

    /// All turns at once, when all journals have all changes that were made.
    ///
    /// # Errors
    /// A change could not be written down, and cannot yet.
    pub(crate) async fn all_turns(&self) -> Result<AllTurns<'_>, PushError> {
        // Who has a turn waits for no other one; so all are taken in their order, and who takes them waits for each once.
        let mut guards = Vec::with_capacity(TURNS);
        for turn in &self.changes.turns {
            guards.push(turn.lock().await);
        }
        let waiting: Vec<_> = self.changes.unwritten().clone().into_iter().collect();
        for (repository, entry) in waiting {
            self.stores.journal.append(&repository, &[entry]).await?;
            self.changes.unwritten().remove(&repository);
        }
        Ok(AllTurns { _guards: guards })
    }

    /// Writes down a change that was made in this turn. If the disk fails, it is written down before the next one is made.
    pub(crate) async fn journal(
        &self,
        turn: Turn<'_>,
        repository: &RepositoryName,
        (change, at): (Change, Timestamp),
    ) -> Result<(), PushError> {
        let entry = JournalEntry { at, change };
        let entries = [entry];
        let appended = self.stores.journal.append(repository, &entries).await;
        if appended.is_err() {
            let [entry] = entries;
            self.changes.unwritten().insert(repository.clone(), entry);
        }
        drop(turn);
        appended.map_err(PushError::Unjournaled)
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
    let what: BoxError = Arc::new(std::io::Error::other(
        "the change was broken off: whether it was made is not known",
    ));
    PushError::Internal(what)
}
