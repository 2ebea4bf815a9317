//! Sentences about blobs.

use forebay_content::{BlobMount, Committed, Hosted};
use forebay_oci::Digest;

use super::{AT, blob, digest, is_blob, name, push_blobs, sums, usage};

fn mount(from: &str, of: &str) -> BlobMount {
    BlobMount {
        from: name(from),
        digest: digest(of),
        quota_bytes: None,
    }
}

/// Shared bytes never leak: not to a neighbour, not to what only looks alike.
pub async fn a_blob_is_held_by_the_repository_it_was_pushed_to_alone<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let long = Digest::of(forebay_oci::Algorithm::Sha512, b"layer");
    for digest in [digest("layer"), long] {
        let blob = forebay_content::HostedBlob {
            digest: digest.clone(),
            ..blob("layer", 10)
        };
        hosted.commit_blob(&app, &blob, AT).await.unwrap();
        let size = hosted.find_hosted_blob(&app, &digest).await.unwrap();
        assert_eq!(size, Some(10));
    }
    assert!(!is_blob(hosted, &app, "another").await);
    push_blobs(hosted, &name("team/other"), &["another"]).await;
    for other in ["team/other", "team/app2", "team", "app"] {
        assert!(!is_blob(hosted, &name(other), "layer").await, "{other}");
    }
}

/// Docker pushes a layer again whenever it is not sure.
pub async fn a_blob_pushed_again_counts_once<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    for _ in 0..3 {
        push_blobs(hosted, &app, &["layer"]).await;
    }
    assert_eq!(sums(hosted, &app).await, (10, 0, 0));
    assert_eq!(usage(hosted).await, (1, 10));
}

/// Twice is once, and with itself nothing new.
pub async fn a_mounted_blob_is_held_by_both<H: Hosted>(hosted: &H) {
    let (base, app) = (name("base"), name("team/app"));
    push_blobs(hosted, &base, &["layer"]).await;
    for _ in 0..2 {
        for to in [&app, &base] {
            let mounted = hosted.mount_blob(to, &mount("base", "layer"), AT).await;
            assert_eq!(mounted.unwrap(), Committed::Done);
        }
    }
    for of in [&base, &app] {
        assert!(is_blob(hosted, of, "layer").await);
        assert_eq!(sums(hosted, of).await, (10, 0, 0));
    }
    assert_eq!(usage(hosted).await, (1, 10));
}

/// Those that hold it now, and a few if they are many.
pub async fn a_blob_tells_who_holds_it<H: Hosted>(hosted: &H) {
    let digest = Digest::sha256(b"layer");
    assert!(hosted.holders(&digest, 10).await.unwrap().is_empty());
    for holder in ["b", "a/x", "c"] {
        push_blobs(hosted, &name(holder), &["layer"]).await;
    }
    push_blobs(hosted, &name("d"), &["another"]).await;
    let told = hosted.holders(&digest, 10).await.unwrap();
    assert_eq!(told, [name("a/x"), name("b"), name("c")]);
    assert_eq!(hosted.holders(&digest, 2).await.unwrap().len(), 2);
    hosted.drop_hosted_blob(&name("b"), &digest).await.unwrap();
    let told = hosted.holders(&digest, 10).await.unwrap();
    assert_eq!(told, [name("a/x"), name("c")]);
}

/// Not by its digest alone: whoever knows a digest would read what it stands for.
pub async fn a_mount_from_who_does_not_hold_it_changes_nothing<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_blobs(hosted, &name("secret"), &["layer"]).await;
    push_blobs(hosted, &name("base"), &["another"]).await;
    for from in ["base", "nobody", "team/app"] {
        let mounted = hosted.mount_blob(&app, &mount(from, "layer"), AT).await;
        let missing = Committed::Missing(vec![digest("layer")]);
        assert_eq!(mounted.unwrap(), missing, "{from}");
    }
    assert_eq!(hosted.find_repository(&app).await.unwrap(), None);
}

/// What was mounted is one's own.
pub async fn a_mount_outlives_the_repository_that_it_came_from<H: Hosted>(hosted: &H) {
    let (base, app) = (name("base"), name("team/app"));
    push_blobs(hosted, &base, &["layer"]).await;
    hosted
        .mount_blob(&app, &mount("base", "layer"), AT)
        .await
        .unwrap();
    hosted.drop_repository(&base).await.unwrap();
    assert!(is_blob(hosted, &app, "layer").await);
    assert_eq!(usage(hosted).await, (1, 10));
}
