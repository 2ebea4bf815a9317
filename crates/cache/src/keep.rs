//! Puts content at rest, and takes damaged content away.
//!
//! Bytes first, catalog second: a crash between leaves a blob that nobody claims, which `fsck` finds; the other order would
//! leave a claim on nothing. Nothing here fails a pull: what cannot be kept is noted in `health.rs` and passed on.

use std::sync::Arc;

use bytes::Bytes;
use forebay_content::{
    BlobError, CatalogError, Child, ChildKind, Event, KeptManifest, Object, Stage,
};
use forebay_oci::{Digest, Target};
use tracing::{debug, warn};

use crate::health::Begun;
use crate::kept::{Kept, StoredManifest};
use crate::space::Reserved;

impl Kept {
    /// Keeps a manifest in memory at once, and at rest behind.
    pub(crate) fn keep_manifest(self: &Arc<Self>, target: &Target, stored: &Arc<StoredManifest>) {
        // The link first: who found the manifest without it would ask the upstream for leave.
        self.remember_supply(target, &stored.digest);
        self.remember(stored);
        let (kept, target, stored) = (Arc::clone(self), target.clone(), Arc::clone(stored));
        self.supervisor.spawn("keep manifest", async move {
            kept.write_manifest(&target, &stored).await;
        });
    }

    /// Tells that a manifest has come, and which others it names.
    pub(crate) fn tell_fetched(&self, target: &Target, stored: &StoredManifest) {
        let is_manifest = |child: &&Child| child.kind == ChildKind::Manifest;
        let children = stored.children.iter().filter(is_manifest);
        let children: Vec<Digest> = children.map(|child| child.digest.clone()).collect();
        self.observe.observe(&Event::ManifestFetched {
            target,
            digest: &stored.digest,
            children: &children,
        });
    }

    async fn write_manifest(self: &Arc<Self>, target: &Target, stored: &StoredManifest) {
        let (record, begun) = (stored.record(), self.health.begin());
        if self.is_too_large(record.size) {
            return debug!(digest = %stored.digest, "a manifest that is larger than max_size stays in memory only");
        }
        if self.blobs.open(&stored.digest).await.is_ok() {
            // It was fetched to show that the upstream has it, or because its row could not be read.
            match self.record_manifest(target, &record).await {
                Ok(()) => self.health.catalog_written(begun),
                Err(error) => self.health.catalog_not_written(&error),
            }
            return;
        }
        let (staged, reserved) = match self.write_stage(stored.bytes.clone()).await {
            Ok(written) => written,
            Err(error) => return self.health.blob_not_kept(&error),
        };
        let coming = self.changes.read().await;
        if let Err(error) = staged.commit(&stored.digest).await {
            return self.health.blob_not_kept(&error);
        }
        match self.record_manifest(target, &record).await {
            Ok(()) => self.is_kept(reserved, record.size, begun),
            Err(error) => return self.leave_unrecorded(&stored.digest, &error).await,
        }
        drop(coming);
        self.make_room(0).await;
    }

    async fn record_manifest(
        &self,
        target: &Target,
        record: &KeptManifest,
    ) -> Result<(), CatalogError> {
        let now = self.clock.now();
        self.catalog.keep_manifest(Some(target), record, now).await
    }

    async fn write_stage(
        self: &Arc<Self>,
        bytes: Bytes,
    ) -> Result<(Box<dyn Stage>, Reserved), BlobError> {
        let (mut reserved, size) = (self.reserve(), bytes.len() as u64);
        self.grow(&mut reserved, size, Some(size)).await?;
        let mut stage = self.stage(Some(size)).await?;
        stage.write(bytes).await?;
        Ok((stage, reserved))
    }

    /// Begins a blob of this size, if it is known. What takes its room is its bytes (`space.rs`).
    pub(crate) async fn stage(&self, size: Option<u64>) -> Result<Box<dyn Stage>, BlobError> {
        let expected = Some(self.step_bytes(size));
        match self.blobs.stage(expected).await {
            // The disk may be fuller than `max_size` says: others write to it as well.
            Err(BlobError::NoSpace) => {
                self.free().await;
                self.blobs.stage(expected).await
            }
            staged => staged,
        }
    }

    /// Commits a staged blob under the digest that was computed over it, and records it with the target's link. True if both
    /// were done; else neither is.
    pub(crate) async fn commit(
        self: &Arc<Self>,
        target: &Target,
        digest: &Digest,
        (stage, reserved): (Box<dyn Stage>, Reserved),
    ) -> bool {
        let (begun, size) = (self.health.begin(), stage.reader().size());
        let coming = self.changes.read().await;
        if let Err(error) = stage.commit(digest).await {
            self.health.blob_not_kept(&error);
            return false;
        }
        let object = Object {
            digest: digest.clone(),
            size,
            used_at: self.clock.now(),
        };
        if let Err(error) = self.catalog.keep_object(Some(target), &object).await {
            self.leave_unrecorded(digest, &error).await;
            return false;
        }
        self.is_kept(reserved, size, begun);
        drop(coming);
        // The size may have been lowered meanwhile.
        self.make_room(0).await;
        true
    }

    /// Records a blob that was found at rest, with the target's link. A program that was killed may have left it without a row, and what
    /// has none is neither counted nor ever evicted.
    pub(crate) async fn record_found(self: &Arc<Self>, target: &Target, digest: &Digest) {
        let begun = self.health.begin();
        // While nothing goes: a row is never written for bytes that are just being deleted.
        let staying = self.changes.write().await;
        let Ok(reader) = self.blobs.open(digest).await else {
            return;
        };
        let object = Object {
            digest: digest.clone(),
            size: reader.size(),
            used_at: self.clock.now(),
        };
        match self.catalog.keep_object(Some(target), &object).await {
            Ok(()) => self.health.catalog_written(begun),
            Err(error) => self.health.catalog_not_written(&error),
        }
        drop(staying);
        self.recount().await;
        self.make_room(0).await;
    }

    /// Takes back a blob whose row could not be written: nothing would ever evict it.
    async fn leave_unrecorded(&self, digest: &Digest, error: &CatalogError) {
        self.health.catalog_not_written(error);
        if let Err(error) = self.blobs.delete(digest).await {
            self.health.blob_not_kept(&error);
        }
    }

    fn is_kept(&self, reserved: Reserved, size: u64, begun: Begun) {
        self.health.kept(begun);
        self.space.keep(reserved, size);
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
