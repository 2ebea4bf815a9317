//! Sentences about what is dropped.

use forebay_content::{DropGuard, Dropped, Hosted};

use super::{
    AT, MANIFEST_BYTES, all_tags, digest, index, is_blob, is_manifest, knowing, name, pointed_at,
    push, push_blobs, push_done, push_image, sums, tag, usage,
};

/// Until the last manifest that refers to it is gone.
pub async fn a_blob_in_use_stays<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let layer = digest("layer");
    push_image(hosted, &app, "one", (&["layer"], &[])).await;
    push_image(hosted, &app, "two", (&["layer"], &[])).await;
    for image in ["one", "two"] {
        let dropped = hosted.drop_hosted_blob(&app, &layer).await.unwrap();
        assert_eq!(dropped, Dropped::InUse);
        assert!(is_blob(hosted, &app, "layer").await);
        let image = digest(image);
        hosted
            .drop_hosted_manifest(&app, &image, &knowing(&[]))
            .await
            .unwrap();
    }
    let dropped = hosted.drop_hosted_blob(&app, &layer).await.unwrap();
    assert_eq!(dropped, Dropped::Done(layer));
}

/// What refers to it elsewhere keeps it there, not here.
pub async fn a_blob_that_nothing_refers_to_is_dropped<H: Hosted>(hosted: &H) {
    let (app, other) = (name("team/app"), name("team/other"));
    push_blobs(hosted, &app, &["layer"]).await;
    push_image(hosted, &other, "image", (&["layer"], &[])).await;
    let dropped = hosted.drop_hosted_blob(&app, &digest("layer")).await;
    assert_eq!(dropped.unwrap(), Dropped::Done(digest("layer")));
    assert!(!is_blob(hosted, &app, "layer").await);
    assert!(is_blob(hosted, &other, "layer").await);
    assert_eq!(sums(hosted, &app).await, (0, 0, 0));
    assert_eq!(usage(hosted).await, (2, 10 + MANIFEST_BYTES));
}

/// Its blobs stay.
pub async fn a_dropped_manifest_is_gone_with_its_tags<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_image(hosted, &app, "one", (&["layer"], &["v1", "latest"])).await;
    push_image(hosted, &app, "two", (&["layer"], &["v2"])).await;
    let guard = knowing(&["latest", "gone", "v1"]);
    let dropped = hosted
        .drop_hosted_manifest(&app, &digest("one"), &guard)
        .await;
    assert_eq!(dropped.unwrap(), Dropped::Done(digest("one")));
    assert!(!is_manifest(hosted, &app, "one").await);
    assert_eq!(pointed_at(hosted, &app, "latest").await, None);
    assert_eq!(all_tags(hosted, &app).await, ["v2"]);
    assert!(is_blob(hosted, &app, "layer").await);
    assert_eq!(sums(hosted, &app).await, (10 + MANIFEST_BYTES, 1, 1));
    assert_eq!(usage(hosted).await, (2, 10 + MANIFEST_BYTES));
}

/// The first in the order of bytes is told.
pub async fn a_manifest_with_a_tag_that_was_not_known_stays<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_image(hosted, &app, "image", (&["layer"], &["v3", "v1", "v2"])).await;
    for (known, first) in [
        (&[][..], "v1"),
        (&["v1", "v9"], "v2"),
        (&["v2", "v1"], "v3"),
    ] {
        let guard = knowing(known);
        let dropped = hosted
            .drop_hosted_manifest(&app, &digest("image"), &guard)
            .await;
        assert_eq!(dropped.unwrap(), Dropped::Tagged(tag(first)));
    }
    assert_eq!(all_tags(hosted, &app).await, ["v1", "v2", "v3"]);
    assert_eq!(sums(hosted, &app).await, (10 + MANIFEST_BYTES, 1, 3));
}

/// By who says so: a person may drop what is pinned, a rule may not.
pub async fn a_pinned_manifest_is_spared<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let image = digest("image");
    push_image(hosted, &app, "image", (&["layer"], &["v1"])).await;
    hosted.pin_manifest(&app, &image, true).await.unwrap();
    let sparing = DropGuard {
        spares_pinned: true,
        ..knowing(&["v1"])
    };
    let dropped = hosted.drop_hosted_manifest(&app, &image, &sparing).await;
    assert_eq!(dropped.unwrap(), Dropped::InUse);
    // A tag that was not known is told first.
    let unknowing = DropGuard {
        known_tags: Vec::new(),
        ..sparing
    };
    let dropped = hosted.drop_hosted_manifest(&app, &image, &unknowing).await;
    assert_eq!(dropped.unwrap(), Dropped::Tagged(tag("v1")));
    let dropped = hosted
        .drop_hosted_manifest(&app, &image, &knowing(&["v1"]))
        .await;
    assert_eq!(dropped.unwrap(), Dropped::Done(image));
}

/// An index without one of its platforms would be broken.
pub async fn a_child_is_spared<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_image(hosted, &app, "amd64", (&["layer"], &[])).await;
    push_done(hosted, &app, &index("index", &["amd64"], &["v1"])).await;
    let sparing = DropGuard {
        spares_children: true,
        ..knowing(&["v1"])
    };
    for (image, expected) in [
        ("amd64", Dropped::InUse),
        ("index", Dropped::Done(digest("index"))),
        ("amd64", Dropped::Done(digest("amd64"))),
    ] {
        let dropped = hosted
            .drop_hosted_manifest(&app, &digest(image), &sparing)
            .await;
        assert_eq!(dropped.unwrap(), expected);
    }
    // Who does not spare it leaves an index that is sparse.
    push_image(hosted, &app, "amd64", (&["layer"], &[])).await;
    push_done(hosted, &app, &index("index", &["amd64"], &["v1"])).await;
    let dropped = hosted
        .drop_hosted_manifest(&app, &digest("amd64"), &knowing(&[]))
        .await;
    assert_eq!(dropped.unwrap(), Dropped::Done(digest("amd64")));
    assert!(is_manifest(hosted, &app, "index").await);
}

/// In a repository, and without one.
pub async fn what_is_not_there_is_absent<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_blobs(hosted, &app, &["layer"]).await;
    push_image(hosted, &name("team/other"), "image", (&["other"], &["v1"])).await;
    for repository in ["team/app", "nobody"].map(name) {
        let dropped = hosted.drop_hosted_tag(&repository, &tag("v1")).await;
        assert_eq!(dropped.unwrap(), Dropped::Absent);
        let image = digest("image");
        let dropped = hosted
            .drop_hosted_manifest(&repository, &image, &knowing(&[]))
            .await;
        assert_eq!(dropped.unwrap(), Dropped::Absent);
        let dropped = hosted.drop_hosted_blob(&repository, &digest("other")).await;
        assert_eq!(dropped.unwrap(), Dropped::Absent);
        assert!(
            !hosted
                .pin_manifest(&repository, &image, true)
                .await
                .unwrap()
        );
    }
    assert!(!hosted.drop_repository(&name("nobody")).await.unwrap());
}

/// As new: what was known of the one before is gone with it.
pub async fn a_dropped_manifest_can_be_pushed_again<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let image = digest("image");
    push_image(hosted, &app, "image", (&["layer"], &["v1"])).await;
    hosted.pin_manifest(&app, &image, true).await.unwrap();
    hosted
        .note_pulls(&[(app.clone(), image.clone(), AT)])
        .await
        .unwrap();
    hosted
        .drop_hosted_manifest(&app, &image, &knowing(&["v1"]))
        .await
        .unwrap();
    push_done(hosted, &app, &push("image", &["layer"], &[])).await;
    let found = hosted
        .find_hosted_entry(&app, &image)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((found.is_pinned, found.pulled_at), (false, None));
    assert_eq!(found.tags, []);
    assert_eq!(sums(hosted, &app).await, (10 + MANIFEST_BYTES, 1, 0));
}
