//! What every implementation of local repositories does, one sentence a function.
//!
//! `hosted_suite!(fresh)` makes a test of each; `fresh` is an async function that gives one without repositories and whatever must
//! outlive it: `async fn fresh() -> (SqlRegistry, TempDir)`.

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a suite tells by panics what does not hold"
)]

mod blobs;
mod drops;
mod manifests;
mod quotas;
mod races;
mod referrers;
mod repositories;
mod tags;
mod upkeep;

pub use blobs::*;
pub use drops::*;
pub use manifests::*;
pub use quotas::*;
pub use races::*;
pub use referrers::*;
pub use repositories::*;
pub use tags::*;
pub use upkeep::*;

use forebay_content::{
    ChildKind, Committed, DropGuard, Hosted, HostedBlob, HostedChild, HostedManifest, ManifestPush,
    Timestamp,
};
use forebay_oci::{Digest, MediaType, RepositoryName, Tag};

/// Makes a test of every sentence about local repositories.
#[macro_export]
macro_rules! hosted_suite {
    ($fresh:path) => {
        $crate::hosted_suite!(@each $fresh;
            a_repository_is_made_by_the_first_push,
            a_refused_push_makes_no_repository,
            a_repository_is_what_its_owner_says_of_it,
            repositories_are_told_page_by_page_in_the_order_of_their_bytes,
            a_repository_counts_what_it_holds,
            what_many_hold_counts_once,
            a_dropped_repository_is_gone_with_all_it_held,
            a_dropped_repository_leaves_what_others_hold,
            a_blob_is_held_by_the_repository_it_was_pushed_to_alone,
            a_blob_pushed_again_counts_once,
            a_mounted_blob_is_held_by_both,
            a_blob_tells_who_holds_it,
            a_mount_from_who_does_not_hold_it_changes_nothing,
            a_mount_outlives_the_repository_that_it_came_from,
            a_manifest_is_told_as_pushed,
            a_manifest_needs_its_blobs_in_its_own_repository,
            a_manifest_needs_no_blob_that_is_not_to_be_distributed,
            an_index_needs_its_manifests_unless_it_is_sparse,
            a_blob_is_no_manifest_and_a_manifest_no_blob,
            what_is_missing_is_told_in_the_order_of_the_push,
            a_manifest_with_very_many_children_is_pushed_and_dropped,
            a_manifest_pushed_again_is_newer_and_counts_once,
            a_manifest_pushed_again_keeps_its_tags_its_pin_and_its_pull,
            a_manifest_pushed_as_another_type_is_told_as_that,
            manifests_are_told_page_by_page_in_the_order_of_their_digests,
            an_entry_tells_what_lifecycle_rules_look_at,
            manifests_that_name_a_manifest_or_a_blob_are_told,
            a_manifest_tells_which_of_its_blobs_are_absent,
            an_entry_tells_no_subject_that_is_not_there,
            a_tag_points_at_what_was_last_pushed_under_it,
            a_tag_belongs_to_one_repository,
            one_push_may_have_many_tags,
            an_immutable_tag_stays_and_the_push_changes_nothing,
            an_immutable_tag_takes_the_same_manifest_again,
            a_push_beyond_as_many_tags_as_there_may_be_changes_nothing,
            a_push_that_adds_no_tag_is_refused_by_no_bound_of_tags,
            tags_are_told_page_by_page_in_the_order_of_their_bytes,
            tags_after_one_that_is_not_there_are_told,
            a_repository_without_tags_has_a_list_and_no_repository_has_none,
            a_dropped_tag_is_gone_and_its_manifest_stays,
            referrers_are_told_by_their_subject,
            referrers_are_told_before_their_subject_comes_and_after_it_goes,
            referrers_are_told_of_one_artifact_type,
            referrers_are_told_page_by_page,
            a_page_of_referrers_has_no_more_annotations_than_a_list_may,
            a_manifest_pushed_without_its_subject_is_no_referrer_any_more,
            a_push_beyond_the_quota_changes_nothing,
            a_quota_counts_what_the_repository_would_hold,
            what_adds_nothing_is_refused_by_no_quota,
            a_mount_is_bound_by_the_quota,
            a_blob_in_use_stays,
            a_blob_that_nothing_refers_to_is_dropped,
            a_dropped_manifest_is_gone_with_its_tags,
            a_manifest_with_a_tag_that_was_not_known_stays,
            a_pinned_manifest_is_spared,
            a_child_is_spared,
            what_is_not_there_is_absent,
            a_dropped_manifest_can_be_pushed_again,
            a_pull_moves_the_time_forward_and_never_back,
            a_pull_of_what_is_not_there_is_no_error,
            a_pin_is_put_and_taken_away,
            a_blob_is_unlinked_once_it_is_unused_for_long_enough,
            a_blob_that_is_pushed_again_begins_its_age_anew,
            a_blob_that_its_last_manifest_lets_go_begins_its_age_then,
            at_most_so_many_blobs_are_unlinked_at_once,
            a_blob_that_comes_after_its_manifest_is_in_use,
            a_thousand_digests_are_asked_at_once,
            what_is_held_is_told_page_by_page_in_the_order_of_digests,
            two_pushes_of_one_tag_leave_it_whole,
            of_two_pushes_of_an_immutable_tag_one_wins,
            many_pushes_at_once_stay_within_the_quota,
            a_blob_is_never_dropped_under_a_manifest_that_needs_it,
            a_tag_that_comes_meanwhile_keeps_its_manifest,
            many_repositories_are_pushed_to_at_once,
        );
    };
    (@each $fresh:path; $($sentence:ident),+ $(,)?) => {
        $(
            #[tokio::test]
            async fn $sentence() {
                let (hosted, _guard) = $fresh().await;
                $crate::hosted::$sentence(&hosted).await;
            }
        )+
    };
}

/// The size of every manifest here, in bytes.
const MANIFEST_BYTES: u64 = 500;

/// When what is pushed is pushed, if nothing else is said.
const AT: Timestamp = Timestamp(1_000);

fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

fn tags(texts: &[&str]) -> Vec<Tag> {
    texts.iter().map(|text| tag(text)).collect()
}

/// The digest of some content, different for each name.
fn digest(name: &str) -> Digest {
    Digest::sha256(name.as_bytes())
}

fn blob(name: &str, size: u64) -> HostedBlob {
    HostedBlob {
        digest: digest(name),
        size,
        quota_bytes: None,
    }
}

fn manifest(name: &str) -> HostedManifest {
    HostedManifest {
        digest: digest(name),
        media_type: MediaType::OCI_MANIFEST,
        size: MANIFEST_BYTES,
    }
}

fn child(name: &str, kind: ChildKind) -> HostedChild {
    HostedChild {
        digest: digest(name),
        kind,
        is_required: true,
    }
}

/// A push of a manifest that refers to these blobs, under these tags.
fn push(name: &str, blobs: &[&str], tagged: &[&str]) -> ManifestPush {
    let blob = |name: &&str| child(name, ChildKind::Blob);
    ManifestPush {
        manifest: manifest(name),
        children: blobs.iter().map(blob).collect(),
        subject: None,
        artifact_type: None,
        annotations: None,
        tags: tags(tagged),
        immutable_tags: Vec::new(),
        tag_bounds: None,
        quota_bytes: None,
        at: AT,
    }
}

/// A push of an index of these manifests.
fn index(name: &str, manifests: &[&str], tagged: &[&str]) -> ManifestPush {
    let manifest = |name: &&str| child(name, ChildKind::Manifest);
    ManifestPush {
        children: manifests.iter().map(manifest).collect(),
        ..push(name, &[], tagged)
    }
}

/// What drops a manifest whatever stands against it but tags that are not these.
fn knowing(tagged: &[&str]) -> DropGuard {
    DropGuard {
        known_tags: tags(tagged),
        at: AT,
        ..DropGuard::default()
    }
}

/// Pushes blobs of 10 bytes.
async fn push_blobs<H: Hosted>(hosted: &H, to: &RepositoryName, names: &[&str]) {
    for name in names {
        let committed = hosted.commit_blob(to, &blob(name, 10), AT).await;
        assert_eq!(committed.unwrap(), Committed::Done, "{name}");
    }
}

async fn push_done<H: Hosted>(hosted: &H, to: &RepositoryName, push: &ManifestPush) {
    let committed = hosted.commit_manifest(to, push).await.unwrap();
    assert_eq!(committed, Committed::Done, "{push:?}");
}

/// Pushes blobs of 10 bytes and then a manifest that refers to them.
async fn push_image<H: Hosted>(
    hosted: &H,
    to: &RepositoryName,
    name: &str,
    (blobs, tagged): (&[&str], &[&str]),
) {
    push_blobs(hosted, to, blobs).await;
    push_done(hosted, to, &push(name, blobs, tagged)).await;
}

/// Its bytes, manifests and tags.
async fn sums<H: Hosted>(hosted: &H, of: &RepositoryName) -> (u64, u64, u64) {
    let found = hosted.find_repository(of).await.unwrap().unwrap();
    (found.bytes, found.manifests, found.tags)
}

/// Objects and bytes of all.
async fn usage<H: Hosted>(hosted: &H) -> (u64, u64) {
    let usage = hosted.hosted_usage().await.unwrap();
    (usage.objects, usage.bytes)
}

async fn all_tags<H: Hosted>(hosted: &H, of: &RepositoryName) -> Vec<String> {
    let tags = hosted.hosted_tags(of, None, 1_000).await.unwrap().unwrap();
    tags.iter().map(str::to_owned).collect()
}

async fn pointed_at<H: Hosted>(hosted: &H, of: &RepositoryName, text: &str) -> Option<Digest> {
    let found = hosted.find_hosted_tag(of, &tag(text)).await.unwrap();
    found.map(|found| found.digest)
}

async fn is_manifest<H: Hosted>(hosted: &H, of: &RepositoryName, name: &str) -> bool {
    let found = hosted.find_hosted_manifest(of, &digest(name)).await;
    found.unwrap().is_some()
}

async fn is_blob<H: Hosted>(hosted: &H, of: &RepositoryName, name: &str) -> bool {
    let found = hosted.find_hosted_blob(of, &digest(name)).await;
    found.unwrap().is_some()
}

#[cfg(test)]
mod tests {
    use forebay_content::memory::MemoryHosted;

    #[expect(clippy::unused_async, reason = "the suite awaits what it is given")]
    async fn fresh() -> (MemoryHosted, ()) {
        (MemoryHosted::new(), ())
    }

    crate::hosted_suite!(fresh);
}
