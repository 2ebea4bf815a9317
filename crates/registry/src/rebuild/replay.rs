//! What a journal comes to: pure, entry by entry.

use std::collections::{BTreeMap, BTreeSet};

use forebay_content::{Change, JournalEntry, RepositorySettings, Timestamp};
use forebay_oci::{Digest, MediaType, Tag};

/// A repository as its journal tells it so far.
#[derive(Debug, Default)]
pub(crate) struct Replay {
    made: Option<(Timestamp, RepositorySettings)>,
    manifests: BTreeMap<Digest, Alive>,
    tags: BTreeMap<Tag, Digest>,
}

/// A manifest that was pushed and not dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Alive {
    pub(crate) media_type: MediaType,
    /// When it was pushed last.
    pub(crate) pushed_at: Timestamp,
    pub(crate) is_pinned: bool,
    /// Which tags point at it.
    pub(crate) tags: BTreeSet<Tag>,
}

impl Replay {
    /// Goes on by one entry.
    pub(crate) fn apply(&mut self, entry: JournalEntry) {
        let JournalEntry { at, change } = entry;
        if change == Change::Cleared {
            *self = Self::default();
            return;
        }
        let made = self
            .made
            .get_or_insert_with(|| (at, RepositorySettings::default()));
        match change {
            Change::Pushed {
                digest,
                media_type,
                tags,
            } => self.push(at, (digest, media_type), tags),
            Change::Untagged { tag } => self.untag(&tag),
            Change::Dropped { digest } => {
                for tag in self
                    .manifests
                    .remove(&digest)
                    .into_iter()
                    .flat_map(|gone| gone.tags)
                {
                    self.tags.remove(&tag);
                }
            }
            Change::Pinned { digest, is_pinned } => {
                if let Some(alive) = self.manifests.get_mut(&digest) {
                    alive.is_pinned = is_pinned;
                }
            }
            Change::Settled { settings } => made.1 = settings,
            Change::Cleared => {}
        }
    }

    /// When the repository was first heard of and what its owner says; none if there is none.
    pub(crate) fn repository(&self) -> Option<(Timestamp, &RepositorySettings)> {
        self.made.as_ref().map(|(at, settings)| (*at, settings))
    }

    /// The manifests that it has.
    pub(crate) fn alive(&self) -> impl Iterator<Item = (&Digest, &Alive)> {
        self.manifests.iter()
    }

    /// The manifest, if it has it.
    pub(crate) fn find(&self, digest: &Digest) -> Option<&Alive> {
        self.manifests.get(digest)
    }

    fn push(&mut self, at: Timestamp, (digest, media_type): (Digest, MediaType), tags: Vec<Tag>) {
        for tag in &tags {
            self.untag(tag);
            self.tags.insert(tag.clone(), digest.clone());
        }
        let alive = self.manifests.entry(digest).or_insert_with(|| Alive {
            media_type: media_type.clone(),
            pushed_at: at,
            is_pinned: false,
            tags: BTreeSet::new(),
        });
        alive.media_type = media_type;
        alive.pushed_at = alive.pushed_at.max(at);
        alive.tags.extend(tags);
    }

    fn untag(&mut self, tag: &Tag) {
        let target = self.tags.remove(tag);
        if let Some(alive) = target.and_then(|target| self.manifests.get_mut(&target)) {
            alive.tags.remove(tag);
        }
    }
}
