//! A source around a source: answers from what is kept, else asks the other one once, and keeps the answer.
//!
//! One for each upstream; they share what is kept. This file is the table of contents: `tags.rs` knows how long a tag is
//! fresh, `manifests.rs` and `blobs.rs` fetch once for all, `lists.rs` keeps tag and referrer lists.

use std::hash::Hash;
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use forebay_content::{
    Blob, Budget, ByteRange, ContentSource, Event, List, ListKey, ManifestContent, Missing,
    Provenance, Request, Resolved, SourceError,
};
use forebay_limits::Priority;
use forebay_oci::{Digest, Page, Reference, RepositoryName, Tag, Target, UpstreamName};
use moka::sync::Cache;

use crate::claim::Wanted;
use crate::elsewhere::Equivalent;
use crate::fills::Fills;
use crate::flight::Flights;
use crate::kept::{Kept, Link, StoredManifest};
use crate::line::Line;
use crate::negative::{Asked, Negatives};
use crate::policy::Policy;
use crate::tags::{Refreshed, TagState};

/// The most tags that one source holds in memory.
const MAX_TAGS: u64 = 20_000;

/// A cache before one upstream.
pub struct CachingSource {
    inner: Arc<Inner>,
}

/// What the detached work of a source needs of it.
pub(crate) struct Inner {
    pub(crate) upstream: UpstreamName,
    /// What stands in the upstream's place where something of it is kept.
    pub(crate) kept_as: UpstreamName,
    pub(crate) source: Arc<dyn ContentSource>,
    /// What the source's limits leave to be asked of it.
    pub(crate) budget: Arc<dyn Budget>,
    pub(crate) kept: Arc<Kept>,
    policy: ArcSwap<Policy>,
    pub(crate) negatives: Negatives,
    pub(crate) tags: Cache<(RepositoryName, Tag), Arc<TagState>>,
    /// What tags wait for: as soon as that manifest is fetched, they may be what they have moved to.
    pub(crate) promises: Cache<(RepositoryName, Digest), Arc<[Tag]>>,
    pub(crate) checks: Flights<Asked, Result<Resolved, SourceError>>,
    pub(crate) stats: Flights<Asked, Result<Option<u64>, SourceError>>,
    pub(crate) fetches: Flights<Digest, Fetched>,
    pub(crate) pages: Flights<Asked, Result<List, SourceError>>,
    pub(crate) fills: Fills,
    /// Where the same images are.
    pub(crate) equivalents: ArcSwap<Vec<Equivalent>>,
    pub(crate) line: Line,
}

/// A manifest that was fetched, or why not, and for which repository: a refusal binds only that one.
#[derive(Clone)]
pub(crate) struct Fetched {
    pub(crate) repository: RepositoryName,
    pub(crate) priority: Priority,
    /// The other upstream that it came from, if it did.
    pub(crate) from: Option<UpstreamName>,
    pub(crate) result: Result<Arc<StoredManifest>, SourceError>,
}

impl CachingSource {
    /// A cache before `source`, which is the upstream of that name, and whose limits `budget` knows. What it gives is kept under
    /// `kept_as`, which no two registries have in common, though one may have had the other's name.
    pub fn new(
        (upstream, kept_as): (UpstreamName, UpstreamName),
        (source, budget): (Arc<dyn ContentSource>, Arc<dyn Budget>),
        kept: Arc<Kept>,
        policy: Policy,
    ) -> Self {
        let inner = Inner {
            upstream,
            kept_as,
            source,
            budget,
            negatives: Negatives::new(),
            policy: ArcSwap::from_pointee(policy),
            tags: Cache::new(MAX_TAGS),
            promises: Cache::new(MAX_TAGS),
            checks: flights(&kept),
            fetches: flights(&kept),
            stats: flights(&kept),
            pages: flights(&kept),
            fills: Fills::default(),
            equivalents: ArcSwap::default(),
            line: Line::new(),
            kept,
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Has other rules hold from now on. What is under way, kept or remembered stays.
    pub fn set_policy(&self, policy: Policy) {
        self.inner.policy.store(Arc::new(policy));
    }

    /// Where the same images are to be had from now on while the budget is empty, the first before the next.
    pub fn set_equivalents(&self, equivalents: Vec<Equivalent>) {
        self.inner.equivalents.store(Arc::new(equivalents));
    }

    /// Asks the upstream what the tag is now, however fresh the kept answer is, and fetches it if it changed.
    pub async fn refresh(&self, request: &Request, tag: &Tag) -> Result<Refreshed, SourceError> {
        self.inner.refresh(request, tag).await
    }
}

impl Inner {
    /// The rules that hold now.
    pub(crate) fn policy(&self) -> Arc<Policy> {
        self.policy.load_full()
    }

    /// The repository as what is kept of it is found.
    pub(crate) fn target(&self, repository: &RepositoryName) -> Target {
        Target {
            upstream: Arc::clone(&self.kept_as),
            repository: repository.clone(),
        }
    }

    /// The repository as clients name it, for those who are told what happens.
    pub(crate) fn told_target(&self, repository: &RepositoryName) -> Target {
        Target {
            upstream: Arc::clone(&self.upstream),
            repository: repository.clone(),
        }
    }

    pub(crate) fn link_of(&self, request: &Request, digest: &Digest) -> Link {
        (self.target(&request.repository), digest.clone())
    }

    /// What a request that comes now wants.
    pub(crate) fn wanted(&self, request: &Request) -> Wanted {
        Wanted::of(request, &*self.kept.clock)
    }

    fn served(&self, request: &Request, kind: Missing, provenance: Provenance) {
        let target = self.told_target(&request.repository);
        self.kept.observe.observe(&Event::Served {
            target: &target,
            kind,
            provenance,
        });
    }
}

fn flights<K, V>(kept: &Kept) -> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    Flights::new(kept.supervisor.clone(), Arc::clone(&kept.clock))
}

#[async_trait]
impl ContentSource for CachingSource {
    async fn resolve(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<Resolved, SourceError> {
        let resolved = match reference {
            Reference::Tag(tag) => self.inner.resolve_tag(request, tag).await,
            Reference::Digest(digest) => self.inner.resolve_digest(request, digest).await,
        }?;
        self.inner
            .served(request, Missing::Manifest, resolved.provenance);
        Ok(resolved)
    }

    async fn manifest(
        &self,
        request: &Request,
        reference: &Reference,
    ) -> Result<ManifestContent, SourceError> {
        let content = match reference {
            Reference::Tag(tag) => self.inner.manifest_by_tag(request, tag).await,
            Reference::Digest(digest) => self.inner.manifest_by_digest(request, digest, None).await,
        }?;
        self.inner
            .served(request, Missing::Manifest, content.provenance);
        Ok(content)
    }

    async fn stat_blob(
        &self,
        request: &Request,
        digest: &Digest,
    ) -> Result<Option<u64>, SourceError> {
        self.inner.stat_blob(request, digest).await
    }

    async fn blob(
        &self,
        request: &Request,
        digest: &Digest,
        range: Option<ByteRange>,
    ) -> Result<Blob, SourceError> {
        let blob = self.inner.blob(request, digest, range).await?;
        self.inner.served(request, Missing::Blob, blob.provenance);
        Ok(blob)
    }

    async fn tags(&self, request: &Request, page: &Page) -> Result<List, SourceError> {
        let key = ListKey::Tags {
            n: page.n,
            last: page.last.clone(),
        };
        let list = self.inner.list(request, key).await?;
        self.inner
            .served(request, Missing::Repository, list.provenance);
        Ok(list)
    }

    async fn referrers(
        &self,
        request: &Request,
        digest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<List, SourceError> {
        let key = ListKey::Referrers {
            digest: digest.clone(),
            artifact_type: artifact_type.map(str::to_owned),
        };
        let list = self.inner.list(request, key).await?;
        self.inner
            .served(request, Missing::Repository, list.provenance);
        Ok(list)
    }
}
