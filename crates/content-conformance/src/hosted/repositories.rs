//! Sentences about repositories.

use forebay_content::{Committed, Hosted, HostedLists, HostedUsage, RepositorySettings, Timestamp};

use super::{
    AT, MANIFEST_BYTES, blob, digest, is_blob, is_manifest, name, push, push_blobs, push_image,
    sums, usage,
};

/// By a blob, for that comes first.
pub async fn a_repository_is_made_by_the_first_push<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    assert_eq!(hosted.find_repository(&app).await.unwrap(), None);
    let at = Timestamp(7);
    hosted
        .commit_blob(&app, &blob("layer", 10), at)
        .await
        .unwrap();
    hosted
        .commit_blob(&app, &blob("other", 5), AT)
        .await
        .unwrap();
    let found = hosted.find_repository(&app).await.unwrap().unwrap();
    assert_eq!((found.name, found.created_at, found.bytes), (app, at, 15));
    assert_eq!(found.settings, RepositorySettings::default());
}

/// Else anybody could fill the list of repositories with names.
pub async fn a_refused_push_makes_no_repository<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let lacking = push("image", &["layer"], &["v1"]);
    let refused = hosted.commit_manifest(&app, &lacking).await.unwrap();
    assert_eq!(refused, Committed::Missing(vec![digest("layer")]));
    let large = forebay_content::HostedBlob {
        quota_bytes: Some(9),
        ..blob("layer", 10)
    };
    let refused = hosted.commit_blob(&app, &large, AT).await.unwrap();
    assert_eq!(
        refused,
        Committed::OverQuota {
            wanted: 10,
            quota: 9
        }
    );
    assert_eq!(hosted.find_repository(&app).await.unwrap(), None);
    assert_eq!(hosted.repositories(None, 10).await.unwrap(), []);
    assert_eq!(hosted.hosted_usage().await.unwrap(), HostedUsage::default());
}

/// Before there is anything in it, and changed while there is.
pub async fn a_repository_is_what_its_owner_says_of_it<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let patterns = ["v*", "", "1:x", "a, b", "é*"].map(str::to_owned);
    let first = RepositorySettings {
        immutable_tags: patterns.to_vec(),
        quota_bytes: Some(1 << 40),
    };
    hosted
        .keep_repository(&app, &first, Timestamp(7))
        .await
        .unwrap();
    let found = hosted.find_repository(&app).await.unwrap().unwrap();
    assert_eq!(
        (&found.settings, found.bytes, found.manifests),
        (&first, 0, 0)
    );
    assert_eq!(hosted.hosted_usage().await.unwrap().repositories, 1);
    push_blobs(hosted, &app, &["layer"]).await;
    let second = RepositorySettings {
        immutable_tags: Vec::new(),
        quota_bytes: None,
    };
    hosted.keep_repository(&app, &second, AT).await.unwrap();
    let found = hosted.find_repository(&app).await.unwrap().unwrap();
    assert_eq!((found.settings, found.bytes), (second, 10));
    assert_eq!(found.created_at, Timestamp(7));
    assert_eq!(hosted.hosted_usage().await.unwrap().repositories, 1);
}

/// Bytes, not words: a dash and a dot go before a slash, which goes before digits and letters.
pub async fn repositories_are_told_page_by_page_in_the_order_of_their_bytes<H: Hosted>(hosted: &H) {
    let mut names = ["b", "a/b", "a", "a-b", "a.b", "a0", "ab", "a/b/c", "a__b"];
    for text in names {
        push_blobs(hosted, &name(text), &["layer"]).await;
    }
    names.sort_unstable();
    for limit in [1, 2, 4, 9, 10] {
        let mut told: Vec<String> = Vec::new();
        loop {
            let after = told.last().map(String::as_str);
            let page = hosted.repositories(after, limit).await.unwrap();
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            told.extend(page.iter().map(|found| found.name.to_string()));
        }
        assert_eq!(told, names, "{limit} at a time");
    }
    assert_eq!(first_after(hosted, "a/a").await, "a/b");
    assert_eq!(first_after(hosted, "a/b/d").await, "a0");
}

async fn first_after<H: HostedLists>(hosted: &H, after: &str) -> String {
    let page = hosted.repositories(Some(after), 1).await.unwrap();
    page[0].name.to_string()
}

/// What it holds, whoever else does.
pub async fn a_repository_counts_what_it_holds<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_image(hosted, &app, "one", (&["base", "first"], &["v1", "latest"])).await;
    push_image(
        hosted,
        &app,
        "two",
        (&["base", "second"], &["v2", "latest"]),
    )
    .await;
    let bytes = 3 * 10 + 2 * MANIFEST_BYTES;
    assert_eq!(sums(hosted, &app).await, (bytes, 2, 3));
    let page = hosted.repositories(None, 10).await.unwrap();
    assert_eq!((page.len(), page[0].bytes), (1, bytes));
}

/// The bytes are at rest once.
pub async fn what_many_hold_counts_once<H: Hosted>(hosted: &H) {
    for repository in ["a", "b", "c"].map(name) {
        push_image(hosted, &repository, "image", (&["base"], &["v1"])).await;
        push_blobs(hosted, &repository, &[repository.as_str()]).await;
        assert_eq!(sums(hosted, &repository).await, (20 + MANIFEST_BYTES, 1, 1));
    }
    // The image, its layer, and a blob of each.
    assert_eq!(usage(hosted).await, (5, MANIFEST_BYTES + 40));
    // What is held as a blob and as a manifest is at rest once, too.
    let as_blob = blob("image", MANIFEST_BYTES);
    hosted.commit_blob(&name("d"), &as_blob, AT).await.unwrap();
    assert_eq!(usage(hosted).await, (5, MANIFEST_BYTES + 40));
    for repository in ["a", "b", "c"].map(name) {
        assert!(hosted.drop_repository(&repository).await.unwrap());
    }
    assert_eq!(usage(hosted).await, (1, MANIFEST_BYTES));
}

/// With the same name one begins with nothing.
pub async fn a_dropped_repository_is_gone_with_all_it_held<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_image(hosted, &app, "image", (&["layer"], &["v1"])).await;
    assert!(hosted.drop_repository(&app).await.unwrap());
    assert!(!hosted.drop_repository(&app).await.unwrap());
    assert_eq!(hosted.find_repository(&app).await.unwrap(), None);
    assert_eq!(hosted.hosted_tags(&app, None, 10).await.unwrap(), None);
    assert!(!is_manifest(hosted, &app, "image").await);
    assert!(!is_blob(hosted, &app, "layer").await);
    assert_eq!(hosted.hosted_usage().await.unwrap(), HostedUsage::default());
    let all = [digest("image"), digest("layer")];
    assert_eq!(hosted.held(&all).await.unwrap(), []);
    push_blobs(hosted, &app, &["another"]).await;
    assert_eq!(sums(hosted, &app).await, (10, 0, 0));
    assert!(!is_manifest(hosted, &app, "image").await);
}

/// Names that begin alike are different names.
pub async fn a_dropped_repository_leaves_what_others_hold<H: Hosted>(hosted: &H) {
    let (app, neighbour) = (name("team/app"), name("team/app/dev"));
    for repository in [&app, &neighbour] {
        push_image(hosted, repository, "image", (&["layer"], &["v1"])).await;
    }
    hosted.drop_repository(&app).await.unwrap();
    assert!(is_manifest(hosted, &neighbour, "image").await);
    assert!(is_blob(hosted, &neighbour, "layer").await);
    assert_eq!(sums(hosted, &neighbour).await, (MANIFEST_BYTES + 10, 1, 1));
    let all = [digest("image"), digest("layer")];
    assert_eq!(hosted.held(&all).await.unwrap(), all);
    assert_eq!(usage(hosted).await, (2, MANIFEST_BYTES + 10));
}
