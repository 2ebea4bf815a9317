//! Re-hashes everything at rest, and makes catalog and blob store agree again.
//!
//! Never grants visibility: a blob that the catalog did not know is recorded without a link, and each repository earns it
//! anew by a HEAD.

use std::cmp::Ordering;
use std::collections::HashSet;

use forebay_content::{
    BlobError, BlobStat, BlobStore, Catalog, CatalogError, Clock, KeptManifest, Object,
    collect_reader,
};
use forebay_oci::{Digest, Hasher, MAX_MANIFEST_BYTES, Manifest};

use crate::kept::StoredManifest;

/// How many entries of each side are looked at in one step.
const STEP: usize = 256;

/// What was found, and, if it was to be repaired, has been.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FsckReport {
    /// Blobs whose bytes have their digest.
    pub sound: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Blobs whose bytes do not: dropped, and fetched anew when asked for.
    pub damaged: Vec<Digest>,
    /// Blobs that the catalog did not know: recorded, without a link.
    pub unrecorded: Vec<Digest>,
    /// Rows of the catalog whose blob is not there: dropped.
    pub missing: Vec<Digest>,
}

/// What can keep a check from its end.
#[derive(Debug, thiserror::Error)]
pub enum FsckError {
    /// The catalog failed.
    #[error("the catalog cannot be checked")]
    Catalog(#[from] CatalogError),
    /// The blob store failed as a whole.
    #[error("the blob store cannot be listed")]
    Blobs(#[source] BlobError),
}

/// Checks all content; `repair` mends what it finds.
pub async fn fsck(
    blobs: &dyn BlobStore,
    catalog: &dyn Catalog,
    clock: &dyn Clock,
    repair: bool,
) -> Result<FsckReport, FsckError> {
    let mut check = Check {
        blobs,
        catalog,
        clock,
        repair,
        report: FsckReport::default(),
        gone: HashSet::new(),
    };
    check.run().await?;
    Ok(check.report)
}

struct Check<'a> {
    blobs: &'a dyn BlobStore,
    catalog: &'a dyn Catalog,
    clock: &'a dyn Clock,
    repair: bool,
    report: FsckReport,
    /// Manifests that went with a blob of theirs: neither sound nor missing.
    gone: HashSet<Digest>,
}

impl FsckReport {
    /// True if nothing was wrong.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.damaged.is_empty() && self.unrecorded.is_empty() && self.missing.is_empty()
    }
}

impl Check<'_> {
    /// Walks both sides in the order of digests.
    async fn run(&mut self) -> Result<(), FsckError> {
        let mut stored = self.next_stored(None).await?.into_iter().peekable();
        let mut recorded = self.next_recorded(None).await?.into_iter().peekable();
        loop {
            let side = match (stored.peek(), recorded.peek()) {
                (None, None) => return Ok(()),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(blob), Some(object)) => {
                    blob.digest.to_string().cmp(&object.digest.to_string())
                }
            };
            let blob = if side.is_le() { stored.next() } else { None };
            let object = if side.is_ge() { recorded.next() } else { None };
            self.compare(blob.as_ref(), object.as_ref()).await?;
            if let Some(blob) = blob.filter(|_| stored.peek().is_none()) {
                stored = self
                    .next_stored(Some(&blob.digest))
                    .await?
                    .into_iter()
                    .peekable();
            }
            if let Some(object) = object.filter(|_| recorded.peek().is_none()) {
                recorded = self
                    .next_recorded(Some(&object.digest))
                    .await?
                    .into_iter()
                    .peekable();
            }
        }
    }

    async fn compare(
        &mut self,
        blob: Option<&BlobStat>,
        object: Option<&Object>,
    ) -> Result<(), FsckError> {
        let digest = blob
            .map(|blob| &blob.digest)
            .or(object.map(|object| &object.digest));
        if digest.is_some_and(|digest| self.gone.contains(digest)) {
            return Ok(());
        }
        let Some(blob) = blob else {
            let Some(object) = object else { return Ok(()) };
            self.report.missing.push(object.digest.clone());
            return self.drop_rows(&object.digest).await;
        };
        if !self.is_sound(&blob.digest).await {
            self.report.damaged.push(blob.digest.clone());
            self.drop_rows(&blob.digest).await?;
            return self.delete(&blob.digest).await;
        }
        self.report.sound += 1;
        if object.is_none() {
            self.report.unrecorded.push(blob.digest.clone());
            self.record(blob).await?;
        }
        Ok(())
    }

    async fn is_sound(&mut self, digest: &Digest) -> bool {
        let Ok(reader) = self.blobs.open(digest).await else {
            return false;
        };
        let mut hasher = Hasher::new(digest.algorithm());
        let mut offset = 0;
        while let Ok(bytes) = reader.read(offset).await {
            if bytes.is_empty() {
                return hasher.finish() == *digest;
            }
            hasher.update(&bytes);
            offset += bytes.len() as u64;
            self.report.bytes += bytes.len() as u64;
        }
        false
    }

    /// Records a blob that the catalog lost, as a manifest if it reads as one.
    async fn record(&mut self, blob: &BlobStat) -> Result<(), FsckError> {
        if !self.repair {
            return Ok(());
        }
        if let Some(manifest) = self.read_manifest(blob).await {
            self.catalog
                .keep_manifest(None, &manifest, self.clock.now())
                .await?;
        } else {
            let object = Object {
                digest: blob.digest.clone(),
                size: blob.size,
                used_at: self.clock.now(),
            };
            self.catalog.keep_object(None, &object).await?;
        }
        Ok(())
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

    /// Drops what the catalog says of it, and the manifests that cannot be pulled whole without it.
    async fn drop_rows(&mut self, digest: &Digest) -> Result<(), FsckError> {
        if !self.repair {
            return Ok(());
        }
        let mut gone = self.catalog.evict(std::slice::from_ref(digest)).await?;
        gone.retain(|gone| gone != digest);
        for manifest in gone {
            self.delete(&manifest).await?;
            self.gone.insert(manifest);
        }
        Ok(())
    }

    async fn delete(&self, digest: &Digest) -> Result<(), FsckError> {
        if self.repair {
            self.blobs.delete(digest).await.map_err(FsckError::Blobs)?;
        }
        Ok(())
    }

    async fn next_stored(&self, after: Option<&Digest>) -> Result<Vec<BlobStat>, FsckError> {
        self.blobs.list(after, STEP).await.map_err(FsckError::Blobs)
    }

    async fn next_recorded(&self, after: Option<&Digest>) -> Result<Vec<Object>, FsckError> {
        Ok(self
            .catalog
            .objects_after(after, u32::try_from(STEP).unwrap_or(u32::MAX))
            .await?)
    }
}
