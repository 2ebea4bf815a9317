//! Manifests by digest: at rest and earned, or fetched once for all who ask.

use std::sync::Arc;

use forebay_content::{ManifestContent, Provenance, Request, Resolved, SourceError};
use forebay_oci::{Digest, Reference};

use crate::caching_source::{Fetched, Inner};
use crate::kept::StoredManifest;
use crate::negative::Asked;

/// How often one request begins anew after another repository's fetch was refused.
const MAX_TURNS: usize = 3;

impl Inner {
    /// The manifest of this digest.
    pub(crate) async fn manifest_by_digest(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
    ) -> Result<ManifestContent, SourceError> {
        if let Some(stored) = self.kept.find_manifest(digest).await {
            self.earn_manifest(request, digest).await?;
            self.kept.note_use(&stored);
            return Ok(stored.content(Provenance::Kept));
        }
        let stored = self.fetch(request, digest).await?;
        self.keep_promises(&request.repository, digest);
        Ok(stored.content(Provenance::Fetched))
    }

    /// The descriptor of the manifest of this digest.
    pub(crate) async fn resolve_digest(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
    ) -> Result<Resolved, SourceError> {
        if let Some(stored) = self.kept.find_manifest(digest).await {
            self.earn_manifest(request, digest).await?;
            self.kept.note_use(&stored);
            return Ok(stored.resolved());
        }
        self.ask_manifest(request, digest).await
    }

    /// Fetches once for all who ask, whichever repository they ask through.
    async fn fetch(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
    ) -> Result<Arc<StoredManifest>, SourceError> {
        let asked = Asked::manifest(request, &Reference::Digest(digest.clone()));
        for _ in 0..MAX_TURNS {
            self.absent(&asked)?;
            let ticket = self.fetches.join(digest.clone(), || {
                Arc::clone(self).fetch_now(request.clone(), digest.clone())
            });
            let fetched = ticket.result().await?;
            if fetched.repository == request.repository {
                return fetched.result;
            }
            match fetched.result {
                // Another repository earned it; this one has to by itself.
                Ok(stored) => return self.earn_manifest(request, digest).await.map(|()| stored),
                Err(error) if error.is_answer() => {}
                Err(error) => return Err(error),
            }
        }
        Err(SourceError::Unavailable {
            why: "other repositories' refusals came first".to_owned(),
            retry_after: None,
        })
    }

    async fn fetch_now(self: Arc<Self>, request: Request, digest: Digest) -> Fetched {
        let reference = Reference::Digest(digest.clone());
        // It may have come between the look that missed it and this.
        if let Some(stored) = self.kept.find_manifest(&digest).await {
            let earned = self.earn_manifest(&request, &digest).await;
            let result = earned.map(|()| stored);
            return Fetched {
                repository: request.repository,
                result,
            };
        }
        let result = match self.source.manifest(&request, &reference).await {
            Ok(content) if content.digest == digest && digest.matches(&content.bytes) => {
                let stored = Arc::new(StoredManifest::new(
                    digest,
                    content.media_type,
                    content.bytes,
                ));
                self.kept.note_use(&stored);
                self.kept
                    .keep_manifest(&self.target(&request.repository), &stored);
                Ok(stored)
            }
            Ok(_) => Err(SourceError::Invalid {
                why: format!("the manifest is not the one of {digest}"),
            }),
            Err(error) => {
                self.remember_absence(Asked::manifest(&request, &reference), &error);
                Err(error)
            }
        };
        Fetched {
            repository: request.repository,
            result,
        }
    }
}

impl StoredManifest {
    fn content(&self, provenance: Provenance) -> ManifestContent {
        ManifestContent {
            digest: self.digest.clone(),
            media_type: self.media_type.clone(),
            bytes: self.bytes.clone(),
            provenance,
        }
    }

    fn resolved(&self) -> Resolved {
        Resolved {
            digest: self.digest.clone(),
            media_type: self.media_type.clone(),
            size: Some(self.bytes.len() as u64),
            provenance: Provenance::Kept,
        }
    }
}
