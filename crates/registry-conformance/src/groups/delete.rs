//! Deleting: what goes with what, at once, and what can come back.

use crate::ask::Ask;
use crate::content::Content;
use crate::digest::Algorithm;
use crate::repository::{NO_BLOB, NO_MANIFEST, Repository};
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};
use crate::way::Way;

pub(super) async fn run(suite: &Suite) {
    suite
        .case("delete/manifest-takes-its-tags", takes_tags(suite))
        .await;
    suite
        .case("delete/tag-leaves-other-tags", leaves_others(suite))
        .await;
    suite.case("delete/twice-is-404", twice(suite)).await;
    suite
        .case("delete/manifest-comes-back", comes_back(suite))
        .await;
    suite
        .case("delete/in-one-repository-alone", alone(suite))
        .await;
    suite
        .case(
            "delete/not-readable-again-by-another's-push",
            not_warmed(suite),
        )
        .await;
    suite.case("delete/child-of-an-index", child(suite)).await;
    suite
        .case("delete/tag-that-is-not-there-is-404", absent_tag(suite))
        .await;
    suite.case("delete/malformed-tag", malformed(suite)).await;
}

/// An image that is there by its digest.
async fn pushed(suite: &Suite, name: &str) -> Verdict<(Repository, Content)> {
    let repo = suite.repository(&format!("delete-{name}"));
    let mut content = Content::new(Algorithm::Sha256);
    content.image("image", "amd64");
    push(&repo, &content).await?;
    Ok((repo, content))
}

async fn push(repo: &Repository, content: &Content) -> Verdict {
    for (_, blob) in &content.blobs {
        Way::PostPut.push(repo, blob).await?;
    }
    for document in &content.documents {
        repo.push_manifest(document.digest.as_str(), document, &[])
            .await?;
    }
    Ok(())
}

async fn takes_tags(suite: &Suite) -> Verdict {
    let (repo, content) = pushed(suite, "tags").await?;
    let document = &content.documents[0];
    for tag in ["a", "b", "c"] {
        repo.push_manifest(tag, document, &[]).await?;
    }
    repo.delete_manifest(document.digest.as_str()).await?;
    for tag in ["a", "b", "c"] {
        repo.has_no_manifest(tag).await?;
    }
    let answer = repo.ask(Ask::get(repo.path("tags/list"))).await?;
    if answer.status == 404 {
        answer.refused(&[404], &["NAME_UNKNOWN"])?;
        return Ok(());
    }
    let tags = repo.tags_of(&answer)?;
    ensure!(
        tags.is_empty(),
        "{answer} with {tags:?}, which name nothing"
    );
    Ok(())
}

async fn leaves_others(suite: &Suite) -> Verdict {
    let (repo, content) = pushed(suite, "others").await?;
    let document = &content.documents[0];
    for tag in ["a", "b"] {
        repo.push_manifest(tag, document, &[]).await?;
    }
    repo.delete_manifest("a").await?;
    repo.has_no_manifest("a").await?;
    repo.get_manifest("b", document).await?;
    let tags = repo.tags("").await?;
    ensure!(tags == ["b"], "the tags are {tags:?}");
    Ok(())
}

async fn twice(suite: &Suite) -> Verdict {
    let (repo, content) = pushed(suite, "twice").await?;
    let (document, blob) = (&content.documents[0], &content.blobs[0].1);
    repo.push_manifest("latest", document, &[]).await?;
    repo.delete_manifest("latest").await?;
    let again = repo.try_delete_manifest("latest").await?;
    again.refused(&[404], &NO_MANIFEST)?;
    repo.delete_manifest(document.digest.as_str()).await?;
    let again = repo
        .ask(Ask::delete(repo.manifest(document.digest.as_str())))
        .await?;
    again.refused(&[404], &NO_MANIFEST)?;
    repo.delete_blob(&blob.digest).await?;
    let again = repo.ask(Ask::delete(repo.blob(&blob.digest))).await?;
    again.refused(&[404], &NO_BLOB)?;
    Ok(())
}

async fn comes_back(suite: &Suite) -> Verdict {
    let (repo, content) = pushed(suite, "back").await?;
    let document = &content.documents[0];
    for _ in 0..3 {
        repo.delete_manifest(document.digest.as_str()).await?;
        for (_, blob) in &content.blobs {
            repo.delete_blob(&blob.digest).await?;
        }
        push(&repo, &content).await?;
        repo.get_manifest(document.digest.as_str(), document)
            .await?;
        for (_, blob) in &content.blobs {
            repo.get_blob(blob).await?;
        }
    }
    Ok(())
}

async fn alone(suite: &Suite) -> Verdict {
    let (repo, content) = pushed(suite, "here").await?;
    let other = suite.repository("delete-there");
    push(&other, &content).await?;
    let document = &content.documents[0];
    repo.delete_manifest(document.digest.as_str()).await?;
    for (_, blob) in &content.blobs {
        repo.delete_blob(&blob.digest).await?;
        repo.has_no_blob(&blob.digest).await?;
        other.get_blob(blob).await?;
    }
    repo.has_no_manifest(document.digest.as_str()).await?;
    other.get_manifest(document.digest.as_str(), document).await
}

/// What was deleted here stays so when the same bytes come and are read elsewhere (CVE-2026-35172).
async fn not_warmed(suite: &Suite) -> Verdict {
    let (repo, content) = pushed(suite, "warm").await?;
    let blob = &content.blobs[0].1;
    repo.get_blob(blob).await?;
    repo.delete_manifest(content.documents[0].digest.as_str())
        .await?;
    repo.delete_blob(&blob.digest).await?;
    repo.has_no_blob(&blob.digest).await?;
    let other = suite.repository("delete-warmer");
    Way::PostPut.push(&other, blob).await?;
    other.get_blob(blob).await?;
    repo.has_no_blob(&blob.digest).await
}

/// An index may lose a child: it is served as it is, and the child is gone.
async fn child(suite: &Suite) -> Verdict {
    let (repo, mut content) = pushed(suite, "child").await?;
    let child = content.documents[0].descriptor();
    content.document("index", &crate::document::index(&[child]));
    let (child, index) = (&content.documents[0], &content.documents[1]);
    repo.push_manifest("latest", index, &[]).await?;
    let answer = repo
        .ask(Ask::delete(repo.manifest(child.digest.as_str())))
        .await?;
    if answer.status != 202 {
        // A registry may hold what is still named.
        answer.refused(&[400, 405], &["DENIED", "UNSUPPORTED"])?;
        return repo.get_manifest(child.digest.as_str(), child).await;
    }
    repo.has_no_manifest(child.digest.as_str()).await?;
    repo.get_manifest("latest", index).await
}

async fn absent_tag(suite: &Suite) -> Verdict {
    let (repo, _) = pushed(suite, "absent").await?;
    let answer = repo.try_delete_manifest("nobody").await?;
    answer.refused(&[404], &NO_MANIFEST)?;
    Ok(())
}

async fn malformed(suite: &Suite) -> Verdict {
    let (repo, _) = pushed(suite, "malformed").await?;
    for tag in ["-a", ".a", "a%20b"] {
        let answer = repo.ask(Ask::delete(repo.manifest(tag))).await?;
        answer.is_one_of(&[400, 404])?;
    }
    Ok(())
}
