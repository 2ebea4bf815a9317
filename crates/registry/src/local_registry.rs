//! The registry itself: its stores, and what all of its acts share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use forebay_content::{
    BlobStore, CatalogError, Clock, Hosted, HostedUsage, Journal, Timestamp, lock,
};
use forebay_jobs::Supervisor;
use forebay_oci::{Digest, RepositoryName};
use moka::sync::Cache;
use tokio::sync::RwLock;
use tokio::sync::Semaphore;
use tracing::{info, warn};

use crate::asked_blobs::AskedBlobs;
use crate::changes::Changes;
use crate::disk_health::DiskHealth;
use crate::garbage::Collected;
use crate::leases::Leases;
use crate::lists::WALKS_AT_ONCE;
use crate::names::Names;
use crate::pace::Pulls;
use crate::uploads::Uploads;

/// The most memory of manifests, in bytes: of usual ones, with what each costs beside them, five thousand. Who asks for another one
/// has it from its file.
const MAX_MANIFESTS_BYTES: u64 = 8 * 1024 * 1024;

/// About what a manifest in memory costs beside its own bytes, for its place in the cache: most are smaller than that.
const ENTRY_BYTES: usize = 1024;

/// How often notes of use are written down, and uploads that nobody goes on with given up.
const UPKEEP_EVERY: Duration = Duration::from_secs(30);

/// How often what nobody holds is cleared away.
const GARBAGE_EVERY: Duration = Duration::from_hours(1);

/// What uploads have brought and no manifest refers to is kept for so long: a push is over by then.
pub(crate) const GARBAGE_GRACE: Duration = Duration::from_hours(24);

/// How far pushes' times may run ahead of the clock, in milliseconds.
const TICK_LIMIT: i64 = 1000;

/// The most notes of use that wait to be written down; beyond it they are lost, which at worst lets a manifest look unused.
const MAX_NOTES: usize = 100_000;

/// Where the registry keeps what it has.
#[derive(Clone)]
pub struct Stores {
    /// The bytes. Nobody else's are in it.
    pub blobs: Arc<dyn BlobStore>,
    /// Who holds them, under which tags.
    pub rows: Arc<dyn Hosted>,
    /// The same once more, by repository.
    pub journal: Arc<dyn Journal>,
}

/// The local repositories.
pub struct LocalRegistry {
    pub(crate) stores: Stores,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) uploads: Uploads,
    pub(crate) disk_health: DiskHealth,
    pub(crate) leases: Leases<Digest>,
    pub(crate) names: Names,
    pub(crate) manifests: Cache<Digest, Bytes>,
    pub(crate) changes: Changes,
    pub(crate) asked: AskedBlobs,
    pub(crate) pulls: Pulls,
    /// Turns at looking through all repositories.
    pub(crate) walks: Semaphore,
    /// Read by who deletes bytes, written by who copies them.
    pub(crate) deleting: Arc<RwLock<()>>,
    /// For changes, which run as tasks of their own.
    pub(crate) itself: Weak<Self>,
    pub(crate) supervisor: Supervisor,
    notes: Mutex<HashMap<(RepositoryName, Digest), Timestamp>>,
    /// Held by who writes them down.
    pub(crate) flushing: tokio::sync::Mutex<()>,
    /// When the last manifest was pushed.
    pushed_at: Mutex<Timestamp>,
}

impl LocalRegistry {
    /// The registry over its stores; writes notes of use behind and gives up idle uploads until `supervisor` stops.
    pub fn open(stores: Stores, clock: Arc<dyn Clock>, supervisor: &Supervisor) -> Arc<Self> {
        let weigh = |_: &Digest, bytes: &Bytes| {
            u32::try_from(bytes.len() + ENTRY_BYTES).unwrap_or(u32::MAX)
        };
        let (blobs, disk_health) = (Arc::clone(&stores.blobs), DiskHealth::default());
        let registry = Arc::new_cyclic(|itself| Self {
            uploads: Uploads::new(blobs, Arc::clone(&clock), disk_health.clone()),
            disk_health,
            stores,
            clock,
            leases: Leases::default(),
            names: Names::default(),
            manifests: Cache::builder()
                .max_capacity(MAX_MANIFESTS_BYTES)
                .weigher(weigh)
                .build(),
            changes: Changes::default(),
            asked: AskedBlobs::default(),
            pulls: Pulls::default(),
            walks: Semaphore::new(WALKS_AT_ONCE),
            deleting: Arc::default(),
            itself: itself.clone(),
            supervisor: supervisor.clone(),
            notes: Mutex::default(),
            flushing: tokio::sync::Mutex::default(),
            pushed_at: Mutex::new(Timestamp(i64::MIN)),
        });
        registry.repeat("registry upkeep", UPKEEP_EVERY, async |registry| {
            registry.keep_up().await;
        });
        registry.repeat("registry garbage", GARBAGE_EVERY, async |registry| {
            registry.clear_garbage().await;
        });
        registry
    }

    /// Does `work` again and again, until the supervisor stops.
    fn repeat<F>(
        self: &Arc<Self>,
        name: &'static str,
        every: Duration,
        work: impl Fn(Arc<Self>) -> F + Send + 'static,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let (registry, stop) = (Arc::clone(self), self.supervisor.clone());
        self.supervisor.spawn(name, async move {
            loop {
                tokio::select! {
                    () = registry.clock.sleep(every) => work(Arc::clone(&registry)).await,
                    () = stop.stopping() => break,
                }
            }
        });
    }

    async fn clear_garbage(&self) {
        match self.collect_garbage(GARBAGE_GRACE).await {
            Ok(collected) if collected == Collected::default() => {}
            Ok(Collected {
                links,
                objects,
                bytes,
            }) => {
                info!(
                    links,
                    objects, bytes, "cleared away what no local repository holds"
                );
            }
            Err(error) => warn!(%error, "cannot clear away what no local repository holds"),
        }
    }

    /// Writes down what is only noted, and gives up uploads of which nothing is heard.
    pub async fn keep_up(&self) {
        let given_up = self.uploads.give_up_idle();
        if given_up > 0 {
            info!(
                uploads = given_up,
                "gave up uploads that nobody goes on with"
            );
        }
        self.flush().await;
    }

    /// Writes down what is only noted, by itself or by whoever is at it.
    pub async fn flush(&self) {
        let _turn = self.flushing.lock().await;
        self.write_down().await;
        if let Err(error) = self.renew_asked().await {
            warn!(%error, "cannot write down which blobs were asked for");
        }
        let notes = std::mem::take(&mut *lock(&self.notes));
        if notes.is_empty() {
            return;
        }
        let notes: Vec<_> = notes
            .into_iter()
            .map(|((repository, digest), at)| (repository, digest, at))
            .collect();
        if let Err(error) = self.stores.rows.note_pulls(&notes).await {
            warn!(%error, "cannot write down yet when manifests were pulled");
            // The next time. What was pulled meanwhile is newer.
            let mut later = lock(&self.notes);
            let room = MAX_NOTES.saturating_sub(later.len());
            for (repository, digest, at) in notes.into_iter().take(room) {
                later.entry((repository, digest)).or_insert(at);
            }
        }
    }

    /// How much all repositories hold, each object once: a row, which every change keeps.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub async fn usage(&self) -> Result<HostedUsage, CatalogError> {
        self.stores.rows.hosted_usage().await
    }

    /// How many uploads are under way.
    pub fn open_uploads(&self) -> usize {
        self.uploads.open()
    }

    /// The time of a push: a millisecond after that of the one before where the clock shows no later one, so that of two the newer
    /// is known. A clock that is set back by more than [`TICK_LIMIT`] is gone by.
    pub(crate) fn moment_of_push(&self) -> Timestamp {
        let mut last = lock(&self.pushed_at);
        let now = self.clock.now();
        let is_ahead = (now.0..now.0.saturating_add(TICK_LIMIT)).contains(&last.0);
        *last = Timestamp(if is_ahead { last.0 + 1 } else { now.0 });
        *last
    }

    /// When the manifest was pulled, if that is not in its row yet.
    pub(crate) fn noted_pull(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Option<Timestamp> {
        lock(&self.notes)
            .get(&(repository.clone(), digest.clone()))
            .copied()
    }

    /// Notes that the manifest was pulled.
    pub(crate) fn note_pull(&self, repository: &RepositoryName, digest: &Digest) {
        let mut notes = lock(&self.notes);
        if notes.len() < MAX_NOTES {
            notes.insert((repository.clone(), digest.clone()), self.clock.now());
        }
    }
}

#[cfg(test)]
impl LocalRegistry {
    /// One that keeps everything in memory, by a clock that stands still.
    pub(crate) fn in_memory() -> Arc<Self> {
        use forebay_content::ManualClock;
        use forebay_content::memory::{MemoryBlobs, MemoryHosted, MemoryJournal};

        let stores = Stores {
            blobs: Arc::new(MemoryBlobs::default()),
            rows: Arc::new(MemoryHosted::new()),
            journal: Arc::new(MemoryJournal::new()),
        };
        Self::open(stores, Arc::new(ManualClock::default()), &Supervisor::new())
    }
}
