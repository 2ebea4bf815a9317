//! Fetches images into the cache before they are needed, as work of our own: what is left of a budget for clients stays theirs.

use std::collections::BTreeMap;
use std::sync::Arc;

use forebay_api_admin::{WarmRequest, Warmed};
use forebay_config::{Config, Sources};
use forebay_content::{ContentSource, Request, SourceError};
use forebay_limits::counted;
use forebay_oci::{Descriptor, Digest, ImageName, Manifest, Reference, UpstreamName};
use forebay_terminal::Failure;
use futures::TryStreamExt as _;

use crate::control_client::ask_running;
use crate::ledger_door::Quiet;

/// Why an image is not in the cache.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotWarm {
    #[error("{0} is no image name")]
    NoImage(String),
    #[error("no upstream is configured for {0}")]
    NoUpstream(String),
    #[error("cannot fetch all of {image}: {came}")]
    Fetch {
        image: String,
        /// What came of it before.
        came: String,
        source: SourceError,
    },
    #[error("{image} names no manifests that can be read")]
    Unread { image: String },
}

/// Fetches these images into the cache, one after the other, through the server that runs on the data directory, or by
/// ourselves, who hold it meanwhile. What came of each, in their order.
///
/// # Errors
/// Nothing could be begun.
pub async fn warm(
    sources: &Sources,
    config: &Config,
    wanted: Vec<WarmRequest>,
) -> Result<Vec<Result<Warmed, Failure>>, Failure> {
    let Some(first) = wanted.first() else {
        return Ok(Vec::new());
    };
    let mut told = Vec::new();
    if let Some(answer) = ask_running(&config.data, "/warm", first).await.transpose() {
        told.push(answer);
        for one in &wanted[1..] {
            let answer = ask_running(&config.data, "/warm", one).await.transpose();
            told.push(
                answer.unwrap_or_else(|| Err(Failure::plain("the server has stopped meanwhile"))),
            );
        }
        return Ok(told);
    }
    let quiet = Quiet::open(sources, config).await?;
    let doors = quiet.desk.doors.load_full();
    for one in &wanted {
        let warmed = warm_by(&doors.caches, one).await;
        told.push(warmed.map_err(|error| failure(one, error)));
    }
    drop(doors);
    quiet.close().await?;
    Ok(told)
}

fn failure(wanted: &WarmRequest, error: NotWarm) -> Failure {
    Failure::failed(format!("{} is not in the cache", wanted.image), error)
}

/// Fetches one image through these caches.
pub(crate) async fn warm_by<C: ContentSource>(
    caches: &BTreeMap<UpstreamName, Arc<C>>,
    wanted: &WarmRequest,
) -> Result<Warmed, NotWarm> {
    let name: ImageName = wanted
        .image
        .parse()
        .map_err(|_| NotWarm::NoImage(wanted.image.clone()))?;
    let cache = caches
        .get(name.registry.as_str())
        .ok_or_else(|| NotWarm::NoUpstream(name.registry.clone()))?;
    let fetching = Fetching {
        cache: &**cache,
        request: Request::in_background(name.repository.clone()),
    };
    let mut warmed = Warmed::default();
    let fetched = fetching.image(&name.reference, &wanted.platforms, &mut warmed);
    match fetched.await {
        Ok(()) => Ok(warmed),
        Err(Broken::Unread) => Err(NotWarm::Unread {
            image: wanted.image.clone(),
        }),
        Err(Broken::Source(source)) => Err(NotWarm::Fetch {
            image: wanted.image.clone(),
            came: came(&warmed),
            source,
        }),
    }
}

/// What came of an image of which not all did.
fn came(warmed: &Warmed) -> String {
    if warmed.manifests == 0 {
        return "nothing of it came".to_owned();
    }
    let manifests = counted(warmed.manifests, "manifest");
    let blobs = counted(warmed.blobs, "whole blob");
    format!("{manifests} and {blobs} came, and the rest did not")
}

/// Why an image is not fetched whole.
enum Broken {
    Unread,
    Source(SourceError),
}

impl From<SourceError> for Broken {
    fn from(source: SourceError) -> Self {
        Self::Source(source)
    }
}

struct Fetching<'a, C> {
    cache: &'a C,
    request: Request,
}

impl<C: ContentSource> Fetching<'_, C> {
    async fn image(
        &self,
        reference: &Reference,
        platforms: &[String],
        warmed: &mut Warmed,
    ) -> Result<(), Broken> {
        let top = self.manifest(reference, warmed).await?;
        if top.manifests.is_empty() {
            return self.blobs(&top, warmed).await;
        }
        for one in chosen(&top.manifests, platforms, &mut warmed.missing) {
            let reference = Reference::Digest(one.digest.clone());
            let manifest = self.manifest(&reference, warmed).await?;
            self.blobs(&manifest, warmed).await?;
        }
        Ok(())
    }

    async fn manifest(
        &self,
        reference: &Reference,
        warmed: &mut Warmed,
    ) -> Result<Manifest, Broken> {
        let content = self.cache.manifest(&self.request, reference).await?;
        warmed.manifests += 1;
        Manifest::parse(&content.bytes).map_err(|_| Broken::Unread)
    }

    async fn blobs(&self, manifest: &Manifest, warmed: &mut Warmed) -> Result<(), Broken> {
        // What lies elsewhere is not fetched from there.
        for blob in manifest.blobs.iter().filter(|blob| blob.urls.is_empty()) {
            warmed.bytes += self.blob(&blob.digest).await?;
            warmed.blobs += 1;
        }
        Ok(())
    }

    /// Reads a blob to its end, by which it is kept; its bytes.
    async fn blob(&self, digest: &Digest) -> Result<u64, SourceError> {
        let blob = self.cache.blob(&self.request, digest, None).await?;
        let mut stream = blob.body.into_bytes();
        let mut bytes = 0;
        while let Some(chunk) = stream.try_next().await? {
            bytes += chunk.len() as u64;
        }
        Ok(bytes)
    }
}

/// The manifests of an index that are wanted: those of the platforms, or of all real ones if none are named.
fn chosen<'a>(
    manifests: &'a [Descriptor],
    platforms: &[String],
    missing: &mut Vec<String>,
) -> Vec<&'a Descriptor> {
    let is_real = |one: &&Descriptor| {
        let platform = one.platform.as_ref();
        platform.is_none_or(|platform| platform.os != "unknown")
    };
    if platforms.is_empty() {
        return manifests.iter().filter(is_real).collect();
    }
    let mut chosen = Vec::new();
    for wanted in platforms {
        // `linux/arm64` is also what is for `linux/arm64/v8`.
        let is_it = |one: &&Descriptor| {
            one.platform.as_ref().is_some_and(|platform| {
                let told = platform.to_string();
                told == *wanted
                    || told
                        .strip_prefix(wanted.as_str())
                        .is_some_and(|rest| rest.starts_with('/'))
            })
        };
        match manifests.iter().find(is_it) {
            Some(one) => chosen.push(one),
            None => missing.push(wanted.clone()),
        }
    }
    chosen
}
