//! Lists of referrers beyond what the shapes have: who is in them, and who is not.

use serde_json::{Value, json};

use super::shapes::same;
use crate::ask::Ask;
use crate::content::{Content, SBOM, SIGNATURE};
use crate::digest::{Algorithm, Digest};
use crate::document::{Document, index};
use crate::repository::Repository;
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};
use crate::way::Way;

/// Referrers of one subject: more than fit on one page of many registries.
const MANY: usize = 60;

pub(super) async fn run(suite: &Suite) {
    suite
        .case("referrers/pushed-before-their-subject", before(suite))
        .await;
    suite
        .case("referrers/outlive-their-subject", outlive(suite))
        .await;
    suite
        .case("referrers/are-their-repository's", of_one(suite))
        .await;
    suite
        .case("referrers/pushed-twice-are-listed-once", once(suite))
        .await;
    suite
        .case("referrers/untagged-and-tagged", tagged(suite))
        .await;
    suite
        .case("referrers/are-not-what-a-tag-says", spoofed(suite))
        .await;
    suite
        .case(
            "referrers/fallback-tag-is-a-tag-like-others",
            fallback(suite),
        )
        .await;
    suite
        .case("referrers/gone-with-their-manifest", gone(suite))
        .await;
    suite
        .case("referrers/of-what-is-no-manifest", of_blob(suite))
        .await;
    suite.case("referrers/many-to-the-last", many(suite)).await;
    suite.case("referrers/head", head(suite)).await;
    suite
        .case("referrers/filter-that-is-empty", empty_filter(suite))
        .await;
    suite.case("referrers/chain", chain(suite)).await;
}

/// An image, and artifacts of two types that refer to it; pushed but for the documents.
async fn begun(suite: &Suite, name: &str) -> Verdict<(Repository, Content)> {
    let repo = suite.repository(&format!("referrers-{name}"));
    let mut content = Content::new(Algorithm::Sha256);
    let subject = content.image("subject", "amd64");
    for kind in [SBOM, SIGNATURE] {
        content.artifact(kind, kind, &[("subject", subject.clone())]);
    }
    for (_, blob) in &content.blobs {
        Way::PostPut.push(&repo, blob).await?;
    }
    Ok((repo, content))
}

async fn push(repo: &Repository, documents: &[Document]) -> Verdict {
    for document in documents {
        repo.push_manifest(document.digest.as_str(), document, &[])
            .await?;
    }
    Ok(())
}

async fn are(repo: &Repository, subject: &Digest, documents: &[Document]) -> Verdict {
    let (found, _) = repo.referrers(subject, "").await?;
    let expected: Vec<Value> = documents.iter().map(Document::referrer).collect();
    same(&found, &expected)
}

async fn before(suite: &Suite) -> Verdict {
    let (repo, content) = begun(suite, "before").await?;
    let (subject, referrers) = content.documents.split_at(1);
    push(&repo, referrers).await?;
    are(&repo, &subject[0].digest, referrers).await?;
    push(&repo, subject).await?;
    are(&repo, &subject[0].digest, referrers).await
}

async fn outlive(suite: &Suite) -> Verdict {
    let (repo, content) = begun(suite, "outlive").await?;
    push(&repo, &content.documents).await?;
    let subject = &content.documents[0].digest;
    repo.delete_manifest(subject.as_str()).await?;
    are(&repo, subject, &content.documents[1..]).await?;
    for document in &content.documents[1..] {
        repo.get_manifest(document.digest.as_str(), document)
            .await?;
    }
    Ok(())
}

async fn of_one(suite: &Suite) -> Verdict {
    let (repo, content) = begun(suite, "one").await?;
    let (other, _) = begun(suite, "other").await?;
    push(&repo, &content.documents).await?;
    let subject = &content.documents[0].digest;
    are(&repo, subject, &content.documents[1..]).await?;
    are(&other, subject, &[]).await
}

async fn once(suite: &Suite) -> Verdict {
    let (repo, content) = begun(suite, "once").await?;
    push(&repo, &content.documents).await?;
    push(&repo, &content.documents).await?;
    let subject = &content.documents[0].digest;
    are(&repo, subject, &content.documents[1..]).await
}

async fn tagged(suite: &Suite) -> Verdict {
    let (repo, content) = begun(suite, "tagged").await?;
    push(&repo, &content.documents[..2]).await?;
    repo.push_manifest("signed", &content.documents[2], &[])
        .await?;
    let subject = &content.documents[0].digest;
    are(&repo, subject, &content.documents[1..]).await?;
    repo.delete_manifest("signed").await?;
    are(&repo, subject, &content.documents[1..]).await
}

/// An index under the tag that clients without a referrers API keep is no word of the registry's.
async fn spoofed(suite: &Suite) -> Verdict {
    let (repo, mut content) = begun(suite, "spoof").await?;
    push(&repo, &content.documents).await?;
    let subject = content.documents[0].digest.clone();
    let bystander = content.artifact("bystander", SBOM, &[]);
    for (_, blob) in &content.blobs {
        Way::PostPut.push(&repo, blob).await?;
    }
    push(&repo, &content.documents[3..]).await?;
    // It has no subject: whoever says that it refers to something says so in its stead.
    let mut forged = bystander;
    forged["artifactType"] = json!(SIGNATURE);
    let spoof = Document::new("spoof", Algorithm::Sha256, &index(&[forged]));
    repo.push_manifest(&subject.referrers_tag(), &spoof, &[])
        .await?;
    are(&repo, &subject, &content.documents[1..3]).await
}

async fn fallback(suite: &Suite) -> Verdict {
    let (repo, content) = begun(suite, "fallback").await?;
    push(&repo, &content.documents).await?;
    let listed: Vec<Value> = content.documents[1..]
        .iter()
        .map(Document::referrer)
        .collect();
    let list = Document::new("list", Algorithm::Sha256, &index(&listed));
    let subject = &content.documents[0].digest;
    let tag = subject.referrers_tag();
    repo.push_manifest(&tag, &list, &[]).await?;
    repo.get_manifest(&tag, &list).await?;
    let tags = repo.tags("").await?;
    ensure!(tags == [tag], "the tags are {tags:?}");
    are(&repo, subject, &content.documents[1..]).await
}

async fn gone(suite: &Suite) -> Verdict {
    let (repo, content) = begun(suite, "gone").await?;
    push(&repo, &content.documents).await?;
    let subject = &content.documents[0].digest;
    repo.delete_manifest(content.documents[1].digest.as_str())
        .await?;
    are(&repo, subject, &content.documents[2..]).await?;
    push(&repo, &content.documents[1..2]).await?;
    are(&repo, subject, &content.documents[1..]).await
}

async fn of_blob(suite: &Suite) -> Verdict {
    let (repo, content) = begun(suite, "blob").await?;
    are(&repo, &content.blobs[0].1.digest, &[]).await
}

async fn many(suite: &Suite) -> Verdict {
    let repo = suite.repository("referrers-many");
    let mut content = Content::new(Algorithm::Sha256);
    let subject = content.image("subject", "amd64");
    for number in 0..MANY {
        let mut json = index(&[]);
        json["subject"] = subject.clone();
        json["artifactType"] = json!(if number % 2 == 0 { SBOM } else { SIGNATURE });
        json["annotations"] = json!({"org.example.number": number.to_string()});
        content.document("referrer", &json);
    }
    for (_, blob) in &content.blobs {
        Way::PostPut.push(&repo, blob).await?;
    }
    push(&repo, &content.documents).await?;
    let subject = &content.documents[0].digest;
    are(&repo, subject, &content.documents[1..]).await?;
    let (found, _) = repo
        .referrers(subject, &format!("?artifactType={SBOM}"))
        .await?;
    let expected: Vec<Value> = content.documents[1..]
        .iter()
        .map(Document::referrer)
        .collect();
    let expected = expected
        .into_iter()
        .filter(|one| one["artifactType"] == SBOM);
    same(&found, &expected.collect::<Vec<_>>())
}

async fn head(suite: &Suite) -> Verdict {
    let (repo, content) = begun(suite, "head").await?;
    push(&repo, &content.documents).await?;
    let target = repo.path(&format!("referrers/{}", content.documents[0].digest));
    let got = repo.ask(Ask::get(&target)).await?;
    let head = repo.ask(Ask::head(&target)).await?;
    if head.status == 405 {
        // The spec has GET alone here.
        return Ok(());
    }
    head.is(got.status)?;
    head.header_is("content-type", got.header("content-type")?)?;
    Ok(())
}

async fn empty_filter(suite: &Suite) -> Verdict {
    let (repo, content) = begun(suite, "filter").await?;
    push(&repo, &content.documents).await?;
    let subject = &content.documents[0].digest;
    let (found, answer) = repo.referrers(subject, "?artifactType=").await?;
    // Either a filter that nothing passes or none, and it says which.
    let applied = answer.listed("oci-filters-applied") == ["artifactType"];
    let expected = if applied { 0 } else { 2 };
    ensure!(
        found.len() == expected,
        "{answer} with {} referrers, its filter being {applied}",
        found.len()
    );
    Ok(())
}

/// What refers to a referrer is the referrer's, not its subject's.
async fn chain(suite: &Suite) -> Verdict {
    let repo = suite.repository("referrers-chain");
    let mut content = Content::new(Algorithm::Sha256);
    let image = content.image("image", "amd64");
    let sbom = content.artifact("sbom", SBOM, &[("subject", image)]);
    content.artifact("signature", SIGNATURE, &[("subject", sbom)]);
    for (_, blob) in &content.blobs {
        Way::PostPut.push(&repo, blob).await?;
    }
    let documents = &content.documents;
    push(&repo, documents).await?;
    are(&repo, &documents[0].digest, &documents[1..2]).await?;
    are(&repo, &documents[1].digest, &documents[2..]).await?;
    are(&repo, &documents[2].digest, &[]).await
}
