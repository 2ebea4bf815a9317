//! What a command may have the operator do, as data: the same whether a server runs and does it, or the command itself.

mod error;
mod rule_text;
mod told;

use std::cmp::Reverse;
use std::fmt;
use std::time::Duration;

use forebay_content::{HostedEntry, Missing};
use forebay_oci::{Digest, Reference, RepositoryName};
use serde::{Deserialize, Serialize};

pub use self::error::OrderError;
pub use self::rule_text::RuleText;
pub use self::told::{
    CollectedText, DetailText, ExpiredText, GoingText, MAX_NAMED, PinText, RepositoryText,
    RuleTold, SparedText, Told,
};
use crate::PushError;
use crate::expiry::Expired;
use crate::local_registry::GARBAGE_GRACE;
use crate::operator::Operator;
use crate::owner::{Deleted, Made, Settings};

/// How many repositories or pins one answer lists.
const LISTED_AT_A_TIME: usize = 500;

/// How many rows are read in one go.
const AT_ONCE: u32 = 500;

/// How many of the newest tags a repository is shown with.
const NEWEST_SHOWN: usize = 10;

/// How many pins a repository is shown with.
const PINS_SHOWN: usize = 100;

/// The least time for which what uploads have brought is kept: with less, a slow push loses what it has sent.
pub const MIN_GRACE: Duration = Duration::from_hours(1);

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// List repositories.
    ListRepositories {
        /// Only those that this pattern stands for.
        pattern: Option<String>,
        /// After which name to go on.
        after: Option<String>,
    },
    /// Show all that is known of a repository.
    ShowRepository {
        /// Its name.
        name: String,
    },
    /// Make a repository.
    CreateRepository {
        /// Its name.
        name: String,
        /// Patterns of tags that are neither moved nor dropped.
        immutable_tags: Vec<String>,
        /// The most bytes that it may hold.
        quota_bytes: Option<u64>,
    },
    /// Have other settings hold; what is not said stays as it is.
    SetRepository {
        /// Its name.
        name: String,
        /// The patterns that hold from now on.
        immutable_tags: Option<Vec<String>>,
        /// The quota that holds from now on.
        quota: Option<Quota>,
    },
    /// Delete a repository.
    DeleteRepository {
        /// Its name.
        name: String,
        /// Whether it may hold something, which goes too.
        with_content: bool,
    },
    /// Pin a manifest, or take its pin away.
    Pin {
        /// Its repository.
        name: String,
        /// Its tag or digest.
        reference: String,
        /// Whether it is to be pinned.
        is_pinned: bool,
    },
    /// List what is pinned in a repository.
    ListPins {
        /// Its name.
        name: String,
        /// After which digest to go on.
        after: Option<String>,
    },
    /// Let go of what lifecycle rules say.
    Expire {
        /// In which repository.
        name: String,
        /// By these rules; without, by the configuration's.
        rules: Option<Vec<RuleText>>,
        /// Whether only to tell what would go.
        dry_run: bool,
    },
    /// Clear away what no repository needs.
    CollectGarbage {
        /// For how many seconds uploads are spared.
        grace_seconds: Option<u64>,
    },
}

/// A bound of what a repository holds, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Quota {
    /// So many bytes.
    Bytes(u64),
    /// As much as the disk.
    Unbounded,
}

impl Order {
    /// True if it only looks.
    pub fn is_look(&self) -> bool {
        matches!(
            self,
            Self::ListRepositories { .. }
                | Self::ShowRepository { .. }
                | Self::ListPins { .. }
                | Self::Expire { dry_run: true, .. }
        )
    }

    /// The repository that it makes.
    pub fn creates(&self) -> Option<&str> {
        match self {
            Self::CreateRepository { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The words of the audit log for it, where it is a change that is written down as a whole: the act, and to what.
    fn audited(&self) -> Option<(&'static str, String)> {
        let at = |name: &str| format!("local/{name}");
        match self {
            Self::CreateRepository { name, .. } => Some(("create-repository", at(name))),
            Self::SetRepository { name, .. } => Some(("set-repository", at(name))),
            Self::DeleteRepository { name, .. } => Some(("delete-repository", at(name))),
            Self::Pin {
                name,
                reference,
                is_pinned,
            } => {
                let act = if *is_pinned {
                    "pin-manifest"
                } else {
                    "unpin-manifest"
                };
                let between = if reference.contains(':') { '@' } else { ':' };
                Some((act, format!("{}{between}{reference}", at(name))))
            }
            Self::CollectGarbage { .. } => Some(("collect-garbage", "local".to_owned())),
            // Each manifest is.
            Self::Expire { .. }
            | Self::ListRepositories { .. }
            | Self::ShowRepository { .. }
            | Self::ListPins { .. } => None,
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListRepositories { .. } => f.write_str("list repositories"),
            Self::ShowRepository { name } => write!(f, "show {name}"),
            Self::CreateRepository { name, .. } => write!(f, "create {name}"),
            Self::SetRepository { name, .. } => write!(f, "change {name}"),
            Self::DeleteRepository { name, .. } => write!(f, "delete {name}"),
            Self::Pin {
                name,
                is_pinned: true,
                ..
            } => write!(f, "pin in {name}"),
            Self::Pin { name, .. } => write!(f, "unpin in {name}"),
            Self::ListPins { name, .. } => write!(f, "list pins of {name}"),
            Self::Expire { name, .. } => write!(f, "apply lifecycle rules to {name}"),
            Self::CollectGarbage { .. } => f.write_str("collect garbage"),
        }
    }
}

impl Operator {
    /// Carries out an order of `who`, and writes down what it changes.
    ///
    /// # Errors
    /// It has a word that means nothing, what it is about is not there or not as it must be, or the disk fails.
    pub async fn carry_out(&self, order: Order, who: &str) -> Result<Told, OrderError> {
        let audited = order.audited();
        let carried_out = self.act(order, who).await;
        if let Some((act, object)) = audited {
            self.write_down((who, act), &object, carried_out.is_ok());
        }
        carried_out
    }

    async fn act(&self, order: Order, who: &str) -> Result<Told, OrderError> {
        match order {
            Order::ListRepositories { pattern, after } => self.list(pattern, after).await,
            Order::ShowRepository { name } => self.show(&read_name(name)?).await,
            Order::CreateRepository {
                name,
                immutable_tags,
                quota_bytes,
            } => {
                let name = read_name(name)?;
                let settings = Settings::read(&immutable_tags, quota_bytes)?;
                match self.registry.create_repository(&name, settings).await? {
                    Made::Done => self.tell(&name).await,
                    Made::Exists => Err(OrderError::Exists(name)),
                }
            }
            Order::SetRepository {
                name,
                immutable_tags,
                quota,
            } => self.set(&read_name(name)?, immutable_tags, quota).await,
            Order::DeleteRepository { name, with_content } => {
                let name = read_name(name)?;
                match self.registry.delete_repository(&name, with_content).await? {
                    Deleted::Done(found) => Ok(Told::Repository(RepositoryText::of(&found))),
                    Deleted::Absent => Err(OrderError::NoRepository(name)),
                    Deleted::Holds(found) => Err(OrderError::Holds {
                        name,
                        manifests: found.manifests,
                        tags: found.tags,
                    }),
                }
            }
            Order::Pin {
                name,
                reference,
                is_pinned,
            } => self.pin(read_name(name)?, reference, is_pinned).await,
            Order::ListPins { name, after } => self.pins(&read_name(name)?, after).await,
            Order::Expire {
                name,
                rules,
                dry_run,
            } => {
                let name = read_name(name)?;
                self.expire(&name, rules, (who, dry_run)).await
            }
            Order::CollectGarbage { grace_seconds } => self.collect(grace_seconds).await,
        }
    }

    async fn list(
        &self,
        pattern: Option<String>,
        mut after: Option<String>,
    ) -> Result<Told, OrderError> {
        let pattern = pattern.map(|text| rule_text::pattern(&text)).transpose()?;
        let mut repositories = Vec::new();
        loop {
            let rows = &self.registry.stores.rows;
            let page = rows.repositories(after.as_deref(), AT_ONCE).await;
            let page = page.map_err(PushError::from)?;
            after = page.last().map(|last| last.name.as_str().to_owned());
            let shown = page.iter().filter(|found| {
                let mut wanted = pattern.iter();
                wanted.all(|pattern| pattern.matches(&found.name))
            });
            repositories.extend(shown.map(RepositoryText::of));
            if after.is_none() || repositories.len() >= LISTED_AT_A_TIME {
                let next = after;
                return Ok(Told::Repositories { repositories, next });
            }
        }
    }

    async fn tell(&self, name: &RepositoryName) -> Result<Told, OrderError> {
        let found = self.registry.find_repository(name).await?;
        let found = found.ok_or_else(|| OrderError::NoRepository(name.clone()))?;
        Ok(Told::Repository(RepositoryText::of(&found)))
    }

    async fn show(&self, name: &RepositoryName) -> Result<Told, OrderError> {
        let found = self.registry.find_repository(name).await?;
        let found = found.ok_or_else(|| OrderError::NoRepository(name.clone()))?;
        let mut newest: Vec<HostedEntry> = Vec::new();
        let mut pins = Vec::new();
        let mut pinned = 0;
        let mut after = None;
        loop {
            let page = self.entries(name, after.as_ref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.manifest.digest.clone());
            for entry in page {
                if entry.is_pinned {
                    pinned += 1;
                    if pins.len() < PINS_SHOWN {
                        pins.push(PinText::of(&entry));
                    }
                }
                if !entry.tags.is_empty() {
                    newest.push(entry);
                }
            }
            newest.sort_by_key(|entry| Reverse(entry.pushed_at));
            newest.truncate(NEWEST_SHOWN);
        }
        let rules = self.rules().of(name);
        let plan = self.registry.plan_expiry(name, &rules).await?;
        Ok(Told::Detail(Box::new(DetailText {
            repository: RepositoryText::of(&found),
            newest: newest.iter().map(PinText::of).collect(),
            pins,
            pinned,
            rules: rules.rules().iter().map(RuleTold::of).collect(),
            would_go: plan.goes.len() as u64,
            spared: plan.spared.len() as u64,
        })))
    }

    async fn set(
        &self,
        name: &RepositoryName,
        immutable_tags: Option<Vec<String>>,
        quota: Option<Quota>,
    ) -> Result<Told, OrderError> {
        let patterns = immutable_tags.map(|texts| Settings::read(&texts, None));
        let patterns = patterns
            .transpose()?
            .map(|settings| settings.immutable_tags);
        let settled = self.registry.settle_repository(name, move |now| Settings {
            immutable_tags: patterns.unwrap_or(now.immutable_tags),
            quota_bytes: match quota {
                None => now.quota_bytes,
                Some(Quota::Bytes(bytes)) => Some(bytes),
                Some(Quota::Unbounded) => None,
            },
        });
        match settled.await {
            Ok(()) => self.tell(name).await,
            Err(PushError::NotFound(_)) => Err(OrderError::NoRepository(name.clone())),
            Err(error) => Err(error.into()),
        }
    }

    async fn pin(
        &self,
        repository: RepositoryName,
        reference: String,
        is_pinned: bool,
    ) -> Result<Told, OrderError> {
        let Ok(reference) = reference.parse::<Reference>() else {
            return Err(OrderError::Reference(reference));
        };
        let pinned = self.registry.pin(&repository, &reference, is_pinned).await;
        match pinned {
            Ok(digest) => Ok(Told::Pinned {
                digest: digest.to_string(),
            }),
            Err(PushError::NotFound(Missing::Manifest)) => {
                // Which of the two is not there, says what to do.
                self.tell(&repository).await?;
                Err(OrderError::NoManifest {
                    repository,
                    reference,
                })
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn pins(&self, name: &RepositoryName, after: Option<String>) -> Result<Told, OrderError> {
        self.tell(name).await?;
        let after = after.map(|text| text.parse().map_err(|_| OrderError::Reference(text)));
        let mut after: Option<Digest> = after.transpose()?;
        let mut pins = Vec::new();
        loop {
            let page = self.entries(name, after.as_ref()).await?;
            after = page.last().map(|last| last.manifest.digest.clone());
            let pinned = page.iter().filter(|entry| entry.is_pinned);
            pins.extend(pinned.map(PinText::of));
            if after.is_none() || pins.len() >= LISTED_AT_A_TIME {
                let next = after.map(|digest| digest.to_string());
                return Ok(Told::Pins { pins, next });
            }
        }
    }

    async fn expire(
        &self,
        name: &RepositoryName,
        rules: Option<Vec<RuleText>>,
        (who, dry_run): (&str, bool),
    ) -> Result<Told, OrderError> {
        let rules = match rules {
            Some(texts) => rule_text::read_policy(texts)?,
            None => self.rules().as_ref().clone(),
        };
        if rules.rules().is_empty() {
            return Err(OrderError::NoRules);
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
        Ok(Told::Expired(told))
    }

    async fn collect(&self, grace_seconds: Option<u64>) -> Result<Told, OrderError> {
        let grace = grace_seconds.map_or(GARBAGE_GRACE, Duration::from_secs);
        if grace < MIN_GRACE {
            return Err(OrderError::Grace(grace));
        }
        let began = self.registry.clock.now();
        let collected = self.registry.collect_garbage(grace).await?;
        let took = began.age_at(self.registry.clock.now()).unwrap_or_default();
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        Ok(Told::Collected(CollectedText::of(collected, took_ms)))
    }

    async fn entries(
        &self,
        name: &RepositoryName,
        after: Option<&Digest>,
    ) -> Result<Vec<HostedEntry>, PushError> {
        let rows = &self.registry.stores.rows;
        Ok(rows.hosted_manifests(name, after, AT_ONCE).await?)
    }
}

fn read_name(name: String) -> Result<RepositoryName, OrderError> {
    name.parse().map_err(|_| OrderError::Name(name))
}
