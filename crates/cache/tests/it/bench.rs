//! A cache on the test's bench: its upstream, its stores and its clock at hand.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_cache::{CachingSource, Kept, LookAtDisk, Policy, Unwatched};
use forebay_content::memory::{MemoryBlobs, MemoryCatalog};
use forebay_content::{
    Blob, BlobStore, Caller, Catalog, ContentSource, Ignore, ManifestContent, ManualClock, Observe,
    Request, SourceError, collect,
};
use forebay_jobs::Supervisor;
use forebay_limits::Priority;
use forebay_oci::{Digest, Target};

use crate::scripted::Scripted;

/// A test waits so long for what must come, and fails then.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Bench {
    pub(crate) hub: Scripted,
    pub(crate) cache: CachingSource,
    pub(crate) kept: Arc<Kept>,
    pub(crate) clock: ManualClock,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) supervisor: Supervisor,
    /// What the next process may keep.
    pub(crate) max_bytes: u64,
    policy: Policy,
    disk: Arc<dyn LookAtDisk>,
    observe: Arc<dyn Observe>,
}

/// How a bench differs from the usual one.
pub(crate) struct Setup {
    pub(crate) policy: Policy,
    pub(crate) max_bytes: u64,
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) disk: Arc<dyn LookAtDisk>,
    pub(crate) observe: Arc<dyn Observe>,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            max_bytes: u64::MAX,
            blobs: Arc::new(MemoryBlobs::default()),
            catalog: Arc::new(MemoryCatalog::new()),
            disk: Arc::new(Unwatched),
            observe: Arc::new(Ignore),
        }
    }
}

impl Bench {
    pub(crate) async fn new() -> Self {
        Self::with(Setup::default()).await
    }

    pub(crate) async fn with(setup: Setup) -> Self {
        Self::over(Scripted::new(), ManualClock::default(), setup).await
    }

    async fn over(hub: Scripted, clock: ManualClock, setup: Setup) -> Self {
        let Setup {
            policy,
            max_bytes,
            blobs,
            catalog,
            disk,
            observe,
        } = setup;
        let supervisor = Supervisor::new();
        let stores = (Arc::clone(&blobs), Arc::clone(&catalog));
        let shared_clock = Arc::new(clock.clone());
        let kept = Kept::open(
            stores,
            (max_bytes, Arc::clone(&disk)),
            shared_clock,
            Arc::clone(&observe),
            supervisor.clone(),
        )
        .await
        .unwrap();
        let source = Arc::new(hub.clone());
        let cache = CachingSource::new(
            ("docker.io".into(), "docker.io".into()),
            (source.clone(), source),
            Arc::clone(&kept),
            policy.clone(),
        );
        Self {
            hub,
            cache,
            kept,
            clock,
            blobs,
            catalog,
            supervisor,
            max_bytes,
            policy,
            disk,
            observe,
        }
    }

    /// The same stores, clock and upstream under a new process.
    pub(crate) async fn restart(self) -> Self {
        self.settle().await;
        let setup = Setup {
            policy: self.policy,
            max_bytes: self.max_bytes,
            blobs: self.blobs,
            catalog: self.catalog,
            disk: self.disk,
            observe: self.observe,
        };
        Self::over(self.hub, self.clock, setup).await
    }

    /// Another upstream, whose cache keeps what it keeps in the same place.
    pub(crate) fn beside(&self, name: &str) -> (Scripted, CachingSource) {
        self.beside_as(name, name)
    }

    /// Another registry of this name, whose cache keeps what it keeps in the same place under `kept_as`.
    pub(crate) fn beside_as(&self, name: &str, kept_as: &str) -> (Scripted, CachingSource) {
        let hub = Scripted::new();
        let source = Arc::new(hub.clone());
        let kept = Arc::clone(&self.kept);
        let policy = self.policy.clone();
        let cache = CachingSource::new(
            (name.into(), kept_as.into()),
            (source.clone(), source),
            kept,
            policy,
        );
        (hub, cache)
    }

    /// Waits until what is written behind is written.
    pub(crate) async fn settle(&self) {
        // The upkeep never ends by itself; all else does.
        until(|| self.supervisor.running() <= 1).await;
    }

    /// How many tasks are at work.
    pub(crate) fn running(&self) -> usize {
        self.supervisor.running()
    }

    pub(crate) fn request(repository: &str) -> Request {
        Request {
            repository: repository.parse().unwrap(),
            caller: Caller::ourselves(),
            priority: Priority::Interactive,
            patience: Duration::from_secs(20),
        }
    }

    pub(crate) fn target(repository: &str) -> Target {
        Target {
            upstream: "docker.io".into(),
            repository: repository.parse().unwrap(),
        }
    }

    /// Pulls a manifest by tag or digest.
    pub(crate) async fn manifest(
        &self,
        repository: &str,
        reference: &str,
    ) -> Result<ManifestContent, SourceError> {
        let (request, reference) = (Self::request(repository), reference.parse().unwrap());
        let answer = self.cache.manifest(&request, &reference);
        tokio::time::timeout(PATIENCE, answer)
            .await
            .expect("an answer in time")
            .map_err(|error| {
                assert!(!matches!(error, SourceError::Internal(_)), "{error:?}");
                error
            })
    }

    pub(crate) async fn blob(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<Blob, SourceError> {
        let request = Self::request(repository);
        let answer = self.cache.blob(&request, digest, None);
        tokio::time::timeout(PATIENCE, answer)
            .await
            .expect("an answer in time")
    }

    /// Pulls a blob to its end.
    pub(crate) async fn bytes(
        &self,
        repository: &str,
        digest: &Digest,
    ) -> Result<Bytes, SourceError> {
        read(self.blob(repository, digest).await?).await
    }

    /// How much is at rest.
    pub(crate) async fn at_rest(&self) -> Vec<Digest> {
        self.blobs
            .list(None, 1000)
            .await
            .unwrap()
            .into_iter()
            .map(|blob| blob.digest)
            .collect()
    }
}

/// Reads a blob to its end.
pub(crate) async fn read(blob: Blob) -> Result<Bytes, SourceError> {
    tokio::time::timeout(PATIENCE, collect(blob.body, usize::MAX))
        .await
        .expect("the blob's end in time")
}

/// Waits until `is_so`, and fails if it never is.
pub(crate) async fn until(is_so: impl Fn() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .expect("it comes to be so");
}

/// Bytes that differ from place to place.
pub(crate) fn content(length: usize) -> Bytes {
    (0..length)
        .map(|at| u8::try_from(at * 7 % 251).unwrap())
        .collect::<Vec<_>>()
        .into()
}

/// An image manifest over these blobs.
pub(crate) fn manifest_over(blobs: &[(Digest, usize)]) -> String {
    let layers: Vec<_> = blobs
        .iter()
        .map(|(digest, size)| format!(r#"{{"mediaType":"a/b","digest":"{digest}","size":{size}}}"#))
        .collect();
    format!(r#"{{"schemaVersion":2,"layers":[{}]}}"#, layers.join(","))
}
