//! A store in a directory of its own, and what can be seen of it there.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_blobs_fs::{CHUNK_BYTES, FsBlobs};
use forebay_content::{BlobError, BlobStore};
use forebay_disk_faults::FaultyDisk;
use forebay_oci::Digest;
use tempfile::TempDir;

pub(crate) const CHUNK: usize = CHUNK_BYTES as usize;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A store on a disk that can be made to fail.
pub(crate) struct Scene {
    pub(crate) store: FsBlobs,
    pub(crate) disk: FaultyDisk,
    dir: TempDir,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let disk = FaultyDisk::default();
        let store = FsBlobs::open(dir.path(), Arc::new(disk.clone())).unwrap();
        Self { store, disk, dir }
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn file_of(&self, digest: &Digest) -> PathBuf {
        file_of(self.root(), digest)
    }

    pub(crate) async fn staging_is_empty(&self) {
        staging_is_empty(self.root()).await;
    }
}

/// Waits until the staging directory is empty, which a dropped stage leaves behind it in a moment.
pub(crate) async fn staging_is_empty(root: &Path) {
    let staging = root.join("staging");
    let empty = async {
        while !names(&staging).is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, empty).await.unwrap();
}

pub(crate) fn file_of(root: &Path, digest: &Digest) -> PathBuf {
    let hex = digest.hex();
    root.join("blobs/sha256").join(&hex[..2]).join(hex)
}

pub(crate) fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// `len` bytes without a short period, different for each seed.
pub(crate) fn content(seed: u32, len: usize) -> Bytes {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..len).map(|_| next()).collect()
}

/// Keeps `content`, in one write.
pub(crate) async fn keep(store: &FsBlobs, content: &Bytes) -> Result<Digest, BlobError> {
    let digest = Digest::sha256(content);
    let mut stage = store.stage(Some(content.len() as u64)).await?;
    stage.write(content.clone()).await?;
    stage.commit(&digest).await?;
    Ok(digest)
}

/// Reads a blob as a whole.
pub(crate) async fn read(store: &FsBlobs, digest: &Digest) -> Result<Vec<u8>, BlobError> {
    let reader = store.open(digest).await?;
    let mut read = Vec::new();
    loop {
        let bytes = reader.read(read.len() as u64).await?;
        if bytes.is_empty() {
            return Ok(read);
        }
        read.extend_from_slice(&bytes);
    }
}
