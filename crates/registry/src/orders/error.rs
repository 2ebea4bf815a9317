//! Why an order was not carried out, in words that say what to do next.

use std::time::Duration;

use forebay_lifecycle_rules::{InvalidRule, InvalidTagPattern, MAX_RULES};
use forebay_limits::counted;
use forebay_oci::{InvalidPattern, Reference, RepositoryName};

use super::MIN_GRACE;
use crate::expiry::ExpiryError;
use crate::owner::InvalidSettings;
use crate::{PushError, Refused};

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryOrderError {
    /// A name is none.
    #[error(
        "{0:?} is no repository's name: it has lower-case letters, digits, '.', '_', '-' and '/'"
    )]
    Name(String),
    /// A reference is none.
    #[error("{0:?} is neither a tag nor a digest")]
    Reference(String),
    /// A pattern of repositories is none.
    #[error("the pattern {0:?} {1}")]
    Pattern(String, InvalidPattern),
    /// A pattern of tags is none.
    #[error("the pattern of tags {0:?} {1}")]
    TagPattern(String, InvalidTagPattern),
    /// A rule is none.
    #[error("{name} {why}")]
    Rule {
        /// Which.
        name: String,
        /// What is wrong with it.
        why: InvalidRule,
    },
    /// There are too many rules.
    #[error("{0} rules are too many: at most {MAX_RULES} are taken")]
    Rules(usize),
    /// Settings mean nothing.
    #[error(transparent)]
    Settings(#[from] InvalidSettings),
    /// There is no such repository.
    #[error("there is no repository {0}")]
    NoRepository(RepositoryName),
    /// The repository holds no such manifest.
    #[error(
        "there is no {reference} in {repository}: forebay repo show {repository} lists its newest tags"
    )]
    NoManifest {
        /// The repository.
        repository: RepositoryName,
        /// What was asked for.
        reference: Reference,
    },
    /// There is such a repository already.
    #[error("there is a repository {0} already: forebay repo set changes it")]
    Exists(RepositoryName),
    /// The repository holds something.
    #[error(
        "{name} holds {} under {}: --force deletes all of it",
        counted(*manifests, "manifest"),
        counted(*tags, "tag")
    )]
    Holds {
        /// Its name.
        name: RepositoryName,
        /// How many manifests.
        manifests: u64,
        /// How many tags.
        tags: u64,
    },
    /// There are no rules to apply.
    #[error(
        "there are no lifecycle rules: write [[lifecycle]] in the configuration, or give one by flags such as --keep-newest 10"
    )]
    NoRules,
    /// Garbage would take from a push what it has just brought.
    #[error(
        "a grace of {} s is too short: a push that takes longer would lose what it has sent; at least {} s", .0.as_secs(), MIN_GRACE.as_secs()
    )]
    Grace(Duration),
    /// The server is stopping, and this may take longer than it waits.
    #[error("the server is stopping: what was done until then stays so; do it again once it runs")]
    Stopping,
    /// The process ends, or a fault of our own ended it.
    #[error(
        "the change was broken off, and whether it was made is not known: look, and make it again"
    )]
    BrokenOff,
    /// Rules could not be applied.
    #[error(transparent)]
    Expiry(ExpiryError),
    /// The disk, or our own fault.
    #[error(transparent)]
    Failed(#[from] PushError),
}

impl RepositoryOrderError {
    /// Why not, in a word, for the audit log.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Name(_)
            | Self::Reference(_)
            | Self::Pattern(..)
            | Self::TagPattern(..)
            | Self::Rule { .. }
            | Self::Rules(_)
            | Self::Settings(_)
            | Self::NoRules
            | Self::Grace(_) => "invalid",
            Self::NoRepository(_) | Self::NoManifest { .. } => "not_found",
            Self::Exists(_) => "exists",
            Self::Holds { .. } => "not_empty",
            Self::Stopping | Self::BrokenOff => "broken_off",
            Self::Failed(PushError::Unjournaled(_)) => "unjournaled",
            Self::Failed(PushError::Refused(Refused::NotLocal(_))) => "not_local",
            Self::Failed(PushError::Refused(_)) => "refused",
            Self::Expiry(_) | Self::Failed(_) => "failed",
        }
    }
}

impl From<ExpiryError> for RepositoryOrderError {
    fn from(error: ExpiryError) -> Self {
        match error {
            ExpiryError::NoRepository(name) => Self::NoRepository(name),
            error => Self::Expiry(error),
        }
    }
}
