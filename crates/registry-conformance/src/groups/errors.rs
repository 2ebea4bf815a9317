//! What is not there, and what cannot be: the right status and the right code each time.

use crate::ask::Ask;
use crate::content::Content;
use crate::digest::{Algorithm, Digest};
use crate::document::Document;
use crate::repository::{NO_BLOB, NO_MANIFEST, Repository};
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};
use crate::way::Way;

/// Names that no repository has, in a form that fits into a path.
const NAMES: [(&str, &str); 8] = [
    ("upper-case", "UPPER/Case"),
    ("two-dots", "a..b"),
    ("leading-dash", "-a"),
    ("trailing-dot", "a."),
    ("three-underscores", "a___b"),
    ("space", "a%20b"),
    ("non-ascii", "caf%C3%A9"),
    ("colon", "a:b"),
];

/// Tags that are none.
const TAGS: [(&str, &str); 5] = [
    ("leading-dash", "-a"),
    ("leading-dot", ".a"),
    ("space", "a%20b"),
    ("plus", "a+b"),
    ("non-ascii", "%C3%A9"),
];

pub(super) async fn run(suite: &Suite) {
    let repo = suite.repository("errors");
    let mut content = Content::new(Algorithm::Sha256);
    content.image("image", "amd64");
    let check = async {
        for (_, blob) in &content.blobs {
            Way::PostPut.push(&repo, blob).await?;
        }
        repo.push_manifest("latest", &content.documents[0], &[])
            .await
    };
    suite.case("error/pushed", check).await;
    let absent = suite.registry.noise().absent(Algorithm::Sha256);
    let long = suite.registry.noise().absent(Algorithm::Sha512);
    for (name, reference) in [
        ("tag", "nobody"),
        ("digest", absent.as_str()),
        ("sha512", long.as_str()),
    ] {
        let target = repo.manifest(reference);
        let check = is_404(suite, &target, &NO_MANIFEST[..1]);
        suite
            .case(format!("error/manifest-unknown/by-{name}"), check)
            .await;
    }
    for digest in [&absent, &long] {
        let target = repo.blob(digest);
        let check = is_404(suite, &target, &NO_BLOB[..1]);
        let algorithm = digest.as_str().split(':').next().unwrap_or_default();
        suite
            .case(format!("error/blob-unknown/{algorithm}"), check)
            .await;
    }
    // A blob is no manifest, though it has a digest, and the other way round.
    let check = async {
        let blob = &content.blobs[0].1;
        is_404(
            suite,
            &repo.manifest(blob.digest.as_str()),
            &NO_MANIFEST[..1],
        )
        .await
    };
    suite.case("error/manifest-unknown/of-a-blob", check).await;
    bad_names(suite, &absent).await;
    bad_tags(suite, &repo, &content.documents[0]).await;
}

/// Names that are none, on each endpoint.
async fn bad_names(suite: &Suite, absent: &Digest) {
    for (name, bad) in NAMES {
        let check = async {
            for rest in ["tags/list", "manifests/latest", &format!("blobs/{absent}")] {
                let answer = suite
                    .registry
                    .ask(Ask::get(format!("/v2/{bad}/{rest}")))
                    .await?;
                refuses_name(&answer)?;
            }
            let answer = suite
                .registry
                .ask(Ask::post(format!("/v2/{bad}/blobs/uploads/")))
                .await?;
            refuses_name(&answer)
        };
        suite
            .case(format!("error/name-invalid/{name}"), check)
            .await;
    }
}

/// Tags that are none are not made, whichever way.
async fn bad_tags(suite: &Suite, repo: &Repository, document: &Document) {
    for (name, tag) in TAGS {
        let check = async {
            let answer = repo.put_manifest(tag, document, &[]).await?;
            answer.is_one_of(&[400, 404])?;
            let answer = repo.ask(Ask::get(repo.manifest(tag))).await?;
            answer.is_one_of(&[400, 404])?;
            let tags = repo.tags("").await?;
            ensure!(tags == ["latest"], "the tags are now {tags:?}");
            Ok(())
        };
        suite.case(format!("error/tag-invalid/{name}"), check).await;
        let check = async {
            let tags = [tag.to_owned()];
            let answer = repo
                .put_manifest(document.digest.as_str(), document, &tags)
                .await?;
            let named = answer.listed("oci-tag");
            ensure!(named.is_empty(), "{answer} with OCI-Tag: {named:?}");
            if answer.status != 201 {
                answer.is(400)?;
            }
            let tags = repo.tags("").await?;
            ensure!(tags == ["latest"], "the tags are now {tags:?}");
            Ok(())
        };
        suite
            .case(format!("error/tag-invalid/{name}-by-query"), check)
            .await;
    }
    let check = async {
        // With a colon a digest was meant; the tag that clients split off must not make it another.
        let answer = repo.put_manifest("latest:tag", document, &[]).await?;
        answer.is_one_of(&[400, 404])?;
        Ok(())
    };
    suite.case("error/tag-invalid/colon", check).await;
}

async fn is_404(suite: &Suite, target: &str, codes: &[&str]) -> Verdict {
    suite.registry.ask(Ask::head(target)).await?.is(404)?;
    let answer = suite.registry.ask(Ask::get(target)).await?;
    answer.refused(&[404], codes)?;
    Ok(())
}

/// A name that is none is invalid; a registry that knows it by its paths alone may say that there is nothing there.
fn refuses_name(answer: &crate::answer::Answer) -> Verdict {
    answer.refused(&[400, 404], &["NAME_INVALID", "NAME_UNKNOWN"])?;
    Ok(())
}
