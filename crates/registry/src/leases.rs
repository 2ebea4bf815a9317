//! Which bytes are being recorded: what clears away leaves them alone, and who records them waits while they are cleared.
//!
//! Between a blob's coming to rest and the row that holds it there is a moment in which nobody holds it. Whoever is in that
//! moment has a lease on the digest. Clearing takes one that excludes all others. In memory: one process has the data directory,
//! and when it dies no lease outlives it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use forebay_oci::Digest;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// The leases there are.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    locks: Mutex<HashMap<Digest, Arc<RwLock<()>>>>,
}

/// A lease of who records: others may have one too.
pub(crate) struct Lease<'l> {
    guard: Option<OwnedRwLockReadGuard<()>>,
    digest: Digest,
    leases: &'l Leases,
}

/// A lease of who clears away: nobody else has one.
pub(crate) struct Clearing<'l> {
    guard: Option<OwnedRwLockWriteGuard<()>>,
    digest: Digest,
    leases: &'l Leases,
}

impl Leases {
    /// A lease to record the bytes of this digest, as soon as nobody clears them away.
    pub(crate) async fn take(&self, digest: &Digest) -> Lease<'_> {
        let lock = self.lock_of(digest);
        Lease {
            guard: Some(lock.read_owned().await),
            digest: digest.clone(),
            leases: self,
        }
    }

    /// Leave to clear them away; `None` while somebody records them.
    pub(crate) fn clear(&self, digest: &Digest) -> Option<Clearing<'_>> {
        let guard = self.lock_of(digest).try_write_owned().ok()?;
        Some(Clearing {
            guard: Some(guard),
            digest: digest.clone(),
            leases: self,
        })
    }

    fn lock_of(&self, digest: &Digest) -> Arc<RwLock<()>> {
        Arc::clone(self.locks().entry(digest.clone()).or_default())
    }

    /// Forgets a lock that nobody has.
    fn tidy(&self, digest: &Digest) {
        let mut locks = self.locks();
        if locks
            .get(digest)
            .is_some_and(|lock| Arc::strong_count(lock) == 1)
        {
            locks.remove(digest);
        }
    }

    fn locks(&self) -> MutexGuard<'_, HashMap<Digest, Arc<RwLock<()>>>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        self.guard = None;
        self.leases.tidy(&self.digest);
    }
}

impl Drop for Clearing<'_> {
    fn drop(&mut self) {
        self.guard = None;
        self.leases.tidy(&self.digest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_clears_is_alone_and_nothing_is_left_behind() {
        let leases = Leases::default();
        let digest = Digest::sha256(b"a");
        let first = leases.take(&digest).await;
        let second = leases.take(&digest).await;
        assert!(leases.clear(&digest).is_none());
        assert!(leases.clear(&Digest::sha256(b"b")).is_some());
        drop((first, second));
        let clearing = leases.clear(&digest).unwrap();
        let waiting = leases.take(&digest);
        futures::pin_mut!(waiting);
        assert!(futures::poll!(&mut waiting).is_pending());
        drop(clearing);
        drop(waiting.await);
        assert!(leases.locks().is_empty());
    }
}
