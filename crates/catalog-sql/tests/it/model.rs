//! Whatever is done, and in whatever order, the catalog in a file answers as the one in memory.

use bytes::Bytes;
use forebay_catalog_sql::{FILE_NAME, SqlCatalog};
use forebay_content::memory::MemoryCatalog;
use forebay_content::{
    Catalog, Child, ChildKind, KeptList, KeptManifest, KeptTag, ListKey, Object, Timestamp,
};
use forebay_oci::{Algorithm, Digest, MediaType, Page, Tag, Target};
use proptest::collection::vec;
use proptest::prelude::*;

/// An act on small numbers, so that acts meet.
#[derive(Clone, Debug)]
enum Act {
    KeepTag(u8, u8, u8, i64),
    DropTag(u8, u8),
    KeepManifest(Option<u8>, u8, Vec<(u8, bool)>, i64),
    Link(u8, u8, i64),
    KeepObject(Option<u8>, u8, u32, i64),
    Touch(Vec<(u8, i64)>),
    Evict(Vec<u8>),
    ForgetUnused(i64),
    KeepList(u8, u8, i64),
}

const TARGETS: u8 = 3;
const TAGS: u8 = 3;
const DIGESTS: u8 = 8;
const LISTS: u8 = 4;

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let at = -50..50_i64;
    let target = || 0..TARGETS;
    let digest = || 0..DIGESTS;
    let some_target = || prop::option::of(0..TARGETS);
    let act = prop_oneof![
        (target(), 0..TAGS, digest(), at.clone())
            .prop_map(|(target, tag, digest, at)| Act::KeepTag(target, tag, digest, at)),
        (target(), 0..TAGS).prop_map(|(target, tag)| Act::DropTag(target, tag)),
        (
            some_target(),
            digest(),
            vec((digest(), any::<bool>()), 0..4),
            at.clone()
        )
            .prop_map(|(target, digest, children, at)| Act::KeepManifest(
                target, digest, children, at
            )),
        (target(), digest(), at.clone())
            .prop_map(|(target, digest, at)| Act::Link(target, digest, at)),
        (some_target(), digest(), 0..100_u32, at.clone())
            .prop_map(|(target, digest, size, at)| Act::KeepObject(target, digest, size, at)),
        vec((digest(), at.clone()), 0..5).prop_map(Act::Touch),
        vec(digest(), 0..3).prop_map(Act::Evict),
        at.clone().prop_map(Act::ForgetUnused),
        (target(), 0..LISTS, at).prop_map(|(target, list, at)| Act::KeepList(target, list, at)),
    ];
    vec(act, 1..60)
}

fn target(number: u8) -> Target {
    let (upstream, repository) = [
        ("docker.io", "a/b"),
        ("docker.io", "a/c"),
        ("quay.io", "a/b"),
    ][usize::from(number)];
    Target {
        upstream: upstream.into(),
        repository: repository.parse().unwrap(),
    }
}

fn tag(number: u8) -> Tag {
    format!("v{number}").parse().unwrap()
}

fn digest(number: u8) -> Digest {
    let algorithm = if number == 0 {
        Algorithm::Sha512
    } else {
        Algorithm::Sha256
    };
    Digest::of(algorithm, &[number])
}

fn list_key(number: u8) -> ListKey {
    match number {
        0 | 1 => ListKey::Tags {
            n: (number > 0).then_some(7),
            last: None,
        },
        _ => ListKey::Referrers {
            digest: digest(number),
            artifact_type: None,
        },
    }
}

fn kept_tag(to: u8, at: i64) -> KeptTag {
    KeptTag {
        digest: digest(to),
        media_type: MediaType::OCI_INDEX,
        size: (to > 3).then_some(u64::from(to)),
        checked_at: Timestamp(at),
    }
}

fn kept_manifest(number: u8, children: Vec<(u8, bool)>) -> KeptManifest {
    let kind = |is_blob| {
        if is_blob {
            ChildKind::Blob
        } else {
            ChildKind::Manifest
        }
    };
    let child = |(number, is_blob)| Child {
        digest: digest(number),
        size: u64::from(number),
        kind: kind(is_blob),
    };
    KeptManifest {
        digest: digest(number),
        media_type: MediaType::DOCKER_MANIFEST,
        size: 10,
        children: children.into_iter().map(child).collect(),
    }
}

fn kept_list(number: u8, at: i64) -> KeptList {
    KeptList {
        json: Bytes::from(format!("{number} at {at}")),
        more: (number == 1).then(Page::default),
        filtered: at > 0,
        checked_at: Timestamp(at),
    }
}

/// Does the act; tells what it answered, in an order of its own.
async fn act<C: Catalog>(catalog: &C, act: &Act) -> Vec<Digest> {
    match act.clone() {
        Act::KeepTag(on, name, to, at) => {
            let kept = kept_tag(to, at);
            catalog
                .keep_tag(&target(on), &tag(name), &kept)
                .await
                .unwrap();
        }
        Act::DropTag(on, name) => catalog.drop_tag(&target(on), &tag(name)).await.unwrap(),
        Act::KeepManifest(on, number, children, at) => {
            let kept = kept_manifest(number, children);
            let on = on.map(target);
            catalog
                .keep_manifest(on.as_ref(), &kept, Timestamp(at))
                .await
                .unwrap();
        }
        Act::Link(on, number, at) => {
            let at = Timestamp(at);
            catalog
                .link(&target(on), &digest(number), at)
                .await
                .unwrap();
        }
        Act::KeepObject(on, number, size, at) => {
            let object = Object {
                digest: digest(number),
                size: u64::from(size),
                used_at: Timestamp(at),
            };
            catalog
                .keep_object(on.map(target).as_ref(), &object)
                .await
                .unwrap();
        }
        Act::Touch(used) => {
            let used: Vec<_> = used
                .iter()
                .map(|(n, at)| (digest(*n), Timestamp(*at)))
                .collect();
            catalog.touch(&used).await.unwrap();
        }
        Act::Evict(numbers) => {
            let digests: Vec<_> = numbers.iter().copied().map(digest).collect();
            let mut forgotten = catalog.evict(&digests).await.unwrap();
            forgotten.sort();
            return forgotten;
        }
        Act::ForgetUnused(before) => {
            catalog
                .forget_unused(Timestamp(before), 1_000)
                .await
                .unwrap();
        }
        Act::KeepList(on, number, at) => {
            let list = kept_list(number, at);
            catalog
                .keep_list(&target(on), &list_key(number), &list)
                .await
                .unwrap();
        }
    }
    Vec::new()
}

/// All that can be asked.
async fn answers<C: Catalog>(catalog: &C) -> Vec<String> {
    let mut told = vec![
        format!("{:?}", catalog.usage().await.unwrap()),
        format!("{:?}", catalog.coldest(5).await.unwrap()),
        format!("{:?}", catalog.objects_after(None, 100).await.unwrap()),
        format!(
            "{:?}",
            catalog.objects_after(Some(&digest(3)), 2).await.unwrap()
        ),
    ];
    for number in 0..DIGESTS {
        let found = catalog.find_manifest(&digest(number)).await.unwrap();
        told.push(format!("{found:?}"));
    }
    for on in (0..TARGETS).map(target) {
        for number in 0..DIGESTS {
            let linked = catalog.is_linked(&on, &digest(number)).await.unwrap();
            told.push(linked.to_string());
        }
        for name in 0..TAGS {
            told.push(format!(
                "{:?}",
                catalog.find_tag(&on, &tag(name)).await.unwrap()
            ));
        }
        for number in 0..LISTS {
            let found = catalog.find_list(&on, &list_key(number)).await.unwrap();
            told.push(format!("{found:?}"));
        }
    }
    told
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_catalog_answers_as_its_model(acts in acts()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let path = directory.path().join(FILE_NAME);
            let catalog = SqlCatalog::open(&path).await.unwrap();
            let model = MemoryCatalog::new();
            for one in &acts {
                assert_eq!(act(&catalog, one).await, act(&model, one).await, "{one:?}");
            }
            assert_eq!(answers(&catalog).await, answers(&model).await);
            catalog.integrity_check().await.unwrap();
            catalog.close().await.unwrap();
            let reopened = SqlCatalog::open(&path).await.unwrap();
            assert_eq!(answers(&reopened).await, answers(&model).await);
        });
    }
}
