//! A source that gives only what the operator allows: anything else is refused before anything is asked.

use std::sync::Arc;

use async_trait::async_trait;
use forebay_content::{
    Blob, ByteRange, ContentSource, List, ManifestContent, Request, Resolved, SourceError,
};
use forebay_oci::{Digest, Page, Reference, RepositoryName};
use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::nearest::find_nearest;

/// Wraps a source with an allow-list of repositories.
pub struct Allowed<S: ?Sized> {
    patterns: Vec<String>,
    matcher: GlobSet,
    source: Arc<S>,
}

impl<S: ContentSource + ?Sized> Allowed<S> {
    /// Gives of `source` only the repositories that one of `patterns` matches.
    ///
    /// # Errors
    /// If the patterns are too large together.
    pub fn new(patterns: &[Glob], source: Arc<S>) -> Result<Self, globset::Error> {
        let mut builder = GlobSetBuilder::new();
        for pattern in patterns {
            builder.add(pattern.clone());
        }
        let patterns = patterns
            .iter()
            .map(|pattern| pattern.glob().to_owned())
            .collect();
        Ok(Self {
            patterns,
            matcher: builder.build()?,
            source,
        })
    }

    fn check(&self, repository: &RepositoryName) -> Result<&S, SourceError> {
        if self.matcher.is_match(repository.as_str()) {
            return Ok(&self.source);
        }
        let entries = self.patterns.iter().map(String::as_str);
        Err(SourceError::NotAllowed {
            nearest: find_nearest(entries, repository, |name| self.matcher.is_match(name)),
        })
    }
}

#[async_trait]
impl<S: ContentSource + ?Sized> ContentSource for Allowed<S> {
    async fn resolve(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<Resolved, SourceError> {
        self.check(&request.repository)?
            .resolve(request, reference)
            .await
    }

    async fn manifest(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<ManifestContent, SourceError> {
        self.check(&request.repository)?
            .manifest(request, reference)
            .await
    }

    async fn stat_blob(
        &self,
        request: &Request,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError> {
        self.check(&request.repository)?
            .stat_blob(request, digest)
            .await
    }

    async fn blob(
        &self,
        request: &Request,
        digest: &Digest,
        range: Option<ByteRange>,
    ) -> Result<Blob, SourceError> {
        self.check(&request.repository)?
            .blob(request, digest, range)
            .await
    }

    async fn tags(&self, request: &Request, page: &Page) -> Result<List, SourceError> {
        self.check(&request.repository)?.tags(request, page).await
    }

    async fn referrers(
        &self,
        request: &Request,
        digest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<List, SourceError> {
        self.check(&request.repository)?
            .referrers(request, digest, artifact_type)
            .await
    }
}
