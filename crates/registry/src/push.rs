//! Pushes: bytes at rest first, then the row that says who holds them, then the journal; only then it is acknowledged.

use std::collections::HashSet;

use bytes::Bytes;
use forebay_content::{
    BlobError, BlobMount, BlobStat, Change, ChildKind, Committed, HostedBlob, HostedChild,
    HostedManifest, HostedRepository, MAX_ABSENT, ManifestPush, Stage, TagBounds,
};
use forebay_oci::{
    Algorithm, Digest, MediaType, Presence, PushedChild, PushedManifest, Reference, RepositoryName,
    Tag, UploadId,
};
use tracing::warn;

use crate::local_registry::LocalRegistry;
use crate::owner::ImmutableTags;
use crate::upload::{Received, Receiving};
use crate::{PushError, Refused, Upload, Uploader};

/// The most repositories that a blob is looked for in to mount it from where nobody said.
const MAX_HOLDERS: u32 = 64;

/// The most blobs and manifests that one manifest names: more are written for so long that other pushes feel it. No registry that
/// says how many layers it takes has more (Amazon ECR, "service quotas": 4,200).
pub const MAX_CHILDREN: usize = 5_000;

/// The most tags: those of a manifest are compared one by one when it is dropped, and all that a repository has are kept for as
/// long as it is, whatever its quota of bytes is.
pub const TAG_BOUNDS: TagBounds = TagBounds {
    of_manifest: 10_000,
    of_repository: 100_000,
};

/// What became of a mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mounted {
    /// The repository holds the blob now.
    Done,
    /// It could not be had there: it has to be uploaded.
    NotThere,
}

/// A manifest that was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushedAs {
    /// Its digest.
    pub digest: Digest,
    /// What it is about.
    pub subject: Option<Digest>,
    /// The tags that point at it now because of this push.
    pub tags: Vec<Tag>,
    /// The layers that it refers to and the repository does not hold: whoever pulls it will miss them.
    pub absent: Vec<Digest>,
}

/// A manifest that may be recorded if nothing stands against it.
struct Taken {
    digest: Digest,
    tags: Vec<Tag>,
    bytes: Bytes,
    pushed: PushedManifest,
}

impl LocalRegistry {
    /// Begins an upload.
    ///
    /// # Errors
    /// There are too many, or the disk has no room for one more.
    pub async fn begin_upload(
        &self,
        uploader: Uploader,
        algorithm: Option<Algorithm>,
    ) -> Result<UploadId, PushError> {
        let algorithm = algorithm.unwrap_or(Algorithm::Sha256);
        let rows = &self.stores.rows;
        let found = rows.find_repository(&uploader.repository).await?;
        let quota = found.and_then(|found| found.settings.quota_bytes);
        self.uploads.begin(uploader, (algorithm, quota)).await
    }

    /// How many bytes of the upload have come; waits for nobody.
    ///
    /// # Errors
    /// [`PushError::NoUpload`], also if it is another's.
    pub fn received(&self, uploader: &Uploader, id: UploadId) -> Result<u64, PushError> {
        self.uploads.received(uploader, id)
    }

    /// A turn to send to the upload, or to end it.
    ///
    /// # Errors
    /// [`PushError::NoUpload`], also if it is another's; [`PushError::UploadBusy`] while another request sends to it.
    pub async fn upload(&self, uploader: &Uploader, id: UploadId) -> Result<Upload, PushError> {
        self.uploads.turn(uploader, id).await
    }

    /// Ends the upload: what came is the blob `digest`, which the repository now holds, durably.
    ///
    /// # Errors
    /// It is another blob, or cannot be kept; nothing is left of the upload then.
    pub async fn finish_upload(
        &self,
        uploader: &Uploader,
        upload: Upload,
        digest: &Digest,
    ) -> Result<(), PushError> {
        let (repository, digest) = (uploader.repository.clone(), digest.clone());
        self.keep_to_the_end(async move |registry| {
            let Received { stage, size } = registry.uploads.finish(upload, &digest).await?;
            let blob = BlobStat { digest, size };
            let hold = |quota| registry.hold(&repository, &blob, quota);
            registry.keep_bytes(&repository, (stage, &blob), hold).await
        })
        .await
    }

    /// Ends the upload, of which nothing is left.
    pub fn cancel_upload(&self, upload: Upload) {
        self.uploads.cancel(upload);
    }

    /// Gives the repository a blob that `from` holds, if it does.
    ///
    /// # Errors
    /// The repository's quota, or the disk.
    pub async fn mount(
        &self,
        from: &RepositoryName,
        to: &RepositoryName,
        digest: &Digest,
    ) -> Result<Mounted, PushError> {
        let (from, to, digest) = (from.clone(), to.clone(), digest.clone());
        self.to_the_end(async move |registry| {
            let mounted = registry.hold_from(&from, &to, &digest).await;
            registry.disk_health.note(&mounted);
            mounted
        })
        .await
    }

    async fn hold_from(
        &self,
        from: &RepositoryName,
        to: &RepositoryName,
        digest: &Digest,
    ) -> Result<Mounted, PushError> {
        let _lease = self.leases.take(digest).await;
        let _local = self.check_local(to)?;
        let now = self.clock.now();
        let found = self.stores.rows.find_repository(to).await?;
        let mount = BlobMount {
            from: from.clone(),
            digest: digest.clone(),
            quota_bytes: found.and_then(|found| found.settings.quota_bytes),
        };
        let committed = self.stores.rows.mount_blob(to, &mount, now).await?;
        match self.accept_blob(to, digest, committed).await {
            Ok(()) => Ok(Mounted::Done),
            Err(PushError::MissingBlobs(_)) => Ok(Mounted::NotThere),
            Err(error) => Err(error),
        }
    }

    /// Repositories that hold the blob, of all names, from which it may be mounted; a few if there are many.
    ///
    /// # Errors
    /// Our own fault.
    pub async fn holders(&self, digest: &Digest) -> Result<Vec<RepositoryName>, PushError> {
        Ok(self.stores.rows.holders(digest, MAX_HOLDERS).await?)
    }

    /// Pushes a manifest under a tag or its digest, and under further `tags`.
    ///
    /// # Errors
    /// It is none, refers to what the repository does not hold, is not what its digest says, or its owner's rules or the disk
    /// stand against it. Nothing has changed then; only where the disk failed at the very last, at the journal, it is there, whole.
    pub async fn push_manifest(
        &self,
        repository: &RepositoryName,
        (reference, tags): (&Reference, &[Tag]),
        (bytes, content_type): (Bytes, Option<&MediaType>),
    ) -> Result<PushedAs, PushError> {
        let (digest, tags) = match reference {
            Reference::Tag(tag) => (Digest::sha256(&bytes), vec![tag.clone()]),
            Reference::Digest(said) => {
                let found = Digest::of(said.algorithm(), &bytes);
                if found != *said {
                    let said = said.clone();
                    return Err(PushError::Digest { said, found });
                }
                (found, tags.to_vec())
            }
        };
        let pushed = PushedManifest::parse(&bytes, content_type)?;
        if pushed.children.len() > MAX_CHILDREN {
            return Err(PushError::TooManyChildren(pushed.children.len()));
        }
        let taken = Taken {
            digest,
            tags,
            bytes,
            pushed,
        };
        let repository = repository.clone();
        self.keep_to_the_end(async move |registry| {
            let stage = registry.stage(&taken.digest, taken.bytes.clone()).await?;
            let of = BlobStat {
                digest: taken.digest.clone(),
                size: taken.bytes.len() as u64,
            };
            // In its turn the manifest sees the quota anew, as it does what else its owner says.
            let keep = |_| Box::pin(registry.keep_manifest(&repository, taken));
            registry.keep_bytes(&repository, (stage, &of), keep).await
        })
        .await
    }

    async fn keep_manifest(
        &self,
        repository: &RepositoryName,
        taken: Taken,
    ) -> Result<PushedAs, PushError> {
        let Taken {
            digest,
            tags,
            bytes,
            pushed,
        } = taken;
        let manifest = HostedManifest {
            digest: digest.clone(),
            media_type: pushed.media_type.clone(),
            size: bytes.len() as u64,
        };
        let _local = self.check_local(repository)?;
        let turn = self.turn(repository).await?;
        let found = self.stores.rows.find_repository(repository).await?;
        let mut push = ManifestPush {
            manifest,
            children: pushed.children.iter().map(child).collect(),
            subject: pushed.subject.clone(),
            artifact_type: pushed.artifact_type,
            annotations: pushed.annotations,
            immutable_tags: immutable(found.as_ref(), &tags)?,
            tag_bounds: Some(TAG_BOUNDS),
            tags: tags.clone(),
            quota_bytes: found.and_then(|found| found.settings.quota_bytes),
            at: self.moment_of_push(),
        };
        let mut missing = HashSet::new();
        let mut committed = self.stores.rows.commit_manifest(repository, &push).await?;
        if let Committed::Missing(found) = &committed
            && may_be_absent(&pushed.children, found)
        {
            // A sparse image is taken, for it may be completed; who pushes it is told.
            missing.extend(found.iter().cloned());
            for child in &mut push.children {
                child.is_required &= !missing.contains(&child.digest);
            }
            committed = self.stores.rows.commit_manifest(repository, &push).await?;
        }
        accept(committed)?;
        let change = Change::Pushed {
            digest: digest.clone(),
            media_type: pushed.media_type,
            tags: tags.clone(),
            absent: missing.iter().cloned().collect(),
        };
        self.journal(turn, repository, (change, push.at)).await?;
        self.manifests.insert(digest.clone(), bytes);
        let is_missed = |child: &&PushedChild| {
            child.presence == Presence::Expected && missing.contains(&child.digest)
        };
        let missed = pushed.children.iter().filter(is_missed);
        Ok(PushedAs {
            digest,
            subject: pushed.subject,
            tags,
            absent: missed.map(|child| child.digest.clone()).collect(),
        })
    }

    /// The bytes of a manifest, ready to be put at rest.
    async fn stage(&self, digest: &Digest, bytes: Bytes) -> Result<Box<dyn Stage>, PushError> {
        let expected = Some(bytes.len() as u64);
        let blobs = self.stores.blobs.as_ref();
        let mut receiving = Receiving::begin(blobs, digest.algorithm(), expected).await?;
        receiving.write(bytes).await?;
        Ok(receiving.finish(digest).await?.stage)
    }

    /// Puts bytes at rest, which `keep` then records, given the repository's quota. Of what is refused, nothing stays on the disk.
    ///
    /// # Errors
    /// Those of `keep`; or the repository's quota or the disk has no room for them.
    async fn keep_bytes<T, K: Future<Output = Result<T, PushError>>>(
        &self,
        repository: &RepositoryName,
        (stage, of): (Box<dyn Stage>, &BlobStat),
        keep: impl FnOnce(Option<u64>) -> K,
    ) -> Result<T, PushError> {
        let lease = self.leases.take(&of.digest).await;
        let quota = self.quota_with_room(repository, of).await?;
        let before = self.stores.blobs.open(&of.digest).await;
        stage.commit(&of.digest).await?;
        let kept = keep(quota).await;
        drop(lease);
        // What was there before may be another's.
        if kept.is_err()
            && matches!(before, Err(BlobError::NotFound))
            && let Err(error) = self.clear_refused(of.clone()).await
        {
            warn!(%error, digest = %of.digest, "cannot delete what was refused before the next collection of garbage");
        }
        kept
    }

    /// The repository's quota in bytes, if it has one, which has room for the bytes as of now: who records them asks once more.
    async fn quota_with_room(
        &self,
        repository: &RepositoryName,
        of: &BlobStat,
    ) -> Result<Option<u64>, PushError> {
        let rows = &self.stores.rows;
        let Some(found) = rows.find_repository(repository).await? else {
            return Ok(None);
        };
        let wanted = found.bytes.saturating_add(of.size);
        let bound = found.settings.quota_bytes;
        let Some(quota) = bound.filter(|quota| wanted > *quota) else {
            return Ok(bound);
        };
        let (blob, manifest) = (
            rows.find_hosted_blob(repository, &of.digest).await?,
            rows.find_hosted_manifest(repository, &of.digest).await?,
        );
        if blob.is_some() || manifest.is_some() {
            return Ok(bound);
        }
        Err(Refused::OverQuota { wanted, quota }.into())
    }

    async fn hold(
        &self,
        repository: &RepositoryName,
        of: &BlobStat,
        quota_bytes: Option<u64>,
    ) -> Result<(), PushError> {
        let _local = self.check_local(repository)?;
        let blob = HostedBlob {
            digest: of.digest.clone(),
            size: of.size,
            quota_bytes,
        };
        let now = self.clock.now();
        let committed = self.stores.rows.commit_blob(repository, &blob, now).await?;
        self.accept_blob(repository, &of.digest, committed).await
    }

    /// Of a blob that manifests of the repository lacked, the journal is told: it says that they do. Who brings it again because the
    /// disk failed then waits for that as well.
    async fn accept_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        committed: Committed,
    ) -> Result<(), PushError> {
        let is_given = committed == Committed::Completed;
        accept(committed)?;
        let change = Change::Given {
            digest: digest.clone(),
        };
        if is_given {
            let at = self.moment_of_push();
            self.changes.note(repository, (change.clone(), at));
        }
        if self.changes.is_unwritten(repository, &change) {
            // With a turn it is written down.
            drop(self.turn(repository).await?);
        }
        Ok(())
    }
}

/// Of the tags of a push, those that the repository's owner does not let be moved.
fn immutable(repository: Option<&HostedRepository>, tags: &[Tag]) -> Result<Vec<Tag>, PushError> {
    match repository {
        Some(repository) if !tags.is_empty() => Ok(ImmutableTags::of(repository)?.among(tags)),
        _ => Ok(Vec::new()),
    }
}

/// Blobs are asked for, those too that need not be there: the journal tells which are not.
pub(crate) fn child(pushed: &PushedChild) -> HostedChild {
    HostedChild {
        digest: pushed.digest.clone(),
        kind: if pushed.is_manifest {
            ChildKind::Manifest
        } else {
            ChildKind::Blob
        },
        is_required: !pushed.is_manifest,
    }
}

/// True if the manifest may be taken without these blobs.
fn may_be_absent(children: &[PushedChild], missing: &[Digest]) -> bool {
    let required = children
        .iter()
        .filter(|child| child.presence == Presence::Required);
    let required: HashSet<&Digest> = required.map(|child| &child.digest).collect();
    missing.len() <= MAX_ABSENT && !missing.iter().any(|digest| required.contains(digest))
}

fn accept(committed: Committed) -> Result<(), PushError> {
    match committed {
        Committed::Done | Committed::Completed => Ok(()),
        Committed::Missing(digests) => Err(PushError::MissingBlobs(digests)),
        Committed::Immutable(tag) => Err(Refused::Immutable(tag).into()),
        Committed::TooManyTags { of, most } => Err(Refused::TooManyTags { of, most }.into()),
        Committed::OverQuota { wanted, quota } => Err(Refused::OverQuota { wanted, quota }.into()),
    }
}
