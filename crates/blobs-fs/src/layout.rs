//! Where things lie below the data directory. Pure: makes paths and reads them back.
//!
//! Only a [`Digest`] makes a blob's path, so that no path can be anything else. 256 shards an algorithm keep directories
//! short where directories are lists.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use forebay_oci::{Algorithm, Digest};

/// The algorithms in the order in which blobs are listed, which is that of [`Digest`].
pub(crate) const ALGORITHMS: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

/// The paths of one store.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Directories that must be there, parents first.
    pub(crate) fn dirs(&self) -> Vec<PathBuf> {
        let mut dirs = vec![self.blobs(), self.staging()];
        dirs.extend(ALGORITHMS.map(|algorithm| self.algorithm(algorithm)));
        dirs
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blobs")
    }

    pub(crate) fn staging(&self) -> PathBuf {
        self.root.join("staging")
    }

    pub(crate) fn algorithm(&self, algorithm: Algorithm) -> PathBuf {
        self.blobs().join(algorithm.as_str())
    }

    pub(crate) fn shard(&self, algorithm: Algorithm, shard: u8) -> PathBuf {
        self.algorithm(algorithm).join(format!("{shard:02x}"))
    }

    pub(crate) fn blob(&self, digest: &Digest) -> PathBuf {
        self.shard(digest.algorithm(), shard_of(digest))
            .join(digest.hex())
    }

    /// Where damaged blobs are put, out of the way and not thrown away.
    pub(crate) fn damaged(&self) -> PathBuf {
        self.root.join("damaged")
    }

    pub(crate) fn journals(&self) -> PathBuf {
        self.root.join("journal")
    }

    pub(crate) fn staged(&self, number: u64) -> PathBuf {
        self.staging().join(format!("{number:016x}"))
    }
}

/// The shard that a digest lies in: the first byte of its hash.
pub(crate) fn shard_of(digest: &Digest) -> u8 {
    digest.hash()[0]
}

/// The digest whose blob is called `name` in this shard; `None` if the name is not one that we give.
pub(crate) fn find_digest(algorithm: Algorithm, shard: u8, name: &OsStr) -> Option<Digest> {
    let digest: Digest = format!("{algorithm}:{}", name.to_str()?).parse().ok()?;
    (shard_of(&digest) == shard).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_path_reads_back_as_its_digest() {
        let layout = Layout::new(Path::new("/data"));
        for algorithm in ALGORITHMS {
            let digest = Digest::of(algorithm, b"x");
            let path = layout.blob(&digest);
            let name = path.file_name().unwrap();
            let shard = shard_of(&digest);
            assert_eq!(find_digest(algorithm, shard, name), Some(digest));
            assert!(path.starts_with(layout.shard(algorithm, shard)));
        }
    }

    #[test]
    fn other_names_are_no_blobs() {
        let digest = Digest::sha256(b"x");
        let shard = shard_of(&digest);
        for name in ["", "lost+found", "..", &digest.hex()[1..], "core"] {
            assert_eq!(
                find_digest(Algorithm::Sha256, shard, OsStr::new(name)),
                None
            );
        }
        let misplaced = OsStr::new("ff");
        assert_eq!(find_digest(Algorithm::Sha256, shard, misplaced), None);
        let hex = digest.hex();
        let elsewhere = shard.wrapping_add(1);
        assert_eq!(
            find_digest(Algorithm::Sha256, elsewhere, OsStr::new(&hex)),
            None
        );
    }
}
