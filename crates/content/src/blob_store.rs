//! Where blobs are kept: bytes under their digest, no repositories, no tags.

use std::any::Any;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use forebay_oci::Digest;

/// Keeps immutable bytes under their digest.
///
/// # Contract
/// A blob is visible only after its stage was committed, and then whole and durable: a commit that returned `Ok` survives a
/// crash and a power loss, one that failed never happened. Reads never give bytes that differ from those written.
#[async_trait]
pub trait BlobStore: Send + Sync {
    /// Opens a blob. What was opened can be read to its end even if the blob is deleted meanwhile.
    async fn open(&self, digest: &Digest) -> Result<Arc<dyn BlobReader>, BlobError>;

    /// Begins a new blob whose size may not be known yet; `expected_bytes` lets a full disk say so at once.
    async fn stage(&self, expected_bytes: Option<u64>) -> Result<Box<dyn Stage>, BlobError>;

    /// Removes a blob; one that is not there is no error.
    async fn delete(&self, digest: &Digest) -> Result<(), BlobError>;

    /// Reads a blob as a whole from where it lies, whoever has it open, and hashes it.
    ///
    /// # Errors
    /// [`BlobError::Corrupt`] if its bytes do not have the digest, [`BlobError::NotFound`] if it is not there.
    async fn verify(&self, digest: &Digest) -> Result<(), BlobError>;

    /// The blobs at rest after `after` in the order of their digests, damaged ones too, at most `limit`.
    async fn list(&self, after: Option<&Digest>, limit: usize) -> Result<Vec<BlobStat>, BlobError>;
}

/// An open blob, or a stage's readable side.
#[async_trait]
pub trait BlobReader: Send + Sync {
    /// The blob's size in bytes; of a stage, what has been written so far.
    fn size(&self) -> u64;

    /// Bytes from `offset` on, checked: at least one, as many as the store reads in one go, none at or past the end.
    ///
    /// # Errors
    /// [`BlobError::Corrupt`] if the bytes at rest are not those that were written.
    async fn read(&self, offset: u64) -> Result<Bytes, BlobError>;

    /// The same bytes as a place in a file, for whoever can send files without a copy: at most `max_bytes` from `offset` on,
    /// checked. None where there is no file, where a copy is cheaper, and at or past the end.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    async fn lend(&self, offset: u64, max_bytes: u64) -> Result<Option<FileSpan>, BlobError>;
}

/// Bytes where they lie in an open file. They are those that were asked for as long as the file is not written to: nobody of
/// ours does, and who sends them looks whether somebody else did.
#[derive(Clone, Debug)]
pub struct FileSpan {
    /// The file.
    pub file: Arc<File>,
    /// Where in it the bytes lie; never empty.
    pub range: Range<u64>,
    /// To be let go of after the file: closing it is the store's affair, as that may take long.
    pub owner: Arc<dyn Any + Send + Sync>,
}

/// A blob being written. Dropping it without a commit leaves nothing behind.
#[async_trait]
pub trait Stage: Send {
    /// Appends bytes.
    async fn write(&mut self, bytes: Bytes) -> Result<(), BlobError>;

    /// Reads what has been written; stays readable after commit and after drop.
    fn reader(&self) -> Arc<dyn BlobReader>;

    /// Makes the blob durable and visible under `digest`, which the caller has computed over all the bytes written.
    ///
    /// It takes the place of a blob that is there already, which may be damaged where this one is whole; who has that one open
    /// reads it on.
    async fn commit(self: Box<Self>, digest: &Digest) -> Result<(), BlobError>;
}

/// A blob at rest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobStat {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes, as far as a damaged one tells.
    pub size: u64,
}

/// What a blob store could not do.
#[derive(Clone, Debug, thiserror::Error)]
pub enum BlobError {
    /// There is no such blob.
    #[error("no such blob")]
    NotFound,
    /// The bytes at rest are not those that were written.
    #[error("the blob is corrupt: {0}")]
    Corrupt(&'static str),
    /// The disk, its inodes or the quota are used up.
    #[error("no space left")]
    NoSpace,
    /// The store cannot be written to.
    #[error("the store is read-only")]
    ReadOnly,
    /// Anything else that the disk says.
    #[error("the disk failed")]
    Io(#[source] Arc<io::Error>),
}

impl BlobError {
    /// True if the blob is proven to be gone or damaged. Any other error speaks of the disk or of us, and the blob may be
    /// sound: out of memory, out of files, a device that answers again later.
    pub const fn is_loss(&self) -> bool {
        matches!(self, Self::NotFound | Self::Corrupt(_))
    }
}

impl From<io::Error> for BlobError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::NoSpace,
            io::ErrorKind::ReadOnlyFilesystem => Self::ReadOnly,
            _ => Self::Io(Arc::new(error)),
        }
    }
}

/// Reads a whole blob into memory, at most `max_bytes` of it.
///
/// # Errors
/// [`BlobError::Corrupt`] if it is longer, beside what the reader says.
pub async fn collect_reader(reader: &dyn BlobReader, max_bytes: usize) -> Result<Bytes, BlobError> {
    let mut bytes = BytesMut::new();
    loop {
        let chunk = reader.read(bytes.len() as u64).await?;
        if chunk.is_empty() {
            return Ok(bytes.freeze());
        }
        if bytes.len() + chunk.len() > max_bytes {
            return Err(BlobError::Corrupt("longer than it can be"));
        }
        bytes.extend_from_slice(&chunk);
    }
}
