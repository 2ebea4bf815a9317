//! A source that gives only what the operator allows: anything else is refused before anything is asked.

use std::sync::Arc;

use async_trait::async_trait;
use forebay_content::{
    Blob, ByteRange, ClientLogin, ClientRight, ClientRights, ClientVisit, ContentSource, List,
    ManifestContent, Request, Resolved, Sought, SourceError,
};
use forebay_oci::{Digest, Page, Reference, RepositoryName, Tag};
use globset::{Glob, GlobSet, GlobSetBuilder};

use crate::caching_source::CachingSource;
use crate::nearest::find_nearest;
use crate::tags::Refreshed;

/// Wraps a source with an allow-list of repositories, if there is one.
pub struct Allowed<S: ?Sized> {
    list: Option<AllowList>,
    source: Arc<S>,
}

struct AllowList {
    patterns: Vec<String>,
    matcher: GlobSet,
}

impl<S: ?Sized> Allowed<S> {
    /// Gives of `source`, or lets it be asked of, only the repositories that one of `patterns` matches; all of them if there are none.
    ///
    /// # Errors
    /// If the patterns are too large together.
    pub fn new(patterns: Option<&[Glob]>, source: Arc<S>) -> Result<Self, globset::Error> {
        let list = patterns.map(AllowList::new).transpose()?;
        Ok(Self { list, source })
    }

    fn check(&self, repository: &RepositoryName) -> Result<&S, SourceError> {
        if let Some(list) = &self.list {
            list.check(repository)?;
        }
        Ok(&self.source)
    }
}

impl Allowed<CachingSource> {
    /// Like [`CachingSource::refresh`], of what is allowed.
    pub async fn refresh(&self, request: &Request, tag: &Tag) -> Result<Refreshed, SourceError> {
        self.check(&request.repository)?.refresh(request, tag).await
    }
}

impl AllowList {
    fn new(patterns: &[Glob]) -> Result<Self, globset::Error> {
        let mut builder = GlobSetBuilder::new();
        for pattern in patterns {
            builder.add(pattern.clone());
        }
        let patterns = patterns.iter().map(|pattern| pattern.glob().to_owned());
        Ok(Self {
            patterns: patterns.collect(),
            matcher: builder.build()?,
        })
    }

    fn check(&self, repository: &RepositoryName) -> Result<(), SourceError> {
        if self.matcher.is_match(repository.as_str()) {
            return Ok(());
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

#[async_trait]
impl<S: ClientRights + ?Sized> ClientRights for Allowed<S> {
    async fn check_login(
        &self,
        visit: &ClientVisit,
        login: &ClientLogin,
    ) -> Result<ClientRight, SourceError> {
        self.source.check_login(visit, login).await
    }

    async fn check_right(
        &self,
        request: &Request,
        login: Option<&ClientLogin>,
        sought: &Sought,
    ) -> Result<ClientRight, SourceError> {
        self.check(&request.repository)?
            .check_right(request, login, sought)
            .await
    }
}
