//! What fsck and the scrubber ask of the store beyond the seam: is it sound, what lies about, away with it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use forebay_content::{BlobError, BlobReader};
use forebay_oci::{Digest, Hasher};

use crate::access::{change_failed, off_worker};
use crate::blob::FsBlob;
use crate::disk::Disk;
use crate::listing;
use crate::store::{FsBlobs, Store};

/// How many damaged blobs are kept for whoever wants to know why.
const MAX_QUARANTINED: usize = 16;

/// How many bytes of damaged blobs are kept: they count towards no cache's size.
const MAX_QUARANTINED_BYTES: u64 = 1 << 30;

/// How much is hashed in one go, in bytes: between two the work can be dropped.
const HASH_BYTES: u64 = 8 << 20;

impl FsBlobs {
    /// Reads a blob as a whole from the disk and hashes it.
    ///
    /// # Errors
    /// [`BlobError::Corrupt`] if its bytes do not have the digest, [`BlobError::NotFound`] if it is not there.
    pub async fn verify(&self, digest: &Digest) -> Result<(), BlobError> {
        let blob = self.store.open_anew(digest).await?;
        let mut hashed = (Hasher::new(digest.algorithm()), 0);
        while hashed.1 < blob.size() {
            let blob = Arc::clone(&blob);
            hashed = off_worker(move || hash_on(&blob, hashed)).await?;
        }
        if hashed.0.finish() == *digest {
            return Ok(());
        }
        Err(BlobError::Corrupt("its bytes do not have its digest"))
    }

    /// Takes a damaged blob out of the store and keeps it aside for a look, if there is room among those kept aside.
    ///
    /// A blob that is not there is no error.
    pub async fn quarantine(&self, digest: &Digest) -> Result<(), BlobError> {
        let (store, digest) = (Arc::clone(&self.store), digest.clone());
        off_worker(move || store.put_aside(&digest)).await
    }

    /// Files among the blobs which are none, by name or by length; at most a thousand.
    pub async fn strays(&self) -> Result<Vec<PathBuf>, BlobError> {
        let store = Arc::clone(&self.store);
        off_worker(move || listing::strays(&store)).await
    }
}

impl Store {
    fn put_aside(&self, digest: &Digest) -> Result<(), BlobError> {
        let (disk, path) = (&*self.access.disk, self.layout.blob(digest));
        let bytes = match disk.open(&path) {
            Ok(file) => disk.len(&file)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let (count, kept_bytes) = self.put_aside_already()?;
        if count >= MAX_QUARANTINED || kept_bytes.saturating_add(bytes) > MAX_QUARANTINED_BYTES {
            return self.unpublish(digest);
        }
        let _names = self.lock_shard(digest);
        let moved = disk.rename(&path, &self.layout.quarantined(digest));
        self.opened.forget(digest);
        match moved {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(change_failed(error)),
            _ => Ok(()),
        }
    }

    /// How many files are kept aside, and how many bytes they have.
    fn put_aside_already(&self) -> Result<(usize, u64), BlobError> {
        let (disk, dir): (&dyn Disk, _) = (&*self.access.disk, self.layout.quarantine());
        let names = disk.names(&dir).map_err(change_failed)?;
        let mut bytes = 0_u64;
        for name in &names {
            let file = disk.open(&dir.join(name)).map_err(change_failed)?;
            bytes = bytes.saturating_add(disk.len(&file)?);
        }
        Ok((names.len(), bytes))
    }
}

/// Hashes the next [`HASH_BYTES`] of a blob, or what is left of it: the hasher and the offset that it has reached.
fn hash_on(blob: &FsBlob, reached: (Hasher, u64)) -> Result<(Hasher, u64), BlobError> {
    let (mut hasher, mut offset) = reached;
    let end = offset.saturating_add(HASH_BYTES).min(blob.size());
    while offset < end {
        let bytes = blob.read_waiting(offset)?;
        hasher.update(&bytes);
        offset += bytes.len() as u64;
    }
    Ok((hasher, offset))
}
