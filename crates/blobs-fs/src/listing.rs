//! Walks over what is at rest: the blobs in their order, and what lies among them without being one.

use std::io;
use std::path::{Path, PathBuf};

use forebay_content::{BlobError, BlobStat};
use forebay_oci::{Algorithm, Digest};
use tracing::warn;

use crate::layout::{ALGORITHMS, find_digest, shard_of};
use crate::store::Store;
use crate::trailer;

/// How many strays are told at most.
const MAX_STRAYS: usize = 1000;

/// The blobs after `after` by digest, at most `limit`. Waits for the disk; reads only the shards that it needs.
pub(crate) fn list(
    store: &Store,
    after: Option<&Digest>,
    limit: usize,
) -> Result<Vec<BlobStat>, BlobError> {
    let mut found = Vec::new();
    for algorithm in ALGORITHMS {
        for shard in shards_after(algorithm, after) {
            if found.len() >= limit {
                return Ok(found);
            }
            let mut digests = digests_in(store, algorithm, shard)?;
            digests.retain(|digest| after.is_none_or(|after| digest > after));
            digests.sort_unstable();
            for digest in digests {
                if found.len() < limit {
                    found.extend(find_stat(store, digest)?);
                }
            }
        }
    }
    Ok(found)
}

/// What lies among the blobs without the name of one, at most [`MAX_STRAYS`]. Waits for the disk.
pub(crate) fn strays(store: &Store) -> Result<Vec<PathBuf>, BlobError> {
    let mut strays = Vec::new();
    for algorithm in ALGORITHMS {
        let shards: Vec<PathBuf> = (0..=u8::MAX)
            .map(|shard| store.layout.shard(algorithm, shard))
            .collect();
        strays.extend(paths_in(store, &store.layout.algorithm(algorithm))?);
        strays.retain(|path| !shards.contains(path));
        for (shard, dir) in (0..=u8::MAX).zip(&shards) {
            let mut found = paths_in(store, dir)?;
            found.retain(|path| find_name(algorithm, shard, path).is_none());
            strays.append(&mut found);
            if strays.len() >= MAX_STRAYS {
                strays.truncate(MAX_STRAYS);
                return Ok(strays);
            }
        }
    }
    Ok(strays)
}

/// The shards in which digests after `after` can lie.
fn shards_after(algorithm: Algorithm, after: Option<&Digest>) -> impl Iterator<Item = u8> {
    let skipped = match after {
        Some(after) if after.algorithm() > algorithm => usize::from(u8::MAX) + 1,
        Some(after) if after.algorithm() == algorithm => usize::from(shard_of(after)),
        _ => 0,
    };
    (0..=u8::MAX).skip(skipped)
}

fn digests_in(store: &Store, algorithm: Algorithm, shard: u8) -> Result<Vec<Digest>, BlobError> {
    let paths = paths_in(store, &store.layout.shard(algorithm, shard))?;
    let digests = paths
        .iter()
        .filter_map(|path| find_name(algorithm, shard, path));
    Ok(digests.collect())
}

fn find_name(algorithm: Algorithm, shard: u8, path: &Path) -> Option<Digest> {
    find_digest(algorithm, shard, path.file_name()?)
}

/// What lies in a directory; nothing if it is not there, or is none.
fn paths_in(store: &Store, dir: &Path) -> Result<Vec<PathBuf>, BlobError> {
    match store.access.disk.names(dir) {
        Ok(names) => Ok(names.into_iter().map(|name| dir.join(name)).collect()),
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

/// The blob as its file's length tells it; `None` if it was deleted meanwhile, or what has its name is no file.
///
/// A file that no blob makes so long was cut, and counts as empty: whoever reads it finds the damage.
fn find_stat(store: &Store, digest: Digest) -> Result<Option<BlobStat>, BlobError> {
    let (disk, path) = (&*store.access.disk, store.layout.blob(&digest));
    let file = match disk.open(&path) {
        Ok(file) => file,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let found = disk.state(&file)?;
    if !found.is_file {
        warn!(path = %path.display(), "what has a blob's name is no file: it is left alone, and can be removed by hand");
        return Ok(None);
    }
    let size = trailer::find_blob_length(found.bytes, store.chunk_bytes).unwrap_or(0);
    Ok(Some(BlobStat { digest, size }))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
