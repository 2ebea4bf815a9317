//! Which names are local repositories' by the configuration of the moment: asked once more where a push is recorded.
//!
//! Where a push begins, the name that its client wrote has been routed here. Before it ends, a configuration may have been taken over
//! by which the same name is an upstream's: what it brought would be a repository that clients are led past.

use std::sync::{Arc, Mutex, PoisonError};

use forebay_oci::RepositoryName;
use tokio::sync::{RwLock, RwLockReadGuard};

use crate::local_registry::LocalRegistry;
use crate::{PushError, Refused};

/// Tells whether a name is a local repository's.
pub type IsLocal = Arc<dyn Fn(&RepositoryName) -> bool + Send + Sync>;

/// The names that may be pushed to, and the pushes that are just being recorded.
pub(crate) struct Names {
    is_local: Mutex<IsLocal>,
    /// Read by who records something, written by who has to know that nothing is being recorded by what was true before.
    recording: RwLock<()>,
}

/// While this lives, only names that are local by two configurations are pushed to; then, by the one before again.
#[must_use]
pub struct Narrowed<'r> {
    names: &'r Names,
    before: IsLocal,
    new: IsLocal,
}

impl Default for Names {
    fn default() -> Self {
        Self {
            is_local: Mutex::new(Arc::new(|_| true)),
            recording: RwLock::default(),
        }
    }
}

impl Names {
    fn is_local(&self) -> IsLocal {
        Arc::clone(&self.is_local.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn set(&self, is_local: IsLocal) {
        *self.is_local.lock().unwrap_or_else(PoisonError::into_inner) = is_local;
    }
}

impl LocalRegistry {
    /// From now on, names are local that `is_local` says. Until this was said, all are.
    pub fn set_names(&self, is_local: IsLocal) {
        self.names.set(is_local);
    }

    /// Has only those names pushed to that are local now and that `is_local` says, too, as long as what is returned lives: all that
    /// was recorded by what was true before is there, to be looked at.
    pub async fn narrow_names(&self, is_local: IsLocal) -> Narrowed<'_> {
        let (before, new) = (self.names.is_local(), is_local);
        let both = (Arc::clone(&before), Arc::clone(&new));
        self.names
            .set(Arc::new(move |name| both.0(name) && both.1(name)));
        let narrowed = Narrowed {
            names: &self.names,
            before,
            new,
        };
        drop(self.names.recording.write().await);
        narrowed
    }

    /// That the name is local until what is returned is dropped. Not to be asked for twice by one change.
    ///
    /// # Errors
    /// [`Refused::NotLocal`].
    pub(crate) async fn check_local(
        &self,
        name: &RepositoryName,
    ) -> Result<RwLockReadGuard<'_, ()>, PushError> {
        let recording = self.names.recording.read().await;
        if self.names.is_local()(name) {
            return Ok(recording);
        }
        Err(Refused::NotLocal(name.clone()).into())
    }
}

impl Narrowed<'_> {
    /// The names of the new configuration hold from now on.
    pub fn take_over(mut self) {
        self.before = Arc::clone(&self.new);
    }
}

impl Drop for Narrowed<'_> {
    fn drop(&mut self) {
        self.names.set(Arc::clone(&self.before));
    }
}

#[cfg(test)]
mod tests {
    use forebay_content::ManualClock;
    use forebay_content::memory::{MemoryBlobs, MemoryHosted, MemoryJournal};
    use forebay_jobs::Supervisor;

    use super::*;
    use crate::Stores;

    #[tokio::test]
    async fn what_is_being_recorded_is_over_before_a_configuration_is_looked_at() {
        let stores = Stores {
            blobs: Arc::new(MemoryBlobs::default()),
            rows: Arc::new(MemoryHosted::new()),
            journal: Arc::new(MemoryJournal::new()),
        };
        let clock = Arc::new(ManualClock::default());
        let registry = LocalRegistry::open(stores, clock, &Supervisor::new());
        let name: RepositoryName = "team/app".parse().unwrap();
        let recording = registry.check_local(&name).await.unwrap();
        let mut narrowing = std::pin::pin!(registry.narrow_names(Arc::new(|_| false)));
        assert!(futures::poll!(&mut narrowing).is_pending());
        drop(recording);
        let narrowed = narrowing.await;
        assert!(registry.check_local(&name).await.is_err());
        drop(narrowed);
        assert!(registry.check_local(&name).await.is_ok());
    }
}
