//! crane and cosign 2, by go-containerregistry: streamed blobs, and signatures under tags.

use http::Method;

use super::Talk;
use crate::ask::Ask;
use crate::content::Content;
use crate::digest::Algorithm;
use crate::document::{MANIFEST, manifest};
use crate::noise::Blob;
use crate::suite::Suite;
use crate::verdict::{Verdict, ensure};

const AGENT: &str = "cosign/v2.6.1 (linux; amd64) go-containerregistry/v0.20.6";
const ACCEPT: &str = "application/vnd.docker.distribution.manifest.v1+json,application/vnd.docker.distribution.manifest.v1+prettyjws,application/vnd.docker.distribution.manifest.v2+json,application/vnd.oci.image.manifest.v1+json,application/vnd.docker.distribution.manifest.list.v2+json,application/vnd.oci.image.index.v1+json";

pub(super) async fn run(suite: &Suite) {
    let talk = Talk::new(suite, AGENT, "crane");
    let mut content = Content::new(Algorithm::Sha256);
    content.image("image", "amd64");
    suite.case("client/crane/push", push(&talk, &content)).await;
    suite
        .case("client/cosign/sign", sign(&talk, &content))
        .await;
    suite.case("client/crane/list", list(&talk)).await;
}

async fn push(talk: &Talk, content: &Content) -> Verdict {
    talk.ask(Ask::get("/v2/")).await?.is_one_of(&[200, 401])?;
    for (_, blob) in &content.blobs {
        upload(talk, blob).await?;
    }
    let document = &content.documents[0];
    talk.misses_manifest("latest", ACCEPT).await?;
    talk.push_manifest("latest", document).await?;
    talk.manifest(Method::GET, "latest", ACCEPT, document).await
}

/// HEAD, POST, PATCH without a length, PUT with a type and no body.
async fn upload(talk: &Talk, blob: &Blob) -> Verdict {
    talk.misses_blob(blob, "").await?;
    let location = talk.begin("").await?;
    let mut patch = Ask::patch(&location);
    patch.body = crate::ask::Payload::Streamed(vec![blob.bytes.clone()]);
    let answer = talk.ask(patch).await?;
    // It takes a few answers for success.
    answer.is_one_of(&[201, 202, 204])?;
    let location = talk.repo.registry.follow(&answer)?;
    talk.put(&location, blob, None).await
}

/// A signature is an image under a tag that its subject's digest makes.
async fn sign(talk: &Talk, content: &Content) -> Verdict {
    let subject = &content.documents[0];
    let tag = format!("{}.sig", subject.digest.as_str().replace(':', "-"));
    talk.manifest(Method::HEAD, "latest", ACCEPT, subject)
        .await?;
    // First whether there is one already.
    let answer = talk
        .ask(Ask::get(talk.repo.manifest(&tag)).header("accept", ACCEPT))
        .await?;
    answer.refused(&[404], &["MANIFEST_UNKNOWN"])?;
    let mut signature = Content::new(Algorithm::Sha256);
    let config = signature.config("config", "");
    let layer = signature.layer(
        "payload",
        "application/vnd.dev.cosign.simplesigning.v1+json",
    );
    signature.document("signature", &manifest(&config, &[layer]));
    for (_, blob) in &signature.blobs {
        upload(talk, blob).await?;
    }
    let document = &signature.documents[0];
    talk.push_manifest(&tag, document).await?;
    talk.manifest(Method::GET, &tag, MANIFEST, document).await
}

async fn list(talk: &Talk) -> Verdict {
    let answer = talk
        .ask(Ask::get(talk.repo.path("tags/list?n=1000")))
        .await?;
    let tags = talk.repo.tags_of(answer.is(200)?)?;
    ensure!(tags.len() == 2, "the tags are {tags:?}");
    Ok(())
}
