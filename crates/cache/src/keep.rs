//! Puts content at rest, and takes damaged content away.
//!
//! Bytes first, catalog second: a crash between leaves a blob that nobody claims, which `fsck` finds; the other order would
//! leave a claim on nothing. Nothing here fails a pull: what cannot be kept is noted in `health.rs` and passed on.

use std::sync::Arc;

use bytes::Bytes;
use forebay_content::{BlobError, Event, Object, Stage};
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
        if let Err(error) = staged.commit(&stored.digest).await {
            return self.health.blob_not_kept(&error);
        }
        match self
            .catalog
            .keep_manifest(Some(target), &record, self.clock.now())
            .await
        {
            Ok(()) => self.is_kept(record.size, begun),
            Err(error) => self.health.catalog_not_written(&error),
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

    /// Commits a staged blob under the digest that was computed over it, and records it with the target's link.
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
            Ok(()) => self.is_kept(size, begun),
            Err(error) => self.health.catalog_not_written(&error),
        }
        true
    }

    fn is_kept(self: &Arc<Self>, size: u64, begun: Begun) {
        self.health.kept(begun);
        self.space.add(size);
    }

    /// Takes away content that turned out damaged; the next who asks fetches it anew.
    pub(crate) async fn discard<T>(&self, digest: &Digest, why: &BlobError) -> Option<T> {
        warn!(%digest, %why, "damaged content is dropped and will be fetched anew");
        self.observe.observe(&Event::Corrupt);
        self.drop_content(std::slice::from_ref(digest)).await;
        None
    }

    /// Drops content from catalog, memory and disk, in that order.
    pub(crate) async fn drop_content(&self, digests: &[Digest]) -> u64 {
        let _going = self.changes.read().await;
        let gone = match self.catalog.evict(digests).await {
            Ok(gone) => gone,
            Err(error) => {
                self.health.catalog_not_written(&error);
                // Damaged bytes must not be found again even if the catalog cannot be told.
                digests.to_vec()
            }
        };
        for digest in &gone {
            self.forget(digest);
            if let Err(error) = self.blobs.delete(digest).await {
                self.health.blob_not_kept(&error);
            }
        }
        self.recount().await;
        gone.len() as u64
    }

    /// Takes the catalog's own sum: what was kept twice counted twice, and what left with what only it knows.
    pub(crate) async fn recount(&self) {
        if let Ok(usage) = self.catalog.usage().await {
            self.space.set_bytes(usage.bytes);
        }
    }
}
