//! A catalog that can be read and not written to: nothing is claimed that is not there, nothing is there that is not claimed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use forebay_content::memory::MemoryCatalog;
use forebay_content::{
    CatalogError, FillEnd, KeptList, KeptManifest, KeptTag, Links, ListKey, Lists, Manifests,
    Object, Objects, Tags, Timestamp, Unused, Usage,
};
use forebay_oci::{Digest, Tag, Target, UpstreamName};

use crate::bench::{Bench, Setup, content, manifest_over};
use crate::counts::Counter;

/// A catalog that refuses every write while it is told so.
#[derive(Clone, Default)]
struct Refusing {
    inner: Arc<MemoryCatalog>,
    refuses: Arc<AtomicBool>,
}

impl Refusing {
    fn write(&self) -> Result<(), CatalogError> {
        if self.refuses.load(Ordering::SeqCst) {
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            return Err(CatalogError::NoSpace(Arc::new(full)));
        }
        Ok(())
    }
}

async fn bench_of(max_bytes: u64) -> (Bench, Refusing, Counter) {
    let (catalog, counter) = (Refusing::default(), Counter::default());
    let setup = Setup {
        max_bytes,
        catalog: Arc::new(catalog.clone()),
        observe: Arc::new(counter.clone()),
        ..Setup::default()
    };
    (Bench::with(setup).await, catalog, counter)
}

#[tokio::test]
async fn an_eviction_that_the_catalog_refuses_deletes_nothing() {
    let (bench, catalog, _) = bench_of(100_000).await;
    let first = bench.hub.put("a/b", content(80_000));
    bench.bytes("a/b", &first).await.unwrap();
    bench.settle().await;
    bench.clock.advance(Duration::from_mins(2));
    catalog.refuses.store(true, Ordering::SeqCst);
    let second = bench.hub.put("a/b", content(70_000));
    assert_eq!(
        bench.bytes("a/b", &second).await.unwrap(),
        content(70_000),
        "passed on"
    );
    bench.settle().await;
    assert_eq!(bench.at_rest().await, [first]);
    assert!(bench.kept.health().trouble().is_some());
}

#[tokio::test]
async fn what_the_catalog_does_not_record_is_not_kept_nor_counted_as_kept() {
    let (bench, catalog, counter) = bench_of(100_000).await;
    catalog.refuses.store(true, Ordering::SeqCst);
    let blob = bench.hub.put("a/b", content(5000));
    assert_eq!(bench.bytes("a/b", &blob).await.unwrap(), content(5000));
    bench.hub.push("a/b", "latest", manifest_over(&[]));
    bench.manifest("a/b", "latest").await.unwrap();
    bench.settle().await;
    assert!(bench.at_rest().await.is_empty());
    assert_eq!(counter.of(FillEnd::PassedOn.as_str()), 1);
    assert_eq!(counter.of(FillEnd::Kept.as_str()), 0);
    assert_eq!(bench.kept.bytes(), 0);
}

#[async_trait]
impl Tags for Refusing {
    async fn find_tag(&self, target: &Target, tag: &Tag) -> Result<Option<KeptTag>, CatalogError> {
        self.inner.find_tag(target, tag).await
    }

    async fn keep_tag(
        &self,
        target: &Target,
        tag: &Tag,
        kept: &KeptTag,
    ) -> Result<(), CatalogError> {
        self.write()?;
        self.inner.keep_tag(target, tag, kept).await
    }

    async fn drop_tag(&self, target: &Target, tag: &Tag) -> Result<(), CatalogError> {
        self.write()?;
        self.inner.drop_tag(target, tag).await
    }
}

#[async_trait]
impl Manifests for Refusing {
    async fn find_manifest(&self, digest: &Digest) -> Result<Option<KeptManifest>, CatalogError> {
        self.inner.find_manifest(digest).await
    }

    async fn keep_manifest(
        &self,
        target: Option<&Target>,
        manifest: &KeptManifest,
        at: Timestamp,
    ) -> Result<(), CatalogError> {
        self.write()?;
        self.inner.keep_manifest(target, manifest, at).await
    }
}

#[async_trait]
impl Links for Refusing {
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
        self.write()?;
        self.inner.link(target, digest, at).await
    }
}

#[async_trait]
impl Objects for Refusing {
    async fn keep_object(
        &self,
        target: Option<&Target>,
        object: &Object,
    ) -> Result<(), CatalogError> {
        self.write()?;
        self.inner.keep_object(target, object).await
    }

    async fn touch(&self, used: &[(Digest, Timestamp)]) -> Result<(), CatalogError> {
        self.write()?;
        self.inner.touch(used).await
    }

    async fn coldest(&self, limit: u32) -> Result<Vec<Object>, CatalogError> {
        self.inner.coldest(limit).await
    }

    async fn evict(&self, digests: &[Digest]) -> Result<Vec<Digest>, CatalogError> {
        self.write()?;
        self.inner.evict(digests).await
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
impl Unused for Refusing {
    async fn forget_unused(&self, before: Timestamp, limit: u32) -> Result<(), CatalogError> {
        self.write()?;
        self.inner.forget_unused(before, limit).await
    }
}

#[async_trait]
impl Lists for Refusing {
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
        self.write()?;
        self.inner.keep_list(target, key, list).await
    }
}
