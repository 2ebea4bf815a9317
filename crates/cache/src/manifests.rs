//! Manifests by digest: at rest and earned, or fetched once for all who ask.

use std::sync::Arc;

use forebay_content::{ManifestContent, Provenance, Request, Resolved, SourceError};
use forebay_oci::{Digest, MediaType, Reference, UpstreamName};

use crate::asking::{MAX_TURNS, binds_only_its_repository, out_of_turns};
use crate::caching_source::{Fetched, Inner};
use crate::claim::{Claim, was_refused_for_less};
use crate::kept::StoredManifest;
use crate::negative::Asked;

impl Inner {
    /// The manifest of this digest; `told` is what this repository's upstream says that it is, if that is known.
    pub(crate) async fn manifest_by_digest(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
        told: Option<&MediaType>,
    ) -> Result<ManifestContent, SourceError> {
        let target = self.target(&request.repository);
        let earned = self.find_earned(request, digest).await?;
        let (stored, provenance, from) = if let Some(stored) = earned {
            (stored, Provenance::Kept, None)
        } else {
            let (stored, from) = self.fetch(request, digest).await?;
            (stored, Provenance::Fetched, from)
        };
        if provenance == Provenance::Fetched {
            self.kept.remember_sizes(&target, &stored);
            self.keep_promises(&request.repository, digest).await;
        } else {
            self.kept.note_use(&target, &stored);
        }
        Ok(ManifestContent {
            digest: stored.digest.clone(),
            media_type: self.type_of(request, &stored, told).await?,
            bytes: stored.bytes.clone(),
            provenance,
            from,
        })
    }

    /// The descriptor of the manifest of this digest.
    pub(crate) async fn resolve_digest(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
    ) -> Result<Resolved, SourceError> {
        let Some(stored) = self.find_earned(request, digest).await? else {
            return self.ask_manifest(request, digest).await;
        };
        let target = self.target(&request.repository);
        self.kept.note_use(&target, &stored);
        Ok(Resolved {
            digest: stored.digest.clone(),
            media_type: self.type_of(request, &stored, None).await?,
            size: Some(stored.bytes.len() as u64),
            provenance: Provenance::Kept,
        })
    }

    /// The manifest, if it is at rest and this repository has earned it.
    async fn find_earned(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
    ) -> Result<Option<Arc<StoredManifest>>, SourceError> {
        let Some(stored) = self.kept.find_manifest(digest).await else {
            return Ok(None);
        };
        let earned = self.earn_manifest(request, digest).await?;
        Ok(earned.then_some(stored))
    }

    /// What a manifest is: what its bytes say, else what this repository's upstream does.
    async fn type_of(
        self: &Arc<Self>,
        request: &Request,
        stored: &StoredManifest,
        told: Option<&MediaType>,
    ) -> Result<MediaType, SourceError> {
        if let Some(said) = stored.media_type.as_ref().or(told) {
            return Ok(said.clone());
        }
        let key = self.link_of(request, &stored.digest);
        if let Some(told) = self.kept.told_types.get(&key) {
            return Ok(told);
        }
        let asked = self.ask_manifest(request, &stored.digest).await;
        asked.map(|resolved| resolved.media_type)
    }

    /// Remembers what a repository's upstream says that a manifest is.
    pub(crate) fn remember_type(&self, request: &Request, digest: &Digest, told: &MediaType) {
        let key = self.link_of(request, digest);
        self.kept.told_types.insert(key, told.clone());
    }

    /// Fetches once for all who ask, whichever repository they ask through; with the other upstream that it came from, if it did.
    async fn fetch(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
    ) -> Result<(Arc<StoredManifest>, Option<UpstreamName>), SourceError> {
        let asked = Asked::manifest(request, &Reference::Digest(digest.clone()));
        let wanted = self.wanted(request);
        for _ in 0..MAX_TURNS {
            self.absent(&asked)?;
            let ticket = self.fetches.join(digest.clone(), wanted, |claim| {
                Arc::clone(self).fetch_now(request.clone(), claim, digest.clone())
            });
            let fetched = ticket.result_in_time(&*self.kept.clock).await?;
            if let Err(error) = &fetched.result
                && was_refused_for_less(request.priority, fetched.priority, error)
            {
                continue;
            }
            let from = fetched.from;
            if fetched.repository == request.repository {
                return fetched.result.map(|stored| (stored, from));
            }
            match fetched.result {
                // Another repository earned it; this one has to by itself.
                Ok(stored) if self.earn_manifest(request, digest).await? => {
                    return Ok((stored, from));
                }
                Ok(_) => {}
                Err(error) if binds_only_its_repository(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Err(out_of_turns())
    }

    async fn fetch_now(
        self: Arc<Self>,
        request: Request,
        claim: Arc<Claim>,
        digest: Digest,
    ) -> Fetched {
        let reference = Reference::Digest(digest.clone());
        // It may have come between the look that missed it and this.
        let found = self.find_earned(&request, &digest).await;
        if let Some(result) = found.transpose() {
            return Fetched {
                repository: request.repository,
                priority: request.priority,
                from: None,
                result,
            };
        }
        let before = self.budget.asked_about(&request.repository);
        let mut from = None;
        let result = match self.pay_for_manifest(&request, &claim, &digest).await {
            Ok(content) if content.digest == digest && digest.matches(&content.bytes) => {
                self.remember_type(&request, &digest, &content.media_type);
                from = content.from;
                let stored = Arc::new(StoredManifest::new(
                    digest,
                    content.media_type,
                    content.bytes,
                ));
                let told = self.told_target(&request.repository);
                self.kept.tell_fetched(&told, &stored);
                let target = self.target(&request.repository);
                self.kept.note_use(&target, &stored);
                self.kept.keep_manifest(&target, &stored);
                Ok(stored)
            }
            Ok(_) => Err(SourceError::Invalid {
                why: format!("the manifest is not the one of {digest}"),
            }),
            Err(error) => {
                self.remember_absence(Asked::manifest(&request, &reference), &error, before);
                Err(error)
            }
        };
        Fetched {
            repository: request.repository,
            priority: claim.wanted().priority,
            from,
            result,
        }
    }
}
