//! Whether the bytes of local repositories are where rows say, looked after now and then, whether pushes are kept, and changes
//! written down: for `/readyz` and the log.
//!
//! A volume that is not mounted, or has gone, is told soon after; single losses are for `forebay fsck` to find.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use forebay_api_admin::HostedReadings;
use forebay_backup::{REGISTRY_DIRECTORY, is_emptied};
use forebay_catalog_sql::SqlRegistry;
use forebay_content::{Audit, Clock};
use forebay_jobs::Supervisor;
use forebay_registry::LocalRegistry;
use tracing::{info, warn};

use crate::hosting::Hosting;

/// How often it is looked after.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// How local repositories are. Clones tell the same.
#[derive(Clone, Default)]
pub(crate) struct RegistryHealth {
    /// What was found when their bytes were looked for last.
    lost: Arc<ArcSwapOption<String>>,
    registry: Option<Arc<LocalRegistry>>,
    /// Where changes are written down.
    audit: Option<Arc<dyn Audit>>,
}

impl RegistryHealth {
    /// Looks now, and again and again until `supervisor` stops.
    pub(crate) async fn watch(
        hosting: &Hosting,
        (data, audit): (&Path, &Arc<dyn Audit>),
        (clock, supervisor): (&Arc<dyn Clock>, &Supervisor),
    ) -> Self {
        let health = Self {
            registry: Some(Arc::clone(&hosting.registry)),
            audit: Some(Arc::clone(audit)),
            ..Self::default()
        };
        let trouble = format!(
            "{} has nothing of what local repositories hold: if it is a volume, mount it and restart Forebay; if it is lost, restore a backup or push those images again (forebay fsck --dry-run names them)",
            data.join(REGISTRY_DIRECTORY).display()
        );
        let (data, rows) = (data.to_owned(), Arc::clone(&hosting.shelves.rows));
        health.look((&data, &rows), &trouble).await;
        let watched = health.clone();
        let (clock, stop) = (Arc::clone(clock), supervisor.clone());
        supervisor.spawn("health of the registry", async move {
            loop {
                tokio::select! {
                    () = clock.sleep(LOOK_EVERY) => {}
                    () = stop.stopping() => break,
                }
                watched.look((&data, &rows), &trouble).await;
                if let Some(registry) = &watched.registry {
                    registry.look_at_disk().await;
                }
            }
        });
        health
    }

    /// What is wrong, in words for an operator.
    pub(crate) fn troubles(&self) -> Vec<String> {
        let lost = self.lost.load().as_deref().cloned();
        let refused = self.registry.as_ref().and_then(|it| it.disk_trouble());
        let unwritten = self.audit.as_ref().and_then(|it| it.trouble());
        lost.into_iter().chain(refused).chain(unwritten).collect()
    }

    /// What local repositories hold; none where there are none, or their rows cannot be read.
    pub(crate) async fn readings(&self) -> Option<HostedReadings> {
        let registry = self.registry.as_ref()?;
        Some(HostedReadings {
            usage: registry.usage().await.ok()?,
            open_uploads: registry.open_uploads() as u64,
        })
    }

    async fn look(&self, (data, rows): (&Path, &SqlRegistry), trouble: &str) {
        // What cannot be read is told by each who reads it.
        let Ok(is_emptied) = is_emptied(data, rows).await else {
            return;
        };
        match (is_emptied, self.lost.load().is_some()) {
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
