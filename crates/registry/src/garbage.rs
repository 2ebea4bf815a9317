//! Clears away what nobody holds, while everything goes on.
//!
//! First links to blobs that no manifest needs and that are old enough, so that no push that is under way loses what it has
//! uploaded; then bytes that no repository holds. A digest that is being recorded is on lease and left alone. Who holds one is
//! asked by two ways that share no index: rot in one must not make what is held look like nobody's.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use forebay_content::{BlobStat, BoxError, PAGE, Timestamp, blob_pages};
use forebay_oci::Digest;
use futures::TryStreamExt as _;
use tracing::error;

use crate::PushError;
use crate::leases::SoleLease;
use crate::local_registry::LocalRegistry;
use crate::pace::Pace;

/// The bytes of how many are deleted in one go; who pushes one of them waits for that.
const CLEARED_AT_ONCE: usize = 32;

/// How many that nobody seems to hold are looked for in one reading of all rows: a bound of what is in memory.
const MAX_SUSPECTS: usize = 10_000;

/// How often those that are held by one way of looking and not by the other are looked at: something may have been pushed or
/// dropped between the two.
const LOOKS: u32 = 3;

/// The two ways to ask who holds something tell different things.
#[derive(Debug, thiserror::Error)]
#[error(
    "the rows of the registry are damaged: {0} objects that are held cannot be found by their digest; nothing more is deleted \
     until forebay fsck has mended them"
)]
struct Disagreement(usize);

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
    /// Clears away what nobody holds, and of what only uploads hold what is older than `grace`. Beside pulls it takes its time; it
    /// ends early when the program stops.
    ///
    /// # Errors
    /// The disk failed; what was cleared away until then stays so.
    pub async fn collect_garbage(&self, grace: Duration) -> Result<Collected, PushError> {
        let grace = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
        let before = Timestamp(self.clock.now().0.saturating_sub(grace));
        let mut collected = Collected::default();
        let mut pace = Pace::new(&self.pulls, &*self.clock, &self.supervisor);
        self.renew_asked().await?;
        loop {
            let links = self.forget_unused(before).await?;
            collected.links += links;
            if !pace.goes_on().await {
                return Ok(collected);
            }
            if links < u64::from(PAGE) {
                break;
            }
        }
        let mut suspects: Vec<BlobStat> = Vec::new();
        let mut pages = pin!(blob_pages(&*self.stores.blobs));
        while let Some(page) = pages.try_next().await? {
            suspects.extend(self.unheld(page).await?);
            if !pace.goes_on().await {
                return Ok(collected);
            }
            if suspects.len() >= MAX_SUSPECTS {
                let some = std::mem::take(&mut suspects);
                self.clear_suspects(some, (&mut collected, &mut pace))
                    .await?;
            }
        }
        self.clear_suspects(suspects, (&mut collected, &mut pace))
            .await?;
        Ok(collected)
    }

    /// Deletes the bytes of those that are nobody's by every way of looking, and counts them.
    async fn clear_suspects(
        &self,
        suspects: Vec<BlobStat>,
        (collected, pace): (&mut Collected, &mut Pace<'_>),
    ) -> Result<(), PushError> {
        let unheld = self.unheld_on_reading(suspects).await?;
        for some in unheld.chunks(CLEARED_AT_ONCE) {
            if !pace.goes_on().await {
                break;
            }
            let some = some.to_vec();
            let cleared = self.to_the_end(async |registry| registry.clear_unheld(some).await);
            let (objects, bytes) = cleared.await?;
            collected.objects += objects;
            collected.bytes += bytes;
        }
        Ok(())
    }

    /// Those that nobody holds.
    async fn unheld(&self, mut stats: Vec<BlobStat>) -> Result<Vec<BlobStat>, PushError> {
        let held: HashSet<Digest> = self.held(&stats).await?.into_iter().collect();
        stats.retain(|stat| !held.contains(&stat.digest));
        Ok(stats)
    }

    async fn held(&self, stats: &[BlobStat]) -> Result<Vec<Digest>, PushError> {
        let digests = digests_of(stats);
        Ok(self.stores.rows.held(&digests).await?)
    }

    /// Of those that were found to be nobody's, those that are so by another way of looking too.
    ///
    /// # Errors
    /// The two ways tell different things, and it is not because something was pushed or dropped between them: the rows are
    /// damaged, and nothing must be deleted by them.
    async fn unheld_on_reading(
        &self,
        mut suspects: Vec<BlobStat>,
    ) -> Result<Vec<BlobStat>, PushError> {
        let mut doubted = suspects.clone();
        for _ in 0..LOOKS {
            let digests = digests_of(&doubted);
            let held = self.stores.rows.held_on_reading(&digests).await?;
            let held: HashSet<Digest> = held.into_iter().collect();
            suspects.retain(|stat| !held.contains(&stat.digest));
            doubted.retain(|stat| held.contains(&stat.digest));
            doubted = self.unheld(doubted).await?;
            if doubted.is_empty() {
                return Ok(suspects);
            }
        }
        let damaged: BoxError = Arc::new(Disagreement(doubted.len()));
        error!(error = %damaged, "cannot clear away what no local repository holds");
        Err(PushError::Internal(damaged))
    }

    /// Forgets some of the links that nothing needs, and of whose blob nobody was told of late.
    async fn forget_unused(&self, before: Timestamp) -> Result<u64, PushError> {
        let _closed = self.asked.nobody_is_told().await;
        self.renew_asked().await?;
        let rows = &self.stores.rows;
        Ok(rows.unlink_unused_blobs(before, PAGE).await?)
    }

    /// Deletes the bytes of those that nobody holds after all or is about to: how many, and how much that was.
    pub(crate) async fn clear_unheld(&self, stats: Vec<BlobStat>) -> Result<(u64, u64), PushError> {
        // A copy that is being made needs what was held when it was begun.
        let _deleting = self.deleting.read().await;
        let on_lease = stats
            .into_iter()
            .filter_map(|stat| Some((self.leases.try_alone(&stat.digest)?, stat)));
        self.clear_leased(on_lease.collect()).await
    }

    /// Deletes the bytes of a push that was refused, unless somebody holds them. While a copy is being made they are left to the next
    /// collection.
    pub(crate) async fn clear_refused(&self, stat: BlobStat) -> Result<(), PushError> {
        // Whoever pushes the same just now may be refused as well, and leaves it to us.
        let alone = self.leases.take_alone(&stat.digest).await;
        let Ok(_deleting) = self.deleting.try_read() else {
            return Ok(());
        };
        self.clear_leased(vec![(alone, stat)]).await.map(drop)
    }

    async fn clear_leased(
        &self,
        on_lease: Vec<(SoleLease<'_, Digest>, BlobStat)>,
    ) -> Result<(u64, u64), PushError> {
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

fn digests_of(stats: &[BlobStat]) -> Vec<Digest> {
    stats.iter().map(|stat| stat.digest.clone()).collect()
}
