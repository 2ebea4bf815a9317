//! Sentences about acts at once.

use forebay_content::{Committed, Dropped, Hosted, HostedBlob, ManifestPush};
use futures::future::{join, join_all};

use super::{
    AT, MANIFEST_BYTES, blob, digest, is_blob, is_manifest, knowing, name, pointed_at, push,
    push_blobs, push_done, push_image, sums, tag, tags, usage,
};

/// One is last, and both are there.
pub async fn two_pushes_of_one_tag_leave_it_whole<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    for round in 0..20 {
        let names = [format!("one {round}"), format!("two {round}")];
        let pushes = [&names[0], &names[1]].map(|of| push(of, &[], &["latest"]));
        let one = hosted.commit_manifest(&app, &pushes[0]);
        let two = hosted.commit_manifest(&app, &pushes[1]);
        let (one, two) = join(one, two).await;
        assert_eq!(
            (one.unwrap(), two.unwrap()),
            (Committed::Done, Committed::Done)
        );
        let pointed = pointed_at(hosted, &app, "latest").await.unwrap();
        assert!(names.iter().any(|of| digest(of) == pointed));
        for of in &names {
            let entry = hosted.find_hosted_entry(&app, &digest(of)).await;
            let entry = entry.unwrap().unwrap();
            assert_eq!(entry.tags.len(), usize::from(digest(of) == pointed));
        }
        assert_eq!(sums(hosted, &app).await.2, 1);
    }
}

/// And the other is told so, and has left nothing.
pub async fn of_two_pushes_of_an_immutable_tag_one_wins<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let contenders = (0..8).map(|number| ManifestPush {
        immutable_tags: tags(&["v1"]),
        ..push(&number.to_string(), &[], &["v1"])
    });
    let contenders: Vec<ManifestPush> = contenders.collect();
    let pushes = contenders
        .iter()
        .map(|push| hosted.commit_manifest(&app, push));
    let told: Vec<Committed> = join_all(pushes)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let winners: Vec<usize> = (0..8).filter(|n| told[*n] == Committed::Done).collect();
    assert_eq!(winners.len(), 1, "{told:?}");
    let refused = told
        .iter()
        .filter(|told| **told == Committed::Immutable(tag("v1")));
    assert_eq!(refused.count(), 7);
    let winner = winners[0].to_string();
    assert_eq!(pointed_at(hosted, &app, "v1").await, Some(digest(&winner)));
    assert_eq!(sums(hosted, &app).await, (MANIFEST_BYTES, 1, 1));
}

/// Those that find room are done, the others refused; none fails because another does.
pub async fn many_pushes_at_once_stay_within_the_quota<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let blobs = (0..40).map(|number| HostedBlob {
        quota_bytes: Some(250),
        ..blob(&number.to_string(), 10)
    });
    let blobs: Vec<HostedBlob> = blobs.collect();
    let pushes = blobs.iter().map(|blob| hosted.commit_blob(&app, blob, AT));
    let told: Vec<Committed> = join_all(pushes)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let done = told.iter().filter(|told| **told == Committed::Done).count();
    assert_eq!(done, 25);
    let refused = Committed::OverQuota {
        wanted: 260,
        quota: 250,
    };
    assert_eq!(told.iter().filter(|told| **told == refused).count(), 15);
    assert_eq!(sums(hosted, &app).await.0, 250);
    assert_eq!(usage(hosted).await, (25, 250));
}

/// Either the drop comes first and the push is told what is missing, or the push does and the blob is in use.
pub async fn a_blob_is_never_dropped_under_a_manifest_that_needs_it<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    for round in 0..30 {
        let (layer, image) = (format!("layer {round}"), format!("image {round}"));
        push_blobs(hosted, &app, &[&layer]).await;
        let push = push(&image, &[&layer], &[]);
        let layer_digest = digest(&layer);
        let (pushed, dropped) = if round % 2 == 0 {
            let push = hosted.commit_manifest(&app, &push);
            join(push, hosted.drop_hosted_blob(&app, &layer_digest)).await
        } else {
            let drop = hosted.drop_hosted_blob(&app, &layer_digest);
            let (dropped, pushed) = join(drop, hosted.commit_manifest(&app, &push)).await;
            (pushed, dropped)
        };
        let is_pushed = is_manifest(hosted, &app, &image).await;
        assert_eq!(is_blob(hosted, &app, &layer).await, is_pushed);
        let expected = if is_pushed {
            (Committed::Done, Dropped::InUse)
        } else {
            let missing = Committed::Missing(vec![layer_digest.clone()]);
            (missing, Dropped::Done(layer_digest))
        };
        assert_eq!((pushed.unwrap(), dropped.unwrap()), expected);
    }
}

/// Between a lifecycle rule's look and its drop.
pub async fn a_tag_that_comes_meanwhile_keeps_its_manifest<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_image(hosted, &app, "image", (&["layer"], &[])).await;
    let tagging = push("image", &["layer"], &["v1"]);
    let image = digest("image");
    let guard = knowing(&[]);
    let drop = hosted.drop_hosted_manifest(&app, &image, &guard);
    let (pushed, dropped) = join(hosted.commit_manifest(&app, &tagging), drop).await;
    assert_eq!(pushed.unwrap(), Committed::Done);
    // Dropped first, it was pushed again; tagged first, it stayed.
    let dropped = dropped.unwrap();
    assert!(
        dropped == Dropped::Tagged(tag("v1")) || dropped == Dropped::Done(image.clone()),
        "{dropped:?}"
    );
    assert_eq!(pointed_at(hosted, &app, "v1").await, Some(image));
}

/// As many as there are clients.
pub async fn many_repositories_are_pushed_to_at_once<H: Hosted>(hosted: &H) {
    let push_one = |number: u32| async move {
        let app = name(&format!("team/app{}", number % 10));
        let image = format!("image {number}");
        push_image(hosted, &app, &image, (&["base", &image[6..]], &["latest"])).await;
    };
    join_all((0..50).map(push_one)).await;
    for number in 0..10 {
        let app = name(&format!("team/app{number}"));
        assert_eq!(sums(hosted, &app).await, (60 + 5 * MANIFEST_BYTES, 5, 1));
    }
    assert_eq!(usage(hosted).await, (101, 510 + 50 * MANIFEST_BYTES));
    push_done(
        hosted,
        &name("team/app0"),
        &push("last", &["base"], &["latest"]),
    )
    .await;
}
