//! What commands may have the running server do.

use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use forebay_api_admin::{Control, ControlError, FsckRequest};
use forebay_cache::fsck;
use forebay_content::{BlobStore, Caller, Catalog, Clock, Provenance, Request};
use forebay_oci::{ImageName, Reference};

use super::upstreams::Upstreams;

/// Acts on the running server.
pub(super) struct Controls {
    pub(super) upstreams: Arc<ArcSwap<Upstreams>>,
    pub(super) blobs: Arc<dyn BlobStore>,
    pub(super) catalog: Arc<dyn Catalog>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) data: PathBuf,
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
}

impl Control for Controls {
    async fn refresh(&self, image: &str) -> Result<String, ControlError> {
        self.refresh_tag(image)
            .await
            .map_err(|refusal| ControlError::of(&refusal))
    }

    async fn fsck(&self, request: FsckRequest) -> Result<serde_json::Value, ControlError> {
        let report = fsck(
            self.blobs.as_ref(),
            self.catalog.as_ref(),
            self.clock.as_ref(),
            request.repair,
        );
        let report = report.await.map_err(|error| ControlError::of(&error))?;
        tracing::info!(data = %self.data.display(), sound = report.sound, clean = report.is_clean(), "checked what is at rest");
        serde_json::to_value(&report).map_err(|error| ControlError::of(&error))
    }
}

impl Controls {
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
        let request = Request {
            repository: image.repository.clone(),
            caller: Caller::ourselves(),
        };
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
