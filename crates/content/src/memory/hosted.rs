//! What local repositories hold, in memory.
//!
//! One lock over plain maps: each act takes it once, which makes the act a transaction. Nothing is counted but when it is asked
//! for, so that this is a model to compare others with.

mod repository;

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use forebay_oci::{Digest, RepositoryName, Tag};

use self::repository::Repository;
use crate::blob_store::BlobStat;
use crate::catalog::{CatalogError, ChildKind};
use crate::clock::Timestamp;
use crate::hosted::{
    BlobMount, Committed, DropGuard, Dropped, HostedBlob, HostedContent, HostedDrops, HostedEntry,
    HostedLists, HostedManifest, HostedPushes, HostedRepository, HostedUpkeep, HostedUsage,
    ManifestPush, Referrer, ReferrersOf, RepositorySettings,
};
use crate::lock::lock;
use crate::tag_names::TagNames;

/// Keeps in memory what local repositories hold.
#[derive(Debug, Default)]
pub struct MemoryHosted {
    repositories: Mutex<Repositories>,
}

/// Names and tags are ordered by their bytes, digests as their texts.
type Repositories = BTreeMap<RepositoryName, Repository>;

impl MemoryHosted {
    /// No repositories yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn all(&self) -> MutexGuard<'_, Repositories> {
        // No act below can panic half-way through a change, so a poisoned state is still a whole one.
        lock(&self.repositories)
    }

    /// Asks the repository, if there is one.
    fn ask<T>(&self, name: &RepositoryName, ask: impl FnOnce(&Repository) -> T) -> Option<T> {
        self.all().get(name).map(ask)
    }

    /// Does it to the repository, if there is one.
    fn act<T>(&self, name: &RepositoryName, act: impl FnOnce(&mut Repository) -> T) -> Option<T> {
        self.all().get_mut(name).map(act)
    }
}

#[async_trait]
impl HostedContent for MemoryHosted {
    async fn find_repository(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<HostedRepository>, CatalogError> {
        Ok(self.ask(repository, |found| found.told(repository)))
    }

    async fn find_hosted_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Option<HostedManifest>, CatalogError> {
        Ok(self.ask(repository, |found| found.find_tag(tag)).flatten())
    }

    async fn find_hosted_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<HostedManifest>, CatalogError> {
        let found = self.ask(repository, |found| found.find_manifest(digest));
        Ok(found.flatten())
    }

    async fn find_hosted_entry(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<HostedEntry>, CatalogError> {
        let found = self.ask(repository, |found| found.find_entry(digest));
        Ok(found.flatten())
    }

    async fn find_hosted_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, CatalogError> {
        let found = self.ask(repository, |found| found.find_blob(digest));
        Ok(found.flatten())
    }

    async fn holders(
        &self,
        digest: &Digest,
        limit: u32,
    ) -> Result<Vec<RepositoryName>, CatalogError> {
        let all = self.all();
        let holders = all
            .iter()
            .filter(|(_, repository)| repository.find_blob(digest).is_some());
        let names = holders.map(|(name, _)| name.clone());
        Ok(names.take(size(limit)).collect())
    }
}

#[async_trait]
impl HostedLists for MemoryHosted {
    async fn repositories(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<HostedRepository>, CatalogError> {
        let all = self.all();
        let rest = all
            .iter()
            .skip_while(|(name, _)| after.is_some_and(|after| name.as_str() <= after));
        Ok(rest
            .take(size(limit))
            .map(|(name, repository)| repository.told(name))
            .collect())
    }

    async fn hosted_tags(
        &self,
        repository: &RepositoryName,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Option<TagNames>, CatalogError> {
        Ok(self.ask(repository, |found| found.tags_after(after, size(limit))))
    }

    async fn hosted_referrers(
        &self,
        repository: &RepositoryName,
        of: &ReferrersOf,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Referrer>, CatalogError> {
        let found = self.ask(repository, |found| {
            found.referrers_after(of, from(after), size(limit))
        });
        Ok(found.unwrap_or_default())
    }

    async fn hosted_manifests(
        &self,
        repository: &RepositoryName,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<HostedEntry>, CatalogError> {
        let found = self.ask(repository, |found| {
            found.entries_after(from(after), size(limit))
        });
        Ok(found.unwrap_or_default())
    }

    async fn hosted_parents(
        &self,
        repository: &RepositoryName,
        child: (&Digest, ChildKind),
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<HostedEntry>, CatalogError> {
        let found = self.ask(repository, |found| {
            found.parents_after(child, from(after), size(limit))
        });
        Ok(found.unwrap_or_default())
    }

    async fn absent_blobs(
        &self,
        repository: &RepositoryName,
        manifest: &Digest,
        limit: u32,
    ) -> Result<Vec<Digest>, CatalogError> {
        let found = self.ask(repository, |found| {
            found.absent_blobs(manifest, size(limit))
        });
        Ok(found.unwrap_or_default())
    }
}

#[async_trait]
impl HostedPushes for MemoryHosted {
    async fn keep_repository(
        &self,
        repository: &RepositoryName,
        settings: &RepositorySettings,
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        let mut all = self.all();
        let kept = all
            .entry(repository.clone())
            .or_insert_with(|| Repository::new(at));
        kept.settings = settings.clone();
        Ok(())
    }

    async fn commit_blob(
        &self,
        repository: &RepositoryName,
        blob: &HostedBlob,
        at: Timestamp,
    ) -> Result<Committed, CatalogError> {
        Ok(commit_blob(&mut self.all(), repository, blob, at))
    }

    async fn mount_blob(
        &self,
        repository: &RepositoryName,
        mount: &BlobMount,
        at: Timestamp,
    ) -> Result<Committed, CatalogError> {
        let mut all = self.all();
        let from = all.get(&mount.from);
        let Some(size) = from.and_then(|from| from.find_blob(&mount.digest)) else {
            return Ok(Committed::Missing(vec![mount.digest.clone()]));
        };
        let blob = HostedBlob {
            digest: mount.digest.clone(),
            size,
            quota_bytes: mount.quota_bytes,
        };
        Ok(commit_blob(&mut all, repository, &blob, at))
    }

    async fn commit_manifest(
        &self,
        repository: &RepositoryName,
        push: &ManifestPush,
    ) -> Result<Committed, CatalogError> {
        Ok(commit(&mut self.all(), repository, push.at, |found| {
            found.commit_manifest(push)
        }))
    }
}

#[async_trait]
impl HostedDrops for MemoryHosted {
    async fn drop_hosted_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Dropped, CatalogError> {
        let dropped = self.act(repository, |found| found.drop_tag(tag));
        Ok(dropped.unwrap_or(Dropped::Absent))
    }

    async fn drop_hosted_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        guard: &DropGuard,
    ) -> Result<Dropped, CatalogError> {
        let dropped = self.act(repository, |found| found.drop_manifest(digest, guard));
        Ok(dropped.unwrap_or(Dropped::Absent))
    }

    async fn drop_hosted_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Dropped, CatalogError> {
        let dropped = self.act(repository, |found| found.drop_blob(digest));
        Ok(dropped.unwrap_or(Dropped::Absent))
    }

    async fn drop_repository(&self, repository: &RepositoryName) -> Result<bool, CatalogError> {
        Ok(self.all().remove(repository).is_some())
    }
}

#[async_trait]
impl HostedUpkeep for MemoryHosted {
    async fn note_pulls(
        &self,
        pulled: &[(RepositoryName, Digest, Timestamp)],
    ) -> Result<(), CatalogError> {
        for (repository, digest, at) in pulled {
            self.act(repository, |found| found.note_pull(digest, *at));
        }
        Ok(())
    }

    async fn pin_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        is_pinned: bool,
    ) -> Result<bool, CatalogError> {
        let pinned = self.act(repository, |found| found.pin(digest, is_pinned));
        Ok(pinned.unwrap_or(false))
    }

    async fn unlink_unused_blobs(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, CatalogError> {
        let mut left = size(limit);
        for repository in self.all().values_mut() {
            left -= repository.unlink_unused(before, left);
        }
        Ok((size(limit) - left) as u64)
    }

    async fn held(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError> {
        let all = self.all();
        let is_held = |digest: &&Digest| all.values().any(|repository| repository.holds(digest));
        Ok(digests.iter().filter(is_held).cloned().collect())
    }

    async fn held_on_reading(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError> {
        self.held(digests).await
    }

    async fn held_after(
        &self,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<BlobStat>, CatalogError> {
        let all = self.all();
        let objects: BTreeMap<&Digest, u64> = all.values().flat_map(Repository::objects).collect();
        let stat = |(digest, size): (&&Digest, &u64)| BlobStat {
            digest: (*digest).clone(),
            size: *size,
        };
        let found = objects.range::<Digest, _>(from(after)).map(stat);
        Ok(found.take(size(limit)).collect())
    }

    async fn hosted_usage(&self) -> Result<HostedUsage, CatalogError> {
        let all = self.all();
        let objects: BTreeMap<&Digest, u64> = all.values().flat_map(Repository::objects).collect();
        Ok(HostedUsage {
            repositories: all.len() as u64,
            objects: objects.len() as u64,
            bytes: objects.values().sum(),
        })
    }
}

fn commit_blob(
    all: &mut Repositories,
    name: &RepositoryName,
    blob: &HostedBlob,
    at: Timestamp,
) -> Committed {
    commit(all, name, at, |found| found.commit_blob(blob, at))
}

/// Does it to the repository; one that was not there is made if it is done.
fn commit(
    all: &mut Repositories,
    name: &RepositoryName,
    at: Timestamp,
    act: impl FnOnce(&mut Repository) -> Committed,
) -> Committed {
    if let Some(found) = all.get_mut(name) {
        return act(found);
    }
    let mut made = Repository::new(at);
    let committed = act(&mut made);
    if committed == Committed::Done {
        all.insert(name.clone(), made);
    }
    committed
}

fn from(after: Option<&Digest>) -> (Bound<&Digest>, Bound<&Digest>) {
    let from = after.map_or(Bound::Unbounded, Bound::Excluded);
    (from, Bound::Unbounded)
}

fn size(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
