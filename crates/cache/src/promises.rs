//! Tags that the upstream has moved, until what they have moved to can be pulled.
//!
//! A tag stays what it was until its new manifest is here, and of a list of platforms one that somebody asked for: a limit may
//! let the list through and nothing after it, and then what the tag was is the image that is whole.

use std::sync::Arc;

use forebay_oci::{Digest, RepositoryName, Tag};

use crate::caching_source::Inner;

/// The most tags that wait for one manifest; releases have three or four. One more costs a HEAD when it is next due.
const MAX_WAITING: usize = 16;

/// The most platforms of one list that are waited for; lists have a dozen.
const MAX_PLATFORMS: usize = 64;

impl Inner {
    /// Remembers for which of `awaited` the tag waits: any of them.
    pub(crate) fn promise(&self, repository: &RepositoryName, tag: &Tag, awaited: Vec<Digest>) {
        for digest in awaited {
            let entry = self.promises.entry((repository.clone(), digest));
            entry.and_upsert_with(|waiting| {
                let waiting = waiting.map(moka::Entry::into_value);
                with_tag(waiting.as_deref().unwrap_or_default(), tag)
            });
        }
    }

    /// A manifest is here: the tags that waited for it are what they have moved to, or wait for a platform of that.
    pub(crate) async fn keep_promises(
        self: &Arc<Self>,
        repository: &RepositoryName,
        digest: &Digest,
    ) {
        let promise = (repository.clone(), digest.clone());
        let waiting = self.promises.remove(&promise).unwrap_or_default();
        for tag in waiting.iter() {
            self.keep_promise(repository, tag).await;
        }
    }

    async fn keep_promise(self: &Arc<Self>, repository: &RepositoryName, tag: &Tag) {
        let state = self.tags.get(&(repository.clone(), tag.clone()));
        let Some(state) = state else {
            return;
        };
        let Some(newer) = state.newer.clone() else {
            return;
        };
        let awaited = self.awaited(&newer.digest).await;
        if awaited.is_empty() {
            self.keep_tag(repository, tag, (newer, state.heard_at));
        } else {
            self.promise(repository, tag, awaited);
        }
    }

    /// What of a manifest has to come before it can be pulled: itself, or one of its platforms; nothing if it can be.
    pub(crate) async fn awaited(&self, digest: &Digest) -> Vec<Digest> {
        let Some(stored) = self.kept.find_manifest(digest).await else {
            return vec![digest.clone()];
        };
        let mut awaited = Vec::new();
        // Of a manifest that cannot be read, nothing is known that it needs.
        for platform in stored.platforms().take(MAX_PLATFORMS) {
            if self.kept.find_manifest(platform).await.is_some() {
                return Vec::new();
            }
            awaited.push(platform.clone());
        }
        awaited
    }
}

/// The tags that wait, with one more; of too many those that have waited longest go.
fn with_tag(waiting: &[Tag], tag: &Tag) -> Arc<[Tag]> {
    let others = waiting.iter().filter(|waits| *waits != tag);
    let surplus = (others.clone().count() + 1).saturating_sub(MAX_WAITING);
    others.skip(surplus).chain([tag]).cloned().collect()
}
