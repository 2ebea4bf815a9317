//! Sentences about quotas.

use forebay_content::{BlobMount, Committed, Hosted, HostedBlob, ManifestPush};

use super::{
    AT, MANIFEST_BYTES, blob, digest, is_blob, is_manifest, name, pointed_at, push, push_blobs,
    push_done, sums,
};

fn bound(of: &str, size: u64, quota: u64) -> HostedBlob {
    HostedBlob {
        quota_bytes: Some(quota),
        ..blob(of, size)
    }
}

fn bound_push(of: &str, blobs: &[&str], quota: u64) -> ManifestPush {
    ManifestPush {
        quota_bytes: Some(quota),
        ..push(of, blobs, &["v1"])
    }
}

/// Neither of a blob nor of a manifest.
pub async fn a_push_beyond_the_quota_changes_nothing<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_blobs(hosted, &app, &["layer"]).await;
    let refused = hosted.commit_blob(&app, &bound("more", 91, 100), AT).await;
    let over = Committed::OverQuota {
        wanted: 101,
        quota: 100,
    };
    assert_eq!(refused.unwrap(), over);
    let image = bound_push("image", &["layer"], 100);
    let refused = hosted.commit_manifest(&app, &image).await.unwrap();
    let over = Committed::OverQuota {
        wanted: 10 + MANIFEST_BYTES,
        quota: 100,
    };
    assert_eq!(refused, over);
    assert!(!is_blob(hosted, &app, "more").await);
    assert!(!is_manifest(hosted, &app, "image").await);
    assert_eq!(pointed_at(hosted, &app, "v1").await, None);
    assert_eq!(sums(hosted, &app).await, (10, 0, 0));
}

/// To the byte, and what others hold counts as well, for it would be at rest without them.
pub async fn a_quota_counts_what_the_repository_would_hold<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_blobs(hosted, &name("team/other"), &["layer"]).await;
    let quota = 20 + MANIFEST_BYTES;
    for of in ["layer", "config"] {
        let done = hosted.commit_blob(&app, &bound(of, 10, quota), AT).await;
        assert_eq!(done.unwrap(), Committed::Done);
    }
    push_done(
        hosted,
        &app,
        &bound_push("image", &["layer", "config"], quota),
    )
    .await;
    let refused = hosted.commit_blob(&app, &bound("one", 1, quota), AT).await;
    let over = Committed::OverQuota {
        wanted: quota + 1,
        quota,
    };
    assert_eq!(refused.unwrap(), over);
    hosted
        .drop_hosted_tag(&app, &"v1".parse().unwrap())
        .await
        .unwrap();
    let guard = super::knowing(&[]);
    hosted
        .drop_hosted_manifest(&app, &digest("image"), &guard)
        .await
        .unwrap();
    let done = hosted.commit_blob(&app, &bound("one", 1, quota), AT).await;
    assert_eq!(done.unwrap(), Committed::Done);
}

/// A quota that was lowered below what is there leaves tags to be moved, and pushes to be repeated.
pub async fn what_adds_nothing_is_refused_by_no_quota<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_blobs(hosted, &app, &["layer"]).await;
    push_done(hosted, &app, &push("image", &["layer"], &["v1"])).await;
    let done = hosted.commit_blob(&app, &bound("layer", 10, 5), AT).await;
    assert_eq!(done.unwrap(), Committed::Done);
    let mut again = bound_push("image", &["layer"], 5);
    again.tags.push("v2".parse().unwrap());
    push_done(hosted, &app, &again).await;
    let empty = hosted.commit_blob(&app, &bound("empty", 0, 5), AT).await;
    assert_eq!(empty.unwrap(), Committed::Done);
    assert_eq!(sums(hosted, &app).await, (10 + MANIFEST_BYTES, 1, 2));
}

/// Else it would be a way past it.
pub async fn a_mount_is_bound_by_the_quota<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_blobs(hosted, &name("base"), &["layer"]).await;
    let mount = |quota| BlobMount {
        from: name("base"),
        digest: digest("layer"),
        quota_bytes: Some(quota),
    };
    let refused = hosted.mount_blob(&app, &mount(9), AT).await.unwrap();
    assert_eq!(
        refused,
        Committed::OverQuota {
            wanted: 10,
            quota: 9
        }
    );
    assert_eq!(hosted.find_repository(&app).await.unwrap(), None);
    let done = hosted.mount_blob(&app, &mount(10), AT).await.unwrap();
    assert_eq!(done, Committed::Done);
    // Held already, it adds nothing.
    let done = hosted.mount_blob(&app, &mount(1), AT).await.unwrap();
    assert_eq!(done, Committed::Done);
}
