//! Puts content at rest, and takes damaged content away.
//!
//! Bytes first, catalog second: a crash between leaves a blob that nobody claims, which `fsck` finds; the other order would
//! leave a claim on nothing. Nothing here fails a pull: what cannot be kept is noted in `health.rs` and passed on.

use std::sync::Arc;

use bytes::Bytes;
use forebay_content::{BlobError, CatalogError, Event, Object, Stage};
use forebay_oci::{Digest, Target};
use tracing::{debug, warn};

use crate::health::Begun;
use crate::kept::{Kept, StoredManifest};

impl Kept {
    /// Keeps a manifest in memory at once, and at rest behind.
    pub(crate) fn keep_manifest(self: &Arc<Self>, target: &Target, stored: &Arc<StoredManifest>) {
        // The link first: who found the manifest without it would ask the upstream for leave.
        self.remember_link(target, &stored.digest);
        self.remember(stored);
        let (kept, target, stored) = (Arc::clone(self), target.clone(), Arc::clone(stored));
        self.supervisor.spawn("keep manifest", async move {
            kept.write_manifest(&target, &stored).await;
        });
    }

    async fn write_manifest(self: &Arc<Self>, target: &Target, stored: &StoredManifest) {
        let (record, begun) = (stored.record(), self.health.begin());
        for child in &record.children {
            let key = (
                target.upstream.clone(),
                target.repository.clone(),
                child.digest.clone(),
            );
            self.sizes.insert(key, child.size);
        }
        if self.is_too_large(record.size) {
            return debug!(digest = %stored.digest, "a manifest that is larger than max_size stays in memory only");
        }
        let staged = match self.write_stage(stored.bytes.clone()).await {
            Ok(staged) => staged,
            Err(error) => return self.health.blob_not_kept(&error),
        };
        let _coming = self.changes.read().await;
        // Its row may be there, and only not have been read.
        let was_here = self.blobs.open(&stored.digest).await.is_ok();
        if let Err(error) = staged.commit(&stored.digest).await {
            return self.health.blob_not_kept(&error);
        }
        match self
            .catalog
            .keep_manifest(Some(target), &record, self.clock.now())
            .await
        {
            Ok(()) => self.is_kept(record.size, begun),
            Err(error) if was_here => self.health.catalog_not_written(&error),
            Err(error) => self.leave_unrecorded(&stored.digest, &error).await,
        }
    }

    async fn write_stage(self: &Arc<Self>, bytes: Bytes) -> Result<Box<dyn Stage>, BlobError> {
        let mut stage = self.stage(Some(bytes.len() as u64)).await?;
        stage.write(bytes).await?;
        Ok(stage)
    }

    /// Begins a blob, making room for it first if its size is known.
    pub(crate) async fn stage(
        self: &Arc<Self>,
        size: Option<u64>,
    ) -> Result<Box<dyn Stage>, BlobError> {
        self.make_room(size.unwrap_or(0)).await?;
        match self.blobs.stage(size).await {
            // The disk may be fuller than `max_size` says: others write to it as well.
            Err(BlobError::NoSpace) => {
                self.free(size.unwrap_or(0)).await;
                self.blobs.stage(size).await
            }
            staged => staged,
        }
    }

    /// Commits a staged blob under the digest that was computed over it, and records it with the target's link. True if both
    /// were done; else neither is.
    pub(crate) async fn commit(
        self: &Arc<Self>,
        target: &Target,
        stage: Box<dyn Stage>,
        digest: &Digest,
        size: u64,
    ) -> bool {
        let begun = self.health.begin();
        let _coming = self.changes.read().await;
        if let Err(error) = stage.commit(digest).await {
            self.health.blob_not_kept(&error);
            return false;
        }
        let object = Object {
            digest: digest.clone(),
            size,
            used_at: self.clock.now(),
        };
        match self.catalog.keep_object(Some(target), &object).await {
            Ok(()) => {
                self.is_kept(size, begun);
                true
            }
            Err(error) => {
                self.leave_unrecorded(digest, &error).await;
                false
            }
        }
    }

    /// Takes back a blob whose row could not be written: nothing would ever evict it.
    async fn leave_unrecorded(&self, digest: &Digest, error: &CatalogError) {
        self.health.catalog_not_written(error);
        if let Err(error) = self.blobs.delete(digest).await {
            self.health.blob_not_kept(&error);
        }
    }

    fn is_kept(self: &Arc<Self>, size: u64, begun: Begun) {
        self.health.kept(begun);
        self.space.add(size);
    }

    /// Takes away content that turned out damaged; the next who asks fetches it anew.
    pub(crate) async fn discard(&self, digest: &Digest, why: &BlobError) {
        warn!(%digest, %why, "damaged content is dropped and will be fetched anew");
        self.observe.observe(&Event::Corrupt);
        let _going = self.changes.read().await;
        let gone = self.catalog.evict(std::slice::from_ref(digest)).await;
        let mut gone = gone.unwrap_or_else(|error| {
            self.health.catalog_not_written(&error);
            Vec::new()
        });
        // Damaged bytes must not be found again, also if the catalog cannot be told or does not know them.
        if !gone.contains(digest) {
            gone.push(digest.clone());
        }
        self.delete(&gone).await;
        self.recount().await;
    }

    /// Drops sound content from catalog, memory and disk, in that order, and tells how many objects went. What the catalog cannot
    /// forget keeps its bytes: row away first, bytes second.
    pub(crate) async fn evict(&self, digests: &[Digest]) -> Result<u64, CatalogError> {
        let _going = self.changes.read().await;
        let gone = self.catalog.evict(digests).await?;
        self.delete(&gone).await;
        self.recount().await;
        Ok(gone.len() as u64)
    }

    async fn delete(&self, digests: &[Digest]) {
        for digest in digests {
            self.forget(digest);
            if let Err(error) = self.blobs.delete(digest).await {
                self.health.blob_not_kept(&error);
            }
        }
    }

    /// Takes the catalog's own sum: what was kept twice counted twice, and what left with what only it knows.
    pub(crate) async fn recount(&self) {
        if let Ok(usage) = self.catalog.usage().await {
            self.space.set_bytes(usage.bytes);
        }
    }
}
