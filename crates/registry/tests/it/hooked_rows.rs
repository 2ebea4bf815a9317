//! Rows with a hook at each of their transactions: to die there, or to wait.

use std::sync::Arc;

use async_trait::async_trait;
use forebay_content::{
    BlobMount, BlobStat, CatalogError, ChildKind, Committed, DropGuard, Dropped, Hosted,
    HostedBlob, HostedContent, HostedDrops, HostedEntry, HostedLists, HostedManifest, HostedPushes,
    HostedRepository, HostedUpkeep, HostedUsage, ManifestPush, Referrer, ReferrersOf,
    RepositorySettings, TagNames, Timestamp,
};
use forebay_oci::{Digest, RepositoryName, Tag};
use futures::future::BoxFuture;

/// Where a hook is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before a transaction that writes.
    Writing,
    /// After it, when it is durable.
    Written,
    /// Before a page of repositories is read.
    Listing,
}

/// What happens at a moment.
pub(crate) type Hook = Arc<dyn Fn(Moment) -> BoxFuture<'static, ()> + Send + Sync>;

/// The rows behind the hook.
pub(crate) struct HookedRows {
    pub(crate) rows: Arc<dyn Hosted>,
    pub(crate) hook: Hook,
}

impl HookedRows {
    async fn write<T>(&self, act: impl Future<Output = T>) -> T {
        (self.hook)(Moment::Writing).await;
        let done = act.await;
        (self.hook)(Moment::Written).await;
        done
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl HostedContent for HookedRows {
    async fn find_repository(
        &self,
        repository: &RepositoryName,
    ) -> Result<Option<HostedRepository>, CatalogError> {
        self.rows.find_repository(repository).await
    }

    async fn find_hosted_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Option<HostedManifest>, CatalogError> {
        self.rows.find_hosted_tag(repository, tag).await
    }

    async fn find_hosted_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<HostedManifest>, CatalogError> {
        self.rows.find_hosted_manifest(repository, digest).await
    }

    async fn find_hosted_entry(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<HostedEntry>, CatalogError> {
        self.rows.find_hosted_entry(repository, digest).await
    }

    async fn find_hosted_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<u64>, CatalogError> {
        self.rows.find_hosted_blob(repository, digest).await
    }

    async fn holders(
        &self,
        digest: &Digest,
        limit: u32,
    ) -> Result<Vec<RepositoryName>, CatalogError> {
        self.rows.holders(digest, limit).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl HostedLists for HookedRows {
    async fn repositories(
        &self,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<HostedRepository>, CatalogError> {
        (self.hook)(Moment::Listing).await;
        self.rows.repositories(after, limit).await
    }

    async fn hosted_tags(
        &self,
        repository: &RepositoryName,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Option<TagNames>, CatalogError> {
        self.rows.hosted_tags(repository, after, limit).await
    }

    async fn hosted_referrers(
        &self,
        repository: &RepositoryName,
        of: &ReferrersOf,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Referrer>, CatalogError> {
        let rows = &self.rows;
        rows.hosted_referrers(repository, of, after, limit).await
    }

    async fn hosted_manifests(
        &self,
        repository: &RepositoryName,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<HostedEntry>, CatalogError> {
        self.rows.hosted_manifests(repository, after, limit).await
    }

    async fn hosted_parents(
        &self,
        repository: &RepositoryName,
        child: (&Digest, ChildKind),
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<HostedEntry>, CatalogError> {
        let rows = &self.rows;
        rows.hosted_parents(repository, child, after, limit).await
    }

    async fn absent_blobs(
        &self,
        repository: &RepositoryName,
        manifest: &Digest,
        limit: u32,
    ) -> Result<Vec<Digest>, CatalogError> {
        self.rows.absent_blobs(repository, manifest, limit).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl HostedPushes for HookedRows {
    async fn keep_repository(
        &self,
        repository: &RepositoryName,
        settings: &RepositorySettings,
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        self.write(self.rows.keep_repository(repository, settings, at))
            .await
    }

    async fn commit_blob(
        &self,
        repository: &RepositoryName,
        blob: &HostedBlob,
        at: Timestamp,
    ) -> Result<Committed, CatalogError> {
        self.write(self.rows.commit_blob(repository, blob, at))
            .await
    }

    async fn mount_blob(
        &self,
        repository: &RepositoryName,
        mount: &BlobMount,
        at: Timestamp,
    ) -> Result<Committed, CatalogError> {
        self.write(self.rows.mount_blob(repository, mount, at))
            .await
    }

    async fn commit_manifest(
        &self,
        repository: &RepositoryName,
        push: &ManifestPush,
    ) -> Result<Committed, CatalogError> {
        self.write(self.rows.commit_manifest(repository, push))
            .await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl HostedDrops for HookedRows {
    async fn drop_hosted_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
    ) -> Result<Dropped, CatalogError> {
        self.write(self.rows.drop_hosted_tag(repository, tag)).await
    }

    async fn drop_hosted_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        guard: &DropGuard,
    ) -> Result<Dropped, CatalogError> {
        let dropped = self.rows.drop_hosted_manifest(repository, digest, guard);
        self.write(dropped).await
    }

    async fn drop_hosted_blob(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Dropped, CatalogError> {
        self.write(self.rows.drop_hosted_blob(repository, digest))
            .await
    }

    async fn drop_repository(&self, repository: &RepositoryName) -> Result<bool, CatalogError> {
        self.write(self.rows.drop_repository(repository)).await
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl HostedUpkeep for HookedRows {
    async fn note_pulls(
        &self,
        pulled: &[(RepositoryName, Digest, Timestamp)],
    ) -> Result<(), CatalogError> {
        self.write(self.rows.note_pulls(pulled)).await
    }

    async fn pin_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        is_pinned: bool,
    ) -> Result<bool, CatalogError> {
        let pinned = self.rows.pin_manifest(repository, digest, is_pinned);
        self.write(pinned).await
    }

    async fn unlink_unused_blobs(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, CatalogError> {
        self.write(self.rows.unlink_unused_blobs(before, limit))
            .await
    }

    async fn held(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError> {
        self.rows.held(digests).await
    }

    async fn held_on_reading(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError> {
        self.rows.held_on_reading(digests).await
    }

    async fn held_after(
        &self,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<BlobStat>, CatalogError> {
        self.rows.held_after(after, limit).await
    }

    async fn hosted_usage(&self) -> Result<HostedUsage, CatalogError> {
        self.rows.hosted_usage().await
    }
}
