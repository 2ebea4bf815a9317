//! The operator's hand in local repositories: what commands have done there, and what lifecycle rules do by themselves.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use forebay_content::{Audit, AuditEntry, Event, Observe, lock};
use forebay_jobs::Supervisor;
use forebay_lifecycle_rules::Policy;
use forebay_oci::{RepositoryName, Tag, Target};
use futures::TryStreamExt as _;
use tracing::{info, warn};

use crate::LocalRegistry;
use crate::expiry::{Expired, ExpiryError};
use crate::lifecycle::Going;

/// How long after the start the rules are applied for the first time: a wrong one can still be taken back.
pub const FIRST_AFTER: Duration = Duration::from_mins(5);

/// How often the rules are applied from then on.
pub const APPLIED_EVERY: Duration = Duration::from_hours(1);

/// How much further the wall clock may have gone between two runs than the time that passed. Beyond it, one run is left out: by a
/// clock that was set wrongly everything would be old, and what has gone does not come back.
const MAX_LEAP: Duration = Duration::from_hours(1);

/// The most repositories that one run tells of one by one where it fails.
const MAX_FAILURES_TOLD: u64 = 20;

/// Who has changed something, in the audit log, where rules have.
const BY_RULES: &str = "lifecycle rules";

/// Does what operators want, and writes down that it did.
pub struct Operator {
    pub(crate) registry: Arc<LocalRegistry>,
    rules: Mutex<Arc<Policy>>,
    pub(crate) audit: Arc<dyn Audit>,
    events: Arc<dyn Observe>,
}

/// What came of rules over all repositories.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Repositories that a rule is about.
    pub repositories: u64,
    /// Manifests that went.
    pub dropped: u64,
    /// Manifests that changed meanwhile, and stayed.
    pub changed: u64,
    /// Repositories to which the rules could not be applied.
    pub failed: u64,
}

impl Operator {
    /// An operator of `registry` with these rules; changes are written to `audit`, and counted by `events`.
    pub fn new(
        registry: Arc<LocalRegistry>,
        rules: Policy,
        (audit, events): (Arc<dyn Audit>, Arc<dyn Observe>),
    ) -> Self {
        Self {
            registry,
            rules: Mutex::new(Arc::new(rules)),
            audit,
            events,
        }
    }

    /// From now on, these rules hold.
    pub fn set_rules(&self, rules: Policy) {
        *lock(&self.rules) = Arc::new(rules);
    }

    /// The rules that hold.
    pub fn rules(&self) -> Arc<Policy> {
        Arc::clone(&lock(&self.rules))
    }

    /// Applies the rules [at first](FIRST_AFTER) and then [again and again](APPLIED_EVERY), until `supervisor` stops.
    pub fn keep_applying(self: &Arc<Self>, supervisor: &Supervisor) {
        let (operator, stop) = (Arc::clone(self), supervisor.clone());
        supervisor.spawn("lifecycle rules", async move {
            let clock = Arc::clone(&operator.registry.clock);
            let mut wait = FIRST_AFTER;
            let mut before = (clock.now(), clock.monotonic());
            loop {
                tokio::select! {
                    () = clock.sleep(wait) => {}
                    () = stop.stopping() => break,
                }
                let now = (clock.now(), clock.monotonic());
                let passed = now.1.saturating_sub(before.1);
                let leap = before.0.age_at(now.0).unwrap_or_default();
                let leap = leap.saturating_sub(passed);
                (before, wait) = (now, APPLIED_EVERY);
                if leap > MAX_LEAP && !operator.rules().rules().is_empty() {
                    warn!(?leap, "the clock has leapt ahead: lifecycle rules are not applied before the next hour, so that it can be set right");
                    continue;
                }
                // What is under way is finished; no more is begun.
                tokio::select! {
                    () = operator.apply_and_tell() => {}
                    () = stop.stopping() => break,
                }
            }
        });
    }

    async fn apply_and_tell(&self) {
        let rules = self.rules();
        if rules.rules().is_empty() {
            return;
        }
        let Applied {
            repositories,
            dropped,
            changed,
            failed,
        } = self.apply_rules(&rules).await;
        if failed > 0 {
            warn!(
                repositories,
                dropped, changed, failed, "lifecycle rules were applied, not everywhere"
            );
        } else {
            info!(
                repositories,
                dropped, changed, "lifecycle rules were applied"
            );
        }
    }

    /// Lets go in every repository of what the rules say, one after the other. Where that fails, it is logged, and the others have
    /// their turn.
    pub async fn apply_rules(&self, rules: &Policy) -> Applied {
        let mut applied = Applied::default();
        let mut pages = pin!(self.registry.repository_pages(None));
        loop {
            let page = match pages.try_next().await {
                Ok(Some(page)) => page,
                Ok(None) => return applied,
                Err(error) => {
                    warn!(%error, "lifecycle rules cannot be applied: repositories cannot be listed");
                    applied.failed += 1;
                    return applied;
                }
            };
            for found in page {
                let rules = rules.of(&found.name);
                if rules.rules().is_empty() {
                    continue;
                }
                applied.repositories += 1;
                match self.let_go(&found.name, &rules, BY_RULES).await {
                    Ok(expired) => {
                        applied.dropped += expired.dropped;
                        applied.changed += expired.changed;
                    }
                    // Deleted a moment ago.
                    Err(ExpiryError::NoRepository(_)) => {}
                    Err(error) => {
                        applied.failed += 1;
                        if applied.failed <= MAX_FAILURES_TOLD {
                            let cause = std::error::Error::source(&error).map(ToString::to_string);
                            warn!(repository = %found.name, %error, cause, "lifecycle rules were not applied here");
                        }
                    }
                }
            }
        }
    }

    /// Lets go of a repository's manifests what `rules` say, each written down.
    pub(crate) async fn let_go(
        &self,
        repository: &RepositoryName,
        rules: &Policy,
        who: &str,
    ) -> Result<Expired, ExpiryError> {
        let (audit, events) = (Arc::clone(&self.audit), Arc::clone(&self.events));
        let (who, place) = (who.to_owned(), place(repository));
        let tell = move |going: &Going| {
            let object = format!("{place}@{}", going.digest);
            let detail = told(going);
            audit.record(&AuditEntry {
                detail: Some(&detail),
                outcome: AuditEntry::DONE,
                ..AuditEntry::of(&who, "expire-manifest", &object)
            });
            events.observe(&Event::Expired);
        };
        self.registry
            .expire(repository, rules, Arc::new(tell))
            .await
    }
}

/// The tags that a manifest had, and by whose doing it went.
fn told(going: &Going) -> String {
    let tags: Vec<&str> = going.tags.iter().map(Tag::as_str).collect();
    let cause = &going.cause;
    match tags.as_slice() {
        [] => format!("untagged; {cause}"),
        some => format!("tagged {}; {cause}", some.join(" ")),
    }
}

/// A repository as the audit log names it.
pub(crate) fn place(repository: &RepositoryName) -> String {
    Target::local(repository.clone()).to_string()
}
