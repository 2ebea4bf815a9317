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
    /// How many pushes there were.
    pushes: u64,
    /// Of blobs that were given, behind how many pushes.
    given: BTreeMap<Digest, u64>,
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
    /// The blobs that it names and the repository did not hold when it was pushed last, nor has been given since.
    pub(crate) absent: BTreeSet<Digest>,
    /// Which push was its last.
    push: u64,
}

impl Replay {
    /// What these entries come to, all that there are.
    pub(crate) fn finish(mut self) -> Self {
        for alive in self.manifests.values_mut() {
            let (given, push) = (&self.given, alive.push);
            alive
                .absent
                .retain(|blob| given.get(blob).is_none_or(|at| *at < push));
        }
        self
    }

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
                absent,
            } => self.push(at, (digest, media_type), (tags, absent)),
            Change::Given { digest } => {
                self.given.insert(digest, self.pushes);
            }
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

    fn push(
        &mut self,
        at: Timestamp,
        (digest, media_type): (Digest, MediaType),
        (tags, absent): (Vec<Tag>, Vec<Digest>),
    ) {
        self.pushes += 1;
        for tag in &tags {
            self.untag(tag);
            self.tags.insert(tag.clone(), digest.clone());
        }
        let alive = self.manifests.entry(digest).or_insert_with(|| Alive {
            media_type: media_type.clone(),
            pushed_at: at,
            is_pinned: false,
            tags: BTreeSet::new(),
            absent: BTreeSet::new(),
            push: self.pushes,
        });
        alive.media_type = media_type;
        alive.absent = absent.into_iter().collect();
        alive.push = self.pushes;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn push(name: &str, absent: &[&str]) -> Change {
        Change::Pushed {
            digest: digest(name),
            media_type: MediaType::OCI_MANIFEST,
            tags: Vec::new(),
            absent: absent.iter().map(|name| digest(name)).collect(),
        }
    }

    fn given(name: &str) -> Change {
        let digest = digest(name);
        Change::Given { digest }
    }

    fn dropped(name: &str) -> Change {
        let digest = digest(name);
        Change::Dropped { digest }
    }

    fn digest(name: &str) -> Digest {
        Digest::sha256(name.as_bytes())
    }

    /// Of the manifest `m`, the blob `b`: whether the repository lacks it.
    fn lacks(changes: Vec<Change>) -> bool {
        let mut replay = Replay::default();
        for (at, change) in (0..).map(Timestamp).zip(changes) {
            replay.apply(JournalEntry { at, change });
        }
        let replay = replay.finish();
        let alive = replay.find(&digest("m")).unwrap();
        alive.absent.contains(&digest("b"))
    }

    #[test]
    fn what_a_manifest_lacks_is_what_its_last_push_said_but_for_what_was_given_since() {
        let lacking = || push("m", &["a", "b"]);
        for (changes, is_lacking) in [
            (vec![push("m", &[])], false),
            (vec![lacking()], true),
            (vec![lacking(), given("a")], true),
            (vec![lacking(), given("b")], false),
            (vec![lacking(), given("b"), push("n", &["b"])], false),
            (vec![lacking(), push("m", &[])], false),
            (vec![push("m", &[]), lacking()], true),
            // Given, forgotten as nothing named it any more, and named anew.
            (vec![lacking(), given("b"), dropped("m"), lacking()], true),
            (vec![lacking(), given("b"), lacking()], true),
            (
                vec![lacking(), given("b"), Change::Cleared, lacking()],
                true,
            ),
        ] {
            assert_eq!(lacks(changes.clone()), is_lacking, "{changes:?}");
        }
    }
}
