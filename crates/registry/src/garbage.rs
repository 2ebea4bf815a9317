//! Clears away what nobody holds, while everything goes on.
//!
//! First links to blobs that no manifest needs and that are old enough, so that no push that is under way loses what it has
//! uploaded; then bytes that no repository holds. A digest that is being recorded is on lease and left alone.

use std::time::Duration;

use forebay_content::{BlobStat, Timestamp};
use forebay_oci::Digest;

use crate::PushError;
use crate::local_registry::LocalRegistry;

/// How many links or blobs are looked at in one go; between two, others have their turn.
const AT_ONCE: u32 = 500;

/// The bytes of how many are deleted in one go; who pushes one of them waits for that.
const CLEARED_AT_ONCE: usize = 32;

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
        self.renew_asked().await?;
        loop {
            let links = self.forget_unused(before).await?;
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
            let unheld: Vec<BlobStat> = page
                .into_iter()
                .filter(|stat| !held.contains(&stat.digest))
                .collect();
            for some in unheld.chunks(CLEARED_AT_ONCE) {
                let some = some.to_vec();
                let cleared = self.to_the_end(async |registry| registry.clear_unheld(some).await);
                let (objects, bytes) = cleared.await?;
                collected.objects += objects;
                collected.bytes += bytes;
            }
        }
    }

    /// Forgets some of the links that nothing needs, and of whose blob nobody was told of late.
    async fn forget_unused(&self, before: Timestamp) -> Result<u64, PushError> {
        let _closed = self.asked.nobody_is_told().await;
        self.renew_asked().await?;
        let rows = &self.stores.rows;
        Ok(rows.unlink_unused_blobs(before, AT_ONCE).await?)
    }

    /// Deletes the bytes of those that nobody holds after all or is about to: how many, and how much that was.
    async fn clear_unheld(&self, stats: Vec<BlobStat>) -> Result<(u64, u64), PushError> {
        let on_lease = stats
            .into_iter()
            .filter_map(|stat| Some((self.leases.clear(&stat.digest)?, stat)));
        let on_lease: Vec<_> = on_lease.collect();
        let digests: Vec<Digest> = on_lease
            .iter()
            .map(|(_, stat)| stat.digest.clone())
            .collect();
        let rows = &self.stores.rows;
        // Forgets nothing, and waits for its place in the queue of writes: what was to be recorded before by somebody who gave up
        // waiting for it, and so has no lease any more, is recorded now.
        rows.unlink_unused_blobs(Timestamp(0), 0).await?;
        let held = rows.held(&digests).await?;
        let mut cleared = (0, 0);
        for (_clearing, stat) in on_lease {
            if !held.contains(&stat.digest) {
                self.manifests.invalidate(&stat.digest);
                self.stores.blobs.delete(&stat.digest).await?;
                cleared = (cleared.0 + 1, cleared.1 + stat.size);
            }
        }
        Ok(cleared)
    }
}
