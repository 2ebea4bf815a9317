//! What a command may have the operator do, as data: the same whether a server runs and does it, or the command itself.

mod error;
mod order;
mod outcome;
mod rule_text;

use std::cmp::Reverse;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use forebay_content::{AuditEntry, BegunAct, HostedEntry, Missing, Timestamp};
use forebay_oci::{Digest, Reference, RepositoryName};
use futures::TryStreamExt as _;

pub use self::error::RepositoryOrderError;
pub use self::order::RepositoryOrder;
pub use self::outcome::{
    CollectedText, DetailText, ExpiredText, GoingText, MAX_NAMED, ManifestText, RepositoryOutcome,
    RepositoryText, RuleSummary, SparedText,
};
pub use self::rule_text::RuleText;
use crate::PushError;
use crate::expiry::Expired;
use crate::local_registry::GARBAGE_GRACE;
use crate::operator::Operator;
use crate::owner::{Deleted, Made, Quota, Settings, SettingsChange};

/// How many repositories or pins one answer lists.
const LISTED_AT_A_TIME: usize = 500;

/// How many of the newest tags a repository is shown with.
const NEWEST_SHOWN: usize = 10;

/// How many are looked at before all but the newest are let go of.
const MAX_SEEN: usize = 100;

/// How many pins a repository is shown with.
const PINS_SHOWN: usize = 100;

/// The least time for which what uploads have brought is kept: with less, a slow push loses what it has sent.
pub const MIN_GRACE: Duration = Duration::from_hours(1);

/// What a repository is shown with, of all that it holds.
#[derive(Default)]
struct Seen {
    /// When each was pushed, and the manifest.
    newest: Vec<(Timestamp, ManifestText)>,
    pins: Vec<ManifestText>,
    pinned: u64,
}

impl Seen {
    fn see(&mut self, entry: &HostedEntry) {
        if entry.is_pinned {
            self.pinned += 1;
            if self.pins.len() < PINS_SHOWN {
                self.pins.push(ManifestText::of(entry));
            }
        }
        if !entry.tags.is_empty() {
            self.newest.push((entry.pushed_at, ManifestText::of(entry)));
        }
        if self.newest.len() >= MAX_SEEN {
            self.sort();
        }
    }

    /// The newest first, and no more than are shown.
    fn sort(&mut self) {
        self.newest.sort_by_key(|(at, _)| Reverse(*at));
        self.newest.truncate(NEWEST_SHOWN);
    }
}

impl Operator {
    /// Carries out an order of `who`, and writes down what it changes. A change goes on to its end, and into the audit log, though
    /// whoever waits for it leaves; but lifecycle rules stop between two manifests, each of which is written down.
    ///
    /// # Errors
    /// It has a word that means nothing, what it is about is not there or not as it must be, or the disk fails.
    pub async fn carry_out(
        self: &Arc<Self>,
        order: RepositoryOrder,
        who: &str,
    ) -> Result<RepositoryOutcome, RepositoryOrderError> {
        let Some(audited) = order.audited() else {
            return self.act(order, who).await;
        };
        let (operator, who) = (Arc::clone(self), who.to_owned());
        let change = async move { operator.change(order, audited, &who).await };
        let tasks = &self.registry.supervisor;
        let changed = tasks.to_the_end("operator's change", change).await;
        changed.unwrap_or(Err(RepositoryOrderError::BrokenOff))
    }

    /// Makes a change that is written down as a whole, by this act and object.
    async fn change(
        &self,
        order: RepositoryOrder,
        (act, object): (&str, String),
        who: &str,
    ) -> Result<RepositoryOutcome, RepositoryOrderError> {
        let detail = order.detail();
        let entry = AuditEntry {
            detail: detail.as_deref(),
            ..AuditEntry::of(who, act, &object)
        };
        let begun = BegunAct::new(&*self.audit, entry);
        let is_long = matches!(order, RepositoryOrder::CollectGarbage { .. });
        let changed = tokio::select! {
            changed = self.act(order, who) => changed,
            // What was cleared away until then stays so; the rest is when garbage is collected next.
            () = self.registry.supervisor.stopping(), if is_long => Err(RepositoryOrderError::Stopping),
        };
        let digest = match &changed {
            // The digest is the object already where it was named by that.
            Ok(RepositoryOutcome::Pinned { digest }) if !object.ends_with(digest) => {
                Some(digest.as_str())
            }
            _ => None,
        };
        let outcome = changed
            .as_ref()
            .map_or_else(RepositoryOrderError::word, |_| AuditEntry::DONE);
        begun.of_digest(digest).end(outcome);
        changed
    }

    async fn act(
        &self,
        order: RepositoryOrder,
        who: &str,
    ) -> Result<RepositoryOutcome, RepositoryOrderError> {
        match order {
            RepositoryOrder::ListRepositories { pattern, after } => self.list(pattern, after).await,
            RepositoryOrder::ShowRepository { name } => self.show(&read_name(name)?).await,
            RepositoryOrder::CreateRepository {
                name,
                immutable_tags,
                quota_bytes,
            } => {
                let name = read_name(name)?;
                let settings = Settings::read(&immutable_tags, quota_bytes)?;
                match self.registry.create_repository(&name, settings).await? {
                    Made::Done => self.tell(&name).await,
                    Made::Exists => Err(RepositoryOrderError::Exists(name)),
                }
            }
            RepositoryOrder::SetRepository {
                name,
                immutable_tags,
                quota,
            } => self.set(&read_name(name)?, immutable_tags, quota).await,
            RepositoryOrder::DeleteRepository { name, with_content } => {
                let name = read_name(name)?;
                match self.registry.delete_repository(&name, with_content).await? {
                    Deleted::Done(found) => {
                        Ok(RepositoryOutcome::Repository(RepositoryText::of(&found)))
                    }
                    Deleted::Absent => Err(RepositoryOrderError::NoRepository(name)),
                    Deleted::Holds(found) => Err(RepositoryOrderError::Holds {
                        name,
                        manifests: found.manifests,
                        tags: found.tags,
                    }),
                }
            }
            RepositoryOrder::Pin {
                name,
                reference,
                is_pinned,
            } => self.pin(read_name(name)?, reference, is_pinned).await,
            RepositoryOrder::ListPins { name, after } => self.pins(&read_name(name)?, after).await,
            RepositoryOrder::Expire {
                name,
                rules,
                dry_run,
            } => {
                let name = read_name(name)?;
                self.expire(&name, rules, (who, dry_run)).await
            }
            RepositoryOrder::CollectGarbage { grace_seconds } => self.collect(grace_seconds).await,
        }
    }

    async fn list(
        &self,
        pattern: Option<String>,
        after: Option<String>,
    ) -> Result<RepositoryOutcome, RepositoryOrderError> {
        let pattern = pattern.map(|text| rule_text::pattern(&text)).transpose()?;
        let (mut repositories, mut next) = (Vec::new(), None);
        let mut pages = pin!(self.registry.repository_pages(after));
        while repositories.len() < LISTED_AT_A_TIME
            && let Some(page) = pages.try_next().await.map_err(PushError::from)?
        {
            next = page.last().map(|last| last.name.to_string());
            let shown = page.iter().filter(|found| {
                let mut wanted = pattern.iter();
                wanted.all(|pattern| pattern.matches(&found.name))
            });
            repositories.extend(shown.map(RepositoryText::of));
        }
        Ok(RepositoryOutcome::Repositories { repositories, next })
    }

    async fn tell(&self, name: &RepositoryName) -> Result<RepositoryOutcome, RepositoryOrderError> {
        let found = self.registry.find_repository(name).await?;
        let found = found.ok_or_else(|| RepositoryOrderError::NoRepository(name.clone()))?;
        Ok(RepositoryOutcome::Repository(RepositoryText::of(&found)))
    }

    async fn show(&self, name: &RepositoryName) -> Result<RepositoryOutcome, RepositoryOrderError> {
        let found = self.registry.find_repository(name).await?;
        let found = found.ok_or_else(|| RepositoryOrderError::NoRepository(name.clone()))?;
        let mut seen = Seen::default();
        let rules = self.rules().of(name);
        let mut see = |entry: &HostedEntry| seen.see(entry);
        let plan = self.registry.plan_seeing(name, &rules, &mut see).await?;
        seen.sort();
        let Seen {
            newest,
            pins,
            pinned,
        } = seen;
        Ok(RepositoryOutcome::Detail(Box::new(DetailText {
            repository: RepositoryText::of(&found),
            newest: newest.into_iter().map(|(_, text)| text).collect(),
            pins,
            pinned,
            rules: rules.rules().iter().map(RuleSummary::of).collect(),
            would_go: plan.goes.len() as u64,
            spared: plan.spared.len() as u64,
        })))
    }

    async fn set(
        &self,
        name: &RepositoryName,
        immutable_tags: Option<Vec<String>>,
        quota: Option<Quota>,
    ) -> Result<RepositoryOutcome, RepositoryOrderError> {
        let change = SettingsChange::read(immutable_tags.as_deref(), quota)?;
        match self.registry.settle_repository(name, change).await {
            Ok(()) => self.tell(name).await,
            Err(PushError::NotFound(_)) => Err(RepositoryOrderError::NoRepository(name.clone())),
            Err(error) => Err(error.into()),
        }
    }

    async fn pin(
        &self,
        repository: RepositoryName,
        reference: String,
        is_pinned: bool,
    ) -> Result<RepositoryOutcome, RepositoryOrderError> {
        let Ok(reference) = reference.parse::<Reference>() else {
            return Err(RepositoryOrderError::Reference(reference));
        };
        let pinned = self.registry.pin(&repository, &reference, is_pinned).await;
        match pinned {
            Ok(digest) => Ok(RepositoryOutcome::Pinned {
                digest: digest.to_string(),
            }),
            Err(PushError::NotFound(Missing::Manifest)) => {
                // Which of the two is not there, says what to do.
                self.tell(&repository).await?;
                Err(RepositoryOrderError::NoManifest {
                    repository,
                    reference,
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn pins(
        &self,
        name: &RepositoryName,
        after: Option<String>,
    ) -> Result<RepositoryOutcome, RepositoryOrderError> {
        self.tell(name).await?;
        let after = after.map(|text| {
            text.parse()
                .map_err(|_| RepositoryOrderError::Reference(text))
        });
        let after: Option<Digest> = after.transpose()?;
        let (mut pins, mut next) = (Vec::new(), None);
        let mut pages = pin!(self.registry.entry_pages(name, after));
        while pins.len() < LISTED_AT_A_TIME
            && let Some(page) = pages.try_next().await.map_err(PushError::from)?
        {
            next = page.last().map(|last| last.manifest.digest.to_string());
            let pinned = page.iter().filter(|entry| entry.is_pinned);
            pins.extend(pinned.map(ManifestText::of));
        }
        Ok(RepositoryOutcome::Pins { pins, next })
    }

    async fn expire(
        &self,
        name: &RepositoryName,
        rules: Option<Vec<RuleText>>,
        (who, dry_run): (&str, bool),
    ) -> Result<RepositoryOutcome, RepositoryOrderError> {
        let rules = match rules {
            Some(texts) => rule_text::read_policy(texts)?,
            None => self.rules().as_ref().clone(),
        };
        if rules.rules().is_empty() {
            return Err(RepositoryOrderError::NoRules);
        }
        let rules = rules.of(name);
        let expired = if dry_run {
            let plan = self.registry.plan_expiry(name, &rules).await?;
            Expired {
                plan,
                ..Expired::default()
            }
        } else {
            self.let_go(name, &rules, who).await?
        };
        let told = ExpiredText::of(name.as_str(), rules.rules(), &expired, dry_run);
        Ok(RepositoryOutcome::Expired(told))
    }

    async fn collect(
        &self,
        grace_seconds: Option<u64>,
    ) -> Result<RepositoryOutcome, RepositoryOrderError> {
        let grace = grace_seconds.map_or(GARBAGE_GRACE, Duration::from_secs);
        if grace < MIN_GRACE {
            return Err(RepositoryOrderError::Grace(grace));
        }
        let began = self.registry.clock.now();
        let collected = self.registry.collect_garbage(grace).await?;
        let took = began.age_at(self.registry.clock.now()).unwrap_or_default();
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Ok(RepositoryOutcome::Collected(CollectedText::of(
            collected, took_ms,
        )))
    }
}

fn read_name(name: String) -> Result<RepositoryName, RepositoryOrderError> {
    name.parse().map_err(|_| RepositoryOrderError::Name(name))
}
