//! A registry over a directory, and what is pushed to it.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_blobs_fs::{Disk, FsBlobs, FsJournal, RealDisk};
use forebay_catalog_sql::SqlRegistry;
use forebay_content::{Clock, Hosted, SystemClock};
use forebay_jobs::Supervisor;
use forebay_oci::{Digest, MediaType, Reference, RepositoryName};
use forebay_registry::{LocalRegistry, PushError, PushedAs, Stores, Uploader};
use serde_json::{Value, json};

/// The registry's database, beside its blobs.
pub(crate) const ROWS: &str = "registry.sqlite";

const PATIENCE: Duration = Duration::from_secs(30);

/// Everything open.
pub(crate) struct Scene {
    pub(crate) registry: Arc<LocalRegistry>,
    pub(crate) blobs: FsBlobs,
    pub(crate) rows: Arc<SqlRegistry>,
    pub(crate) supervisor: Supervisor,
}

impl Scene {
    pub(crate) async fn open(root: &Path) -> Self {
        Self::on(root, Arc::new(RealDisk), Arc::new(SystemClock::new())).await
    }

    pub(crate) async fn on(root: &Path, disk: Arc<dyn Disk>, clock: Arc<dyn Clock>) -> Self {
        Self::with_rows(root, &root.join(ROWS), (disk, clock)).await
    }

    /// With rows that lie elsewhere.
    pub(crate) async fn with_rows(
        root: &Path,
        rows: &Path,
        (disk, clock): (Arc<dyn Disk>, Arc<dyn Clock>),
    ) -> Self {
        let rows = Arc::new(SqlRegistry::open(rows).await.unwrap());
        Self::over(root, rows, (disk, clock), |rows| rows)
    }

    /// With something between the registry and its rows.
    pub(crate) async fn hooked(
        root: &Path,
        (disk, clock): (Arc<dyn Disk>, Arc<dyn Clock>),
        hook: impl FnOnce(Arc<dyn Hosted>) -> Arc<dyn Hosted>,
    ) -> Self {
        let rows = Arc::new(SqlRegistry::open(&root.join(ROWS)).await.unwrap());
        Self::over(root, rows, (disk, clock), hook)
    }

    fn over(
        root: &Path,
        rows: Arc<SqlRegistry>,
        (disk, clock): (Arc<dyn Disk>, Arc<dyn Clock>),
        hook: impl FnOnce(Arc<dyn Hosted>) -> Arc<dyn Hosted>,
    ) -> Self {
        let blobs = FsBlobs::open(root, Arc::clone(&disk)).unwrap();
        let journal = FsJournal::open(root, disk).unwrap();
        let stores = Stores {
            blobs: Arc::new(blobs.clone()),
            rows: hook(rows.clone()),
            journal: Arc::new(journal),
        };
        let supervisor = Supervisor::new();
        Self {
            registry: LocalRegistry::open(stores, clock, &supervisor),
            blobs,
            rows,
            supervisor,
        }
    }

    /// Ends all that is under way, and closes the rows.
    pub(crate) async fn close(self) {
        self.supervisor.stop();
        assert!(self.supervisor.drain(PATIENCE).await);
        self.registry.flush().await;
        self.rows.close().await.unwrap();
    }

    /// Uploads a blob in two parts.
    pub(crate) async fn upload(
        &self,
        repository: &RepositoryName,
        content: &Bytes,
    ) -> Result<Digest, PushError> {
        let digest = Digest::sha256(content);
        self.upload_as(repository, content, &digest).await?;
        Ok(digest)
    }

    /// Uploads a blob that is said to have this digest.
    pub(crate) async fn upload_as(
        &self,
        repository: &RepositoryName,
        content: &Bytes,
        digest: &Digest,
    ) -> Result<(), PushError> {
        let uploader = uploader(repository);
        let id = self.registry.begin_upload(uploader.clone(), None).await?;
        for part in [
            content.slice(..content.len() / 2),
            content.slice(content.len() / 2..),
        ] {
            let mut upload = self.registry.upload(&uploader, id).await?;
            upload.write(part).await?;
        }
        let upload = self.registry.upload(&uploader, id).await?;
        self.registry.finish_upload(&uploader, upload, digest).await
    }

    /// Pushes a manifest, under a tag or its digest.
    pub(crate) async fn push(
        &self,
        repository: &RepositoryName,
        tag: Option<&str>,
        manifest: &Value,
    ) -> Result<PushedAs, PushError> {
        let bytes = Bytes::from(manifest.to_string());
        let media_type = match manifest["manifests"] {
            Value::Null => MediaType::OCI_MANIFEST,
            _ => MediaType::OCI_INDEX,
        };
        let reference = match tag {
            Some(tag) => Reference::Tag(tag.parse().unwrap()),
            None => Reference::Digest(Digest::sha256(&bytes)),
        };
        self.registry
            .push_manifest(repository, (&reference, &[]), (bytes, Some(&media_type)))
            .await
    }

    /// Pushes an image with its blobs.
    pub(crate) async fn push_image(
        &self,
        repository: &RepositoryName,
        tag: Option<&str>,
        image: &Image,
    ) -> Result<PushedAs, PushError> {
        for blob in &image.blobs {
            self.upload(repository, blob).await?;
        }
        self.push(repository, tag, &image.manifest).await
    }
}

/// An image, its configuration first among its blobs.
#[derive(Clone, Debug)]
pub(crate) struct Image {
    pub(crate) blobs: Vec<Bytes>,
    pub(crate) manifest: Value,
}

impl Image {
    /// An image of these blobs that differs from others by its name.
    pub(crate) fn of(name: &str, layers: Vec<Bytes>) -> Self {
        let config = Bytes::from(format!("{{\"name\":\"{name}\"}}"));
        let described: Vec<_> = layers.iter().map(described_layer).collect();
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MediaType::OCI_MANIFEST.as_str(),
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": Digest::sha256(&config).to_string(),
                "size": config.len(),
            },
            "layers": described,
        });
        let blobs = std::iter::once(config).chain(layers).collect();
        Self { blobs, manifest }
    }

    /// One of two layers, one of which others have as well.
    pub(crate) fn numbered(number: u32) -> Self {
        let layers = vec![content(number % 3, 70_000), content(1000 + number, 3000)];
        Self::of(&format!("image {number}"), layers)
    }

    pub(crate) fn digest(&self) -> Digest {
        digest_of(&self.manifest)
    }

    /// The same image, about another manifest.
    pub(crate) fn about(mut self, subject: &Digest) -> Self {
        self.manifest["subject"] = json!({
            "mediaType": MediaType::OCI_MANIFEST.as_str(),
            "digest": subject.to_string(),
            "size": 2,
        });
        self.manifest["annotations"] = json!({ "org.example.of": "a test" });
        self
    }
}

/// An index of these manifests.
pub(crate) fn index(name: &str, children: &[Digest]) -> Value {
    let children: Vec<_> = children
        .iter()
        .map(|child| {
            json!({
                "mediaType": MediaType::OCI_MANIFEST.as_str(),
                "digest": child.to_string(),
                "size": 2,
            })
        })
        .collect();
    json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX.as_str(),
        "manifests": children,
        "annotations": { "org.example.name": name },
    })
}

pub(crate) fn digest_of(manifest: &Value) -> Digest {
    Digest::sha256(manifest.to_string().as_bytes())
}

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(crate) fn uploader(repository: &RepositoryName) -> Uploader {
    Uploader {
        repository: repository.clone(),
        who: "a test".into(),
    }
}

/// Waits until no more files than that are staged: a dropped stage takes its own with it in a moment.
pub(crate) async fn staged_at_most(root: &Path, files: usize) {
    let few = async {
        while std::fs::read_dir(root.join("staging")).unwrap().count() > files {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, few).await.unwrap();
}

/// `len` bytes without a short period, different for each seed.
pub(crate) fn content(seed: u32, len: usize) -> Bytes {
    let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[1]
    };
    (0..len).map(|_| next()).collect()
}

fn described_layer(layer: &Bytes) -> Value {
    json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "digest": Digest::sha256(layer).to_string(),
        "size": layer.len(),
    })
}
