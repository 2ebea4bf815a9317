//! What fsck asks of the store: is a blob sound, and what lies about that is none.

use std::path::PathBuf;
use std::sync::Arc;

use forebay_content::{BlobError, BlobReader};
use forebay_oci::{Digest, Hasher};

use crate::access::off_worker;
use crate::blob::FsBlob;
use crate::listing;
use crate::store::FsBlobs;

/// How much is hashed in one go, in bytes: between two the work can be dropped.
const HASH_BYTES: u64 = 8 << 20;

impl FsBlobs {
    /// Reads a blob as a whole from the disk and hashes it.
    pub(crate) async fn hash(&self, digest: &Digest) -> Result<(), BlobError> {
        let blob = Arc::new(self.store.open_anew(digest).await?);
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

    /// Puts a blob out of the way: it is not there any more, and its file is `damaged/<hexadecimal hash>`, for whoever may get
    /// something out of it. One that is not there is no error.
    ///
    /// # Errors
    /// What the disk said.
    pub async fn put_aside(&self, digest: &Digest) -> Result<(), BlobError> {
        let (store, digest) = (Arc::clone(&self.store), digest.clone());
        off_worker(move || store.put_aside(&digest)).await
    }

    /// What lies among the blobs without the name of one; at most a thousand paths.
    pub async fn strays(&self) -> Result<Vec<PathBuf>, BlobError> {
        let store = Arc::clone(&self.store);
        off_worker(move || listing::strays(&store)).await
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
