//! What every catalog does, one sentence a function.
//!
//! `catalog_suite!(fresh)` makes a test of each; `fresh` is an async function that gives an empty catalog and whatever must
//! outlive it: `async fn fresh() -> (SqlCatalog, TempDir)`.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a suite tells by panics what does not hold"
)]

mod links;
mod lists;
mod manifests;
mod objects;
mod tags;
mod unused;

pub use links::*;
pub use lists::*;
pub use manifests::*;
pub use objects::*;
pub use tags::*;
pub use unused::*;

use std::collections::BTreeSet;

use forebay_content::{Catalog, Child, ChildKind, KeptManifest, Object, Objects, Timestamp, Usage};
use forebay_oci::{Digest, MediaType, Target};

/// Makes a test of every sentence about catalogs.
#[macro_export]
macro_rules! catalog_suite {
    ($fresh:path) => {
        $crate::catalog_suite!(@each $fresh;
            a_tag_is_what_was_last_kept_of_it,
            a_tag_belongs_to_one_repository_of_one_upstream,
            a_dropped_tag_is_gone_and_others_stay,
            a_tag_without_a_size_and_one_with_the_largest_are_told_as_kept,
            a_manifest_is_told_as_kept,
            a_manifest_kept_again_has_the_new_children_only,
            a_kept_manifest_is_an_object_and_linked_to_its_target,
            a_manifest_kept_for_nobody_is_linked_to_nobody,
            a_manifest_links_none_of_its_children,
            a_blob_is_no_manifest,
            a_link_shows_content_in_its_repository_alone,
            a_link_is_no_content,
            the_suppliers_of_content_are_the_upstreams_that_have_earned_it,
            a_link_outlives_being_granted_again,
            content_may_be_linked_by_many_repositories,
            an_object_kept_for_nobody_is_linked_to_nobody,
            an_object_kept_again_counts_once,
            an_object_kept_again_is_never_older_than_before,
            usage_adds_up,
            touching_moves_the_time_forward_and_never_back,
            touching_what_is_not_kept_changes_nothing,
            the_coldest_come_first_and_at_most_so_many,
            objects_are_told_page_by_page_in_the_order_of_their_digests,
            an_eviction_forgets_the_object_its_links_and_its_manifest,
            an_eviction_leaves_tags,
            an_eviction_takes_the_manifests_that_need_a_blob_that_goes,
            an_eviction_takes_what_needs_a_manifest_as_a_blob_too,
            an_eviction_leaves_the_index_of_a_manifest_that_goes,
            an_eviction_leaves_the_children_of_a_manifest_that_goes,
            an_eviction_tells_what_it_forgot_once_and_nothing_else,
            evicted_content_can_be_kept_again,
            the_same_object_kept_by_many_at_once_counts_once,
            acts_at_once_on_different_content_all_hold,
            an_old_tag_goes_when_its_manifest_is_not_at_rest,
            an_old_link_goes_when_it_shows_nothing,
            at_most_so_many_are_forgotten_at_once,
            a_forgotten_repository_can_be_used_again,
            a_list_is_told_as_kept,
            a_list_kept_again_replaces_the_one_before,
            lists_are_apart_by_every_part_of_their_key,
        );
    };
    (@each $fresh:path; $($sentence:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $sentence() {
                let (catalog, _guard) = $fresh().await;
                $crate::catalog::$sentence(&catalog).await;
            }
        )+
    };
}

/// A repository of docker.io.
fn hub(repository: &str) -> Target {
    at_upstream("docker.io", repository)
}

fn at_upstream(upstream: &str, repository: &str) -> Target {
    Target {
        upstream: upstream.into(),
        repository: repository.parse().unwrap(),
    }
}

/// The digest of some content, different for each name.
fn digest(name: &str) -> Digest {
    Digest::sha256(name.as_bytes())
}

fn object(name: &str, size: u64, used_at: i64) -> Object {
    Object {
        digest: digest(name),
        size,
        used_at: Timestamp(used_at),
    }
}

fn manifest(name: &str, children: &[(&str, ChildKind)]) -> KeptManifest {
    let child = |(name, kind): &(&str, ChildKind)| Child {
        digest: digest(name),
        size: 1_000,
        kind: *kind,
    };
    KeptManifest {
        digest: digest(name),
        media_type: MediaType::OCI_MANIFEST,
        size: 500,
        children: children.iter().map(child).collect(),
    }
}

async fn usage<C: Catalog>(catalog: &C) -> (u64, u64) {
    let Usage { objects, bytes } = catalog.usage().await.unwrap();
    (objects, bytes)
}

/// All that is recorded at rest, in the order of the digests.
async fn all_objects<C: Objects>(catalog: &C) -> Vec<Object> {
    catalog.objects_after(None, 1_000).await.unwrap()
}

async fn find_object<C: Objects>(catalog: &C, name: &str) -> Option<Object> {
    let digest = digest(name);
    let mut objects = all_objects(catalog).await.into_iter();
    objects.find(|object| object.digest == digest)
}

fn digests(names: &[&str]) -> BTreeSet<Digest> {
    names.iter().map(|name| digest(name)).collect()
}

#[cfg(test)]
mod tests {
    use forebay_content::memory::MemoryCatalog;

    #[expect(clippy::unused_async, reason = "the suite awaits what it is given")]
    async fn fresh() -> (MemoryCatalog, ()) {
        (MemoryCatalog::new(), ())
    }

    crate::catalog_suite!(fresh);
}
