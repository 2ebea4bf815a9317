//! containerd 2.x and nerdctl: a push, and a pull with layers in parallel ranges.

use futures::future::join_all;
use http::Method;

use super::{Talk, with_accept};
use crate::ask::Ask;
use crate::content::Content;
use crate::digest::Algorithm;
use crate::document::{INDEX, LAYER_GZIP, MANIFEST, index};
use crate::noise::Blob;
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict};

pub(super) const AGENT: &str = "containerd/2.2.0";
pub(super) const ACCEPT: &str = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, */*";
/// How it asks for blobs: an answer in any of these codings would have another digest.
const ENCODINGS: &str = "zstd;q=1.0, gzip;q=0.8, deflate;q=0.5";
const CHUNK: usize = 512;

pub(super) async fn run(suite: &Suite) {
    let talk = Talk::new(suite, AGENT, "containerd");
    let mut content = Content::new(Algorithm::Sha256);
    let children = ["amd64", "arm64"].map(|one| content.image(one, one));
    content.document("index", &index(&children));
    suite
        .case("client/containerd/push", push(&talk, &content))
        .await;
    suite
        .case("client/containerd/push-again", again(&talk, &content))
        .await;
    suite
        .case("client/containerd/pull", pull(&talk, &content))
        .await;
    suite
        .case(
            "client/containerd/parallel-layer",
            parallel(&talk, &content),
        )
        .await;
    suite
        .case("client/containerd/resume", resume(&talk, &content))
        .await;
}

/// Layers and configurations, then what names them, each looked for first; children by digest, the rest by tag.
pub(super) async fn push(talk: &Talk, content: &Content) -> Verdict {
    for (_, blob) in &content.blobs {
        talk.misses_blob(blob, &format!("{LAYER_GZIP}, */*"))
            .await?;
        talk.push_blob(blob).await?;
    }
    let Some((root, children)) = content.documents.split_last() else {
        return Ok(());
    };
    for child in children {
        let digest = child.digest.as_str();
        talk.misses_manifest(digest, &format!("{MANIFEST}, */*"))
            .await?;
        talk.push_manifest(digest, child).await?;
    }
    talk.misses_manifest("latest", &format!("{INDEX}, */*"))
        .await?;
    let answer = talk.push_manifest("latest", root).await?;
    answer.header_is("docker-content-digest", root.digest.as_str())?;
    Ok(())
}

/// What is there is not pushed: HEAD says so, and by which digest.
async fn again(talk: &Talk, content: &Content) -> Verdict {
    for (_, blob) in &content.blobs {
        let ask = Ask::head(talk.repo.blob(&blob.digest));
        let answer = talk
            .ask(with_accept(ask, &format!("{LAYER_GZIP}, */*")))
            .await?;
        answer.is(200)?;
        answer.header_is("content-length", &blob.bytes.len().to_string())?;
    }
    for document in &content.documents {
        let digest = document.digest.as_str();
        talk.manifest(Method::HEAD, digest, ACCEPT, document)
            .await?;
    }
    Ok(())
}

async fn pull(talk: &Talk, content: &Content) -> Verdict {
    let Some((root, children)) = content.documents.split_last() else {
        return Ok(());
    };
    talk.manifest(Method::HEAD, "latest", ACCEPT, root).await?;
    let by_digest = |accept: &str| format!("{accept}, */*");
    talk.manifest(Method::GET, root.digest.as_str(), &by_digest(INDEX), root)
        .await?;
    for child in children {
        let accept = by_digest(MANIFEST);
        talk.manifest(Method::GET, child.digest.as_str(), &accept, child)
            .await?;
    }
    for (_, blob) in &content.blobs {
        talk.blob(blob, &[("accept-encoding", ENCODINGS)]).await?;
    }
    Ok(())
}

/// Open-ended ranges beside each other, of each of which only the beginning is read.
async fn parallel(talk: &Talk, content: &Content) -> Verdict {
    let blob = layer(content)?;
    let parts = (0..blob.bytes.len()).step_by(CHUNK).map(async |from| {
        let ask = Ask::get(talk.repo.blob(&blob.digest))
            .header("accept-encoding", ENCODINGS)
            .header("range", format!("bytes={from}-"));
        let answer = talk.ask(ask).await?;
        answer.is(206)?.bytes_are(&blob.bytes[from..])?;
        let whole = blob.bytes.len();
        answer.header_is(
            "content-range",
            &format!("bytes {from}-{}/{whole}", whole - 1),
        )?;
        Ok(())
    });
    join_all(parts).await.into_iter().collect()
}

async fn resume(talk: &Talk, content: &Content) -> Verdict {
    let blob = layer(content)?;
    for from in [1, 1000, blob.bytes.len() - 1] {
        let ask = Ask::get(talk.repo.blob(&blob.digest)).header("range", format!("bytes={from}-"));
        talk.ask(ask)
            .await?
            .is(206)?
            .bytes_are(&blob.bytes[from..])?;
    }
    Ok(())
}

fn layer(content: &Content) -> Verdict<&Blob> {
    let layer = content
        .blobs
        .iter()
        .find(|(name, _)| name.contains("layer"));
    layer
        .map(|(_, blob)| blob)
        .ok_or_else(|| Stop::failed("an image without layers"))
}
