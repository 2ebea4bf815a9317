//! Holds still for a copy: bytes for as long as they are copied, rows and journals for a moment.

use tokio::sync::OwnedRwLockWriteGuard;

use std::sync::Arc;

use crate::PushError;
use crate::local_registry::LocalRegistry;

/// While this lives, no bytes are deleted: garbage collection waits.
#[derive(Debug)]
pub struct Spared {
    _deleting: OwnedRwLockWriteGuard<()>,
}

impl LocalRegistry {
    /// Has no bytes deleted from now on. All else goes on; what was dropped is cleared away later.
    pub async fn spare_bytes(&self) -> Spared {
        Spared {
            _deleting: Arc::clone(&self.deleting).write_owned().await,
        }
    }

    /// Runs `look` at a moment at which rows and journals tell the same, and nobody changes them: manifests, tags, pins and
    /// settings stay as they are until it returns, so it had better be short. Uploads of blobs go on.
    ///
    /// # Errors
    /// A change cannot be written down in its repository's journal, for the disk fails.
    pub async fn at_one_moment<T>(&self, look: impl Future<Output = T>) -> Result<T, PushError> {
        let turns = self.all_turns().await?;
        let found = look.await;
        drop(turns);
        Ok(found)
    }
}
