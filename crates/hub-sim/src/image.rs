//! An image as a story tells it: how many layers, for which platforms, of which kind.
//!
//! Only the description; `assemble` makes the manifests and blobs of it.

use crate::blob::Algorithm;
use bytes::Bytes;

/// What an image looks like. Its content is noise that follows from the name it is pushed under, and from how often
/// that name was pushed before, unless [`Image::seed`] fixes it.
#[derive(Clone, Debug)]
pub struct Image {
    pub(crate) layers: Vec<Layer>,
    pub(crate) platforms: Vec<String>,
    pub(crate) attestations: bool,
    pub(crate) docker_types: bool,
    pub(crate) algorithm: Algorithm,
    pub(crate) overstated_by: u64,
    pub(crate) seed: Option<u64>,
    pub(crate) artifact_type: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) annotations: Vec<(String, String)>,
    pub(crate) raw_manifest: Option<(String, Bytes)>,
}

/// One layer of each platform.
#[derive(Clone, Debug)]
pub(crate) enum Layer {
    /// Noise of this many bytes, as a file in a tar when there is room for that (1,536 bytes).
    Sized(u64),
    /// Exactly these bytes under this media type.
    Given(String, Bytes),
    /// Bytes that the registry does not hold, to be had at this address.
    Foreign(String, u64),
}

impl Layer {
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(self, Self::Foreign(..))
    }
}

impl Image {
    /// One platform (linux/amd64), no index, two layers of 4 KiB and 10,000 bytes.
    pub fn small() -> Self {
        Self::with_layers(&[4096, 10_000])
    }

    /// One platform and layers of these sizes in bytes.
    pub fn with_layers(sizes: &[u64]) -> Self {
        Self {
            layers: sizes.iter().copied().map(Layer::Sized).collect(),
            platforms: Vec::new(),
            attestations: false,
            docker_types: false,
            algorithm: Algorithm::Sha256,
            overstated_by: 0,
            seed: None,
            artifact_type: None,
            subject: None,
            annotations: Vec::new(),
            raw_manifest: None,
        }
    }

    /// An OCI artifact with one small blob, for instance a signature or an SBOM. See `HubSim::referrer`.
    pub fn artifact(artifact_type: &str) -> Self {
        let mut image = Self::with_layers(&[300]);
        image.artifact_type = Some(artifact_type.to_owned());
        image
    }

    /// Any bytes at all as a manifest of any type, for instance an ambiguous or a broken one.
    pub fn raw(media_type: &str, manifest: impl Into<Bytes>) -> Self {
        let mut image = Self::with_layers(&[]);
        image.raw_manifest = Some((media_type.to_owned(), manifest.into()));
        image
    }

    /// One more layer of `size` bytes.
    #[must_use]
    pub fn layer(mut self, size: u64) -> Self {
        self.layers.push(Layer::Sized(size));
        self
    }

    /// One more layer with exactly these bytes.
    #[must_use]
    pub fn layer_bytes(mut self, media_type: &str, bytes: impl Into<Bytes>) -> Self {
        self.layers
            .push(Layer::Given(media_type.to_owned(), bytes.into()));
        self
    }

    /// One more layer of `size` bytes that is not in the registry: its descriptor names this URL instead.
    #[must_use]
    pub fn foreign_layer(mut self, url: &str, size: u64) -> Self {
        self.layers.push(Layer::Foreign(url.to_owned(), size));
        self
    }

    /// The manifest says of each layer that it is so many bytes longer than it is.
    #[must_use]
    pub fn overstated_sizes(mut self, by: u64) -> Self {
        self.overstated_by = by;
        self
    }

    /// Makes it an index with one child for each platform (`linux/amd64`, `linux/arm/v7`).
    #[must_use]
    pub fn platforms(mut self, platforms: &[&str]) -> Self {
        self.platforms = platforms.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Adds an attestation child for each platform, as buildx does (platform unknown/unknown). Makes it an index.
    #[must_use]
    pub fn attestations(mut self) -> Self {
        self.attestations = true;
        self
    }

    /// Docker's media types (schema 2 and manifest list) instead of OCI's.
    #[must_use]
    pub fn docker_types(mut self) -> Self {
        self.docker_types = true;
        self
    }

    /// Blobs and manifests are named by sha512.
    #[must_use]
    pub fn sha512(mut self) -> Self {
        self.algorithm = Algorithm::Sha512;
        self
    }

    /// Fixes the content: the same seed gives the same digests under every name.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Names the manifest that this one refers to, by digest.
    #[must_use]
    pub fn subject(mut self, digest: &str) -> Self {
        self.subject = Some(digest.to_owned());
        self
    }

    /// Adds an annotation to the root manifest.
    #[must_use]
    pub fn annotation(mut self, key: &str, value: &str) -> Self {
        self.annotations.push((key.to_owned(), value.to_owned()));
        self
    }
}
