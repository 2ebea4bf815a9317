//! Clears away what nobody holds, while everything goes on.
//!
//! First links to blobs that no manifest needs and that are old enough, so that no push that is under way loses what it has
//! uploaded; then bytes that no repository holds. A digest that is being recorded is on lease and left alone.

use std::time::Duration;

use forebay_content::Timestamp;
use forebay_oci::Digest;

use crate::PushError;
use crate::local_registry::LocalRegistry;

/// How many links or blobs are looked at in one go; between two, others have their turn.
const AT_ONCE: u32 = 500;

/// What was cleared away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Links from repositories to blobs that no manifest of theirs refers to.
    pub links: u64,
    /// Blobs and manifests that no repository holds.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
}

impl LocalRegistry {
    /// Clears away what nobody holds, and of what only uploads hold what is older than `grace`.
    ///
    /// # Errors
    /// The disk failed; what was cleared away until then stays so.
    pub async fn collect_garbage(&self, grace: Duration) -> Result<Collected, PushError> {
        let grace = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp(self.clock.now().0.saturating_sub(grace));
        let mut collected = Collected::default();
        loop {
            let links = self
                .stores
                .rows
                .unlink_unused_blobs(before, AT_ONCE)
                .await?;
            collected.links += links;
            if links < u64::from(AT_ONCE) {
                break;
            }
        }
        let mut after: Option<Digest> = None;
        loop {
            let page = self
                .stores
                .blobs
                .list(after.as_ref(), AT_ONCE as usize)
                .await?;
            let Some(last) = page.last() else {
                return Ok(collected);
            };
            after = Some(last.digest.clone());
            let digests: Vec<Digest> = page.iter().map(|stat| stat.digest.clone()).collect();
            let held = self.stores.rows.held(&digests).await?;
            for stat in page {
                if !held.contains(&stat.digest) && self.clear_unheld(&stat.digest).await? {
                    collected.objects += 1;
                    collected.bytes += stat.size;
                }
            }
        }
    }

    /// Deletes the bytes, unless somebody holds them after all or is about to.
    async fn clear_unheld(&self, digest: &Digest) -> Result<bool, PushError> {
        let Some(_clearing) = self.leases.clear(digest) else {
            return Ok(false);
        };
        let held = self.stores.rows.held(std::slice::from_ref(digest)).await?;
        if !held.is_empty() {
            return Ok(false);
        }
        self.manifests.invalidate(digest);
        self.stores.blobs.delete(digest).await?;
        Ok(true)
    }
}
