//! What a tag is: fresh within its time to live, then one HEAD for all who wait, and a stale answer when that takes long.
//!
//! Two states are told apart. `kept` is what the tag was when its manifest was fetched: an answer that needs nobody.
//! `newer` is what the upstream has named since: a promise, kept when somebody asks for that manifest. While it cannot be
//! fetched, the kept one is still the better answer than none.

use std::sync::Arc;

use forebay_content::{KeptTag, ManifestContent, Provenance, Request, Resolved, SourceError};
use forebay_oci::{Reference, RepositoryName, Tag};
use tracing::debug;

use crate::caching_source::Inner;
use crate::freshness::{Freshness, judge};
use crate::negative::Asked;
use crate::policy::OnGone;

/// What is known of a tag. At least one of the two is there.
#[derive(Clone, Debug, Default)]
pub(crate) struct TagState {
    /// What it was when its manifest was last fetched.
    pub(crate) kept: Option<KeptTag>,
    /// What the upstream has named since, not yet fetched.
    pub(crate) newer: Option<KeptTag>,
}

/// What a tag is taken to be for one request.
struct Current {
    tag: KeptTag,
    provenance: Provenance,
    /// What to fall back on if the manifest of `tag` cannot be fetched.
    older: Option<KeptTag>,
}

impl TagState {
    fn latest(&self) -> Option<&KeptTag> {
        self.newer.as_ref().or(self.kept.as_ref())
    }
}

impl Inner {
    /// The tag's descriptor.
    pub(crate) async fn resolve_tag(
        self: &Arc<Self>,
        request: &Request,
        tag: &Tag,
    ) -> Result<Resolved, SourceError> {
        let Current {
            tag: current,
            provenance,
            ..
        } = self.current(request, tag).await?;
        let size = match current.size {
            Some(size) => Some(size),
            None => self
                .kept
                .find_manifest(&current.digest)
                .await
                .map(|stored| stored.bytes.len() as u64),
        };
        Ok(Resolved {
            digest: current.digest,
            media_type: current.media_type,
            size,
            provenance,
        })
    }

    /// The tag's manifest.
    pub(crate) async fn manifest_by_tag(
        self: &Arc<Self>,
        request: &Request,
        tag: &Tag,
    ) -> Result<ManifestContent, SourceError> {
        let current = self.current(request, tag).await?;
        let manifest = match self.manifest_by_digest(request, &current.tag.digest).await {
            Ok(manifest) => manifest,
            // The tag moved and its new manifest cannot be had now: the one it was is what there is to run.
            Err(error) => match current.older.filter(|_| !error.is_answer()) {
                Some(older) => return self.stale_manifest(request, &older, error).await,
                None => return Err(error),
            },
        };
        self.fetched(&request.repository, tag, &current.tag);
        let provenance = match manifest.provenance {
            Provenance::Kept => current.provenance,
            fetched => fetched,
        };
        Ok(ManifestContent {
            provenance,
            ..manifest
        })
    }

    /// Asks the upstream whatever the time to live says.
    pub(crate) async fn refresh(
        self: &Arc<Self>,
        request: &Request,
        tag: &Tag,
    ) -> Result<Resolved, SourceError> {
        self.negatives
            .forget(&Asked::manifest(request, &tag.clone().into()));
        let resolved = self.check(request, tag).await?;
        let manifest = self.manifest_by_digest(request, &resolved.digest).await?;
        let state = self.tag_state(&request.repository, tag).await;
        if let Some(latest) = state.as_ref().and_then(|state| state.latest()) {
            self.fetched(&request.repository, tag, latest);
        }
        let provenance = match manifest.provenance {
            Provenance::Kept => Provenance::Confirmed,
            fetched => fetched,
        };
        Ok(Resolved {
            provenance,
            ..resolved
        })
    }

    async fn stale_manifest(
        self: &Arc<Self>,
        request: &Request,
        older: &KeptTag,
        error: SourceError,
    ) -> Result<ManifestContent, SourceError> {
        debug!(repository = %request.repository, %error, "the tag moved, its new manifest cannot be fetched: serving the kept one");
        let manifest = self
            .manifest_by_digest(request, &older.digest)
            .await
            .map_err(|_| error)?;
        Ok(ManifestContent {
            provenance: Provenance::Stale,
            ..manifest
        })
    }

    async fn current(
        self: &Arc<Self>,
        request: &Request,
        tag: &Tag,
    ) -> Result<Current, SourceError> {
        let Some(state) = self.tag_state(&request.repository, tag).await else {
            let resolved = self.check(request, tag).await?;
            return Ok(Current {
                tag: self.seen(resolved),
                provenance: Provenance::Fetched,
                older: None,
            });
        };
        let latest = state
            .latest()
            .cloned()
            .ok_or(SourceError::NotFound(forebay_content::Missing::Manifest))?;
        let ttl = self.policy.ttl(tag);
        if judge(latest.checked_at, self.kept.clock.now(), ttl) == Freshness::Fresh {
            let older = state.newer.is_some().then(|| state.kept.clone()).flatten();
            return Ok(Current {
                tag: latest,
                provenance: Provenance::Kept,
                older,
            });
        }
        let answer = tokio::select! {
            answer = self.check(request, tag) => answer,
            () = self.kept.clock.sleep(self.policy.revalidate_budget) => {
                Err(SourceError::TimedOut { why: "the check of a tag goes on behind the stale answer".to_owned() })
            }
        };
        match answer {
            Ok(resolved) => {
                let older = state
                    .kept
                    .clone()
                    .filter(|kept| kept.digest != resolved.digest);
                Ok(Current {
                    tag: self.seen(resolved),
                    provenance: Provenance::Confirmed,
                    older,
                })
            }
            Err(error) if error.is_answer() && self.policy.on_gone == OnGone::Refuse => {
                self.drop_tag(&request.repository, tag).await;
                Err(error)
            }
            // Gone, refused, limited, down or slow: what is kept is served, and says that it is stale.
            Err(_) => Ok(Current {
                tag: state.kept.clone().unwrap_or(latest),
                provenance: Provenance::Stale,
                older: None,
            }),
        }
    }

    async fn check(
        self: &Arc<Self>,
        request: &Request,
        tag: &Tag,
    ) -> Result<Resolved, SourceError> {
        self.ask_manifest(request, &Reference::Tag(tag.clone()))
            .await
    }

    /// Takes note of what the upstream says that the tag is.
    pub(crate) async fn checked(
        self: &Arc<Self>,
        repository: &RepositoryName,
        tag: &Tag,
        resolved: &Resolved,
    ) {
        let seen = self.seen(resolved.clone());
        // The answer names the digest in this repository: that earns it.
        self.kept
            .remember_link(&self.target(repository), &resolved.digest);
        let state = self.tag_state(repository, tag).await;
        let kept = state.as_ref().and_then(|state| state.kept.clone());
        let state = match kept {
            Some(kept) if kept.digest == seen.digest => {
                self.write_tag(repository, tag, &seen);
                TagState {
                    kept: Some(seen),
                    newer: None,
                }
            }
            kept => TagState {
                kept,
                newer: Some(seen),
            },
        };
        self.tags
            .insert((repository.clone(), tag.clone()), Arc::new(state));
    }

    /// The tag's manifest is here now: what was newer is kept from here on.
    fn fetched(self: &Arc<Self>, repository: &RepositoryName, tag: &Tag, fetched: &KeptTag) {
        let key = (repository.clone(), tag.clone());
        let is_newer = |state: &Arc<TagState>| {
            state
                .newer
                .as_ref()
                .is_some_and(|newer| newer.digest == fetched.digest)
        };
        if self.tags.get(&key).as_ref().is_some_and(is_newer) {
            self.tags.insert(
                key,
                Arc::new(TagState {
                    kept: Some(fetched.clone()),
                    newer: None,
                }),
            );
            self.write_tag(repository, tag, fetched);
        }
    }

    /// Written behind: no pull waits for it, and a crash before it costs one HEAD.
    fn write_tag(self: &Arc<Self>, repository: &RepositoryName, tag: &Tag, kept: &KeptTag) {
        let (inner, target, tag, tag_row) = (
            Arc::clone(self),
            self.target(repository),
            tag.clone(),
            kept.clone(),
        );
        self.kept.supervisor.spawn("keep tag", async move {
            // The link goes first: a tag whose manifest its repository may not show would be of no use.
            inner.kept.link(&target, &tag_row.digest);
            if let Err(error) = inner.kept.catalog.keep_tag(&target, &tag, &tag_row).await {
                inner.kept.health.catalog_not_written(&error);
            }
        });
    }

    async fn drop_tag(&self, repository: &RepositoryName, tag: &Tag) {
        self.tags.invalidate(&(repository.clone(), tag.clone()));
        if let Err(error) = self
            .kept
            .catalog
            .drop_tag(&self.target(repository), tag)
            .await
        {
            self.kept.health.catalog_not_written(&error);
        }
    }

    async fn tag_state(&self, repository: &RepositoryName, tag: &Tag) -> Option<Arc<TagState>> {
        let key = (repository.clone(), tag.clone());
        if let Some(state) = self.tags.get(&key) {
            return Some(state);
        }
        // A catalog that fails to answer knows nothing: the upstream is asked.
        let kept = self
            .kept
            .catalog
            .find_tag(&self.target(repository), tag)
            .await
            .ok()??;
        let state = Arc::new(TagState {
            kept: Some(kept),
            newer: None,
        });
        self.tags.insert(key, Arc::clone(&state));
        Some(state)
    }

    fn seen(&self, resolved: Resolved) -> KeptTag {
        let Resolved {
            digest,
            media_type,
            size,
            ..
        } = resolved;
        KeptTag {
            digest,
            media_type,
            size,
            checked_at: self.kept.clock.now(),
        }
    }
}
