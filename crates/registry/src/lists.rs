//! Lists: tags, referrers and repositories, a page at a time.
//!
//! Source: OCI distribution-spec, "Listing Tags", "Listing Referrers"; the CNCF distribution registry's `_catalog`.

use std::time::Duration;

use bytes::Bytes;
use forebay_content::{
    List, MAX_REFERRERS_BYTES, Missing, Provenance, Referrer, ReferrersOf, SourceError, TagNames,
    within,
};
use forebay_oci::{Digest, MediaType, Page, RepositoryName};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::local_registry::LocalRegistry;
use crate::pull::internal;

/// The most entries of a page of tags or repositories; who asks for more, or for all, is told where to go on.
const MAX_ENTRIES: u64 = 10_000;

/// How many repositories are looked at in one go at least: whoever sees few of them costs no query for each.
const LEAST_AT_ONCE: u32 = 1_000;

/// How many lists of repositories are made at a time: each may look at all there are.
pub(crate) const WALKS_AT_ONCE: usize = 2;

/// How long one may take, its turn included.
const WALK_WITHIN: Duration = Duration::from_secs(10);

/// The most referrers of a page.
const MAX_REFERRERS: u64 = 1_000;

impl LocalRegistry {
    /// A page of the repository's tags.
    ///
    /// # Errors
    /// There is no such repository, or our own fault.
    pub async fn tag_list(
        &self,
        repository: &RepositoryName,
        page: &Page,
    ) -> Result<List, SourceError> {
        let limit = Limit::of(page, MAX_ENTRIES);
        let rows = &self.stores.rows;
        let tags = rows.hosted_tags(repository, page.last.as_deref(), limit.asked());
        let tags = tags.await.map_err(internal)?;
        let tags = tags.ok_or(SourceError::NotFound(Missing::Repository))?;
        let shown = tags.after(None, limit.shown());
        let more = limit.more(tags.len(), shown.last());
        let page = TagPage {
            name: repository.as_str(),
            tags: &shown,
        };
        Ok(List {
            json: serde_json::to_vec(&page)
                .map_err(SourceError::internal)?
                .into(),
            more,
            filtered: false,
            provenance: Provenance::Kept,
        })
    }

    /// A page of the repositories for which `is_shown` holds.
    ///
    /// # Errors
    /// Our own fault.
    pub async fn repository_list(
        &self,
        page: &Page,
        is_shown: impl Fn(&RepositoryName) -> bool + Send,
    ) -> Result<List, SourceError> {
        let limit = Limit::of(page, MAX_ENTRIES);
        if limit.entries == 0 {
            return Ok(list(&json!({ "repositories": [] }), None));
        }
        // Whoever sees few of many has all of them looked at: one after the other, and not for ever.
        let looking = async {
            let _turn = self.walks.acquire().await;
            self.shown_repositories(page, &limit, is_shown).await
        };
        let names = within(&*self.clock, WALK_WITHIN, looking).await;
        let names = names.unwrap_or(Err(SourceError::Busy))?;
        let shown = &names[..names.len().min(limit.shown())];
        let more = limit.more(names.len(), shown.last().map(String::as_str));
        Ok(list(&json!({ "repositories": shown }), more))
    }

    /// The first of those that are shown after a page's beginning: as many as the limit asks for.
    async fn shown_repositories(
        &self,
        page: &Page,
        limit: &Limit,
        is_shown: impl Fn(&RepositoryName) -> bool + Send,
    ) -> Result<Vec<String>, SourceError> {
        let wanted = limit.asked() as usize;
        let at_once = limit.asked().max(LEAST_AT_ONCE);
        let mut after = page.last.clone();
        let mut names: Vec<String> = Vec::new();
        while names.len() < wanted {
            let batch = self.stores.rows.repositories(after.as_deref(), at_once);
            let batch = batch.await.map_err(internal)?;
            let is_end = batch.len() < at_once as usize;
            after = batch.last().map(|last| last.name.as_str().to_owned());
            let shown = batch.into_iter().filter(|found| is_shown(&found.name));
            names.extend(shown.map(|found| found.name.as_str().to_owned()));
            if is_end {
                break;
            }
        }
        names.truncate(wanted);
        Ok(names)
    }

    /// A page of the manifests that have `digest` as subject, all of them or those of one artifact type. There is always one, if
    /// an empty one.
    ///
    /// # Errors
    /// Our own fault.
    pub async fn referrers_page(
        &self,
        repository: &RepositoryName,
        (digest, artifact_type): (&Digest, Option<&str>),
        page: &Page,
    ) -> Result<List, SourceError> {
        let limit = Limit::of(page, MAX_REFERRERS);
        if limit.entries == 0 {
            return ReferrerPage::of(&[]).to_list(None, artifact_type.is_some());
        }
        let of = ReferrersOf {
            subject: digest.clone(),
            artifact_type: artifact_type.map(str::to_owned),
        };
        // What is no digest comes from no page of ours: the list begins at its beginning.
        let mut after: Option<Digest> = page.last.as_deref().and_then(|last| last.parse().ok());
        let mut manifests = Vec::new();
        let mut bytes = ReferrerPage::of(&manifests).to_json()?.len();
        let mut more = None;
        'pages: loop {
            let asked = limit.asked().saturating_sub(count(&manifests));
            let rows = &self.stores.rows;
            let batch = rows.hosted_referrers(repository, &of, after.as_ref(), asked);
            let batch = batch.await.map_err(internal)?;
            if batch.is_empty() {
                break;
            }
            for referrer in &batch {
                let descriptor = descriptor(referrer)?;
                // With the comma before it.
                bytes += descriptor.get().len() + 1;
                let is_too_long = bytes > MAX_REFERRERS_BYTES && !manifests.is_empty();
                if manifests.len() >= limit.shown() || is_too_long {
                    more = after;
                    break 'pages;
                }
                manifests.push(descriptor);
                after = Some(referrer.manifest.digest.clone());
            }
        }
        let more = more.map(|last| Page {
            n: page.n,
            last: Some(last.to_string()),
        });
        ReferrerPage::of(&manifests).to_list(more, artifact_type.is_some())
    }
}

/// A page of tags. Source: OCI distribution-spec, "Listing Tags".
#[derive(Serialize)]
struct TagPage<'a> {
    name: &'a str,
    tags: &'a TagNames,
}

/// A page of referrers, an index. Source: OCI distribution-spec, "Listing Referrers".
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReferrerPage<'a> {
    schema_version: u8,
    media_type: &'a str,
    manifests: &'a [Box<RawValue>],
}

impl<'a> ReferrerPage<'a> {
    fn of(manifests: &'a [Box<RawValue>]) -> Self {
        Self {
            schema_version: 2,
            media_type: MediaType::OCI_INDEX.as_str(),
            manifests,
        }
    }

    fn to_list(&self, more: Option<Page>, filtered: bool) -> Result<List, SourceError> {
        Ok(List {
            json: self.to_json()?.into(),
            more,
            filtered,
            provenance: Provenance::Kept,
        })
    }

    fn to_json(&self) -> Result<Vec<u8>, SourceError> {
        serde_json::to_vec(self).map_err(SourceError::internal)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReferrerDescriptor<'a> {
    media_type: &'a str,
    digest: &'a str,
    size: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<&'a RawValue>,
}

/// How many entries a page has.
struct Limit {
    /// As the client said it.
    n: Option<u64>,
    entries: u64,
}

impl Limit {
    fn of(page: &Page, most: u64) -> Self {
        Self {
            n: page.n,
            entries: page.n.unwrap_or(most).min(most),
        }
    }

    /// One more than the page has, to see whether there is another.
    fn asked(&self) -> u32 {
        u32::try_from(self.entries + 1).unwrap_or(u32::MAX)
    }

    /// How many the page has at most.
    fn shown(&self) -> usize {
        usize::try_from(self.entries).unwrap_or(usize::MAX)
    }

    /// The page after the one that ends with `last`, if more were found than it has.
    fn more(&self, found: usize, last: Option<&str>) -> Option<Page> {
        let last = last.filter(|_| found > self.shown())?;
        Some(Page {
            n: self.n,
            last: Some(last.to_owned()),
        })
    }
}

/// The descriptor by which a manifest is listed with its subject. Source: OCI image-spec, "Content Descriptors".
fn descriptor(referrer: &Referrer) -> Result<Box<RawValue>, SourceError> {
    let annotations = referrer.annotations.as_deref();
    let annotations: Option<&RawValue> = annotations
        .map(serde_json::from_str)
        .transpose()
        .map_err(SourceError::internal)?;
    let manifest = &referrer.manifest;
    let descriptor = ReferrerDescriptor {
        media_type: manifest.media_type.as_str(),
        digest: &manifest.digest.to_string(),
        size: manifest.size,
        artifact_type: referrer.artifact_type.as_deref(),
        annotations,
    };
    serde_json::value::to_raw_value(&descriptor).map_err(SourceError::internal)
}

/// How many they are.
fn count(manifests: &[Box<RawValue>]) -> u32 {
    u32::try_from(manifests.len()).unwrap_or(u32::MAX)
}

fn list(json: &Value, more: Option<Page>) -> List {
    List {
        json: Bytes::from(json.to_string()),
        more,
        filtered: false,
        provenance: Provenance::Kept,
    }
}
