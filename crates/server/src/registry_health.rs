//! Whether the bytes of local repositories are where rows say, looked after now and then, and whether pushes are kept: for `/readyz`
//! and the log.
//!
//! A volume that is not mounted, or has gone, is told soon after; single losses are for `forebay fsck` to find.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use forebay_backup::REGISTRY_DIRECTORY;
use forebay_content::{BlobError, BlobStore, CatalogError, Clock, Hosted};
use forebay_jobs::Supervisor;
use forebay_registry::LocalRegistry;
use tracing::{info, warn};

use crate::hosting::{Hosting, Shelves};

/// How often it is looked after.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// How many objects are looked for before all are taken for lost. Digests are in no order that has a meaning, so the first ones are as
/// good as any.
const LOOKED_FOR: u32 = 100;

/// How local repositories are. Clones tell the same.
#[derive(Clone, Default)]
pub(crate) struct RegistryHealth {
    /// What was found when their bytes were looked for last.
    lost: Arc<ArcSwapOption<String>>,
    registry: Option<Arc<LocalRegistry>>,
}

impl RegistryHealth {
    /// Looks now, and again and again until `supervisor` stops.
    pub(crate) async fn watch(
        hosting: &Hosting,
        data: &Path,
        (clock, supervisor): (&Arc<dyn Clock>, &Supervisor),
    ) -> Self {
        let health = Self {
            registry: Some(Arc::clone(&hosting.registry)),
            ..Self::default()
        };
        let shelves = &hosting.shelves;
        let trouble = format!(
            "{} has nothing of what local repositories hold: if it is a volume, mount it and restart Forebay; if it is lost, restore a backup or push those images again (forebay fsck --dry-run names them)",
            data.join(REGISTRY_DIRECTORY).display()
        );
        health.look(shelves, &trouble).await;
        let (watched, shelves) = (health.clone(), shelves.clone());
        let (clock, stop) = (Arc::clone(clock), supervisor.clone());
        supervisor.spawn("health of the registry", async move {
            loop {
                tokio::select! {
                    () = clock.sleep(LOOK_EVERY) => {}
                    () = stop.stopping() => break,
                }
                watched.look(&shelves, &trouble).await;
            }
        });
        health
    }

    /// What is wrong, in words for an operator.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let lost = self.lost.load().as_deref().cloned();
        let refused = self.registry.as_ref().and_then(|it| it.disk_trouble());
        lost.into_iter().chain(refused).collect()
    }

    async fn look(&self, shelves: &Shelves, trouble: &str) {
        // Rows that cannot be read are told by each who reads them.
        let Ok(is_lost) = is_all_lost(&*shelves.rows, &shelves.blobs).await else {
            return;
        };
        match (is_lost, self.lost.load().is_some()) {
            (true, false) => {
                warn!("{trouble}");
                self.lost.store(Some(Arc::new(trouble.to_owned())));
            }
            (false, true) => {
                info!("bytes of local repositories are there again");
                self.lost.store(None);
            }
            _ => {}
        }
    }
}

/// Whether none of those that are looked for is at rest, and there are some.
async fn is_all_lost(rows: &dyn Hosted, blobs: &dyn BlobStore) -> Result<bool, CatalogError> {
    let held = rows.held_after(None, LOOKED_FOR).await?;
    for stat in &held {
        // Opened is there; so is, most likely, what the disk does not let us open now.
        if !matches!(blobs.open(&stat.digest).await, Err(BlobError::NotFound)) {
            return Ok(false);
        }
    }
    Ok(!held.is_empty())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use forebay_content::memory::{MemoryBlobs, MemoryHosted};
    use forebay_content::{HostedBlob, HostedPushes as _, Timestamp};
    use forebay_oci::Digest;

    use super::*;

    #[tokio::test]
    async fn only_where_nothing_is_at_rest_all_is_lost() {
        let (rows, blobs) = (MemoryHosted::default(), MemoryBlobs::default());
        assert!(!is_all_lost(&rows, &blobs).await.unwrap());
        let repository = "app".parse().unwrap();
        for bytes in ["one", "two"] {
            let blob = HostedBlob {
                digest: Digest::sha256(bytes.as_bytes()),
                size: 3,
                quota_bytes: None,
            };
            let committed = rows.commit_blob(&repository, &blob, Timestamp(1)).await;
            committed.unwrap();
        }
        assert!(is_all_lost(&rows, &blobs).await.unwrap());
        let mut stage = blobs.stage(None).await.unwrap();
        stage.write(Bytes::from("two")).await.unwrap();
        stage.commit(&Digest::sha256(b"two")).await.unwrap();
        assert!(!is_all_lost(&rows, &blobs).await.unwrap());
    }
}
