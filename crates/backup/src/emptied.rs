//! Whether local repositories have lost all their bytes, as where a volume is not mounted or has gone: one answer for who starts,
//! checks, looks after or backs up.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use forebay_catalog_sql::SqlRegistry;
use forebay_content::{CatalogError, HostedUpkeep as _};

use crate::REGISTRY_DIRECTORY;

/// What a volume has of its own, which nobody else may look into.
pub const LOST_AND_FOUND: &str = "lost+found";

/// Why it cannot be known.
#[derive(Debug, thiserror::Error)]
pub enum Unknown {
    /// The rows cannot be read.
    #[error(transparent)]
    Rows(#[from] CatalogError),
    /// The directory cannot be.
    #[error(transparent)]
    Directory(#[from] io::Error),
}

/// Whether `rows` of the data directory `data` tell of bytes, and none at all are there. Makes nothing, unlike a store that is opened.
///
/// # Errors
/// Rows or directory cannot be read.
pub async fn is_emptied(data: &Path, rows: &SqlRegistry) -> Result<bool, Unknown> {
    let is_anything_held = !rows.held_after(None, 1).await?.is_empty();
    let blobs = data.join(REGISTRY_DIRECTORY).join("blobs");
    Ok(is_anything_held && !has_file(blobs).await?)
}

/// Whether there is a journal of any repository in the data directory `data`.
///
/// # Errors
/// The directory cannot be read.
pub async fn has_journals(data: &Path) -> io::Result<bool> {
    has_file(data.join(REGISTRY_DIRECTORY).join("journal")).await
}

/// Whether there is a file below `dir`, which need not be there itself.
async fn has_file(dir: PathBuf) -> io::Result<bool> {
    fn look(dir: &Path) -> io::Result<bool> {
        let entries = match std::fs::read_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            read => read?,
        };
        for entry in entries {
            let entry = entry?;
            let is_file = !entry.file_type()?.is_dir();
            let is_ours = entry.file_name() != OsStr::new(LOST_AND_FOUND);
            if is_ours && (is_file || look(&entry.path())?) {
                return Ok(true);
            }
        }
        Ok(false)
    }
    let looked = tokio::task::spawn_blocking(move || look(&dir)).await;
    looked.map_err(io::Error::other)?
}

#[cfg(test)]
mod tests {
    use std::fs;

    use forebay_content::{HostedBlob, HostedPushes as _, Timestamp};
    use forebay_oci::Digest;
    use tempfile::TempDir;

    use super::*;

    #[tokio::test]
    async fn it_is_where_rows_tell_of_bytes_and_nothing_but_a_volumes_own_lies_there() {
        let data = TempDir::new().unwrap();
        let rows = SqlRegistry::open(&data.path().join("rows")).await.unwrap();
        let emptied = async || is_emptied(data.path(), &rows).await.unwrap();
        assert!(!emptied().await, "nothing was ever pushed");
        let blob = HostedBlob {
            digest: Digest::sha256(b"one"),
            size: 3,
            quota_bytes: None,
        };
        let repository = "app".parse().unwrap();
        let committed = rows.commit_blob(&repository, &blob, Timestamp(1)).await;
        committed.unwrap();
        assert!(emptied().await, "there is no directory");
        let blobs = data.path().join(REGISTRY_DIRECTORY).join("blobs");
        let own = blobs.join(LOST_AND_FOUND);
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("#12"), "what fsck of the volume found").unwrap();
        assert!(emptied().await, "nothing is mounted, or an empty volume");
        let journal = data.path().join(REGISTRY_DIRECTORY).join("journal");
        fs::create_dir_all(&journal).unwrap();
        fs::write(journal.join("app"), "a line").unwrap();
        assert!(has_journals(data.path()).await.unwrap());
        assert!(emptied().await, "journals are no bytes");
        fs::create_dir_all(blobs.join("sha256/ab")).unwrap();
        fs::write(blobs.join("sha256/ab/cd"), "one").unwrap();
        assert!(!emptied().await);
        rows.close().await.unwrap();
    }
}
