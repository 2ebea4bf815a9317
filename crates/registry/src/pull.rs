//! Pulls: the registry as a source of image content.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use forebay_content::{
    Blob, BlobReader, ByteRange, CatalogError, ContentSource, HostedManifest, List,
    ManifestContent, Missing, Provenance, Request, Resolved, SourceError, collect_reader,
};
use forebay_oci::{Digest, MAX_MANIFEST_BYTES, Page, Reference, RepositoryName};
use tracing::error;

use crate::local_registry::LocalRegistry;
use crate::reading;

#[async_trait]
impl ContentSource for LocalRegistry {
    async fn resolve(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<Resolved, SourceError> {
        let found = self.find(&request.repository, reference).await?;
        Ok(Resolved {
            digest: found.digest,
            media_type: found.media_type,
            size: Some(found.size),
            provenance: Provenance::Kept,
        })
    }

    async fn manifest(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<ManifestContent, SourceError> {
        let found = self.find(&request.repository, reference).await?;
        let bytes = self.manifest_bytes(&found.digest).await?;
        Ok(ManifestContent {
            digest: found.digest,
            media_type: found.media_type,
            bytes,
            provenance: Provenance::Kept,
            from: None,
        })
    }

    async fn stat_blob(
        &self,
        request: &Request,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError> {
        let size = self.told_blob(&request.repository, digest).await?;
        match size {
            Some(size) if self.is_at_rest(digest).await? => Ok(Some(size)),
            _ => Err(self.absent(&request.repository, Missing::Blob).await),
        }
    }

    async fn blob(
        &self,
        request: &Request,
        digest: &Digest,
        range: Option<ByteRange>,
    ) -> Result<Blob, SourceError> {
        let rows = &self.stores.rows;
        let found = rows.find_hosted_blob(&request.repository, digest).await;
        let found = found.map_err(internal)?;
        if found.is_none() {
            return Err(self.absent(&request.repository, Missing::Blob).await);
        }
        let reader = self.open_blob(digest).await?;
        let size = reader.size();
        let wanted = range.map(|range| range.resolve(size)).transpose()?;
        Ok(Blob {
            size: Some(size),
            body: reading::body(reader, wanted.clone().unwrap_or(0..size)),
            range: wanted,
            provenance: Provenance::Kept,
        })
    }

    async fn tags(&self, request: &Request, page: &Page) -> Result<List, SourceError> {
        self.tag_list(&request.repository, page).await
    }

    async fn referrers(
        &self,
        request: &Request,
        digest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<List, SourceError> {
        let of = (digest, artifact_type);
        self.referrers_page(&request.repository, of, &Page::default())
            .await
    }
}

impl LocalRegistry {
    /// What a reference means to who pulls. To be asked whether it still does is to be pulled: whoever has an image already asks no
    /// more than that, as kubelets with `imagePullPolicy: Always` do.
    async fn find(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
    ) -> Result<HostedManifest, SourceError> {
        self.pulls.note();
        let rows = &self.stores.rows;
        let found = match reference {
            Reference::Tag(tag) => rows.find_hosted_tag(repository, tag).await,
            Reference::Digest(digest) => rows.find_hosted_manifest(repository, digest).await,
        };
        match found.map_err(internal)? {
            Some(found) => {
                self.note_pull(repository, &found.digest);
                Ok(found)
            }
            None => Err(self.absent(repository, Missing::Manifest).await),
        }
    }

    /// What is missing of a repository, or that the repository is.
    async fn absent(&self, repository: &RepositoryName, missing: Missing) -> SourceError {
        match self.stores.rows.find_repository(repository).await {
            Ok(Some(_)) => SourceError::NotFound(missing),
            Ok(None) => SourceError::NotFound(Missing::Repository),
            Err(error) => internal(error),
        }
    }

    /// The bytes of a manifest that some repository holds.
    async fn manifest_bytes(&self, digest: &Digest) -> Result<Bytes, SourceError> {
        if let Some(bytes) = self.manifests.get(digest) {
            return Ok(bytes);
        }
        let reader = self.open_blob(digest).await?;
        let bytes = collect_reader(reader.as_ref(), MAX_MANIFEST_BYTES).await;
        let bytes = bytes.map_err(|error| lost(digest, error))?;
        self.manifests.insert(digest.clone(), bytes.clone());
        Ok(bytes)
    }

    /// Whether bytes that some repository holds are there. If they are lost, whoever asks for them in order to push may bring them
    /// again.
    async fn is_at_rest(&self, digest: &Digest) -> Result<bool, SourceError> {
        match self.stores.blobs.open(digest).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_loss() => {
                error!(%digest, %error, "a blob of a local repository is damaged or gone: push its image again");
                Ok(false)
            }
            Err(error) => Err(SourceError::internal(error)),
        }
    }

    /// Opens bytes that some repository holds, and that must therefore be there.
    async fn open_blob(&self, digest: &Digest) -> Result<Arc<dyn BlobReader>, SourceError> {
        let opened = self.stores.blobs.open(digest).await;
        opened.map_err(|error| lost(digest, error))
    }
}

pub(crate) fn internal(error: CatalogError) -> SourceError {
    match error {
        CatalogError::Busy(_) => SourceError::Busy,
        error => SourceError::internal(error),
    }
}

fn lost(digest: &Digest, error: forebay_content::BlobError) -> SourceError {
    if error.is_loss() {
        error!(%digest, %error, "a blob of a local repository is damaged or gone: push its image again");
    }
    SourceError::internal(error)
}
