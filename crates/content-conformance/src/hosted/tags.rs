//! Sentences about tags.

use forebay_content::{Committed, Dropped, Hosted, ManifestPush, TagBounds, TagHolder, TagNames};

use super::{
    MANIFEST_BYTES, all_tags, digest, is_manifest, name, pointed_at, push, push_blobs, push_done,
    sums, tag, tags,
};

/// It moves, and what it pointed at before stays.
pub async fn a_tag_points_at_what_was_last_pushed_under_it<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    for of in ["one", "two", "one"] {
        push_done(hosted, &app, &push(of, &[], &["latest"])).await;
        assert_eq!(pointed_at(hosted, &app, "latest").await, Some(digest(of)));
    }
    assert!(is_manifest(hosted, &app, "two").await);
    assert_eq!(sums(hosted, &app).await, (2 * MANIFEST_BYTES, 2, 1));
}

/// Tags are apart by case, and by repository.
pub async fn a_tag_belongs_to_one_repository<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_done(hosted, &app, &push("one", &[], &["v1"])).await;
    push_done(
        hosted,
        &name("team/other"),
        &push("two", &[], &["v1", "v2"]),
    )
    .await;
    assert_eq!(pointed_at(hosted, &app, "v1").await, Some(digest("one")));
    for (repository, text) in [("team/app", "v2"), ("team/app", "V1"), ("team", "v1")] {
        assert_eq!(pointed_at(hosted, &name(repository), text).await, None);
    }
}

/// As docker buildx pushes them.
pub async fn one_push_may_have_many_tags<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_done(
        hosted,
        &app,
        &push("one", &[], &["1.27.0", "1.27", "1", "latest"]),
    )
    .await;
    push_done(hosted, &app, &push("two", &[], &["latest", "2"])).await;
    assert_eq!(
        all_tags(hosted, &app).await,
        ["1", "1.27", "1.27.0", "2", "latest"]
    );
    assert_eq!(pointed_at(hosted, &app, "1").await, Some(digest("one")));
    assert_eq!(
        pointed_at(hosted, &app, "latest").await,
        Some(digest("two"))
    );
    assert_eq!(sums(hosted, &app).await.2, 5);
}

fn immutable(of: &str, tagged: &[&str], fixed: &[&str]) -> ManifestPush {
    ManifestPush {
        immutable_tags: tags(fixed),
        ..push(of, &[], tagged)
    }
}

/// Not its other tags either, nor the manifest.
pub async fn an_immutable_tag_stays_and_the_push_changes_nothing<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_done(hosted, &app, &immutable("one", &["v1", "latest"], &["v1"])).await;
    let moving = immutable("two", &["latest", "v2", "v1"], &["v2", "v1"]);
    let refused = hosted.commit_manifest(&app, &moving).await.unwrap();
    assert_eq!(refused, Committed::Immutable(tag("v1")));
    assert!(!is_manifest(hosted, &app, "two").await);
    assert_eq!(all_tags(hosted, &app).await, ["latest", "v1"]);
    for text in ["v1", "latest"] {
        assert_eq!(pointed_at(hosted, &app, text).await, Some(digest("one")));
    }
    assert_eq!(sums(hosted, &app).await, (MANIFEST_BYTES, 1, 2));
}

/// Who pushes again what is there has what was wanted.
pub async fn an_immutable_tag_takes_the_same_manifest_again<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    for _ in 0..2 {
        push_done(hosted, &app, &immutable("one", &["v1"], &["v1"])).await;
    }
    assert_eq!(all_tags(hosted, &app).await, ["v1"]);
}

/// A push where a manifest has two tags at most, and a repository three.
fn bounded(of: &str, tagged: &[&str]) -> ManifestPush {
    let bounds = TagBounds {
        of_manifest: 2,
        of_repository: 3,
    };
    ManifestPush {
        tag_bounds: Some(bounds),
        ..push(of, &[], tagged)
    }
}

const OF_MANIFEST: Committed = Committed::TooManyTags {
    of: TagHolder::Manifest,
    most: 2,
};

const OF_REPOSITORY: Committed = Committed::TooManyTags {
    of: TagHolder::Repository,
    most: 3,
};

/// Neither of a manifest that is there nor of a new one, nor of a repository that is to be made.
pub async fn a_push_beyond_as_many_tags_as_there_may_be_changes_nothing<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let three = bounded("one", &["1", "2", "3"]);
    let refused = hosted.commit_manifest(&app, &three).await;
    assert_eq!(refused.unwrap(), OF_MANIFEST);
    assert!(hosted.find_repository(&app).await.unwrap().is_none());

    push_done(hosted, &app, &bounded("one", &["1", "2", "1"])).await;
    let refused = hosted.commit_manifest(&app, &bounded("one", &["3"])).await;
    assert_eq!(refused.unwrap(), OF_MANIFEST);
    let two = bounded("two", &["3", "4"]);
    let refused = hosted.commit_manifest(&app, &two).await;
    assert_eq!(refused.unwrap(), OF_REPOSITORY);
    assert!(!is_manifest(hosted, &app, "two").await);
    assert_eq!(all_tags(hosted, &app).await, ["1", "2"]);
    assert_eq!(sums(hosted, &app).await, (MANIFEST_BYTES, 1, 2));
}

/// Where there are as many as there may be, or more from before there was a bound: tags move, and manifests are pushed.
pub async fn a_push_that_adds_no_tag_is_refused_by_no_bound_of_tags<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_done(hosted, &app, &push("one", &[], &["1", "2", "3", "4"])).await;
    push_done(hosted, &app, &bounded("one", &["1", "2", "3", "4"])).await;
    push_done(hosted, &app, &bounded("two", &["3", "4"])).await;
    push_done(hosted, &app, &bounded("three", &[])).await;
    let refused = hosted.commit_manifest(&app, &bounded("two", &["2"])).await;
    assert_eq!(refused.unwrap(), OF_MANIFEST);
    assert_eq!(pointed_at(hosted, &app, "2").await, Some(digest("one")));
    assert_eq!(pointed_at(hosted, &app, "4").await, Some(digest("two")));
    hosted.drop_hosted_tag(&app, &tag("4")).await.unwrap();
    push_done(hosted, &app, &bounded("two", &["2"])).await;
    assert_eq!(all_tags(hosted, &app).await, ["1", "2", "3"]);
}

/// Bytes, not words: capital letters come first, and ten before two.
pub async fn tags_are_told_page_by_page_in_the_order_of_their_bytes<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let mut texts = ["v2", "v10", "V1", "_x", "v1", "v1.0", "v1-a", "0", "latest"];
    push_done(hosted, &app, &push("image", &[], &texts)).await;
    push_done(hosted, &name("team/other"), &push("image", &[], &["other"])).await;
    texts.sort_unstable();
    for limit in [1, 2, 4, 9, 10] {
        let mut told: Vec<String> = Vec::new();
        loop {
            let after = told.last().map(String::as_str);
            let page = hosted.hosted_tags(&app, after, limit).await.unwrap();
            let page = page.unwrap();
            assert!(page.len() <= limit as usize);
            if page.is_empty() {
                break;
            }
            told.extend(page.iter().map(str::to_owned));
        }
        assert_eq!(told, texts, "{limit} at a time");
    }
}

/// `last` is any text that a client sends.
pub async fn tags_after_one_that_is_not_there_are_told<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_done(hosted, &app, &push("image", &[], &["a", "c"])).await;
    for (after, expected) in [
        ("", &["a", "c"][..]),
        ("b", &["c"]),
        ("a\0", &["c"]),
        ("c", &[]),
        ("é", &[]),
        ("%", &["a", "c"]),
    ] {
        let page = hosted.hosted_tags(&app, Some(after), 10).await.unwrap();
        let expected = tags(expected).into_iter().collect();
        assert_eq!(page, Some(expected), "after {after:?}");
    }
    let none = hosted.hosted_tags(&app, None, 0).await.unwrap();
    assert_eq!(none, Some(TagNames::default()));
}

/// One is an empty list to a client, the other an unknown name.
pub async fn a_repository_without_tags_has_a_list_and_no_repository_has_none<H: Hosted>(
    hosted: &H,
) {
    let app = name("team/app");
    assert_eq!(hosted.hosted_tags(&app, None, 10).await.unwrap(), None);
    push_blobs(hosted, &app, &["layer"]).await;
    let page = hosted.hosted_tags(&app, None, 10).await.unwrap();
    assert_eq!(page, Some(TagNames::default()));
}

/// Once: a second drop finds none.
pub async fn a_dropped_tag_is_gone_and_its_manifest_stays<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_done(hosted, &app, &push("image", &[], &["v1", "v2"])).await;
    let dropped = hosted.drop_hosted_tag(&app, &tag("v1")).await.unwrap();
    assert_eq!(dropped, Dropped::Done(digest("image")));
    for (repository, text) in [("team/app", "v1"), ("team/app", "v3"), ("nobody", "v2")] {
        let dropped = hosted.drop_hosted_tag(&name(repository), &tag(text)).await;
        assert_eq!(dropped.unwrap(), Dropped::Absent);
    }
    assert_eq!(all_tags(hosted, &app).await, ["v2"]);
    assert!(is_manifest(hosted, &app, "image").await);
    assert_eq!(sums(hosted, &app).await, (MANIFEST_BYTES, 1, 1));
}
