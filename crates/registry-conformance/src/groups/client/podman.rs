//! podman, buildah and skopeo, by containers/image: PATCH without a range, and uploads given up after a mount in vain.

use bytes::Bytes;
use http::Method;

use super::Talk;
use crate::ask::Ask;
use crate::content::Content;
use crate::digest::Algorithm;
use crate::noise::Blob;
use crate::session::Session;
use crate::suite::Suite;
use crate::verdict::Verdict;

const AGENT: &str = "containers/5.36.0 (github.com/containers/image)";
const ACCEPTS: [&str; 6] = [
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
];

pub(super) async fn run(suite: &Suite) {
    let talk = Talk::new(suite, AGENT, "podman");
    let mut content = Content::new(Algorithm::Sha256);
    content.image("image", "amd64");
    suite
        .case("client/podman/push", push(&talk, &content))
        .await;
    suite
        .case("client/podman/pull", pull(&talk, &content))
        .await;
    suite
        .case("client/podman/delete", delete(&talk, &content))
        .await;
}

async fn push(talk: &Talk, content: &Content) -> Verdict {
    talk.ask(Ask::get("/v2/")).await?.is_one_of(&[200, 401])?;
    for (index, (_, blob)) in content.blobs.iter().enumerate() {
        talk.misses_blob(blob, "").await?;
        mount_in_vain(talk, blob).await?;
        // The length is known for a blob that is taken as it is, and not for one that is compressed on the way.
        upload(talk, blob, index % 2 == 0).await?;
    }
    talk.push_manifest("latest", &content.documents[0]).await?;
    Ok(())
}

/// A mount from where the layer was seen before; the upload that begins instead is given up.
async fn mount_in_vain(talk: &Talk, blob: &Blob) -> Verdict {
    let query = format!("?from=library%2Fseen-before&mount={}", blob.digest);
    let answer = talk.ask(Ask::post(talk.repo.uploads(&query))).await?;
    let session = Session::of(&talk.repo, &answer)?;
    let answer = talk.ask(Ask::delete(&session.location)).await?;
    answer.is(204)?;
    Ok(())
}

async fn upload(talk: &Talk, blob: &Blob, is_sized: bool) -> Verdict {
    let location = talk.begin("").await?;
    let ask = Ask::patch(&location);
    let ask = if is_sized {
        ask.octets(blob.bytes.clone())
    } else {
        ask.stream(vec![Bytes::clone(&blob.bytes)])
    };
    let answer = talk.ask(ask).await?;
    answer.is(202)?;
    let location = talk.repo.registry.follow(&answer)?;
    talk.put(&location, blob, None).await
}

async fn pull(talk: &Talk, content: &Content) -> Verdict {
    let document = &content.documents[0];
    let mut ask = Ask::new(Method::GET, talk.repo.manifest("latest"));
    for accept in ACCEPTS {
        ask = ask.header("accept", accept);
    }
    let answer = talk.ask(ask).await?;
    answer.is(200)?.bytes_are(&document.bytes)?;
    answer.header_is("content-type", &document.media_type)?;
    for (_, blob) in &content.blobs {
        talk.blob(blob, &[]).await?;
    }
    Ok(())
}

/// skopeo deletes by the digest that a tag has.
async fn delete(talk: &Talk, content: &Content) -> Verdict {
    let mut ask = Ask::get(talk.repo.manifest("latest"));
    for accept in ACCEPTS {
        ask = ask.header("accept", accept);
    }
    let answer = talk.ask(ask).await?;
    let digest = answer.is(200)?.header("docker-content-digest")?.to_owned();
    let answer = talk.ask(Ask::delete(talk.repo.manifest(&digest))).await?;
    answer.unless_unsupported("deleting manifests")?.is(202)?;
    talk.repo.has_no_manifest("latest").await?;
    talk.repo
        .has_no_manifest(content.documents[0].digest.as_str())
        .await
}
