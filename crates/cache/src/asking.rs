//! Asks the upstream what there is, by HEAD: once for all who want to know, and not again while an absence is remembered.
//!
//! The upstream's yes for a repository is what earns that repository the content.

use std::sync::Arc;

use forebay_content::{ListKey, Request, Resolved, SourceError};
use forebay_oci::{Digest, Reference, Tag};
use futures::FutureExt;
use futures::future::BoxFuture;

use crate::caching_source::Inner;
use crate::claim::Claim;
use crate::fill::Fill;
use crate::negative::{Asked, What};
use crate::tags::TagState;

/// How often one request begins anew after another repository's fetch of the same was refused.
pub(crate) const MAX_TURNS: usize = 3;

/// True if what was fetched for one repository may come for another all the same: it was refused to that one, or what that one
/// says of it was wrong.
pub(crate) const fn binds_only_its_repository(error: &SourceError) -> bool {
    error.is_answer() || matches!(error, SourceError::Invalid { .. })
}

pub(crate) fn out_of_turns() -> SourceError {
    SourceError::Unavailable {
        why: "other repositories' refusals came first".to_owned(),
        retry_after: None,
    }
}

impl Inner {
    /// What the manifest of this digest is.
    pub(crate) async fn ask_manifest(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
    ) -> Result<Resolved, SourceError> {
        let reference = Reference::Digest(digest.clone());
        let asked = Asked::manifest(request, &reference);
        self.absent(&asked)?;
        let ticket = self
            .checks
            .join(asked.clone(), self.wanted(request), |claim| {
                let (inner, request) = (Arc::clone(self), request.clone());
                async move {
                    let asks = (&request, &*claim);
                    let resolved = inner.head_manifest(asks, &reference, asked).await?;
                    let target = inner.target(&request.repository);
                    inner.kept.link_by_head(&target, &resolved.digest).await;
                    inner.remember_type(&request, &resolved.digest, &resolved.media_type);
                    Ok(resolved)
                }
            });
        ticket.result().await?
    }

    /// What the tag is now, by a check that is younger than `seen`, which is what was known of it when this was found wanting.
    pub(crate) async fn ask_tag(
        self: &Arc<Self>,
        request: &Request,
        tag: &Tag,
        seen: Option<Arc<TagState>>,
    ) -> Result<Resolved, SourceError> {
        let reference = Reference::Tag(tag.clone());
        let asked = Asked::manifest(request, &reference);
        self.absent(&asked)?;
        let ticket = self
            .checks
            .join(asked.clone(), self.wanted(request), |claim| {
                let (inner, request, tag) = (Arc::clone(self), request.clone(), tag.clone());
                async move {
                    // Between the look that found it wanting and this, another check may have ended: then nothing is asked.
                    if let Some(resolved) = inner.younger_check(&request.repository, &tag, seen) {
                        return Ok(resolved);
                    }
                    let asks = (&request, &*claim);
                    let resolved = inner.head_manifest(asks, &reference, asked).await?;
                    inner.checked(&request.repository, &tag, &resolved).await;
                    Ok(resolved)
                }
            });
        ticket.result().await?
    }

    async fn head_manifest(
        &self,
        asks: (&Request, &Claim),
        reference: &Reference,
        asked: Asked,
    ) -> Result<Resolved, SourceError> {
        self.absent(&asked)?;
        let (source, reference) = (Arc::clone(&self.source), reference.clone());
        let resolve = move |request: Request| {
            let (source, reference) = (Arc::clone(&source), reference.clone());
            async move { source.resolve(&request, &reference).await }.boxed()
        };
        let before = self.budget.asked_about(&asked.repository);
        let answer = self.ask_for_all(asks, resolve).await;
        if let Err(error) = &answer {
            self.remember_absence(asked, error, before);
        }
        answer
    }

    /// Asks, as urgently as those who wait for it want it; anew where they want it more than those for whom it was refused.
    async fn ask_for_all<T>(
        &self,
        (request, claim): (&Request, &Claim),
        ask: impl Fn(Request) -> BoxFuture<'static, Result<T, SourceError>> + Sync,
    ) -> Result<T, SourceError> {
        for _ in 1..MAX_TURNS {
            let (asked, wanted) = self.when_let(request, claim).await;
            match ask(asked).await {
                Err(error) if claim.is_owed_more(wanted, &error) => {}
                answer => return answer,
            }
        }
        ask(self.when_let(request, claim).await.0).await
    }

    /// Whether the blob is there, and its size if the upstream tells.
    pub(crate) async fn ask_blob(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError> {
        let asked = Asked::blob(request, digest);
        self.absent(&asked)?;
        let ticket = self
            .stats
            .join(asked.clone(), self.wanted(request), |claim| {
                let (inner, request, digest) = (Arc::clone(self), request.clone(), digest.clone());
                async move {
                    inner.absent(&asked)?;
                    let (source, asked_for) = (Arc::clone(&inner.source), digest.clone());
                    let stat = move |request: Request| {
                        let (source, digest) = (Arc::clone(&source), asked_for.clone());
                        async move { source.stat_blob(&request, &digest).await }.boxed()
                    };
                    let before = inner.budget.asked_about(&asked.repository);
                    let answer = inner.ask_for_all((&request, &claim), stat).await;
                    match &answer {
                        Ok(_) => {
                            let target = inner.target(&request.repository);
                            inner.kept.link_by_head(&target, &digest).await;
                        }
                        Err(error) => inner.remember_absence(asked, error, before),
                    }
                    answer
                }
            });
        ticket.result().await?
    }

    /// Has the repository earn a manifest at rest, unless it has. False if asking is not enough, and its upstream has to give
    /// the bytes.
    pub(crate) async fn earn_manifest(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
    ) -> Result<bool, SourceError> {
        if self.has_earned(request, digest).await {
            return Ok(true);
        }
        if !self.kept.is_head_enough(&self.kept_as, digest).await {
            return Ok(false);
        }
        self.ask_manifest(request, digest).await.map(|_| true)
    }

    /// Has the repository earn a blob at rest, unless it has. False if asking is not enough, and its upstream has to give the
    /// bytes.
    pub(crate) async fn earn_blob(
        self: &Arc<Self>,
        request: &Request,
        digest: &Digest,
    ) -> Result<bool, SourceError> {
        if self.has_earned(request, digest).await {
            return Ok(true);
        }
        if !self.kept.is_head_enough(&self.kept_as, digest).await {
            return Ok(false);
        }
        self.ask_blob(request, digest).await.map(|_| true)
    }

    /// Has the repository earn what the upstream is giving now for another repository of its own.
    pub(crate) async fn earn_fill(
        self: &Arc<Self>,
        request: &Request,
        fill: &Fill,
    ) -> Result<(), SourceError> {
        if !self.has_earned(request, &fill.digest).await {
            self.ask_blob(request, &fill.digest).await?;
            fill.is_earned_by(&request.repository);
        }
        Ok(())
    }

    async fn has_earned(&self, request: &Request, digest: &Digest) -> bool {
        let target = self.target(&request.repository);
        self.kept.is_linked(&target, digest).await || self.kept.takes_its_word(&target, digest)
    }

    /// The absence that is remembered, as an error.
    pub(crate) fn absent(&self, asked: &Asked) -> Result<(), SourceError> {
        self.negatives
            .find(asked, self.kept.clock.as_ref())
            .map_or(Ok(()), Err)
    }

    /// Remembers what the upstream answered in vain; `asked_before` is how many requests about the repository were sent before that.
    pub(crate) fn remember_absence(&self, asked: Asked, error: &SourceError, asked_before: u64) {
        let (now, ttl) = (self.kept.clock.monotonic(), self.policy().negative_ttl);
        let asked_now = self.budget.asked_about(&asked.repository);
        let cost = asked_now.saturating_sub(asked_before);
        self.negatives.keep(asked, (error, cost), now, ttl);
    }
}

impl Asked {
    /// A manifest of the request's repository.
    pub(crate) fn manifest(request: &Request, reference: &Reference) -> Self {
        Self::of(request, What::Manifest(reference.clone()))
    }

    /// A blob of the request's repository.
    pub(crate) fn blob(request: &Request, digest: &Digest) -> Self {
        Self::of(request, What::Blob(digest.clone()))
    }

    /// A page of a list of the request's repository.
    pub(crate) fn list(request: &Request, key: &ListKey) -> Self {
        Self::of(request, What::List(key.clone()))
    }

    fn of(request: &Request, what: What) -> Self {
        Self {
            repository: request.repository.clone(),
            what,
        }
    }
}
