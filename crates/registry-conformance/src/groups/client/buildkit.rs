//! buildkit: an image with attestations, layers mounted from its base's repository, and the cache's exports.

use serde_json::json;

use super::{Talk, containerd};
use crate::ask::Ask;
use crate::content::Content;
use crate::digest::Algorithm;
use crate::document::{LAYER_GZIP, index, manifest};
use crate::session::Session;
use crate::suite::Suite;
use crate::verdict::Verdict;
use crate::way::Way;

const AGENT: &str = "buildkit/v0.26";
const CACHE_CONFIG: &str = "application/vnd.buildkit.cacheconfig.v0";
const IN_TOTO: &str = "application/vnd.in-toto+json";

pub(super) async fn run(suite: &Suite) {
    let talk = Talk::new(suite, AGENT, "buildkit");
    let content = attested();
    suite
        .case("client/buildkit/push", containerd::push(&talk, &content))
        .await;
    suite
        .case("client/buildkit/mount-of-a-base-layer", mount(suite))
        .await;
    let talk = Talk::new(suite, AGENT, "buildkit-cache");
    suite
        .case("client/buildkit/cache-as-an-image", cache_image(&talk))
        .await;
    suite
        .case("client/buildkit/cache-as-an-index", cache_index(&talk))
        .await;
}

/// A platform and what attests it, beside each other in an index.
fn attested() -> Content {
    let mut content = Content::new(Algorithm::Sha256);
    let mut image = content.image("image", "amd64");
    image["platform"] = json!({"os": "linux", "architecture": "amd64"});
    let config = content.config("attestation-config", "unknown");
    let mut statement = content.layer("statement", IN_TOTO);
    statement["annotations"] =
        json!({"in-toto.io/predicate-type": "https://slsa.dev/provenance/v0.2"});
    let mut attestation = content.document("attestation", &manifest(&config, &[statement]));
    attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    attestation["annotations"] = json!({
        "vnd.docker.reference.digest": image["digest"],
        "vnd.docker.reference.type": "attestation-manifest",
    });
    content.document("index", &index(&[image, attestation]));
    content
}

/// A layer that came from another repository of the same registry is mounted: 201, or an upload that has begun.
async fn mount(suite: &Suite) -> Verdict {
    let base = Talk::new(suite, AGENT, "buildkit-base");
    let talk = Talk::new(suite, AGENT, "buildkit-derived");
    let blob = suite.registry.noise().blob(Algorithm::Sha256, 2048);
    Way::PostPut.push(&base.repo, &blob).await?;
    talk.misses_blob(&blob, &format!("{LAYER_GZIP}, */*"))
        .await?;
    let from = base.repo.name.replace('/', "%2F");
    let digest = blob.digest.as_str().replace(':', "%3A");
    let target = talk.repo.uploads(&format!("?from={from}&mount={digest}"));
    let answer = talk.ask(Ask::post(target)).await?;
    answer.is_one_of(&[201, 202])?;
    if answer.status == 202 {
        let session = Session::of(&talk.repo, &answer)?;
        talk.put(&session.location, &blob, Some(blob.bytes.clone()))
            .await?;
    }
    talk.repo.get_blob(&blob).await
}

async fn cache_image(talk: &Talk) -> Verdict {
    let mut content = Content::new(Algorithm::Sha256);
    let config = content.layer("config", CACHE_CONFIG);
    let layers = ["a", "b"].map(|name| content.layer(name, LAYER_GZIP));
    content.document("cache", &manifest(&config, &layers));
    containerd::push(talk, &content).await
}

/// Before 0.21 the cache is an index whose entries are layers, not manifests.
async fn cache_index(talk: &Talk) -> Verdict {
    let mut content = Content::new(Algorithm::Sha256);
    let mut entries: Vec<_> = ["a", "b"]
        .map(|name| content.layer(name, LAYER_GZIP))
        .into();
    entries.push(content.layer("config", CACHE_CONFIG));
    content.document("cache", &index(&entries));
    for (_, blob) in &content.blobs {
        talk.push_blob(blob).await?;
    }
    let cache = &content.documents[0];
    talk.push_manifest("cache-index", cache).await?;
    talk.manifest(http::Method::GET, "cache-index", containerd::ACCEPT, cache)
        .await?;
    for (_, blob) in &content.blobs {
        talk.blob(blob, &[]).await?;
    }
    Ok(())
}
