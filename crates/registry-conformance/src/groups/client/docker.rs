//! dockerd with its own image store: mounts tried, blobs streamed by PATCH, Docker's own media types.

use http::Method;

use super::Talk;
use crate::ask::Ask;
use crate::content::{Content, SHAPES};
use crate::digest::Algorithm;
use crate::noise::Blob;
use crate::session::Session;
use crate::suite::Suite;
use crate::verdict::{Stop, Verdict, ensure};
use crate::way::pieces;

const AGENT: &str = "docker/28.5.1 go/go1.24 kernel/6.1 os/linux arch/amd64";
const ACCEPTS: [&str; 5] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/json",
];

pub(super) async fn run(suite: &Suite) {
    let talk = Talk::new(suite, AGENT, "docker");
    let shape = SHAPES.iter().find(|shape| shape.name == "docker-image");
    let Some(content) = shape.map(|shape| shape.content(Algorithm::Sha256)) else {
        return;
    };
    suite
        .case("client/docker/push", push(&talk, &content))
        .await;
    suite
        .case("client/docker/push-again", again(&talk, &content))
        .await;
    suite
        .case("client/docker/pull", pull(&talk, &content))
        .await;
}

async fn push(talk: &Talk, content: &Content) -> Verdict {
    talk.ask(Ask::get("/v2/")).await?.is_one_of(&[200, 401])?;
    for (_, blob) in &content.blobs {
        talk.misses_blob(blob, "").await?;
        stream(talk, blob).await?;
        // dockerd looks whether it is there, and by which length.
        let answer = talk.ask(Ask::head(talk.repo.blob(&blob.digest))).await?;
        answer.is(200)?;
        answer.header_is("content-length", &blob.bytes.len().to_string())?;
    }
    let answer = talk.push_manifest("latest", &content.documents[0]).await?;
    answer.header_is(
        "docker-content-digest",
        content.documents[0].digest.as_str(),
    )?;
    Ok(())
}

/// POST with a mount that fails, PATCH without a length, PUT. The PATCH's `Range` must be one: dockerd counts by it.
async fn stream(talk: &Talk, blob: &Blob) -> Verdict {
    let query = format!("?from=library%2Fnobody&mount={}", blob.digest);
    let answer = talk.ask(Ask::post(talk.repo.uploads(&query))).await?;
    let session = Session::of(&talk.repo, &answer)?;
    let mut patch = Ask::patch(&session.location);
    patch.body = crate::ask::Payload::Streamed(pieces(&blob.bytes));
    let answer = talk.ask(patch).await?;
    answer.is(202)?;
    let range = answer.header("range")?;
    let expected = format!("0-{}", blob.bytes.len() - 1);
    ensure!(
        range == expected,
        "{answer} with Range: {range}, not {expected}"
    );
    let location = talk.repo.registry.follow(&answer)?;
    talk.put(&location, blob, None).await
}

async fn again(talk: &Talk, content: &Content) -> Verdict {
    for (_, blob) in &content.blobs {
        talk.ask(Ask::head(talk.repo.blob(&blob.digest)))
            .await?
            .is(200)?;
    }
    talk.push_manifest("latest", &content.documents[0]).await?;
    Ok(())
}

/// Many `Accept` headers, each with one type.
async fn pull(talk: &Talk, content: &Content) -> Verdict {
    let document = &content.documents[0];
    for method in [Method::HEAD, Method::GET] {
        let mut ask = Ask::new(method.clone(), talk.repo.manifest("latest"));
        for accept in ACCEPTS {
            ask = ask.header("accept", accept);
        }
        let answer = talk.ask(ask).await?;
        answer.is(200)?;
        answer.header_is("content-type", &document.media_type)?;
        if method == Method::GET {
            answer.bytes_are(&document.bytes)?;
        }
    }
    let Some((_, blob)) = content.blobs.last() else {
        return Err(Stop::failed("an image without blobs"));
    };
    for (_, blob) in &content.blobs {
        talk.blob(blob, &[]).await?;
    }
    // A download that broke off: what comes must end where the blob does.
    let ask = Ask::get(talk.repo.blob(&blob.digest)).header("range", "bytes=100-");
    let answer = talk.ask(ask).await?;
    answer.is(206)?.bytes_are(&blob.bytes[100..])?;
    Ok(())
}
