//! The roles: each act as one line. A read goes to the readers, an act that writes into the writer's queue.

use async_trait::async_trait;
use forebay_content::{
    BlobMount, BlobStat, CatalogError, ChildKind, Committed, DropGuard, Dropped, HostedBlob,
    HostedContent, HostedDrops, HostedEntry, HostedLists, HostedManifest, HostedPushes,
    HostedRepository, HostedUpkeep, HostedUsage, ManifestPush, Referrer, ReferrersOf,
    RepositorySettings, TagNames, Timestamp,
};
use forebay_oci::{Digest, RepositoryName, Tag};

use super::SqlRegistry;
use super::blobs::{self, CommitBlob, DropBlob, MountBlob, UnlinkUnused};
use super::manifests::{self, DropManifest, NotePulls, PinManifest};
use super::pushes::CommitManifest;
use super::repositories::{self, DropRepository, KeepRepository};
use super::tag_lists::{self, Retag};
use super::tags::{self, DropTag};
use super::{held, lists};

impl SqlRegistry {
    /// The act, after which what is kept of the repository's tags is forgotten.
    fn retag<A>(&self, act: A, of: &RepositoryName) -> Retag<A> {
        Retag::of(self.tag_lists.as_ref(), act, of)
    }
}

#[async_trait]
impl HostedContent for SqlRegistry {
    async fn find_repository(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<HostedRepository>, CatalogError> {
        Ok(repositories::find(&self.database.opened().readers, repository).await?)
    }

    async fn find_hosted_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Option<HostedManifest>, CatalogError> {
        Ok(tags::find(&self.database.opened().readers, repository, tag).await?)
    }

    async fn find_hosted_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<HostedManifest>, CatalogError> {
        Ok(manifests::find(&self.database.opened().readers, repository, digest).await?)
    }

    async fn find_hosted_entry(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<HostedEntry>, CatalogError> {
        Ok(lists::find_entry(&self.database.opened().readers, repository, digest).await?)
    }

    async fn find_hosted_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, CatalogError> {
        Ok(blobs::find(&self.database.opened().readers, repository, digest).await?)
    }

    async fn holders(
        &self,
        digest: &Digest,
        limit: u32,
    ) -> Result<Vec<RepositoryName>, CatalogError> {
        Ok(blobs::holders(&self.database.opened().readers, digest, limit).await?)
    }
}

#[async_trait]
impl HostedLists for SqlRegistry {
    async fn repositories(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<HostedRepository>, CatalogError> {
        Ok(repositories::after(&self.database.opened().readers, after, limit).await?)
    }

    async fn hosted_tags(
        &self,
        repository: &RepositoryName,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Option<TagNames>, CatalogError> {
        let opened = self.database.opened();
        let asked = (repository, after);
        Ok(tag_lists::page(self.tag_lists.as_ref(), &opened.readers, asked, limit).await?)
    }

    async fn hosted_referrers(
        &self,
        repository: &RepositoryName,
        of: &ReferrersOf,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Referrer>, CatalogError> {
        let opened = self.database.opened();
        Ok(lists::referrers_after(&opened.readers, repository, of, (after, limit)).await?)
    }

    async fn hosted_manifests(
        &self,
        repository: &RepositoryName,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<HostedEntry>, CatalogError> {
        let opened = self.database.opened();
        Ok(lists::entries_after(&opened.readers, repository, after, limit).await?)
    }

    async fn hosted_parents(
        &self,
        repository: &RepositoryName,
        child: (&Digest, ChildKind),
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<HostedEntry>, CatalogError> {
        let opened = self.database.opened();
        Ok(lists::parents_after(&opened.readers, repository, child, (after, limit)).await?)
    }

    async fn absent_blobs(
        &self,
        repository: &RepositoryName,
        manifest: &Digest,
        limit: u32,
    ) -> Result<Vec<Digest>, CatalogError> {
        let opened = self.database.opened();
        Ok(lists::absent_blobs(&opened.readers, repository, manifest, limit).await?)
    }
}

#[async_trait]
impl HostedPushes for SqlRegistry {
    async fn keep_repository(
        &self,
        repository: &RepositoryName,
        settings: &RepositorySettings,
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        let act = KeepRepository(repository.clone(), settings.clone(), at);
        self.database.write(act).await
    }

    async fn commit_blob(
        &self,
        repository: &RepositoryName,
        blob: &HostedBlob,
        at: Timestamp,
    ) -> Result<Committed, CatalogError> {
        let act = CommitBlob(repository.clone(), blob.clone(), at);
        self.database.write(act).await
    }

    async fn mount_blob(
        &self,
        repository: &RepositoryName,
        mount: &BlobMount,
        at: Timestamp,
    ) -> Result<Committed, CatalogError> {
        let act = MountBlob(repository.clone(), mount.clone(), at);
        self.database.write(act).await
    }

    async fn commit_manifest(
        &self,
        repository: &RepositoryName,
        push: &ManifestPush,
    ) -> Result<Committed, CatalogError> {
        let act = CommitManifest(repository.clone(), push.clone());
        if push.tags.is_empty() {
            return self.database.write(act).await;
        }
        self.database.write(self.retag(act, repository)).await
    }
}

#[async_trait]
impl HostedDrops for SqlRegistry {
    async fn drop_hosted_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Dropped, CatalogError> {
        let act = DropTag(repository.clone(), tag.clone());
        self.database.write(self.retag(act, repository)).await
    }

    async fn drop_hosted_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        guard: &DropGuard,
    ) -> Result<Dropped, CatalogError> {
        let act = DropManifest(repository.clone(), digest.clone(), guard.clone());
        self.database.write(self.retag(act, repository)).await
    }

    async fn drop_hosted_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Dropped, CatalogError> {
        let act = DropBlob(repository.clone(), digest.clone());
        self.database.write(act).await
    }

    async fn drop_repository(&self, repository: &RepositoryName) -> Result<bool, CatalogError> {
        let act = DropRepository(repository.clone());
        self.database.write(self.retag(act, repository)).await
    }
}

#[async_trait]
impl HostedUpkeep for SqlRegistry {
    async fn note_pulls(
        &self,
        pulled: &[(RepositoryName, Digest, Timestamp)],
    ) -> Result<(), CatalogError> {
        self.database.write(NotePulls(pulled.to_vec())).await
    }

    async fn pin_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        is_pinned: bool,
    ) -> Result<bool, CatalogError> {
        let act = PinManifest(repository.clone(), digest.clone(), is_pinned);
        self.database.write(act).await
    }

    async fn unlink_unused_blobs(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, CatalogError> {
        self.database.write(UnlinkUnused(before, limit)).await
    }

    async fn held(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError> {
        Ok(held::held(&self.database.opened().readers, digests).await?)
    }

    async fn held_on_reading(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError> {
        Ok(held::held_on_reading(&self.database.opened().readers, digests).await?)
    }

    async fn held_after(
        &self,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<BlobStat>, CatalogError> {
        Ok(held::after(&self.database.opened().readers, after, limit).await?)
    }

    async fn hosted_usage(&self) -> Result<HostedUsage, CatalogError> {
        Ok(held::usage(&self.database.opened().readers).await?)
    }
}
