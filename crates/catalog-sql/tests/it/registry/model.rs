//! Whatever is done, and in whatever order, local repositories in a file answer as those in memory.

use forebay_catalog_sql::SqlRegistry;
use forebay_content::memory::MemoryHosted;
use forebay_content::{
    BlobMount, ChildKind, DropGuard, Hosted, HostedBlob, HostedChild, HostedManifest, ManifestPush,
    ReferrersOf, RepositorySettings, Timestamp,
};
use forebay_oci::{Algorithm, Digest, MediaType, RepositoryName, Tag};
use proptest::collection::vec;
use proptest::prelude::*;

use super::words::open;

/// An act on small numbers, so that acts meet.
#[derive(Clone, Debug)]
enum Act {
    Keep(u8, Option<u64>),
    Blob(u8, u8, Option<u64>, i64),
    Mount(u8, u8, u8, i64),
    Push(u8, Push),
    DropTag(u8, u8),
    DropManifest(u8, u8, Vec<u8>, (bool, bool), i64),
    DropBlob(u8, u8),
    DropRepository(u8),
    Pulls(Vec<(u8, u8, i64)>),
    Pin(u8, u8, bool),
    Unlink(i64),
}

#[derive(Clone, Debug)]
struct Push {
    manifest: u8,
    /// The number, whether it is a manifest, whether it must be there.
    children: Vec<(u8, bool, bool)>,
    subject: Option<u8>,
    artifact_type: Option<u8>,
    tags: Vec<u8>,
    immutable: Vec<u8>,
    quota: Option<u64>,
    at: i64,
}

const REPOSITORIES: u8 = 3;
const TAGS: u8 = 3;
const DIGESTS: u8 = 6;

fn pushes() -> impl Strategy<Value = Push> {
    let digest = || 0..DIGESTS;
    // Children by two thirds not required, so that most pushes are done.
    let child = (digest(), any::<bool>(), prop::bool::weighted(0.3));
    (
        digest(),
        vec(child, 0..4),
        prop::option::of(digest()),
        prop::option::of(0..2_u8),
        vec(0..TAGS, 0..3),
        vec(0..TAGS, 0..2),
        prop::option::weighted(0.2, 0..200_u64),
        -50..50_i64,
    )
        .prop_map(
            |(manifest, children, subject, artifact_type, tags, immutable, quota, at)| Push {
                manifest,
                children,
                subject,
                artifact_type,
                tags,
                immutable,
                quota,
                at,
            },
        )
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let at = -50..50_i64;
    let on = || 0..REPOSITORIES;
    let digest = || 0..DIGESTS;
    let quota = || prop::option::weighted(0.2, 0..200_u64);
    let act = prop_oneof![
        1 => (on(), quota()).prop_map(|(on, quota)| Act::Keep(on, quota)),
        6 => (on(), digest(), quota(), at.clone())
            .prop_map(|(on, digest, quota, at)| Act::Blob(on, digest, quota, at)),
        2 => (on(), on(), digest(), at.clone())
            .prop_map(|(from, to, digest, at)| Act::Mount(from, to, digest, at)),
        8 => (on(), pushes()).prop_map(|(on, push)| Act::Push(on, push)),
        2 => (on(), 0..TAGS).prop_map(|(on, tag)| Act::DropTag(on, tag)),
        4 => (on(), digest(), vec(0..TAGS, 0..4), any::<(bool, bool)>(), at.clone())
            .prop_map(|(on, digest, known, spares, at)| Act::DropManifest(on, digest, known, spares, at)),
        2 => (on(), digest()).prop_map(|(on, digest)| Act::DropBlob(on, digest)),
        1 => on().prop_map(Act::DropRepository),
        1 => vec((on(), digest(), at.clone()), 0..4).prop_map(Act::Pulls),
        1 => (on(), digest(), any::<bool>()).prop_map(|(on, digest, is)| Act::Pin(on, digest, is)),
        2 => at.prop_map(Act::Unlink),
    ];
    vec(act, 1..60)
}

fn name(number: u8) -> RepositoryName {
    ["a", "a/b", "a-b"][usize::from(number)].parse().unwrap()
}

fn tag(number: u8) -> Tag {
    format!("v{number}").parse().unwrap()
}

fn tags(numbers: &[u8]) -> Vec<Tag> {
    numbers.iter().copied().map(tag).collect()
}

fn digest(number: u8) -> Digest {
    let algorithm = if number == 0 {
        Algorithm::Sha512
    } else {
        Algorithm::Sha256
    };
    Digest::of(algorithm, &[number])
}

/// The same bytes are as long as a blob and as a manifest.
fn size(number: u8) -> u64 {
    u64::from(number) * 10
}

fn manifest_push(push: &Push) -> ManifestPush {
    let child = |(number, is_manifest, is_required): &(u8, bool, bool)| HostedChild {
        digest: digest(*number),
        kind: if *is_manifest {
            ChildKind::Manifest
        } else {
            ChildKind::Blob
        },
        is_required: *is_required,
    };
    ManifestPush {
        manifest: HostedManifest {
            digest: digest(push.manifest),
            media_type: MediaType::OCI_INDEX,
            size: size(push.manifest),
        },
        children: push.children.iter().map(child).collect(),
        subject: push.subject.map(digest),
        artifact_type: push.artifact_type.map(|number| format!("type/{number}")),
        annotations: push.artifact_type.map(|_| "{}".to_owned()),
        tags: tags(&push.tags),
        immutable_tags: tags(&push.immutable),
        tag_bounds: None,
        quota_bytes: push.quota,
        at: Timestamp(push.at),
    }
}

/// Does the act; tells what it answered.
async fn act<H: Hosted>(hosted: &H, act: &Act) -> String {
    match act.clone() {
        Act::Keep(on, quota) => {
            let settings = RepositorySettings {
                immutable_tags: vec!["v*".to_owned()],
                quota_bytes: quota,
            };
            let at = Timestamp(3);
            let kept = hosted.keep_repository(&name(on), &settings, at).await;
            format!("{:?}", kept.unwrap())
        }
        Act::Blob(on, number, quota_bytes, at) => {
            let blob = HostedBlob {
                digest: digest(number),
                size: size(number),
                quota_bytes,
            };
            let committed = hosted.commit_blob(&name(on), &blob, Timestamp(at)).await;
            format!("{:?}", committed.unwrap())
        }
        Act::Mount(from, to, number, at) => {
            let mount = BlobMount {
                from: name(from),
                digest: digest(number),
                quota_bytes: None,
            };
            let committed = hosted.mount_blob(&name(to), &mount, Timestamp(at)).await;
            format!("{:?}", committed.unwrap())
        }
        Act::Push(on, push) => {
            let push = manifest_push(&push);
            let committed = hosted.commit_manifest(&name(on), &push).await;
            format!("{:?}", committed.unwrap())
        }
        _ => drop_or_note(hosted, act).await,
    }
}

async fn drop_or_note<H: Hosted>(hosted: &H, act: &Act) -> String {
    match act.clone() {
        Act::DropTag(on, number) => {
            let dropped = hosted.drop_hosted_tag(&name(on), &tag(number)).await;
            format!("{:?}", dropped.unwrap())
        }
        Act::DropManifest(on, number, known, (pinned, children), at) => {
            let guard = DropGuard {
                known_tags: tags(&known),
                spares_pinned: pinned,
                spares_children: children,
                at: Timestamp(at),
            };
            let digest = digest(number);
            let dropped = hosted
                .drop_hosted_manifest(&name(on), &digest, &guard)
                .await;
            format!("{:?}", dropped.unwrap())
        }
        Act::DropBlob(on, number) => {
            let dropped = hosted.drop_hosted_blob(&name(on), &digest(number)).await;
            format!("{:?}", dropped.unwrap())
        }
        Act::DropRepository(on) => {
            let dropped = hosted.drop_repository(&name(on)).await;
            format!("{:?}", dropped.unwrap())
        }
        Act::Pulls(pulls) => {
            let pulls: Vec<_> = pulls
                .into_iter()
                .map(|(on, number, at)| (name(on), digest(number), Timestamp(at)))
                .collect();
            format!("{:?}", hosted.note_pulls(&pulls).await.unwrap())
        }
        Act::Pin(on, number, is_pinned) => {
            let pinned = hosted
                .pin_manifest(&name(on), &digest(number), is_pinned)
                .await;
            format!("{:?}", pinned.unwrap())
        }
        Act::Unlink(before) => {
            let unlinked = hosted.unlink_unused_blobs(Timestamp(before), 1_000).await;
            format!("{:?}", unlinked.unwrap())
        }
        _ => unreachable!("no push comes here"),
    }
}

/// All that can be asked.
async fn answers<H: Hosted>(hosted: &H) -> Vec<String> {
    let all: Vec<Digest> = (0..DIGESTS).map(digest).collect();
    let mut told = vec![
        format!("{:?}", hosted.repositories(None, 10).await.unwrap()),
        format!("{:?}", hosted.repositories(Some("a"), 1).await.unwrap()),
        format!("{:?}", hosted.hosted_usage().await.unwrap()),
        format!("{:?}", hosted.held(&all).await.unwrap()),
    ];
    for on in (0..REPOSITORIES).map(name) {
        told.push(format!("{:?}", hosted.find_repository(&on).await.unwrap()));
        told.push(format!(
            "{:?}",
            hosted.hosted_tags(&on, None, 10).await.unwrap()
        ));
        told.push(format!(
            "{:?}",
            hosted.hosted_tags(&on, Some("v0"), 1).await.unwrap()
        ));
        told.push(format!(
            "{:?}",
            hosted.hosted_manifests(&on, None, 10).await.unwrap()
        ));
        let page = hosted.hosted_manifests(&on, Some(&all[3]), 2).await;
        told.push(format!("{:?}", page.unwrap()));
        for digest in &all {
            told.push(format!(
                "{:?}",
                hosted.find_hosted_manifest(&on, digest).await.unwrap()
            ));
            told.push(format!(
                "{:?}",
                hosted.find_hosted_entry(&on, digest).await.unwrap()
            ));
            told.push(format!(
                "{:?}",
                hosted.find_hosted_blob(&on, digest).await.unwrap()
            ));
            for artifact_type in [None, Some("type/1".to_owned())] {
                let of = ReferrersOf {
                    subject: digest.clone(),
                    artifact_type,
                };
                let page = hosted.hosted_referrers(&on, &of, None, 10).await;
                told.push(format!("{:?}", page.unwrap()));
                let page = hosted.hosted_referrers(&on, &of, Some(&all[2]), 1).await;
                told.push(format!("{:?}", page.unwrap()));
            }
        }
        for number in 0..TAGS {
            let found = hosted.find_hosted_tag(&on, &tag(number)).await;
            told.push(format!("{:?}", found.unwrap()));
        }
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn local_repositories_answer_as_their_model(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let registry = open(directory.path()).await;
            let model = MemoryHosted::new();
            for one in &acts {
                assert_eq!(act(&registry, one).await, act(&model, one).await, "{one:?}");
            }
            assert_eq!(answers(&registry).await, answers(&model).await);
            registry.integrity_check().await.unwrap();
            registry.close().await.unwrap();
            let reopened: SqlRegistry = open(directory.path()).await;
            assert_eq!(answers(&reopened).await, answers(&model).await);
        });
    }
}
