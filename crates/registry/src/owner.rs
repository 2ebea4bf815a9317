//! What a repository's owner does with it as a whole: makes it, says what holds in it, pins what is to stay, and deletes it.

use std::pin::pin;

use forebay_content::{Change, HostedRepository, Missing, RepositorySettings};
use forebay_lifecycle_rules::{InvalidTagPattern, TagPattern};
use forebay_oci::{Digest, Reference, RepositoryName, Tag};
use futures::TryStreamExt as _;
use serde::{Deserialize, Serialize};

use crate::local_registry::LocalRegistry;
use crate::{PushError, Refused};

/// The most patterns of immutable tags that one repository has: each push of a tag tries all of them.
pub const MAX_IMMUTABLE_PATTERNS: usize = 50;

/// What an owner says of a repository, its patterns read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Patterns of tags that, once pushed, are neither moved nor dropped.
    pub immutable_tags: Vec<TagPattern>,
    /// The most bytes that it may hold; `None` for no bound.
    pub quota_bytes: Option<u64>,
}

/// What an owner says anew of a repository; what is not said stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SettingsChange {
    /// The patterns of tags that are neither moved nor dropped from now on.
    pub immutable_tags: Option<Vec<TagPattern>>,
    /// The bound of what it holds from now on.
    pub quota: Option<Quota>,
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

/// The tags of a repository that are neither moved nor dropped, as its owner said.
pub(crate) struct ImmutableTags(Vec<TagPattern>);

/// Why settings mean nothing: a clause of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// A pattern of tags is none.
    #[error("the pattern of tags {text:?} {why}")]
    Pattern {
        /// As it was written.
        text: String,
        /// What is wrong with it.
        why: InvalidTagPattern,
    },
    /// There are too many patterns.
    #[error(
        "{0} patterns of immutable tags are too many: a repository has at most {MAX_IMMUTABLE_PATTERNS}"
    )]
    Patterns(usize),
}

/// What became of a repository that was to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// It is there, and empty.
    Done,
    /// It was there before: nothing was changed.
    Exists,
}

/// What became of a repository that was to be deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deleted {
    /// It is gone, with all that it held.
    Done(HostedRepository),
    /// It holds something, and was to go only if it was empty.
    Holds(HostedRepository),
    /// There was none.
    Absent,
}

impl Settings {
    /// The settings that these texts say.
    ///
    /// # Errors
    /// A pattern can match no tag, or there are too many.
    pub fn read(
        immutable_tags: &[String],
        quota_bytes: Option<u64>,
    ) -> Result<Self, InvalidSettings> {
        Ok(Self {
            immutable_tags: read_patterns(immutable_tags)?,
            quota_bytes,
        })
    }

    fn kept(&self) -> RepositorySettings {
        RepositorySettings {
            immutable_tags: texts(&self.immutable_tags),
            quota_bytes: self.quota_bytes,
        }
    }
}

impl SettingsChange {
    /// The change that these texts say.
    ///
    /// # Errors
    /// A pattern can match no tag, or there are too many.
    pub fn read(
        immutable_tags: Option<&[String]>,
        quota: Option<Quota>,
    ) -> Result<Self, InvalidSettings> {
        Ok(Self {
            immutable_tags: immutable_tags.map(read_patterns).transpose()?,
            quota,
        })
    }

    /// What holds after it. Patterns that are not replaced are not read either: they may mean nothing any more.
    fn of(self, before: RepositorySettings) -> RepositorySettings {
        let patterns = self.immutable_tags.as_deref().map(texts);
        RepositorySettings {
            immutable_tags: patterns.unwrap_or(before.immutable_tags),
            quota_bytes: match self.quota {
                None => before.quota_bytes,
                Some(Quota::Bytes(bytes)) => Some(bytes),
                Some(Quota::Unbounded) => None,
            },
        }
    }
}

impl ImmutableTags {
    /// Those of a repository.
    ///
    /// # Errors
    /// [`Refused::UnknownImmutable`] if something that was said of them means nothing to this version: without it, what must not be
    /// moved could be.
    pub(crate) fn of(repository: &HostedRepository) -> Result<Self, PushError> {
        let patterns = read_patterns(&repository.settings.immutable_tags);
        let patterns = patterns.map_err(|why| Refused::UnknownImmutable {
            repository: repository.name.clone(),
            why,
        })?;
        Ok(Self(patterns))
    }

    /// The patterns, of which one is enough.
    pub(crate) fn patterns(&self) -> &[TagPattern] {
        &self.0
    }

    /// Of `tags`, those that are immutable.
    pub(crate) fn among(&self, tags: &[Tag]) -> Vec<Tag> {
        let guarded = tags.iter().filter(|tag| self.has(tag));
        guarded.cloned().collect()
    }

    /// The first of `tags` that is immutable.
    pub(crate) fn first_of(&self, tags: &[Tag]) -> Option<Tag> {
        tags.iter().find(|tag| self.has(tag)).cloned()
    }

    fn has(&self, tag: &Tag) -> bool {
        self.0.iter().any(|pattern| pattern.matches(tag))
    }
}

fn read_patterns(texts: &[String]) -> Result<Vec<TagPattern>, InvalidSettings> {
    if texts.len() > MAX_IMMUTABLE_PATTERNS {
        return Err(InvalidSettings::Patterns(texts.len()));
    }
    let read = |text: &String| {
        text.parse().map_err(|why| InvalidSettings::Pattern {
            text: text.clone(),
            why,
        })
    };
    texts.iter().map(read).collect()
}

fn texts(patterns: &[TagPattern]) -> Vec<String> {
    patterns.iter().map(ToString::to_string).collect()
}

impl LocalRegistry {
    /// The repository, if there is one.
    ///
    /// # Errors
    /// Our own fault.
    pub async fn find_repository(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<HostedRepository>, PushError> {
        Ok(self.stores.rows.find_repository(repository).await?)
    }

    /// The first repositories that are meant, in the order of their names' bytes, at most `limit`; all names are looked at for them.
    ///
    /// # Errors
    /// The rows cannot be read.
    pub async fn first_repositories(
        &self,
        limit: usize,
        is_meant: &(dyn Fn(&RepositoryName) -> bool + Sync),
    ) -> Result<Vec<RepositoryName>, PushError> {
        let mut meant: Vec<RepositoryName> = Vec::new();
        let mut pages = pin!(self.repository_pages(None));
        while meant.len() < limit
            && let Some(page) = pages.try_next().await?
        {
            let names = page.into_iter().map(|found| found.name);
            meant.extend(names.filter(|name| is_meant(name)));
        }
        meant.truncate(limit);
        Ok(meant)
    }

    /// Makes a repository with nothing in it. Who pushes to a name makes one as well, without settings.
    ///
    /// # Errors
    /// The name is no local repository's, or the disk fails.
    pub async fn create_repository(
        &self,
        repository: &RepositoryName,
        settings: Settings,
    ) -> Result<Made, PushError> {
        let repository = repository.clone();
        self.to_the_end(async move |registry| registry.create(&repository, &settings).await)
            .await
    }

    async fn create(
        &self,
        repository: &RepositoryName,
        settings: &Settings,
    ) -> Result<Made, PushError> {
        let _local = self.check_local(repository)?;
        let turn = self.turn(repository).await?;
        let rows = &self.stores.rows;
        if rows.find_repository(repository).await?.is_some() {
            return Ok(Made::Exists);
        }
        let (settings, at) = (settings.kept(), self.clock.now());
        rows.keep_repository(repository, &settings, at).await?;
        let change = Change::Settled { settings };
        self.journal(turn, repository, (change, at)).await?;
        Ok(Made::Done)
    }

    /// Has other settings hold in a repository. What it holds stays, even if it is more than its quota.
    ///
    /// # Errors
    /// There is none, or the disk fails.
    pub async fn settle_repository(
        &self,
        repository: &RepositoryName,
        change: SettingsChange,
    ) -> Result<(), PushError> {
        let repository = repository.clone();
        self.to_the_end(async move |registry| registry.settle(&repository, change).await)
            .await
    }

    async fn settle(
        &self,
        repository: &RepositoryName,
        change: SettingsChange,
    ) -> Result<(), PushError> {
        let turn = self.turn(repository).await?;
        let rows = &self.stores.rows;
        let found = rows.find_repository(repository).await?;
        let found = found.ok_or(PushError::NotFound(Missing::Repository))?;
        let (settings, at) = (change.of(found.settings), self.clock.now());
        rows.keep_repository(repository, &settings, at).await?;
        let change = Change::Settled { settings };
        self.journal(turn, repository, (change, at)).await
    }

    /// Deletes a repository; one that holds a manifest only if `with_content`: then all that is in it goes, pinned and immutable
    /// or not. Its bytes go when garbage is collected.
    ///
    /// # Errors
    /// The disk fails.
    pub async fn delete_repository(
        &self,
        repository: &RepositoryName,
        with_content: bool,
    ) -> Result<Deleted, PushError> {
        let repository = repository.clone();
        self.to_the_end(async move |registry| registry.clear(&repository, with_content).await)
            .await
    }

    async fn clear(
        &self,
        repository: &RepositoryName,
        with_content: bool,
    ) -> Result<Deleted, PushError> {
        let turn = self.turn(repository).await?;
        let rows = &self.stores.rows;
        let Some(found) = rows.find_repository(repository).await? else {
            return Ok(Deleted::Absent);
        };
        // Blobs alone are what a push that was broken off has left.
        if found.manifests > 0 && !with_content {
            return Ok(Deleted::Holds(found));
        }
        if !rows.drop_repository(repository).await? {
            return Ok(Deleted::Absent);
        }
        let made = (Change::Cleared, self.clock.now());
        self.journal(turn, repository, made).await?;
        Ok(Deleted::Done(found))
    }

    /// Pins a manifest, or takes the pin away: a pinned one is dropped by no rule and no client. Its digest.
    ///
    /// # Errors
    /// There is no such manifest, or the disk fails.
    pub async fn pin(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        is_pinned: bool,
    ) -> Result<Digest, PushError> {
        let (repository, reference) = (repository.clone(), reference.clone());
        self.to_the_end(async move |registry| {
            registry.set_pin(&repository, &reference, is_pinned).await
        })
        .await
    }

    async fn set_pin(
        &self,
        repository: &RepositoryName,
        reference: &Reference,
        is_pinned: bool,
    ) -> Result<Digest, PushError> {
        // In the turn, so that the tag still points there when the pin is set.
        let turn = self.turn(repository).await?;
        let rows = &self.stores.rows;
        let digest = match reference {
            Reference::Digest(digest) => Some(digest.clone()),
            Reference::Tag(tag) => {
                let found = rows.find_hosted_tag(repository, tag).await?;
                found.map(|found| found.digest)
            }
        };
        let absent = || PushError::NotFound(Missing::Manifest);
        let digest = digest.ok_or_else(absent)?;
        let at = self.clock.now();
        if !rows.pin_manifest(repository, &digest, is_pinned).await? {
            return Err(absent());
        }
        let change = Change::Pinned {
            digest: digest.clone(),
            is_pinned,
        };
        self.journal(turn, repository, (change, at)).await?;
        Ok(digest)
    }
}
