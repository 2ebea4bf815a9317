//! Sentences about who refers to whom.

use forebay_content::{Hosted, MAX_REFERRERS_BYTES, ManifestPush, Referrer, ReferrersOf};
use forebay_oci::Digest;

use super::{digest, knowing, manifest, name, push, push_done};

/// What Cosign's signatures are called here.
const SIGNATURE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

fn about(subject: &str, of: &str, artifact_type: Option<&str>) -> ManifestPush {
    ManifestPush {
        subject: Some(digest(subject)),
        artifact_type: artifact_type.map(str::to_owned),
        annotations: Some(format!("{{\"of\":\"{of}\"}}")),
        ..push(of, &[], &[])
    }
}

fn of(subject: &str) -> ReferrersOf {
    ReferrersOf {
        subject: digest(subject),
        artifact_type: None,
    }
}

async fn told<H: Hosted>(hosted: &H, of: &ReferrersOf) -> Vec<Digest> {
    let app = name("team/app");
    let page = hosted.hosted_referrers(&app, of, None, 100).await.unwrap();
    page.into_iter()
        .map(|found| found.manifest.digest)
        .collect()
}

fn sorted(names: &[&str]) -> Vec<Digest> {
    let mut digests: Vec<_> = names.iter().map(|name| digest(name)).collect();
    digests.sort();
    digests
}

/// With what makes up a descriptor, and those of this repository only.
pub async fn referrers_are_told_by_their_subject<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_done(hosted, &app, &push("image", &[], &["v1"])).await;
    push_done(hosted, &app, &about("image", "signature", Some(SIGNATURE))).await;
    let plain = ManifestPush {
        annotations: None,
        ..about("other", "plain", None)
    };
    push_done(hosted, &app, &plain).await;
    push_done(
        hosted,
        &name("team/other"),
        &about("image", "foreign", None),
    )
    .await;
    let found = hosted.hosted_referrers(&app, &of("image"), None, 10).await;
    let expected = Referrer {
        manifest: manifest("signature"),
        artifact_type: Some(SIGNATURE.to_owned()),
        annotations: Some("{\"of\":\"signature\"}".to_owned()),
    };
    assert_eq!(found.unwrap(), [expected]);
    let found = hosted.hosted_referrers(&app, &of("other"), None, 10).await;
    let expected = Referrer {
        manifest: manifest("plain"),
        artifact_type: None,
        annotations: None,
    };
    assert_eq!(found.unwrap(), [expected]);
    assert_eq!(told(hosted, &of("nothing")).await, []);
    let nobody = hosted
        .hosted_referrers(&name("nobody"), &of("image"), None, 10)
        .await;
    assert_eq!(nobody.unwrap(), []);
}

/// The spec wants both.
pub async fn referrers_are_told_before_their_subject_comes_and_after_it_goes<H: Hosted>(
    hosted: &H,
) {
    let app = name("team/app");
    push_done(hosted, &app, &about("image", "signature", None)).await;
    assert_eq!(told(hosted, &of("image")).await, [digest("signature")]);
    push_done(hosted, &app, &push("image", &[], &[])).await;
    let image = digest("image");
    hosted
        .drop_hosted_manifest(&app, &image, &knowing(&[]))
        .await
        .unwrap();
    assert_eq!(told(hosted, &of("image")).await, [digest("signature")]);
    let signature = digest("signature");
    hosted
        .drop_hosted_manifest(&app, &signature, &knowing(&[]))
        .await
        .unwrap();
    assert_eq!(told(hosted, &of("image")).await, []);
}

/// That type to the letter.
pub async fn referrers_are_told_of_one_artifact_type<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    for (of, artifact_type) in [
        ("one", Some(SIGNATURE)),
        ("two", Some("application/spdx+json")),
        ("three", Some(SIGNATURE)),
        ("four", None),
    ] {
        push_done(hosted, &app, &about("image", of, artifact_type)).await;
    }
    let filtered = |artifact_type: &str| ReferrersOf {
        artifact_type: Some(artifact_type.to_owned()),
        ..of("image")
    };
    let signatures = told(hosted, &filtered(SIGNATURE)).await;
    assert_eq!(signatures, sorted(&["one", "three"]));
    for none in ["", "application/*", "APPLICATION/SPDX+JSON"] {
        assert_eq!(told(hosted, &filtered(none)).await, [], "{none:?}");
    }
    let all = sorted(&["one", "two", "three", "four"]);
    assert_eq!(told(hosted, &of("image")).await, all);
}

/// With a filter as without.
pub async fn referrers_are_told_page_by_page<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let names = ["a", "b", "c", "d", "e"];
    for name in names {
        push_done(hosted, &app, &about("image", name, Some(SIGNATURE))).await;
    }
    for artifact_type in [None, Some(SIGNATURE.to_owned())] {
        let of = ReferrersOf {
            artifact_type,
            ..of("image")
        };
        for limit in [1, 2, 5, 6] {
            let mut told: Vec<Digest> = Vec::new();
            loop {
                let page = hosted.hosted_referrers(&app, &of, told.last(), limit).await;
                let page = page.unwrap();
                assert!(page.len() <= limit as usize);
                if page.is_empty() {
                    break;
                }
                told.extend(page.into_iter().map(|found| found.manifest.digest));
            }
            assert_eq!(told, sorted(&names), "{limit} at a time");
        }
    }
}

/// One that has more is told by itself.
pub async fn a_page_of_referrers_has_no_more_annotations_than_a_list_may<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    let third = MAX_REFERRERS_BYTES / 3;
    let lengths = [third, third, third, third, MAX_REFERRERS_BYTES + 1, third];
    for (number, length) in lengths.into_iter().enumerate() {
        let long = ManifestPush {
            annotations: Some(format!("{{\"of\":\"{}\"}}", "x".repeat(length))),
            ..about("image", &number.to_string(), Some(SIGNATURE))
        };
        push_done(hosted, &app, &long).await;
    }
    for artifact_type in [None, Some(SIGNATURE.to_owned())] {
        let of = ReferrersOf {
            artifact_type,
            ..of("image")
        };
        let mut told: Vec<Digest> = Vec::new();
        loop {
            let page = hosted.hosted_referrers(&app, &of, told.last(), 100).await;
            let page = page.unwrap();
            let bytes = |found: &Referrer| found.annotations.as_ref().map_or(0, String::len);
            let bytes: usize = page.iter().map(bytes).sum();
            assert!(page.len() == 1 || bytes <= MAX_REFERRERS_BYTES, "{bytes}");
            if page.is_empty() {
                break;
            }
            told.extend(page.into_iter().map(|found| found.manifest.digest));
        }
        assert_eq!(told, sorted(&["0", "1", "2", "3", "4", "5"]));
    }
}

/// Bytes are the same under one digest, but what they are taken for may change with the media type.
pub async fn a_manifest_pushed_without_its_subject_is_no_referrer_any_more<H: Hosted>(hosted: &H) {
    let app = name("team/app");
    push_done(hosted, &app, &about("image", "signature", Some(SIGNATURE))).await;
    push_done(hosted, &app, &push("signature", &[], &[])).await;
    assert_eq!(told(hosted, &of("image")).await, []);
    push_done(hosted, &app, &about("other", "signature", None)).await;
    assert_eq!(told(hosted, &of("other")).await, [digest("signature")]);
}
