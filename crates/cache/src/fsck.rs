//! Re-hashes everything at rest, and makes catalog and blob store agree again.
//!
//! Never grants visibility: a blob that the catalog did not know is recorded without a link, and each repository earns it
//! anew by a HEAD. Under a running cache, what is just coming or going differs for a moment and is no finding: where the
//! two sides differ they are looked at again while nothing comes or goes.

use std::collections::HashSet;
use std::time::Duration;

use forebay_content::{
    BlobError, BlobStat, BlobStore, Catalog, CatalogError, Clock, KeptManifest, Object,
    collect_reader,
};
use forebay_oci::{Digest, MAX_MANIFEST_BYTES, Manifest};
use tokio::sync::RwLock;

use crate::kept::{Kept, StoredManifest};

/// How many entries of each side are looked at in one step.
const STEP: usize = 256;

/// How many digests of each kind a report names; more are counted.
const MAX_NAMED: usize = 100_000;

/// How often it is told how far the check is.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What was found, and, if it was to be mended, has been.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FsckReport {
    /// Blobs whose bytes have their digest.
    pub sound: u64,
    /// Bytes of sound blobs.
    pub bytes: u64,
    /// Blobs whose bytes do not: dropped, and fetched anew when asked for.
    pub damaged: Vec<Digest>,
    /// Manifests that were dropped with a damaged or missing blob of theirs: they cannot be pulled whole without it.
    pub dropped_with: Vec<Digest>,
    /// Blobs that the catalog did not know: recorded, without a link.
    pub unrecorded: Vec<Digest>,
    /// Rows of the catalog whose blob is not there: dropped.
    pub missing: Vec<Digest>,
    /// Blobs that the disk did not let us read: left as they are.
    pub unreadable: Vec<Digest>,
    /// Digests beyond those that are named above.
    pub unnamed: u64,
}

/// How a check is done.
#[derive(Clone, Copy)]
pub struct FsckMode<'a> {
    /// True to mend what is found.
    pub mend: bool,
    /// Called now and then with what was found so far.
    pub tell: &'a (dyn Fn(&FsckReport) + Send + Sync),
}

/// What can keep a check from its end.
#[derive(Debug, thiserror::Error)]
pub enum FsckError {
    /// The catalog failed.
    #[error("the catalog cannot be checked")]
    Catalog(#[from] CatalogError),
    /// The blob store failed as a whole.
    #[error("the blob store cannot be listed or changed")]
    Blobs(#[source] BlobError),
}

/// Checks all content of stores that nobody else uses.
pub async fn fsck(
    blobs: &dyn BlobStore,
    catalog: &dyn Catalog,
    clock: &dyn Clock,
    mode: FsckMode<'_>,
) -> Result<FsckReport, FsckError> {
    let changes = RwLock::new(());
    let stores = Stores {
        blobs,
        catalog,
        clock,
        changes: &changes,
    };
    Check::new(stores, mode).run().await
}

impl Kept {
    /// Checks all content while it is used.
    ///
    /// # Errors
    /// Those of [`fsck()`].
    pub async fn fsck(&self, mode: FsckMode<'_>) -> Result<FsckReport, FsckError> {
        let stores = Stores {
            blobs: self.blobs.as_ref(),
            catalog: self.catalog.as_ref(),
            clock: self.clock.as_ref(),
            changes: &self.changes,
        };
        let report = Check::new(stores, mode).run().await;
        if mode.mend {
            self.forget_all();
            self.recount().await;
        }
        report
    }
}

impl FsckReport {
    /// True if nothing was wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let Self {
            damaged,
            dropped_with,
            unrecorded,
            missing,
            unreadable,
            ..
        } = self;
        [damaged, dropped_with, unrecorded, missing, unreadable]
            .iter()
            .all(|found| found.is_empty())
    }
}

/// Both sides of what is at rest.
struct Stores<'a> {
    blobs: &'a dyn BlobStore,
    catalog: &'a dyn Catalog,
    clock: &'a dyn Clock,
    /// Held by whoever changes one side and then the other.
    changes: &'a RwLock<()>,
}

/// A stretch of digests, as both sides have it.
struct Span {
    blobs: Vec<BlobStat>,
    objects: Vec<Object>,
    /// Its last digest; `None` at the end of both sides.
    end: Option<Digest>,
}

struct Check<'a> {
    stores: Stores<'a>,
    mode: FsckMode<'a>,
    report: FsckReport,
    /// Manifests that went with a blob of theirs, and may still be in the span that was looked at before.
    gone: HashSet<Digest>,
    told_at: Duration,
}

impl Span {
    /// Blobs without a row, and rows without a blob.
    fn differences(&self) -> (HashSet<Digest>, Vec<Digest>) {
        let blobs: HashSet<_> = self.blobs.iter().map(|blob| &blob.digest).collect();
        let rows: HashSet<_> = self.objects.iter().map(|object| &object.digest).collect();
        let unrecorded = blobs.difference(&rows).map(|&digest| digest.clone());
        let missing = self.objects.iter().map(|object| &object.digest);
        let missing = missing.filter(|digest| !blobs.contains(digest)).cloned();
        (unrecorded.collect(), missing.collect())
    }
}

impl Stores<'_> {
    /// What comes after `after` on both sides.
    async fn look(&self, after: Option<&Digest>) -> Result<Span, FsckError> {
        let blobs = self.blobs.list(after, STEP).await;
        let mut blobs = blobs.map_err(FsckError::Blobs)?;
        let limit = u32::try_from(STEP).unwrap_or(u32::MAX);
        let mut objects = self.catalog.objects_after(after, limit).await?;
        // A full page ends somewhere; beyond the nearer end only one side was listed.
        let end_of_blobs = blobs.get(STEP - 1).map(|blob| blob.digest.clone());
        let end_of_objects = objects.get(STEP - 1).map(|object| object.digest.clone());
        let end = end_of_blobs.into_iter().chain(end_of_objects).min();
        if let Some(end) = &end {
            blobs.retain(|blob| blob.digest <= *end);
            objects.retain(|object| object.digest <= *end);
        }
        Ok(Span {
            blobs,
            objects,
            end,
        })
    }

    /// Looks a second time at what fails the first: it may have been fetched anew, or evicted, meanwhile.
    async fn verify(&self, digest: &Digest) -> Result<(), BlobError> {
        match self.blobs.verify(digest).await {
            Err(BlobError::Corrupt(_)) => self.blobs.verify(digest).await,
            verified => verified,
        }
    }

    async fn read_manifest(&self, blob: &BlobStat) -> Option<KeptManifest> {
        if blob.size > MAX_MANIFEST_BYTES as u64 {
            return None;
        }
        let reader = self.blobs.open(&blob.digest).await.ok()?;
        let bytes = collect_reader(reader.as_ref(), MAX_MANIFEST_BYTES)
            .await
            .ok()?;
        // A configuration is JSON too; only a document that refers to content is a manifest.
        let manifest = Manifest::parse(&bytes).ok()?;
        let refers = !manifest.blobs.is_empty() || !manifest.manifests.is_empty();
        let stored = StoredManifest::new(blob.digest.clone(), manifest.media_type, bytes);
        refers.then(|| stored.record())
    }
}

impl<'a> Check<'a> {
    fn new(stores: Stores<'a>, mode: FsckMode<'a>) -> Self {
        let told_at = stores.clock.monotonic();
        Self {
            stores,
            mode,
            report: FsckReport::default(),
            gone: HashSet::new(),
            told_at,
        }
    }

    /// Walks both sides in the order of digests.
    async fn run(mut self) -> Result<FsckReport, FsckError> {
        let mut after = None;
        loop {
            let (span, unrecorded) = self.compare(after.as_ref()).await?;
            for blob in &span.blobs {
                if !self.gone.remove(&blob.digest) {
                    let is_recorded = !unrecorded.contains(&blob.digest);
                    self.check(blob, is_recorded).await?;
                    self.tell();
                }
            }
            let Some(end) = span.end else {
                return Ok(self.report);
            };
            // What went before its turn is in no later span.
            self.gone.clear();
            after = Some(end);
        }
    }

    /// Looks at the next span, drops the rows without a blob, and tells the blobs without a row.
    async fn compare(
        &mut self,
        after: Option<&Digest>,
    ) -> Result<(Span, HashSet<Digest>), FsckError> {
        let span = self.stores.look(after).await?;
        let (unrecorded, missing) = span.differences();
        if unrecorded.is_empty() && missing.is_empty() {
            return Ok((span, unrecorded));
        }
        let changes = self.stores.changes;
        let _nothing_comes_or_goes = changes.write().await;
        let span = self.stores.look(after).await?;
        let (unrecorded, missing) = span.differences();
        for digest in missing {
            if !self.gone.contains(&digest) {
                self.drop_rows(&digest).await?;
                self.name(digest, |report| &mut report.missing);
            }
        }
        Ok((span, unrecorded))
    }

    async fn check(&mut self, blob: &BlobStat, is_recorded: bool) -> Result<(), FsckError> {
        match self.stores.verify(&blob.digest).await {
            Ok(()) => {
                self.report.sound += 1;
                self.report.bytes += blob.size;
                if !is_recorded {
                    self.record(blob).await?;
                    self.name(blob.digest.clone(), |report| &mut report.unrecorded);
                }
            }
            // It went while others were looked at.
            Err(BlobError::NotFound) => {}
            Err(BlobError::Corrupt(_)) => {
                let changes = self.stores.changes;
                let _nothing_comes_or_goes = changes.write().await;
                self.drop_rows(&blob.digest).await?;
                self.delete(&blob.digest).await?;
                self.name(blob.digest.clone(), |report| &mut report.damaged);
            }
            // The disk, or the limit of open files: nothing that says that the bytes are wrong.
            Err(_) => self.name(blob.digest.clone(), |report| &mut report.unreadable),
        }
        Ok(())
    }

    /// Records a blob that the catalog lost, as a manifest if it reads as one.
    async fn record(&self, blob: &BlobStat) -> Result<(), FsckError> {
        if !self.mode.mend {
            return Ok(());
        }
        let Stores { catalog, clock, .. } = self.stores;
        if let Some(manifest) = self.stores.read_manifest(blob).await {
            catalog.keep_manifest(None, &manifest, clock.now()).await?;
        } else {
            let object = Object {
                digest: blob.digest.clone(),
                size: blob.size,
                used_at: clock.now(),
            };
            catalog.keep_object(None, &object).await?;
        }
        Ok(())
    }

    /// Drops what the catalog says of it, and the manifests that cannot be pulled whole without it.
    async fn drop_rows(&mut self, digest: &Digest) -> Result<(), FsckError> {
        if !self.mode.mend {
            return Ok(());
        }
        let dropped = std::slice::from_ref(digest);
        let mut gone = self.stores.catalog.evict(dropped).await?;
        gone.retain(|gone| gone != digest);
        for manifest in gone {
            self.delete(&manifest).await?;
            self.name(manifest.clone(), |report| &mut report.dropped_with);
            self.gone.insert(manifest);
        }
        Ok(())
    }

    async fn delete(&self, digest: &Digest) -> Result<(), FsckError> {
        if !self.mode.mend {
            return Ok(());
        }
        let deleted = self.stores.blobs.delete(digest).await;
        deleted.map_err(FsckError::Blobs)
    }

    fn name(&mut self, digest: Digest, kind: fn(&mut FsckReport) -> &mut Vec<Digest>) {
        let named = kind(&mut self.report);
        if named.len() < MAX_NAMED {
            named.push(digest);
        } else {
            self.report.unnamed += 1;
        }
    }

    fn tell(&mut self) {
        let now = self.stores.clock.monotonic();
        if now.saturating_sub(self.told_at) >= TELL_EVERY {
            self.told_at = now;
            (self.mode.tell)(&self.report);
        }
    }
}
