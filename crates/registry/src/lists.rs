//! Lists: tags, referrers and repositories, a page at a time.
//!
//! Source: OCI distribution-spec, "Listing Tags", "Listing Referrers"; the CNCF distribution registry's `_catalog`.

use std::time::Duration;

use bytes::Bytes;
use forebay_content::{
    List, Missing, Provenance, Referrer, ReferrersOf, SourceError, TagNames, within,
};
use forebay_oci::{Digest, MediaType, Page, RepositoryName};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

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

/// How many referrers are read at a time: each may bring annotations as long as a manifest.
const REFERRERS_AT_ONCE: u32 = 16;

/// The longest page of referrers, in bytes: as long as a manifest may be for any client (distribution-spec, "Listing Referrers").
/// One referrer is always told, however long.
const MAX_REFERRERS_BYTES: usize = 4 * 1024 * 1024;

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
        let of = ReferrersOf {
            subject: digest.clone(),
            artifact_type: artifact_type.map(str::to_owned),
        };
        // What is no digest comes from no page of ours: the list begins at its beginning.
        let mut after: Option<Digest> = page.last.as_deref().and_then(|last| last.parse().ok());
        let index = |manifests: &[Box<RawValue>]| {
            json!({
                "schemaVersion": 2,
                "mediaType": MediaType::OCI_INDEX.as_str(),
                "manifests": manifests,
            })
        };
        let mut manifests = Vec::new();
        let mut bytes = index(&manifests).to_string().len();
        let mut more = None;
        'pages: loop {
            let rows = &self.stores.rows;
            let batch = rows.hosted_referrers(repository, &of, after.as_ref(), REFERRERS_AT_ONCE);
            let batch = batch.await.map_err(internal)?;
            let is_end = batch.len() < REFERRERS_AT_ONCE as usize;
            for referrer in &batch {
                let descriptor = descriptor(referrer)?;
                // With the comma before it.
                bytes += descriptor.get().len() + 1;
                let is_too_long = bytes > MAX_REFERRERS_BYTES && !manifests.is_empty();
                if manifests.len() as u64 >= limit.entries || is_too_long {
                    more = after.filter(|_| limit.entries > 0);
                    break 'pages;
                }
                manifests.push(descriptor);
                after = Some(referrer.manifest.digest.clone());
            }
            if is_end {
                break;
            }
        }
        let more = more.map(|last| Page {
            n: page.n,
            last: Some(last.to_string()),
        });
        Ok(List {
            filtered: artifact_type.is_some(),
            ..list(&index(&manifests), more)
        })
    }
}

/// A page of tags. Source: OCI distribution-spec, "Listing Tags".
#[derive(Serialize)]
struct TagPage<'a> {
    name: &'a str,
    tags: &'a TagNames,
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

/// The descriptor by which a manifest is listed with its subject.
fn descriptor(referrer: &Referrer) -> Result<Box<RawValue>, SourceError> {
    let manifest = &referrer.manifest;
    let mut fields = Map::new();
    fields.insert("mediaType".into(), manifest.media_type.as_str().into());
    fields.insert("digest".into(), manifest.digest.to_string().into());
    fields.insert("size".into(), manifest.size.into());
    if let Some(artifact_type) = &referrer.artifact_type {
        fields.insert("artifactType".into(), artifact_type.as_str().into());
    }
    if let Some(annotations) = &referrer.annotations {
        let annotations: Value =
            serde_json::from_str(annotations).map_err(SourceError::internal)?;
        fields.insert("annotations".into(), annotations);
    }
    serde_json::value::to_raw_value(&fields).map_err(SourceError::internal)
}

fn list(json: &Value, more: Option<Page>) -> List {
    List {
        json: Bytes::from(json.to_string()),
        more,
        filtered: false,
        provenance: Provenance::Kept,
    }
}
