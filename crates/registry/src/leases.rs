//! Leases of what has a name: shared by many, or one's alone. Nothing is remembered of what nobody has one of.
//!
//! Of digests they say which bytes are being recorded: what clears away leaves them alone, and who records them waits while they are
//! cleared. Between a blob's coming to rest and the row that holds it there is a moment in which nobody holds it. Whoever is in that
//! moment has a lease on the digest. Clearing takes one that excludes all others. Of repositories they say whose turn it is to change one. In memory: one process has the data directory,
//! and when it dies no lease outlives it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard};

use forebay_content::lock;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// The leases there are, by what they are of.
#[derive(Debug)]
pub(crate) struct Leases<K: Clone + Eq + Hash> {
    locks: Mutex<HashMap<K, Arc<RwLock<()>>>>,
}

/// A lease: others may have one too.
pub(crate) type Lease<'l, K> = Held<'l, K, OwnedRwLockReadGuard<()>>;

/// A lease while which nobody else has one.
pub(crate) type SoleLease<'l, K> = Held<'l, K, OwnedRwLockWriteGuard<()>>;

/// A lease of either kind.
pub(crate) struct Held<'l, K: Clone + Eq + Hash, G> {
    guard: Option<G>,
    key: K,
    leases: &'l Leases<K>,
}

impl<K: Clone + Eq + Hash> Default for Leases<K> {
    fn default() -> Self {
        Self {
            locks: Mutex::default(),
        }
    }
}

impl<K: Clone + Eq + Hash> Leases<K> {
    /// A lease beside others', as soon as nobody has one alone.
    pub(crate) async fn take(&self, key: &K) -> Lease<'_, K> {
        let guard = self.lock_of(key).read_owned().await;
        self.held(key, guard)
    }

    /// A lease of one's own, as soon as nobody else has one.
    pub(crate) async fn take_alone(&self, key: &K) -> SoleLease<'_, K> {
        let guard = self.lock_of(key).write_owned().await;
        self.held(key, guard)
    }

    /// A lease of one's own; `None` while somebody else has one.
    pub(crate) fn try_alone(&self, key: &K) -> Option<SoleLease<'_, K>> {
        let guard = self.lock_of(key).try_write_owned().ok()?;
        Some(self.held(key, guard))
    }

    fn held<G>(&self, key: &K, guard: G) -> Held<'_, K, G> {
        Held {
            guard: Some(guard),
            key: key.clone(),
            leases: self,
        }
    }

    fn lock_of(&self, key: &K) -> Arc<RwLock<()>> {
        Arc::clone(self.locks().entry(key.clone()).or_default())
    }

    /// Forgets a lock that nobody has.
    fn tidy(&self, key: &K) {
        let mut locks = self.locks();
        if locks
            .get(key)
            .is_some_and(|lock| Arc::strong_count(lock) == 1)
        {
            locks.remove(key);
        }
    }

    fn locks(&self) -> MutexGuard<'_, HashMap<K, Arc<RwLock<()>>>> {
        lock(&self.locks)
    }
}

impl<K: Clone + Eq + Hash, G> Drop for Held<'_, K, G> {
    fn drop(&mut self) {
        self.guard = None;
        self.leases.tidy(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use forebay_oci::Digest;

    use super::*;

    #[tokio::test]
    async fn who_clears_is_alone_and_nothing_is_left_behind() {
        let leases = Leases::default();
        let digest = Digest::sha256(b"a");
        let first = leases.take(&digest).await;
        let second = leases.take(&digest).await;
        assert!(leases.try_alone(&digest).is_none());
        assert!(leases.try_alone(&Digest::sha256(b"b")).is_some());
        drop((first, second));
        let clearing = leases.try_alone(&digest).unwrap();
        let waiting = leases.take(&digest);
        futures::pin_mut!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(clearing);
        drop(waiting.await);
        let alone = leases.take_alone(&digest).await;
        assert!(leases.try_alone(&digest).is_none());
        drop(alone);
        assert!(leases.locks().is_empty());
    }
}
