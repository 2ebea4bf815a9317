//! A catalog with a hook before and after each of its writes: to refuse it, or to die there.

use std::sync::Arc;

use async_trait::async_trait;
use forebay_content::{
    Catalog, CatalogError, KeptList, KeptManifest, KeptTag, Links, ListKey, Lists, Manifests,
    Object, Objects, Tags, Timestamp, Unused, Usage,
};
use forebay_oci::{Digest, Tag, Target, UpstreamName};

/// What happens before a write, and after it, when it is committed.
pub(crate) type Hook = Arc<dyn Fn() -> Result<(), CatalogError> + Send + Sync>;

/// The catalog behind the hook.
pub(crate) struct HookedCatalog {
    pub(crate) inner: Arc<dyn Catalog>,
    pub(crate) hook: Hook,
}

impl HookedCatalog {
    async fn write<T>(
        &self,
        act: impl Future<Output = Result<T, CatalogError>>,
    ) -> Result<T, CatalogError> {
        (self.hook)()?;
        let done = act.await?;
        (self.hook)()?;
        Ok(done)
    }
}

#[async_trait]
impl Tags for HookedCatalog {
    async fn find_tag(&self, target: &Target, tag: &Tag) -> Result<Option<KeptTag>, CatalogError> {
        self.inner.find_tag(target, tag).await
    }

    async fn keep_tag(
        &self,
        target: &Target,
        tag: &Tag,
        kept: &KeptTag,
    ) -> Result<(), CatalogError> {
        self.write(self.inner.keep_tag(target, tag, kept)).await
    }

    async fn drop_tag(&self, target: &Target, tag: &Tag) -> Result<(), CatalogError> {
        self.write(self.inner.drop_tag(target, tag)).await
    }
}

#[async_trait]
impl Manifests for HookedCatalog {
    async fn find_manifest(&self, digest: &Digest) -> Result<Option<KeptManifest>, CatalogError> {
        self.inner.find_manifest(digest).await
    }

    async fn keep_manifest(
        &self,
        target: Option<&Target>,
        manifest: &KeptManifest,
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        let kept = self.inner.keep_manifest(target, manifest, at);
        self.write(kept).await
    }
}

#[async_trait]
impl Links for HookedCatalog {
    async fn is_linked(&self, target: &Target, digest: &Digest) -> Result<bool, CatalogError> {
        self.inner.is_linked(target, digest).await
    }

    async fn suppliers(&self, digest: &Digest) -> Result<Option<Vec<UpstreamName>>, CatalogError> {
        self.inner.suppliers(digest).await
    }

    async fn link(
        &self,
        target: &Target,
        digest: &Digest,
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        self.write(self.inner.link(target, digest, at)).await
    }
}

#[async_trait]
impl Objects for HookedCatalog {
    async fn keep_object(
        &self,
        target: Option<&Target>,
        object: &Object,
    ) -> Result<(), CatalogError> {
        self.write(self.inner.keep_object(target, object)).await
    }

    async fn touch(&self, used: &[(Digest, Timestamp)]) -> Result<(), CatalogError> {
        self.write(self.inner.touch(used)).await
    }

    async fn coldest(&self, limit: u32) -> Result<Vec<Object>, CatalogError> {
        self.inner.coldest(limit).await
    }

    async fn evict(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError> {
        self.write(self.inner.evict(digests)).await
    }

    async fn objects_after(
        &self,
        after: Option<&Digest>,
        limit: u32,
    ) -> Result<Vec<Object>, CatalogError> {
        self.inner.objects_after(after, limit).await
    }

    async fn usage(&self) -> Result<Usage, CatalogError> {
        self.inner.usage().await
    }
}

#[async_trait]
impl Unused for HookedCatalog {
    async fn forget_unused(&self, before: Timestamp, limit: u32) -> Result<(), CatalogError> {
        self.write(self.inner.forget_unused(before, limit)).await
    }
}

#[async_trait]
impl Lists for HookedCatalog {
    async fn find_list(
        &self,
        target: &Target,
        key: &ListKey,
    ) -> Result<Option<KeptList>, CatalogError> {
        self.inner.find_list(target, key).await
    }

    async fn keep_list(
        &self,
        target: &Target,
        key: &ListKey,
        list: &KeptList,
    ) -> Result<(), CatalogError> {
        self.write(self.inner.keep_list(target, key, list)).await
    }
}
