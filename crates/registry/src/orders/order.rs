//! An order: what it says, what it changes, and the words of the audit log for it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::RuleText;
use crate::owner::Quota;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RepositoryOrder {
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

impl RepositoryOrder {
    /// True if it goes on to its end though whoever waits for it leaves: a change that is written down as a whole.
    pub fn goes_on(&self) -> bool {
        self.audited().is_some()
    }

    /// The repository that it makes.
    pub fn creates(&self) -> Option<&str> {
        match self {
            Self::CreateRepository { name, .. } => Some(name),
            _ => None,
        }
    }

    /// The words of the audit log for it, where it is a change that is written down as a whole: the act, and to what.
    pub(super) fn audited(&self) -> Option<(&'static str, String)> {
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

    /// What it says beyond the act and its object, for the audit log.
    pub(super) fn detail(&self) -> Option<String> {
        let tags = |patterns: &[String]| match patterns {
            [] => "no immutable tags".to_owned(),
            some => format!("immutable tags {}", some.join(" ")),
        };
        let quota = |bytes: u64| format!("quota {bytes} bytes");
        let said: Vec<String> = match self {
            Self::CreateRepository {
                immutable_tags,
                quota_bytes,
                ..
            } => {
                let tags = Some(tags(immutable_tags)).filter(|_| !immutable_tags.is_empty());
                tags.into_iter().chain(quota_bytes.map(quota)).collect()
            }
            Self::SetRepository {
                immutable_tags,
                quota: said,
                ..
            } => {
                let said = said.map(|said| match said {
                    Quota::Bytes(bytes) => quota(bytes),
                    Quota::Unbounded => "no quota".to_owned(),
                });
                let tags = immutable_tags.as_deref().map(tags);
                tags.into_iter().chain(said).collect()
            }
            Self::DeleteRepository {
                with_content: true, ..
            } => vec!["with all that it holds".to_owned()],
            Self::CollectGarbage {
                grace_seconds: Some(seconds),
            } => vec![format!("grace {seconds} s")],
            _ => Vec::new(),
        };
        (!said.is_empty()).then(|| said.join(", "))
    }
}

impl fmt::Display for RepositoryOrder {
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
