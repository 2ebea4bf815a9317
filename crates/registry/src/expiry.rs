//! Lets go of what lifecycle rules say: looks through a repository, plans, and drops by the plan.
//!
//! What would go is asked by the same plan without the drops. Between plan and drop the repository goes on: each drop looks again,
//! in the repository's turn, and what was tagged, pinned, pushed, or named by an index meanwhile stays, with all that goes with it.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;

use forebay_content::{
    Change, DropGuard, Dropped, HostedEntry, HostedManifest, ReferrersOf, Timestamp,
};
use forebay_lifecycle_rules::Policy;
use forebay_oci::{Digest, Manifest, RepositoryName};
use futures::TryStreamExt as _;
use tracing::warn;

use crate::PushError;
use crate::lifecycle::{Candidate, Cause, Going, Plan, Why, plan};
use crate::local_registry::LocalRegistry;
use crate::owner::ImmutableTags;

/// The most manifests of one repository that a plan is made for: so many are in memory while it is made, each with some 600 bytes.
pub const MAX_PLANNED: usize = 1_000_000;

/// Why rules could not be applied to a repository.
#[derive(Debug, thiserror::Error)]
pub enum ExpiryError {
    /// There is no such repository.
    #[error("there is no repository {0}")]
    NoRepository(RepositoryName),
    /// It holds too much to plan for.
    #[error(
        "{0} holds more than {MAX_PLANNED} manifests, which is more than lifecycle rules are planned for at once"
    )]
    TooLarge(RepositoryName),
    /// The disk, or our own fault.
    #[error("lifecycle rules could not be applied to {repository}")]
    Failed {
        /// The repository.
        repository: RepositoryName,
        /// What happened.
        source: PushError,
    },
}

/// Who is told of each manifest that has gone.
pub type TellGone = Arc<dyn Fn(&Going) + Send + Sync>;

/// Who sees each manifest that a repository holds.
type See<'a> = dyn FnMut(&HostedEntry) + Send + 'a;

/// What became of a repository's manifests.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// What was planned.
    pub plan: Plan,
    /// How many went.
    pub dropped: u64,
    /// How many stayed because they changed, or what they go with did, after the plan was made. The next run sees them anew.
    pub changed: u64,
}

impl LocalRegistry {
    /// What rules would let go of a repository now; nothing is changed.
    ///
    /// # Errors
    /// There is no such repository, it holds more than [`MAX_PLANNED`] manifests, or the disk fails.
    pub async fn plan_expiry(
        &self,
        repository: &RepositoryName,
        policy: &Policy,
    ) -> Result<Plan, ExpiryError> {
        self.plan_at(repository, policy, self.clock.now()).await
    }

    /// As [`plan_expiry`](Self::plan_expiry), and `see` sees each manifest on the way, in the order of digests, whether a rule is
    /// about it or not.
    ///
    /// # Errors
    /// As [`plan_expiry`](Self::plan_expiry).
    pub(crate) async fn plan_seeing(
        &self,
        repository: &RepositoryName,
        policy: &Policy,
        see: &mut See<'_>,
    ) -> Result<Plan, ExpiryError> {
        let policy = policy.of(repository);
        if !policy.rules().is_empty() {
            let now = self.clock.now();
            return self.plan_on(repository, &policy, (now, see)).await;
        }
        let failed = |source| ExpiryError::failed(repository, source);
        let mut pages = pin!(self.entry_pages(repository, None));
        while let Some(page) = pages
            .try_next()
            .await
            .map_err(|error| failed(error.into()))?
        {
            page.iter().for_each(&mut *see);
        }
        Ok(Plan::default())
    }

    /// Lets go of a repository's manifests what rules say; `tell` is told of each as soon as it has gone, though whoever waits for
    /// all of it has left by then.
    ///
    /// # Errors
    /// As [`plan_expiry`](Self::plan_expiry); what went until then stays so.
    pub async fn expire(
        &self,
        repository: &RepositoryName,
        policy: &Policy,
        tell: TellGone,
    ) -> Result<Expired, ExpiryError> {
        let planned_at = self.clock.now();
        let mut expired = Expired {
            plan: self.plan_at(repository, policy, planned_at).await?,
            ..Expired::default()
        };
        let failed = |source| ExpiryError::failed(repository, source);
        // Without those that stayed after all.
        let mut goes: HashSet<&Digest> = expired
            .plan
            .goes
            .iter()
            .map(|going| &going.digest)
            .collect();
        for going in &expired.plan.goes {
            let follows = match &going.cause {
                Cause::Rule { .. } => None,
                Cause::WithIndex(first) | Cause::WithSubject(first) => Some(first),
            };
            let is_left = follows.is_some_and(|first| !goes.contains(first));
            let is_let_go = !is_left
                && self
                    .is_free_but_for(&goes, repository, going)
                    .await
                    .map_err(failed)?
                && self
                    .let_go_to_the_end(repository, (going, planned_at), &tell)
                    .await
                    .map_err(failed)?;
            if is_let_go {
                expired.dropped += 1;
            } else {
                expired.changed += 1;
                goes.remove(&going.digest);
            }
        }
        Ok(expired)
    }

    async fn plan_at(
        &self,
        repository: &RepositoryName,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Plan, ExpiryError> {
        let policy = policy.of(repository);
        self.plan_on(repository, &policy, (now, &mut |_| {})).await
    }

    /// By rules that are about this repository, or none.
    async fn plan_on(
        &self,
        repository: &RepositoryName,
        policy: &Policy,
        (now, see): (Timestamp, &mut See<'_>),
    ) -> Result<Plan, ExpiryError> {
        let failed = |source| ExpiryError::failed(repository, source);
        let found = self.stores.rows.find_repository(repository).await;
        let found = found.map_err(|error| failed(error.into()))?;
        let found = found.ok_or_else(|| ExpiryError::NoRepository(repository.clone()))?;
        if policy.rules().is_empty() {
            return Ok(Plan::default());
        }
        // What was pulled a moment ago is only noted.
        self.flush().await;
        let candidates = self.candidates(repository, see).await.map_err(failed)?;
        let candidates = candidates.ok_or_else(|| ExpiryError::TooLarge(repository.clone()))?;
        let immutable = ImmutableTags::of(&found).map_err(failed)?;
        Ok(plan(&candidates, policy, immutable.patterns(), now))
    }

    /// All that the repository holds, with the children of indexes; `None` if it is too much.
    async fn candidates(
        &self,
        repository: &RepositoryName,
        see: &mut See<'_>,
    ) -> Result<Option<Vec<Candidate>>, PushError> {
        let mut candidates: Vec<Candidate> = Vec::new();
        let mut pages = pin!(self.entry_pages(repository, None));
        while let Some(page) = pages.try_next().await? {
            if candidates.len() + page.len() > MAX_PLANNED {
                return Ok(None);
            }
            for entry in page {
                see(&entry);
                let children = self.children(repository, &entry.manifest).await?;
                candidates.push(Candidate { entry, children });
            }
        }
        Ok(Some(candidates))
    }

    /// The manifests that an index names. Of one whose bytes are damaged none: the catalog knows whose children they are, and
    /// spares them.
    pub(crate) async fn children(
        &self,
        repository: &RepositoryName,
        manifest: &HostedManifest,
    ) -> Result<Vec<Digest>, PushError> {
        if !manifest.media_type.is_index() {
            return Ok(Vec::new());
        }
        let bytes = self.manifest_at_rest(&manifest.digest).await?;
        let parsed = bytes.and_then(|bytes| Manifest::parse(&bytes).ok());
        let Some(parsed) = parsed else {
            warn!(%repository, digest = %manifest.digest, "an index cannot be read: what it names is not known");
            return Ok(Vec::new());
        };
        let children = parsed.manifests.into_iter();
        Ok(children.map(|child| child.digest).collect())
    }

    /// Whether all that is about a manifest of the plan goes as well: not what was pushed since.
    async fn is_free_but_for(
        &self,
        goes: &HashSet<&Digest>,
        repository: &RepositoryName,
        going: &Going,
    ) -> Result<bool, PushError> {
        let of = ReferrersOf {
            subject: going.digest.clone(),
            artifact_type: None,
        };
        let mut pages = pin!(self.referrer_pages(repository, &of));
        while let Some(page) = pages.try_next().await? {
            let mut digests = page.iter().map(|referrer| &referrer.manifest.digest);
            if !digests.all(|digest| goes.contains(digest)) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Drops one manifest of a plan, unless it changed since, and tells if it went; true if it did.
    async fn let_go_to_the_end(
        &self,
        repository: &RepositoryName,
        (going, planned_at): (&Going, Timestamp),
        tell: &TellGone,
    ) -> Result<bool, PushError> {
        let (repository, going, tell) = (repository.clone(), going.clone(), Arc::clone(tell));
        self.to_the_end(async move |registry| {
            let went = registry.let_go(&repository, &going, planned_at).await;
            // Where the journal alone failed, it has gone all the same.
            if matches!(went, Ok(true) | Err(PushError::Unjournaled(_))) {
                tell(&going);
            }
            went
        })
        .await
    }

    async fn let_go(
        &self,
        repository: &RepositoryName,
        going: &Going,
        planned_at: Timestamp,
    ) -> Result<bool, PushError> {
        // What was pulled is noted or in its row, and nowhere between.
        let _nobody_writes_pulls_down = self.flushing.lock().await;
        let turn = self.turn(repository).await?;
        let rows = &self.stores.rows;
        let found = rows.find_repository(repository).await?;
        let entry = rows.find_hosted_entry(repository, &going.digest).await?;
        let (Some(found), Some(mut entry)) = (found, entry) else {
            return Ok(false);
        };
        entry.pulled_at = entry
            .pulled_at
            .max(self.noted_pull(repository, &going.digest));
        let is_immutable = ImmutableTags::of(&found)?.first_of(&entry.tags).is_some();
        if is_immutable || entry.tags != going.tags || is_used_since(going, &entry, planned_at) {
            return Ok(false);
        }
        let at = self.clock.now();
        let guard = DropGuard {
            known_tags: entry.tags,
            spares_pinned: true,
            spares_children: true,
            at,
        };
        let dropped = rows.drop_hosted_manifest(repository, &going.digest, &guard);
        if !matches!(dropped.await?, Dropped::Done(_)) {
            return Ok(false);
        }
        let digest = going.digest.clone();
        let change = Change::Dropped { digest };
        self.journal(turn, repository, (change, at)).await?;
        Ok(true)
    }
}

impl ExpiryError {
    fn failed(repository: &RepositoryName, source: PushError) -> Self {
        Self::Failed {
            repository: repository.clone(),
            source,
        }
    }
}

/// Whether a manifest was pushed anew since the plan, or pulled, where that was its fault.
fn is_used_since(going: &Going, entry: &HostedEntry, planned_at: Timestamp) -> bool {
    let is_for_pulls = matches!(
        going.cause,
        Cause::Rule {
            why: Why::NotPulledFor(_) | Why::NeverPulledFor(_),
            ..
        }
    );
    entry.pushed_at > planned_at || (is_for_pulls && entry.pulled_at > Some(planned_at))
}
