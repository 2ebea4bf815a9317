//! What commands may have the running server do.

use std::sync::Arc;

use arc_swap::ArcSwap;
use forebay_api_admin::{Control, ControlError, FsckRequest};
use forebay_blobs_fs::FsBlobs;
use forebay_cache::{FsckError, FsckMode, FsckReport, Kept};
use forebay_catalog_sql::SqlCatalog;
use forebay_content::{Provenance, Request};
use forebay_jobs::Supervisor;
use forebay_oci::{ImageName, Reference};
use tokio::sync::Mutex;
use tracing::info;

use super::check::{CheckReport, check_running};
use super::upstreams::Upstreams;

/// Acts on the running server.
pub(super) struct Controls {
    pub(super) upstreams: Arc<ArcSwap<Upstreams>>,
    pub(super) kept: Arc<Kept>,
    pub(super) blobs: Arc<FsBlobs>,
    pub(super) catalog: Arc<SqlCatalog>,
    pub(super) supervisor: Supervisor,
    /// Held by the check that is under way: a second one would only take the disk from the first.
    pub(super) checking: Mutex<()>,
}

/// Why an act could not be done.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0} is no image name: an image is written [registry/]repository[:tag]")]
    NoImage(String),
    #[error("no upstream is called {0}")]
    NoUpstream(String),
    #[error("a digest never changes: name a tag")]
    Digest,
    #[error("cannot refresh {image}")]
    Refresh {
        image: String,
        source: forebay_content::SourceError,
    },
    #[error("a check is under way already")]
    Checking,
    #[error("the server is stopping")]
    Stopping,
    #[error("the check could not be finished")]
    Unfinished(#[from] FsckError),
}

impl Control for Controls {
    async fn refresh(&self, image: &str) -> Result<String, ControlError> {
        self.refresh_tag(image)
            .await
            .map_err(|refusal| ControlError::of(&refusal))
    }

    async fn fsck(&self, request: FsckRequest) -> Result<serde_json::Value, ControlError> {
        let report = self.check(request.mend).await;
        let report = report.map_err(|refusal| ControlError::of(&refusal))?;
        serde_json::to_value(&report).map_err(|error| ControlError::of(&error))
    }
}

impl Controls {
    async fn check(&self, mend: bool) -> Result<CheckReport, Refusal> {
        let Ok(_only_one) = self.checking.try_lock() else {
            return Err(Refusal::Checking);
        };
        let tell = |so_far: &FsckReport| {
            info!(
                blobs = so_far.sound,
                bytes = so_far.bytes,
                "checking what is at rest"
            );
        };
        let mode = FsckMode { mend, tell: &tell };
        let report = tokio::select! {
            report = check_running(&self.kept, &self.blobs, &self.catalog, mode) => report?,
            () = self.supervisor.stopping() => return Err(Refusal::Stopping),
        };
        let clean = report.is_clean();
        info!(
            blobs = report.content.sound,
            clean, "checked what is at rest"
        );
        Ok(report)
    }

    async fn refresh_tag(&self, image: &str) -> Result<String, Refusal> {
        let image: ImageName = image
            .parse()
            .map_err(|_| Refusal::NoImage(image.to_owned()))?;
        let Reference::Tag(tag) = &image.reference else {
            return Err(Refusal::Digest);
        };
        let upstreams = self.upstreams.load_full();
        let upstream = upstreams.get(image.registry.as_str());
        let upstream = upstream.ok_or_else(|| Refusal::NoUpstream(image.registry.clone()))?;
        let request = Request::in_background(image.repository.clone());
        let refreshed = upstream.cache().refresh(&request, tag).await;
        let refreshed = refreshed.map_err(|source| Refusal::Refresh {
            image: image.to_string(),
            source,
        })?;
        let what = if refreshed.provenance == Provenance::Fetched {
            "fetched anew"
        } else {
            "unchanged"
        };
        Ok(format!("{image} is {}: {what}", refreshed.digest))
    }
}
