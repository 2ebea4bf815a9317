//! Which names are local repositories' by the configuration of the moment: asked once more where a push is recorded.
//!
//! Where a push begins, the name that its client wrote has been routed here. Before it ends, a configuration may have been taken over
//! by which the same name is an upstream's: what it brought would be a repository that clients are led past.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use forebay_content::lock;
use forebay_oci::RepositoryName;
use tokio::sync::watch;

use crate::local_registry::LocalRegistry;
use crate::{PushError, Refused};

/// Tells whether a name is a local repository's.
pub type IsLocal = Arc<dyn Fn(&RepositoryName) -> bool + Send + Sync>;

/// The names that may be pushed to, and the pushes that are just being recorded.
pub(crate) struct Names {
    is_local: Mutex<IsLocal>,
    /// Watched by who has to know that nothing is being recorded any more by what was true before. Not a lock that is read and
    /// written: who waits to write keeps new readers out, and they would wait for the slowest of those before them.
    recordings: watch::Sender<Recordings>,
}

/// What is being recorded, in the order in which it began.
#[derive(Default)]
struct Recordings {
    next: u64,
    under_way: BTreeSet<u64>,
}

/// Something that is being recorded under a name that was local when this began.
pub(crate) struct Recording<'r> {
    names: &'r Names,
    number: u64,
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
            recordings: watch::Sender::default(),
        }
    }
}

impl Names {
    fn is_local(&self) -> IsLocal {
        Arc::clone(&lock(&self.is_local))
    }

    fn set(&self, is_local: IsLocal) {
        *lock(&self.is_local) = is_local;
    }

    fn begin_recording(&self) -> Recording<'_> {
        let mut number = 0;
        self.recordings.send_modify(|recordings| {
            number = recordings.next;
            recordings.next += 1;
            recordings.under_way.insert(number);
        });
        let names = self;
        Recording { names, number }
    }

    /// Waits until all that is being recorded now has been; what begins meanwhile waits for nobody, and nobody for it.
    async fn settle(&self) {
        let mut recordings = self.recordings.subscribe();
        let new = recordings.borrow().next;
        let is_over = |recordings: &Recordings| {
            recordings
                .under_way
                .first()
                .is_none_or(|first| *first >= new)
        };
        // It ends with the names only, which are ours.
        let _ = recordings.wait_for(is_over).await;
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
        self.names.settle().await;
        narrowed
    }

    /// That the name is local until what is returned is dropped.
    ///
    /// # Errors
    /// [`Refused::NotLocal`].
    pub(crate) fn check_local(&self, name: &RepositoryName) -> Result<Recording<'_>, PushError> {
        // Before it is asked for: who narrows the names now waits for this, or this hears of it.
        let recording = self.names.begin_recording();
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

impl Drop for Recording<'_> {
    fn drop(&mut self) {
        self.names.recordings.send_modify(|recordings| {
            recordings.under_way.remove(&self.number);
        });
    }
}

impl Drop for Narrowed<'_> {
    fn drop(&mut self) {
        self.names.set(Arc::clone(&self.before));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_being_recorded_is_over_before_a_configuration_is_looked_at() {
        let registry = LocalRegistry::in_memory();
        let name: RepositoryName = "team/app".parse().unwrap();
        let recording = registry.check_local(&name).unwrap();
        {
            // Nor does one that is given up forget what it waited for.
            let mut given_up = std::pin::pin!(registry.narrow_names(Arc::new(|_| false)));
            assert!(futures::poll!(&mut given_up).is_pending());
        }
        let without_team = |name: &RepositoryName| !name.as_str().starts_with("team/");
        let mut narrowing = std::pin::pin!(registry.narrow_names(Arc::new(without_team)));
        assert!(futures::poll!(&mut narrowing).is_pending());
        assert!(registry.check_local(&name).is_err());
        // Whose name is local by both waits for nobody, and keeps nobody waiting.
        let other: RepositoryName = "other".parse().unwrap();
        let _other = registry.check_local(&other).unwrap();
        assert!(futures::poll!(&mut narrowing).is_pending());
        drop(recording);
        let narrowed = narrowing.await;
        assert!(registry.check_local(&name).is_err());
        drop(narrowed);
        assert!(registry.check_local(&name).is_ok());
    }
}
