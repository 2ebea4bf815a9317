//! Makes lost rows again from the journals and the blobs.
//!
//! A journal says which manifests a repository has under which tags; the manifests say which blobs they need, and the journal which
//! of them the repository lacks: those may be another's. Blobs that nothing refers to and times of pulls are in neither and do not
//! come back.

pub(crate) mod replay;

use std::collections::BTreeSet;
use std::pin::pin;

use bytes::Bytes;
use forebay_content::{
    BlobError, Committed, HostedBlob, HostedChild, HostedManifest, JournalEntry, ManifestPush,
    PAGE, collect_reader, journal_pages,
};
use forebay_oci::{
    Digest, MAX_MANIFEST_BYTES, Presence, PushedChild, PushedManifest, RepositoryName,
};
use futures::TryStreamExt as _;
use tracing::warn;

use crate::PushError;
use crate::local_registry::LocalRegistry;
use crate::push::child;
use crate::rebuild::replay::{Alive, Replay};

/// How many notes of use are written down in one go.
const NOTES_AT_ONCE: usize = 1000;

/// The most losses that are told one by one.
const MAX_TOLD: usize = 10_000;

/// Why rows could not be made again.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// There are rows already.
    #[error(
        "there are local repositories already: rows are made again only where none are; put the database's file aside first"
    )]
    NotEmpty,
    /// The disk, or our own fault.
    #[error(transparent)]
    Failed(#[from] PushError),
}

/// What was made again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rebuilt {
    /// Repositories.
    pub repositories: u64,
    /// Manifests.
    pub manifests: u64,
    /// Tags.
    pub tags: u64,
    /// Links from repositories to blobs.
    pub blobs: u64,
    /// Lines and journals that cannot be read: what they said is not known.
    pub unreadable: u64,
    /// What is not at rest any more, or damaged; at most 10,000 are told.
    pub lost: Vec<Lost>,
    /// How many more are lost.
    pub lost_beside: u64,
}

/// What a repository held, and holds no more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lost {
    /// The repository.
    pub repository: RepositoryName,
    /// What is lost.
    pub digest: Digest,
    /// The manifest that needs it; none if it is itself a manifest that was pushed.
    pub needed_by: Option<Digest>,
}

impl LocalRegistry {
    /// Makes the rows again that journals and blobs tell of, where there are none. It must be the only one who changes anything.
    ///
    /// Broken off, it has made some; it is to be begun anew without them.
    ///
    /// # Errors
    /// There are rows already, or the disk fails.
    pub async fn rebuild_rows(&self) -> Result<Rebuilt, RebuildError> {
        let found = self.stores.rows.repositories(None, 1).await;
        if !found.map_err(PushError::from)?.is_empty() {
            return Err(RebuildError::NotEmpty);
        }
        let mut rebuilt = Rebuilt::default();
        let mut journals = pin!(journal_pages(&*self.stores.journal));
        while let Some(page) = journals.try_next().await.map_err(PushError::from)? {
            rebuilt.unreadable += page.unreadable;
            for repository in &page.repositories {
                self.rebuild_repository(repository, &mut rebuilt).await?;
            }
        }
        Ok(rebuilt)
    }

    async fn rebuild_repository(
        &self,
        repository: &RepositoryName,
        rebuilt: &mut Rebuilt,
    ) -> Result<(), PushError> {
        let (replay, unreadable) = self.replay(repository).await?;
        rebuilt.unreadable += unreadable;
        let Some((made_at, settings)) = replay.repository() else {
            return Ok(());
        };
        let rows = &self.stores.rows;
        rows.keep_repository(repository, settings, made_at).await?;
        rebuilt.repositories += 1;
        let mut linked = BTreeSet::new();
        for (digest, alive) in replay.alive() {
            self.rebuild_manifest((repository, digest), alive, (&mut linked, rebuilt))
                .await?;
        }
        // When they were pulled is nowhere else. What is in use must not look as if nobody had pulled it since it was pushed.
        let now = self.clock.now();
        let notes: Vec<_> = replay
            .alive()
            .map(|(digest, _)| (repository.clone(), digest.clone(), now))
            .collect();
        for some in notes.chunks(NOTES_AT_ONCE) {
            rows.note_pulls(some).await?;
        }
        Ok(())
    }

    /// Makes the rows of a manifest again, with links to the blobs that it needs; `linked` are those that were made before.
    pub(crate) async fn rebuild_manifest(
        &self,
        (repository, digest): (&RepositoryName, &Digest),
        alive: &Alive,
        (linked, rebuilt): (&mut BTreeSet<Digest>, &mut Rebuilt),
    ) -> Result<(), PushError> {
        let rows = &self.stores.rows;
        let Some(bytes) = self.manifest_at_rest(digest).await? else {
            rebuilt.lose(repository, digest, None);
            return Ok(());
        };
        let pushed = match PushedManifest::parse(&bytes, Some(&alive.media_type)) {
            Ok(pushed) => pushed,
            Err(error) => {
                warn!(%repository, %digest, %error, "a manifest is not taken any more");
                rebuilt.lose(repository, digest, None);
                return Ok(());
            }
        };
        // What it lacked it must not get: the bytes are another repository's, if they are there.
        let is_held =
            |child: &&PushedChild| !child.is_manifest && !alive.absent.contains(&child.digest);
        for needed in pushed.children.iter().filter(is_held) {
            let is_new = linked.insert(needed.digest.clone());
            let is_there = !is_new || self.link(repository, &needed.digest, alive).await?;
            rebuilt.blobs += u64::from(is_new && is_there);
            if !is_there {
                linked.remove(&needed.digest);
                if needed.presence != Presence::Elsewhere {
                    rebuilt.lose(repository, &needed.digest, Some(digest));
                }
            }
        }
        let push = ManifestPush {
            manifest: HostedManifest {
                digest: digest.clone(),
                media_type: alive.media_type.clone(),
                size: bytes.len() as u64,
            },
            children: pushed.children.iter().map(lenient).collect(),
            subject: pushed.subject,
            artifact_type: pushed.artifact_type,
            annotations: pushed.annotations,
            tags: alive.tags.iter().cloned().collect(),
            immutable_tags: Vec::new(),
            tag_bounds: None,
            quota_bytes: None,
            at: alive.pushed_at,
        };
        if rows.commit_manifest(repository, &push).await? != Committed::Done {
            rebuilt.lose(repository, digest, None);
            return Ok(());
        }
        if alive.is_pinned {
            rows.pin_manifest(repository, digest, true).await?;
        }
        rebuilt.manifests += 1;
        rebuilt.tags += alive.tags.len() as u64;
        Ok(())
    }

    /// What the journal comes to, and how many of its lines cannot be read.
    pub(crate) async fn replay(
        &self,
        repository: &RepositoryName,
    ) -> Result<(Replay, u64), PushError> {
        let mut replay = Replay::default();
        let Some(mut reader) = self.stores.journal.open(repository).await? else {
            return Ok((replay, 0));
        };
        loop {
            let entries: Vec<JournalEntry> = reader.next(PAGE as usize).await?;
            if entries.is_empty() {
                return Ok((replay.finish(), reader.unreadable()));
            }
            for entry in entries {
                replay.apply(entry);
            }
        }
    }

    /// The manifest's bytes, if they are at rest and sound.
    pub(crate) async fn manifest_at_rest(
        &self,
        digest: &Digest,
    ) -> Result<Option<Bytes>, PushError> {
        let read = match self.stores.blobs.open(digest).await {
            Ok(reader) => collect_reader(reader.as_ref(), MAX_MANIFEST_BYTES).await,
            Err(error) => Err(error),
        };
        let read = sound(read)?;
        Ok(read.filter(|bytes| Digest::of(digest.algorithm(), bytes) == *digest))
    }

    /// Records that the repository holds a blob, if that is at rest.
    async fn link(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        alive: &Alive,
    ) -> Result<bool, PushError> {
        let opened = sound(self.stores.blobs.open(digest).await)?;
        let Some(size) = opened.map(|reader| reader.size()) else {
            return Ok(false);
        };
        let blob = HostedBlob {
            digest: digest.clone(),
            size,
            quota_bytes: None,
        };
        let rows = &self.stores.rows;
        let linked = rows.commit_blob(repository, &blob, alive.pushed_at).await?;
        Ok(matches!(linked, Committed::Done | Committed::Completed))
    }
}

impl Rebuilt {
    fn lose(&mut self, repository: &RepositoryName, digest: &Digest, needed_by: Option<&Digest>) {
        if self.lost.len() >= MAX_TOLD {
            self.lost_beside += 1;
            return;
        }
        self.lost.push(Lost {
            repository: repository.clone(),
            digest: digest.clone(),
            needed_by: needed_by.cloned(),
        });
    }
}

/// A child that need not be there: what is not is told, and the manifest is kept, for it may be completed.
fn lenient(pushed: &PushedChild) -> HostedChild {
    HostedChild {
        is_required: false,
        ..child(pushed)
    }
}

/// None for what is proven to be gone or damaged.
fn sound<T>(read: Result<T, BlobError>) -> Result<Option<T>, PushError> {
    match read {
        Ok(read) => Ok(Some(read)),
        Err(error) if error.is_loss() => Ok(None),
        Err(error) => Err(error.into()),
    }
}
