//! oras 1.x, on oras-go 2: artifacts, what is attached to them, and how it is found.

use http::Method;
use serde_json::json;

use super::Talk;
use crate::ask::Ask;
use crate::content::{Content, SBOM, SIGNATURE};
use crate::digest::Algorithm;
use crate::document::{Document, INDEX, MANIFEST};
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};

const AGENT: &str = "oras/1.3.0";
const RESOLVE: &str = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, application/vnd.oci.artifact.manifest.v1+json";
/// The digest by which oras-go asks whether there are referrers at all.
const ZEROES: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

pub(super) async fn run(suite: &Suite) {
    let talk = Talk::new(suite, AGENT, "oras-artifact");
    let mut content = Content::new(Algorithm::Sha256);
    let subject = content.artifact("artifact", "application/vnd.example.config", &[]);
    for kind in [SBOM, SIGNATURE] {
        let created = json!({"org.opencontainers.image.created": "2026-01-01T00:00:00Z"});
        let more = [("subject", subject.clone()), ("annotations", created)];
        content.artifact(kind, kind, &more);
    }
    suite.case("client/oras/push", push(&talk, &content)).await;
    suite.case("client/oras/pull", pull(&talk, &content)).await;
    suite.case("client/oras/tag", tag(&talk, &content)).await;
    suite
        .case("client/oras/attach", attach(&talk, &content))
        .await;
    suite
        .case("client/oras/discover", discover(&talk, &content, ""))
        .await;
    suite
        .case(
            "client/oras/discover-of-a-type",
            discover(&talk, &content, SBOM),
        )
        .await;
    suite.case("client/oras/repo-ls", catalog(&talk)).await;
    suite
        .case("client/oras/manifest-delete", delete(&talk, &content))
        .await;
}

async fn push(talk: &Talk, content: &Content) -> Verdict {
    let document = &content.documents[0];
    talk.misses_manifest(document.digest.as_str(), MANIFEST)
        .await?;
    for (_, blob) in &content.blobs[..2] {
        talk.misses_blob(blob, "").await?;
        talk.push_blob(blob).await?;
    }
    talk.push_manifest("v1", document).await?;
    Ok(())
}

async fn pull(talk: &Talk, content: &Content) -> Verdict {
    let document = &content.documents[0];
    talk.manifest(Method::HEAD, "v1", RESOLVE, document).await?;
    let digest = document.digest.as_str();
    talk.manifest(Method::GET, digest, MANIFEST, document)
        .await?;
    for (_, blob) in &content.blobs[..2] {
        // oras-go goes on with a download by ranges where it may.
        talk.blob(blob, &[("range", "bytes=0-")]).await?;
    }
    Ok(())
}

async fn tag(talk: &Talk, content: &Content) -> Verdict {
    let document = &content.documents[0];
    talk.manifest(Method::GET, "v1", RESOLVE, document).await?;
    for tag in ["v1.0", "latest"] {
        talk.push_manifest(tag, document).await?;
        talk.manifest(Method::HEAD, tag, RESOLVE, document).await?;
    }
    Ok(())
}

/// By digest, and the answer's `OCI-Subject` says that no fallback tag is to be kept.
async fn attach(talk: &Talk, content: &Content) -> Verdict {
    let subject = &content.documents[0];
    for document in &content.documents[1..] {
        talk.manifest(Method::HEAD, "v1", RESOLVE, subject).await?;
        let digest = document.digest.as_str();
        talk.misses_manifest(digest, MANIFEST).await?;
        for blob in own_blobs(content, document) {
            let head = talk.ask(Ask::head(talk.repo.blob(&blob.digest))).await?;
            if head.status == 404 {
                talk.push_blob(blob).await?;
            }
        }
        let answer = talk.push_manifest(digest, document).await?;
        answer.header_is("oci-subject", subject.digest.as_str())?;
    }
    let tags = talk.repo.tags("").await?;
    let kept = tags.iter().any(|tag| tag.starts_with("sha256-"));
    ensure!(!kept, "there is a fallback tag: {tags:?}");
    Ok(())
}

/// The blobs that a manifest names.
fn own_blobs<'a>(
    content: &'a Content,
    document: &Document,
) -> impl Iterator<Item = &'a crate::noise::Blob> {
    let text = String::from_utf8_lossy(&document.bytes).into_owned();
    let blobs = content.blobs.iter().map(|(_, blob)| blob);
    blobs.filter(move |blob| text.contains(blob.digest.as_str()))
}

async fn discover(talk: &Talk, content: &Content, kind: &str) -> Verdict {
    let subject = &content.documents[0];
    talk.manifest(Method::HEAD, "v1", RESOLVE, subject).await?;
    let ask = Ask::get(talk.repo.path(&format!("referrers/{ZEROES}")));
    let answer = talk.ask(ask).await?;
    answer.is(200)?.header_is("content-type", INDEX)?;
    let query = match kind {
        "" => String::new(),
        kind => format!("?artifactType={}", kind.replace('/', "%2F")),
    };
    let target = talk
        .repo
        .path(&format!("referrers/{}{query}", subject.digest));
    let answer = talk.ask(Ask::get(target)).await?;
    answer.is(200)?.header_is("content-type", INDEX)?;
    let index = answer.json()?;
    let found = index["manifests"].as_array().map_or(0, Vec::len);
    let expected = if kind.is_empty() { 2 } else { 1 };
    ensure!(found == expected, "{answer} with {found} of {expected}");
    for document in &content.documents[1..=expected] {
        // oras shows the tree: it asks for what refers to each.
        let target = talk.repo.path(&format!("referrers/{}", document.digest));
        talk.ask(Ask::get(target)).await?.is(200)?;
    }
    Ok(())
}

async fn catalog(talk: &Talk) -> Verdict {
    let answer = talk.ask(Ask::get("/v2/_catalog")).await?;
    if answer.status == 404 {
        answer.unless_unsupported("the catalog")?;
    }
    answer.is_one_of(&[200, 401, 404])?;
    Ok(())
}

async fn delete(talk: &Talk, content: &Content) -> Verdict {
    let document = &content.documents[2];
    let digest = document.digest.as_str();
    talk.manifest(Method::HEAD, digest, RESOLVE, document)
        .await?;
    let answer = talk.ask(Ask::delete(talk.repo.manifest(digest))).await?;
    answer.unless_unsupported("deleting manifests")?.is(202)?;
    let subject = &content.documents[0].digest;
    let (left, _) = talk.repo.referrers(subject, "").await?;
    ensure!(left.len() == 1, "{} referrers are left of 1", left.len());
    Ok(())
}
