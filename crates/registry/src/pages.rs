//! What a repository has, a page at a time: each list with the place from which its next page is read.

use forebay_content::{
    CatalogError, ChildKind, HostedEntry, HostedRepository, PAGE, Referrer, ReferrersOf, pages,
};
use forebay_oci::{Digest, RepositoryName};
use futures::Stream;

use crate::local_registry::LocalRegistry;

impl LocalRegistry {
    /// The repositories behind a name, in the order of their names' bytes.
    pub(crate) fn repository_pages(
        &self,
        from: Option<String>,
    ) -> impl Stream<Item = Result<Vec<HostedRepository>, CatalogError>> + Send {
        let rows = &self.stores.rows;
        pages(
            from,
            move |after: Option<String>| async move { rows.repositories(after.as_deref(), PAGE).await },
            |page: &Vec<HostedRepository>| page.last().map(|last| last.name.to_string()),
        )
    }

    /// The manifests of a repository behind a digest, in the order of their digests.
    pub(crate) fn entry_pages<'a>(
        &'a self,
        repository: &'a RepositoryName,
        from: Option<Digest>,
    ) -> impl Stream<Item = Result<Vec<HostedEntry>, CatalogError>> + Send {
        let rows = &self.stores.rows;
        pages(
            from,
            move |after: Option<Digest>| async move {
                rows.hosted_manifests(repository, after.as_ref(), PAGE)
                    .await
            },
            last_entry,
        )
    }

    /// The indexes of a repository that name a manifest, in the order of their digests.
    pub(crate) fn index_pages<'a>(
        &'a self,
        repository: &'a RepositoryName,
        child: &'a Digest,
    ) -> impl Stream<Item = Result<Vec<HostedEntry>, CatalogError>> + Send {
        let (rows, child) = (&self.stores.rows, (child, ChildKind::Manifest));
        pages(
            None,
            move |after: Option<Digest>| async move {
                rows.hosted_parents(repository, child, after.as_ref(), PAGE)
                    .await
            },
            last_entry,
        )
    }

    /// The manifests of a repository that are about another one, in the order of their digests.
    pub(crate) fn referrer_pages<'a>(
        &'a self,
        repository: &'a RepositoryName,
        of: &'a ReferrersOf,
    ) -> impl Stream<Item = Result<Vec<Referrer>, CatalogError>> + Send {
        let rows = &self.stores.rows;
        pages(
            None,
            move |after: Option<Digest>| async move {
                rows.hosted_referrers(repository, of, after.as_ref(), PAGE)
                    .await
            },
            |page: &Vec<Referrer>| page.last().map(|last| last.manifest.digest.clone()),
        )
    }
}

#[expect(clippy::ptr_arg, reason = "a page is what a read gives")]
fn last_entry(page: &Vec<HostedEntry>) -> Option<Digest> {
    page.last().map(|last| last.manifest.digest.clone())
}
