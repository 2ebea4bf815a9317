//! An open blob: its file, its length and the checksum of each of its chunks.

use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use forebay_content::{BlobError, BlobReader};
use forebay_oci::Digest;

use crate::access::{Access, Chunk, OpenFile};
use crate::disk::{Disk, read_full};
use crate::layout::Layout;
use crate::trailer::{self, FOOTER_BYTES, Footer};

/// A blob at rest, open. All who read the same blob share one.
#[derive(Debug)]
pub(crate) struct FsBlob {
    file: OpenFile,
    blob_bytes: u64,
    chunk_bytes: u32,
    checksums: Box<[u32]>,
    is_damaged: AtomicBool,
}

impl FsBlob {
    /// Opens the file of the blob `digest` and checks its length and its trailer. Waits for the disk.
    pub(crate) fn open(
        digest: &Digest,
        layout: &Layout,
        access: &Arc<Access>,
    ) -> Result<Self, BlobError> {
        let disk = &*access.disk;
        let file = disk.open(&layout.blob(digest))?;
        let footer = read_footer(disk, &file)?;
        let length = trailer::trailer_length(footer.blob_bytes, footer.chunk_bytes);
        let length = usize::try_from(length).map_err(|_| BlobError::Corrupt("it is too long"))?;
        let mut bytes = vec![0; length];
        let count = read_full(disk, &file, &mut bytes, footer.blob_bytes)?;
        let checksums = trailer::decode_checksums(digest, &bytes[..count], footer)?;
        Ok(Self {
            file: OpenFile::new(file, Arc::clone(access)),
            blob_bytes: footer.blob_bytes,
            chunk_bytes: footer.chunk_bytes,
            checksums,
            is_damaged: AtomicBool::new(false),
        })
    }

    /// True once a read found damage: who opens the blob next must look at the disk again.
    pub(crate) fn is_damaged(&self) -> bool {
        self.is_damaged.load(Ordering::Relaxed)
    }

    /// Reads as [`BlobReader::read`] does, but waits for the disk: for work that has a thread of its own.
    pub(crate) fn read_waiting(&self, offset: u64) -> Result<Bytes, BlobError> {
        if offset >= self.blob_bytes {
            return Ok(Bytes::new());
        }
        let chunk = self.chunk(offset)?;
        Ok(chunk.rest_of(self.file.read_chunk_waiting(chunk)?, offset))
    }

    fn chunk(&self, offset: u64) -> Result<Chunk, BlobError> {
        Chunk::holding(offset, self.chunk_bytes, self.blob_bytes, &self.checksums)
            .ok_or(BlobError::Corrupt("it has too few checksums"))
    }

    /// Says that the blob was deleted; see [`OpenFile::doom`].
    pub(crate) fn doom(&self) {
        self.file.doom();
    }
}

#[async_trait]
impl BlobReader for FsBlob {
    fn size(&self) -> u64 {
        self.blob_bytes
    }

    async fn read(&self, offset: u64) -> Result<Bytes, BlobError> {
        if offset >= self.blob_bytes {
            return Ok(Bytes::new());
        }
        let chunk = self.chunk(offset)?;
        let read = self.file.read_chunk(chunk).await;
        if matches!(read, Err(BlobError::Corrupt(_))) {
            self.is_damaged.store(true, Ordering::Relaxed);
        }
        Ok(chunk.rest_of(read?, offset))
    }
}

/// Reads a file's footer and checks the file's length against it.
fn read_footer(disk: &dyn Disk, file: &File) -> Result<Footer, BlobError> {
    let file_bytes = disk.len(file)?;
    let start = file_bytes
        .checked_sub(FOOTER_BYTES as u64)
        .ok_or(BlobError::Corrupt("its file is too short"))?;
    let mut footer = [0; FOOTER_BYTES];
    if read_full(disk, file, &mut footer, start)? < FOOTER_BYTES {
        return Err(BlobError::Corrupt("its file is too short"));
    }
    trailer::decode_footer(&footer, file_bytes)
}
