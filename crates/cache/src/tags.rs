//! What a tag is: fresh within its time to live, then one HEAD for all who wait, and a stale answer when that takes long.
//!
//! Two states are told apart. `kept` is what the tag is for us: in the catalog, and as a rule at rest. `newer` is what the
//! upstream has named since: a promise, kept when somebody fetches that manifest, by whatever way (`promises.rs`).
//! While it cannot be fetched, the kept one is still a better answer than none; and while a limit stops all manifest GETs, it is
//! the answer to a HEAD as well, because a client that is told a digest asks for that next.

use std::sync::Arc;
use std::time::Duration;

use forebay_content::{KeptTag, ManifestContent, Provenance, Request, Resolved, SourceError};
use forebay_oci::{Digest, RepositoryName, Tag};
use tracing::debug;

use crate::caching_source::Inner;
use crate::freshness::still_holds;
use crate::negative::Asked;
use crate::policy::OnGone;

/// What is known of a tag.
#[derive(Clone, Debug)]
pub(crate) struct TagState {
    /// What it is for us.
    pub(crate) kept: KeptTag,
    /// What the upstream has named since, not yet fetched.
    pub(crate) newer: Option<KeptTag>,
    /// When the last of both was heard, by the monotonic clock; `None` if a process before this one heard it.
    pub(crate) heard_at: Option<Duration>,
}

/// What came of a refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refreshed {
    /// What the tag was for us, if it was anything.
    pub before: Option<Digest>,
    /// What it is now.
    pub now: Digest,
    /// True if its manifest was not here, and is now.
    pub fetched: bool,
}

/// What a tag is taken to be for one request.
struct Current {
    tag: KeptTag,
    provenance: Provenance,
    /// What to fall back on if the manifest of `tag` cannot be fetched.
    older: Option<KeptTag>,
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
        let wanted = self.wanted(request);
        let asked_before = self.budget.asked_about(&request.repository);
        let current = self.current(request, tag).await?;
        // What the check of the tag has taken of the client's time is gone.
        let request = &Request {
            patience: wanted.patience(&*self.kept.clock),
            ..request.clone()
        };
        let told = Some(&current.tag.media_type);
        let digest = &current.tag.digest;
        let manifest = match self.manifest_by_digest(request, digest, told).await {
            Ok(manifest) => manifest,
            Err(error) => {
                if error.is_answer() && current.older.is_none() {
                    self.forget_promise((request, tag), &error, asked_before)
                        .await;
                }
                return self.older_manifest(request, current.older, error).await;
            }
        };
        let provenance = match manifest.provenance {
            Provenance::Kept => current.provenance,
            fetched => fetched,
        };
        Ok(ManifestContent {
            provenance,
            ..manifest
        })
    }

    /// Asks the upstream whatever the time to live says, and fetches what it names.
    pub(crate) async fn refresh(
        self: &Arc<Self>,
        request: &Request,
        tag: &Tag,
    ) -> Result<Refreshed, SourceError> {
        self.negatives
            .forget(&Asked::manifest(request, &tag.clone().into()));
        let seen = self.tag_state(&request.repository, tag).await;
        let before = seen.as_ref().map(|state| state.kept.digest.clone());
        let resolved = self.ask_tag(request, tag, seen).await?;
        let manifest = self
            .manifest_by_digest(request, &resolved.digest, None)
            .await?;
        // Also a list of which no platform is here yet: what was known before is not due, and would be back after a restart.
        let heard_at = Some(self.kept.clock.monotonic());
        let kept = self.seen(resolved);
        self.keep_tag(&request.repository, tag, (kept, heard_at));
        Ok(Refreshed {
            before,
            now: manifest.digest,
            fetched: manifest.provenance == Provenance::Fetched,
        })
    }

    /// The upstream says what the tag is, and does not have that: the tag was moved between the two answers, or it lies. Not to
    /// be believed for as long as a tag is.
    async fn forget_promise(
        self: &Arc<Self>,
        (request, tag): (&Request, &Tag),
        error: &SourceError,
        asked_before: u64,
    ) {
        self.drop_tag(&request.repository, tag).await;
        let asked = Asked::manifest(request, &tag.clone().into());
        self.remember_absence(asked, error, asked_before);
    }

    /// The tag moved and its new manifest cannot be had: the one it was is what there is to run.
    async fn older_manifest(
        self: &Arc<Self>,
        request: &Request,
        older: Option<KeptTag>,
        error: SourceError,
    ) -> Result<ManifestContent, SourceError> {
        let Some(older) = older.filter(|_| !self.is_refusal(&error)) else {
            return Err(error);
        };
        debug!(repository = %request.repository, %error, "the tag moved, and its new manifest cannot be fetched");
        let told = Some(&older.media_type);
        let manifest = self.manifest_by_digest(request, &older.digest, told).await;
        Ok(ManifestContent {
            provenance: Provenance::Stale,
            ..manifest.map_err(|_| error)?
        })
    }

    /// What the tag is for this request.
    async fn current(
        self: &Arc<Self>,
        request: &Request,
        tag: &Tag,
    ) -> Result<Current, SourceError> {
        let latest = self.latest(request, tag).await?;
        match &latest.older {
            Some(older) if self.is_out_of_reach(request, &latest.tag, older).await => Ok(Current {
                tag: older.clone(),
                provenance: Provenance::Stale,
                older: None,
            }),
            _ => Ok(latest),
        }
    }

    /// True if a tag has moved to what a limit keeps us from pulling now, away from what can be pulled.
    async fn is_out_of_reach(&self, request: &Request, newer: &KeptTag, kept: &KeptTag) -> bool {
        self.would_serve_stale(request)
            && !self.awaited(&newer.digest).await.is_empty()
            && self.awaited(&kept.digest).await.is_empty()
    }

    /// The last that was heard of the tag, by asking if that is due.
    async fn latest(
        self: &Arc<Self>,
        request: &Request,
        tag: &Tag,
    ) -> Result<Current, SourceError> {
        let Some(state) = self.tag_state(&request.repository, tag).await else {
            return self.ask_current(request, tag, None, None).await;
        };
        let latest = state.newer.as_ref().unwrap_or(&state.kept);
        let ttl = self.policy().ttl(tag);
        if self.still_holds(&state, ttl) {
            return Ok(Current {
                tag: latest.clone(),
                provenance: Provenance::Kept,
                older: state.newer.is_some().then(|| state.kept.clone()),
            });
        }
        // A tag whose manifest is not at rest (evicted, or never asked for) has no stale copy to be content with.
        let whole = self.last_whole(&state).await;
        if self.kept.find_manifest(&whole.digest).await.is_none() {
            return self.ask_current(request, tag, Some(state), None).await;
        }
        let older = Some(&state.kept);
        let asked = Asked::manifest(request, &tag.clone().into());
        let patience = self.patience(self.checks.age(&asked));
        let checked = tokio::select! {
            checked = self.ask_current(request, tag, Some(Arc::clone(&state)), older) => checked,
            () = self.kept.clock.sleep(patience) => {
                Err(SourceError::TimedOut { why: "the check goes on behind the stale answer".to_owned() })
            }
        };
        match checked {
            Err(error) if self.is_refusal(&error) => {
                self.drop_tag(&request.repository, tag).await;
                Err(error)
            }
            // Gone, refused, limited, down or slow: what is kept is served, and says that it is stale.
            Err(_) => Ok(Current {
                tag: whole.clone(),
                provenance: Provenance::Stale,
                older: None,
            }),
            current => current,
        }
    }

    /// The last that is known of a tag and can be pulled.
    async fn last_whole<'state>(&self, state: &'state TagState) -> &'state KeptTag {
        match &state.newer {
            Some(newer) if self.awaited(&newer.digest).await.is_empty() => newer,
            _ => &state.kept,
        }
    }

    /// For how long to wait for a check of what is kept, one that has been under way for `age`: by a registry that hangs, each
    /// who came later would be kept waiting again.
    pub(crate) fn patience(&self, age: Duration) -> Duration {
        self.policy().revalidate_budget.saturating_sub(age)
    }

    /// What the upstream says that the tag is now; `older` is what is at rest of it.
    async fn ask_current(
        self: &Arc<Self>,
        request: &Request,
        tag: &Tag,
        seen: Option<Arc<TagState>>,
        older: Option<&KeptTag>,
    ) -> Result<Current, SourceError> {
        let resolved = self.ask_tag(request, tag, seen).await?;
        let older = older.filter(|kept| kept.digest != resolved.digest).cloned();
        Ok(Current {
            tag: self.seen(resolved),
            provenance: Provenance::Confirmed,
            older,
        })
    }

    /// Whether the last that was heard of a tag lives for so long, and needs no check.
    fn still_holds(&self, state: &TagState, ttl: Duration) -> bool {
        let clock = &self.kept.clock;
        let latest = state.newer.as_ref().unwrap_or(&state.kept);
        let heard_for = state
            .heard_at
            .map(|heard_at| clock.monotonic().saturating_sub(heard_at));
        still_holds((latest.checked_at, heard_for), clock.now(), ttl)
    }

    /// True if the upstream no longer has a kept tag, and the operator wants it refused then.
    fn is_refusal(&self, error: &SourceError) -> bool {
        error.is_answer() && self.policy().on_gone == OnGone::Refuse
    }

    /// What a check found that ended after `seen` was looked up, and that still holds.
    pub(crate) fn younger_check(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        seen: Option<Arc<TagState>>,
    ) -> Option<Resolved> {
        let state = self.tags.get(&(repository.clone(), tag.clone()))?;
        let is_seen = seen.is_some_and(|seen| Arc::ptr_eq(&seen, &state));
        let latest = state.newer.as_ref().unwrap_or(&state.kept);
        let still_holds = self.still_holds(&state, self.policy().ttl(tag));
        (!is_seen && still_holds).then(|| Resolved {
            digest: latest.digest.clone(),
            media_type: latest.media_type.clone(),
            size: latest.size,
            provenance: Provenance::Confirmed,
        })
    }

    /// Takes note of what the upstream says that the tag is.
    pub(crate) async fn checked(
        self: &Arc<Self>,
        repository: &RepositoryName,
        tag: &Tag,
        resolved: &Resolved,
    ) {
        let seen = self.seen(resolved.clone());
        let heard_at = Some(self.kept.clock.monotonic());
        // The answer names the digest in this repository: that is the upstream's yes to it.
        let target = self.target(repository);
        self.kept.link_by_head(&target, &resolved.digest).await;
        let state = self.tag_state(repository, tag).await;
        let moved_from = state
            .map(|state| state.kept.clone())
            .filter(|kept| kept.digest != seen.digest);
        let awaited = match &moved_from {
            Some(_) => self.awaited(&seen.digest).await,
            None => Vec::new(),
        };
        match moved_from {
            Some(kept) if !awaited.is_empty() => {
                let state = TagState {
                    kept,
                    newer: Some(seen),
                    heard_at,
                };
                self.remember_tag(repository, tag, state);
                self.promise(repository, tag, awaited);
            }
            _ => self.keep_tag(repository, tag, (seen, heard_at)),
        }
    }

    /// Remembers the tag, as it was heard then, at once and writes it behind: no pull waits for it, and a crash before it costs one
    /// HEAD.
    pub(crate) fn keep_tag(
        self: &Arc<Self>,
        repository: &RepositoryName,
        tag: &Tag,
        (kept, heard_at): (KeptTag, Option<Duration>),
    ) {
        let state = TagState {
            kept: kept.clone(),
            newer: None,
            heard_at,
        };
        self.remember_tag(repository, tag, state);
        let (inner, target, tag) = (Arc::clone(self), self.target(repository), tag.clone());
        self.kept.supervisor.spawn("keep tag", async move {
            let begun = inner.kept.health.begin();
            match inner.kept.catalog.keep_tag(&target, &tag, &kept).await {
                Ok(()) => inner.kept.health.catalog_written(begun),
                Err(error) => inner.kept.health.catalog_not_written(&error),
            }
            // After the tag, which may be dropped again next; one whose manifest its repository may not show would be of no use.
            inner.kept.link_by_head(&target, &kept.digest).await;
        });
    }

    fn remember_tag(&self, repository: &RepositoryName, tag: &Tag, state: TagState) {
        self.tags
            .insert((repository.clone(), tag.clone()), Arc::new(state));
    }

    async fn drop_tag(&self, repository: &RepositoryName, tag: &Tag) {
        self.tags.invalidate(&(repository.clone(), tag.clone()));
        let target = self.target(repository);
        if let Err(error) = self.kept.catalog.drop_tag(&target, tag).await {
            self.kept.health.catalog_not_written(&error);
        }
    }

    async fn tag_state(&self, repository: &RepositoryName, tag: &Tag) -> Option<Arc<TagState>> {
        let key = (repository.clone(), tag.clone());
        if let Some(state) = self.tags.get(&key) {
            return Some(state);
        }
        // A catalog that fails to answer knows nothing: the upstream is asked.
        let found = self
            .kept
            .catalog
            .find_tag(&self.target(repository), tag)
            .await;
        let state = Arc::new(TagState {
            kept: found.ok()??,
            newer: None,
            heard_at: None,
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
