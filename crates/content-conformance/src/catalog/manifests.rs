//! Sentences about manifests.

use forebay_content::{Catalog, Child, ChildKind, KeptManifest, Timestamp};
use forebay_oci::{Algorithm, Digest, MediaType};

use super::{digest, find_object, hub, manifest, object, usage};

/// Its children in their order, doubles among them, digests of both algorithms, sizes as absurd as a manifest may say.
pub async fn a_manifest_is_told_as_kept<C: Catalog>(catalog: &C) {
    let child = |digest: Digest, size, kind| Child { digest, size, kind };
    let layer = child(digest("layer"), 7, ChildKind::Blob);
    let kept = KeptManifest {
        digest: Digest::of(Algorithm::Sha512, b"manifest"),
        media_type: MediaType::parse("application/x.unheard-of+json").unwrap(),
        size: 900,
        children: vec![
            layer.clone(),
            child(Digest::of(Algorithm::Sha512, b"config"), 0, ChildKind::Blob),
            child(digest("a"), u64::MAX, ChildKind::Manifest),
            layer,
        ],
    };
    assert_eq!(catalog.find_manifest(&kept.digest).await.unwrap(), None);
    let at = Timestamp(1_000);
    catalog.keep_manifest(None, &kept, at).await.unwrap();
    let found = catalog.find_manifest(&kept.digest).await.unwrap();
    assert_eq!(found, Some(kept));
}

/// As when what could not be read then can be read now.
pub async fn a_manifest_kept_again_has_the_new_children_only<C: Catalog>(catalog: &C) {
    let at = Timestamp(1_000);
    let blob = ChildKind::Blob;
    for children in [
        [("one", blob), ("two", blob), ("three", blob)].as_slice(),
        &[("four", ChildKind::Manifest)],
        &[],
        &[("two", blob), ("one", blob)],
    ] {
        let kept = manifest("manifest", children);
        catalog.keep_manifest(None, &kept, at).await.unwrap();
        let found = catalog.find_manifest(&kept.digest).await.unwrap();
        assert_eq!(found, Some(kept));
    }
}

/// One act, all three effects.
pub async fn a_kept_manifest_is_an_object_and_linked_to_its_target<C: Catalog>(catalog: &C) {
    let nginx = hub("library/nginx");
    let kept = manifest("manifest", &[]);
    let at = Timestamp(1_000);
    catalog
        .keep_manifest(Some(&nginx), &kept, at)
        .await
        .unwrap();
    assert!(catalog.is_linked(&nginx, &kept.digest).await.unwrap());
    let expected = object("manifest", 500, 1_000);
    assert_eq!(find_object(catalog, "manifest").await, Some(expected));
    assert_eq!(usage(catalog).await, (1, 500));
}

/// As a rebuild keeps them: visibility is earned, never rebuilt. Links there were stay.
pub async fn a_manifest_kept_for_nobody_is_linked_to_nobody<C: Catalog>(catalog: &C) {
    let (nginx, redis) = (hub("library/nginx"), hub("library/redis"));
    let kept = manifest("manifest", &[]);
    let at = Timestamp(1_000);
    catalog.keep_manifest(None, &kept, at).await.unwrap();
    assert!(!catalog.is_linked(&nginx, &kept.digest).await.unwrap());
    catalog.link(&nginx, &kept.digest, at).await.unwrap();
    catalog.keep_manifest(None, &kept, at).await.unwrap();
    assert!(catalog.is_linked(&nginx, &kept.digest).await.unwrap());
    assert!(!catalog.is_linked(&redis, &kept.digest).await.unwrap());
}

/// A mention earns nothing: whoever can push a manifest could else read any blob of which they know the digest.
pub async fn a_manifest_links_none_of_its_children<C: Catalog>(catalog: &C) {
    let nginx = hub("library/nginx");
    let secret = object("secret", 10, 1_000);
    catalog.keep_object(None, &secret).await.unwrap();
    let kept = manifest("manifest", &[("secret", ChildKind::Blob)]);
    catalog
        .keep_manifest(Some(&nginx), &kept, Timestamp(1_000))
        .await
        .unwrap();
    assert!(!catalog.is_linked(&nginx, &secret.digest).await.unwrap());
}

/// Being at rest says nothing of what it is.
pub async fn a_blob_is_no_manifest<C: Catalog>(catalog: &C) {
    let blob = object("blob", 10, 1_000);
    catalog.keep_object(None, &blob).await.unwrap();
    assert_eq!(catalog.find_manifest(&blob.digest).await.unwrap(), None);
}
