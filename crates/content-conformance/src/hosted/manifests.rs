//! Sentences about manifests.

use forebay_content::{
    BlobMount, ChildKind, Committed, Dropped, Hosted, HostedEntry, HostedManifest, ManifestPush,
    Timestamp,
};
use forebay_oci::{Digest, MediaType};

use super::{
    AT, MANIFEST_BYTES, blob, child, digest, index, is_blob, is_manifest, knowing, manifest, name,
    pointed_at, push, push_blobs, push_done, push_image, sums, tags,
};

/// To whom it was pushed, and to nobody else.
pub async fn a_manifest_is_told_as_pushed<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_image(hosted, &app, "image", (&["config", "layer"], &["v1"])).await;
    let found = hosted.find_hosted_manifest(&app, &digest("image")).await;
    assert_eq!(found.unwrap(), Some(manifest("image")));
    assert_eq!(pointed_at(hosted, &app, "v1").await, Some(digest("image")));
    assert!(!is_manifest(hosted, &name("team/other"), "image").await);
    assert!(!is_manifest(hosted, &app, "another").await);
}

/// Another's will not do, or a push would show what another holds.
pub async fn a_manifest_needs_its_blobs_in_its_own_repository<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_blobs(hosted, &app, &["config"]).await;
    push_blobs(hosted, &name("team/other"), &["layer"]).await;
    let image = push("image", &["config", "layer"], &["v1"]);
    let refused = hosted.commit_manifest(&app, &image).await.unwrap();
    assert_eq!(refused, Committed::Missing(vec![digest("layer")]));
    assert!(!is_manifest(hosted, &app, "image").await);
    assert_eq!(pointed_at(hosted, &app, "v1").await, None);
    assert_eq!(sums(hosted, &app).await, (10, 0, 0));
    push_blobs(hosted, &app, &["layer"]).await;
    push_done(hosted, &app, &image).await;
}

/// Windows' base layers lie elsewhere.
pub async fn a_manifest_needs_no_blob_that_is_not_to_be_distributed<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_blobs(hosted, &app, &["config"]).await;
    let mut image = push("image", &["config", "foreign"], &["v1"]);
    image.children[1].is_required = false;
    push_done(hosted, &app, &image).await;
    assert!(!is_blob(hosted, &app, "foreign").await);
}

/// A sparse index names platforms that were left out.
pub async fn an_index_needs_its_manifests_unless_it_is_sparse<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_image(hosted, &app, "amd64", (&["layer"], &[])).await;
    let mut platforms = index("index", &["amd64", "arm64"], &["v1"]);
    let refused = hosted.commit_manifest(&app, &platforms).await.unwrap();
    assert_eq!(refused, Committed::Missing(vec![digest("arm64")]));
    assert!(!is_manifest(hosted, &app, "index").await);
    platforms.children[1].is_required = false;
    push_done(hosted, &app, &platforms).await;
    assert_eq!(pointed_at(hosted, &app, "v1").await, Some(digest("index")));
}

/// The same bytes may be both, each by its own push.
pub async fn a_blob_is_no_manifest_and_a_manifest_no_blob<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_blobs(hosted, &app, &["blob"]).await;
    push_done(hosted, &app, &push("image", &[], &[])).await;
    assert!(!is_manifest(hosted, &app, "blob").await);
    assert!(!is_blob(hosted, &app, "image").await);
    for (lacking, name) in [
        (index("index", &["blob"], &[]), "blob"),
        (push("other", &["image"], &[]), "image"),
    ] {
        let refused = hosted.commit_manifest(&app, &lacking).await.unwrap();
        assert_eq!(refused, Committed::Missing(vec![digest(name)]));
    }
    let both = blob("image", MANIFEST_BYTES);
    hosted.commit_blob(&app, &both, AT).await.unwrap();
    push_done(hosted, &app, &push("other", &["image"], &[])).await;
    assert!(is_manifest(hosted, &app, "image").await);
    assert!(is_blob(hosted, &app, "image").await);
}

/// Blobs and manifests as they are named.
pub async fn what_is_missing_is_told_in_the_order_of_the_push<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_blobs(hosted, &app, &["b"]).await;
    let mixed = ManifestPush {
        children: vec![
            child("c", ChildKind::Manifest),
            child("d", ChildKind::Blob),
            child("b", ChildKind::Blob),
            child("a", ChildKind::Manifest),
            child("e", ChildKind::Blob),
        ],
        ..push("image", &[], &[])
    };
    let refused = hosted.commit_manifest(&app, &mixed).await.unwrap();
    let missing = ["c", "d", "a", "e"].map(digest);
    assert_eq!(refused, Committed::Missing(missing.to_vec()));
}

/// As many as a manifest of 4 MiB can name would take too long here; more than one statement takes will do.
pub async fn a_manifest_with_very_many_children_is_pushed_and_dropped<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let names: Vec<String> = (0..700).map(|number| format!("layer {number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    push_image(hosted, &app, "image", (&names, &["v1"])).await;
    assert_eq!(sums(hosted, &app).await, (7_000 + MANIFEST_BYTES, 1, 1));
    for name in ["layer 0", "layer 699"] {
        let dropped = hosted.drop_hosted_blob(&app, &digest(name)).await;
        assert_eq!(dropped.unwrap(), Dropped::InUse);
    }
    let image = digest("image");
    hosted
        .drop_hosted_manifest(&app, &image, &knowing(&["v1"]))
        .await
        .unwrap();
    let late = Timestamp(AT.0 + 1);
    assert_eq!(hosted.unlink_unused_blobs(late, 1_000).await.unwrap(), 700);
    assert_eq!(sums(hosted, &app).await, (0, 0, 0));
}

/// Never older than before, whichever clock the push came by.
pub async fn a_manifest_pushed_again_is_newer_and_counts_once<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_blobs(hosted, &app, &["layer"]).await;
    for (at, newest) in [(2_000, 2_000), (3_000, 3_000), (1_000, 3_000)] {
        let again = ManifestPush {
            at: Timestamp(at),
            ..push("image", &["layer"], &["v1"])
        };
        push_done(hosted, &app, &again).await;
        let found = entry(hosted, "image").await;
        assert_eq!(found.pushed_at, Timestamp(newest));
        assert_eq!(sums(hosted, &app).await, (10 + MANIFEST_BYTES, 1, 1));
    }
}

/// A push adds tags, and takes none away.
pub async fn a_manifest_pushed_again_keeps_its_tags_its_pin_and_its_pull<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_image(hosted, &app, "image", (&["layer"], &["v1"])).await;
    let pulled = (app.clone(), digest("image"), Timestamp(5_000));
    hosted.note_pulls(&[pulled]).await.unwrap();
    assert!(
        hosted
            .pin_manifest(&app, &digest("image"), true)
            .await
            .unwrap()
    );
    push_done(hosted, &app, &push("image", &["layer"], &["v2"])).await;
    let found = entry(hosted, "image").await;
    assert_eq!(found.tags, tags(&["v1", "v2"]));
    assert_eq!(found.pulled_at, Some(Timestamp(5_000)));
    assert!(found.is_pinned);
    let dropped = hosted.drop_hosted_blob(&app, &digest("layer")).await;
    assert_eq!(dropped.unwrap(), Dropped::InUse);
}

/// What it refers to is what the last push says.
pub async fn a_manifest_pushed_as_another_type_is_told_as_that<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_image(hosted, &app, "image", (&["layer", "other"], &["v1"])).await;
    let mut again = push("image", &["layer"], &["v1"]);
    again.manifest.media_type = MediaType::DOCKER_MANIFEST;
    push_done(hosted, &app, &again).await;
    let found = hosted.find_hosted_manifest(&app, &digest("image")).await;
    let expected = HostedManifest {
        media_type: MediaType::DOCKER_MANIFEST,
        ..manifest("image")
    };
    assert_eq!(found.unwrap(), Some(expected));
    let dropped = hosted.drop_hosted_blob(&app, &digest("other")).await;
    assert_eq!(dropped.unwrap(), Dropped::Done(digest("other")));
    let dropped = hosted.drop_hosted_blob(&app, &digest("layer")).await;
    assert_eq!(dropped.unwrap(), Dropped::InUse);
}

/// Each once, whatever the page's length.
pub async fn manifests_are_told_page_by_page_in_the_order_of_their_digests<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let names = ["a", "b", "c", "d", "e"];
    for name_of in names {
        push_done(hosted, &app, &push(name_of, &[], &["latest", name_of])).await;
    }
    push_done(hosted, &name("team/other"), &push("f", &[], &[])).await;
    let mut expected = names.map(digest);
    expected.sort();
    for limit in [1, 2, 5, 6] {
        let mut told: Vec<Digest> = Vec::new();
        loop {
            let page = hosted.hosted_manifests(&app, told.last(), limit).await;
            let page = page.unwrap();
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            told.extend(page.into_iter().map(|entry| entry.manifest.digest));
        }
        assert_eq!(told, expected, "{limit} at a time");
    }
    let none = hosted.hosted_manifests(&name("nobody"), None, 10).await;
    assert_eq!(none.unwrap(), []);
}

/// Named by themselves, not by what they name, and page by page.
pub async fn manifests_that_name_a_manifest_or_a_blob_are_told<H: Hosted>(hosted: &H) {
    let (app, other) = (name("team/app"), name("other"));
    push_image(hosted, &app, "amd64", (&["layer"], &[])).await;
    push_image(hosted, &app, "alone", (&["layer"], &[])).await;
    let indexes = ["one", "two", "three"];
    for of in indexes {
        push_done(hosted, &app, &index(of, &["amd64"], &[of])).await;
    }
    push_done(hosted, &app, &index("outer", &["one"], &[])).await;
    push_image(hosted, &other, "amd64", (&["layer"], &[])).await;
    let amd64 = digest("amd64");
    let mut expected = indexes.map(digest);
    expected.sort();
    for limit in [1, 2, 9] {
        let mut told: Vec<HostedEntry> = Vec::new();
        loop {
            let after = told.last().map(|last| &last.manifest.digest);
            let page = hosted
                .hosted_parents(&app, (&amd64, ChildKind::Manifest), after, limit)
                .await;
            let page = page.unwrap();
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            told.extend(page);
        }
        let digests: Vec<&Digest> = told.iter().map(|entry| &entry.manifest.digest).collect();
        assert_eq!(digests, expected.each_ref(), "{limit} at a time");
        for entry in told {
            let found = hosted.find_hosted_entry(&app, &entry.manifest.digest).await;
            assert_eq!(found.unwrap(), Some(entry));
        }
    }
    for (repository, child) in [
        (&app, "alone"),
        (&app, "layer"),
        (&app, "outer"),
        (&other, "amd64"),
    ] {
        let child = digest(child);
        let of = (&child, ChildKind::Manifest);
        let parents = hosted.hosted_parents(repository, of, None, 9).await;
        assert_eq!(parents.unwrap(), [], "{child}");
    }
    // Of a blob the images that need it.
    let layer = digest("layer");
    for (repository, images) in [(&app, vec!["alone", "amd64"]), (&other, vec!["amd64"])] {
        let of = (&layer, ChildKind::Blob);
        let parents = hosted.hosted_parents(repository, of, None, 9).await;
        let parents = parents.unwrap().into_iter();
        let mut expected: Vec<Digest> = images.into_iter().map(digest).collect();
        expected.sort();
        let told: Vec<Digest> = parents.map(|entry| entry.manifest.digest).collect();
        assert_eq!(told, expected);
    }
}

/// Of its own repository, whatever others hold.
pub async fn a_manifest_tells_which_of_its_blobs_are_absent<H: Hosted>(hosted: &H) {
    let (app, other) = (name("team/app"), name("other"));
    push_blobs(hosted, &app, &["a"]).await;
    let blobs = ["a", "b", "c", "d"];
    push_image(hosted, &other, "image", (&blobs, &[])).await;
    let mut image = push("image", &blobs, &[]);
    image.children.push(child("e", ChildKind::Manifest));
    for child in &mut image.children {
        child.is_required = false;
    }
    push_done(hosted, &app, &image).await;
    let mut expected = ["b", "c", "d"].map(digest);
    expected.sort();
    let absent = async |of: &str, limit| {
        let told = hosted.absent_blobs(&app, &digest(of), limit).await;
        told.unwrap()
    };
    assert_eq!(absent("image", 9).await, expected);
    assert_eq!(absent("image", 2).await, expected[..2]);
    assert_eq!(absent("another", 9).await, []);
    let told = hosted.absent_blobs(&other, &digest("image"), 9).await;
    assert_eq!(told.unwrap(), []);
    let nowhere = hosted
        .absent_blobs(&name("none"), &digest("image"), 9)
        .await;
    assert_eq!(nowhere.unwrap(), []);
    let mount = BlobMount {
        from: other,
        digest: expected[0].clone(),
        quota_bytes: None,
    };
    let given = hosted.mount_blob(&app, &mount, AT).await.unwrap();
    assert_eq!(given, Committed::Completed);
    let again = hosted.mount_blob(&app, &mount, AT).await.unwrap();
    assert_eq!(again, Committed::Done);
    assert_eq!(absent("image", 9).await, expected[1..]);
}

async fn entry<H: Hosted>(hosted: &H, of: &str) -> HostedEntry {
    let app = name("team/app");
    let found = hosted.find_hosted_entry(&app, &digest(of)).await;
    let found = found.unwrap().unwrap();
    let listed = hosted.hosted_manifests(&app, None, 100).await.unwrap();
    assert!(listed.contains(&found), "{found:?} is not as listed");
    found
}

/// One by one and in the list alike.
pub async fn an_entry_tells_what_lifecycle_rules_look_at<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_image(hosted, &app, "amd64", (&["layer"], &[])).await;
    push_done(
        hosted,
        &app,
        &index("index", &["amd64"], &["v2", "latest", "v10"]),
    )
    .await;
    let signature = ManifestPush {
        subject: Some(digest("index")),
        ..push("signature", &[], &[])
    };
    push_done(hosted, &app, &signature).await;
    let plain = |of: &str| HostedEntry {
        manifest: manifest(of),
        tags: Vec::new(),
        pushed_at: AT,
        pulled_at: None,
        is_pinned: false,
        is_child: false,
        subject: None,
    };
    let child = HostedEntry {
        is_child: true,
        ..plain("amd64")
    };
    assert_eq!(entry(hosted, "amd64").await, child);
    let tagged = HostedEntry {
        tags: tags(&["latest", "v10", "v2"]),
        ..plain("index")
    };
    assert_eq!(entry(hosted, "index").await, tagged);
    let referring = HostedEntry {
        subject: Some(digest("index")),
        ..plain("signature")
    };
    assert_eq!(entry(hosted, "signature").await, referring);
    let absent = hosted.find_hosted_entry(&app, &digest("layer")).await;
    assert_eq!(absent.unwrap(), None);
}

/// A signature goes when what it signs is gone, so it must be told.
pub async fn an_entry_tells_no_subject_that_is_not_there<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let signature = ManifestPush {
        subject: Some(digest("image")),
        ..push("signature", &[], &[])
    };
    push_done(hosted, &app, &signature).await;
    push_done(hosted, &name("team/other"), &push("image", &[], &[])).await;
    assert_eq!(entry(hosted, "signature").await.subject, None);
    push_done(hosted, &app, &push("image", &[], &[])).await;
    assert_eq!(
        entry(hosted, "signature").await.subject,
        Some(digest("image"))
    );
    let image = digest("image");
    hosted
        .drop_hosted_manifest(&app, &image, &knowing(&[]))
        .await
        .unwrap();
    assert_eq!(entry(hosted, "signature").await.subject, None);
}
