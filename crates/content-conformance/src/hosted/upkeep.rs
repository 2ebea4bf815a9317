//! Sentences about what runs behind.

use forebay_content::{ChildKind, Committed, Hosted, HostedUpkeep, Timestamp};
use forebay_oci::Digest;

use super::{
    AT, MANIFEST_BYTES, blob, child, digest, is_blob, knowing, name, push, push_blobs, push_done,
    push_image, sums, usage,
};

const BEFORE: Timestamp = AT;
const AFTER: Timestamp = Timestamp(AT.0 + 1);

async fn unlink<H: HostedUpkeep>(hosted: &H, before: Timestamp) -> u64 {
    hosted.unlink_unused_blobs(before, 1_000).await.unwrap()
}

/// Of each manifest by itself.
pub async fn a_pull_moves_the_time_forward_and_never_back<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    for of in ["one", "two"] {
        push_done(hosted, &app, &push(of, &[], &[])).await;
    }
    let pulled = |of: &str, at| (app.clone(), digest(of), Timestamp(at));
    let notes = [pulled("one", 5), pulled("one", 9), pulled("one", 7)];
    hosted.note_pulls(&notes).await.unwrap();
    hosted.note_pulls(&[pulled("one", 8)]).await.unwrap();
    let one = hosted.find_hosted_entry(&app, &digest("one")).await;
    assert_eq!(one.unwrap().unwrap().pulled_at, Some(Timestamp(9)));
    let two = hosted.find_hosted_entry(&app, &digest("two")).await;
    assert_eq!(two.unwrap().unwrap().pulled_at, None);
}

/// It may have been dropped since; the others are noted.
pub async fn a_pull_of_what_is_not_there_is_no_error<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_done(hosted, &app, &push("image", &[], &[])).await;
    let notes = [
        (name("nobody"), digest("image"), AT),
        (app.clone(), digest("gone"), AT),
        (app.clone(), digest("image"), AT),
    ];
    hosted.note_pulls(&notes).await.unwrap();
    hosted.note_pulls(&[]).await.unwrap();
    let found = hosted.find_hosted_entry(&app, &digest("image")).await;
    assert_eq!(found.unwrap().unwrap().pulled_at, Some(AT));
    assert_eq!(hosted.find_repository(&name("nobody")).await.unwrap(), None);
}

/// Twice is once.
pub async fn a_pin_is_put_and_taken_away<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_done(hosted, &app, &push("image", &[], &[])).await;
    for is_pinned in [true, true, false, false] {
        assert!(
            hosted
                .pin_manifest(&app, &digest("image"), is_pinned)
                .await
                .unwrap()
        );
        let found = hosted.find_hosted_entry(&app, &digest("image")).await;
        assert_eq!(found.unwrap().unwrap().is_pinned, is_pinned);
    }
    assert!(
        !hosted
            .pin_manifest(&app, &digest("gone"), true)
            .await
            .unwrap()
    );
}

/// In each repository by itself; what is in use stays, however old.
pub async fn a_blob_is_unlinked_once_it_is_unused_for_long_enough<H: Hosted>(hosted: &H) {
    let (app, other) = (name("team/app"), name("team/other"));
    push_image(hosted, &app, "image", (&["layer"], &[])).await;
    push_blobs(hosted, &app, &["stray"]).await;
    push_blobs(hosted, &other, &["layer"]).await;
    assert_eq!(unlink(hosted, BEFORE).await, 0);
    assert_eq!(unlink(hosted, AFTER).await, 2);
    assert_eq!(unlink(hosted, AFTER).await, 0);
    assert!(is_blob(hosted, &app, "layer").await);
    assert!(!is_blob(hosted, &app, "stray").await);
    assert!(!is_blob(hosted, &other, "layer").await);
    assert_eq!(sums(hosted, &app).await, (10 + MANIFEST_BYTES, 1, 0));
    assert_eq!(sums(hosted, &other).await, (0, 0, 0));
    assert_eq!(usage(hosted).await, (2, 10 + MANIFEST_BYTES));
}

/// By a push or by a mount: who has just been told that it is there pushes its manifest next.
pub async fn a_blob_that_is_pushed_again_begins_its_age_anew<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_blobs(hosted, &app, &["pushed", "mounted", "old"]).await;
    push_blobs(hosted, &name("base"), &["mounted"]).await;
    let late = Timestamp(5_000);
    hosted
        .commit_blob(&app, &blob("pushed", 10), late)
        .await
        .unwrap();
    // A clock that goes back makes nothing older.
    hosted
        .commit_blob(&app, &blob("pushed", 10), AT)
        .await
        .unwrap();
    let mount = forebay_content::BlobMount {
        from: name("base"),
        digest: digest("mounted"),
        quota_bytes: None,
    };
    hosted.mount_blob(&app, &mount, late).await.unwrap();
    assert_eq!(unlink(hosted, late).await, 2);
    assert!(is_blob(hosted, &app, "pushed").await);
    assert!(is_blob(hosted, &app, "mounted").await);
    assert!(!is_blob(hosted, &app, "old").await);
}

/// However long ago it was pushed.
pub async fn a_blob_that_its_last_manifest_lets_go_begins_its_age_then<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_image(hosted, &app, "one", (&["layer", "first"], &[])).await;
    push_image(hosted, &app, "two", (&["layer"], &[])).await;
    for (of, at, let_go) in [("one", 5_000, "first"), ("two", 6_000, "layer")] {
        let guard = forebay_content::DropGuard {
            at: Timestamp(at),
            ..knowing(&[])
        };
        hosted
            .drop_hosted_manifest(&app, &digest(of), &guard)
            .await
            .unwrap();
        assert_eq!(unlink(hosted, Timestamp(at)).await, 0);
        assert_eq!(unlink(hosted, Timestamp(at + 1)).await, 1);
        assert!(!is_blob(hosted, &app, let_go).await);
    }
}

/// So that a transaction is short.
pub async fn at_most_so_many_blobs_are_unlinked_at_once<H: Hosted>(hosted: &H) {
    push_blobs(hosted, &name("team/app"), &["a", "b", "c"]).await;
    push_blobs(hosted, &name("team/other"), &["a", "d"]).await;
    for expected in [2, 2, 1, 0] {
        let unlinked = hosted.unlink_unused_blobs(AFTER, 2).await.unwrap();
        assert_eq!(unlinked, expected);
    }
    assert_eq!(usage(hosted).await, (0, 0));
}

/// As a layer does that the manifest did not need.
pub async fn a_blob_that_comes_after_its_manifest_is_in_use<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let mut image = push("image", &[], &[]);
    image.children = vec![child("foreign", ChildKind::Blob)];
    image.children[0].is_required = false;
    push_done(hosted, &app, &image).await;
    let given = hosted.commit_blob(&app, &blob("foreign", 10), AT).await;
    assert_eq!(given.unwrap(), Committed::Completed);
    push_blobs(hosted, &app, &["foreign"]).await;
    assert_eq!(unlink(hosted, AFTER).await, 0);
    let dropped = hosted.drop_hosted_blob(&app, &digest("foreign")).await;
    assert_eq!(dropped.unwrap(), forebay_content::Dropped::InUse);
    hosted
        .drop_hosted_manifest(&app, &digest("image"), &knowing(&[]))
        .await
        .unwrap();
    assert_eq!(unlink(hosted, AFTER).await, 1);
}

/// As blobs and as manifests, in the order in which they were asked for.
pub async fn a_thousand_digests_are_asked_at_once<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let asked: Vec<Digest> = (0..1_000)
        .map(|number| digest(&number.to_string()))
        .collect();
    for number in (0..1_000).step_by(100) {
        push_blobs(hosted, &app, &[&number.to_string()]).await;
        push_done(hosted, &app, &push(&(number + 1).to_string(), &[], &[])).await;
    }
    let expected: Vec<Digest> = (0..1_000)
        .filter(|number| number % 100 < 2)
        .map(|number| digest(&number.to_string()))
        .collect();
    assert_eq!(hosted.held(&asked).await.unwrap(), expected);
    let mut backwards = asked;
    backwards.reverse();
    let held = hosted.held(&backwards).await.unwrap();
    assert!(held.iter().eq(expected.iter().rev()));
    assert_eq!(hosted.held(&[]).await.unwrap(), []);
    let read = hosted.held_on_reading(&backwards).await.unwrap();
    assert_eq!(read, held);
    assert_eq!(hosted.held_on_reading(&[]).await.unwrap(), []);
}

/// Whoever holds it, and as what.
pub async fn what_is_held_is_told_page_by_page_in_the_order_of_digests<H: Hosted>(hosted: &H) {
    assert_eq!(hosted.held_after(None, 10).await.unwrap(), []);
    let (app, web) = (name("team/app"), name("team/web"));
    let mut expected = Vec::new();
    for number in 0..20 {
        let text = number.to_string();
        push_blobs(hosted, &app, &[&text]).await;
        expected.push(digest(&text));
        push_blobs(hosted, &web, &[&text]).await;
        if number % 3 == 0 {
            push_done(hosted, &web, &push(&format!("m{number}"), &[], &[])).await;
            expected.push(digest(&format!("m{number}")));
        }
    }
    // As a manifest of the one, and as a blob of the other.
    push_done(hosted, &app, &push("0", &[], &[])).await;
    expected.sort();
    let mut told: Vec<Digest> = Vec::new();
    loop {
        let page = hosted.held_after(told.last(), 4).await.unwrap();
        assert!(page.len() <= 4);
        assert!(page.iter().all(|stat| stat.size > 0));
        if page.is_empty() {
            break;
        }
        told.extend(page.into_iter().map(|stat| stat.digest));
    }
    assert_eq!(told, expected);
}
