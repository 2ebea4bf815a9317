//! The kept content and what is known of it, shared by the sources of all upstreams.
//!
//! Memory in front, catalog and blob store behind: a warm answer comes from memory or from one read, never from behind a
//! write. `keep.rs` writes, `space.rs` makes room, `links.rs` says who may see what.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use forebay_content::{
    BlobError, BlobReader, BlobStore, Catalog, CatalogError, Child, ChildKind, Clock, KeptManifest,
    Observe, collect_reader,
};
use forebay_jobs::Supervisor;
use forebay_oci::{
    Descriptor, Digest, MAX_MANIFEST_BYTES, Manifest, MediaType, Target, UpstreamName,
};
use moka::sync::Cache;
use tokio::sync::RwLock;

use crate::Health;
use crate::disk_room::LookAtDisk;
use crate::recency::Recency;
use crate::space::Space;

/// The most bytes of manifests in memory.
const MAX_MANIFESTS_BYTES: u64 = 24 * 1024 * 1024;

/// The most links in memory.
const MAX_LINKS: u64 = 50_000;

/// The most blob sizes remembered from manifests.
const MAX_SIZES: u64 = 50_000;

/// The most types of manifests remembered that only the upstream tells.
const MAX_TOLD_TYPES: u64 = 10_000;

/// How often one manifest's use is noted, at most: a note per request would be the dearest part of a warm one.
const NOTE_EVERY: Duration = Duration::from_secs(10);

/// The kept content. One for all upstreams: equal bytes are kept once.
pub struct Kept {
    pub(crate) blobs: Arc<dyn BlobStore>,
    pub(crate) catalog: Arc<dyn Catalog>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) observe: Arc<dyn Observe>,
    pub(crate) supervisor: Supervisor,
    pub(crate) health: Health,
    pub(crate) recency: Recency,
    pub(crate) space: Arc<Space>,
    pub(crate) disk: Arc<dyn LookAtDisk>,
    /// Held shared by whoever changes the blob store and then the catalog, or the other way round, so that a check can
    /// look at both while they agree.
    pub(crate) changes: RwLock<()>,
    pub(crate) links: Cache<Link, ()>,
    /// What upstreams have said yes to, which earns it once they have given the bytes to anybody.
    pub(crate) vouched: Cache<Link, ()>,
    /// Which upstreams have given which bytes since the start.
    pub(crate) supplied: Cache<(UpstreamName, Digest), ()>,
    /// Blob sizes as a repository's own manifests tell them: another's could lie about them.
    pub(crate) sizes: Cache<Link, u64>,
    /// What a repository's upstream says that a manifest is whose bytes do not tell: another's could lie about it.
    pub(crate) told_types: Cache<Link, MediaType>,
    manifests: Cache<Digest, Arc<StoredManifest>>,
}

/// A repository, and content that it may show.
pub(crate) type Link = (Target, Digest);

/// A manifest in memory, checked against its digest when it came in.
pub(crate) struct StoredManifest {
    pub(crate) digest: Digest,
    /// Its type as the bytes say; `None` if they do not, and each repository's upstream has to.
    pub(crate) media_type: Option<MediaType>,
    told_type: MediaType,
    pub(crate) bytes: Bytes,
    /// What it refers to; empty if it could not be read.
    pub(crate) children: Vec<Child>,
    noted_at_secs: AtomicU64,
}

impl Kept {
    /// Opens the kept content over its stores, of at most `max_bytes` at rest and as much as `disk` has for it. Asks the catalog once
    /// how much there is.
    pub async fn open(
        stores: (Arc<dyn BlobStore>, Arc<dyn Catalog>),
        (max_bytes, disk): (u64, Arc<dyn LookAtDisk>),
        clock: Arc<dyn Clock>,
        observe: Arc<dyn Observe>,
        supervisor: Supervisor,
    ) -> Result<Arc<Self>, CatalogError> {
        let (blobs, catalog) = stores;
        let usage = catalog.usage().await?;
        let weigh = |_: &Digest, stored: &Arc<StoredManifest>| {
            u32::try_from(stored.bytes.len()).unwrap_or(u32::MAX)
        };
        let kept = Arc::new(Self {
            blobs,
            catalog,
            clock,
            observe,
            supervisor,
            health: Health::default(),
            recency: Recency::default(),
            space: Arc::new(Space::new(max_bytes, usage)),
            disk,
            changes: RwLock::new(()),
            links: Cache::new(MAX_LINKS),
            vouched: Cache::new(MAX_LINKS),
            supplied: Cache::new(MAX_LINKS),
            sizes: Cache::new(MAX_SIZES),
            told_types: Cache::new(MAX_TOLD_TYPES),
            manifests: Cache::builder()
                .max_capacity(MAX_MANIFESTS_BYTES)
                .weigher(weigh)
                .build(),
        });
        kept.keep_up_behind();
        Ok(kept)
    }

    /// Whether what is fetched can be kept.
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Bytes at rest now.
    pub fn bytes(&self) -> u64 {
        self.space.bytes()
    }

    /// The most bytes at rest.
    pub fn max_bytes(&self) -> u64 {
        self.space.max_bytes()
    }

    /// Sets the most bytes at rest; what is more than that goes within seconds.
    pub fn set_max_bytes(&self, max_bytes: u64) {
        self.space.set_max_bytes(max_bytes);
    }

    /// Writes down what is only noted. Called once more when all else has ended.
    pub async fn flush(&self) {
        self.recency
            .flush(self.catalog.as_ref(), &self.health)
            .await;
    }

    /// An open blob, if it is at rest and sound.
    pub(crate) async fn find_blob(&self, digest: &Digest) -> Option<Arc<dyn BlobReader>> {
        // Not held open here: a deleted blob that nobody reads must give its room back at once.
        match self.blobs.open(digest).await {
            Ok(reader) => Some(reader),
            Err(error) => {
                self.give_up(digest, &error).await;
                None
            }
        }
    }

    /// Drops content that is proven damaged; what is not there or out of reach for now is left as it is.
    async fn give_up(&self, digest: &Digest, why: &BlobError) {
        if matches!(why, BlobError::Corrupt(_)) {
            self.discard(digest, why).await;
        }
    }

    /// A manifest, if it is at rest and sound.
    pub(crate) async fn find_manifest(&self, digest: &Digest) -> Option<Arc<StoredManifest>> {
        if let Some(stored) = self.manifests.get(digest) {
            return Some(stored);
        }
        let record = self.catalog.find_manifest(digest).await.ok()??;
        let reader = self.find_blob(digest).await?;
        let bytes = match collect_reader(reader.as_ref(), MAX_MANIFEST_BYTES).await {
            Ok(bytes) if digest.matches(&bytes) => Ok(bytes),
            Ok(_) => Err(BlobError::Corrupt("other bytes than its digest says")),
            Err(error) => Err(error),
        };
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(error) => {
                self.give_up(digest, &error).await;
                return None;
            }
        };
        let stored = Arc::new(StoredManifest::new(
            digest.clone(),
            record.media_type,
            bytes,
        ));
        self.remember(&stored);
        Some(stored)
    }

    /// Holds a manifest in memory.
    pub(crate) fn remember(&self, stored: &Arc<StoredManifest>) {
        self.manifests
            .insert(stored.digest.clone(), Arc::clone(stored));
    }

    /// Notes that a repository's manifest is used, and with it the blobs that whoever pulls it may ask for next.
    pub(crate) fn note_use(&self, target: &Target, stored: &StoredManifest) {
        let now_secs = self.clock.monotonic().as_secs();
        let noted_secs = stored.noted_at_secs.load(Ordering::Relaxed);
        if noted_secs == 0 || now_secs.saturating_sub(noted_secs) >= NOTE_EVERY.as_secs() {
            stored
                .noted_at_secs
                .store(now_secs.max(1), Ordering::Relaxed);
            self.recency
                .note(stored.blobs().chain([&stored.digest]), self.clock.now());
            self.remember_sizes(target, stored);
        }
    }

    /// Remembers the sizes that a repository's manifest tells of its blobs, unless that was done.
    pub(crate) fn remember_sizes(&self, target: &Target, stored: &StoredManifest) {
        let own = (target.clone(), stored.digest.clone());
        if self.sizes.contains_key(&own) {
            return;
        }
        self.sizes.insert(own, stored.bytes.len() as u64);
        for child in &stored.children {
            let link = (target.clone(), child.digest.clone());
            self.sizes.insert(link, child.size);
        }
    }

    /// Forgets what memory holds of all content.
    pub(crate) fn forget_all(&self) {
        self.manifests.invalidate_all();
    }

    /// Forgets what memory holds of content that is no longer at rest.
    pub(crate) fn forget(&self, digest: &Digest) {
        self.manifests.invalidate(digest);
    }
}

impl StoredManifest {
    /// A manifest whose bytes were checked. What cannot be read as a manifest is kept all the same, as it came.
    ///
    /// Its type is what it says itself, if it can be read: the manifest is everybody's, and an upstream that calls it
    /// something else must not do so for the others. `told` is what the upstream says.
    pub(crate) fn new(digest: Digest, told: MediaType, bytes: Bytes) -> Self {
        let parsed = Manifest::parse(&bytes).ok();
        Self {
            digest,
            media_type: parsed.as_ref().map(|manifest| manifest.media_type.clone()),
            told_type: told,
            bytes,
            children: parsed.map(children).unwrap_or_default(),
            noted_at_secs: AtomicU64::new(0),
        }
    }

    /// Its configuration and layers.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = &Digest> {
        self.of_kind(ChildKind::Blob)
    }

    /// Its platforms, if it is a list of them.
    pub(crate) fn platforms(&self) -> impl Iterator<Item = &Digest> {
        self.of_kind(ChildKind::Manifest)
    }

    fn of_kind(&self, kind: ChildKind) -> impl Iterator<Item = &Digest> {
        let children = self.children.iter();
        children
            .filter(move |child| child.kind == kind)
            .map(|child| &child.digest)
    }

    /// What the catalog records of it.
    pub(crate) fn record(&self) -> KeptManifest {
        KeptManifest {
            digest: self.digest.clone(),
            media_type: self.media_type.as_ref().unwrap_or(&self.told_type).clone(),
            size: self.bytes.len() as u64,
            children: self.children.clone(),
        }
    }
}

fn children(manifest: Manifest) -> Vec<Child> {
    let child = |kind| {
        move |descriptor: Descriptor| Child {
            digest: descriptor.digest,
            size: descriptor.size,
            kind,
        }
    };
    let manifests = manifest.manifests.into_iter();
    let manifests = manifests.map(child(ChildKind::Manifest));
    let blobs = manifest.blobs.into_iter().map(child(ChildKind::Blob));
    manifests.chain(blobs).collect()
}
