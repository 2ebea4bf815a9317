//! What came of an order, as data. Times are milliseconds since the UNIX epoch, sizes are bytes.

use forebay_content::{HostedEntry, HostedRepository};
use forebay_lifecycle_rules::Rule;
use forebay_oci::Tag;
use serde::{Deserialize, Serialize};

use crate::expiry::Expired;
use crate::garbage::Collected;
use crate::lifecycle::{Going, Plan, Spared};

/// The most manifests that go, and the most that are spared, that one answer names; the rest is counted.
pub const MAX_NAMED: usize = 10_000;

/// The most tags of one manifest that are named; the rest is counted.
pub(super) const MAX_TAGS_NAMED: usize = 100;

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RepositoryOutcome {
    /// Some repositories, in the order of their names' bytes.
    Repositories {
        /// They.
        repositories: Vec<RepositoryText>,
        /// After which name to go on; none at the end.
        next: Option<String>,
    },
    /// A repository as it is now, or, deleted, as it was.
    Repository(RepositoryText),
    /// All that is known of a repository.
    Detail(Box<DetailText>),
    /// A manifest was pinned, or its pin taken away.
    Pinned {
        /// Its digest.
        digest: String,
    },
    /// Some pinned manifests, in the order of their digests.
    Pins {
        /// They.
        pins: Vec<ManifestText>,
        /// After which digest to go on; none at the end.
        next: Option<String>,
    },
    /// What rules let go of a repository, or would.
    Expired(ExpiredText),
    /// Garbage was collected.
    Collected(CollectedText),
}

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryText {
    /// Its name.
    pub name: String,
    /// How many tags it has.
    pub tags: u64,
    /// How many manifests it holds.
    pub manifests: u64,
    /// What it holds takes so much; each object counts once, whoever else holds it.
    pub bytes: u64,
    /// The most that it may hold.
    pub quota_bytes: Option<u64>,
    /// Patterns of tags that are neither moved nor dropped.
    pub immutable_tags: Vec<String>,
    /// When it was made.
    pub created_unix_ms: i64,
}

/// All that is known of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailText {
    /// The repository.
    #[serde(flatten)]
    pub repository: RepositoryText,
    /// The manifests with tags that were pushed last, the newest first.
    pub newest: Vec<ManifestText>,
    /// Pinned manifests; not all, if there are more than `pinned` are here.
    pub pins: Vec<ManifestText>,
    /// How many are pinned.
    pub pinned: u64,
    /// The lifecycle rules that are about it, in their order.
    pub rules: Vec<RuleSummary>,
    /// How many manifests they would let go now.
    pub would_go: u64,
    /// How many they would, but that something else keeps.
    pub spared: u64,
}

/// A lifecycle rule in words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSummary {
    /// What it is called.
    pub name: String,
    /// What it says.
    pub says: String,
}

/// A manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestText {
    /// Its digest.
    pub digest: String,
    /// Its tags; at most a hundred.
    pub tags: Vec<String>,
    /// How many more it has.
    #[serde(default, skip_serializing_if = "is_none")]
    pub tags_beside: u64,
    /// When it was pushed last.
    pub pushed_unix_ms: i64,
    /// When it was pulled last.
    pub pulled_unix_ms: Option<i64>,
}

/// What rules let go of a repository, or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpiredText {
    /// The repository.
    pub repository: String,
    /// The rules that are about it.
    pub rules: Vec<RuleSummary>,
    /// Whether nothing was to go yet.
    pub dry_run: bool,
    /// What was to go, in the order in which it goes.
    pub goes: Vec<GoingText>,
    /// How many more were to.
    pub goes_beside: u64,
    /// What a rule would have let go.
    pub spared: Vec<SparedText>,
    /// How many more there are.
    pub spared_beside: u64,
    /// How many went.
    pub dropped: u64,
    /// How many stayed because they changed meanwhile.
    pub changed: u64,
}

/// A manifest that goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoingText {
    /// Its digest.
    pub digest: String,
    /// Its tags; at most a hundred.
    pub tags: Vec<String>,
    /// How many more it has.
    #[serde(default, skip_serializing_if = "is_none")]
    pub tags_beside: u64,
    /// By whose doing.
    pub cause: String,
}

/// A manifest that a rule would have let go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SparedText {
    /// Its digest.
    pub digest: String,
    /// Its tags; at most a hundred.
    pub tags: Vec<String>,
    /// How many more it has.
    #[serde(default, skip_serializing_if = "is_none")]
    pub tags_beside: u64,
    /// The rule that would have, and why.
    pub cause: String,
    /// What stands against it.
    pub because: String,
}

/// What was cleared away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectedText {
    /// Links from repositories to blobs that no manifest of theirs refers to.
    pub links: u64,
    /// Blobs and manifests that no repository holds.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

impl RepositoryText {
    pub(super) fn of(found: &HostedRepository) -> Self {
        Self {
            name: found.name.to_string(),
            tags: found.tags,
            manifests: found.manifests,
            bytes: found.bytes,
            quota_bytes: found.settings.quota_bytes,
            immutable_tags: found.settings.immutable_tags.clone(),
            created_unix_ms: found.created_at.0,
        }
    }
}

impl RuleSummary {
    pub(super) fn of(rule: &Rule) -> Self {
        Self {
            name: rule.name.clone(),
            says: format!("{}, {}", rule.selection, rule.expiry),
        }
    }
}

impl ManifestText {
    pub(super) fn of(entry: &HostedEntry) -> Self {
        Self {
            digest: entry.manifest.digest.to_string(),
            tags: texts(&entry.tags),
            tags_beside: beside(&entry.tags),
            pushed_unix_ms: entry.pushed_at.0,
            pulled_unix_ms: entry.pulled_at.map(|at| at.0),
        }
    }
}

impl ExpiredText {
    pub(super) fn of(repository: &str, rules: &[Rule], expired: &Expired, dry_run: bool) -> Self {
        let Plan { goes, spared } = &expired.plan;
        let beside = |all: usize| all.saturating_sub(MAX_NAMED) as u64;
        Self {
            repository: repository.to_owned(),
            rules: rules.iter().map(RuleSummary::of).collect(),
            dry_run,
            goes: goes.iter().take(MAX_NAMED).map(GoingText::of).collect(),
            goes_beside: beside(goes.len()),
            spared: spared.iter().take(MAX_NAMED).map(SparedText::of).collect(),
            spared_beside: beside(spared.len()),
            dropped: expired.dropped,
            changed: expired.changed,
        }
    }
}

impl GoingText {
    fn of(going: &Going) -> Self {
        Self {
            digest: going.digest.to_string(),
            tags: texts(&going.tags),
            tags_beside: beside(&going.tags),
            cause: going.cause.to_string(),
        }
    }
}

impl SparedText {
    fn of(spared: &Spared) -> Self {
        Self {
            digest: spared.digest.to_string(),
            tags: texts(&spared.tags),
            tags_beside: beside(&spared.tags),
            cause: format!("{}: {}", spared.rule, spared.why),
            because: spared.shield.to_string(),
        }
    }
}

impl CollectedText {
    pub(super) fn of(collected: Collected, took_ms: u64) -> Self {
        let Collected {
            links,
            objects,
            bytes,
        } = collected;
        Self {
            links,
            objects,
            bytes,
            took_ms,
        }
    }
}

fn texts(tags: &[Tag]) -> Vec<String> {
    let named = tags.iter().take(MAX_TAGS_NAMED);
    named.map(ToString::to_string).collect()
}

fn beside(tags: &[Tag]) -> u64 {
    tags.len().saturating_sub(MAX_TAGS_NAMED) as u64
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_none(count: &u64) -> bool {
    *count == 0
}
