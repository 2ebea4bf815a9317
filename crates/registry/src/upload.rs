//! One upload: the bytes that have come so far, and their hash.

use bytes::Bytes;
use forebay_content::{BlobReader, BlobStore, Stage};
use forebay_oci::{Algorithm, Digest, Hasher};

use crate::PushError;

/// The most bytes of a blob: far beyond any layer, and so far below the disk's own bounds that no sum overflows.
pub const MAX_BLOB_BYTES: u64 = 1 << 40;

/// The bytes of an upload.
pub(crate) struct Receiving {
    stage: Box<dyn Stage>,
    hasher: Hasher,
    received: u64,
}

/// A whole upload that has the digest it was said to have.
pub(crate) struct Received {
    /// The bytes, not yet at rest.
    pub(crate) stage: Box<dyn Stage>,
    /// How many.
    pub(crate) size: u64,
}

impl Receiving {
    /// An upload of which nothing has come yet. `expected` bytes, if that is known, must have room on the disk.
    pub(crate) async fn begin(
        blobs: &dyn BlobStore,
        algorithm: Algorithm,
        expected: Option<u64>,
    ) -> Result<Self, PushError> {
        if expected.is_some_and(|bytes| bytes > MAX_BLOB_BYTES) {
            return Err(PushError::TooLarge {
                limit: MAX_BLOB_BYTES,
            });
        }
        Ok(Self {
            stage: blobs.stage(expected).await?,
            hasher: Hasher::new(algorithm),
            received: 0,
        })
    }

    /// How many bytes have come.
    pub(crate) const fn received(&self) -> u64 {
        self.received
    }

    /// Takes more bytes.
    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<(), PushError> {
        let length = bytes.len() as u64;
        if self.received + length > MAX_BLOB_BYTES {
            return Err(PushError::TooLarge {
                limit: MAX_BLOB_BYTES,
            });
        }
        self.hasher.update(&bytes);
        self.stage.write(bytes).await?;
        self.received += length;
        Ok(())
    }

    /// Sees whether all that came has this digest.
    pub(crate) async fn finish(self, said: &Digest) -> Result<Received, PushError> {
        let found = if self.hasher.algorithm() == said.algorithm() {
            self.hasher.finish()
        } else {
            // Nobody said at the beginning by which function it would be named: all of it is hashed once more.
            let reader = self.stage.reader();
            hash_again(reader.as_ref(), said.algorithm()).await?
        };
        if found != *said {
            return Err(PushError::Digest {
                said: said.clone(),
                found,
            });
        }
        Ok(Received {
            stage: self.stage,
            size: self.received,
        })
    }
}

async fn hash_again(reader: &dyn BlobReader, algorithm: Algorithm) -> Result<Digest, PushError> {
    let mut hasher = Hasher::new(algorithm);
    let mut at = 0;
    loop {
        let bytes = reader.read(at).await?;
        if bytes.is_empty() {
            return Ok(hasher.finish());
        }
        hasher.update(&bytes);
        at += bytes.len() as u64;
    }
}
